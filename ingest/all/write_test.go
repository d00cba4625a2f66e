package all_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// ownClock is a recording whose events have a clock that its samples do not follow: up to 0.45 s from them. Two are within half a sample.
func ownClock() *signal.Recording {
	const n = 1000
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	return &signal.Recording{
		Name: "clock", Format: "XDF", Len: n, Data: signal.Memory{x},
		Info: &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}},
		Events: []signal.Event{
			{Sample: 100, Onset: 1.003, Label: "a"}, {Sample: 200, Onset: 2.45, Label: "b"}, {Sample: 333, Onset: 3.01, Label: "c"}, {Sample: 700, Onset: 7, Label: "d"},
		},
	}
}

// TestEventsStayAtTheirSamples: whatever clock events had, in every format that gyrus writes they are read at the samples that they were
// at; how far the onset was from there is listed, unless the format keeps both.
func TestEventsStayAtTheirSamples(t *testing.T) {
	recs := map[string]*signal.Recording{"generated": ownClock()}
	folder := datasettest.Need(t, "muse-p300")
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".csv") && !strings.HasSuffix(path, ".csv.gz") || len(recs) > 2 {
			return err
		}
		rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = rec.Close() })
		if len(rec.Events) > 0 {
			recs[filepath.Base(path)] = rec
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, rec := range recs {
		apart := 0
		for _, e := range rec.Events {
			if e.Sample != rec.Info.Samples(e.Onset) {
				apart++
			}
		}
		t.Logf("%s: %d of %d events are at other samples than their onsets say", name, apart, len(rec.Events))
		for _, w := range ingest.Writers() {
			t.Run(name+" as "+w.Name, func(t *testing.T) {
				dir := t.TempDir()
				before := slices.Clone(rec.Events)
				made, err := ingest.WriteFile(filepath.Join(dir, "x"+w.Ext[0]), w, rec, false)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(before, rec.Events) {
					t.Fatal("writing changed the recording")
				}
				again, err := ingest.Open(os.DirFS(dir), "x"+w.Ext[0])
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = again.Close() }()
				if len(again.Events) != len(rec.Events) {
					t.Fatalf("%d events, want %d", len(again.Events), len(rec.Events))
				}
				first := rec.Runs()[0].Start - again.Runs()[0].Start
				kept, listed := true, slices.ContainsFunc(made.Losses, func(d signal.Deviation) bool { return d.Where == "events" })
				for i, e := range again.Events {
					if e.Sample+first != rec.Events[i].Sample {
						t.Fatalf("event %d is at sample %d, was at %d", i, e.Sample+first, rec.Events[i].Sample)
					}
					kept = kept && math.Abs(e.Onset+float64(first)/rec.Info.Rate-rec.Events[i].Onset) <= 0.5/rec.Info.Rate
				}
				if !kept && !listed {
					t.Errorf("onsets are others, which is not among the losses %+v", made.Losses)
				}
			})
		}
	}
}
