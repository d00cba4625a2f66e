package spd

import (
	"errors"
	"fmt"
)

// A set of matrices comes as rows, each the upper triangle of one matrix as Pack writes it: [matrices][n·(n+1)/2]. The
// means below weight all alike. Each of them panics where a row has another length and returns an error that names the
// first matrix it cannot use.

// MeanOptions tune MeanRiemann; the zero value asks for the defaults, which are pyRiemann's.
type MeanOptions struct {
	Tol     float64 // largest norm of the gradient at the mean; 0 means 1e-8. Rounding keeps it above about 1e-10
	MaxIter int     // iterations before it gives up; 0 means 50
}

// ConvergenceError is a mean that was not reached.
type ConvergenceError struct {
	Iterations    int
	Gradient, Tol float64
}

// Error says how far it came.
func (e *ConvergenceError) Error() string {
	return fmt.Sprintf("the Riemannian mean did not converge: after %d iterations its gradient is %.3g, must be at most %.3g; the matrices are too different or too near to singular: use a shrinking estimator such as oas, remove outliers, or take the log-Euclidean mean",
		e.Iterations, e.Gradient, e.Tol)
}

// MeanEuclid fills dst with the arithmetic mean of the rows.
func (s *Solver) MeanEuclid(dst *Matrix, rows [][]float64) error {
	if len(rows) == 0 {
		return errNoMatrices
	}
	clear(dst.Data)
	for i, row := range rows {
		if len(row) != Packed(s.n) {
			panic(fmt.Sprintf("spd: matrix %d has %d entries, must have %d", i, len(row), Packed(s.n)))
		}
		for r := range s.n {
			d := dst.Data[r*dst.Stride+r : r*dst.Stride+s.n]
			for j, v := range row[:len(d)] {
				d[j] += v
			}
			row = row[len(d):]
		}
	}
	f := 1 / float64(len(rows))
	for i := range dst.Data {
		dst.Data[i] *= f
	}
	dst.mirror()
	if i, j, bad := dst.notFinite(); bad {
		return fmt.Errorf("entry (%d, %d) of the mean is %g, must be finite", i, j, dst.At(i, j))
	}
	return nil
}

var errNoMatrices = errors.New("no matrices to take the mean of")

// MeanLogEuclid fills dst with exp(mean of the logarithms) of the positive definite rows (Arsigny et al. 2007,
// doi:10.1137/050637996).
func (s *Solver) MeanLogEuclid(dst *Matrix, rows [][]float64) error {
	return s.through(dst, rows, s.Log, s.Exp)
}

// MeanHarmonic fills dst with the inverse of the mean of the inverses of the positive definite rows.
func (s *Solver) MeanHarmonic(dst *Matrix, rows [][]float64) error {
	invert := func(dst, a *Matrix) error { return s.Pow(dst, a, -1) }
	return s.through(dst, rows, invert, invert)
}

func (s *Solver) through(dst *Matrix, rows [][]float64, to, from func(dst, a *Matrix) error) error {
	if len(rows) == 0 {
		return errNoMatrices
	}
	clear(s.t2.Data)
	for i, row := range rows {
		dst.Unpack(row)
		if err := to(dst, dst); err != nil {
			return fmt.Errorf("matrix %d: %w", i, err)
		}
		for j, v := range dst.Data {
			s.t2.Data[j] += v
		}
	}
	f := 1 / float64(len(rows))
	for j := range s.t2.Data {
		s.t2.Data[j] *= f
	}
	return from(dst, s.t2)
}
