package nn

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestFastFIR compares with the sums of the definition in float64, for lengths that are and are not multiples of 4.
func TestFastFIR(t *testing.T) {
	const out, in = 3, 5
	rng := rand.New(rand.NewPCG(1, 1))
	noise := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	for _, tc := range [][2]int{{1, 1}, {2, 7}, {16, 128}, {17, 130}, {25, 976}, {26, 131}, {27, 129}} {
		taps, n := tc[0], tc[1]
		ld := n + taps + 2 // rows with something behind them
		x, w, bias, dy := noise(in*ld), noise(out*in*taps), noise(out), noise(out*n)
		f := newFastFIR(&Builder{MaxN: 1, Train: true}, out, in, taps, n)
		f.prepare(w)
		var p Pass
		y, dw := make([]float32, out*n), make([]float32, len(w))
		for range 2 { // the second time on used memory
			f.forward(&p, y, x, ld, bias)
			clear(dw)
			f.gradient(&p, dy, x, ld)
			f.collect(dw)
		}
		worst, worstGrad := 0.0, 0.0
		for o := range out {
			for s := range n {
				want := float64(bias[o])
				for c := range in {
					for k := range taps {
						want += float64(w[(o*in+c)*taps+k]) * float64(x[c*ld+s+k])
					}
				}
				worst = max(worst, math.Abs(float64(y[o*n+s])-want)/math.Sqrt(in*float64(taps)))
			}
			for c := range in {
				for k := range taps {
					want := 0.0
					for s := range n {
						want += float64(dy[o*n+s]) * float64(x[c*ld+s+k])
					}
					worstGrad = max(worstGrad, math.Abs(float64(dw[(o*in+c)*taps+k])-want)/math.Sqrt(float64(n)))
				}
			}
		}
		// Both are sums of products of normal numbers, divided by the root of how many: some units of float32's last place.
		if !(worst <= 3e-6) || !(worstGrad <= 3e-6) {
			t.Errorf("%d taps, %d outputs: differs from the definition by %.2g, the gradient by %.2g", taps, n, worst, worstGrad)
		}
	}
}
