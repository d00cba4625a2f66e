package spd

import (
	"errors"
	"fmt"
	"math"
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

// MeanRiemann fills dst with the Riemannian (Karcher) mean of the positive definite rows, the matrix M with the least
// sum of squared affine-invariant distances to them (Moakher 2005, doi:10.1137/S0895479803436937), and returns the
// number of iterations. It is the one with
//
//	J(M) = mean_i log(M^−½·C_i·M^−½) = 0
//
// reached from the arithmetic mean by M ← M^½·exp(D)·M^½. D is J divided by the curvature of the sum of squares: 1 along
// the identity, and in all other directions together its mean over the matrices, which for eigenvalues exp(l_a) of
// M^−½·C_i·M^−½ is that of x·coth x, x = (l_a−l_b)/2, nearly √(1+⅔x²) (Bini and Iannazzo 2013,
// doi:10.1016/j.laa.2011.08.052). That takes about half as many iterations as steps of J. Where the gradient grows, the
// step is halved for good.
//
// It ends behind the step that takes the Frobenius norm of J, which bounds the distance to the mean, to at most Tol. That
// norm is foretold from the step before: it falls by the ratio of the last two steps, the larger of them, but by no more
// than a factor of 50. (pyRiemann takes the norm before the last step and so makes one more.) A *ConvergenceError says
// that it was not reached.
func (s *Solver) MeanRiemann(dst *Matrix, rows [][]float64, opt MeanOptions) (iterations int, err error) {
	const slowest = 0.02
	if opt.Tol == 0 {
		opt.Tol = 1e-8
	}
	if opt.MaxIter == 0 {
		opt.MaxIter = 50
	}
	if err := s.MeanEuclid(dst, rows); err != nil {
		return 0, err
	}
	root, inverse, j := NewMatrix(s.n), NewMatrix(s.n), NewMatrix(s.n)
	damping, before, last, crit := 1.0, math.Inf(1), 0.0, 0.0
	for it := 1; it <= opt.MaxIter; it++ {
		if err := s.Roots(root, inverse, dst); err != nil {
			return it, fmt.Errorf("mean: %w", err)
		}
		curvature, err := s.gradient(j, inverse, rows)
		if err != nil {
			return it, err
		}
		crit = j.norm()
		if crit > before {
			damping /= 2
		}
		// The step to come makes the gradient smaller once more, by about as much as the steps so far did.
		ratio := crit / before
		expected := crit * min(1, max(ratio, last, slowest))
		if it == 1 {
			ratio, expected = 0, crit
		}
		before, last = crit, ratio
		s.step(j, damping, curvature)
		if err := s.Exp(j, j); err != nil {
			return it, err
		}
		s.Congruence(dst, root, j)
		dst.mirror()
		if expected <= opt.Tol {
			return it, nil
		}
	}
	return opt.MaxIter, &ConvergenceError{opt.MaxIter, crit, opt.Tol}
}

// gradient fills j with the mean of log(w·C·w) over the rows and returns the mean curvature outside the identity.
func (s *Solver) gradient(j, w *Matrix, rows [][]float64) (curvature float64, err error) {
	clear(j.Data)
	n := float64(s.n)
	pairs := n * (n - 1) / 2
	for i := 0; i < len(rows); i += lanes {
		group := rows[i:min(i+lanes, len(rows))]
		for k := range lanes {
			if k < len(group) {
				s.t2.Unpack(group[k])
				s.Congruence(s.t3, w, s.t2)
			} // a lane that is left over does the last matrix again
			if err := s.put(k, s.t3); err != nil {
				return 0, fmt.Errorf("matrix %d: %w", i+k, err)
			}
		}
		if err := s.ql4(); err != nil {
			return 0, fmt.Errorf("matrices from %d: %w", i, err)
		}
		for k := range group {
			s.take(k)
			if err := s.positive(); err != nil {
				return 0, fmt.Errorf("matrix %d: %w", i+k, err)
			}
			sum, squares := 0.0, 0.0
			for a, v := range s.values[:s.n] {
				l := math.Log(v)
				s.values[a] = l
				sum += l
				squares += l * l
			}
			s.compose(j, true)
			x2 := max(0, n*squares-sum*sum) / 4 // of all pairs together
			curvature += pairs * math.Sqrt(1+x2/max(pairs, 1)*2/3)
		}
	}
	f := 1 / float64(len(rows))
	for i := range j.Data {
		j.Data[i] *= f
	}
	if s.n == 1 {
		return 1, nil
	}
	return (curvature*f + n - 1) / (pairs + n - 1), nil
}

// step turns the gradient j into the step.
func (s *Solver) step(j *Matrix, damping, curvature float64) {
	along := j.Trace() / float64(s.n)
	f := damping / curvature
	for i := range j.Data {
		j.Data[i] *= f
	}
	for i := range s.n {
		j.Data[i*j.Stride+i] += along * (damping - f)
	}
}
