package dqn

import (
	"errors"
	"math"
)

// errNotFinite is returned where a window is far from what the network was trained on.
var errNotFinite = errors.New("the output of the network is not finite: the window is far from what it was trained on")

// probabilities turns the values q of the actions that are classes into probabilities: of all that add up to 1, those
// nearest to (q + l) / (g + l), which is p where the network has learned exactly E[reward] for the rewards g and −l. The
// order of q stays. dst is as long as q.
//
// It is the projection on the simplex (Michelot 1986, doi:10.1007/BF00938486): max(v − τ, 0), where τ makes the sum 1.
func probabilities(dst []float64, q []float32, g, l float64) error {
	top := math.Inf(-1)
	for k, v := range q {
		dst[k] = (float64(v) + l) / (g + l)
		if math.IsNaN(dst[k]) || math.IsInf(dst[k], 0) {
			return errNotFinite
		}
		top = max(top, dst[k])
	}
	tau := math.Inf(-1)
	for before := 0; ; {
		sum, n := 0.0, 0
		for _, v := range dst {
			if v > tau || v == top {
				sum += v - top
				n++
			}
		}
		if n == before {
			break
		}
		before, tau = n, top+(sum-1)/float64(n)
	}
	sum := 0.0
	for k, v := range dst {
		dst[k] = max(v-tau, 0)
		sum += dst[k]
	}
	for k := range dst {
		dst[k] /= sum
	}
	return nil
}

// greedy is the position of the largest value, the first of equals.
func greedy(q []float32) int {
	best := 0
	for a, v := range q {
		if v > q[best] {
			best = a
		}
	}
	return best
}
