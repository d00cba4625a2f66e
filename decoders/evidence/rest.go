package evidence

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
)

// CalibrateRest sets Enter to the least odds, of those that occur, at which and above which rest data give at most
// perMinute decisions a minute, and returns the rate there with its exact 95 % interval. scores [rows][classes] are of rows
// step seconds apart, recorded at rest by a person who wants nothing, and decoded by a decoder that has not learned from
// them. Leave comes down with Enter where it would be above it. All other parameters stay, and the rate holds for them only.
//
// The rate that was seen is an estimate: the upper limit of the interval says how bad it may be. Two minutes of rest
// cannot show that a rate is below 1.8 a minute with that certainty, even without any false decision. It is an error where
// the rest data are shorter than one decision at perMinute would take, because nothing can then be told apart from 0.
func (a *Accumulator) CalibrateRest(scores [][]float64, step, perMinute float64) (metrics.Rate, error) {
	switch {
	case !(step > 0) || math.IsInf(step, 0):
		return metrics.Rate{}, fmt.Errorf("evidence: rows are %g s apart, must be above 0", step)
	case !(perMinute > 0) || math.IsInf(perMinute, 0):
		return metrics.Rate{}, fmt.Errorf("evidence: %g false decisions a minute asked for, must be above 0", perMinute)
	case len(scores) == 0:
		return metrics.Rate{}, errors.New("evidence: got no rest data")
	}
	seconds := float64(len(scores)) * step
	allowed := int(perMinute*seconds/60 + 1e-9)
	if allowed < 1 {
		return metrics.Rate{}, fmt.Errorf("evidence: %.3g s of rest cannot show a rate of %g decisions a minute; record at least %.0f s", seconds, perMinute, math.Ceil(60/perMinute))
	}
	try := *a
	try.log = nil
	// A run that never decides gives every confidence that can occur; a decision would only clear evidence.
	try.Enter, try.Hold = math.MaxFloat64, false
	odds := make([]float64, len(scores))
	try.Reset()
	for i, row := range scores {
		if _, _, err := try.Push(row, float64(i)*step); err != nil {
			return metrics.Rate{}, fmt.Errorf("rest row %d: %w", i, err)
		}
		best := NoControl
		for k, l := range try.log {
			if k != try.Rest && (best == NoControl || l > try.log[best]) {
				best = k
			}
		}
		odds[i] = try.odds(best)
	}
	slices.Sort(odds)
	odds = slices.Compact(odds)
	try.Hold = a.Hold
	enter, count := math.Nextafter(odds[len(odds)-1], math.Inf(1)), 0
	for _, o := range slices.Backward(odds) {
		try.Enter, try.Leave = o, min(a.Leave, o)
		n, err := try.decisions(scores, step)
		if err != nil {
			return metrics.Rate{}, err
		}
		if n > allowed {
			break
		}
		enter, count = o, n
	}
	a.Enter, a.Leave = enter, min(a.Leave, enter)
	a.Reset()
	return metrics.FalseActivations(count, seconds, 0.95)
}

// decisions counts the decisions that begin.
func (a *Accumulator) decisions(scores [][]float64, step float64) (n int, err error) {
	a.Reset()
	before := NoControl
	for i, row := range scores {
		label, _, err := a.Push(row, float64(i)*step)
		if err != nil {
			return 0, fmt.Errorf("rest row %d: %w", i, err)
		}
		if label != NoControl && (!a.Hold || label != before) {
			n++
		}
		before = label
	}
	return n, nil
}
