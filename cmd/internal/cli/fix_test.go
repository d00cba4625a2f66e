package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestSamplesOutOfRange: validate looks at every sample, also where a policy gives them another unit, and fix states a range that holds them.
func TestSamplesOutOfRange(t *testing.T) {
	f := edftest.File{N: 2, Signals: []edftest.Signal{{
		Label: "EEG Cz", Dim: "uV", Samples: 100, DigMin: "-1000", DigMax: "1000", PhysMin: "-100", PhysMax: "100",
		At: func(_, i int) int16 { return int16(i * 20) },
	}}}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.edf"), filepath.Join(dir, "out.edf")
	if err := os.WriteFile(in, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	const words = "98 of 200 do not; all lie from -1000 to 1980"
	for _, more := range [][]string{nil, {"--units-policy", "assume:mV"}} {
		if code, text, errs := run(t, append([]string{"validate", in}, more...)...); code != exitIncomplete || !strings.Contains(text, words) {
			t.Errorf("validate %v: exit code %d: %s %s", more, code, text, errs)
		}
	}
	if code, text, errs := run(t, "validate", in, "--strict"); code != exitRefused {
		t.Errorf("validate --strict: exit code %d: %s %s", code, text, errs)
	}
	if code, text, errs := run(t, "fix", in, out); code != 0 || !strings.Contains(text, words) {
		t.Errorf("fix: exit code %d: %s %s", code, text, errs)
	}
	if code, text, errs := run(t, "validate", out, "--strict"); code != 0 {
		t.Errorf("the copy: exit code %d: %s %s", code, text, errs)
	}
}

// TestFixTextMode: without the line endings of a transfer in text mode a file is the original, byte for byte; what else is wrong with it remains, and
// another fix puts it right. In another format it is written anew.
func TestFixTextMode(t *testing.T) {
	want, err := os.ReadFile(datasettest.Need(t, "eegmmidb/S001/S001R03.edf"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out.edf")
	code, text, errs := run(t, "fix", datasettest.Need(t, "formats/edf/crlf-corrupt/S001/S001R03.edf"), out)
	if got, err := os.ReadFile(out); err != nil || sha256.Sum256(got) != sha256.Sum256(want) || code != 0 || !strings.Contains(text, "mended: data records") {
		t.Errorf("exit code %d, %d bytes (%v), want the %d of the original: %s%s", code, len(got), err, len(want), text, errs)
	}
	f := edftest.File{N: 30, Date: "02-03-02", Signals: []edftest.Signal{{
		Label: "EEG Cz", Dim: "uV", Samples: 100, PhysMin: "-100", PhysMax: "100",
		At: func(r, i int) int16 { return int16((i*7919 + r*104729) % 20000) },
	}}}
	in, again := filepath.Join(dir, "in.edf"), filepath.Join(dir, "again.edf")
	damaged := bytes.ReplaceAll(f.Bytes(), []byte("\n"), []byte("\r\n"))
	if err := os.WriteFile(in, damaged, 0o600); err != nil || len(damaged) == len(f.Bytes()) {
		t.Fatalf("%v, %d line feeds", err, len(damaged)-len(f.Bytes()))
	}
	if code, text, errs = run(t, "fix", in, out); code != exitIncomplete || !strings.Contains(text, "remains: ") || strings.Contains(text, "repaired: ") {
		t.Errorf("exit code %d: %s%s", code, text, errs)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, f.Bytes()) {
		t.Errorf("the copy is another file (%v)", err)
	}
	if code, text, errs = run(t, "fix", out, again); code != 0 || !strings.Contains(text, "repaired: ") {
		t.Errorf("the second fix: exit code %d: %s%s", code, text, errs)
	}
	if code, text, errs = run(t, "fix", in, filepath.Join(dir, "out.bdf")); code != 0 || !strings.Contains(text, "BDF") {
		t.Errorf("as BDF: exit code %d: %s%s", code, text, errs)
	}
}

// TestFixRemains: amplitudes that no EEG has are in the copy as they were: they remain, and are not repaired.
func TestFixRemains(t *testing.T) {
	f := edftest.File{N: 30, Date: "02-03-02", Signals: []edftest.Signal{{
		Label: "EEG Cz", Dim: "V", Samples: 100, PhysMin: "-100", PhysMax: "100",
		At: func(r, i int) int16 { return int16((i*7919 + r*104729) % 20000) },
	}}}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.edf"), filepath.Join(dir, "out.edf")
	if err := os.WriteFile(in, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	code, text, errs := run(t, "fix", in, out, "--json")
	var v fixJSON
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s %s", err, text, errs)
	}
	of := func(list []signal.Deviation) string {
		var all []string
		for _, d := range list {
			all = append(all, d.Where)
		}
		return strings.Join(all, "; ")
	}
	if r := of(v.Remaining); code != exitIncomplete || !strings.Contains(r, "amplitude") || strings.Contains(r, "startdate") {
		t.Errorf("exit code %d, remaining %q: %s", code, r, errs)
	}
	if r := of(v.Repaired); strings.Contains(r, "amplitude") || !strings.Contains(r, "startdate") {
		t.Errorf("repaired %q", r)
	}
}

// TestXDFOfOurs: what convert writes is clean, and a copy of what is not has all its chunks.
func TestXDFOfOurs(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if code, text, errs := run(t, "convert", s001(t, "R04"), at("a.xdf")); code != 0 {
		t.Fatalf("convert: exit code %d: %s %s", code, text, errs)
	}
	if code, text, errs := run(t, "validate", at("a.xdf"), "--strict"); code != 0 || !strings.Contains(text, "may be wrong by seconds") {
		t.Errorf("validate --strict: exit code %d: %s %s", code, text, errs)
	}
	if code, text, errs := run(t, "fix", at("a.xdf"), at("b.xdf")); code != 0 || !strings.Contains(text, "nothing was written") {
		t.Errorf("fix of a clean file: exit code %d: %s %s", code, text, errs)
	}
	whole, err := os.ReadFile(at("a.xdf"))
	if err != nil {
		t.Fatal(err)
	}
	cut := whole[:len(whole)*2/3]
	if err := os.WriteFile(at("cut.xdf"), cut, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text, errs := run(t, "fix", at("cut.xdf"), at("c.xdf")); code != 0 {
		t.Errorf("fix of a cut file: exit code %d: %s %s", code, text, errs)
	}
	if code, text, errs := run(t, "validate", at("c.xdf"), "--strict"); code != 0 {
		t.Errorf("the copy: exit code %d: %s %s", code, text, errs)
	}
	if copied, err := os.ReadFile(at("c.xdf")); err != nil || !bytes.HasPrefix(copied, whole[:len(cut)-256*64*9-64]) {
		t.Errorf("the copy has other chunks: %v", err)
	}
	if code, _, errs := run(t, "fix", at("cut.xdf"), at("cut.xdf")); code == 0 {
		t.Errorf("a file was replaced by its own copy: %s", errs)
	}
}

// TestFixNothing: a copy that would change nothing is refused, with the reason.
func TestFixNothing(t *testing.T) {
	in, out := datasettest.Need(t, "xdf/examples/clock_resets.xdf"), filepath.Join(t.TempDir(), "out.xdf")
	if code, text, errs := run(t, "fix", in, out); code != exitRefused || !strings.Contains(errs, "can be put right without changing samples, times or events") {
		t.Errorf("exit code %d: %s %s", code, text, errs)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
}
