// Package metrics says how good decisions are, how sure that is, and what chance would have given. A decoder that knows
// nothing has a balanced accuracy of 1/K; every result stands beside that number and an interval.
package metrics

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Confusion counts decisions.
type Confusion struct {
	Classes []string
	N       [][]int // N[truth][decision]

	per []float64 // trials counted for each independent one, by class; nil for 1: see Group
}

// NewConfusion counts the decisions predicted[i] about trials whose class is truth[i], both positions in classes. There
// must be at least one trial.
func NewConfusion(classes []string, truth, predicted []int) (*Confusion, error) {
	switch {
	case len(truth) != len(predicted):
		return nil, fmt.Errorf("metrics: got %d true classes and %d decisions, must be as many", len(truth), len(predicted))
	case len(truth) == 0:
		return nil, errors.New("metrics: no trials to score, must be at least one")
	}
	c := &Confusion{Classes: classes, N: make([][]int, len(classes))}
	for k := range c.N {
		c.N[k] = make([]int, len(classes))
	}
	for i, k := range truth {
		if p := predicted[i]; min(k, p) < 0 || max(k, p) >= len(classes) {
			return nil, fmt.Errorf("metrics: trial %d has the class %d and the decision %d, must be from 0 to %d", i, k, p, len(classes)-1)
		}
		c.N[k][predicted[i]]++
	}
	return c, nil
}

// trials is the number of trials of class k.
func (c *Confusion) trials(k int) (n int) {
	for _, m := range c.N[k] {
		n += m
	}
	return n
}

// Trials is the number of trials.
func (c *Confusion) Trials() (n int) {
	for k := range c.N {
		n += c.trials(k)
	}
	return n
}

// Correct is the number of right decisions.
func (c *Confusion) Correct() (n int) {
	for k := range c.N {
		n += c.N[k][k]
	}
	return n
}

// Recall is the part of the trials of class k that was decided right, or NaN where the class has no trial.
func (c *Confusion) Recall(k int) float64 {
	n := c.trials(k)
	if n == 0 {
		return math.NaN()
	}
	return float64(c.N[k][k]) / float64(n)
}

// present is the number of right decisions and of trials of every class that has trials.
func (c *Confusion) present() (correct, trials []int) {
	for k := range c.N {
		if n := c.trials(k); n > 0 {
			correct, trials = append(correct, c.N[k][k]), append(trials, n)
		}
	}
	return correct, trials
}

// BalancedAccuracy is the mean recall of the classes that have trials.
func (c *Confusion) BalancedAccuracy() float64 {
	correct, trials := c.present()
	sum := 0.0
	for k, n := range trials {
		sum += float64(correct[k]) / float64(n)
	}
	return sum / float64(len(trials))
}

// BalancedAccuracyInterval is a confidence interval of the balanced accuracy, such as 0.95; level must be between 0 and
// 1. It treats trials as independent draws.
//
// It melds the exact intervals of the recalls (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404) as Fay, Proschan and
// Brittain 2015 (doi:10.1111/biom.12231) do for two proportions, here for the mean of K: the lower limit is the α/2
// quantile of the mean of independent Beta(x_k, n_k−x_k+1), the upper limit the 1−α/2 quantile of that of Beta(x_k+1,
// n_k−x_k), x_k right of n_k. With one class it is the interval of Clopper and Pearson. It always holds the observed
// value, also 0 and 1, and its coverage was at least the level wherever it has been enumerated (see the tests).
//
// The posterior of Brodersen et al. 2010 (doi:10.1109/ICPR.2010.764) lies between the two distributions; it is
// narrower, leaves out an observed 1, and covers less than its level for few trials.
//
// With Group x_k and n_k are divided by the trials of class k that go to one that is independent: what they count is groups.
func (c *Confusion) BalancedAccuracyInterval(level float64) (low, high float64) {
	var correct, trials []float64
	for k, row := range c.N {
		if n := c.trials(k); n > 0 {
			correct, trials = append(correct, float64(row[k])/c.perTrial(k)), append(trials, float64(n)/c.perTrial(k))
		}
	}
	return meanInterval(correct, trials, level)
}

// Chance is the balanced accuracy that decisions independent of the truth have on average, 1/K for K classes with
// trials. It is exact for every distribution of trials and decisions over these K classes; decisions for a class without
// trials only lower it.
func (c *Confusion) Chance() float64 {
	_, trials := c.present()
	return 1 / float64(len(trials))
}

// Accuracy is the part of right decisions. Where classes have unequal numbers of trials it flatters a decoder that
// prefers the largest.
func (c *Confusion) Accuracy() float64 { return float64(c.Correct()) / float64(c.Trials()) }

// AccuracyInterval is the exact confidence interval of the accuracy (Clopper and Pearson 1934,
// doi:10.1093/biomet/26.4.404); level must be between 0 and 1.
func (c *Confusion) AccuracyInterval(level float64) (low, high float64) {
	return meanInterval([]float64{float64(c.Correct())}, []float64{float64(c.Trials())}, level)
}

// PAboveChance is the probability that guessing is right at least as often: the exact one-sided binomial test against
// the part of the most frequent class (Combrisson and Jerbi 2015, doi:10.1016/j.jneumeth.2015.01.010). With as many trials
// in each of K classes that is 1/K; otherwise no guesser is right more often on average, so the test errs on the safe
// side. It treats trials as independent draws.
func (c *Confusion) PAboveChance() float64 {
	_, trials := c.present()
	most := 0
	for _, n := range trials {
		most = max(most, n)
	}
	n, x := c.Trials(), c.Correct()
	switch {
	case x == 0 || most == n:
		return 1 // nothing is below 0; and with one class every guess is right
	case x == n:
		return math.Pow(float64(most)/float64(n), float64(n))
	}
	return mathext.RegIncBeta(float64(x), float64(n-x+1), float64(most)/float64(n))
}
