package linear

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// newton minimises the objective without l1 by Newton's method. The steps come from conjugate gradients, preconditioned
// with an estimate of the curvature along each weight, so that the units of the features do not matter.
func (l *loss) newton(tol float64, steps int) error {
	dim := len(l.w)
	g, d, res, pre, dir, hd := make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim)
	dz, hz := matrix(l.f, l.n), matrix(l.f, l.n)
	z := make([]float64, dim) // residual, preconditioned
	first := 0.0              // norm of the first gradient
	restless := 0             // steps that moved the scores but not the objective
	for range steps {
		l.gradient(g)
		l.curvature(pre)
		for i, v := range g {
			res[i], d[i] = -v, 0
		}
		l.precondition(z, res, pre)
		copy(dir, z)
		norm2 := floats.Dot(res, z)
		if norm2 <= 0 {
			return nil
		}
		if first == 0 {
			first = math.Sqrt(norm2)
		}
		// The nearer to the goal, the more exact is the step (Eisenstat and Walker 1996, doi:10.1137/0917003).
		exact := min(0.1, math.Sqrt(norm2)/first)
		goal, rho := exact*exact*norm2, norm2
		for range 10*dim + 100 {
			l.hessian(hd, dir, hz)
			bend := floats.Dot(dir, hd)
			if !(bend > 0) {
				break // along a direction that changes nothing
			}
			alpha := rho / bend
			floats.AddScaled(d, alpha, dir)
			floats.AddScaled(res, -alpha, hd)
			l.precondition(z, res, pre)
			next := floats.Dot(res, z)
			if next <= goal {
				break
			}
			floats.AddScaledTo(dir, z, next/rho, dir)
			rho = next
		}
		slope := floats.Dot(g, d)
		l.scores(dz, d)
		if !l.descend(d, dz, slope) {
			return fmt.Errorf("the fit is stuck: no step lowers the objective, %g; scale the features to similar variance (step \"standardise\"), or lower c", l.value)
		}
		if l.l2 == 0 && l.worst() < 1e-6 {
			return errSeparable
		}
		if -slope/2 > tol*math.Abs(l.value) {
			continue
		}
		if largest(dz) < settled {
			return nil
		}
		if restless++; restless == 5 && l.l2 == 0 {
			return errSeparable
		}
	}
	return l.notConverged(steps)
}

// settled is the change of the scores, in nats, below which a fit counts as converged. Where some classes can be told
// apart without error and nothing keeps the weights small, the objective soon hardly falls, but every step still adds
// about 1 to the scores; elsewhere the change shrinks as the root of the fall, and faster.
const settled = 1e-3

func largest(x [][]float64) float64 {
	top := 0.0
	for _, row := range x {
		for _, v := range row {
			top = max(top, math.Abs(v))
		}
	}
	return top
}

func (l *loss) notConverged(steps int) error {
	if l.l2 == 0 && l.l1 == 0 {
		return fmt.Errorf(`not converged after %d steps; where a weighted sum of the features tells some classes apart without error, the weights have no finite optimum without a penalty: set penalty to "l2", or use fewer features or more rows`, steps)
	}
	return fmt.Errorf("not converged after %d steps; raise max_iter or tol, lower c, or scale the features to similar variance (step \"standardise\")", steps)
}

// precondition fills z with res divided by the curvatures. Where every class has a weight vector, a constant added to
// all of them changes nothing: that part, rounding errors, is taken out, before it is divided and again after.
func (l *loss) precondition(z, res, pre []float64) {
	copy(z, res)
	l.centre(z)
	floats.Div(z, pre)
	l.centre(z)
}

func (l *loss) centre(z []float64) {
	if l.first == 1 {
		return
	}
	for j := range l.p + 1 {
		mean := 0.0
		for i := j; i < len(z); i += l.p + 1 {
			mean += z[i] / float64(l.f)
		}
		for i := j; i < len(z); i += l.p + 1 {
			z[i] -= mean
		}
	}
}

// curvature fills pre with an estimate of the second derivative along each weight, above 0.
func (l *loss) curvature(pre []float64) {
	for r := range l.f {
		v := 0.0
		for _, p := range l.prob[r] {
			v += p * (1 - p)
		}
		v = max(v, 1e-12*float64(l.n))
		pre := l.vector(pre, r)
		for j, power := range l.power {
			if pre[j] = l.c*v/float64(l.n)*power + l.l2; pre[j] == 0 {
				pre[j] = 1 // a feature that does not vary, without a penalty
			}
		}
		pre[l.p] = l.c * v
	}
}

// hessian fills hd with the second derivative times d. z [f][n] is workspace.
func (l *loss) hessian(hd, d []float64, z [][]float64) {
	l.scores(z, d)
	clear(l.mid)
	for r := range l.f {
		for i, p := range l.prob[r] {
			l.mid[i] += p * z[r][i]
		}
	}
	for r := range l.f {
		u, sum := z[r], 0.0
		for i, p := range l.prob[r] {
			u[i] = p * (u[i] - l.mid[i])
			sum += u[i]
		}
		d, hd := l.vector(d, r), l.vector(hd, r)
		for j, col := range l.cols {
			hd[j] = l.c*floats.Dot(col, u) + l.l2*d[j]
		}
		hd[l.p] = l.c * sum
	}
}
