package cli

import (
	"fmt"
	"io"
	"strconv"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
)

// scoreJSON is what every command prints of decisions about trials.
type scoreJSON struct {
	Trials           int      `json:"trials"`
	Classes          []string `json:"classes"`
	BalancedAccuracy float64  `json:"balanced_accuracy"`
	CILow            float64  `json:"ci_low"` // 95 % interval
	CIHigh           float64  `json:"ci_high"`
	Chance           float64  `json:"chance"`    // balanced accuracy of decisions that know nothing
	Confusion        [][]int  `json:"confusion"` // [true class][decision]
}

// score counts decisions, given as positions in classes, of windows that are of the events in group, whose number the interval counts.
// Nil stands for one window of each. Without trials it is an error.
func score(classes []string, truth, decided, group []int) (scoreJSON, error) {
	c, err := metrics.NewConfusion(classes, truth, decided)
	if err != nil {
		return scoreJSON{}, err
	}
	if group != nil {
		if err := c.Group(truth, group); err != nil {
			return scoreJSON{}, err
		}
	}
	s := scoreJSON{Trials: c.Trials(), Classes: classes, BalancedAccuracy: c.BalancedAccuracy(), Chance: c.Chance(), Confusion: c.N}
	s.CILow, s.CIHigh = c.BalancedAccuracyInterval(0.95)
	return s, nil
}

// correct is the number of right decisions.
func (s scoreJSON) correct() (n int) {
	for k := range s.Confusion {
		n += s.Confusion[k][k]
	}
	return n
}

// print writes the score and the confusion matrix.
func (s scoreJSON) print(w io.Writer, title string) {
	fmt.Fprintf(w, "%s: %d of %d trials correct\n", title, s.correct(), s.Trials)
	fmt.Fprintf(w, "balanced accuracy %.3f, 95 %% interval [%.3f, %.3f], chance %.3f\n\n", s.BalancedAccuracy, s.CILow, s.CIHigh, s.Chance)
	rows := [][]string{{"true \\ decided"}}
	rows[0] = append(rows[0], s.Classes...)
	for k, name := range s.Classes {
		row := []string{name}
		for _, n := range s.Confusion[k] {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	columns(w, rows)
}
