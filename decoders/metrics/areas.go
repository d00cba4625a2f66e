package metrics

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat"
)

// areas are the areas under the two curves: with two classes those of the second class, with more the means over classes,
// each against all others; always means over parts.
func (t Trials) areas(level float64, seed uint64) []Score {
	auc := Score{Metric: "roc_auc", Chance: 0.5, Interval: "score interval (Newcombe), with DeLong's variance for many trials; put together over folds", Level: "0.5, exact"}
	pr := Score{Metric: "auc_pr", Interval: "on the logit scale, with the larger of the bootstrap and the binomial standard error", Level: "exact mean over permutations of the labels"}
	if len(t.Classes) > 2 {
		auc.Interval = "percentile bootstrap of the trials of each fold and class"
	}
	all, err := t.rankings()
	if err != nil {
		auc.undefined(err)
		pr.undefined(err)
		return []Score{auc, pr}
	}
	auc.Value, pr.Value = means(all)
	n := float64(len(all))
	for _, r := range all {
		pr.Chance += r.AveragePrecisionChance() / n
	}
	resample := func(which func(auc, pr float64) float64) func([]int) float64 {
		r := Trials{Classes: t.Classes}
		return func(trials []int) float64 {
			r.Truth, r.P, r.Part, r.Group = r.Truth[:0], r.P[:0], r.Part[:0], r.Group[:0]
			for i, k := range trials {
				r.Truth, r.P, r.Part, r.Group = append(r.Truth, t.Truth[k]), append(r.P, t.P[k]), append(r.Part, t.Part[k]), append(r.Group, i)
			}
			drawn, err := r.rankings()
			if err != nil {
				return math.NaN() // Stratified reports it
			}
			return which(means(drawn))
		}
	}
	draw := func(s *Score, which func(auc, pr float64) float64) {
		drawn, err := grouped(t.strata(), t.Group, resample(which), summaryDraws, seed)
		switch {
		case errors.Is(err, errSingle):
			s.unsure(err)
		case err != nil:
			s.undefined(err)
		case s.Value == 1: // every draw is perfect too: see AUCInterval
			s.Low, s.High, s.Interval = math.Pow((1-level)/2, 1/pairs(all)), 1, "exact limit for pairs without a common trial"
		case s == &pr:
			s.Low, s.High = logit(s.Value, drawn, positives(all), level)
		default:
			s.Low, s.High = Percentiles(drawn, level)
		}
	}
	draw(&pr, func(_, pr float64) float64 { return pr })
	if len(t.Classes) > 2 {
		draw(&auc, func(auc, _ float64) float64 { return auc })
	} else if auc.Low, auc.High, err = MeanAUCInterval(all, level); err != nil {
		auc.undefined(err)
	}
	return []Score{auc, pr}
}

// means are those of the areas under both curves.
func means(all []*Ranking) (auc, pr float64) {
	for _, r := range all {
		auc += r.AUC() / float64(len(all))
		pr += r.AveragePrecision() / float64(len(all))
	}
	if auc > 1-1e-12 { // 1 but for rounding
		auc = 1
	}
	if pr > 1-1e-12 {
		pr = 1
	}
	return auc, pr
}

// logit is the interval of an area under the precision-recall curve on the logit scale (Boyd, Eng and Page 2013,
// doi:10.1007/978-3-642-40994-3_29), with the standard error of the draws or sqrt(v·(1−v)/n) for n positive trials, whichever
// is larger: the draws of few positives vary too little.
func logit(value float64, drawn []float64, n, level float64) (low, high float64) {
	se := max(stat.StdDev(drawn, nil), math.Sqrt(value*(1-value)/n))
	at, wide := math.Log(value/(1-value)), mathext.NormalQuantile((1+level)/2)*se/(value*(1-value))
	return 1 / (1 + math.Exp(wide-at)), 1 / (1 + math.Exp(-wide-at))
}

// positives is the number of positive trials of all rankings, of groups where trials are grouped.
func positives(all []*Ranking) (n float64) {
	for _, r := range all {
		n += float64(r.n[1]) / r.per[1]
	}
	return n
}

// pairs is the least number, over rankings, of pairs of a positive and another trial that have no trial in common.
func pairs(all []*Ranking) float64 {
	least := math.Inf(1)
	for _, r := range all {
		least = min(least, float64(r.n[0])/r.per[0], float64(r.n[1])/r.per[1])
	}
	return least
}

// rankings are those of the second of two classes, or of each of more, in every part.
func (t Trials) rankings() ([]*Ranking, error) {
	parts := 0
	for _, p := range t.Part {
		parts = max(parts, p+1)
	}
	members := make([][]int, parts)
	for i, p := range t.Part {
		members[p] = append(members[p], i)
	}
	var all []*Ranking
	for p, trials := range members {
		for k := range t.Classes {
			if len(t.Classes) == 2 && k == 0 {
				continue // the mirror image of the second
			}
			score, positive, group := make([]float64, len(trials)), make([]bool, len(trials)), make([]int, len(trials))
			for i, trial := range trials {
				score[i], positive[i], group[i] = logOdds(t.P[trial], k), t.Truth[trial] == k, t.Group[trial]
			}
			r, err := NewRanking(score, positive)
			if err != nil {
				return nil, fmt.Errorf("part %d, class %s: %w", p, t.Classes[k], err)
			}
			if err := r.Group(group); err != nil {
				return nil, err
			}
			if min(r.n[0], r.n[1]) < 2 {
				return nil, fmt.Errorf("part %d: %d trials of the class %s and %d others, needs 2 of each", p, r.n[1], t.Classes[k], r.n[0])
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// logOdds ranks like the probability of class k, but still tells apart what is next to 1. It is finite.
func logOdds(p []float64, k int) float64 {
	const least = math.SmallestNonzeroFloat64
	others := 0.0
	for j, v := range p {
		if j != k {
			others += v
		}
	}
	return math.Log(max(p[k], least)) - math.Log(max(others, least))
}
