package linear

import (
	"errors"
	"fmt"
	"math"
)

// pair is the rows of two classes and their kernel.
type pair struct {
	n, first int         // rows, and those of the first class, which come first
	kernel   [][]float64 // [n][n]
}

// machine is the solution of one dual problem.
type machine struct {
	alpha []float64 // of each row
	bias  float64
}

func newPair(a, b [][]float64, gamma float64) *pair {
	rows := append(append(make([][]float64, 0, len(a)+len(b)), a...), b...)
	p := &pair{n: len(rows), first: len(a), kernel: matrix(len(rows), len(rows))}
	for i, x := range rows {
		for j := range i + 1 {
			k := 0.0
			if gamma > 0 {
				k = math.Exp(-gamma * distance2(x, rows[j]))
			} else {
				for f, v := range x {
					k += v * rows[j][f]
				}
			}
			p.kernel[i][j], p.kernel[j][i] = k, k
		}
	}
	return p
}

// distance2 is |x−y|².
func distance2(x, y []float64) float64 {
	sum := 0.0
	for j, v := range x {
		d := v - y[j]
		sum += d * d
	}
	return sum
}

func (p *pair) sign(i int) float64 {
	if i < p.first {
		return 1
	}
	return -1
}

// solve is the machine of all rows.
func (p *pair) solve(c, tol float64) (machine, error) {
	rows := make([]int, p.n)
	for i := range rows {
		rows[i] = i
	}
	return p.smo(rows, c, tol)
}

// smo minimises ½ Σ α_i α_j s_i s_j K_ij − Σ α_i over 0 ≤ α ≤ c, Σ α_i s_i = 0, for the given rows.
func (p *pair) smo(rows []int, c, tol float64) (machine, error) {
	const tau = 1e-12 // least curvature, where two rows are the same
	n := len(rows)
	alpha, grad := make([]float64, n), make([]float64, n)
	s := make([]float64, n)
	for i, r := range rows {
		s[i], grad[i] = p.sign(r), -1
	}
	// A row may move up in s·α (up) or down (not up).
	free := func(i int, up bool) bool {
		if (s[i] > 0) == up {
			return alpha[i] < c
		}
		return alpha[i] > 0
	}
	limit := max(10_000_000, 100*n)
	for step := 0; ; step++ {
		i, most := -1, math.Inf(-1)
		for t := range n {
			if v := -s[t] * grad[t]; v >= most && free(t, true) {
				i, most = t, v
			}
		}
		if i < 0 {
			return machine{alpha, p.bias(alpha, grad, s, c)}, nil
		}
		ki := p.kernel[rows[i]]
		j, least, best := -1, math.Inf(1), math.Inf(1)
		for t := range n {
			if !free(t, false) {
				continue
			}
			v := -s[t] * grad[t]
			least = min(least, v)
			if gap := most - v; gap > 0 {
				bend := ki[rows[i]] + p.kernel[rows[t]][rows[t]] - 2*ki[rows[t]]
				if gain := -gap * gap / max(bend, tau); gain <= best {
					j, best = t, gain
				}
			}
		}
		switch {
		case math.IsNaN(most) || math.IsNaN(least) || math.IsInf(ki[rows[i]], 0):
			return machine{}, errors.New("the kernel overflows a float64; scale the features down")
		case most-least < tol || j < 0:
			return machine{alpha, p.bias(alpha, grad, s, c)}, nil
		case step == limit:
			return machine{}, fmt.Errorf("not converged after %d steps, optimality is violated by %g; raise tol, lower c, or scale the features to similar variance (step \"standardise\")", limit, most-least)
		}
		kj := p.kernel[rows[j]]
		bend := max(ki[rows[i]]+kj[rows[j]]-2*ki[rows[j]], tau)
		move := (most + s[j]*grad[j]) / bend // of s_i·α_i up and of s_j·α_j down
		move = min(move, room(alpha[i], s[i], c), room(alpha[j], -s[j], c))
		ai, aj := alpha[i], alpha[j]
		alpha[i], alpha[j] = snap(ai+s[i]*move, c), snap(aj-s[j]*move, c)
		di, dj := s[i]*(alpha[i]-ai), s[j]*(alpha[j]-aj)
		for t := range n {
			grad[t] += s[t] * (ki[rows[t]]*di + kj[rows[t]]*dj)
		}
	}
}

// room is how far α may move in the direction sign within 0 to c.
func room(alpha, sign, c float64) float64 {
	if sign > 0 {
		return c - alpha
	}
	return alpha
}

// snap puts an α that rounding has left beside a limit onto it.
func snap(alpha, c float64) float64 {
	switch {
	case alpha < 1e-14*c:
		return 0
	case alpha > c*(1-1e-14):
		return c
	}
	return alpha
}

// bias is the mean over the rows on the margin, or the middle of what the others allow.
func (p *pair) bias(alpha, grad, s []float64, c float64) float64 {
	low, high := math.Inf(-1), math.Inf(1)
	sum, free := 0.0, 0
	for i, a := range alpha {
		g := s[i] * grad[i]
		switch {
		case a > 0 && a < c:
			sum += g
			free++
		case (a == 0) == (s[i] > 0):
			high = min(high, g)
		default:
			low = max(low, g)
		}
	}
	if free > 0 {
		return -sum / float64(free)
	}
	return -(low + high) / 2
}
