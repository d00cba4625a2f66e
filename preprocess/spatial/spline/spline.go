// Package spline holds kernels of spherical-spline interpolation: the potential between electrodes and its surface
// Laplacian, the scalp current density (Perrin, Pernier, Bertrand and Echallier 1989, doi:10.1016/0013-4694(89)90180-6, with
// the corrigendum doi:10.1016/0013-4694(90)90009-9).
//
// Electrodes are unit vectors from the centre of the head. The potential is c0 + Σ c_i g(cos(angle to electrode i)) with
//
//	g(x) = 1/(4π) Σ_{n=1…terms} (2n+1)/(n(n+1))^m · P_n(x),   h(x) = 1/(4π) Σ (2n+1)/(n(n+1))^(m−1) · P_n(x),
//
// m the stiffness and P_n the Legendre polynomials; the Laplacian of g is −h.
package spline

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Terms is the length of the series, as in MNE.
const Terms = 50

// Sphere is the head.
type Sphere struct {
	Centre signal.Position
	Radius float64 // in metres
}

// Fit is the sphere closest to the points, by linear least squares on |p|² = 2·c·p + (r² − |c|²), as MNE fits it. It is an
// error where the points do not fix a sphere: fewer than four, or all (nearly) in one plane.
func Fit(points []signal.Position) (Sphere, error) {
	if len(points) < 4 {
		return Sphere{}, fmt.Errorf("%d positions do not fix a sphere, at least 4 do", len(points))
	}
	a, b := mat.NewDense(len(points), 4, nil), mat.NewVecDense(len(points), nil)
	for i, p := range points {
		a.SetRow(i, []float64{2 * p[0], 2 * p[1], 2 * p[2], 1})
		b.SetVec(i, p[0]*p[0]+p[1]*p[1]+p[2]*p[2])
	}
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThin) {
		return Sphere{}, errors.New("the positions are not finite")
	}
	const rcond = 1e-6
	if s := svd.Values(nil); !(s[3] > rcond*s[0]) {
		return Sphere{}, errors.New("the positions lie in one plane and fix no sphere")
	}
	var x mat.VecDense
	svd.SolveVecTo(&x, b, 4)
	c := signal.Position{x.AtVec(0), x.AtVec(1), x.AtVec(2)}
	return Sphere{c, math.Sqrt(c[0]*c[0] + c[1]*c[1] + c[2]*c[2] + x.AtVec(3))}, nil
}

// Directions are the unit vectors from the centre to the points. A point at the centre, or one that is not finite, is an
// error that says which.
func (s Sphere) Directions(points []signal.Position) ([][3]float64, error) {
	u := make([][3]float64, len(points))
	for i, p := range points {
		d := [3]float64{p[0] - s.Centre[0], p[1] - s.Centre[1], p[2] - s.Centre[2]}
		n := math.Sqrt(d[0]*d[0] + d[1]*d[1] + d[2]*d[2])
		if !(n > 1e-6) || math.IsInf(n, 0) { // also catches NaN
			return nil, fmt.Errorf("position %d, %v, has no direction from the centre %v", i, p, s.Centre)
		}
		u[i] = [3]float64{d[0] / n, d[1] / n, d[2] / n}
	}
	return u, nil
}

// coefficients are those of P_1 … P_Terms for the exponent m.
func coefficients(m float64) []float64 {
	c := make([]float64, Terms)
	for k := range c {
		n := float64(k + 1)
		c[k] = (2*n + 1) / (math.Pow(n, m) * math.Pow(n+1, m) * 4 * math.Pi)
	}
	return c
}

// legendre is Σ c[n-1]·P_n(x), by recurrence.
func legendre(c []float64, x float64) float64 {
	before, p, sum := 1.0, x, 0.0
	for k, f := range c {
		n := float64(k + 1)
		sum += f * p
		before, p = p, ((2*n+1)*x*p-n*before)/(n+1)
	}
	return sum
}

// kernel is the matrix of Σ c[n-1]·P_n(u_i · v_j) [len(u), len(v)].
func kernel(c []float64, u, v [][3]float64) *mat.Dense {
	m := mat.NewDense(len(u), len(v), nil)
	for i, a := range u {
		for j, b := range v {
			x := a[0]*b[0] + a[1]*b[1] + a[2]*b[2]
			m.Set(i, j, legendre(c, max(-1, min(x, 1))))
		}
	}
	return m
}

// Interpolation is the matrix [len(to), len(from)] that makes the potential at the directions to of that at the
// directions from: spline of stiffness 4, regularised by lambda on the diagonal. It is MNE's for lambda 1e-5. Its rows
// add up to 1, so the reference does not matter. It is an error where two of from coincide and lambda is 0.
func Interpolation(from, to [][3]float64, lambda float64) (*mat.Dense, error) {
	n := len(from)
	c := coefficients(4)
	g := kernel(c, from, from)
	system := mat.NewDense(n+1, n+1, nil)
	for i := range n {
		for j := range n {
			system.Set(i, j, g.At(i, j))
		}
		system.Set(i, i, g.At(i, i)+lambda)
		system.Set(i, n, 1)
		system.Set(n, i, 1)
	}
	rhs := mat.NewDense(n+1, len(to), nil) // the system is symmetric: rows of the answer are columns here
	near := kernel(c, from, to)
	for j := range to {
		for i := range n {
			rhs.Set(i, j, near.At(i, j))
		}
		rhs.Set(n, j, 1)
	}
	var x mat.Dense
	if err := x.Solve(system, rhs); err != nil {
		return nil, fmt.Errorf("spline through %d electrodes: %w: do two of them lie at one place?", n, err)
	}
	return mat.DenseCopyOf(x.Slice(0, n, 0, len(to)).T()), nil
}

// Laplacian is the matrix [len(u), len(u)] that makes scalp current density of the potential at the directions u on a head
// of the given radius in metres: minus the surface Laplacian of the spline, in the potential's unit per m². lambda
// smooths, stiffness is m (a larger one is smoother). It is MNE's compute_current_source_density. Its rows add up to 0,
// so the reference does not matter. It is an error where the system cannot be solved, such as for two electrodes at one
// place with lambda 0.
func Laplacian(u [][3]float64, radius, lambda, stiffness float64) (*mat.Dense, error) {
	n := len(u)
	g, h := kernel(coefficients(stiffness), u, u), kernel(coefficients(stiffness-1), u, u)
	for i := range n {
		g.Set(i, i, g.At(i, i)+lambda)
	}
	var gi mat.Dense
	if err := gi.Inverse(g); err != nil {
		return nil, fmt.Errorf("spline through %d electrodes: %w: do two of them lie at one place? lambda above 0 helps", n, err)
	}
	// C = Gi·Z − tc·(1ᵀ·Gi·Z)/Σtc with Z = I − 1/n, then the density is H·C/r².
	tc, total := make([]float64, n), 0.0
	for i := range n {
		for j := range n {
			tc[j] += gi.At(i, j)
		}
	}
	for _, v := range tc {
		total += v
	}
	c := mat.NewDense(n, n, nil)
	for i := range n {
		mean := mat.Sum(gi.Slice(i, i+1, 0, n)) / float64(n)
		for j := range n {
			c.Set(i, j, gi.At(i, j)-mean)
		}
	}
	for j := range n {
		c0 := mat.Sum(c.Slice(0, n, j, j+1)) / total
		for i := range n {
			c.Set(i, j, c.At(i, j)-tc[i]*c0)
		}
	}
	out := new(mat.Dense)
	out.Mul(h, c)
	out.Scale(1/(radius*radius), out)
	return out, nil
}
