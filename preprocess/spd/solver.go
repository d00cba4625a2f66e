package spd

import (
	"fmt"
	"math"
)

// Solver is the memory for one size of matrix in which eigenvalues, maps, means and distances are computed without
// allocating. It must not be used from two goroutines at once.
//
// The eigensolver is Householder's reduction to tridiagonal form followed by the QL algorithm with shifts (Martin,
// Reinsch and Wilkinson 1968, doi:10.1007/BF02161360; Bowdler, Martin, Reinsch and Wilkinson 1968,
// doi:10.1007/BF02165403), in one fixed order of operations: the same matrix gives the same bits on every machine that
// runs the same build.
type Solver struct {
	n          int
	values     []float64 // of the last decomposition, in the order in which QL found them
	off        []float64 // below the diagonal
	v, p, half []float64 // Householder vector, its product, vᵀv/2 of each step; padded
	a, z       *Matrix   // reduced matrix with the Householder vectors; eigenvectors, one per row
	t1, t2, t3 *Matrix
	scaled     *Matrix
	cs         []float64 // cosines and sines of a sweep
	four       *four
}

// NewSolver makes room for matrices [n, n], n at least 1.
func NewSolver(n int) *Solver {
	s := &Solver{n: n, values: make([]float64, pad(n)), off: make([]float64, pad(n)+1), v: make([]float64, pad(n)), p: make([]float64, pad(n)), half: make([]float64, pad(n)), cs: make([]float64, 2*n)}
	for _, m := range []**Matrix{&s.a, &s.z, &s.t1, &s.t2, &s.t3, &s.scaled} {
		*m = NewMatrix(n)
	}
	return s
}

// Size is n.
func (s *Solver) Size() int { return s.n }

// Eigen fills values [n] with the eigenvalues of the symmetric matrix a, ascending, and row i of vectors with the unit
// eigenvector of values[i], its entry of largest magnitude positive. vectors may be nil. Only the upper triangle of a
// counts. It is an error where a has an entry that is not finite.
//
// The error of an eigenvalue is a small multiple of 2e-16 times the largest one, as that of LAPACK.
func (s *Solver) Eigen(values []float64, vectors, a *Matrix) error {
	if len(values) != s.n {
		panic(fmt.Sprintf("spd: %d eigenvalues for a solver of size %d", len(values), s.n))
	}
	if err := s.decompose(a, vectors != nil); err != nil {
		return err
	}
	copy(values, s.values[:s.n])
	if vectors != nil {
		vectors.CopyFrom(s.z)
	}
	for i := 1; i < s.n; i++ { // insertion sort: QL leaves them nearly in order
		for j := i; j > 0 && values[j] < values[j-1]; j-- {
			values[j], values[j-1] = values[j-1], values[j]
			if vectors != nil {
				x, y := vectors.Row(j), vectors.Row(j-1)
				for k := range x {
					x[k], y[k] = y[k], x[k]
				}
			}
		}
	}
	if vectors != nil {
		for i := range s.n {
			fixSign(vectors.Row(i))
		}
	}
	return nil
}

// decompose leaves the eigenvalues of a in s.values, and with vectors the unit eigenvectors in the rows of s.z, in no
// particular order.
func (s *Solver) decompose(a *Matrix, vectors bool) error {
	scale, err := s.tridiagonal(a, vectors)
	if err != nil {
		return err
	}
	if err := s.ql(vectors); err != nil {
		return err
	}
	s.rescale(scale)
	return nil
}

func (s *Solver) rescale(scale float64) {
	if scale != 1 {
		for i := range s.n {
			s.values[i] *= scale
		}
	}
}

// tridiagonal reduces a; with vectors the rows of s.z hold the transformation.
func (s *Solver) tridiagonal(a *Matrix, vectors bool) (float64, error) {
	if a.N != s.n {
		panic(fmt.Sprintf("spd: matrix of size %d for a solver of size %d", a.N, s.n))
	}
	scale, finite := s.load(a)
	if !finite {
		i, j, _ := a.notFinite()
		return 0, fmt.Errorf("matrix entry (%d, %d) is %g, must be finite", i, j, a.At(i, j))
	}
	s.reduce(vectors)
	if vectors {
		s.accumulate()
	}
	return scale, nil
}

// load copies the upper triangle of a to both triangles of s.a, scaled so that squares neither overflow nor vanish, and
// returns what the eigenvalues have to be multiplied with: 1 for all but extreme matrices. It says where an entry is not
// finite.
func (s *Solver) load(a *Matrix) (scale float64, finite bool) {
	ld, n := a.Stride, s.n
	dst := s.a.Data
	top := uint64(0) // bits of the largest magnitude, without the sign: their order is that of the numbers, NaN last
	for i := range n {
		row := a.Data[i*ld : i*ld+n]
		copy(dst[i*ld+i:i*ld+n], row[i:])
		at := i*ld + i
		for _, v := range row[i:] {
			dst[at] = v
			at += ld
			top = max(top, math.Float64bits(v)<<1)
		}
	}
	big := math.Float64frombits(top >> 1)
	switch {
	case !(big <= math.MaxFloat64):
		return 0, false
	case big == 0 || (big > 1e-100 && big < 1e100):
		return 1, true
	}
	_, exp := math.Frexp(big)
	for i := range dst {
		dst[i] = math.Ldexp(dst[i], -exp)
	}
	return math.Ldexp(1, exp), true
}

// reduce takes s.a to tridiagonal form from the last row up. Row i of s.a then holds the Householder vector v of step i
// in its first i entries, s.half[i] is vᵀv/2 (0 where the step was not needed), s.values the diagonal and s.off[i] the
// entry (i, i−1).
func (s *Solver) reduce(vectors bool) {
	ld := s.a.Stride
	a, v, p := s.a.Data, s.v, s.p
	for i := s.n - 1; i >= 1; i-- {
		x := a[i*ld : i*ld+i]
		s.half[i] = 0
		rest := laneDot(x[:i-1], x[:i-1])
		alpha := x[i-1]
		s.off[i] = alpha
		if rest == 0 {
			continue
		}
		sigma := rest + alpha*alpha
		g := -math.Copysign(math.Sqrt(sigma), alpha)
		h := sigma - alpha*g
		s.off[i], s.half[i] = g, h
		w := pad(i)
		copy(v[:w], x)
		v[i-1] = alpha - g
		clear(v[i:w])
		combine(p[:w], v[:i], a, ld)
		clear(p[i:w])
		inv := 1 / h
		k := laneDot(p[:w], v[:w]) * inv * inv / 2
		for j := range i {
			p[j] = p[j]*inv - k*v[j]
		}
		downdate2(a, v[:w], p[:w], i, ld)
		if vectors {
			x[i-1] = v[i-1]
		}
	}
	for i := range s.n {
		s.values[i] = a[i*ld+i]
	}
	s.off[0], s.off[s.n] = 0, 0
}

// accumulate turns the Householder vectors in s.a into the rows of s.z, Zᵀ = P_{n−1} ⋯ P_1.
func (s *Solver) accumulate() {
	ld := s.a.Stride
	q := s.t1.Data
	clear(q)
	for i := range s.n {
		q[i*ld+i] = 1
	}
	for i := 1; i < s.n; i++ {
		if s.half[i] == 0 {
			continue
		}
		w := pad(i)
		v := s.a.Data[i*ld : i*ld+i]
		combine(s.p[:w], v, q, ld)
		inv := 1 / s.half[i]
		for j := range w {
			s.p[j] *= inv
		}
		downdate(q, v, s.p[:w], ld)
	}
	s.z.transpose(s.t1)
}
