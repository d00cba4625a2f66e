// Package evidence turns a stream of scores into decisions: it gathers evidence over rows, waits until it is strong and
// steady enough, and says "no control" at all other times.
package evidence

import (
	"errors"
	"fmt"
	"math"
)

// NoControl is the label that stands for: no decision now.
const NoControl = -1

// Accumulator makes decisions from the probabilities of classes that a decoder gives for one row after another. Every
// row goes through these stages, each of which can be switched off:
//
//  1. Bayes: the evidence of class k is L_k ← 2^(−Δt/half_life)·L_k + ln p_k, with Δt the time since the row before. It is
//     the logarithm of the posterior, up to a constant, for rows that are independent given the class and classes that
//     are equally probable; old rows fade, because the user changes their mind. Rows of windows that overlap are not
//     independent: the evidence is then too sure, which FitRest makes up for.
//  2. The candidate is the class with the most evidence, Rest left out. Its confidence is the posterior odds in nats,
//     L_k − ln Σ_{j≠k} exp L_j, Rest among the j.
//  3. Hysteresis and dwell: a decision begins when the same candidate has had odds of at least Enter in Dwell rows running.
//     With Hold it lasts until its own odds fall below Leave; without, for one row, and all evidence is cleared.
//  4. Refractory: for that time after a decision has ended no other begins, and rows count for nothing but the evidence.
//
// The order of events depends on the scores and times alone: there is no clock, and the same input gives the same bits.
// With FalsePerMin above 0 the threshold Enter is not a parameter but set from rest data, see FitRest, and no row is taken
// before. The zero value is not ready; use New, or set the fields and let Check tell.
//
// Without fading it is the sequential test of Wald 1945 (doi:10.1214/aoms/1177731118), for any number of classes. Scores
// [classes] go in, a class or no control comes out; evidence and thresholds are in nats.
type Accumulator struct {
	HalfLife   float64 `json:"half_life_s" doc:"time after which evidence counts half, in s; 0: every row by itself"`
	Lapse      float64 `json:"lapse" doc:"part of the rows that are taken for random, from above 0 to below 1: bounds the evidence of one row"`
	Enter      float64 `json:"enter_nats" doc:"least posterior odds (logarithm) to begin a decision, in nats: 2.2 is 90 %, 4.6 is 99 %; set from rest data with false_per_min"`
	Dwell      int     `json:"dwell_rows" doc:"rows running that must agree before a decision begins, at least 1"`
	Hold       bool    `json:"hold" doc:"true: a decision lasts until its odds fall below leave_nats; false: it lasts one row"`
	Leave      float64 `json:"leave_nats" doc:"posterior odds (logarithm) below which a held decision ends, in nats, at most enter_nats" only:"hold=true"`
	Refractory float64 `json:"refractory_s" doc:"time after the end of a decision in which no other begins, in s, at least 0"`
	Rest       int     `json:"rest" doc:"position of the class that stands for rest and is never decided for; -1 where there is none"`

	FalsePerMin float64 `json:"false_per_min" doc:"most false decisions a minute at rest: training sets enter_nats from rest data so that they stay below; 0: enter_nats as it stands"`
	Certainty   float64 `json:"certainty" doc:"certainty, above 0 and below 1, that the true rate at rest is at most false_per_min"`
	Any         bool    `json:"any_rest,omitempty" doc:"with false_per_min: false holds decisions back where the stream is unlike the rest that the threshold was set with; true decides there as well, where the rate is not known"`

	fitted bool // Enter is from rest data

	log       []float64 // L, the largest 0; nil before the first row
	time      float64   // of the row before, s
	label     int       // the decision that is held, or NoControl
	candidate int       // of the row before, or NoControl where it was not strong enough
	count     int       // rows running that have it
	until     float64   // end of the refractory time, s
}

// New has the defaults: evidence of 1 s, odds of 9 to 1, one row, decisions of one row, 1 s without another.
func New() *Accumulator {
	a := &Accumulator{HalfLife: 1, Lapse: 0.01, Enter: math.Log(9), Dwell: 1, Leave: 0, Refractory: 1, Rest: -1, Certainty: 0.95}
	a.Reset()
	return a
}

// Check reports parameters that are out of their range.
func (a *Accumulator) Check() error {
	at := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	switch {
	case !(a.HalfLife >= 0) || at(a.HalfLife):
		return fmt.Errorf("evidence: half_life_s is %g, must be at least 0 and finite", a.HalfLife)
	case !(a.Lapse > 0 && a.Lapse < 1):
		return fmt.Errorf("evidence: lapse is %g, must be between 0 and 1", a.Lapse)
	case at(a.Enter):
		return fmt.Errorf("evidence: enter_nats is %g, must be finite", a.Enter)
	case a.Dwell < 1:
		return fmt.Errorf("evidence: dwell_rows is %d, must be at least 1", a.Dwell)
	case a.Hold && (at(a.Leave) || a.FalsePerMin == 0 && a.Leave > a.Enter):
		return fmt.Errorf("evidence: leave_nats is %g, must be finite and at most enter_nats, %g: a decision would end as it begins", a.Leave, a.Enter)
	case !(a.Refractory >= 0) || at(a.Refractory):
		return fmt.Errorf("evidence: refractory_s is %g, must be at least 0 and finite", a.Refractory)
	case !(a.FalsePerMin >= 0) || at(a.FalsePerMin):
		return fmt.Errorf("evidence: false_per_min is %g, must be at least 0 and finite", a.FalsePerMin)
	case a.FalsePerMin > 0 && !(a.Certainty > 0 && a.Certainty < 1):
		return fmt.Errorf("evidence: certainty is %g, must be between 0 and 1", a.Certainty)
	case a.Rest < -1:
		return fmt.Errorf("evidence: rest is %d, must be the position of a class, or -1", a.Rest)
	}
	return nil
}

// Reset forgets all rows: a new run begins.
func (a *Accumulator) Reset() {
	a.log, a.time, a.until = a.log[:0], 0, math.Inf(-1)
	a.label, a.candidate, a.count = NoControl, NoControl, 0
}

// Push takes in the probabilities of the classes (their sum need not be 1) for the row at t seconds, later than the row
// before, and returns the decision that holds now, or NoControl. confidence is the posterior probability of that class, or
// of the candidate where there is none. On an error the label is NoControl and the row counts as not seen: a caller that
// must act stops. It does not allocate after the first row.
func (a *Accumulator) Push(scores []float64, t float64) (label int, confidence float64, err error) {
	first := len(a.log) == 0
	if err := a.check(scores, t, first); err != nil {
		return NoControl, 0, err
	}
	if first {
		a.Reset() // a value that New has not made
		a.log = append(a.log, scores...)
		clear(a.log)
	}
	keep := 0.0
	if !first && a.HalfLife > 0 {
		keep = math.Exp2(-(t - a.time) / a.HalfLife)
	}
	sum := 0.0
	for _, p := range scores {
		sum += p
	}
	for k, p := range scores {
		p = float64((1-a.Lapse)*(p/sum)) + a.Lapse/float64(len(scores))
		a.log[k] = float64(keep*a.log[k]) + math.Log(p)
	}
	a.normalise()
	a.time = t
	label, odds := a.decide(t)
	return label, 1 / (1 + math.Exp(-odds)), nil
}

func (a *Accumulator) check(scores []float64, t float64, first bool) error {
	if first {
		if err := a.Check(); err != nil {
			return err
		}
		if a.FalsePerMin > 0 && !a.fitted {
			return errors.New("evidence: the threshold has not been set from rest data yet; train the pipeline with rest data, or load a bundle")
		}
	}
	classes := len(a.log)
	if first {
		classes = max(2, a.Rest+1)
	}
	sum := 0.0
	for k, p := range scores {
		if !(p >= 0) || math.IsInf(p, 0) {
			return fmt.Errorf("evidence: score %d is %g, must be a probability", k, p)
		}
		sum += p
	}
	switch {
	case first && len(scores) < classes:
		return fmt.Errorf("evidence: got %d scores, must be at least %d", len(scores), classes)
	case !first && len(scores) != classes:
		return fmt.Errorf("evidence: got %d scores, the rows before had %d", len(scores), classes)
	case !(sum > 0) || math.IsInf(sum, 0):
		return errors.New("evidence: the scores add up to 0 or overflow; they must be probabilities")
	case math.IsNaN(t) || math.IsInf(t, 0) || !first && !(t > a.time):
		return fmt.Errorf("evidence: row at %g s behind one at %g s; times must ascend, Reset begins a new run", t, a.time)
	}
	return nil
}

// normalise makes the largest evidence 0.
func (a *Accumulator) normalise() {
	top := math.Inf(-1)
	for _, l := range a.log {
		top = max(top, l)
	}
	for k := range a.log {
		a.log[k] -= top
	}
}

// odds is the logarithm of the posterior odds of class k.
func (a *Accumulator) odds(k int) float64 {
	top := math.Inf(-1)
	for j, l := range a.log {
		if j != k {
			top = max(top, l)
		}
	}
	sum := 0.0
	for j, l := range a.log {
		if j != k {
			sum += math.Exp(l - top)
		}
	}
	return a.log[k] - (top + math.Log(sum))
}

// best is the class with the most evidence, Rest left out.
func (a *Accumulator) best() int {
	best := NoControl
	for k, l := range a.log {
		if k != a.Rest && (best == NoControl || l > a.log[best]) {
			best = k
		}
	}
	return best
}

// decide is stages 2 to 4.
func (a *Accumulator) decide(t float64) (label int, odds float64) {
	if a.label != NoControl { // held
		if odds = a.odds(a.label); odds >= min(a.Leave, a.Enter) {
			return a.label, odds
		}
		a.end(t)
	}
	best := a.best()
	odds = a.odds(best)
	switch {
	case t < a.until || !(odds >= a.Enter):
		a.candidate, a.count = NoControl, 0
	case best != a.candidate:
		a.candidate, a.count = best, 1
	default:
		a.count++
	}
	if a.candidate == NoControl || a.count < a.Dwell {
		return NoControl, odds
	}
	a.candidate, a.count = NoControl, 0
	if a.Hold {
		a.label = best
		return best, odds
	}
	clear(a.log)
	a.until = t + a.Refractory
	return best, odds
}

// end ends a held decision.
func (a *Accumulator) end(t float64) {
	a.label, a.candidate, a.count = NoControl, NoControl, 0
	a.until = t + a.Refractory
}
