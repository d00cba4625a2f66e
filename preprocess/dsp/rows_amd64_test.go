package dsp

import (
	"math"
	"math/rand/v2"
	"testing"
)

// withoutLanes runs f as on a processor without the vector kernels.
func withoutLanes(f func()) {
	had := haveLanes
	haveLanes = false
	defer func() { haveLanes = had }()
	f()
}

func TestSumRowsLanesAreThePlainLoop(t *testing.T) {
	if !haveLanes {
		t.Skip("skipped: this processor has no AVX")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, width := range []int{0, 8, 16, 24, 32, 40, 64, 104} {
		for _, taps := range []int{1, 2, 40} {
			for _, stride := range []int{1, 8, 104} {
				h, x := make([]float64, taps), make([]float64, (taps-1)*stride+width)
				for i := range h {
					h[i] = r.NormFloat64()
				}
				for i := range x {
					x[i] = r.NormFloat64()
				}
				if len(x) > 0 {
					x[r.IntN(len(x))] = math.Inf(1)
				}
				got, want := make([]float64, width), make([]float64, width)
				SumRows(got, h, x, stride)
				withoutLanes(func() { SumRows(want, h, x, stride) })
				for j := range want {
					if math.Float64bits(got[j]) != math.Float64bits(want[j]) {
						t.Fatalf("%d columns, %d taps, stride %d: column %d is %v, the plain loop has %v", width, taps, stride, j, got[j], want[j])
					}
				}
			}
		}
	}
}

func TestZeroPhaseFIRLanesAreThePairs(t *testing.T) {
	if !haveLanes {
		t.Skip("skipped: this processor has no AVX")
	}
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float64, 5003)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	for _, taps := range []int{1, 3, 31, 413} {
		h := make([]float64, taps)
		for i := range h {
			h[i] = 1 / (1 + math.Abs(float64(i-taps/2)))
		}
		filter := func() []float64 {
			f, err := NewZeroPhaseFIR(h, len(x))
			if err != nil {
				t.Fatal(err)
			}
			y := make([]float64, len(x))
			f.Filt(y, x)
			return y
		}
		got := filter()
		withoutLanes(func() {
			for i, v := range filter() {
				if got[i] != v {
					t.Fatalf("%d taps: sample %d is %v, without vectors %v", taps, i, got[i], v)
				}
			}
		})
	}
}

func TestFiltLanesAreThePlainLoop(t *testing.T) {
	if !haveLanes {
		t.Skip("skipped: this processor has no AVX")
	}
	r := rand.New(rand.NewPCG(5, 6))
	for order := 1; order <= 9; order++ { // one kernel for each number of sections, and more than one together
		s, err := Cheby2(order, 40, Bandpass(8, 30), 250)
		if err != nil {
			t.Fatal(err)
		}
		x := make([][]float64, 9) // two groups and one channel alone
		for ch := range x {
			x[ch] = make([]float64, 1203)
			for i := range x[ch] {
				x[ch][i] = r.NormFloat64()
			}
		}
		x[2][700], x[8][300] = math.NaN(), math.Inf(1)
		filter := func(cuts ...int) [][]float64 {
			y, z := make([][]float64, len(x)), s.NewState(len(x))
			for ch := range y {
				y[ch] = make([]float64, len(x[ch]))
			}
			from := 0
			for _, to := range append(cuts, len(x[0])) {
				in, out := make([][]float64, len(x)), make([][]float64, len(x))
				for ch := range x {
					in[ch], out[ch] = x[ch][from:to], y[ch][from:to]
				}
				s.Filt(out, in, z)
				from = to
			}
			return y
		}
		got := filter(0, 1, 4, 5, 13, 600)
		withoutLanes(func() {
			for ch, want := range filter() {
				for i, v := range want {
					if g := got[ch][i]; math.Float64bits(g) != math.Float64bits(v) && !(math.IsNaN(g) && math.IsNaN(v)) {
						t.Fatalf("%d sections: channel %d sample %d is %v, without vectors %v", len(s), ch, i, g, v)
					}
				}
			}
		})
	}
}
