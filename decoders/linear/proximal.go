package linear

import (
	"fmt"
	"math"
)

// proximalNewton minimises the objective with l1. Each step minimises the second-order model of the loss plus the
// penalties by coordinate descent, first over all weights, then over those that are not 0 until they stay.
func (l *loss) proximalNewton(tol float64, steps int) error {
	m := &quadratic{loss: l, g: make([]float64, len(l.w)), d: make([]float64, len(l.w)), dz: matrix(l.f, l.n), mid: make([]float64, l.n), bend: make([]float64, len(l.w))}
	for range steps {
		m.start()
		m.minimise(1e-6, tol*math.Abs(l.value)*1e-6) // what a round gains says little of what is left
		slope := l.penalty(l.w, m.d) - l.penalty(l.w, nil)
		for i, g := range m.g {
			w := 0.0
			if i%(l.p+1) != l.p {
				w = l.w[i]
			}
			// The gradient g holds the l2 penalty's already, which the difference of penalties holds once more.
			slope += (g - l.l2*w) * m.d[i]
		}
		if !l.descend(m.d, m.dz, slope) {
			return fmt.Errorf("the fit is stuck: no step lowers the objective, %g; scale the features to similar variance (step \"standardise\"), or lower c", l.value)
		}
		if -slope <= tol*math.Abs(l.value) {
			return nil
		}
	}
	return l.notConverged(steps)
}

// quadratic is the second-order model of the loss around the weights at hand, at the step d from them.
type quadratic struct {
	*loss
	g    []float64   // gradient at d = 0, with the l2 penalty
	bend []float64   // second derivative along each weight
	d    []float64   // the step
	dz   [][]float64 // [f][n], its scores
	mid  []float64   // [n], Σ_r prob·dz
}

func (q *quadratic) start() {
	q.gradient(q.g)
	clear(q.d)
	clear(q.mid)
	for r := range q.f {
		clear(q.dz[r])
		prob, bend := q.prob[r], q.vector(q.bend, r)
		for j, col := range q.cols {
			sum := 0.0
			for i, p := range prob {
				sum += p * (1 - p) * col[i] * col[i]
			}
			bend[j] = q.c*sum + q.l2
		}
		bend[q.p] = 0
		for _, p := range prob {
			bend[q.p] += q.c * p * (1 - p)
		}
	}
}

// minimise goes round until a round lowers the model by at most least, or by the part exact of what the first round did.
func (q *quadratic) minimise(exact, least float64) {
	const rounds = 10000
	first := 0.0
	for range rounds {
		gain := q.round(false)
		if first == 0 {
			first = gain
		}
		goal := max(least, exact*first)
		if gain <= goal {
			return
		}
		for range rounds {
			if q.round(true) <= goal/2 {
				break
			}
		}
	}
}

// round moves every weight, or every one that is not 0, to its best place while the others stay, and returns by how much
// that lowers the model, at least.
func (q *quadratic) round(active bool) (gain float64) {
	for r := range q.f {
		w, d, g, bend := q.vector(q.w, r), q.vector(q.d, r), q.vector(q.g, r), q.vector(q.bend, r)
		prob, dz := q.prob[r], q.dz[r]
		for j := range q.p + 1 {
			if bend[j] == 0 || active && j < q.p && w[j]+d[j] == 0 {
				continue
			}
			slope := 0.0
			if j == q.p {
				for i, p := range prob {
					slope += p * (dz[i] - q.mid[i])
				}
				slope = g[j] + q.c*slope
			} else {
				for i, v := range q.cols[j] {
					slope += v * prob[i] * (dz[i] - q.mid[i])
				}
				slope = g[j] + q.c*slope + q.l2*d[j]
			}
			step := -slope / bend[j]
			if j < q.p {
				at := w[j] + d[j]
				step = shrink(at+step, q.l1/bend[j]) - at
			}
			if step == 0 {
				continue
			}
			d[j] += step
			gain += bend[j] * step * step / 2
			if j == q.p {
				for i, p := range prob {
					dz[i] += step
					q.mid[i] += step * p
				}
				continue
			}
			for i, v := range q.cols[j] {
				dz[i] += step * v
				q.mid[i] += step * v * prob[i]
			}
		}
	}
	return gain
}

// shrink draws v towards 0 by t.
func shrink(v, t float64) float64 {
	switch {
	case v > t:
		return v - t
	case v < -t:
		return v + t
	}
	return 0
}
