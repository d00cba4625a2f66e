package spd

import (
	"fmt"
	"math"
)

// Map writes V·f(λ)·Vᵀ to dst, a = V·λ·Vᵀ being the symmetric matrix of which only the upper triangle counts. dst may be
// a. Errors are those of Eigen.
func (s *Solver) Map(dst, a *Matrix, f func(float64) float64) error {
	if err := s.decompose(a, true); err != nil {
		return err
	}
	for i, v := range s.values[:s.n] {
		s.values[i] = f(v)
	}
	s.compose(dst)
	return nil
}

// compose writes Σ_i values[i]·z_i·z_iᵀ to dst.
func (s *Solver) compose(dst *Matrix) {
	dst.same(s.z)
	ld := dst.Stride
	for i, v := range s.values[:s.n] {
		z, t := s.z.Data[i*ld:(i+1)*ld], s.scaled.Data[i*ld:(i+1)*ld]
		for j, w := range z {
			t[j] = v * w
		}
	}
	gemm(dst.Data, s.scaled.Data, s.z.Data, ld, ld, s.n, 1, ld, ld, ld, false)
}

// positive is an error where the matrix decomposed last is not positive definite within rounding.
func (s *Solver) positive() error {
	lo, hi := s.values[0], s.values[0]
	for _, v := range s.values[1:s.n] {
		lo, hi = min(lo, v), max(hi, v)
	}
	if !(lo > RankTol*hi) {
		return &SingularError{Smallest: lo, Largest: hi}
	}
	return nil
}

// SingularError is a matrix that must be positive definite and is not: its smallest eigenvalue is not above RankTol
// times the largest.
type SingularError struct{ Smallest, Largest float64 }

// Error names the usual causes and the remedy.
func (e *SingularError) Error() string {
	return fmt.Sprintf("matrix has eigenvalues from %.3g to %.3g, must be positive definite (condition below %g): an average reference, a flat or doubled channel, or fewer samples than channels make a covariance singular; use a shrinking estimator such as oas, or leave the channel out",
		e.Smallest, e.Largest, 1/RankTol)
}

// Log is the matrix logarithm of the positive definite matrix a. dst may be a. It is an error, a *SingularError, where a
// is not positive definite.
func (s *Solver) Log(dst, a *Matrix) error {
	if err := s.logs(a); err != nil {
		return err
	}
	s.compose(dst)
	return nil
}

// logs decomposes a and leaves the logarithms of its eigenvalues in s.values.
func (s *Solver) logs(a *Matrix) error {
	if err := s.decompose(a, true); err != nil {
		return err
	}
	if err := s.positive(); err != nil {
		return err
	}
	for i, v := range s.values[:s.n] {
		s.values[i] = math.Log(v)
	}
	return nil
}

// Exp is the matrix exponential of the symmetric matrix a. dst may be a.
func (s *Solver) Exp(dst, a *Matrix) error { return s.Map(dst, a, math.Exp) }

// Sqrt is the positive definite square root of the positive definite matrix a. dst may be a. Errors are those of Log.
func (s *Solver) Sqrt(dst, a *Matrix) error { return s.Pow(dst, a, 0.5) }

// InvSqrt is the inverse of Sqrt.
func (s *Solver) InvSqrt(dst, a *Matrix) error { return s.Pow(dst, a, -0.5) }

// Pow is a to the power p, a positive definite. dst may be a. Errors are those of Log.
func (s *Solver) Pow(dst, a *Matrix, p float64) error {
	if err := s.decompose(a, true); err != nil {
		return err
	}
	if err := s.positive(); err != nil {
		return err
	}
	s.power(p)
	s.compose(dst)
	return nil
}

// Roots fills root with the square root of the positive definite matrix a and inverse with the inverse of the root.
// Errors are those of Log.
func (s *Solver) Roots(root, inverse, a *Matrix) error {
	if err := s.Pow(root, a, 0.5); err != nil {
		return err
	}
	for i, v := range s.values[:s.n] {
		s.values[i] = 1 / v
	}
	s.compose(inverse)
	return nil
}

func (s *Solver) power(p float64) {
	for i, v := range s.values[:s.n] {
		switch p {
		case 0.5:
			s.values[i] = math.Sqrt(v)
		case -0.5:
			s.values[i] = 1 / math.Sqrt(v)
		default:
			s.values[i] = math.Pow(v, p)
		}
	}
}
