package spd

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestCovarianceHasTheSameBitsWithoutAVX, on all remainders of channels and samples.
func TestCovarianceHasTheSameBitsWithoutAVX(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for _, c := range []int{1, 2, 3, 7, 22} {
		for _, n := range []int{1, 3, 4, 64, 501, blockLen + 2} {
			x := make([][]float64, c)
			for ch := range x {
				x[ch] = numbers(n, rng)
			}
			fast, plain := mat.NewSymDense(c, nil), mat.NewSymDense(c, nil)
			var w Workspace
			w.Covariance(fast, x)
			withoutAVX(func() { w.Covariance(plain, x) })
			if !sameBits(fast.RawSymmetric().Data, plain.RawSymmetric().Data) {
				t.Errorf("%d channels, %d samples: the covariance has other bits without AVX", c, n)
			}
		}
	}
}
