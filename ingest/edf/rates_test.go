package edf_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
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
	for k := range 30 { // in runs and in gaps, anywhere within a sample
		at := r.Int64N(rec.Len)
		rec.Events = append(rec.Events, signal.Event{Sample: at, Onset: (float64(at) + 0.98*(r.Float64()-0.5)) / set[0], Label: strconv.Itoa(k)})
	}
	slices.SortStableFunc(rec.Events, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	rec.PlaceEvents()
	return rec
}

// sameSamples compares only where events are, not by what onset.
func sameSamples(t *testing.T, got, want []signal.Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	at := map[string]int64{}
	for _, e := range want {
		at[e.Label] = e.Sample
	}
	for _, e := range got {
		if e.Sample != at[e.Label] {
			t.Errorf("event %s at %.9g s is at sample %d, want %d", e.Label, e.Onset, e.Sample, at[e.Label])
		}
	}
}

// TestRoundTripRates is the property that nothing is lost: groups of any rates, with runs and gaps that share no grid, are read as they
// were written, every sample of every run and every event, and a copy of the copy is the same.
func TestRoundTripRates(t *testing.T) {
	for seed := range uint64(60) {
		for _, together := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d %v", seed, together), func(t *testing.T) {
				rec := severalRates(seed, together)
				again, _ := rewriteOffGrid(t, rec, []string{"edf+", "bdf+"}[seed%2])
				sameSamples(t, again.Events, rec.Events)
				rec.Events = again.Events
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

// TestEventsStayInCopies: EDF+D whose records begin between the samples of the EEG. An event is at the sample that it happened at, in the
// copy, in a copy of that, and so on; with the samples of the fast channels begin the records of the copies elsewhere between them.
func TestEventsStayInCopies(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		var onsets, notes []string
		for at, k := 0.0, 0; k < 8; k++ {
			onsets = append(onsets, strconv.FormatFloat(at, 'f', -1, 64))
			note := func(name string) string {
				return edftest.TAL("+"+strconv.FormatFloat(at+0.99*r.Float64(), 'f', 4, 64), "", name+strconv.Itoa(k))
			}
			notes = append(notes, note("a")+note("b")+note("c"))
			if at++; r.IntN(2) == 0 {
				at = math.Round((at+3*r.Float64()+0.01)*1e4) / 1e4
			}
		}
		rec := mustOpen(t, edftest.File{Reserved: "EDF+D", N: len(onsets), Signals: []edftest.Signal{
			{Label: "EEG Cz", Dim: "uV", Samples: 256},
			{Label: "EEG Pz", Dim: "uV", Samples: 256},
			{Label: "EMG chin", Dim: "uV", Samples: 1024},
			edftest.Annotations(100, func(r int) string { return edftest.TAL("+"+onsets[r], "") + notes[r] }),
		}})
		for copies := range 4 {
			again, losses := rewriteOffGrid(t, rec, "edf+")
			sameSamples(t, again.Events, rec.Events)
			if copies > 0 {
				same(t, again, rec, 0)
			}
			for _, l := range losses {
				if l.Where == "events" && copies > 0 {
					t.Errorf("seed %d, copy %d: loss %+v", seed, copies, l)
				}
			}
			rec = again
		}
	}
}
