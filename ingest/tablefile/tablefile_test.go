package tablefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// each runs a test for the formats of tables.
func each(t *testing.T, test func(t *testing.T, w ingest.Writer)) {
	for _, format := range []string{"arrow", "parquet"} {
		w, err := ingest.WriterFor(format, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Run(format, func(t *testing.T) { test(t, w) })
	}
}

// write writes rec to a new folder.
func write(t *testing.T, w ingest.Writer, rec *signal.Recording) (dir string) {
	t.Helper()
	dir = t.TempDir()
	made, err := ingest.WriteFile(filepath.Join(dir, "x."+w.Name), w, rec, true)
	if err != nil {
		t.Fatal(err)
	}
	var beside []string
	for k := range rec.Others {
		beside = append(beside, filepath.Join(dir, fmt.Sprintf("x.%d.%s", k+2, w.Name)))
	}
	if !slices.Equal(made.Beside, beside) {
		t.Errorf("beside it are %v, want %v", made.Beside, beside)
	}
	return dir
}

func open(t *testing.T, dir string, w ingest.Writer) *signal.Recording {
	t.Helper()
	return ingesttest.Open(t, os.DirFS(dir), "x."+w.Name)
}

// same compares all of two recordings but their names, bit for bit.
func same(t *testing.T, want, got *signal.Recording) {
	t.Helper()
	bits := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	for what, d := range map[string]string{
		"info": cmp.Diff(want.Info, got.Info), "events": cmp.Diff(want.Events, got.Events, bits), "runs": cmp.Diff(want.Runs(), got.Runs()),
		"begin": cmp.Diff(want.Begin, got.Begin), "length": cmp.Diff(want.Len, got.Len), "deviations": cmp.Diff([]signal.Deviation(nil), got.Deviations),
		"others": cmp.Diff(len(want.Others), len(got.Others)),
	} {
		if d != "" {
			t.Errorf("%s (-written +read):\n%s", what, d)
		}
	}
	for _, run := range want.Runs() {
		if len(want.Info.Channels) == 0 {
			break
		}
		x, y := signal.NewChunk(want.Info, run.Start, int(run.Len)), signal.NewChunk(want.Info, run.Start, int(run.Len))
		if err := errors.Join(want.Data.ReadSamples(x.X, run.Start), got.Data.ReadSamples(y.X, run.Start)); err != nil {
			t.Error(err)
		} else if d := cmp.Diff(x.X, y.X, bits); d != "" {
			t.Errorf("samples of %v (-written +read):\n%s", run, d)
		}
	}
	for i := range min(len(want.Others), len(got.Others)) {
		same(t, want.Others[i], got.Others[i])
	}
}

// TestRates: channels at other rates are read back as the groups that they were, and events outside the data as they were.
func TestRates(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		rec := ingesttest.Rates()
		dir := write(t, w, rec)
		again := open(t, dir, w)
		same(t, rec, again)
		if want := []string{"x.2." + w.Name, "x.3." + w.Name}; !slices.Equal(again.Parts, want) {
			t.Errorf("read with it were %v, want %v", again.Parts, want)
		}
		if n := len(again.Outside()); n != 6 {
			t.Errorf("%d events outside the data, want 6", n)
		}
		ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(os.DirFS(dir), "x."+w.Name) })
		second := write(t, w, again)
		for _, name := range append(again.Parts, "x."+w.Name) {
			a, err := os.ReadFile(filepath.Join(dir, name))
			b, err2 := os.ReadFile(filepath.Join(second, name))
			if err != nil || err2 != nil || !bytes.Equal(a, b) {
				t.Errorf("%s: what was read is written as other bytes (%v, %v)", name, err, err2)
			}
		}
	})
}

// TestRealRecordings: a night of two rates, its hypnogram, three streams of a headband at rates of their own, and markers behind the end.
func TestRealRecordings(t *testing.T) {
	for _, file := range []string{
		"formats/edf/short_psg.edf", "formats/edf/SC4001EC-Hypnogram.edf", "xdf/muse/sub-P001_ses-S001_task-Default_run-001_eeg.xdf", "xdf/examples/minimal.xdf",
	} {
		rec, err := ingest.OpenFile(datasettest.Need(t, file))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %v, %d others, %d events, %d of them outside", file, rec.Info, len(rec.Others), len(rec.Events), len(rec.Outside()))
		if len(rec.Others)+len(rec.Outside()) == 0 {
			t.Errorf("%s has neither channels at another rate nor events outside the data", file)
		}
		each(t, func(t *testing.T, w ingest.Writer) { same(t, rec, open(t, write(t, w, rec), w)) })
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEventsAlone: a recording without channels, such as a hypnogram.
func TestEventsAlone(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		rec := ingesttest.Hypnogram()
		dir := write(t, w, rec)
		same(t, rec, open(t, dir, w))
		ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(os.DirFS(dir), "x."+w.Name) })
	})
}

// TestNoSamples: channels, and events, but not one sample.
func TestNoSamples(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		rec := ingesttest.Gapped()
		rec.Len, rec.Spans = 0, nil
		same(t, rec, open(t, write(t, w, rec), w))
	})
}

// TestOnsetsThatAreNoNumbers: what JSON has no number for is kept as it is.
func TestOnsetsThatAreNoNumbers(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		rec := ingesttest.Gapped()
		rec.Events = append(rec.Events, signal.Event{Sample: 800, Onset: math.NaN(), Duration: math.Inf(1)}, signal.Event{Sample: 900, Onset: math.Inf(-1), Duration: math.Copysign(0, -1)})
		same(t, rec, open(t, write(t, w, rec), w))
	})
}

// TestRefused: what has neither channels nor events is refused, and what would not be read back as it is.
func TestRefused(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		many := ingesttest.Rates()
		for len(many.Others) < 101 {
			many.Others = append(many.Others, many.Others[0])
		}
		label := ingesttest.Hypnogram()
		label.Events[1].Label = "\xff"
		long := ingesttest.Hypnogram()
		for range 1000 {
			long.Events = append(long.Events, signal.Event{Label: strings.Repeat("x", 20_000)})
		}
		for want, rec := range map[string]*signal.Recording{
			"with 1003 events outside the data, cannot be written so that it could be read: the flatbuffer is refused": long,
			"there is nothing to write": {Name: "r", Info: &signal.Info{}}, "must have at most 101": many, "is not UTF-8": label,
		} {
			dir := t.TempDir()
			_, err := ingest.WriteFile(filepath.Join(dir, "x"), w, rec, false)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("%v is left behind, %v", left, err)
			}
		}
	})
}

// TestOthersMissing: files beside that are not there, damaged, of another recording or named twice are left out, which is listed.
func TestOthersMissing(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		later := ingesttest.Rates()
		later.Begin = later.Begin.Add(1)
		for name, c := range map[string]struct {
			do   func(part string) error
			want string
		}{
			"gone":       {os.Remove, "which is not there"},
			"text":       {func(part string) error { return os.WriteFile(part, []byte("a text that is long enough"), 0o600) }, "x.2." + w.Name},
			"events":     {func(part string) error { return replace(t, w, ingesttest.Hypnogram(), part) }, "has no channels"},
			"of another": {func(part string) error { return replace(t, w, later, part) }, "is of another recording"},
			"a folder":   {func(part string) error { return errors.Join(os.Remove(part), os.Mkdir(part, 0o700)) }, "is a folder"},
		} {
			rec := ingesttest.Rates()
			dir := write(t, w, rec)
			if err := c.do(filepath.Join(dir, "x.2."+w.Name)); err != nil {
				t.Fatal(err)
			}
			again := open(t, dir, w)
			if len(again.Others) != 1 || again.Others[0].Info.Rate != 1000 || len(again.Parts) != 1 {
				t.Errorf("%s: others %v from %v, want those at 1000 Hz alone", name, again.Others, again.Parts)
			}
			if len(again.Deviations) != 1 || !strings.Contains(again.Deviations[0].Found, c.want) || !strings.Contains(again.Deviations[0].Assumed, "left out") || !again.Deviations[0].Missing {
				t.Errorf("%s: deviations %+v, want one with %q", name, again.Deviations, c.want)
			}
		}
	})
}

// TestRenamed: files that were renamed are found by the new name, where it is that of the first with the same number.
func TestRenamed(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		rec := ingesttest.Rates()
		files, first := ingesttest.Written(t, w.Name, rec)
		end := path.Ext(first)
		again, err := ingest.Open(fstest.MapFS{"new" + end: files[first], "new.2" + end: files["x.2"+end], "new.3" + end: files["x.3"+end]}, "new"+end)
		if err != nil {
			t.Fatal(err)
		}
		if d := again.Deviations; len(d) != 2 || !strings.Contains(d[1].Found, "x.3"+end) || !strings.Contains(d[1].Assumed, "new.3"+end) {
			t.Errorf("deviations %+v, want one for each", d)
		}
		again.Deviations = nil
		same(t, rec, again)
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
}

// replace puts the first file of rec in the place of part.
func replace(t *testing.T, w ingest.Writer, rec *signal.Recording, part string) error {
	return os.Rename(filepath.Join(write(t, w, rec), "x."+w.Name), part)
}

// TestCut: each of the files, cut at any byte, is told or leaves its part, which is listed.
func TestCut(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		files, first := ingesttest.Written(t, w.Name, ingesttest.Rates())
		for name := range files {
			ingesttest.CutPart(t, files, first, name, 1+len(files[name].Data)/1500, nil)
		}
	})
}

// TestPart: a file beside is a recording of its own.
func TestPart(t *testing.T) {
	each(t, func(t *testing.T, w ingest.Writer) {
		rec := ingesttest.Rates()
		dir := write(t, w, rec)
		if err := os.Rename(filepath.Join(dir, "x.3."+w.Name), filepath.Join(dir, "x."+w.Name)); err != nil {
			t.Fatal(err)
		}
		same(t, rec.Others[1], open(t, dir, w))
	})
}

// TestChannelsNamedAsColumns: no two columns have one name, whatever channels are called, also not to programs that take Sample for sample,
// and channels keep their names.
func TestChannelsNamedAsColumns(t *testing.T) {
	rec := ingesttest.OwnNames()
	seen := map[string]bool{}
	for k, f := range signal.Schema(rec.Info).Fields() {
		if seen[f.Name] {
			t.Errorf("two columns are called %q", f.Name)
		}
		seen[f.Name] = true
		if own := strings.ToLower(f.Name); k < len(rec.Info.Channels) && (own == "sample" || own == "time_ns" || own == "events") {
			t.Errorf("column %d is called %q", k, f.Name)
		}
	}
	each(t, func(t *testing.T, w ingest.Writer) {
		same(t, rec, open(t, write(t, w, rec), w))
	})
}
