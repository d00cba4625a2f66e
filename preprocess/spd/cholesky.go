package spd

import (
	"fmt"
	"math"
)

// Cholesky fills l with the lower triangular matrix with a = l·lᵀ, a positive definite; only the upper triangle of a
// counts. It is an error where a is not positive definite. l is not a.
func (s *Solver) Cholesky(l, a *Matrix) error {
	l.same(s.a)
	a.same(s.a)
	n, ld := s.n, l.Stride
	clear(l.Data)
	// Row i of u = lᵀ in s.t1 loses the rows before it, so that the inner loops run along rows.
	u := s.t1.Data
	copy(u, a.Data)
	big := 0.0
	for i := range n {
		big = max(big, u[i*ld+i])
	}
	for i := range n {
		pivot := u[i*ld+i]
		if !(pivot > RankTol*big) || math.IsInf(pivot, 0) {
			return fmt.Errorf("matrix is not positive definite: pivot %d is %.3g, the largest diagonal entry %.3g; use a shrinking estimator such as oas", i, pivot, big)
		}
		r := 1 / math.Sqrt(pivot)
		for j := i; j < n; j++ {
			u[i*ld+j] *= r
			l.Data[j*ld+i] = u[i*ld+j]
		}
		for k := i + 1; k < n; k++ {
			f := u[i*ld+k]
			row, from := u[k*ld+k:k*ld+n], u[i*ld+k:i*ld+n]
			for j, v := range from {
				row[j] -= f * v
			}
		}
	}
	return nil
}

// InvertLower fills dst with the inverse of the lower triangular matrix l, whose diagonal has no zero. dst is not l.
func InvertLower(dst, l *Matrix) {
	dst.same(l)
	n, ld := l.N, l.Stride
	clear(dst.Data)
	for i := range n {
		row := dst.Data[i*ld : i*ld+n]
		for k := range i {
			f := l.Data[i*ld+k]
			for j, v := range dst.Data[k*ld : k*ld+k+1] {
				row[j] -= f * v
			}
		}
		inv := 1 / l.Data[i*ld+i]
		for j := range i {
			row[j] *= inv
		}
		row[i] = inv
	}
}

// GeneralValues fills values [n] with the λ of a·w = λ·b·w, ascending, for symmetric a and positive definite b: the
// eigenvalues of l⁻¹·a·l⁻ᵀ with b = l·lᵀ. Errors are those of Cholesky and Eigen.
func (s *Solver) GeneralValues(values []float64, a, b *Matrix) error {
	if err := s.Cholesky(s.t2, b); err != nil {
		return err
	}
	InvertLower(s.t3, s.t2)
	s.t2.transpose(s.t3)
	s.t1.CopyFrom(a)
	s.t1.mirror()
	s.scaled.mul(s.t3, s.t1)
	s.t1.mul(s.scaled, s.t2)
	return s.Eigen(values, nil, s.t1)
}

// Congruence fills dst with w·x·w for symmetric w and x. dst is neither of them.
func (s *Solver) Congruence(dst, w, x *Matrix) {
	s.t1.mul(w, x)
	dst.mul(s.t1, w)
}
