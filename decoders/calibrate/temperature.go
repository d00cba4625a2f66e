// Package calibrate makes the probabilities of a decoder mean what they say, and says when not to decide: temperature
// scaling, isotonic regression and conformal sets, as functions and as the decoder "calibrated" around any other.
package calibrate

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// least is the smallest probability that is told apart from 0: what a decoder holds for impossible may still happen.
const least = 1e-12

// checkScores reports what no calibration can learn from.
func checkScores(p [][]float64, y []int) error {
	switch {
	case len(p) == 0:
		return errors.New("got no scores to calibrate with")
	case len(p) != len(y):
		return fmt.Errorf("got the scores of %d trials and %d labels, must be as many", len(p), len(y))
	case len(p[0]) < 2:
		return fmt.Errorf("got %d scores per trial, must be at least 2, one for each class", len(p[0]))
	}
	for i, row := range p {
		if len(row) != len(p[0]) {
			return fmt.Errorf("trial %d has %d scores, trial 0 has %d", i, len(row), len(p[0]))
		}
		for k, v := range row {
			if !(v >= 0 && v <= 1) {
				return fmt.Errorf("trial %d: score %d is %g, must be a probability", i, k, v)
			}
		}
		if y[i] < 0 || y[i] >= len(row) {
			return fmt.Errorf("label of trial %d is %d, must be from 0 to %d", i, y[i], len(row)-1)
		}
	}
	return nil
}

// FitTemperature is the temperature T, above 0, at which the probabilities softmax(ln p / T) make the labels y [trials]
// most likely (Guo et al. 2017, arxiv.org/abs/1706.04599). p [trials][classes] are scores of trials that the decoder has
// not learned from. Above 1 the decoder was too sure of itself. The order of the classes stays as it is.
//
// T is held between 1e-3 and 1e3, where it ends if no trial, or nearly every one, is decided right.
func FitTemperature(p [][]float64, y []int) (float64, error) {
	if err := checkScores(p, y); err != nil {
		return 0, fmt.Errorf("temperature: %w", err)
	}
	// The loss is convex in β = 1/T: its slope is Σ_i E_β[ln p] − ln p_i,y(i), which grows with β.
	slope := func(beta float64) float64 {
		sum := 0.0
		for i, row := range p {
			top := math.Log(max(slices.Max(row), least))
			total, mean := 0.0, 0.0
			for _, v := range row {
				l := math.Log(max(v, least)) - top
				e := math.Exp(beta * l)
				total += e
				mean += e * l
			}
			sum += mean/total - (math.Log(max(row[y[i]], least)) - top)
		}
		return sum
	}
	low, high := 1e-3, 1e3 // of β
	if slope(low) >= 0 {
		return 1 / low, nil
	}
	if slope(high) <= 0 {
		return 1 / high, nil
	}
	for range 200 { // halving in the logarithm, down to neighbouring numbers
		mid := math.Sqrt(low * high)
		if mid <= low || mid >= high {
			break
		}
		if slope(mid) < 0 {
			low = mid
		} else {
			high = mid
		}
	}
	return 1 / math.Sqrt(low*high), nil
}

// Temperature replaces the probabilities p by softmax(ln p / t).
func Temperature(p []float64, t float64) {
	top, sum := math.Log(max(slices.Max(p), least)), 0.0
	for k, v := range p {
		p[k] = math.Exp((math.Log(max(v, least)) - top) / t)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
}
