package edf_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/uncached"
)

// TestWholePastCache: what is read at once, and goes past the cache, has the bits of what is read piece by piece; where records are whole
// lines of the cache and where not, from the begin and from within a record.
func TestWholePastCache(t *testing.T) {
	const channels = 7
	for _, rate := range []int{157, 160} {
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
		const skip = 8
		late := make([][]float64, channels)
		for ch := range late {
			late[ch] = make([]float64, rec.Len-skip)
		}
		if err := rec.Data.ReadSamples(late, skip); err != nil {
			t.Fatal(err)
		}
		if !uncached.Worth(channels * (rec.Len - skip)) {
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
					k := at + int64(i)
					if all[ch][k] != v || k >= skip && late[ch][k-skip] != v {
						t.Fatalf("rate %d: sample %d of channel %d is %v, and %v from sample %d on, by pieces %v", rate, k, ch, all[ch][k], late[ch][max(0, k-skip)], skip, v)
					}
				}
			}
			at += n
		}
	}
}
