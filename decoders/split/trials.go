package split

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Trials says which windows are pieces of one trial, such as those that are cut all along an event that lasts: they are alike, so a
// split keeps them together, and random labels are one to a trial. Without that a decoder is tested on what it has learned by heart.
type Trials struct {
	Of []int // the trial of each window, from 0 in the order in which they first occur
	N  int   // how many there are
}

// TrialsOf puts windows together that are of one event: of one run, one class, and one origin, the sample that their event is at
// (signal.Window). The three have one element for each window.
func TrialsOf(y signal.Labels, groups []string, origin []int64) (Trials, error) {
	if err := check(y, groups); err != nil {
		return Trials{}, err
	}
	if len(origin) != len(groups) {
		return Trials{}, fmt.Errorf("got the origins of %d windows of %d, must be as many", len(origin), len(groups))
	}
	type key struct {
		run    string
		class  int
		origin int64
	}
	known := map[key]int{}
	t := Trials{Of: make([]int, len(groups))}
	for i, g := range groups {
		k := key{g, y.Y[i], origin[i]}
		n, ok := known[k]
		if !ok {
			n = len(known)
			known[k] = n
		}
		t.Of[i] = n
	}
	t.N = len(known)
	return t, nil
}

// whole also puts together the windows of each run that has one class only, where there are several runs: its trials are no more
// independent than its label, and would be told by what is alike in a recording. joined is how many such runs had more than one window.
func (t Trials) whole(y signal.Labels, groups []string) (out Trials, joined int) {
	at, runs := number(groups)
	if len(runs) < 2 {
		return t, 0
	}
	first, size, mixed := make([]int, len(runs)), make([]int, len(runs)), make([]bool, len(runs))
	for i, r := range at {
		if size[r]++; size[r] == 1 {
			first[r] = i
		}
		mixed[r] = mixed[r] || y.Y[i] != y.Y[first[r]]
	}
	for r := range runs {
		if !mixed[r] && size[r] > 1 {
			joined++
		}
	}
	keys := make([]int, len(at))
	for i, r := range at {
		if keys[i] = t.Of[i]; !mixed[r] {
			keys[i] = t.N + r
		}
	}
	of, names := number(keys)
	return Trials{of, len(names)}, joined
}

// labels are the label and the run of each trial.
func (t Trials) labels(y signal.Labels, groups []string) (signal.Labels, []string, error) {
	out, runs := signal.Labels{Classes: y.Classes, Y: make([]int, t.N)}, make([]string, t.N)
	for n := range out.Y {
		out.Y[n] = -1
	}
	for i, n := range t.Of {
		if out.Y[n] >= 0 && (out.Y[n] != y.Y[i] || runs[n] != groups[i]) {
			return out, nil, fmt.Errorf("window %d of run %q has the label %q, others of its trial are of run %q and %q: all windows of a trial must have one run and one label",
				i, groups[i], y.Classes[y.Y[i]], runs[n], y.Classes[out.Y[n]])
		}
		out.Y[n], runs[n] = y.Y[i], groups[i]
	}
	return out, runs, nil
}

// fits checks labels and groups against t.
func (t Trials) fits(y signal.Labels, groups []string) error {
	if err := check(y, groups); err != nil {
		return err
	}
	if len(t.Of) != len(groups) {
		return fmt.Errorf("got the trials of %d windows of %d, must be as many", len(t.Of), len(groups))
	}
	return nil
}

// Split is the folds of s for trials, with all windows of each: whatever the splitter, no trial is in both parts of a fold, and no run
// that has one class only, as recordings that are all of one condition have.
func (t Trials) Split(s Splitter, y signal.Labels, groups []string) ([]Fold, error) {
	if err := t.fits(y, groups); err != nil {
		return nil, err
	}
	one, joined := t.whole(y, groups)
	labels, runs, err := one.labels(y, groups)
	if err != nil {
		return nil, err
	}
	folds, err := s.Split(labels, runs)
	if err != nil {
		switch {
		case joined > 0:
			err = fmt.Errorf("%w; of %d windows, those of each of %d recordings that have one class only stay together, since a fold with some in both parts would tell recordings apart, not classes: %s", err, len(groups), joined, remedy(labels, runs))
		case one.N < len(groups):
			err = fmt.Errorf("%w; the %d windows are of %d events, and those of one event stay together, since a fold with some in both parts would tell events apart, not classes: record more events of each class", err, len(groups), one.N)
		}
		return nil, err
	}
	for k, f := range folds {
		folds[k] = Fold{Name: f.Name, Train: one.windows(f.Train), Test: one.windows(f.Test)}
	}
	return folds, nil
}

// windows lists those of trials, ascending.
func (t Trials) windows(trials []int) (list []int) {
	wanted := make([]bool, t.N)
	for _, n := range trials {
		wanted[n] = true
	}
	for i, n := range t.Of {
		if wanted[n] {
			list = append(list, i)
		}
	}
	return list
}

// Permute is Permute of trials: all windows of one get the label that it gets.
func (t Trials) Permute(y signal.Labels, groups []string, seed uint64) (signal.Labels, error) {
	if err := t.fits(y, groups); err != nil {
		return signal.Labels{}, fmt.Errorf("permute: %w", err)
	}
	one, _ := t.whole(y, groups)
	labels, runs, err := one.labels(y, groups)
	if err != nil {
		return signal.Labels{}, fmt.Errorf("permute: %w", err)
	}
	labels, err = Permute(labels, runs, seed)
	if err != nil {
		return signal.Labels{}, err
	}
	out := signal.Labels{Classes: y.Classes, Y: make([]int, len(groups))}
	for i, n := range one.Of {
		out.Y[i] = labels.Y[n]
	}
	return out, nil
}

// WholeRuns is the number of runs, out of several, that have more than one window and one class only, as recordings that are all of one
// condition have. Their windows are no more independent than their label. Windows may be counted as trials.
func WholeRuns(y signal.Labels, groups []string) int {
	t := Trials{Of: make([]int, len(groups)), N: len(groups)}
	for i := range t.Of {
		t.Of[i] = i
	}
	_, joined := t.whole(y, groups)
	return joined
}

// Fair is the split that fits recordings of which some have one class only: cross-subject where that can be, else leave-one-run-out
// where every person has several runs of each class. Of a person who has one run of a class, leaving it out would leave runs of the
// other classes to learn from, which draws scores below chance. It is "" where neither can be.
func Fair(y signal.Labels, groups []string) string {
	if _, err := (CrossSubject{}).Split(y, groups); err == nil {
		return CrossSubjectName
	}
	if _, err := (LeaveOneRunOut{}).Split(y, groups); err != nil {
		return ""
	}
	whose := func(string) string { return "" }
	if _, err := parse(groups); err == nil {
		whose = func(run string) string {
			g, _ := ParseGroup(run) // parse has read it
			return g.Subject
		}
	}
	type cell struct {
		subject string
		class   int
	}
	runs, subjects := map[cell]map[string]bool{}, map[string]bool{}
	for i, g := range groups {
		c := cell{whose(g), y.Y[i]}
		if runs[c] == nil {
			runs[c] = map[string]bool{}
		}
		runs[c][g], subjects[c.subject] = true, true
	}
	for s := range subjects {
		for k := range y.Classes {
			if len(runs[cell{s, k}]) < 2 {
				return ""
			}
		}
	}
	return LeaveOneRunOutName
}

// remedy says what to do in place of a split that cannot be.
func remedy(y signal.Labels, groups []string) string {
	if fair := Fair(y, groups); fair != "" {
		return fmt.Sprintf("use the split %q", fair)
	}
	return fmt.Sprintf("give recordings of more persons, each named as its own (\"sub-01_run-1\"), for the split %q, or at least 2 recordings of each class of every person for the split %q", CrossSubjectName, LeaveOneRunOutName)
}
