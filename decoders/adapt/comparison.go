package adapt

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Comparison counts the decisions with feedback in which the shadow and the running decoder differed, and the one was
// right and the other wrong. Decisions in which both were right or both wrong say nothing about which is better. Where
// feedback leaves open whether the shadow was right (more than two classes, the running decoder was wrong), it counts
// as wrong: without knowing the class a shadow that was never tried cannot be proven better.
type Comparison struct {
	Better int `json:"better"` // the shadow was right, the running decoder wrong
	Worse  int `json:"worse"`  // the other way round
}

// Evidence is how much more likely the counts are where the shadow is better than where both are equally good: the
// likelihood ratio of a coin with unknown bias p above ½, evenly spread, to a fair coin,
//
//	E = ∫ 2 (2p)^better (2(1−p))^worse dp,  p from ½ to 1
//
// Where the shadow is no better, the chance that E is ever at least 1/α, however often one looks, is at most α (Ville's
// inequality; Robbins 1970, doi:10.1214/aoms/1177696786).
func (c Comparison) Evidence() float64 {
	a, b := float64(c.Better+1), float64(c.Worse+1)
	tail := mathext.RegIncBeta(b, a, 0.5)                                      // P(p > ½) of Beta(a, b)
	return min(math.Exp((a+b-1)*math.Ln2+logBeta(a, b))*tail, math.MaxFloat64) // JSON has no infinity
}

// trialSpan is how many decisions with feedback lie between two comparisons that begin anew.
const trialSpan = 25

// contest is comparisons that began at different times: who is better may change while the mixing drifts, and a shadow
// that was worse an hour ago must not have to make up for it.
type contest struct {
	begun []Comparison
	seen  int // decisions with feedback
}

// add takes in one decision with feedback.
func (c *contest) add(shadow, running bool) {
	if c.seen%trialSpan == 0 {
		c.begun = append(c.begun, Comparison{})
	}
	c.seen++
	for i := range c.begun {
		if shadow && !running {
			c.begun[i].Better++
		}
		if running && !shadow {
			c.begun[i].Worse++
		}
	}
}

// total is since the first began.
func (c *contest) total() Comparison {
	if len(c.begun) == 0 {
		return Comparison{}
	}
	return c.begun[0]
}

// evidence is the largest of all. The chance of going live wrongly is bounded for each comparison; over n of them it is at
// most n times that.
func (c *contest) evidence() float64 {
	top := 0.0
	for _, one := range c.begun {
		top = max(top, one.Evidence())
	}
	return top
}

func logBeta(a, b float64) float64 {
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	return la + lb - lab
}
