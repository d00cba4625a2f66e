package dsp

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestVectorKernelsChangeNoBit runs everything that has two ways with and without the vector kernels.
func TestVectorKernelsChangeNoBit(t *testing.T) {
	if !haveLanes {
		t.Skip("this processor has no AVX")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, 3000)
	for i := range x {
		x[i] = 1e4 + rng.NormFloat64()
	}
	for _, n := range []int{2, 4, 6, 20, 44, 125, 128, 250, 256, 420, 1000} {
		estimate := func() (all [][]float64, z [][]complex128) {
			p := NewWelchPlan(250, WelchOptions{SegLen: n})
			w := p.NewWork()
			for _, length := range []int{n, n + n/2 + 1, 3 * n} {
				psd := make([]float64, p.Bins())
				p.PSD(psd, x[:length], w)
				all = append(all, psd)
			}
			a := NewAnalyticPlan(n)
			for range 7 {
				z = append(z, make([]complex128, n))
			}
			signals := make([][]float64, 7)
			for i := range signals {
				signals[i] = x[100*i:][:n]
			}
			a.TransformBand(z, signals, 0, n/3, a.NewWork())
			return all, z
		}
		psd, z := estimate()
		haveLanes = false
		plainPSD, plainZ := estimate()
		haveLanes = true
		if !slices.EqualFunc(psd, plainPSD, slices.Equal[[]float64]) {
			t.Errorf("segments of %d samples: Welch's estimate has other bits without the vector kernels", n)
		}
		if !slices.EqualFunc(z, plainZ, slices.Equal[[]complex128]) {
			t.Errorf("%d samples: the analytic signal has other bits without the vector kernels", n)
		}
	}
}
