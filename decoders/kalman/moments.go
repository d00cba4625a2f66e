package kalman

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// series is the rows of all runs without their mean.
type series struct {
	x    *mat.Dense // [rows, numbers]
	mean []float64
	rows int
	ends []int // of the runs, one past their last row
}

func centred(runs [][][]float64) series {
	p := len(runs[0][0])
	s := series{mean: make([]float64, p)}
	pivot := runs[0][0] // measured from the first row: a constant gives exactly 0
	for _, run := range runs {
		s.rows += len(run)
		s.ends = append(s.ends, s.rows)
	}
	s.x = mat.NewDense(s.rows, p, nil)
	i := 0
	for _, run := range runs {
		for _, row := range run {
			for j, v := range row {
				s.x.Set(i, j, v-pivot[j])
				s.mean[j] += (v - pivot[j]) / float64(s.rows)
			}
			i++
		}
	}
	for i := range s.rows {
		for j, m := range s.mean {
			s.x.Set(i, j, s.x.At(i, j)-m)
		}
	}
	for j, v := range pivot {
		s.mean[j] += v
	}
	return s
}

// steps is the rows that have one behind them in their run, and those behind.
func (s *series) steps() (first, second *mat.Dense) {
	_, p := s.x.Dims()
	var a, b []float64
	for i := range s.rows {
		if slices.Contains(s.ends, i+1) {
			continue
		}
		a, b = append(a, s.x.RawRowView(i)...), append(b, s.x.RawRowView(i+1)...)
	}
	return mat.NewDense(len(a)/p, p, a), mat.NewDense(len(b)/p, p, b)
}

// outer is dst = aᵀ·b.
func outer(dst *mat.Dense, a, b mat.Matrix) { dst.Mul(a.T(), b) }

// regress is cross·square⁻¹, the least-squares map whose moments these are.
func regress(cross, square *mat.Dense, names []string) (*mat.Dense, error) {
	d, _ := square.Dims()
	scale := make([]float64, d)
	for i, name := range names {
		v := square.At(i, i)
		if !(v > 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%s has the sum of squares %g in the training rows, must be above 0 and finite: it does not vary, or is too large; leave it out", name, v)
		}
		scale[i] = 1 / math.Sqrt(v)
	}
	sym := mat.NewSymDense(d, nil)
	for i := range d {
		for j := i; j < d; j++ {
			sym.SetSym(i, j, square.At(i, j)*scale[i]*scale[j])
		}
	}
	const maxCondition = 1e12
	var chol mat.Cholesky
	if !chol.Factorize(sym) || !(chol.Cond() < maxCondition) {
		return nil, fmt.Errorf("the quantities %q depend on each other in the training rows; leave out those that follow from others", names)
	}
	rows, _ := cross.Dims()
	rhs := mat.NewDense(d, rows, nil)
	for i := range rows {
		for j := range d {
			rhs.Set(j, i, cross.At(i, j)*scale[j])
		}
	}
	if err := chol.SolveTo(rhs, rhs); err != nil {
		return nil, err
	}
	out := mat.NewDense(rows, d, nil)
	for i := range rows {
		for j := range d {
			out.Set(i, j, rhs.At(j, i)*scale[j])
		}
	}
	return out, nil
}

// residual is (total − by·crossᵀ)/n, the mean square of what the least-squares map by leaves, made symmetric.
func residual(total, cross, by *mat.Dense, n float64) []float64 {
	var explained mat.Dense
	explained.Mul(by, cross.T())
	d, _ := total.Dims()
	out := make([]float64, d*d)
	for i := range d {
		for j := range i + 1 {
			v := (total.At(i, j) + total.At(j, i) - explained.At(i, j) - explained.At(j, i)) / 2 / n
			if i == j {
				// What is rounding of a difference counts as nothing left.
				if v < 1e-14*total.At(i, i)/n {
					v = 0
				}
			}
			out[i*d+j], out[j*d+i] = v, v
		}
	}
	return out
}

// data is a copy of m in row-major order.
func data(m *mat.Dense) []float64 {
	rows, cols := m.Dims()
	out := make([]float64, 0, rows*cols)
	for i := range rows {
		out = append(out, m.RawRowView(i)...)
	}
	return out
}
