package cli

import (
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/stream/session"
)

// TestPrintLeftOut: cues that nothing was learned from are printed, also where nothing could be learned at all.
func TestPrintLeftOut(t *testing.T) {
	var w strings.Builder
	printLive(&w, &session.Report{Calibration: &session.Calibrated{Why: "training failed", LeftOut: []session.LeftOut{{Class: "left", Onset: 14, Why: "samples of its window are missing"}}}})
	if out := w.String(); !strings.Contains(out, "left out: left at 14.00 s: samples of its window are missing\n") || strings.Contains(out, "balanced accuracy") {
		t.Errorf("printed %q", out)
	}
}
