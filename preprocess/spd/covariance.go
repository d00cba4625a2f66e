package spd

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
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
	stride := n + n%2 // every channel begins at a multiple of 16 bytes: the kernels round by alignment
	if cap(w.slab) < c*stride {
		w.slab = make([]float64, max(c*stride, minSlab))
	}
	slab := w.slab[:c*stride]
	for ch, row := range x {
		if len(row) != n {
			panic(fmt.Sprintf("spd: channel %d has %d samples, channel 0 has %d", ch, len(row), n))
		}
		demean(slab[ch*stride:ch*stride+n], row)
	}
	raw := dst.RawSymmetric()
	beta := 0.0 // the first block overwrites
	for t := 0; t < n; t += blockLen {
		m := min(blockLen, n-t)
		for i := range c {
			rows := blas64.General{Rows: c - i, Cols: m, Stride: stride, Data: slab[i*stride+t:]}
			blas64.Gemv(blas.NoTrans, 1, rows, blas64.Vector{N: m, Inc: 1, Data: rows.Data[:m]},
				beta, blas64.Vector{N: c - i, Inc: 1, Data: raw.Data[i*raw.Stride+i : i*raw.Stride+c]})
		}
		beta = 1
	}
	scale := 1 / float64(n)
	for i := range c {
		floats.Scale(scale, raw.Data[i*raw.Stride+i:i*raw.Stride+c])
	}
}

const (
	blockLen = 256 // samples of all channels that are multiplied while they are in the cache
	minSlab  = 4   // numbers; what is smaller need not lie at a multiple of 16 bytes
)

// demean writes x without its mean to dst. It measures from the first sample, so that a constant channel gives zeros
// and not the rounding errors of its mean.
func demean(dst, x []float64) {
	copy(dst, x)
	floats.AddConst(-x[0], dst)
	floats.AddConst(-floats.Sum(dst)/float64(len(dst)), dst)
}
