package spd

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// RankTol is the part of the largest eigenvalue below which an eigenvalue counts as zero. It is a ratio of powers: a
// direction in space whose amplitude is a millionth of the strongest one's is taken for rounding error. Rounding in a
// covariance of up to 1e5 samples stays below 1e-13; noise of real electrodes lies above 1e-9.
const RankTol = 1e-12

// Range is the range of the positive semi-definite matrix b [n, n]: an orthonormal basis of it, one vector per column
// [n, rank], and the eigenvalues that belong to them, ascending. Eigenvalues of at most RankTol times the largest count
// as zero. It is an error where b is zero, has an entry that is not finite, or a negative eigenvalue beyond that
// tolerance.
func Range(b mat.Symmetric) (basis *mat.Dense, values []float64, err error) {
	n := b.SymmetricDim()
	if i, j, bad := notFinite(b); bad {
		return nil, nil, fmt.Errorf("matrix entry (%d, %d) is %g, must be finite", i, j, b.At(i, j))
	}
	var eig mat.EigenSym
	if !eig.Factorize(b, true) {
		return nil, nil, errors.New("eigenvalues of the matrix did not converge")
	}
	all := eig.Values(nil) // ascending
	tol := RankTol * max(all[n-1], -all[0])
	switch {
	case tol == 0:
		return nil, nil, errors.New("matrix is zero, must have a rank of at least 1: no channel changes; check the electrodes")
	case all[0] < -tol:
		return nil, nil, fmt.Errorf("matrix has the eigenvalue %g (largest: %g), must be positive semi-definite", all[0], all[n-1])
	}
	null := 0
	for all[null] <= tol {
		null++
	}
	var u mat.Dense
	eig.VectorsTo(&u)
	return mat.DenseCopyOf(u.Slice(0, n, null, n)), all[null:], nil
}

// GeneralEigen solves A w = λ B w for symmetric a [n, n] and positive semi-definite b [n, n] inside the range of b, by
// whitening with b's eigenvectors (Fukunaga 1990, Introduction to Statistical Pattern Recognition, section 2.3).
//
// values are the λ, ascending; their number is the numerical rank of b (see RankTol). Row i of w [rank, n] belongs to
// values[i] and is scaled to wᵀ B w = 1; its entry of largest magnitude is positive, so that the same input gives the
// same signs. Where a has parts outside the range of b, they do not count. Errors are those of Range, and an entry of a
// that is not finite.
func GeneralEigen(a, b mat.Symmetric) (values []float64, w *mat.Dense, err error) {
	n := b.SymmetricDim()
	if a.SymmetricDim() != n {
		panic(fmt.Sprintf("spd: generalised eigenproblem of sizes %d and %d", a.SymmetricDim(), n))
	}
	if i, j, bad := notFinite(a); bad {
		return nil, nil, fmt.Errorf("matrix entry (%d, %d) is %g, must be finite", i, j, a.At(i, j))
	}
	white, power, err := Range(b)
	if err != nil {
		return nil, nil, err
	}
	rank := len(power)
	for j, p := range power {
		s := 1 / math.Sqrt(p)
		for i := range n {
			white.Set(i, j, white.At(i, j)*s)
		}
	}
	var aw, m mat.Dense
	aw.Mul(a, white)
	m.Mul(white.T(), &aw)
	inner := mat.NewSymDense(rank, nil)
	for i := range rank {
		for j := i; j < rank; j++ {
			inner.SetSym(i, j, (m.At(i, j)+m.At(j, i))/2)
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(inner, true) {
		return nil, nil, errors.New("eigenvalues of the whitened matrix did not converge")
	}
	var v mat.Dense
	eig.VectorsTo(&v)
	w = new(mat.Dense)
	w.Mul(v.T(), white.T())
	for i := range rank {
		fixSign(w.RawRowView(i))
	}
	return eig.Values(nil), w, nil
}

// fixSign makes the entry of largest magnitude positive.
func fixSign(w []float64) {
	big := 0
	for i, v := range w {
		if math.Abs(v) > math.Abs(w[big]) {
			big = i
		}
	}
	if w[big] < 0 {
		for i := range w {
			w[i] = -w[i]
		}
	}
}

// notFinite finds the first entry that is NaN or infinite.
func notFinite(m mat.Symmetric) (i, j int, found bool) {
	n := m.SymmetricDim()
	for i := range n {
		for j := i; j < n; j++ {
			if v := m.At(i, j); math.IsNaN(v) || math.IsInf(v, 0) {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}
