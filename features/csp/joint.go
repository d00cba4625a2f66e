package csp

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// Where the joint diagonalisation stops: after maxSweeps, or once a sweep lowers the criterion by less than sweepTol per
// pair. They are MNE's, so that the filters are too.
const (
	maxSweeps = 15
	sweepTol  = 1e-6
)

// fitJoint diagonalises the covariances of all classes at once, within the range of their mean.
func (c *CSP) fitJoint(pools []pool, shrunkIn *mat.Dense) (filters [][]float64, information []float64, err error) {
	chs := len(c.in.Names)
	covs, weights := make([]*mat.SymDense, len(pools)), make([]float64, len(pools))
	mean := mat.NewSymDense(chs, nil)
	total := 0.0
	for k, p := range pools {
		covs[k], weights[k] = c.covariance(shrunkIn, p), 1
		if c.CovEst != Joined {
			weights[k] = float64(p.windows)
		}
		total += weights[k]
		mean.AddSym(mean, covs[k])
	}
	floats.Scale(1/total, weights)
	mean.ScaleSym(1/float64(len(covs)), mean)
	basis, _, err := spd.Range(mean)
	if err != nil {
		return nil, nil, err
	}
	_, rank := basis.Dims()
	if err := c.checkRank(rank); err != nil {
		return nil, nil, err
	}
	if rank == chs {
		basis = identity(chs) // as in MNE: where the algorithm begins decides in which digit it ends
	}
	inner := make([]*mat.SymDense, len(covs))
	for k, cov := range covs {
		inner[k] = sandwich(basis, cov)
		if err := positive(inner[k]); err != nil {
			return nil, nil, fmt.Errorf("class %q: %w", c.classes[k], err)
		}
	}
	v := jointDiagonalise(inner)
	filters = make([][]float64, rank)
	information = make([]float64, rank)
	for i := range filters {
		var w mat.VecDense
		w.MulVec(basis, v.RowView(i))
		filters[i], information[i] = normalise(&w, covs, weights)
	}
	order := make([]int, rank)
	for i := range order {
		order[i] = rank - 1 - i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(information[b], information[a]) })
	best, values := make([][]float64, c.Components), make([]float64, c.Components)
	for i, k := range order[:c.Components] {
		best[i], values[i] = filters[k], information[k]
	}
	return best, values, nil
}

// sandwich is bᵀ cov b.
func sandwich(b *mat.Dense, cov *mat.SymDense) *mat.SymDense {
	var cb, bcb mat.Dense
	cb.Mul(cov, b)
	bcb.Mul(b.T(), &cb)
	_, n := b.Dims()
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			out.SetSym(i, j, (bcb.At(i, j)+bcb.At(j, i))/2)
		}
	}
	return out
}

// positive is an error where cov, in the range of all classes, is singular: a criterion that has its logarithm has no
// minimum then.
func positive(cov *mat.SymDense) error {
	var eig mat.EigenSym
	if !eig.Factorize(cov, false) {
		return errors.New("eigenvalues of its covariance did not converge")
	}
	values := eig.Values(nil) // ascending
	n := len(values)
	if values[0] > spd.RankTol*values[n-1] {
		return nil
	}
	rank := 0
	for _, v := range values {
		if v > spd.RankTol*values[n-1] {
			rank++
		}
	}
	return fmt.Errorf("its covariance has rank %d, that of all classes %d, and joint diagonalisation needs both to be the same; record more windows, or set shrinkage or regularise", rank, n)
}

// jointDiagonalise is Pham's algorithm (2001, doi:10.1137/S089547980035689X): v [n, n] makes all v M_k vᵀ nearly diagonal
// by minimising Σ_k log(det diag(v M_k vᵀ) / det(v M_k vᵀ)), pair of rows by pair of rows. Each M_k must be positive
// definite. The scale of a row is arbitrary.
func jointDiagonalise(matrices []*mat.SymDense) *mat.Dense {
	n := matrices[0].SymmetricDim()
	count := float64(len(matrices))
	m := make([]*mat.Dense, len(matrices))
	for k, s := range matrices {
		m[k] = mat.DenseCopyOf(s)
	}
	v := identity(n)
	for range maxSweeps {
		gain := 0.0
		for i := 1; i < n; i++ {
			for j := range i {
				var g12, g21, omega12, omega21 float64
				for _, a := range m {
					di, dj, dij := a.At(i, i), a.At(j, j), a.At(i, j)
					g12 += dij / di
					g21 += dij / dj
					omega21 += di / dj
					omega12 += dj / di
				}
				g12, g21, omega12, omega21 = g12/count, g21/count, omega12/count, omega21/count
				omega := math.Sqrt(omega12 * omega21) // at least 1
				ratio := math.Sqrt(omega21 / omega12)
				sum := (ratio*g12 + g21) / (omega + 1)
				diff := (ratio*g12 - g21) / max(omega-1, 1e-9)
				h12, h21 := sum+diff, (sum-diff)/ratio
				gain += count * (g12*h12 + g21*h21) / 2
				scale := 1 + math.Sqrt(max(1-h12*h21, 0))
				p, q := -h12/scale, -h21/scale
				for _, a := range m {
					combineRows(a, i, j, p, q)
					combineColumns(a, i, j, p, q)
				}
				combineRows(v, i, j, p, q)
			}
		}
		if gain < sweepTol*float64(n*(n-1)) {
			break
		}
	}
	return v
}

func identity(n int) *mat.Dense {
	v := mat.NewDense(n, n, nil)
	for i := range n {
		v.Set(i, i, 1)
	}
	return v
}

// combineRows adds p times row j to row i, and q times the old row i to row j.
func combineRows(a *mat.Dense, i, j int, p, q float64) {
	x, y := a.RawRowView(i), a.RawRowView(j)
	for t, u := range x {
		x[t] = u + p*y[t]
		y[t] += q * u
	}
}

func combineColumns(a *mat.Dense, i, j int, p, q float64) {
	raw := a.RawMatrix()
	for from := 0; from < len(raw.Data); from += raw.Stride {
		u, w := raw.Data[from+i], raw.Data[from+j]
		raw.Data[from+i], raw.Data[from+j] = u+p*w, w+q*u
	}
}

// normalise scales w to a mean power of 1 over the classes, with weights that add up to 1, makes its entry of largest
// magnitude positive, and estimates its mutual information with the class (Grosse-Wentrup and Buss 2008, equation 11).
func normalise(w *mat.VecDense, covs []*mat.SymDense, weights []float64) (filter []float64, information float64) {
	power := make([]float64, len(covs))
	for k, cov := range covs {
		power[k] = mat.Inner(w, cov, w)
	}
	mean := floats.Dot(weights, power)
	var logs, spread float64
	for k, p := range power {
		p /= mean
		logs += weights[k] * math.Log(p) / 2
		spread += weights[k] * (p*p - 1)
	}
	filter = mat.Col(nil, 0, w)
	scale := 1 / math.Sqrt(mean)
	if big := max(floats.Max(filter), 0); big < -floats.Min(filter) {
		scale = -scale
	}
	floats.Scale(scale, filter)
	return filter, -(logs + 3.0/16*spread*spread)
}
