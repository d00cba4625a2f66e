package edf_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/uncached"
)

// TestWholePastCache: what is read at once, and goes past the cache, has the bits of what is read piece by piece.
func TestWholePastCache(t *testing.T) {
	const rate, channels = 157, 7
	f := edftest.File{N: uncached.Least/8/(rate*channels) + 2}
	rng := rand.New(rand.NewPCG(1, 2))
	level := make([]int16, 9973)
	for i := range level {
		level[i] = int16(rng.Uint32())
	}
	for ch := range channels {
		f.Signals = append(f.Signals, edftest.Signal{
			Label: fmt.Sprintf("EEG %d", ch+1), Dim: []string{"uV", "mV"}[ch%2], Samples: rate,
			At: func(r, i int) int16 { return level[(r*rate+i+77*ch)%len(level)] },
		})
	}
	rec := mustOpen(t, f)
	all := whole(t, rec, 0)
	if !uncached.Worth(int64(channels) * rec.Len) {
		t.Log("this machine has no stores past the cache: both ways are one")
	}
	piece := make([][]float64, channels)
	for at := int64(0); at < rec.Len; {
		n := min(rec.Len-at, 1+rng.Int64N(5000))
		for ch := range piece {
			piece[ch] = make([]float64, n)
		}
		if err := rec.Data.ReadSamples(piece, at); err != nil {
			t.Fatal(err)
		}
		for ch, x := range piece {
			for i, v := range x {
				if all[ch][at+int64(i)] != v {
					t.Fatalf("sample %d of channel %d is %v, by pieces %v", at+int64(i), ch, all[ch][at+int64(i)], v)
				}
			}
		}
		at += n
	}
}
