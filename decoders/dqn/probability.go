package dqn

import (
	"errors"

	"github.com/gyrus-bci/gyrus/decoders"
)

// decide turns the values of the classes, and behind them of waiting where that is possible, into scores: of all
// probabilities those nearest to (q + l) / (g + l), which is p where the network has learned exactly E[reward] for the
// rewards g and −l. The order of q stays. Where waiting has the largest value all scores are equal.
func decide(dst []float64, q []float32, g, l float64) error {
	for k := range dst {
		dst[k] = (float64(q[k]) + l) / (g + l)
	}
	if !decoders.Simplex(dst) {
		return errors.New("the output of the network is not finite: the window is far from what it was trained on")
	}
	if greedy(q) == len(dst) {
		for k := range dst {
			dst[k] = 1 / float64(len(dst))
		}
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
