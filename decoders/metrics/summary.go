package metrics

import (
	"fmt"
	"math"
)

// Score is one measure of decisions, how sure it is, and what chance would have given. A number that is not defined is NaN,
// and Missing then says why.
type Score struct {
	Metric           string // such as "kappa"
	Value, Low, High float64
	Chance           float64
	Interval         string // how Low and High were made
	Level            string // what Chance is
	Missing          string
}

// Trials is what a decoder said about trials that it had not learned from.
type Trials struct {
	Classes        []string
	Truth, Decided []int       // [trials], positions in Classes
	P              [][]float64 // [trials][classes], probabilities
	// Part is the part of each trial, from 0, such as its fold or model: trials are ranked against those of their own part,
	// and the areas under the curves are means over parts.
	Part []int
	// Group says which trials are not independent of each other, such as windows of one event: those with one number. Intervals count
	// groups, see (*Confusion).Group. Nil where all are.
	Group []int
	// Seconds is the time that a decision takes, for the information transfer rate.
	Seconds float64
}

const (
	summaryDraws = 1000
	summaryBins  = 10 // of ECE
)

// Summary is every measure of decisions about trials with its 95 % interval and its chance level, in a fixed order:
// balanced_accuracy, kappa, weighted_f1, roc_auc, auc_pr, brier, log_loss, ece, itr_bits_per_min. Intervals are exact where
// there is an exact one; the others come from 1000 draws in an order that seed decides. docs/metrics.md has the formulas.
func Summary(t Trials, seed uint64) ([]Score, error) {
	c, err := NewConfusion(t.Classes, t.Truth, t.Decided)
	if err != nil {
		return nil, err
	}
	if len(t.P) != len(t.Truth) || len(t.Part) != len(t.Truth) {
		return nil, fmt.Errorf("metrics: %d trials, %d rows of probabilities, %d parts; must be as many", len(t.Truth), len(t.P), len(t.Part))
	}
	if t.Group == nil {
		t.Group = each(len(t.Truth))
	}
	if err := c.Group(t.Truth, t.Group); err != nil {
		return nil, err
	}
	const level = 0.95
	balanced := Score{Metric: "balanced_accuracy", Value: c.BalancedAccuracy(), Chance: c.Chance(), Interval: "exact for each class, melded", Level: "1/K"}
	balanced.Low, balanced.High = c.BalancedAccuracyInterval(level)
	kap := Score{Metric: "kappa", Value: c.Kappa(), Interval: "Bayesian bootstrap of each class", Level: "0, exact"}
	if kap.Low, kap.High, err = c.KappaInterval(level, summaryDraws, seed); err != nil {
		kap.undefined(err)
	}
	f1 := Score{Metric: "weighted_f1", Value: c.WeightedF1(), Chance: c.WeightedF1Chance(), Interval: kap.Interval, Level: "exact mean over permutations of the decisions"}
	if f1.Low, f1.High, err = c.WeightedF1Interval(level, summaryDraws, seed); err != nil {
		f1.undefined(err)
	}
	scores := []Score{balanced, kap, f1}
	scores = append(scores, t.areas(level, seed)...)
	scores = append(scores, t.probabilities(level, seed)...)
	itr := Score{Metric: "itr_bits_per_min", Interval: "from that of the balanced accuracy", Level: "0, exact"}
	if itr.Value, itr.Low, itr.High = c.ITR(t.Seconds, level); math.IsNaN(itr.Value) {
		itr.undefined(fmt.Errorf("needs 2 classes with trials and a time per decision above 0, got %g s", t.Seconds))
	}
	return append(scores, itr), nil
}

func (s *Score) undefined(err error) {
	s.Value, s.Low, s.High, s.Chance, s.Missing = math.NaN(), math.NaN(), math.NaN(), math.NaN(), err.Error()
}

// unsure is a value without an interval.
func (s *Score) unsure(err error) {
	s.Low, s.High, s.Interval = math.NaN(), math.NaN(), err.Error()
}

// strata is the part and class of each trial as one number.
func (t Trials) strata() []int {
	s := make([]int, len(t.Truth))
	for i, k := range t.Truth {
		s[i] = t.Part[i]*len(t.Classes) + k
	}
	return s
}

// probabilities are the measures of the probabilities, of all trials together.
func (t Trials) probabilities(level float64, seed uint64) []Score {
	scores := []Score{
		{Metric: "brier", Interval: "percentile bootstrap of the trials of each class", Level: "of who gives the parts of the classes, exact"},
		{Metric: "log_loss", Interval: "percentile bootstrap of the trials of each class", Level: "of who gives the parts of the classes, exact"},
		{Metric: "ece", Interval: "bootstrap of the trials of each class; from 0 where it may be calibrated", Level: "mean of a calibrated decoder with the same probabilities, simulated"},
	}
	fail := func(err error) []Score {
		for i := range scores {
			scores[i].undefined(err)
		}
		return scores
	}
	q, err := NewProbabilities(t.P, t.Truth)
	if err != nil {
		return fail(err)
	}
	for i, m := range []struct {
		of     func(*Probabilities) float64
		chance float64
	}{{(*Probabilities).Brier, q.BrierPrior()}, {(*Probabilities).LogLoss, q.LogLossPrior()}} {
		s := &scores[i]
		s.Value, s.Chance = m.of(q), m.chance
		drawn, err := q.draws(t.Truth, t.Group, m.of, summaryDraws, seed)
		if err != nil {
			s.unsure(err)
			continue
		}
		s.Low, s.High = Percentiles(drawn, level)
	}
	s := &scores[2]
	s.Value, s.Chance = q.ECE(summaryBins), mean(q.calibrated(summaryBins, t.Group, summaryDraws, seed))
	if s.Low, s.High, err = q.eceInterval(summaryBins, t.Truth, t.Group, level, summaryDraws, seed); err != nil {
		s.unsure(err)
	}
	return scores
}
