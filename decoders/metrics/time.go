package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Rate is the number of events per minute with its confidence interval.
type Rate struct {
	Count                int
	Minutes              float64
	PerMinute, Low, High float64
}

// FalseActivations is the rate of decisions for an action while there was none to decide for, count of them in seconds of
// such time. The interval is the exact one of a Poisson process (Garwood 1936, doi:10.1093/biomet/28.3-4.437); with 0
// events its upper limit at 95 % is 3.7 events. Decisions that come in bursts are not a Poisson process: count a burst once.
func FalseActivations(count int, seconds, level float64) (Rate, error) {
	checkLevel(level)
	if count < 0 || !(seconds > 0) || math.IsInf(seconds, 0) {
		return Rate{}, fmt.Errorf("metrics: %d false activations in %g s; must be at least 0, in a time above 0", count, seconds)
	}
	r := Rate{Count: count, Minutes: seconds / 60}
	r.PerMinute = float64(count) / r.Minutes
	tail := (1 - level) / 2
	if count > 0 {
		r.Low = mathext.GammaIncRegInv(float64(count), tail) / r.Minutes
	}
	r.High = mathext.GammaIncRegCompInv(float64(count)+1, tail) / r.Minutes
	return r, nil
}

// Latency says how long decisions took.
type Latency struct {
	Trials, Decided int
	Median          float64 // s; +Inf where fewer than half of the trials were decided
	Low, High       float64 // s, exact confidence interval of the median; +Inf where it is not bounded
	DecidedLow      float64 // exact confidence interval of the probability that a trial is decided
	DecidedHigh     float64
}

// TimeToDecision summarises how long decisions took, in seconds from the start of each trial; +Inf stands for a trial that
// ended without one. Leaving those out would make an undecided decoder look quick, so they count as longer than all others.
// The interval of the median is that between order statistics (binomial), exact at least; that of the part decided is
// Clopper and Pearson's.
func TimeToDecision(seconds []float64, level float64) (Latency, error) {
	checkLevel(level)
	l := Latency{Trials: len(seconds)}
	if l.Trials == 0 {
		return l, errors.New("metrics: no trials, must be at least one")
	}
	t := slices.Clone(seconds)
	for i, v := range t {
		if !(v >= 0) {
			return l, fmt.Errorf("metrics: time of trial %d is %g s, must be at least 0", i, v)
		}
		if !math.IsInf(v, 1) {
			l.Decided++
		}
	}
	slices.Sort(t)
	n := len(t)
	if l.Median = t[n/2]; n%2 == 0 && l.Median != t[n/2-1] { // +Inf − +Inf has no mean
		l.Median = t[n/2-1]/2 + t[n/2]/2
	}
	// t[k] is a lower limit if at most k of n fair coins fall below it with a probability of at most the tail.
	tail, below := (1-level)/2, 0.0
	k := -1
	for i := range n {
		lg, _ := math.Lgamma(float64(n + 1))
		la, _ := math.Lgamma(float64(i + 1))
		lb, _ := math.Lgamma(float64(n - i + 1))
		below += math.Exp(lg - la - lb - float64(n)*math.Ln2)
		if below > tail {
			break
		}
		k = i
	}
	l.Low, l.High = 0, math.Inf(1)
	if k >= 0 && k < n-1-k {
		l.Low, l.High = t[k], t[n-1-k]
	}
	l.DecidedLow, l.DecidedHigh = meanInterval([]float64{float64(l.Decided)}, []float64{float64(n)}, level)
	return l, nil
}
