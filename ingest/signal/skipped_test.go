package signal_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestWithout compares with a look at every sample.
func TestWithout(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var runs, skips []signal.Span
		for at := rng.Int64N(4); at < 40; {
			run := signal.Span{Start: at, Len: rng.Int64N(9)}
			runs = append(runs, run)
			at = run.End() + 1 + rng.Int64N(4)
		}
		for range rng.IntN(6) {
			skips = append(skips, signal.Span{Start: rng.Int64N(60) - 10, Len: rng.Int64N(12)})
		}
		in := func(list []signal.Span, k int64) bool {
			return slices.ContainsFunc(list, func(s signal.Span) bool { return s.Start <= k && k < s.End() })
		}
		left, out := signal.Without(runs, slices.Clone(skips))
		var lost int64
		for k := int64(-12); k < 70; k++ {
			want := in(runs, k) && !in(skips, k)
			if got := in(left, k); got != want {
				t.Fatalf("of %v without %v there is %v: sample %d is there: %t, want %t", runs, skips, left, k, got, want)
			}
			if in(runs, k) && !want {
				lost++
			}
		}
		if out != lost {
			t.Fatalf("of %v without %v %d samples are left out, want %d", runs, skips, out, lost)
		}
		for i, s := range left {
			if s.Len <= 0 || i > 0 && s.Start < left[i-1].End() {
				t.Fatalf("of %v without %v there is %v, which is not in order", runs, skips, left)
			}
		}
	}
}
