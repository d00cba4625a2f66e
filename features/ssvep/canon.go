package ssvep

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
)

// dependTol is the part of a channel's power that must be left behind the projection on the channels before it; with
// less, it is a combination of them up to rounding (an average reference makes the last channel one).
const dependTol = 1e-12

// correlator finds the first canonical correlation of a window with the sines and cosines of many frequencies.
//
// Sines and cosines are taken about the middle of the window, where cosines see only the even part of the signal,
// x(c+u) + x(c−u), and sines only the odd part: half the products. Splitting a window so (divided by √2) changes no
// inner product.
type correlator struct {
	n, even   int       // samples of a window; of its even part
	harmonics int       // per frequency
	cos, sin  []float64 // [frequencies × harmonics, samples of the part], orthonormal for each frequency

	basis  []float64 // of the window at hand [channels, n], orthonormal rows, even part first
	inner  []float64 // [channels, group × harmonics] of cosines, then of sines, for the frequencies of one group
	cross  []float64 // [channels, 2·harmonics] for one frequency
	gram   []float64 // [size, size], size the smaller of channels and 2·harmonics
	d, off []float64 // [size]
}

// newCorrelator orthonormalises the references for windows of n samples. It is an error where a harmonic reaches half
// the rate or the references of a frequency depend on each other.
func newCorrelator(freqs []float64, harmonics, channels, n int, rate float64) (*correlator, error) {
	c := &correlator{n: n, even: n - n/2, harmonics: harmonics}
	odd := n / 2
	for _, f := range freqs {
		if top := f * float64(harmonics); !(f > 0 && top < rate/2) { // also catches NaN
			return nil, fmt.Errorf("freqs_hz has %g Hz, harmonics is %d: each must be above 0 and the highest, %g Hz, below %g (half the sampling rate)", f, harmonics, top, rate/2)
		}
		cosines, sines := make([][]float64, harmonics), make([][]float64, harmonics)
		for h := range harmonics {
			cosines[h], sines[h] = make([]float64, c.even), make([]float64, odd)
			for t := range c.even {
				angle := 2 * math.Pi * f * float64(h+1) * (float64(n-1)/2 - float64(t)) / rate
				if t < odd {
					cosines[h][t], sines[h][t] = math.Cos(angle), math.Sin(angle)
				} else {
					cosines[h][t] = math.Sqrt(0.5) // the sample in the middle has no partner
				}
			}
			c.centre(cosines[h])
		}
		if orthonormalise(cosines) < harmonics || orthonormalise(sines) < harmonics {
			return nil, fmt.Errorf("%d harmonics of %g Hz cannot be told apart in %d samples; use longer windows or fewer harmonics", harmonics, f, n)
		}
		c.cos, c.sin = append(c.cos, slices.Concat(cosines...)...), append(c.sin, slices.Concat(sines...)...)
	}
	c.basis = make([]float64, channels*n)
	c.inner = make([]float64, 2*group*harmonics*channels)
	c.cross = make([]float64, 2*harmonics*channels)
	size := min(channels, 2*harmonics)
	c.gram, c.d, c.off = make([]float64, size*size), make([]float64, size), make([]float64, size)
	return c, nil
}

// centre takes the mean of the whole signal out of its even part, which a constant enters as 1, and √½ in the middle.
func (c *correlator) centre(even []float64) {
	odd := c.n / 2
	sum := floats.Sum(even[:odd])
	for _, v := range even[odd:] {
		sum += v * math.Sqrt(0.5)
	}
	mean := sum / (float64(odd) + float64(c.even-odd)/2)
	floats.AddConst(-mean, even[:odd])
	for t := odd; t < c.even; t++ {
		even[t] -= mean * math.Sqrt(0.5)
	}
}

// split writes the even and the odd part of x without its mean to dst, both [n] together, times √2: the length of a
// channel does not matter. It measures from the first sample, so that a constant channel gives zeros.
func (c *correlator) split(dst, x []float64) {
	odd, pivot := c.n/2, x[0]
	even, rest := dst[:c.even], dst[c.even:]
	for t := range odd {
		a, b := x[t]-pivot, x[c.n-1-t]-pivot
		even[t], rest[t] = a+b, a-b
	}
	if c.even > odd {
		even[odd] = (x[odd] - pivot) * math.Sqrt2
	}
	c.centre(even)
}

// correlate fills dst [frequencies] with the first canonical correlation of x [channels, n], 0 to 1. rank is how many
// channels are linearly independent, bad the first with a sample that is not finite, or -1. Where rank is 0 or there is
// a bad channel, dst is not filled.
func (c *correlator) correlate(dst []float64, x [][]float64) (rank, bad int) {
	for ch, row := range x {
		q := c.basis[rank*c.n : (rank+1)*c.n]
		c.split(q, row)
		power := floats.Dot(q, q)
		if math.IsNaN(power) || math.IsInf(power, 0) {
			return 0, ch
		}
		if extend(c.basis, q, power, rank) {
			rank++
		}
	}
	if rank == 0 {
		return 0, -1
	}
	for from := 0; from < len(dst); from += group {
		to := min(from+group, len(dst))
		width := (to - from) * c.harmonics
		cosines, sines := c.inner[:rank*width], c.inner[rank*width:2*rank*width]
		for i := range rank {
			q := c.basis[i*c.n : (i+1)*c.n]
			multiply(cosines[i*width:(i+1)*width], c.cos[from*c.harmonics*c.even:], q[:c.even])
			multiply(sines[i*width:(i+1)*width], c.sin[from*c.harmonics*(c.n-c.even):], q[c.even:])
		}
		for k := from; k < to; k++ {
			size := c.square(cosines, sines, (k-from)*c.harmonics, width, rank)
			dst[k] = math.Sqrt(min(largestEigenvalue(c.gram[:size*size], c.d[:size], c.off[:size]), 1))
		}
	}
	return rank, -1
}

// group is the number of frequencies whose references fit into the cache beside the window.
const group = 4

// multiply is dst = a v, a being [len(dst), len(v)].
func multiply(dst, a, v []float64) {
	rows := blas64.General{Rows: len(dst), Cols: len(v), Stride: len(v), Data: a}
	blas64.Gemv(blas.NoTrans, 1, rows, blas64.Vector{N: len(v), Inc: 1, Data: v}, 0, blas64.Vector{N: len(dst), Inc: 1, Data: dst})
}

// square fills gram with M Mᵀ or Mᵀ M, whichever is smaller, and says its size. M [rank, 2·harmonics] is what stands from
// column at in cosines and sines [rank, width].
func (c *correlator) square(cosines, sines []float64, at, width, rank int) int {
	h := c.harmonics
	m := c.cross[:2*h*rank]
	if rank <= 2*h {
		for i := range rank {
			copy(m[i*2*h:], cosines[i*width+at:i*width+at+h])
			copy(m[i*2*h+h:], sines[i*width+at:i*width+at+h])
		}
		products(c.gram, m, rank)
		return rank
	}
	for i := range rank {
		for j := range h {
			m[j*rank+i], m[(h+j)*rank+i] = cosines[i*width+at+j], sines[i*width+at+j]
		}
	}
	products(c.gram, m, 2*h)
	return 2 * h
}

// products fills the lower triangle of gram [rows, rows] with the inner products of the rows of m.
func products(gram, m []float64, rows int) {
	n := len(m) / rows
	for i := range rows {
		a := m[i*n : (i+1)*n]
		for j := range i + 1 {
			b, sum := m[j*n:(j+1)*n], 0.0
			for t, v := range a {
				sum += v * b[t]
			}
			gram[i*rows+j] = sum
		}
	}
}

// extend makes q, of the squared length power, orthogonal to the first rank rows of basis [.., len(q)] and scales it to
// length 1, by Gram and Schmidt's method done twice, which is enough (Giraud, Langou and Rozložník 2005,
// doi:10.1016/j.camwa.2005.08.009). It is false where nothing of q is left.
func extend(basis, q []float64, power float64, rank int) bool {
	n := len(q)
	for range 2 {
		for i := range rank {
			row := basis[i*n : (i+1)*n]
			floats.AddScaled(q, -floats.Dot(q, row), row)
		}
	}
	left := floats.Dot(q, q)
	if !(left > dependTol*power) {
		return false
	}
	floats.Scale(1/math.Sqrt(left), q)
	return true
}

// orthonormalise does that to rows in place and says how many are independent.
func orthonormalise(rows [][]float64) (rank int) {
	n := len(rows[0])
	basis := make([]float64, len(rows)*n)
	for _, row := range rows {
		q := basis[rank*n : (rank+1)*n]
		copy(q, row)
		if extend(basis, q, floats.Dot(q, q), rank) {
			copy(rows[rank], q)
			rank++
		}
	}
	return rank
}
