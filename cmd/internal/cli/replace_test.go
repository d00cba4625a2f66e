package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
)

// TestReplaceParts: the file with channels at another rate goes with the recording that it is part of, and no other file does.
func TestReplaceParts(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	put := func(name string, data []byte) {
		if err := os.WriteFile(at(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one := []edftest.Signal{{Label: "EEG Fz", Dim: "uV", Samples: 100}}
	put("one.edf", (&edftest.File{N: 4, Signals: one}).Bytes())
	put("two.edf", (&edftest.File{N: 4, Signals: append(one, edftest.Signal{Label: "Temp rectal", Dim: "degC", Samples: 1})}).Bytes())
	for _, ext := range []string{".arrow", ".parquet"} {
		there := func() (names []string) {
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if filepath.Ext(f.Name()) == ext {
					names = append(names, f.Name())
				}
			}
			return names
		}
		convert := func(in string, want ...string) string {
			code, text, errs := run(t, "convert", at(in), at("w"+ext))
			for i := range want {
				want[i] += ext
			}
			if got := there(); code != 0 || !slices.Equal(got, want) {
				t.Fatalf("%s to %s: exit code %d, files %v, want %v: %s%s", in, ext, code, got, want, text, errs)
			}
			return text
		}
		mine := at("w.3" + ext) // which belongs to no recording
		put("w.3"+ext, []byte("mine"))
		if text := convert("two.edf", "w.2", "w.3", "w"); strings.Contains(text, "removed ") {
			t.Errorf("something was removed: %s", text)
		}
		if text := convert("one.edf", "w.3", "w"); !strings.Contains(text, "removed "+at("w.2"+ext)+", which belonged to what was replaced") {
			t.Errorf("what was removed is not told: %s", text)
		}
		convert("two.edf", "w.2", "w.3", "w")
		if code, text, errs := run(t, "convert", at("one.edf"), at("w"+ext), "--json"); code != 0 || !strings.Contains(text, `"removed": [`) || !strings.Contains(text, "w.2"+ext) {
			t.Errorf("exit code %d: %s%s", code, text, errs)
		}
		convert("two.edf", "w.2", "w.3", "w")
		// What is being read stays.
		if code, text, errs := run(t, "convert", at("w.2"+ext), at("w"+ext)); code != 0 || !slices.Contains(there(), "w.2"+ext) {
			t.Errorf("exit code %d, files %v: %s%s", code, there(), text, errs)
		}
		if data, err := os.ReadFile(mine); err != nil || string(data) != "mine" {
			t.Errorf("another file was changed: %q, %v", data, err)
		}
	}
}
