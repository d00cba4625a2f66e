package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mathext"
)

// Ranking is the scores of trials of two kinds: those of the class in question, and all others.
type Ranking struct {
	order    []int // trials by ascending score
	score    []float64
	positive []bool
	n        [2]int     // others, positives
	per      [2]float64 // trials counted for each independent one
}

// NewRanking sorts trials by their score, which says how surely a trial is positive. Both kinds must occur; scores must
// be finite.
func NewRanking(score []float64, positive []bool) (*Ranking, error) {
	if len(score) != len(positive) {
		return nil, fmt.Errorf("metrics: got %d scores and %d labels, must be as many", len(score), len(positive))
	}
	r := &Ranking{order: make([]int, len(score)), score: slices.Clone(score), positive: slices.Clone(positive), per: [2]float64{1, 1}}
	for i, s := range score {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return nil, fmt.Errorf("metrics: score of trial %d is %g, must be finite", i, s)
		}
		r.order[i] = i
		if positive[i] {
			r.n[1]++
		} else {
			r.n[0]++
		}
	}
	if r.n[0] == 0 || r.n[1] == 0 {
		return nil, fmt.Errorf("metrics: %d trials of the class and %d others; a ranking needs at least one of each", r.n[1], r.n[0])
	}
	sort.SliceStable(r.order, func(a, b int) bool { return score[r.order[a]] < score[r.order[b]] })
	return r, nil
}

// Group says which trials are not independent of each other, such as windows of one event: those with one number in group, one for
// each trial. AUCInterval then counts groups, as (*Confusion).Group.
func (r *Ranking) Group(group []int) error {
	if len(group) != len(r.score) {
		return fmt.Errorf("metrics: the groups of %d trials of %d, must be as many", len(group), len(r.score))
	}
	truth := make([]int, len(group))
	for i, p := range r.positive {
		truth[i] = kind(p)
	}
	r.per = [2]float64(perGroup(truth, group, 2))
	return nil
}

// groups calls f for the trials of each distinct score, in ascending order.
func (r *Ranking) groups(f func(trials []int)) {
	for from := 0; from < len(r.order); {
		to := from + 1
		for to < len(r.order) && r.score[r.order[to]] == r.score[r.order[from]] {
			to++
		}
		f(r.order[from:to])
		from = to
	}
}

// AUC is the area under the receiver operating characteristic: the probability that a positive trial scores higher than
// another, ties counting half (Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747). Chance is exactly 0.5.
func (r *Ranking) AUC() float64 {
	below, wins := 0, 0.0
	r.groups(func(trials []int) {
		pos := 0
		for _, i := range trials {
			if r.positive[i] {
				pos++
			}
		}
		neg := len(trials) - pos
		wins += float64(pos) * (float64(below) + float64(neg)/2)
		below += neg
	})
	return wins / float64(r.n[0]) / float64(r.n[1])
}

// AUCInterval is a confidence interval of the AUC; level must be between 0 and 1. Its limits are the θ for which
//
//	(AUC − θ)² = z²·V(θ),   V(θ) = θ·(1−θ)/(m·n)·(1 + N·(1−θ)/(2−θ) + N·θ/(1+θ))·r,   N = (m+n)/2 − 1
//
// for m positive trials and n others. With r = 1 that is the score interval of Newcombe 2006 (doi:10.1002/sim.2324, method 5),
// whose V is that of Hanley and McNeil 1982 with N in the place of m − 1 and n − 1. It holds for few trials of either kind, and for
// scores that are distributed alike; where they are not, it stays wrong however many trials there are. DeLong, DeLong and
// Clarke-Pearson's variance s² (1988, doi:10.2307/2531595) asks for nothing of the distributions, but for many trials. So with
// V₁ for V at the AUC with r = 1,
//
//	r = 1 − w + w·s²/V₁,   w = k/(k + 10),   k the smaller of m and n
//
// and r = 1 where the AUC is 0 or 1: from some hundred trials of each kind on it is DeLong's. It needs 2 trials of each kind.
// With Group m, n and k count groups, and s² is that of as many independent trials.
// TestAUCIntervalCovers says how often it holds the truth.
func (r *Ranking) AUCInterval(level float64) (low, high float64, err error) {
	checkLevel(level)
	if r.n[0] < 2 || r.n[1] < 2 {
		return 0, 0, fmt.Errorf("metrics: interval of the AUC from %d trials of the class and %d others, needs 2 of each", r.n[1], r.n[0])
	}
	auc := r.AUC()
	n0, n1 := float64(r.n[0])/r.per[0], float64(r.n[1])/r.per[1]
	scale := 1.0
	model := func(theta float64) float64 {
		n := (n0+n1)/2 - 1
		return theta * (1 - theta) / (n0 * n1) * (1 + n*(1-theta)/(2-theta) + n*theta/(1+theta))
	}
	if auc > 0 && auc < 1 {
		w := min(n0, n1) / (min(n0, n1) + 10)
		scale = 1 - w + w*r.delong(auc)/model(auc)
	}
	z := mathext.NormalQuantile((1 + level) / 2)
	limit := func(end float64) float64 { // between the AUC, which is within, and end, which is not or is the limit itself
		in, out := auc, end
		for range 100 {
			theta := (in + out) / 2
			if d := auc - theta; d*d <= z*z*scale*model(theta) {
				in = theta
			} else {
				out = theta
			}
		}
		return in
	}
	return limit(0), limit(1), nil
}

// delong is the variance of the AUC by DeLong, DeLong and Clarke-Pearson 1988, computed from midranks (Sun and Xu 2014,
// doi:10.1109/LSP.2014.2337313).
func (r *Ranking) delong(auc float64) float64 {
	// place[i] is the part of the other kind that trial i beats.
	place := make([]float64, len(r.score))
	below := [2]int{}
	r.groups(func(trials []int) {
		count := [2]int{}
		for _, i := range trials {
			count[kind(r.positive[i])]++
		}
		for _, i := range trials {
			other := 1 - kind(r.positive[i])
			place[i] = (float64(below[other]) + float64(count[other])/2) / float64(r.n[other])
		}
		below[0], below[1] = below[0]+count[0], below[1]+count[1]
	})
	mean := [2]float64{1 - auc, auc}
	power := [2]float64{}
	for i, p := range r.positive {
		d := place[i] - mean[kind(p)]
		power[kind(p)] += d * d
	}
	variance := 0.0
	for k, n := range r.n {
		variance += power[k] / float64(n-1) / float64(n) * r.per[k]
	}
	return variance
}

func kind(positive bool) int {
	if positive {
		return 1
	}
	return 0
}

// AveragePrecision is the area under the precision-recall curve, without interpolation: Σ (R_i − R_{i−1})·P_i over the
// distinct scores, as scikit-learn's average_precision_score.
func (r *Ranking) AveragePrecision() float64 {
	value, _ := r.precision()
	return value
}

// AveragePrecisionChance is the chance level of AveragePrecision: its exact mean over all permutations of the labels, for
// these scores with their ties. For few trials it is above the part of positives.
func (r *Ranking) AveragePrecisionChance() float64 {
	_, chance := r.precision()
	return chance
}

func (r *Ranking) precision() (value, chance float64) {
	n, pos := float64(len(r.score)), float64(r.n[1])
	one, two := pos/n, 0.0 // probabilities that one trial is positive, and that two are
	if n > 1 {
		two = pos * (pos - 1) / n / (n - 1)
	}
	type group struct{ trials, positives int }
	var all []group
	r.groups(func(trials []int) {
		g := group{trials: len(trials)}
		for _, i := range trials {
			g.positives += kind(r.positive[i])
		}
		all = append(all, g)
	})
	above, found := 0.0, 0.0
	for _, g := range slices.Backward(all) {
		above += float64(g.trials)
		found += float64(g.positives)
		value += float64(g.positives) / pos * found / above
		chance += float64(g.trials) * (one + (above-1)*two) / above / pos
	}
	return value, chance
}

// MultiAUC is the mean over classes of the AUC of each class against all others, by the scores p [trials][classes]; truth
// is the class of each trial. Chance is exactly 0.5. Every class must have a trial. scikit-learn calls it roc_auc_score
// with multi_class="ovr"; for an interval see Bootstrap.
func MultiAUC(p [][]float64, truth []int) (float64, error) {
	if err := checkProbabilities(p, truth); err != nil {
		return 0, err
	}
	sum := 0.0
	score, positive := make([]float64, len(p)), make([]bool, len(p))
	for k := range p[0] {
		for i, row := range p {
			score[i], positive[i] = row[k], truth[i] == k
		}
		r, err := NewRanking(score, positive)
		if err != nil {
			return 0, fmt.Errorf("class %d: %w", k, err)
		}
		sum += r.AUC()
	}
	return sum / float64(len(p[0])), nil
}

// checkProbabilities reports what the scores of trials must not be.
func checkProbabilities(p [][]float64, truth []int) error {
	switch {
	case len(p) == 0:
		return errors.New("metrics: no trials to score, must be at least one")
	case len(p) != len(truth):
		return fmt.Errorf("metrics: got the scores of %d trials and %d true classes, must be as many", len(p), len(truth))
	case len(p[0]) < 2:
		return fmt.Errorf("metrics: got %d scores per trial, must be at least 2, one for each class", len(p[0]))
	}
	for i, row := range p {
		if len(row) != len(p[0]) {
			return fmt.Errorf("metrics: trial %d has %d scores, trial 0 has %d", i, len(row), len(p[0]))
		}
		for k, v := range row {
			if !(v >= 0 && v <= 1) {
				return fmt.Errorf("metrics: trial %d: score %d is %g, must be a probability", i, k, v)
			}
		}
		if truth[i] < 0 || truth[i] >= len(row) {
			return fmt.Errorf("metrics: trial %d has the class %d, must be from 0 to %d", i, truth[i], len(row)-1)
		}
	}
	return nil
}

func checkLevel(level float64) {
	if !(level > 0 && level < 1) {
		panic(fmt.Sprintf("metrics: level is %g, must be between 0 and 1", level))
	}
}
