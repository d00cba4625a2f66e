package ica

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// PicardOptions tune Picard.
type PicardOptions struct {
	Init    *mat.Dense // start [components, components], any of full rank
	MaxIter int        // at least 1; python-picard's default is 500
	Tol     float64    // largest entry of the relative gradient that ends it; python-picard's default is 1e-7, MNE's 1e-5
	// Ortho keeps W orthogonal: Picard-O (Ablin, Cardoso & Gramfort 2018, doi:10.1109/ICASSP.2018.8461662), which has the
	// same solutions as FastICA with the contrast log cosh. Otherwise the solutions are those of extended Infomax. Init
	// must then be orthogonal.
	Ortho bool
}

// The constants of python-picard, in its names.
const (
	memory    = 7
	lambdaMin = 0.01
	lsTries   = 10
)

// Picard finds the maximum of the likelihood by quasi-Newton steps, with an approximation of the Hessian as the
// preconditioner of L-BFGS and a backtracking line search (Ablin, Cardoso & Gramfort 2018, doi:10.1109/TSP.2018.2844203),
// step by step like python-picard's picard(fun="tanh", extended=True). Sub- and super-Gaussian sources are told apart in
// every iteration.
func (d *Data) Picard(opt PicardOptions) (Result, error) {
	p := &picard{Data: d, ortho: opt.Ortho, w: eye(d.comps), signs: make([]float64, d.comps)}
	for i := range p.signs {
		p.signs[i] = 1
	}
	p.cov = p.moment(d.x, d.x)
	p.at, p.trial = p.newPoint(), p.newPoint()
	d.times(p.at.y, opt.Init)
	p.cov = congruent(opt.Init, p.cov)
	p.evaluate(p.at, p.w)
	var res Result
	for ; res.Iterations < opt.MaxIter; res.Iterations++ {
		grad, h, hOff, changed := p.gradient(res.Iterations > 0)
		res.Left = largest(grad)
		if !(res.Left >= opt.Tol) {
			if math.IsNaN(res.Left) {
				return Result{}, fmt.Errorf("picard: iteration %d: the gradient is not a number", res.Iterations)
			}
			res.Converged = true
			break
		}
		if res.Iterations > 0 {
			p.remember(grad)
		}
		p.oldGrad = grad
		if changed {
			p.s, p.g, p.r = nil, nil, nil
			p.at.loss = p.total(p.at, p.w) // the signs are part of it
		}
		dir := p.direction(grad, h, hOff)
		if !p.lineSearch(dir) {
			p.s, p.g, p.r = nil, nil, nil
			dir = mat.DenseCopyOf(grad)
			dir.Scale(-1, dir)
			p.lineSearch(dir) // as python-picard does: what the last try made is taken, whether it is better or not
		}
		p.at, p.trial = p.trial, p.at
		p.w = p.next
	}
	res.W = new(mat.Dense)
	res.W.Mul(p.w, opt.Init)
	return res, nil
}

// point is the sources at some W, and what the cost function needs of them.
type point struct {
	y       *Data
	psi     []float64 // tanh of y, in its layout
	logcosh []float64 // mean of log cosh + log 2 of each source
	power   []float64 // mean square
	loss    float64
}

type picard struct {
	*Data
	ortho       bool
	w, next     *mat.Dense // relative to Init
	cov         *mat.Dense // of the data at w = 1
	signs       []float64
	at, trial   *point
	oldGrad     *mat.Dense
	step        *mat.Dense // the last one, scaled by the line search
	s, g        []*mat.Dense
	r           []float64
	prod, loudy []float64
}

func (p *picard) newPoint() *point {
	y := newData(p.comps, p.n)
	return &point{y: y, psi: make([]float64, len(y.x)), logcosh: make([]float64, p.comps), power: make([]float64, p.comps)}
}

// moment is Σ_t a·bᵀ / n.
func (p *picard) moment(a, b []float64) *mat.Dense {
	acc := make([]float64, p.wide*p.stride)
	for at := 0; at < p.rows; at += block {
		k := min(block, p.rows-at)
		p.gram(acc, a[at*p.stride:], b[at*p.stride:], k)
	}
	return p.square(acc, 1/float64(p.n))
}

// evaluate fills in what depends on q.y, at the matrix w.
func (p *picard) evaluate(q *point, w *mat.Dense) {
	clear(q.power)
	clear(q.logcosh)
	if p.prod == nil {
		p.prod = make([]float64, p.comps)
	}
	// log cosh y + log 2 = |y| + log(1 + exp(−2|y|)) = |y| − log((1 + |tanh y|)/2), and the logarithms of some hundred
	// numbers between 1/2 and 1 are that of their product.
	for at := 0; at < p.rows; at += block {
		k := min(block, p.rows-at)
		y, psi := q.y.x[at*p.stride:(at+k)*p.stride], q.psi[at*p.stride:(at+k)*p.stride]
		tanh(psi, y)
		for i := range p.prod {
			p.prod[i] = 1
		}
		for t := range min(k, p.n-at) {
			row, tan := y[t*p.stride:t*p.stride+p.comps], psi[t*p.stride:t*p.stride+p.comps]
			for i, v := range row {
				q.power[i] += v * v
				q.logcosh[i] += math.Abs(v)
				p.prod[i] *= 0.5 + 0.5*math.Abs(tan[i])
			}
		}
		for i, v := range p.prod {
			q.logcosh[i] -= math.Log(v)
		}
	}
	for i := range q.power {
		q.power[i] /= float64(p.n)
		q.logcosh[i] /= float64(p.n)
	}
	q.loss = p.total(q, w)
}

// total is the cost function.
func (p *picard) total(q *point, w *mat.Dense) float64 {
	loss := 0.0
	if !p.ortho {
		logDet, _ := mat.LogDet(w)
		loss = -logDet
	}
	for i, s := range p.signs {
		loss += s * q.logcosh[i]
		if !p.ortho {
			loss += 0.5 * q.power[i]
		}
	}
	return loss
}

// gradient is the relative gradient at p.at and the Hessian's approximation. It updates the signs of the sources.
func (p *picard) gradient(hadSigns bool) (grad, h *mat.Dense, hOff []float64, changed bool) {
	n := p.comps
	grad = p.moment(p.at.psi, p.at.y.x)
	c := congruent(p.w, p.cov)
	slope := make([]float64, n) // mean of the derivative of tanh
	for t := range p.n {
		for i, v := range p.at.psi[t*p.stride : t*p.stride+n] {
			slope[i] += v * v
		}
	}
	for i := range slope {
		slope[i] = 1 - slope[i]/float64(p.n)
		s := sign(slope[i]*c.At(i, i) - grad.At(i, i))
		changed = changed || hadSigns && s != p.signs[i]
		p.signs[i] = s
		row := grad.RawRowView(i)
		for j := range row {
			row[j] *= s
			if !p.ortho {
				row[j] += c.At(i, j)
			}
		}
	}
	h, hOff = mat.NewDense(n, n, nil), make([]float64, n)
	if p.ortho {
		for i := range hOff {
			hOff[i] = grad.At(i, i)
		}
		for i := range n {
			for j := range n {
				v := 0.5 * (p.signs[i]*slope[i] + p.signs[j]*slope[j] - hOff[i] - hOff[j])
				h.Set(i, j, max(v, lambdaMin))
			}
		}
		skew := mat.NewDense(n, n, nil)
		for i := range n {
			for j := range n {
				skew.Set(i, j, (grad.At(i, j)-grad.At(j, i))/2)
			}
		}
		return skew, h, hOff, changed
	}
	both := p.squares()
	for i := range n {
		hOff[i] = 1
		grad.Set(i, i, grad.At(i, i)-1)
		for j := range n {
			// E[(sign·(1 − tanh² y_i) + 1)·y_j²]
			h.Set(i, j, p.signs[i]*(p.at.power[j]-both.At(i, j))+p.at.power[j])
		}
	}
	regularize(h)
	return grad, h, hOff, changed
}

// squares is E[tanh² y_i · y_j²].
func (p *picard) squares() *mat.Dense {
	if p.loudy == nil {
		p.loudy = make([]float64, 2*block*p.stride)
	}
	acc := make([]float64, p.wide*p.stride)
	for at := 0; at < p.rows; at += block {
		k := min(block, p.rows-at) * p.stride
		a, b := p.loudy[:k], p.loudy[block*p.stride:block*p.stride+k]
		for i, v := range p.at.psi[at*p.stride : at*p.stride+k] {
			a[i] = v * v
		}
		for i, v := range p.at.y.x[at*p.stride : at*p.stride+k] {
			b[i] = v * v
		}
		p.gram(acc, a, b, k/p.stride)
	}
	return p.square(acc, 1/float64(p.n))
}

// regularize shifts the eigenvalues of the 2 × 2 blocks of the Hessian up to lambdaMin. The diagonal stays.
func regularize(h *mat.Dense) {
	n, _ := h.Dims()
	for i := range n {
		for j := range i {
			a, b := h.At(i, j), h.At(j, i)
			if low := 0.5 * (a + b - math.Sqrt((a-b)*(a-b)+4)); low < lambdaMin {
				h.Set(i, j, a+lambdaMin-low)
				h.Set(j, i, b+lambdaMin-low)
			}
		}
	}
}

// remember stores the last step and the change of the gradient that it made.
func (p *picard) remember(grad *mat.Dense) {
	y := new(mat.Dense)
	y.Sub(grad, p.oldGrad)
	p.s, p.g, p.r = append(p.s, p.step), append(p.g, y), append(p.r, 1/inner(p.step, y))
	if len(p.s) > memory {
		p.s, p.g, p.r = p.s[1:], p.g[1:], p.r[1:]
	}
}

// direction is that of L-BFGS.
func (p *picard) direction(grad, h *mat.Dense, hOff []float64) *mat.Dense {
	q, z := mat.DenseCopyOf(grad), new(mat.Dense)
	a := make([]float64, len(p.s))
	var part mat.Dense
	for k := len(p.s) - 1; k >= 0; k-- {
		a[k] = p.r[k] * inner(p.s[k], q)
		part.Scale(a[k], p.g[k])
		q.Sub(q, &part)
	}
	n := p.comps
	z.ReuseAs(n, n)
	for i := range n {
		for j := range n {
			if p.ortho {
				z.Set(i, j, (q.At(i, j)/h.At(i, j)-q.At(j, i)/h.At(j, i))/2)
			} else {
				det := h.At(i, j)*h.At(j, i) - hOff[i]*hOff[j]
				z.Set(i, j, (h.At(j, i)*q.At(i, j)-hOff[i]*q.At(j, i))/det)
			}
		}
	}
	for k := range p.s {
		part.Scale(a[k]-p.r[k]*inner(p.g[k], z), p.s[k])
		z.Add(z, &part)
	}
	z.Scale(-1, z)
	return z
}

// lineSearch halves the step until the cost falls. It leaves the sources in p.trial, the matrix in p.next and the step in
// p.step, also where it fails.
func (p *picard) lineSearch(dir *mat.Dense) bool {
	alpha := 1.0
	for range lsTries {
		step, change := new(mat.Dense), new(mat.Dense)
		step.Scale(alpha, dir)
		if p.ortho {
			change.Exp(step)
		} else {
			change.Add(eye(p.comps), step)
		}
		p.at.y.times(p.trial.y, change)
		p.next = new(mat.Dense)
		p.next.Mul(change, p.w)
		p.evaluate(p.trial, p.next)
		if p.step = step; p.trial.loss < p.at.loss && !math.IsInf(p.trial.loss, -1) {
			return true
		}
		alpha /= 2
	}
	p.step.Scale(0.5, p.step) // python-picard's last alpha is one half beyond its last try
	return false
}

func eye(n int) *mat.Dense {
	m := mat.NewDense(n, n, nil)
	for i := range n {
		m.Set(i, i, 1)
	}
	return m
}

// inner is Σ a·b over all entries.
func inner(a, b *mat.Dense) float64 {
	sum := 0.0
	x, y := a.RawMatrix().Data, b.RawMatrix().Data // own matrices: no gap between rows
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

// congruent is w·c·wᵀ.
func congruent(w, c *mat.Dense) *mat.Dense {
	var wc mat.Dense
	wc.Mul(w, c)
	out := new(mat.Dense)
	out.Mul(&wc, w.T())
	return out
}

// largest is the magnitude of the entry farthest from 0, NaN where there is one.
func largest(m *mat.Dense) float64 {
	l := 0.0
	for _, v := range m.RawMatrix().Data {
		if v = math.Abs(v); !(v <= l) {
			l = v
		}
	}
	return l
}
