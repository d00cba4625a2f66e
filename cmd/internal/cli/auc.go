package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// aucJSON is an area under the ROC curve; chance is 0.5.
type aucJSON struct {
	AUC    float64 `json:"auc"`
	CILow  float64 `json:"ci_low"` // 95 % interval
	CIHigh float64 `json:"ci_high"`
}

// scoreHead is the first row of a table of scores, with the area under the ROC curve where there are two classes.
func scoreHead(what string, classes []string) []string {
	head := []string{what, "trials", "correct", "balanced accuracy"}
	if len(classes) == 2 {
		head = append(head, "ROC AUC", "95 % interval")
	}
	return head
}

// scoreRow is another row of it.
func scoreRow(name string, trials, correct int, balanced float64, auc *aucJSON, classes []string) []string {
	row := []string{name, strconv.Itoa(trials), strconv.Itoa(correct), fmt.Sprintf("%.3f", balanced)}
	switch {
	case len(classes) != 2:
	case auc == nil:
		row = append(row, "-", "-")
	default:
		row = append(row, fmt.Sprintf("%.4f", auc.AUC), fmt.Sprintf("[%.3f, %.3f]", auc.CILow, auc.CIHigh))
	}
	return row
}

// aucs is the area under the ROC curve of each part of the trials, such as a fold, with two classes, and the mean of all
// parts. A part is nil where it has fewer than 2 trials of a class, and the mean then too; all are nil with more than two
// classes.
func aucs(classes []string, parts [][]pipeline.Tested) (each []*aucJSON, mean *aucJSON, err error) {
	each = make([]*aucJSON, len(parts))
	if len(classes) != 2 {
		return each, nil, nil
	}
	var all []*metrics.Ranking
	for f, trials := range parts {
		score, second, group := make([]float64, len(trials)), make([]bool, len(trials)), make([]int, len(trials))
		count := [2]int{}
		for i, t := range trials {
			score[i], second[i], group[i] = logOdds(t.Scores), t.Truth == 1, t.Trial
			count[t.Truth]++
		}
		if min(count[0], count[1]) < 2 {
			continue
		}
		r, err := metrics.NewRanking(score, second)
		if err != nil {
			return nil, nil, err
		}
		if err := r.Group(group); err != nil {
			return nil, nil, err
		}
		each[f] = &aucJSON{AUC: r.AUC()}
		if each[f].CILow, each[f].CIHigh, err = r.AUCInterval(0.95); err != nil {
			return nil, nil, err
		}
		all = append(all, r)
	}
	if len(all) == 0 || slices.Contains(each, nil) {
		return each, nil, nil
	}
	mean = &aucJSON{AUC: metrics.MeanAUC(all)}
	mean.CILow, mean.CIHigh, err = metrics.MeanAUCInterval(all, 0.95)
	return each, mean, err
}

// logOdds ranks like the probability of the second of two classes, but still tells apart what is next to 1. It is finite.
func logOdds(p []float64) float64 {
	const least = math.SmallestNonzeroFloat64
	return math.Log(max(p[1], least)) - math.Log(max(p[0], least))
}
