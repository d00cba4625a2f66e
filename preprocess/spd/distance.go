package spd

import (
	"math"
)

// DistanceRiemann is the affine-invariant distance of two positive definite matrices, sqrt(Σ ln² λ) over the λ of
// a·w = λ·b·w (Förstner and Moonen 2003, doi:10.1007/978-3-662-05296-9_31). Errors are those of GeneralValues and Log.
func (s *Solver) DistanceRiemann(a, b *Matrix) (float64, error) {
	if err := s.GeneralValues(s.p[:s.n], a, b); err != nil {
		return 0, err
	}
	if err := s.positive(); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, v := range s.values[:s.n] {
		l := math.Log(v)
		sum += l * l
	}
	return math.Sqrt(sum), nil
}

// DistanceToIdentity is the affine-invariant distance of the positive definite matrix a to the identity. With
// a = w·x·w and w the inverse root of m it is the distance of x and m. Errors are those of Log.
func (s *Solver) DistanceToIdentity(a *Matrix) (float64, error) {
	if err := s.decompose(a, false); err != nil {
		return 0, err
	}
	if err := s.positive(); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, v := range s.values[:s.n] {
		l := math.Log(v)
		sum += l * l
	}
	return math.Sqrt(sum), nil
}

// DistanceLogEuclid is ‖log a − log b‖, the Frobenius norm, of two positive definite matrices (Arsigny et al. 2007,
// doi:10.1137/050637996). Errors are those of Log.
func (s *Solver) DistanceLogEuclid(a, b *Matrix) (float64, error) {
	if err := s.Log(s.t2, a); err != nil {
		return 0, err
	}
	if err := s.Log(s.t3, b); err != nil {
		return 0, err
	}
	return DistanceEuclid(s.t2, s.t3), nil
}

// DistanceEuclid is ‖a − b‖, the Frobenius norm.
func DistanceEuclid(a, b *Matrix) float64 {
	a.same(b)
	sum := 0.0
	for i, v := range a.Data {
		d := v - b.Data[i]
		sum += d * d
	}
	return math.Sqrt(sum)
}

// GeodesicRiemann fills dst with the point at t on the affine-invariant geodesic from a (t = 0) to b (t = 1), both
// positive definite: a^½·(a^−½·b·a^−½)^t·a^½. dst may be a or b. Errors are those of Log.
func (s *Solver) GeodesicRiemann(dst, a, b *Matrix, t float64) error {
	if err := s.Roots(s.t2, s.t3, a); err != nil {
		return err
	}
	s.t1.mul(s.t3, b)
	dst.mul(s.t1, s.t3)
	if err := s.Pow(dst, dst, t); err != nil {
		return err
	}
	s.t1.mul(s.t2, dst)
	dst.mul(s.t1, s.t2)
	dst.mirror()
	return nil
}
