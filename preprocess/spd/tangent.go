package spd

import (
	"fmt"
	"math"
)

// Metric is a geometry of positive definite matrices.
type Metric string

// The metrics that exist.
const (
	Riemann   Metric = "riemann"   // affine-invariant: the same whatever linear mixing the channels went through
	LogEuclid Metric = "logeuclid" // Euclidean on the logarithms: cheaper, nearly the same
	Euclid    Metric = "euclid"    // of the entries
)

// Mean fills dst with the mean of the rows in the metric, by MeanRiemann with its defaults, MeanLogEuclid or MeanEuclid.
func (s *Solver) Mean(dst *Matrix, rows [][]float64, metric Metric) error {
	switch metric {
	case Riemann:
		_, err := s.MeanRiemann(dst, rows, MeanOptions{})
		return err
	case LogEuclid:
		return s.MeanLogEuclid(dst, rows)
	case Euclid:
		return s.MeanEuclid(dst, rows)
	}
	panic(fmt.Sprintf("spd: metric %q", string(metric)))
}

// Distance is that of a and b in the metric.
func (s *Solver) Distance(a, b *Matrix, metric Metric) (float64, error) {
	switch metric {
	case Riemann:
		return s.DistanceRiemann(a, b)
	case LogEuclid:
		return s.DistanceLogEuclid(a, b)
	case Euclid:
		return DistanceEuclid(a, b), nil
	}
	panic(fmt.Sprintf("spd: metric %q", string(metric)))
}

// Tangent maps matrices to the tangent space at a reference and back (Barachant et al. 2012,
// doi:10.1109/TBME.2011.2172210). A vector is the upper triangle of a symmetric matrix, row by row as Pack writes it,
// with the entries off the diagonal times √2, so that its length is the Frobenius norm of the matrix.
//
//	riemann:    S = log(R^−½·C·R^−½),                    C = R^½·exp(S)·R^½
//	logeuclid:  S = D_{log R} exp [log C − log R],       C = exp(log R + D_R log [S])
//
// D is the directional derivative. These are pyRiemann's tangent_space and untangent_space.
type Tangent struct {
	metric        Metric
	root, inverse *Matrix // R^½, R^−½
	log           *Matrix // log R
	basis         *Matrix // eigenvectors of R, one per row
	basisT        *Matrix
	slope         *Matrix // divided differences of exp at the eigenvalues of log R
}

// NewTangent prepares for the reference r, positive definite. metric is Riemann or LogEuclid. Errors are those of Log.
func (s *Solver) NewTangent(r *Matrix, metric Metric) (*Tangent, error) {
	n := s.n
	t := &Tangent{metric: metric}
	switch metric {
	case Riemann:
		t.root, t.inverse = NewMatrix(n), NewMatrix(n)
		return t, s.Roots(t.root, t.inverse, r)
	case LogEuclid:
		t.log, t.basis, t.basisT, t.slope = NewMatrix(n), NewMatrix(n), NewMatrix(n), NewMatrix(n)
		if err := s.Log(t.log, r); err != nil {
			return nil, err
		}
		l := make([]float64, n)
		if err := s.Eigen(l, t.basis, t.log); err != nil {
			return nil, err
		}
		t.basisT.transpose(t.basis)
		for i := range n {
			for j := range n {
				t.slope.Set(i, j, math.Exp((l[i]+l[j])/2)*sinhc((l[i]-l[j])/2))
			}
		}
		return t, nil
	}
	panic(fmt.Sprintf("spd: tangent space of metric %q", string(metric)))
}

// sinhc is sinh(x)/x.
func sinhc(x float64) float64 {
	if math.Abs(x) < 1e-4 {
		return 1 + x*x/6
	}
	return math.Sinh(x) / x
}

// Tangent fills dst with the tangent vector at t's reference of the positive definite matrix row, both of n·(n+1)/2
// numbers. dst may be row. Errors are those of Log.
func (s *Solver) Tangent(dst, row []float64, t *Tangent) error {
	s.t2.Unpack(row)
	if t.metric == Riemann {
		s.Congruence(s.t3, t.inverse, s.t2)
		if err := s.Log(s.t3, s.t3); err != nil {
			return err
		}
	} else {
		if err := s.Log(s.t2, s.t2); err != nil {
			return err
		}
		for i, v := range t.log.Data {
			s.t2.Data[i] -= v
		}
		s.derive(t, func(x, slope float64) float64 { return x * slope })
	}
	s.t3.Pack(dst)
	weight(dst, s.n, math.Sqrt2)
	return nil
}

// derive fills s.t3 with the directional derivative in the direction s.t2, each entry in the basis of t changed by f.
func (s *Solver) derive(t *Tangent, f func(x, slope float64) float64) {
	s.t1.mul(t.basis, s.t2)
	s.t3.mul(s.t1, t.basisT)
	for i := range s.n {
		for j := range s.n {
			s.t3.Set(i, j, f(s.t3.At(i, j), t.slope.At(i, j)))
		}
	}
	s.t1.mul(t.basisT, s.t3)
	s.t3.mul(s.t1, t.basis)
}

// Untangent is the inverse of Tangent. dst may be vector.
func (s *Solver) Untangent(dst, vector []float64, t *Tangent) error {
	if t.metric == LogEuclid {
		s.UntangentLog(s.t2, vector, t)
		if err := s.Exp(s.t3, s.t2); err != nil {
			return err
		}
		s.t3.Pack(dst)
		return nil
	}
	s.loadVector(vector)
	if err := s.Exp(s.t2, s.t2); err != nil {
		return err
	}
	s.Congruence(s.t3, t.root, s.t2)
	s.t3.Pack(dst)
	return nil
}

// UntangentLog fills dst with the logarithm of Untangent, which for the metric LogEuclid needs no detour over the
// matrix, however near to singular that is.
func (s *Solver) UntangentLog(dst *Matrix, vector []float64, t *Tangent) {
	if t.metric != LogEuclid {
		panic("spd: UntangentLog of a tangent space that is not log-Euclidean")
	}
	s.loadVector(vector)
	s.derive(t, func(x, slope float64) float64 { return x / slope })
	for i, v := range t.log.Data {
		dst.Data[i] = s.t3.Data[i] + v
	}
}

// loadVector makes s.t2 the symmetric matrix of a tangent vector.
func (s *Solver) loadVector(vector []float64) {
	s.t2.Unpack(vector)
	const f = 1 / math.Sqrt2
	for i := range s.n {
		for j := range s.n {
			if i != j {
				s.t2.Data[i*s.t2.Stride+j] *= f
			}
		}
	}
}

// weight multiplies the entries off the diagonal.
func weight(row []float64, n int, f float64) {
	for i := range n {
		for j := 1; j < n-i; j++ {
			row[j] *= f
		}
		row = row[n-i:]
	}
}
