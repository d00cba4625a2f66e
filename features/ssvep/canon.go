package ssvep

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// dependTol is the part of a channel's power that must be left behind the projection on the channels before it; with
// less, it is a combination of them up to rounding (an average reference makes the last channel one).
const dependTol = 1e-12

// correlator finds the first canonical correlation of a window with the sines and cosines of many frequencies.
//
// Sines and cosines are taken about the middle of the window, where cosines see only the even part of the signal,
// x(c+u) + x(c−u), and sines only the odd part: half the products. Splitting a window so (divided by √2) changes no
// inner product.
//
// Frequencies are taken four at a time, number k of one quantity of all four beside each other: a processor then works on
// four chains of operations at once instead of waiting for one.
type correlator struct {
	n, even   int       // samples of a window; of its even part
	harmonics int       // per frequency
	stride    int       // harmonics·lanes, up to a multiple of dsp.Columns; the rest is zeros
	cos, sin  []float64 // [groups of frequencies, samples of the part, stride], orthonormal for each frequency

	basis  []float64 // of the window at hand [channels, n], orthonormal rows, even part first
	coeff  []float64 // [channels]
	inner  []float64 // [channels, 2·harmonics, lanes] with the references of one group; what is over of stride follows each channel
	gram   []quad    // [size, size], size the smaller of channels and 2·harmonics
	d, off []quad    // [size]
}

// lanes is the number of frequencies in a group. Their references fit into the cache beside the window.
const lanes = 4

// quad is one quantity of all frequencies of a group.
type quad = [lanes]float64

// newCorrelator orthonormalises the references for windows of n samples. It is an error where a harmonic reaches half
// the rate or the references of a frequency depend on each other.
func newCorrelator(freqs []float64, harmonics, channels, n int, rate float64) (*correlator, error) {
	c := &correlator{n: n, even: n - n/2, harmonics: harmonics}
	c.stride = (harmonics*lanes + dsp.Columns - 1) / dsp.Columns * dsp.Columns
	odd := n / 2
	groups := (len(freqs) + lanes - 1) / lanes // what is missing in the last group is zeros
	c.cos, c.sin = make([]float64, groups*c.even*c.stride), make([]float64, groups*odd*c.stride)
	for k, f := range freqs {
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
		for h := range harmonics {
			at := k/lanes*c.even*c.stride + h*lanes + k%lanes
			for t, v := range cosines[h] {
				c.cos[at+t*c.stride] = v
			}
			at = k/lanes*odd*c.stride + h*lanes + k%lanes
			for t, v := range sines[h] {
				c.sin[at+t*c.stride] = v
			}
		}
	}
	c.basis, c.coeff = make([]float64, channels*n), make([]float64, channels)
	c.inner = make([]float64, channels*(harmonics*lanes+c.stride))
	size := min(channels, 2*harmonics)
	c.gram, c.d, c.off = make([]quad, size*size), make([]quad, size), make([]quad, size)
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

// split writes the even and the odd part of x without its mean to dst [n], times √2: the length of a channel does not
// matter. It measures from the first sample, so that a constant channel gives zeros.
func (c *correlator) split(dst, x []float64) {
	odd, pivot := c.n/2, x[0]
	even, rest := dst[:c.even], dst[c.even:c.n]
	left, right := x[:odd], x[c.n-odd:]
	for t := range rest {
		a, b := left[t]-pivot, right[len(right)-1-t]-pivot
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
		if extend(c.basis, q, c.coeff, power, rank) {
			rank++
		}
	}
	if rank == 0 {
		return 0, -1
	}
	terms := 2 * c.harmonics
	size, row, col := rank, c.harmonics*lanes+c.stride, lanes
	if size > terms {
		size, terms, row, col = terms, size, col, row
	}
	d, off, gram := c.d[:size], c.off[:size], c.gram[:size*size]
	for from := 0; from < len(dst); from += lanes {
		cosines, sines := c.cos[from/lanes*c.even*c.stride:], c.sin[from/lanes*(c.n-c.even)*c.stride:]
		for i := range rank { // all cosines first: they and one part of the window stay in the cache
			dsp.SumRows(c.innerOf(i, 0), c.basis[i*c.n:i*c.n+c.even], cosines, c.stride)
		}
		for i := range rank { // where the sines begin, dsp.SumRows has left zeros
			dsp.SumRows(c.innerOf(i, c.harmonics), c.basis[i*c.n+c.even:(i+1)*c.n], sines, c.stride)
		}
		products(gram, c.inner, size, terms, row, col)
		values := largestEigenvalues(gram, d, off)
		for k := range min(lanes, len(dst)-from) {
			dst[from+k] = math.Sqrt(min(values[k], 1))
		}
	}
	return rank, -1
}

// innerOf is the place for the products of channel i with the references from number first on.
func (c *correlator) innerOf(i, first int) []float64 {
	at := i*(c.harmonics*lanes+c.stride) + first*lanes
	return c.inner[at : at+c.stride]
}

// products fills the lower triangles of gram [size, size] with the inner products of the rows of m, of terms entries.
// Entry t of row i begins at i·row + t·col.
func products(gram []quad, m []float64, size, terms, row, col int) {
	for i := range size {
		for j := 0; j <= i; j += 2 { // two at a time
			var s0, s1, s2, s3, r0, r1, r2, r3 float64
			p, q, r := i*row, j*row, min(j+1, i)*row
			for range terms {
				a, b, c := (*quad)(m[p:]), (*quad)(m[q:]), (*quad)(m[r:])
				s0 += a[0] * b[0]
				s1 += a[1] * b[1]
				s2 += a[2] * b[2]
				s3 += a[3] * b[3]
				r0 += a[0] * c[0]
				r1 += a[1] * c[1]
				r2 += a[2] * c[2]
				r3 += a[3] * c[3]
				p, q, r = p+col, q+col, r+col
			}
			gram[i*size+j] = quad{s0, s1, s2, s3}
			if j < i {
				gram[i*size+j+1] = quad{r0, r1, r2, r3}
			}
		}
	}
}

// extend makes q, of the squared length power, orthogonal to the first rank rows of basis [.., len(q)] and scales it to
// length 1, by Gram and Schmidt's method, done again where rounding may have left something, as little of q is left; twice
// is enough (Giraud, Langou and Rozložník 2005, doi:10.1016/j.camwa.2005.08.009). It is false where nothing of q is left.
func extend(basis, q, coeff []float64, power float64, rank int) bool {
	left := power
	for range 2 {
		if rank > 0 {
			rows := blas64.General{Rows: rank, Cols: len(q), Stride: len(q), Data: basis}
			v, c := blas64.Vector{N: len(q), Inc: 1, Data: q}, blas64.Vector{N: rank, Inc: 1, Data: coeff}
			blas64.Gemv(blas.NoTrans, 1, rows, v, 0, c)
			blas64.Gemv(blas.Trans, -1, rows, c, 1, v)
			left = floats.Dot(q, q)
		}
		if left > 0.01*power { // the rounding of the projection is then at most ten times that of q
			break
		}
	}
	if !(left > dependTol*power) {
		return false
	}
	floats.Scale(1/math.Sqrt(left), q)
	return true
}

// orthonormalise does that to rows in place and says how many are independent.
func orthonormalise(rows [][]float64) (rank int) {
	n := len(rows[0])
	basis, coeff := make([]float64, len(rows)*n), make([]float64, len(rows))
	for _, row := range rows {
		q := basis[rank*n : (rank+1)*n]
		copy(q, row)
		if extend(basis, q, coeff, floats.Dot(q, q), rank) {
			copy(rows[rank], q)
			rank++
		}
	}
	return rank
}
