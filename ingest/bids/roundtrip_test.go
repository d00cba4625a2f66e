package bids

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestReadWriteRead: what is read from a tree that was written is what was written into it, and what is read from a second
// tree that was made of the first is the same again.
func TestReadWriteRead(t *testing.T) {
	for _, r := range peerTree {
		if r.derivative || r.anonymise {
			continue
		}
		t.Run(r.file+" "+r.format, func(t *testing.T) {
			path := datasettest.Need(t, r.file)
			rec := opened(t, path)
			opt := options
			opt.Format = r.format
			for range 2 {
				root := t.TempDir()
				it := item(r.sub, r.task, r.run, nil)
				file := path
				it.Copy, it.Open = file, func() (*signal.Recording, error) { return ingest.OpenFile(file) }
				w := mustWrite(t, root, opt, it)[0]
				path = filepath.Join(root, filepath.FromSlash(w.Path))
				again := opened(t, path)
				sameRec(t, again, rec, w.Losses)
				rec, opt.Format = again, ""
			}
		})
	}
}

// opened opens a recording, and closes it at the end.
func opened(t *testing.T, path string) *signal.Recording {
	t.Helper()
	rec, err := ingest.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	return rec
}

// sameRec compares all of two recordings; samples may differ only where that was listed.
func sameRec(t *testing.T, got, want *signal.Recording, losses []signal.Deviation) {
	t.Helper()
	if got.Info.Rate != want.Info.Rate || got.Len != want.Len || !slices.Equal(got.Runs(), want.Runs()) || !got.Begin.Equal(want.Begin) || got.Info.Reference != want.Info.Reference {
		t.Errorf("%g Hz, %d samples in %v from %v against %q, want %g, %d, %v, %v, %q", got.Info.Rate, got.Len, got.Runs(), got.Begin, got.Info.Reference,
			want.Info.Rate, want.Len, want.Runs(), want.Begin, want.Info.Reference)
		return
	}
	for ch, w := range want.Info.Channels {
		g := got.Info.Channels[ch]
		if g.Name != w.Name || g.Original != w.Original || g.Kind != w.Kind || g.Unit != w.Unit || g.Bad != w.Bad || (g.Pos == nil) != (w.Pos == nil) || g.Pos != nil && *g.Pos != *w.Pos {
			t.Errorf("channel %d is %+v, want %+v", ch, g, w)
		}
	}
	x, y := signal.NewChunk(got.Info, 0, int(got.Len)), signal.NewChunk(want.Info, 0, int(got.Len))
	if err := cmp.Or(got.Data.ReadSamples(x.X, 0), want.Data.ReadSamples(y.X, 0)); err != nil {
		t.Fatal(err)
	}
	for ch := range x.X {
		for i, v := range x.X[ch] {
			if w := y.X[ch][i]; v != w && (!rounded(losses) || math.Abs(v-w) > 1e-7*math.Abs(w)) {
				t.Fatalf("channel %q, sample %d is %v, want %v", want.Info.Channels[ch].Name, i, v, w)
			}
		}
	}
	if len(got.Events) != len(want.Events) {
		t.Fatalf("%d events, want %d", len(got.Events), len(want.Events))
	}
	for i, w := range want.Events {
		if want.Info.Samples(w.Onset) != w.Sample {
			w.Onset = float64(w.Sample) / want.Info.Rate // which is listed
		}
		if got.Events[i] != w {
			t.Errorf("event %d is %+v, want %+v", i, got.Events[i], w)
		}
	}
}
