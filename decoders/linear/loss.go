package linear

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// loss is the objective of logistic regression at one set of weights. There are f free weight vectors: one of the second
// class where there are two classes, one per class where there are more. All that depends on the rows is kept as columns
// [features or vectors][rows], so that inner loops run over contiguous memory.
type loss struct {
	n, p, f   int
	first     int         // class of free vector 0: 1 where there are two classes, else 0
	c, l1, l2 float64     // weights of the rows and of the penalties
	cols      [][]float64 // [p][n], features without their mean
	power     []float64   // [p], Σ cols²
	mean      []float64   // [p]
	y         []int

	w     []float64   // [f·(p+1)], p weights and the intercept of each free vector
	z     [][]float64 // [f][n], scores
	prob  [][]float64 // [f][n], probabilities
	value float64     // of the objective

	mid []float64 // [n], workspace
}

// newLoss is at weights of 0. The caller sets the weights of the rows and of the penalties.
func newLoss(x [][]float64, y signal.Labels) (*loss, error) {
	n, p := len(x), len(x[0])
	l := &loss{n: n, p: p, f: len(y.Classes), y: y.Y, mean: classMean(x), power: make([]float64, p), mid: make([]float64, n)}
	if l.f == 2 {
		l.f, l.first = 1, 1
	}
	l.cols = matrix(p, n)
	for j, col := range l.cols {
		for i, row := range x {
			col[i] = row[j] - l.mean[j]
		}
		if l.power[j] = floats.Dot(col, col); math.IsInf(l.power[j], 0) || math.IsNaN(l.power[j]) {
			return nil, errors.New("the features are too large to square in a float64; scale them down")
		}
	}
	l.w, l.z, l.prob = make([]float64, l.f*(p+1)), matrix(l.f, n), matrix(l.f, n)
	return l, nil
}

// matrix is rows of zeros in one block of memory.
func matrix(rows, cols int) [][]float64 {
	slab := make([]float64, rows*cols)
	m := make([][]float64, rows)
	for i := range m {
		m[i] = slab[i*cols : (i+1)*cols : (i+1)*cols]
	}
	return m
}

// vector is the part of w, or of a step, of free vector r, the intercept last.
func (l *loss) vector(w []float64, r int) []float64 { return w[r*(l.p+1) : (r+1)*(l.p+1)] }

// evaluate sets prob from z and returns the objective.
func (l *loss) evaluate() float64 {
	sum := 0.0
	for i := range l.n {
		top := math.Inf(-1)
		if l.first == 1 {
			top = 0 // the score of class 0
		}
		for r := range l.f {
			top = max(top, l.z[r][i])
		}
		total, own := 0.0, 0.0
		if l.first == 1 {
			total = math.Exp(-top)
		}
		for r := range l.f {
			e := math.Exp(l.z[r][i] - top)
			l.prob[r][i] = e
			total += e
			if r+l.first == l.y[i] {
				own = l.z[r][i]
			}
		}
		for r := range l.f {
			l.prob[r][i] /= total
		}
		sum += top + math.Log(total) - own
	}
	return l.c*sum + l.penalty(l.w, nil)
}

// penalty is that of the weights w + step.
func (l *loss) penalty(w, step []float64) float64 {
	abs, square := 0.0, 0.0
	for i, v := range w {
		if i%(l.p+1) == l.p {
			continue // an intercept
		}
		if step != nil {
			v += step[i]
		}
		abs += math.Abs(v)
		square += v * v
	}
	return l.l1*abs + l.l2/2*square
}

// gradient fills g with that of the objective without its l1 part.
func (l *loss) gradient(g []float64) {
	for r := range l.f {
		copy(l.mid, l.prob[r])
		for i, k := range l.y {
			if k == r+l.first {
				l.mid[i]--
			}
		}
		w, g := l.vector(l.w, r), l.vector(g, r)
		for j, col := range l.cols {
			g[j] = l.c*floats.Dot(col, l.mid) + l.l2*w[j]
		}
		g[l.p] = 0
		for _, v := range l.mid {
			g[l.p] += l.c * v
		}
	}
}

// scores fills z [f][n] with the scores that the step d alone gives.
func (l *loss) scores(z [][]float64, d []float64) {
	for r := range l.f {
		d := l.vector(d, r)
		for i := range z[r] {
			z[r][i] = d[l.p]
		}
		for j, col := range l.cols {
			if d[j] != 0 {
				floats.AddScaled(z[r], d[j], col)
			}
		}
	}
}

// descend goes from w along d, whose scores are dz, by the longest of 1, ½, ¼ … that lowers the objective by a fair part
// of slope, the change (negative) that is expected for the whole of d. It reports whether one does.
func (l *loss) descend(d []float64, dz [][]float64, slope float64) bool {
	w, before := append([]float64(nil), l.w...), l.value
	done := 0.0 // part of d that z holds
	for t := 1.0; t > 1e-10; t /= 2 {
		for i := range w {
			l.w[i] = w[i] + t*d[i]
		}
		for r := range l.f {
			floats.AddScaled(l.z[r], t-done, dz[r])
		}
		done = t
		l.value = l.evaluate()
		if l.value <= before+1e-4*t*slope+1e-12*math.Abs(before) { // the last term is the rounding of the sum
			return true
		}
	}
	return false
}

// worst says how badly the row that is told worst is told: its 1 − p(its class).
func (l *loss) worst() float64 {
	worst := 0.0
	for i, k := range l.y {
		own := 1.0
		for r := range l.f {
			if r+l.first == k {
				own = l.prob[r][i]
			} else if l.first == 1 {
				own = 1 - l.prob[r][i]
			}
		}
		worst = max(worst, 1-own)
	}
	return worst
}

// solution is the weights and intercepts of all classes, for features with their mean. centre takes the mean over the
// classes out of the weights, which the penalty does by itself.
func (l *loss) solution(centre bool) (coef [][]float64, intercept []float64) {
	classes := l.f + l.first
	coef, intercept = make([][]float64, classes), make([]float64, classes)
	if l.first == 1 {
		coef[0] = make([]float64, l.p)
	}
	shift := make([]float64, l.p+1)
	if l.first == 0 {
		for r := range l.f {
			floats.AddScaled(shift, 1/float64(l.f), l.vector(l.w, r))
		}
		if !centre {
			clear(shift[:l.p])
		}
	}
	for r := range l.f {
		w := append([]float64(nil), l.vector(l.w, r)...)
		floats.Sub(w, shift)
		b := w[l.p]
		for j, m := range l.mean {
			b -= w[j] * m
		}
		coef[r+l.first], intercept[r+l.first] = w[:l.p:l.p], b
	}
	if l.first == 0 { // the means of the features have put a constant into all of them
		mean := floats.Sum(intercept) / float64(classes)
		floats.AddConst(-mean, intercept)
	}
	return coef, intercept
}
