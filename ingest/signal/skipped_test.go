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
			if s.Len <= 0 || i > 0 && s.Start <= left[i-1].End() { // runs lie apart
				t.Fatalf("of %v without %v there is %v, which is not in order, or parts neighbours", runs, skips, left)
			}
		}
	}
}

// TestLeaveOut: samples that are left out cannot be read, the file goes on to have them, and whatever the source tells is told; the recording
// ends with its last sample.
func TestLeaveOut(t *testing.T) {
	s := func(start, n int64) signal.Span { return signal.Span{Start: start, Len: n} }
	for _, tc := range []struct {
		skips, spans []signal.Span
		end, out     int64
	}{
		{[]signal.Span{s(2, 3)}, []signal.Span{s(0, 2), s(5, 5)}, 10, 3},
		{[]signal.Span{s(8, 9)}, nil, 8, 2},
		{[]signal.Span{s(-1, 3)}, []signal.Span{s(2, 8)}, 10, 2},
		{[]signal.Span{s(0, 10)}, nil, 0, 10},
		{[]signal.Span{s(10, 10), s(3, 0)}, nil, 10, 0},
	} {
		var data signal.Memory
		for range 2 {
			data = append(data, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		}
		rec := &signal.Recording{Info: &signal.Info{Rate: 1, Channels: make([]signal.Channel, 2)}, Len: 10, Data: signal.InUnits{SampleReader: data, Units: []string{"mV", "V"}}}
		if out := rec.LeaveOut(slices.Clone(tc.skips)); out != tc.out || rec.Len != tc.end || !slices.Equal(rec.Spans, tc.spans) {
			t.Errorf("without %v: %d left out, %v of %d, want %d, %v of %d", tc.skips, out, rec.Spans, rec.Len, tc.out, tc.spans, tc.end)
		}
		if all := rec.FileRuns(); !slices.Equal(all, []signal.Span{s(0, 10)}) {
			t.Errorf("without %v: the file has %v", tc.skips, all)
		}
		if u, ok := rec.Data.(signal.UnitReader); !ok || !slices.Equal(u.SourceUnits(), []string{"mV", "V"}) {
			t.Errorf("without %v: the units are not told", tc.skips)
		}
		x := [][]float64{make([]float64, 1), make([]float64, 1)}
		for k := range int64(10) {
			there := slices.ContainsFunc(rec.Runs(), func(r signal.Span) bool { return r.Start <= k && k < r.End() })
			if err := rec.Data.ReadSamples(x, k); (err == nil) != there || there && x[1][0] != float64(k) {
				t.Errorf("without %v: sample %d is %g, error %v", tc.skips, k, x[1][0], err)
			}
		}
	}
}
