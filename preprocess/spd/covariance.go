package spd

import (
	"fmt"

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
	stride := covStride(n)
	if need := (c + 2) / 3 * 3 * stride; cap(w.slab) < need { // gram3 reads three channels at a time
		w.slab = make([]float64, need)
	}
	slab := w.slab[:cap(w.slab)]
	for ch, row := range x {
		if len(row) != n {
			panic(fmt.Sprintf("spd: channel %d has %d samples, channel 0 has %d", ch, len(row), n))
		}
		center(slab[ch*stride:ch*stride+n], row)
		clear(slab[ch*stride+n : (ch+1)*stride]) // adds nothing to the sums
	}
	raw := dst.RawSymmetric()
	scale := 1 / float64(n)
	var sums [9]float64
	for t := 0; t < n; t += blockLen {
		m, first, last := pad(min(blockLen, n-t)), t == 0, t+blockLen >= n
		for i := 0; i < c; i += 3 {
			for j := i; j < c; j += 3 {
				gram3(&sums, slab[i*stride+t:], slab[j*stride+t:], m, stride)
				for a := range min(3, c-i) {
					for b := max(j, i+a); b < min(j+3, c); b++ {
						entry := &raw.Data[(i+a)*raw.Stride+b]
						sum := sums[3*a+b-j]
						if !first {
							sum += *entry
						}
						if last {
							sum *= scale
						}
						*entry = sum
					}
				}
			}
		}
	}
}

// blockLen is how many samples of all channels are multiplied while they are in the cache; a multiple of lanes.
const blockLen = 1024

// covStride is the distance of two channels of n samples in the slab. Were it a power of two, they would share the same
// lines of the cache.
func covStride(n int) int {
	stride := pad(n)
	if stride%64 == 0 {
		stride += 2 * lanes
	}
	return stride
}
