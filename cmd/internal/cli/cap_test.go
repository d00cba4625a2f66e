package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestOtherCap: a model that begins with the step montage is used on a recording of another cap, which is said; one with too few
// electrodes is refused, and nothing is written.
func TestOtherCap(t *testing.T) {
	dir := t.TempDir()
	rec, err := ingest.OpenFile(s001(t, "R12"))
	if err != nil {
		t.Fatal(err)
	}
	all := signal.NewChunk(rec.Info, 0, int(rec.Len))
	if err := rec.Data.ReadSamples(all.X, 0); err != nil {
		t.Fatal(err)
	}
	wearing := func(name string, labels ...string) string {
		t.Helper()
		var idx []int
		var x signal.Memory
		for _, l := range labels {
			idx = append(idx, rec.Info.Index(l))
			x = append(x, all.X[idx[len(idx)-1]])
		}
		other, path := *rec, filepath.Join(dir, name)
		other.Info, other.Data, other.Closer = rec.Info.Pick(idx), x, nil
		w, err := ingest.WriterFor("", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ingest.WriteFile(path, w, &other, false); err != nil {
			t.Fatal(err)
		}
		return path
	}
	some := wearing("some.edf", "CP4", "C2", "CP3", "FC4", "C1", "FC3", "C4", "O1")
	few := wearing("few.edf", "O1", "Oz", "C3")
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	spec, model := filepath.Join(dir, "cap.yaml"), filepath.Join(dir, "cap.gyrus")
	err = os.WriteFile(spec, []byte(`preprocess:
  - {use: montage, channels: [FC3, FCz, FC4, C3, Cz, C4, CP3, CPz, CP4], min_coverage: 0.5}
  - {use: bandpass, low_hz: 8, high_hz: 30}
segment: {use: events, events: {T1: left, T2: right}, tmin_s: 0.5, tmax_s: 3.5}
live: {use: sliding, length_s: 3, step_s: 0.5}
features: [{use: csp, components: 2}, {use: logvar}]
decoder: {use: lda}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "train", spec, s001(t, "R04"), s001(t, "R08"), "-o", model); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	const says = "some.edf: other channels than the pipeline is made for; coverage 0.556: 5 of the 9 channels measured; interpolated, with an electrode within "
	out := filepath.Join(dir, "out.csv")
	for _, args := range [][]string{{"eval", model, some}, {"decode", model, some, "-o", out}} {
		if code, _, errs := run(t, args...); code != 0 || !strings.Contains(errs, says) {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
	}
	out = filepath.Join(dir, "few.csv")
	for _, args := range [][]string{{"eval", model, few}, {"decode", model, few, "-o", out}} {
		if code, _, errs := run(t, args...); code != exitRefused || !strings.Contains(errs, "coverage is 0.111: 1 of 9") {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
}
