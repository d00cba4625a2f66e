package linear

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// classStats is the mean of rows [n, p] and their covariance [p, p] (divided by n), shrunk.
func classStats(rows [][]float64, s Shrinkage) (mean []float64, cov *mat.SymDense, amount float64) {
	n, p := float64(len(rows)), len(rows[0])
	mean = make([]float64, p)
	x := mat.NewDense(len(rows), p, nil) // without the mean
	for i, row := range rows {
		for j, v := range row { // measured from the first row: a constant feature gives zeros, not rounding errors
			d := v - rows[0][j]
			x.Set(i, j, d)
			mean[j] += d / n
		}
	}
	for i := range rows {
		for j, m := range mean {
			x.Set(i, j, x.At(i, j)-m)
		}
	}
	for j := range mean {
		mean[j] += rows[0][j]
	}
	cov = mat.NewSymDense(p, nil)
	if !s.Auto {
		cov.SymOuterK(1/n, x.T())
		shrinkTo(cov, s.Value)
		return mean, cov, s.Value
	}
	scale := standardise(x, mean)
	cov.SymOuterK(1/n, x.T())
	amount = ledoitWolf(x, cov)
	shrinkTo(cov, amount)
	for i := range p {
		for j := i; j < p; j++ {
			cov.SetSym(i, j, cov.At(i, j)*scale[i]*scale[j])
		}
	}
	return mean, cov, amount
}

// shrinkTo is (1−s)·cov + s·(trace/p)·I.
func shrinkTo(cov *mat.SymDense, s float64) {
	p := cov.SymmetricDim()
	mu := mat.Trace(cov) / float64(p)
	cov.ScaleSym(1-s, cov)
	for j := range p {
		cov.SetSym(j, j, cov.At(j, j)+s*mu)
	}
}

// standardise divides the columns of x, which have the mean 0, by their standard deviation and returns it. A column
// that is constant but for rounding (Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115; scikit-learn's
// StandardScaler has the same bound) is left alone and has the scale 1. mean is what was taken out before.
func standardise(x *mat.Dense, mean []float64) []float64 {
	const eps = 0x1p-52
	rows, p := x.Dims()
	n := float64(rows)
	scale := make([]float64, p)
	for j := range p {
		power := 0.0
		for i := range rows {
			power += x.At(i, j) * x.At(i, j) / n
		}
		scale[j] = 1
		if rounding := n * mean[j] * eps; power > n*eps*power+rounding*rounding {
			scale[j] = math.Sqrt(power)
		}
		for i := range rows {
			x.Set(i, j, x.At(i, j)/scale[j])
		}
	}
	return scale
}

// ledoitWolf is the shrinkage that has the least expected squared error (Ledoit and Wolf 2004, "A well-conditioned
// estimator for large-dimensional covariance matrices", doi:10.1016/S0047-259X(03)00096-4), for rows x [n, p] with the
// mean 0 and their covariance cov. It is from 0 to 1.
func ledoitWolf(x *mat.Dense, cov *mat.SymDense) float64 {
	rows, p := x.Dims()
	if p == 1 {
		return 0 // the target is the covariance itself
	}
	n := float64(rows)
	mu := mat.Trace(cov) / float64(p)
	norm2, delta := 0.0, 0.0 // squared Frobenius norms of cov and of cov − mu·I
	for i := range p {
		for j := range p {
			c := cov.At(i, j)
			norm2 += c * c
			if i == j {
				c -= mu
			}
			delta += c * c
		}
	}
	fourth := 0.0 // mean of the fourth power of the rows' lengths
	for i := range rows {
		length2 := 0.0
		for j := range p {
			length2 += x.At(i, j) * x.At(i, j)
		}
		fourth += length2 * length2 / n
	}
	beta := min((fourth-norm2)/n, delta)
	if beta <= 0 {
		return 0
	}
	return beta / delta
}
