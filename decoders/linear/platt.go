package linear

import (
	"errors"
	"math"
)

// plattFolds is the number of parts in the cross-validation behind the probabilities, as in libsvm.
const plattFolds = 5

// platt is A and B of the sigmoid, from decision values of rows that the machine has not seen. Each class is cut into
// blocks of rows that follow each other.
func (p *pair) platt(c, tol float64) ([]float64, error) {
	folds := min(plattFolds, p.first, p.n-p.first)
	fold := make([]int, p.n)
	for i := range fold {
		if i < p.first {
			fold[i] = i * folds / p.first
		} else {
			fold[i] = (i - p.first) * folds / (p.n - p.first)
		}
	}
	value := make([]float64, p.n)
	for f := range folds {
		var train []int
		for i := range fold {
			if fold[i] != f {
				train = append(train, i)
			}
		}
		m, err := p.smo(train, c, tol)
		if err != nil {
			return nil, err
		}
		for i := range fold {
			if fold[i] != f {
				continue
			}
			value[i] = m.bias
			for t, alpha := range m.alpha {
				value[i] += alpha * p.sign(train[t]) * p.kernel[i][train[t]]
			}
		}
	}
	positive := make([]bool, p.n)
	for i := range p.first {
		positive[i] = true
	}
	a, b, err := FitSigmoid(value, positive)
	return []float64{a, b}, err
}

// FitSigmoid is Platt's scaling: A and B of p = 1/(1+exp(A·f+B)) that make the targets (n₊+1)/(n₊+2) for positive and
// 1/(n₋+2) for other values f most likely (Platt 1999, "Probabilistic outputs for support vector machines"), by the
// Newton method of Lin, Lin and Weng 2007, doi:10.1007/s10994-007-5018-6.
func FitSigmoid(f []float64, positive []bool) (a, b float64, err error) {
	n := [2]float64{}
	for _, p := range positive {
		if p {
			n[1]++
		} else {
			n[0]++
		}
	}
	high, low := (n[1]+1)/(n[1]+2), 1/(n[0]+2)
	cost := func(a, b float64) float64 {
		sum := 0.0
		for i, v := range f {
			t := low
			if positive[i] {
				t = high
			}
			if z := a*v + b; z >= 0 {
				sum += t*z + math.Log1p(math.Exp(-z))
			} else {
				sum += (t-1)*z + math.Log1p(math.Exp(z))
			}
		}
		return sum
	}
	b = math.Log((n[0] + 1) / (n[1] + 1))
	value := cost(a, b)
	for range 200 {
		h11, h22, h21, g1, g2 := 0.0, 0.0, 0.0, 0.0, 0.0
		for i, v := range f {
			t := low
			if positive[i] {
				t = high
			}
			p := sigmoid([]float64{a, b}, v)
			h11 += v * v * p * (1 - p)
			h22 += p * (1 - p)
			h21 += v * p * (1 - p)
			g1 += v * (t - p)
			g2 += t - p
		}
		h11 += 1e-12 * (1 + h11) // where all values are the same
		h22 += 1e-12 * (1 + h22)
		det := h11*h22 - h21*h21
		da, db := -(h22*g1-h21*g2)/det, -(h11*g2-h21*g1)/det
		slope := g1*da + g2*db
		if math.IsNaN(slope) {
			break
		}
		t := 1.0
		for ; t >= 1e-10; t /= 2 {
			if next := cost(a+t*da, b+t*db); next <= value+1e-4*t*slope+1e-15*value {
				a, b, value = a+t*da, b+t*db, next
				break
			}
		}
		if -slope <= 1e-14*value || t < 1e-10 {
			return a, b, nil
		}
	}
	return 0, 0, errors.New("the sigmoid that gives probabilities cannot be fitted: the decision values are too large; scale the features down")
}

// sigmoid is 1/(1+exp(A·f+B)) without overflow.
func sigmoid(ab []float64, f float64) float64 {
	z := ab[0]*f + ab[1]
	if z >= 0 {
		return math.Exp(-z) / (1 + math.Exp(-z))
	}
	return 1 / (1 + math.Exp(z))
}

// coupling is the memory of Predict.
type coupling struct {
	kernel   []float64 // [vectors]
	decision []float64 // [pairs]
	pairs    []float64 // [pairs], probability of the first class
	q        [][]float64
	qp       []float64
}

func newCoupling(classes, vectors int) coupling {
	n := classes * (classes - 1) / 2
	return coupling{kernel: make([]float64, vectors), decision: make([]float64, n), pairs: make([]float64, n), q: matrix(classes, classes), qp: make([]float64, classes)}
}

// couple fills dst [classes] with the distribution that minimises Σ_{i≠j} (r_ji·p_i − r_ij·p_j)², r_ij the probability of
// class i among i and j (Wu, Lin and Weng 2004, algorithm 2).
func (c *coupling) couple(dst []float64) {
	const least = 1e-7 // as libsvm: no pair is certain
	k := len(dst)
	for i := range k {
		clear(c.q[i])
	}
	pair := 0
	for i := range k {
		for j := i + 1; j < k; j++ {
			r := min(max(c.pairs[pair], least), 1-least)
			c.q[i][i] += (1 - r) * (1 - r)
			c.q[j][j] += r * r
			c.q[i][j], c.q[j][i] = -r*(1-r), -r*(1-r)
			pair++
		}
	}
	if k == 2 {
		dst[0] = min(max(c.pairs[0], least), 1-least)
		dst[1] = 1 - dst[0]
		return
	}
	for i := range dst {
		dst[i] = 1 / float64(k)
	}
	for range 1000 {
		all := 0.0
		for i := range k {
			c.qp[i] = 0
			for j, p := range dst {
				c.qp[i] += c.q[i][j] * p
			}
			all += dst[i] * c.qp[i]
		}
		worst := 0.0
		for i := range k {
			worst = max(worst, math.Abs(c.qp[i]-all))
		}
		if worst < 1e-13 {
			break
		}
		for i := range k {
			diff := (all - c.qp[i]) / c.q[i][i]
			dst[i] += diff
			all = (all + diff*(diff*c.q[i][i]+2*c.qp[i])) / (1 + diff) / (1 + diff)
			for j := range k {
				c.qp[j] = (c.qp[j] + diff*c.q[i][j]) / (1 + diff)
				dst[j] /= 1 + diff
			}
		}
	}
	sum := 0.0
	for _, p := range dst {
		sum += p
	}
	for i := range dst {
		dst[i] = max(dst[i], 0) / sum
	}
}
