package spd_test

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// TestCovarianceAcrossBlocks compares with the definition where a window is more than one block of the kernel, or no
// whole number of them.
func TestCovarianceAcrossBlocks(t *testing.T) {
	var w spd.Workspace
	for _, tc := range []struct{ c, n int }{{2, 255}, {22, 1000}, {3, 1024}, {9, 1025}, {5, 1031}, {4, 2051}} {
		x := noise(tc.c, tc.n, uint64(tc.n))
		got := mat.NewSymDense(tc.c, nil)
		w.Covariance(got, x)
		for i := range tc.c {
			for j := range tc.c {
				if want := naiveCov(x[i], x[j]); math.Abs(got.At(i, j)-want) > 1e-12 {
					t.Errorf("%d×%d: entry (%d, %d) is %g, the definition gives %g", tc.c, tc.n, i, j, got.At(i, j), want)
				}
			}
		}
	}
}

// TestCovarianceHasTheSameBits: neither what dst held, nor the workspace, nor where the window lies may matter.
func TestCovarianceHasTheSameBits(t *testing.T) {
	for _, n := range []int{1, 2, 3, 300, 301} {
		x := noise(3, n, 7)
		want := mat.NewSymDense(3, nil)
		var fresh, used spd.Workspace
		fresh.Covariance(want, x)
		used.Covariance(mat.NewSymDense(9, nil), noise(9, 1000, 8))
		got := mat.NewSymDense(3, slices.Repeat([]float64{math.NaN()}, 9))
		for ch := range x {
			x[ch] = append([]float64{0}, x[ch]...)[1:]
		}
		used.Covariance(got, x)
		for i := range 3 {
			for j := range 3 {
				if math.Float64bits(got.At(i, j)) != math.Float64bits(want.At(i, j)) {
					t.Errorf("%d samples: entry (%d, %d) is %v, was %v", n, i, j, got.At(i, j), want.At(i, j))
				}
			}
		}
	}
}
