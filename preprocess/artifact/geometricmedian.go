package artifact

import (
	"errors"
	"math"
)

// The covariances of all blocks are held at once: blocks get longer than asked for where they would take more numbers
// than this, 256 MiB.
const maxBlockValues = 1 << 25

// medianTol is where clean_rawdata ends the search for the geometric median.
const medianTol = 1e-5

// robustCovariance is the geometric median of the covariances, without subtraction of means, of blocks of at least
// blockLen samples of x [channel][sample]: [C][C] row by row. Up to half of the blocks may be anything.
func robustCovariance(x [][]float64, blockLen int) ([]float64, error) {
	c, n := len(x), len(x[0])
	size := c * (c + 1) / 2
	blockLen = max(blockLen, int(math.Ceil(float64(n)*float64(size)/maxBlockValues)))
	blocks := (n + blockLen - 1) / blockLen
	u := make([]float64, blocks*size) // upper triangles; √2 makes the distance that of whole matrices
	for b := range blocks {
		row := u[b*size : (b+1)*size]
		k := 0
		for i := range c {
			for j := i; j < c; j++ {
				sum := 0.0
				for t := b * blockLen; t < (b+1)*blockLen; t++ {
					s := min(t, n-1) // the last block repeats the last sample, as the original does
					sum += float64(x[i][s] * x[j][s])
				}
				if i != j {
					sum *= math.Sqrt2
				}
				row[k] = sum / float64(blockLen)
				k++
			}
		}
	}
	m, err := geometricMedian(u, size, medianTol)
	if err != nil {
		return nil, err
	}
	full := make([]float64, c*c)
	k := 0
	for i := range c {
		for j := i; j < c; j++ {
			v := m[k]
			if i != j {
				v /= math.Sqrt2
			}
			full[i*c+j], full[j*c+i] = v, v
			k++
		}
	}
	return full, nil
}

// geometricMedian is the point with the least sum of distances to the rows of u, of size values each, by Weiszfeld's
// iteration from the median of every value, until a step is below tol of its length or 500 are done. A row that is met exactly is left out of
// that step (Vardi and Zhang 2000, doi:10.1073/pnas.97.4.1423, treat it better and get the same unless it is the
// median).
func geometricMedian(u []float64, size int, tol float64) ([]float64, error) {
	rows := len(u) / size
	y, next, column := make([]float64, size), make([]float64, size), make([]float64, rows)
	for k := range y {
		for i := range column {
			column[i] = u[i*size+k]
		}
		y[k] = medianInPlace(column)
	}
	for range 500 {
		clear(next)
		weights := 0.0
		for i := range rows {
			row := u[i*size : (i+1)*size]
			d := 0.0
			for k, v := range row {
				d += float64((v - y[k]) * (v - y[k]))
			}
			if d == 0 {
				continue
			}
			w := 1 / math.Sqrt(d)
			weights += w
			for k, v := range row {
				next[k] += float64(w * v)
			}
		}
		if weights == 0 { // all rows are the same
			return y, nil
		}
		moved, length := 0.0, 0.0
		for k := range next {
			next[k] /= weights
			moved += float64((next[k] - y[k]) * (next[k] - y[k]))
			length += float64(next[k] * next[k])
		}
		if !finite(length) || length == 0 {
			return nil, errors.New("the covariance of the training signal is zero or overflows: check its unit and that electrodes are connected")
		}
		y, next = next, y
		if math.Sqrt(moved/length) < tol {
			return y, nil
		}
	}
	return y, nil
}

// medianInPlace is the median of x, which it reorders; of an even number the mean of the middle two.
func medianInPlace(x []float64) float64 {
	n := len(x)
	hi := selectInPlace(x, n/2)
	if n%2 == 1 {
		return hi
	}
	lo := x[0]
	for _, v := range x[:n/2] {
		lo = max(lo, v)
	}
	return lo + (hi-lo)/2
}

// selectInPlace is the k-th smallest of x, from 0, with all before it no larger (Hoare 1961, doi:10.1145/366622.366647).
// There must be no NaN.
func selectInPlace(x []float64, k int) float64 {
	lo, hi := 0, len(x)-1
	for lo < hi {
		pivot := x[lo+(hi-lo)/2]
		i, j := lo, hi
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for x[j] > pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return x[k]
		}
	}
	return x[k]
}
