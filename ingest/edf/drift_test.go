package edf_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// clocked is a file at 100 Hz with a record of one second at each of the onsets, and an event half a second into each.
func clocked(reserved string, onsets []float64, decimals int) edftest.File {
	text := func(x float64) string { return "+" + strconv.FormatFloat(x, 'f', decimals, 64) }
	return edftest.File{Reserved: reserved, N: len(onsets), Signals: []edftest.Signal{
		{Label: "Cz", Dim: "uV", Samples: 100},
		edftest.Annotations(40, func(r int) string {
			return edftest.TAL(text(onsets[r]), "") + edftest.TAL(text(onsets[r]+0.5), "", strconv.Itoa(r))
		}),
	}}
}

// TestDriftOfTheClock: the clock that wrote the onsets is not that of the samples. A gap is as long as the onsets on both sides of it say,
// however far the clocks are apart by then, and an event is in the middle of its record, before the gap and behind it.
func TestDriftOfTheClock(t *testing.T) {
	for _, reserved := range []string{"EDF+C", "EDF+D"} {
		for _, step := range []float64{1, 0.9999, 1.0001, 0.996, 1.004, 0.9937, 0.99995, 1.00002} {
			for _, gap := range []float64{1.2, 5, 0.6, 100} {
				const records, behind = 1200, 700
				onsets := make([]float64, records)
				for r := range onsets {
					onsets[r] = 0.25 + float64(r)*step
					if r >= behind {
						onsets[r] += gap
					}
				}
				name := fmt.Sprintf("%s, records every %g s, a gap of %g s", reserved, step, gap)
				rec := mustOpen(t, clocked(reserved, onsets, 6))
				runs := rec.Runs()
				if len(runs) != 2 || runs[0].End() != behind*100 || math.Abs(float64(runs[1].Start)-behind*100-gap*100) > 1 {
					t.Errorf("%s: runs %v", name, runs)
					continue
				}
				if n := len(rec.Events); n != records {
					t.Fatalf("%s: %d events", name, n)
				}
				worst, at := int64(0), ""
				for _, e := range rec.Events {
					r, err := strconv.ParseInt(e.Label, 10, 64)
					if err != nil {
						t.Fatal(err)
					}
					want := 100*r + 50
					if r >= behind {
						want += runs[1].Start - behind*100
					}
					if d := max(e.Sample-want, want-e.Sample); d > worst {
						worst, at = d, e.Label
					}
				}
				if worst > 1 {
					t.Errorf("%s: the event in record %s is %d samples from its own", name, at, worst)
				}
				if drifts := step != 1; drifts != (len(rec.Deviations) > 0 && strings.Contains(fmt.Sprint(rec.Deviations), "no gap; events stay")) {
					t.Errorf("%s: deviations %+v", name, rec.Deviations)
				}
			}
		}
	}
}

// TestDriftOrGaps: what tells them apart in EDF+D, at its edges. Sixteen records in a row, each later than the one before by the same little bit, are
// a clock that drifts. Anything else between records is a gap.
func TestDriftOrGaps(t *testing.T) {
	steps := func(n int, step func(r int) float64) []float64 {
		onsets := make([]float64, n)
		for r := 1; r < n; r++ {
			onsets[r] = onsets[r-1] + 1 + step(r)
		}
		return onsets
	}
	between := func(from, to int, by float64) func(int) float64 {
		return func(r int) float64 {
			if r >= from && r < to {
				return by
			}
			return 0
		}
	}
	noise := rand.New(rand.NewPCG(1, 1))
	jitter := func(n int, s float64) []float64 {
		onsets := make([]float64, n)
		for r := 1; r < n; r++ {
			onsets[r] = float64(r) + s*(2*noise.Float64()-1)
		}
		return onsets
	}
	for _, tc := range []struct {
		name       string
		onsets     []float64
		gaps, lost int64 // how many, and their samples
	}{
		{"none", steps(100, between(0, 0, 0)), 0, 0},
		{"one sample, now and then", steps(200, func(r int) float64 { return []float64{0.01, 0}[min(r%20, 1)] }), 9, 9},
		{"one sample behind each of 15 records", steps(100, between(30, 45, 0.01)), 15, 15},
		{"one sample behind each of 16 records", steps(100, between(30, 46, 0.01)), 0, 0},
		{"one sample behind every second record", steps(100, func(r int) float64 { return 0.01 * float64(r%2) }), 50, 50},
		{"two samples behind every record, more than a clock drifts", steps(100, func(int) float64 { return 0.02 }), 99, 198},
		{"a fifth of a second behind every record", steps(100, func(int) float64 { return 0.2 }), 99, 1980},
		{"one or two samples", steps(100, func(r int) float64 { return 0.005 + 0.01*float64(1+r%2) }), 99, 99 * 2},
		{"less than half a sample behind every record", steps(100, func(int) float64 { return 0.003 }), 0, 0},
		{"set back by less than half a record, then a gap", steps(200, func(r int) float64 {
			return map[int]float64{50: -0.3, 150: 1}[r]
		}), 1, 100},
		{"one record that is early", steps(200, func(r int) float64 {
			return map[int]float64{50: -0.3, 51: 0.3, 150: 1}[r]
		}), 1, 100},
		{"one record that is late", steps(200, func(r int) float64 {
			return map[int]float64{50: 0.3, 51: -0.3, 150: 1}[r]
		}), 1, 100},
		{"slow, with two gaps near each other", steps(200, func(r int) float64 {
			return -0.003 + map[int]float64{100: 1, 104: 2}[r]
		}), 2, 300},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rec := mustOpen(t, clocked("EDF+D", tc.onsets, 6))
			gaps := rec.Gaps()
			lost := int64(0)
			for _, g := range gaps {
				lost += g.Len
			}
			if d := lost - tc.lost; int64(len(gaps)) != tc.gaps || max(d, -d) > tc.gaps/100+min(tc.gaps, 1)*int64(min(1, len(rec.Deviations))) {
				t.Errorf("%d gaps of %d samples, want %d of %d; deviations %+v", len(gaps), lost, tc.gaps, tc.lost, rec.Deviations)
			}
		})
	}
	for _, s := range []float64{0.002, 0.006, 0.01, 0.03, 0.2} {
		onsets := jitter(20000, s)
		rec := mustOpen(t, clocked("EDF+D", onsets, 6))
		if most := int64(math.Ceil(100*s)) + 1; rec.Len > 2000000+most {
			t.Errorf("onsets that jitter by %g s make %d samples of 2000000: gaps that add up", s, rec.Len)
		}
	}
}

// TestRoundedOnsets: onsets with fewer decimals than the duration of a record has are as exact as they can be. There is no gap in them.
func TestRoundedOnsets(t *testing.T) {
	for _, reserved := range []string{"EDF+C", "EDF+D"} {
		for decimals := 2; decimals <= 5; decimals++ {
			for _, n := range []int{2, 3, 10, 299, 300} {
				f := edftest.File{Reserved: reserved, N: n, Duration: "0.3335", Signals: []edftest.Signal{
					{Label: "Cz", Dim: "uV", Samples: 683},
					edftest.Annotations(30, func(r int) string {
						at := 0.3335 * float64(r)
						return edftest.TAL("+"+strconv.FormatFloat(at, 'f', decimals, 64), "") + edftest.TAL("+"+strconv.FormatFloat(at+0.1, 'f', 4, 64), "", "x")
					}),
				}}
				rec := mustOpen(t, f)
				if rec.Spans != nil || len(rec.Deviations) > 0 {
					t.Errorf("%s, %d records with %d decimals: runs %v, deviations %+v", reserved, n, decimals, rec.Runs(), rec.Deviations)
				}
				for r, e := range rec.Events {
					if want := int64(math.Round((0.3335*float64(r) + 0.1) / 0.3335 * 683)); max(e.Sample-want, want-e.Sample) > 1 {
						t.Fatalf("%s, %d decimals: event %+v, want it at sample %d", reserved, decimals, e, want)
					}
				}
			}
		}
	}
}

// TestDriftRoundTrip: what is read from a file with such a clock is written with one that does not drift, and read again as it was.
func TestDriftRoundTrip(t *testing.T) {
	onsets := make([]float64, 300)
	for r := range onsets {
		if onsets[r] = 0.9973 * float64(r); r >= 200 {
			onsets[r] += 3.3
		}
	}
	rec := mustOpen(t, clocked("EDF+D", onsets, 4))
	again, _ := rewrite(t, rec, "edf+")
	sameSamples(t, again.Events, rec.Events) // onsets count from the start of the segment, which was between two samples
	rec.Events = again.Events
	same(t, again, rec, 0)
	twice, losses := rewrite(t, again, "edf+")
	same(t, twice, again, 0)
	if len(losses) > 0 || len(signal.EventsIn(twice.Events, 0, twice.Len)) != len(onsets) {
		t.Errorf("losses %+v", losses)
	}
}
