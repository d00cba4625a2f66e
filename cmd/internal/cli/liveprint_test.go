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

// TestPrintDecisions: the rate is of what begins and of the seconds that it is held; without a section decide there is none.
func TestPrintDecisions(t *testing.T) {
	rate, low, high := 2.0, 0.5, 5.1
	for _, tc := range []struct {
		a    *session.Activations
		want string
	}{
		{nil, ""},
		{&session.Activations{}, "decisions: there was no window in which one could begin\n"},
		{
			&session.Activations{Count: 3, Again: 1, Minutes: 2, DecidedS: 4.5, PerMinute: &rate, Low: &low, High: &high},
			"decisions: 3 and 1 more for the seconds that they are held in 2.00 min in which one could begin, 2.00 a minute, 95 % interval [0.50, 5.10] (Poisson); they stood for 4.5 s; at rest each is a false one\n",
		},
	} {
		var w strings.Builder
		printLive(&w, &session.Report{Activations: tc.a})
		if out := w.String(); !strings.Contains(out, tc.want) || (tc.want == "") == strings.Contains(out, "decisions: ") {
			t.Errorf("%+v: printed %q", tc.a, out)
		}
	}
}
