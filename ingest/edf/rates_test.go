package edf_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// severalRates is a recording of up to three groups at rates that do not divide each other, in runs that begin and end anywhere. Where together
// is true each group has the same runs, to a sample, as in a file whose records have gaps between them; otherwise each has its own.
func severalRates(seed uint64, together bool) *signal.Recording {
	r := rand.New(rand.NewPCG(seed, 1))
	set := [][]float64{{4, 50}, {4, 100}, {128, 1000}, {250, 2000, 25}, {256, 1024}, {1000, 128, 32}, {2000, 250}, {500}, {100, 50}}[r.IntN(9)]
	fast := 0.0
	for _, rate := range set {
		fast = max(fast, rate)
	}
	record := []float64{0.04, 0.125, 0.5, 1}[r.IntN(4)]
	var from, to []float64 // s
	for at, k := 0.0, 0; k < 2+r.IntN(12); k++ {
		from = append(from, at)
		at += record * float64(1+r.IntN(3))
		to = append(to, at)
		if at += float64(1+r.IntN(int(2*fast*record)+1)) / fast; r.IntN(4) == 0 {
			at += float64(r.IntN(1000)) / 997 // on no grid
		}
	}
	var all []*signal.Recording
	for i, rate := range set {
		var spans []signal.Span
		end := int64(-1)
		for k := range from {
			at, n := int64(math.Round(from[k]*rate)), int64(math.Round((to[k]-from[k])*rate))
			if !together && k > 0 {
				at, n = at+int64(r.IntN(5)), n-int64(r.IntN(4))
			}
			if at <= end { // there is no gap
				at = end + 1
			}
			if n > 0 && (together || k == 0 || r.IntN(5) > 0) {
				spans = append(spans, span(at, n))
				end = at + n
			}
		}
		if len(spans) == 0 {
			spans = []signal.Span{span(0, 1)}
		}
		all = append(all, madeGroup(rate, string(rune('x'+i)), len(set)-i, spans...)) // the first has the most channels
	}
	rec := all[0]
	rec.Others = all[1:]
	return rec
}

// TestRoundTripRates is the property that nothing is lost: groups of any rates, with runs and gaps that share no grid, are read as they
// were written, every sample of every run, and a copy of the copy is the same.
func TestRoundTripRates(t *testing.T) {
	for seed := range uint64(60) {
		for _, together := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d %v", seed, together), func(t *testing.T) {
				rec := severalRates(seed, together)
				again, _ := rewriteOffGrid(t, rec, []string{"edf+", "bdf+"}[seed%2])
				same(t, again, rec, 0)
				twice, _ := rewriteOffGrid(t, again, "edf+")
				same(t, twice, again, 0)
			})
		}
	}
}

// TestRunsInFilledRecords: EEG, EMG at eight times its rate and respiration at a tenth. The third run begins where filling up the second by a
// record of the slow ones would end: no sample of the EMG is lost.
func TestRunsInFilledRecords(t *testing.T) {
	rec := madeGroup(250, "x", 3, span(0, 10), span(112, 10), span(130, 10))
	rec.Others = []*signal.Recording{madeGroup(2000, "y", 2, span(0, 80), span(892, 80), span(1038, 80)), madeGroup(25, "z", 1, span(0, 1), span(11, 1), span(13, 1))}
	again, _ := rewriteOffGrid(t, rec, "edf+")
	same(t, again, rec, 0)
}
