package ica

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// Data is a signal of comps components, the samples one behind the other: component i of sample t is x[t·stride+i]. What
// is beyond comps in a sample, and the samples that fill up a group of eight, are 0, so that the kernels need no rest.
type Data struct {
	x                    []float64
	comps, n, wide, rows int // wide: comps rounded up to 8; rows: n rounded up to 8
	stride               int
}

// block is the number of samples that pass through all steps of an iteration together, to stay in the second-level cache.
const block = 128

// up8 is n rounded up to a multiple of 8.
func up8(n int) int { return (n + 7) &^ 7 }

func newData(comps, n int) *Data {
	d := &Data{comps: comps, n: n, wide: up8(comps), rows: up8(n)}
	d.stride = d.wide
	if d.stride%64 == 0 { // rows a multiple of 512 bytes apart would share few lines of the first-level cache
		d.stride += 8
	}
	d.x = make([]float64, d.rows*d.stride)
	return d
}

// fill writes x − mean as the samples from at on. It goes by blocks, as both are long.
func (d *Data) fill(x [][]float64, mean []float64, at int) {
	n := len(x[0])
	for from := 0; from < n; from += block {
		to := min(from+block, n)
		for i, row := range x {
			out := d.x[(at+from)*d.stride+i:]
			for t, v := range row[from:to] {
				out[t*d.stride] = v - mean[i]
			}
		}
	}
}

// Len is the number of samples and Components that of components.
func (d *Data) Len() int { return d.n }

// Components is the number of components.
func (d *Data) Components() int { return d.comps }

// padded is the transpose of m [r, comps] as gemm wants it: [wide][stride of a Data with r components].
func (d *Data) padded(m *mat.Dense) []float64 {
	r, c := m.Dims()
	to := newData(r, 0)
	out := make([]float64, d.wide*to.stride)
	for i := range r {
		for j := range c {
			out[j*to.stride+i] = m.At(i, j)
		}
	}
	return out
}

// times fills out with m·d, m [r, comps]; out has r components and is not d.
func (d *Data) times(out *Data, m *mat.Dense) {
	w := d.padded(m)
	for at := 0; at < d.rows; at += block {
		k := min(block, d.rows-at)
		y := out.x[at*out.stride : (at+k)*out.stride]
		clear(y)
		gemm(y, out.stride, d.x[at*d.stride:], d.stride, 1, w, out.stride, k, out.wide, d.comps)
	}
}

// gram adds Σ_t a[t][i]·b[t][j] to acc [wide][stride], over k samples (rows) of a and b, both with the strides of d.
func (d *Data) gram(acc, a, b []float64, k int) {
	gemm(acc, d.stride, a, 1, d.stride, b, d.stride, d.wide, d.wide, k)
}

// square is the [comps, comps] part of acc times scale.
func (d *Data) square(acc []float64, scale float64) *mat.Dense {
	m := mat.NewDense(d.comps, d.comps, nil)
	for i := range d.comps {
		for j := range d.comps {
			m.Set(i, j, acc[i*d.stride+j]*scale)
		}
	}
	return m
}

// White is a signal made uncorrelated, and how.
type White struct {
	*Data
	Mean []float64  // of each channel
	K    *mat.Dense // [components, channels]: sources are W·K·(x − Mean)
	// Explained is the part of the total variance that each component has, falling.
	Explained []float64
}

// Whiten makes runs, each [channels][samples], into one signal with mean 0 and the identity for a covariance (division by
// the number of samples), by principal components in order of falling variance. The entry of largest magnitude in each
// row of K is positive.
//
// components says how many to keep: a whole number of at least 1; a part of the variance above 0 and below 1, which the
// fewest that reach it must explain; or 0 for all. More than the rank of the data (eigenvalues above spd.RankTol of the
// largest) cannot be had: for 0 the rank is taken, a larger whole number is an error. So are samples that are not finite
// and fewer samples than channels.
func Whiten(runs [][][]float64, components float64) (*White, error) {
	chs, n := 0, 0
	for _, r := range runs {
		if chs = len(r); chs > 0 {
			n += len(r[0])
		}
	}
	if chs == 0 || n <= chs {
		return nil, fmt.Errorf("%d samples of %d channels, must be more samples than channels", n, chs)
	}
	d, mean := newData(chs, n), make([]float64, chs)
	for ch := range mean {
		pivot, sum := math.NaN(), 0.0 // of the first sample: a constant channel becomes 0 and not rounding error
		for _, r := range runs {
			for _, v := range r[ch] {
				if pivot != pivot {
					pivot = v
				}
				sum += v - pivot
			}
		}
		mean[ch] = pivot + sum/float64(n)
		if math.IsNaN(mean[ch]) || math.IsInf(mean[ch], 0) {
			return nil, fmt.Errorf("channel %d has a sample that is not finite", ch)
		}
	}
	at := 0
	for _, r := range runs {
		d.fill(r, mean, at)
		at += len(r[0])
	}
	acc := make([]float64, d.wide*d.stride)
	for at := 0; at < d.rows; at += block {
		k := min(block, d.rows-at)
		x := d.x[at*d.stride:]
		d.gram(acc, x, x, k)
	}
	cov := mat.NewSymDense(chs, nil)
	for i := range chs {
		for j := i; j < chs; j++ {
			cov.SetSym(i, j, acc[i*d.stride+j]/float64(n))
		}
	}
	basis, values, err := spd.Range(cov)
	if err != nil {
		return nil, fmt.Errorf("covariance of the channels: %w", err)
	}
	keep, err := count(values, components)
	if err != nil {
		return nil, err
	}
	w := &White{Mean: mean, K: mat.NewDense(keep, chs, nil), Explained: make([]float64, keep)}
	total := 0.0
	for _, v := range values {
		total += v
	}
	for i := range keep {
		k := len(values) - 1 - i // values ascend
		w.Explained[i] = values[k] / total
		row := w.K.RawRowView(i)
		big := 0
		for ch := range row {
			row[ch] = basis.At(ch, k) / math.Sqrt(values[k])
			if math.Abs(row[ch]) > math.Abs(row[big]) {
				big = ch
			}
		}
		if row[big] < 0 {
			for ch := range row {
				row[ch] = -row[ch]
			}
		}
	}
	w.Data = newData(keep, n)
	d.times(w.Data, w.K)
	return w, nil
}

// count is the number of components to keep of those with the ascending variances values.
func count(values []float64, components float64) (int, error) {
	switch whole := math.Trunc(components); {
	case components == 0:
		return len(values), nil
	case components > 0 && components < 1:
		total, sum := 0.0, 0.0
		for _, v := range values {
			total += v
		}
		for k := range values {
			if sum += values[len(values)-1-k]; sum >= components*total {
				return k + 1, nil
			}
		}
		return len(values), nil
	case !(components >= 1) || components != whole: // also catches NaN
		return 0, fmt.Errorf("components is %g, must be a whole number, a part of the variance between 0 and 1, or 0 for all", components)
	case int(whole) > len(values):
		return 0, fmt.Errorf("components is %g, but the channels have rank %d (an average reference, interpolated and flat channels each lower it); set components to at most %d, or to 0 for all there are",
			components, len(values), len(values))
	default:
		return int(whole), nil
	}
}
