package metrics

import (
	"errors"
	"fmt"
	"math"
)

// MeanAUC is the mean of the AUCs of several rankings, such as those of the folds of a cross-validation, each counted
// once whatever its number of trials. Scores of different folds come from different models and need no common scale, so
// this, and not the AUC of all trials together, is what a cross-validation says. There must be at least one ranking.
func MeanAUC(folds []*Ranking) float64 {
	if len(folds) == 0 {
		panic("metrics: mean AUC of no rankings, must be at least one")
	}
	sum := 0.0
	for _, r := range folds {
		sum += r.AUC()
	}
	return sum / float64(len(folds))
}

// MeanAUCInterval is a confidence interval of MeanAUC; level must be between 0 and 1. It puts the intervals of the
// rankings together (Zou and Donner 2008, doi:10.1002/sim.3095): the distances of their limits from their AUCs add up as
// squares. For many trials that is mean ± z·sqrt(Σ s²)/n for n rankings with DeLong's standard errors s.
//
// It is about the trials that were tested, for the models that were tested: trials of different folds must be different
// ones, and how much another training set would change the models is not in it.
func MeanAUCInterval(folds []*Ranking, level float64) (low, high float64, err error) {
	if len(folds) == 0 {
		return 0, 0, errors.New("metrics: interval of the mean AUC of no rankings, must be at least one")
	}
	below, above := 0.0, 0.0
	for i, r := range folds {
		l, h, err := r.AUCInterval(level)
		if err != nil {
			return 0, 0, fmt.Errorf("ranking %d: %w", i, err)
		}
		auc := r.AUC()
		below += (auc - l) * (auc - l)
		above += (h - auc) * (h - auc)
	}
	mean, n := MeanAUC(folds), float64(len(folds))
	return max(mean-math.Sqrt(below)/n, 0), min(mean+math.Sqrt(above)/n, 1), nil
}
