package csp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestProjectLanesAreThePlainLoop compares the vector kernels with the plain loop bit for bit, and that with the
// definition, on all remainders of filters and samples, with rows that begin anywhere.
func TestProjectLanesAreThePlainLoop(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := func(n, length int) [][]float64 {
		x := make([][]float64, n)
		for i := range x {
			x[i] = make([]float64, i%4+length)[i%4:]
			for j := range x[i] {
				x[i][j] = rng.NormFloat64()
			}
		}
		return x
	}
	for _, filters := range []int{1, 3, 4, 5, 8, 11} {
		for _, chs := range []int{1, 2, 7, 22} {
			for _, n := range []int{1, 7, 8, 9, 127, 128, 129, 136, 300} {
				w, x, got, plain := rows(filters, chs), rows(chs, n), rows(filters, n), rows(filters, n)
				x[chs-1][n/2] = math.NaN() // stays in its moment
				project(got, w, x)
				projectGo(plain, w, x, 0, n)
				name := fmt.Sprintf("%d filters, %d channels, %d samples", filters, chs, n)
				for i := range got {
					for s := range n {
						if math.Float64bits(got[i][s]) != math.Float64bits(plain[i][s]) {
							t.Fatalf("%s: filter %d, sample %d is %v, the plain loop has %v", name, i, s, got[i][s], plain[i][s])
						}
						want := 0.0
						for ch := range x {
							want += w[i][ch] * x[ch][s]
						}
						if !(math.Abs(got[i][s]-want) <= 1e-13) && !(s == n/2 && math.IsNaN(got[i][s])) {
							t.Fatalf("%s: filter %d, sample %d is %v, want %v", name, i, s, got[i][s], want)
						}
					}
				}
			}
		}
	}
}
