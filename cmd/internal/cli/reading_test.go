package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
)

// clinical is a file with the labels of hospitals and old systems.
func clinical(t *testing.T) string {
	t.Helper()
	f := edftest.File{N: 2}
	for _, label := range []string{"EEG F3-LE", "Fc5.", "T3", "T8-P8", "T8-P8", "EXG1", "C4"} {
		f.Signals = append(f.Signals, edftest.Signal{Label: label, Dim: "uV", PhysMin: "-500", PhysMax: "500", Samples: 100, At: func(r, i int) int16 { return int16(4000 * (i%9 - 4)) }})
	}
	path := filepath.Join(t.TempDir(), "x.edf")
	if err := os.WriteFile(path, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInfoMapping: what every channel was called and what was made of it is printed, for people and for programs.
func TestInfoMapping(t *testing.T) {
	path := clinical(t)
	var v struct {
		Mapping []struct {
			Original, Name, Kind, Reference, Why string
			Position                             *[3]float64 `json:"position_m"`
		}
	}
	mustJSON(t, &v, "info", path, "--json")
	want := []struct {
		original, name, reference, why string
		placed                         bool
	}{
		{"EEG F3-LE", "F3", "linked ears", "", true},
		{"Fc5.", "FC5", "", "", true},
		{"T3", "T7", "", "", true},
		{"T8-P8", "T8-P8-1", "", `2 channels come to the name "T8-P8"`, false},
		{"T8-P8", "T8-P8-2", "", `2 channels come to the name "T8-P8"`, false},
	}
	if len(v.Mapping) != len(want) { // EXG1 and C4 keep their names
		t.Fatalf("%d channels, want %d: %+v", len(v.Mapping), len(want), v.Mapping)
	}
	for i, w := range want {
		m := v.Mapping[i]
		if m.Original != w.original || m.Name != w.name || m.Reference != w.reference || m.Why != w.why || (m.Position != nil) != w.placed || m.Kind != "eeg" {
			t.Errorf("%+v, want %+v", m, w)
		}
	}
	_, out, _ := run(t, "info", path)
	for _, line := range []string{"5 of 7 channels are not called as in the source", "T3", "T8-P8-2"} {
		if !strings.Contains(out, line) {
			t.Errorf("info does not print %q:\n%s", line, out)
		}
	}
}

// TestElectrodes: a file of places is joined by name, by every command that reads; what fits nowhere is told.
func TestElectrodes(t *testing.T) {
	path := clinical(t)
	places := filepath.Join(t.TempDir(), "cap.sfp")
	if err := os.WriteFile(places, []byte("F3 -0.5 0.6 0.6\nFC5 -0.8 0.3 0.5\nt3 -1 0 0\nexg1 0 -0.9 0.4\nO1 -0.3 -0.95 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, "info", path, "--json", "--electrodes", places)
	var v struct {
		Electrodes struct{ Placed, Missing, Extra, Retyped []string }
		Channels   []struct{ Name, Kind string }
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 {
		t.Fatalf("exit code %d: %v: %s", code, err, errs)
	}
	got := strings.Join(v.Electrodes.Placed, " ") + "|" + strings.Join(v.Electrodes.Missing, " ") + "|" + strings.Join(v.Electrodes.Extra, " ") + "|" + strings.Join(v.Electrodes.Retyped, " ")
	if want := "F3 FC5 T7 EXG1|T8-P8-1 T8-P8-2 C4|O1|EXG1"; got != want {
		t.Errorf("joined %s, want %s", got, want)
	}
	if v.Channels[5].Kind != "eeg" || !strings.Contains(errs, "not in the recording: O1") {
		t.Errorf("EXG1 is %s; said was %s", v.Channels[5].Kind, errs)
	}
	arrow := filepath.Join(t.TempDir(), "y.arrow")
	if code, _, errs = run(t, "convert", path, arrow, "--electrodes", places); code != 0 {
		t.Fatalf("convert: exit code %d: %s", code, errs)
	}
	if code, out, _ = run(t, "info", arrow); code != 0 || !strings.Contains(out, "EXG1") {
		t.Errorf("the copy: exit code %d: %s", code, out)
	}
	other := filepath.Join(t.TempDir(), "other.sfp")
	if err := os.WriteFile(other, []byte("E1 0 0 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		code int
		says string
		args []string
	}{
		{2, "unknown ending", []string{"info", path, "--electrodes", "cap.foo"}},
		{2, "no such file", []string{"info", path, "--electrodes", filepath.Join(t.TempDir(), "x.sfp")}},
		{3, "has no channel of", []string{"info", path, "--electrodes", other}},
		{3, "which --strict refuses", []string{"info", path, "--electrodes", places, "--strict"}},
		{2, `unknown encoding of headers "klingon"`, []string{"info", path, "--header-encoding", "klingon"}},
		{2, "unknown flag: --strict", []string{"fix", path, filepath.Join(t.TempDir(), "y.edf"), "--strict"}},
		{3, "--units-policy", []string{"play", awkward(t, "v.edf", "V", true), "--nats", "--units-policy", "error"}},
		{3, "which --strict refuses", []string{"play", path, "--lsl", "--strict"}},
	} {
		if code, _, errs := run(t, tc.args...); code != tc.code || !strings.Contains(errs, tc.says) {
			t.Errorf("%v: exit code %d, want %d with %q: %s", tc.args, code, tc.code, tc.says, errs)
		}
	}
}

// TestFixUnits: what a policy decides about the unit is written into the copy, with the samples to it.
func TestFixUnits(t *testing.T) {
	in, out := awkward(t, "x.edf", "", true), filepath.Join(t.TempDir(), "y.edf")
	if code, text, errs := run(t, "fix", in, out, "--units-policy", "assume:uV"); code != 0 {
		t.Fatalf("exit code %d: %s %s", code, text, errs)
	}
	code, text, errs := run(t, "info", out, "--json", "--units-policy", "error", "--strict")
	if code != 0 || !strings.Contains(text, `"deviations": []`) {
		t.Errorf("the copy: exit code %d: %s %s", code, text, errs)
	}
}
