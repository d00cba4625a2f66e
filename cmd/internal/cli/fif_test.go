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

// TestSplitRecording: a part that is given beside the file that it goes on from is not counted twice.
func TestSplitRecording(t *testing.T) {
	const first, second = "../../../ingest/fif/testdata/split_raw.fif", "../../../ingest/fif/testdata/split_raw-1.fif"
	for _, files := range [][]string{{first, second}, {second, first}} {
		_, _, errs := run(t, append([]string{"train", "csp-lda", "--events", "4=a,7=b"}, files...)...)
		if !strings.Contains(errs, second+": read with "+first) {
			t.Errorf("%q: %s", files, errs)
		}
	}
	var v struct {
		Parts   []string `json:"parts"`
		Samples int64    `json:"samples"`
	}
	if mustJSON(t, &v, "info", first, "--json"); len(v.Parts) != 2 || v.Samples != 150 {
		t.Errorf("%d samples of the parts %q", v.Samples, v.Parts)
	}
}
