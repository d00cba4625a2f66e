package cli

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// TestKindsOfOpenBCI: the EEG of OpenBCI is EEG in the formats whose labels do not tell, and what was written is clean.
func TestKindsOfOpenBCI(t *testing.T) {
	in := datasettest.Need(t, "openbci/OpenBCI_GUI-v6-blinks-jawClench-alpha.txt.gz")
	channels := func(file string) (list []channelJSON) {
		code, text, errs := run(t, "info", file, "--json")
		var v infoJSON
		if err := json.Unmarshal([]byte(text), &v); code != 0 || err != nil {
			t.Fatalf("info %s: exit code %d, %v: %s", file, code, err, errs)
		}
		return v.Channels
	}
	want := channels(in)
	for _, ext := range []string{".edf", ".bdf", ".vhdr"} {
		out := filepath.Join(t.TempDir(), "out"+ext)
		if code, _, errs := run(t, "convert", in, out); code != 0 {
			t.Fatalf("%s: exit code %d: %s", ext, code, errs)
		}
		if code, text, errs := run(t, "validate", out, "--strict"); code != 0 {
			t.Errorf("%s: validate: exit code %d: %s%s", ext, code, text, errs)
		}
		got, eeg := channels(out), 0
		if len(got) != len(want) {
			t.Fatalf("%s: %d channels, want %d", ext, len(got), len(want))
		}
		for i, w := range want {
			if got[i].Kind != w.Kind {
				t.Errorf("%s: %s is read as %s, and was %s", ext, w.Name, got[i].Kind, w.Kind)
			}
			if w.Kind == "eeg" {
				eeg++
			}
		}
		if eeg != 8 {
			t.Errorf("%d channels are EEG, want 8", eeg)
		}
	}
}
