package cli

import (
	"slices"
	"strings"
	"testing"
)

// TestPartsOfRecording: the file of events beside a recording is read with it, named, and may be given too, as by a glob.
func TestPartsOfRecording(t *testing.T) {
	const raw, events = "../../../ingest/fif/testdata/names_raw.fif", "../../../ingest/fif/testdata/names-eve.fif"
	var v struct {
		Parts  []string `json:"parts"`
		Events []any    `json:"events"`
	}
	mustJSON(t, &v, "info", raw, "--json")
	if !slices.Equal(v.Parts, []string{events}) || len(v.Events) != 4 {
		t.Errorf("parts %q and %d events, want %s and 4", v.Parts, len(v.Events), events)
	}
	code, _, errs := run(t, "train", "ssvep-cca", events, raw)
	if code == 0 || !strings.Contains(errs, events+": read with "+raw) || !strings.Contains(errs, "high_hz is 80, must be above 0 and below 50 Hz") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	code, _, errs = run(t, "train", "ssvep-cca", events)
	if code != 3 || !strings.Contains(errs, "names-eve.fif: byte 96: events: the file holds 3 events and no samples: open the recording beside it") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
