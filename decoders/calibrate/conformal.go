package calibrate

import (
	"fmt"
	"math"
	"slices"
)

// Conformal says which classes remain possible, so that the true one is among them with a probability asked for. For a
// trial whose scores are p it keeps every class k with 1 − p_k <= Limit.
type Conformal struct {
	Limit float64 // +Inf where there were too few trials: every class remains
}

// FitConformal is split-conformal prediction (Vovk, Gammerman and Shafer 2005; Sadinle, Lei and Wasserman 2019,
// doi:10.1080/01621459.2017.1395341): with n trials the limit is the ⌈(n+1)(1−miss)⌉-th smallest 1 − p of the true class.
// If the n trials and the next one are exchangeable, whatever the decoder, the true class of the next one is left out
// with a probability of at most miss, between 0 and 1, over draws of all n+1. Trials of another day, or of a drifting
// signal, are not exchangeable.
//
// p [trials][classes] are scores of trials that the decoder has not learned from, y [trials] their classes.
func FitConformal(p [][]float64, y []int, miss float64) (Conformal, error) {
	if err := checkScores(p, y); err != nil {
		return Conformal{}, fmt.Errorf("conformal: %w", err)
	}
	if !(miss > 0 && miss < 1) {
		return Conformal{}, fmt.Errorf("conformal: miss is %g, must be between 0 and 1", miss)
	}
	strange := make([]float64, len(p))
	for i, row := range p {
		strange[i] = 1 - row[y[i]]
	}
	slices.Sort(strange)
	// The product is rounded, and a part of 1e-9 too many must not take the next trial.
	rank := int(math.Ceil(float64(len(p)+1)*(1-miss) - 1e-9))
	if rank > len(p) {
		return Conformal{Limit: math.Inf(1)}, nil
	}
	return Conformal{Limit: strange[rank-1]}, nil
}

// Set marks in dst [classes] the classes that remain possible for the scores p [classes], and counts them.
func (c Conformal) Set(dst []bool, p []float64) (n int) {
	for k, v := range p {
		if dst[k] = 1-v <= c.Limit; dst[k] {
			n++
		}
	}
	return n
}

// Decide is the one class that remains possible, or -1, to abstain, where several do or none.
func (c Conformal) Decide(p []float64) int {
	label := -1
	for k, v := range p {
		if 1-v <= c.Limit {
			if label >= 0 {
				return -1
			}
			label = k
		}
	}
	return label
}
