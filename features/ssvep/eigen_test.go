package ssvep

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestLargestEigenvalues compares with gonum; the last matrix of each group has rank 1, or is zero.
func TestLargestEigenvalues(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for n := 1; n <= 12; n++ {
		for round := range 20 {
			a, d, off := make([]quad, n*n), make([]quad, n), make([]quad, n)
			var want quad
			for lane := range lanes {
				rank := n
				if lane == lanes-1 {
					rank = round % 2
				}
				full := mat.NewSymDense(n, nil)
				for range rank {
					v := make([]float64, n)
					for i := range v {
						v[i] = rng.NormFloat64()
					}
					full.SymRankOne(full, 1, mat.NewVecDense(n, v))
				}
				for i := range n * n {
					a[i][lane] = full.At(i/n, i%n)
				}
				var eigen mat.EigenSym
				eigen.Factorize(full, false)
				want[lane] = eigen.Values(nil)[n-1]
			}
			for lane, got := range largestEigenvalues(a, d, off) {
				if !(math.Abs(got-want[lane]) <= 1e-13*want[lane]) {
					t.Errorf("size %d, lane %d: %.17g, by gonum %.17g", n, lane, got, want[lane])
				}
			}
		}
	}
}
