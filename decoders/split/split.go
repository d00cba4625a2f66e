// Package split divides trials into those that a decoder learns from and those that it is tested on.
package split

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Fold is one division of the trials: positions of trials, ascending. No trial is in both; within and across sessions
// there are trials in neither, those of other subjects.
type Fold struct {
	Name        string
	Train, Test []int
	Purged      []int // that Purge took out of Train, ascending
}

// Splitter makes folds in which every trial is tested exactly once. groups[i] is the run that trial i was recorded in:
// for the splits by session and subject a name that ParseGroup understands, such as that of a file, else any string.
// Every class must be among the training trials of every fold. Trials are taken for independent of each other: where several windows
// are of one trial, Trials.Split deals out trials.
type Splitter interface {
	Split(y signal.Labels, groups []string) ([]Fold, error)
}

// The names of the splitters.
const (
	LeaveOneRunOutName       = "leave-one-run-out"
	KFoldName                = "kfold"
	BlockedKFoldName         = "blocked-kfold"
	WithinSessionName        = "within-session"
	WithinSessionBlockedName = "within-session-blocked"
	CrossSessionName         = "cross-session"
	CrossSubjectName         = "cross-subject"
)

// Names lists the splitters that New knows, sorted.
func Names() []string {
	return []string{BlockedKFoldName, CrossSessionName, CrossSubjectName, KFoldName, LeaveOneRunOutName, WithinSessionName, WithinSessionBlockedName}
}

// New is the splitter called name; those with folds have 5. The seed decides where one shuffles. The error for an unknown
// name is a *registry.UnknownError.
func New(name string, seed uint64) (Splitter, error) {
	const k = 5
	switch name {
	case LeaveOneRunOutName:
		return LeaveOneRunOut{}, nil
	case KFoldName:
		return KFold{K: k, Seed: seed}, nil
	case BlockedKFoldName:
		return BlockedKFold{K: k}, nil
	case WithinSessionName:
		return WithinSession{K: k, Seed: seed}, nil
	case WithinSessionBlockedName:
		return WithinSession{K: k, Blocked: true}, nil
	case CrossSessionName:
		return CrossSession{}, nil
	case CrossSubjectName:
		return CrossSubject{}, nil
	}
	return nil, &registry.UnknownError{What: "split", Name: name, Known: Names()}
}

// LeaveOneRunOut tests each run with what was learned from the others, in the order in which the runs first occur. Slow
// drifts, the fit of the cap and the seat of the electrodes make trials of one run alike, so this is the honest split
// for a decoder that will be used in a run to come.
type LeaveOneRunOut struct{}

// Split has a fold for every run.
func (LeaveOneRunOut) Split(y signal.Labels, groups []string) ([]Fold, error) {
	if err := check(y, groups); err != nil {
		return nil, fmt.Errorf("%s: %w", LeaveOneRunOutName, err)
	}
	var runs []string
	for _, g := range groups {
		if !slices.Contains(runs, g) {
			runs = append(runs, g)
		}
	}
	if len(runs) < 2 {
		return nil, fmt.Errorf("%s: all %d trials are of one run, %q, so there is nothing to learn from when it is left out; give the files of at least 2 runs, or use the split %q",
			LeaveOneRunOutName, len(groups), runs[0], KFoldName)
	}
	return folds(LeaveOneRunOutName, y, len(runs), func(i int) int { return slices.Index(runs, groups[i]) },
		func(k int) string { return "test on " + runs[k] })
}

// KFold deals the trials of each class out to K folds in random order (stratified, shuffled), without regard to runs.
// Neighbouring trials are then in training and test data, so it flatters where the signal drifts.
type KFold struct {
	K    int // at least 2
	Seed uint64
}

// Split has K folds, whose sizes differ by at most one trial, in total and for each class.
func (s KFold) Split(y signal.Labels, groups []string) ([]Fold, error) {
	if err := check(y, groups); err != nil {
		return nil, fmt.Errorf("%s: %w", KFoldName, err)
	}
	if s.K < 2 || s.K > len(y.Y) {
		return nil, fmt.Errorf("%s: %d folds of %d trials; there must be at least 2 folds, each with at least one trial", KFoldName, s.K, len(y.Y))
	}
	rng := rand.New(rand.NewPCG(s.Seed, 0))
	fold := make([]int, len(y.Y))
	dealt := 0
	for k := range y.Classes {
		var trials []int
		for i, c := range y.Y {
			if c == k {
				trials = append(trials, i)
			}
		}
		rng.Shuffle(len(trials), func(a, b int) { trials[a], trials[b] = trials[b], trials[a] })
		for _, i := range trials {
			fold[i] = dealt % s.K // goes on where the class before ended
			dealt++
		}
	}
	return folds(KFoldName, y, s.K, func(i int) int { return fold[i] },
		func(k int) string { return fmt.Sprintf("fold %d of %d", k+1, s.K) })
}

// folds makes n folds; trial i is tested in fold of(i).
func folds(split string, y signal.Labels, n int, of func(i int) int, name func(k int) string) ([]Fold, error) {
	out := make([]Fold, n)
	for k := range out {
		f := Fold{Name: name(k)}
		seen := make([]bool, len(y.Classes))
		for i, class := range y.Y {
			if of(i) == k {
				f.Test = append(f.Test, i)
			} else {
				f.Train = append(f.Train, i)
				seen[class] = true
			}
		}
		if missing := slices.Index(seen, false); missing >= 0 {
			return nil, fmt.Errorf("%s: %q: all trials of class %q are in the test part, so it cannot be learned; record it in more than one run, or leave the class out",
				split, f.Name, y.Classes[missing])
		}
		out[k] = f
	}
	return out, nil
}

// check reports labels and groups that do not fit together, and classes without trials.
func check(y signal.Labels, groups []string) error {
	if len(groups) != len(y.Y) {
		return fmt.Errorf("got %d labels and the runs of %d trials, must be as many", len(y.Y), len(groups))
	}
	if len(y.Classes) == 0 || len(y.Y) == 0 {
		return fmt.Errorf("got %d trials of %d classes, must have at least one", len(y.Y), len(y.Classes))
	}
	for i, k := range y.Y {
		if k < 0 || k >= len(y.Classes) {
			return fmt.Errorf("label of trial %d is %d, must be from 0 to %d", i, k, len(y.Classes)-1)
		}
	}
	for k, n := range y.Counts() {
		if n == 0 {
			return fmt.Errorf("class %q has no trial; record some, or leave the class out", y.Classes[k])
		}
	}
	return nil
}
