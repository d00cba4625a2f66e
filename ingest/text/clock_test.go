package text_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// stamped is a recording whose row k has the stamp of the k-th entry.
func stamped(t *testing.T, stamps []float64) *signal.Recording {
	t.Helper()
	return mustOpen(t, muse(len(stamps), func(row int, c []string) []string {
		c[0] = fmt.Sprintf("%.4f", stamps[row])
		return c
	}))
}

// TestRate: the rate of the device where the clock is near to it, a whole number where that is near, else what is measured.
func TestRate(t *testing.T) {
	for _, tc := range []struct{ true, want float64 }{
		{256, 256}, {256.03, 256}, {255.1, 256}, {219.5, 220}, {250.02, 250}, {250.6, 250.6}, {500, 500}, {1000.4, 1000}, {12.34, 12.34},
	} {
		var stamps []float64
		for row := range 4000 {
			stamps = append(stamps, 1e6+float64(row)/tc.true)
		}
		rec := stamped(t, stamps)
		if math.Abs(rec.Info.Rate-tc.want) > 1e-4*tc.want || rec.Spans != nil {
			t.Errorf("rows at %g Hz are read at %g Hz in %d spans, want %g Hz", tc.true, rec.Info.Rate, len(rec.Spans), tc.want)
		}
		found := []string{fmt.Sprintf("found stamps at %.2f Hz", tc.true), fmt.Sprintf("evenly spaced at %.6g Hz", rec.Info.Rate)}
		known := tc.want == 256 || tc.want == 220 // rates of the device
		if noted(rec, found...) != known || listed(rec, found...) == known {
			t.Errorf("rows at %g Hz: what was found and taken is not where it belongs: the deviations are %+v, the notes %+v", tc.true, rec.Deviations, rec.Notes)
		}
	}
}

// TestJitter: rows that come late, in bursts or now and then, are no gap.
func TestJitter(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for name, at := range map[string]func(row int) float64{
		"bursts of 12":       func(row int) float64 { return float64(row/12*12+12) / 256 },
		"bursts of 60":       func(row int) float64 { return float64(row/60*60+60) / 256 },
		"noise":              func(row int) float64 { return (float64(row) + rng.Float64()) / 256 },
		"a pause, caught up": func(row int) float64 { return math.Max(float64(row)/256, float64(min(row/1500, 1))*(1500+40.0)/256) },
	} {
		var stamps []float64
		for row := range 4000 {
			stamps = append(stamps, 1486223115.483+at(row))
		}
		rec := stamped(t, stamps)
		if rec.Info.Rate != 256 || rec.Spans != nil || rec.Len != 4000 {
			t.Errorf("%s: %d samples at %g Hz in %d spans, want 4000 at 256 Hz without a gap: %+v", name, rec.Len, rec.Info.Rate, len(rec.Spans), rec.Deviations)
		}
	}
}

// TestGaps: rows that are not there leave a gap of their number, and what comes behind keeps its place.
func TestGaps(t *testing.T) {
	gone := func(row int) bool {
		return row == 300 || row >= 700 && row < 712 || row >= 730 && row < 731 || row >= 2000 && row < 9000
	}
	for name, every := range map[string]int{"even": 1, "bursts of 4": 4} {
		var want []signal.Span
		var stamps []float64
		for row := range 12000 {
			if gone(row) {
				continue
			}
			stamps = append(stamps, 1486223115.483+float64(row/every*every)/256)
			if n := len(want); n > 0 && want[n-1].End() == int64(row) {
				want[n-1].Len++
			} else {
				want = append(want, signal.Span{Start: int64(row), Len: 1})
			}
		}
		rec := stamped(t, stamps)
		if every > 1 { // one row is less than the jitter
			if len(rec.Spans) != 3 || rec.Len != 12000-2 {
				t.Errorf("%s: spans %v, want the gaps of 12 and 7000 rows", name, rec.Spans)
			}
			continue
		}
		if !slices.Equal(rec.Spans, want) || rec.Len != 12000 {
			t.Errorf("%s: spans %v, want %v", name, rec.Spans, want)
		}
		if !listed(rec, "4 such gaps", "7014 samples are missing", "row 301") {
			t.Errorf("%s: the gaps are not among %+v", name, rec.Deviations)
		}
	}
}

// TestClockSet: a clock that goes back, or on by days, is not believed, but no window reaches over it.
func TestClockSet(t *testing.T) {
	for _, by := range []float64{-200000, -3600, -0.5, 200000} {
		var stamps []float64
		for row := range 3000 {
			s := 1486223115.483 + float64(row)/256
			if row >= 1700 {
				s += by
			}
			stamps = append(stamps, s)
		}
		rec := stamped(t, stamps)
		want := []signal.Span{{Start: 0, Len: 1700}, {Start: 1701, Len: 1300}}
		if !slices.Equal(rec.Spans, want) || rec.Info.Rate != 256 {
			t.Errorf("by %g s: spans %v at %g Hz, want %v", by, rec.Spans, rec.Info.Rate, want)
		}
		if !listed(rec, "row 1701", "1 such step", "the clock was set") {
			t.Errorf("by %g s: it is not among %+v", by, rec.Deviations)
		}
	}
}

// TestMissing: rows with a cell that holds no number are gaps, and their markers stay.
func TestMissing(t *testing.T) {
	rec := mustOpen(t, muse(1000, func(row int, c []string) []string {
		switch row {
		case 0, 420, 421:
			c[3] = "NaN"
		case 999:
			c[1] = "-inf"
		}
		return c
	}))
	want := []signal.Span{{Start: 1, Len: 419}, {Start: 422, Len: 577}}
	if !slices.Equal(rec.Spans, want) || rec.Len != 999 || len(rec.Events) != 10 {
		t.Errorf("spans %v, %d events, want %v and 10", rec.Spans, len(rec.Events), want)
	}
	if !listed(rec, "line 2, column AF8, byte", `"NaN"; 3 more`, "a gap") {
		t.Errorf("it is not among %+v", rec.Deviations)
	}
}

// TestBursts: rows that come in bursts, with stamps a moment apart within one, are at the rate that the table, the device or the mapping
// names, or where nothing does at that of many rows, also where some are lost.
func TestBursts(t *testing.T) {
	const n, from, lost = 2520, 1200, 60
	mapping := "time: {column: time (s), unit: s}\nrate_hz: 250\nchannels: [{column: 2, name: Fp1, unit: uV, kind: eeg}]\n"
	for _, kind := range []string{"openbci", "muse", "csv", "mapped"} {
		rate, table := 250.0, kind
		switch kind {
		case "muse":
			rate = 256
		case "mapped":
			table = "csv"
		}
		for _, rows := range []int{2, 4, 5, 12} {
			for _, apart := range []float64{1e-5, 5e-5, 1e-3} {
				for _, scatter := range []float64{0, 0.05, 0.25} {
					if kind == "csv" && scatter == 0 {
						continue // by their digits all steps may be a whole number of the shortest, and nothing says otherwise
					}
					rng := rand.New(rand.NewPCG(7, uint64(rows)))
					stamps := make([]float64, n)
					for k := range stamps {
						if k%rows == 0 {
							stamps[k] = float64(k+rows)/rate + 5e-4*math.Abs(rng.NormFloat64())
						} else {
							stamps[k] = stamps[k-1] + apart*(1+scatter*(2*rng.Float64()-1))
						}
					}
					gone := make([]bool, n)
					for _, want := range [][]signal.Span{nil, {{Start: 0, Len: from}, {Start: from + lost, Len: n - from - lost}}} {
						for k := range lost {
							gone[from+k] = want != nil
						}
						text := lossy(table, gone, 6, func(k int) float64 { return stamps[k] })
						var rec *signal.Recording
						if kind == "mapped" {
							rec = mustMap(t, text, mapping)
						} else {
							rec = mustOpen(t, text)
						}
						if math.Abs(rec.Info.Rate/rate-1) > 1e-3 || rec.Len != n || !slices.Equal(rec.Spans, want) {
							t.Errorf("%s, bursts of %d, %g s ± %g apart: %d samples at %g Hz, %d spans, want %d at %g Hz, %v", kind, rows, apart, scatter, rec.Len, rec.Info.Rate, len(rec.Spans), n, rate, want)
						}
					}
				}
			}
		}
	}
}
