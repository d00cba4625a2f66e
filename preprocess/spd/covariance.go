package spd

import (
	"fmt"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Workspace is the memory that Covariance needs, so that it allocates only until it has seen its largest window. The
// zero value is ready. It must not be used from two goroutines at once.
type Workspace struct {
	slab []float64
}

// Covariance fills dst [C, C] with the covariance of x [C, T] over time, in x's unit squared:
//
//	dst[i][j] = Σ_t (x[i][t] − mean(x[i])) · (x[j][t] − mean(x[j])) / T
//
// It divides by T, the maximum-likelihood estimate, as scikit-learn's empirical covariance does; MNE's and
// numpy.cov's default divides by T−1. Every channel loses its own mean first, which MNE leaves to the caller. A channel
// that never changes has a variance of exactly 0; a channel with a NaN or an infinite sample has a variance that is not
// finite. T must be at least 1.
func (w *Workspace) Covariance(dst *mat.SymDense, x [][]float64) {
	c := len(x)
	if dst.SymmetricDim() != c || c == 0 || len(x[0]) == 0 {
		panic(fmt.Sprintf("spd: covariance of %d channels into a matrix of size %d", c, dst.SymmetricDim()))
	}
	n := len(x[0])
	if cap(w.slab) < c*n {
		w.slab = make([]float64, c*n)
	}
	slab := w.slab[:c*n]
	for ch, row := range x {
		if len(row) != n {
			panic(fmt.Sprintf("spd: channel %d has %d samples, channel 0 has %d", ch, len(row), n))
		}
		demean(slab[ch*n:(ch+1)*n], row)
	}
	raw := dst.RawSymmetric()
	scale := 1 / float64(n)
	for i := range c {
		xi := slab[i*n : (i+1)*n]
		for j := i; j < c; j++ {
			raw.Data[i*raw.Stride+j] = floats.Dot(xi, slab[j*n:(j+1)*n]) * scale
		}
	}
}

// demean writes x without its mean to dst. It measures from the first sample, so that a constant channel gives zeros
// and not the rounding errors of its mean.
func demean(dst, x []float64) {
	pivot, sum := x[0], 0.0
	for t, v := range x {
		d := v - pivot
		dst[t] = d
		sum += d
	}
	mean := sum / float64(len(x))
	for t := range dst {
		dst[t] -= mean
	}
}
