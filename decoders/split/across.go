package split

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// WithinSession tests a decoder on trials of the session that it was calibrated in: a k-fold in every session of every
// subject, with the training trials of that session only. Groups are read by ParseGroup.
//
// Shuffled trials (Blocked false) are dealt out class by class in random order, as KFold and most publications do.
// Neighbours in time are then in training and test data, which flatters where the signal drifts. Blocks follow each other
// in time and are the honest choice: the trials, in the order given, are cut into K parts.
type WithinSession struct {
	K       int // at least 2
	Blocked bool
	Seed    uint64 // of the shuffling
}

// Split has K folds for every session.
func (s WithinSession) Split(y signal.Labels, groups []string) ([]Fold, error) {
	name := WithinSessionName
	if s.Blocked {
		name = WithinSessionBlockedName
	}
	where, err := structured(y, groups)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	sessions := make([]Group, len(where))
	for i, g := range where {
		sessions[i] = g.session()
	}
	at, keys := number(sessions)
	var out []Fold
	for n, session := range keys {
		var trials []int
		var runs []string
		part := signal.Labels{Classes: y.Classes}
		for i := range at {
			if at[i] == n {
				trials, runs, part.Y = append(trials, i), append(runs, groups[i]), append(part.Y, y.Y[i])
			}
		}
		var folds []Fold
		if s.Blocked {
			folds, err = BlockedKFold{K: s.K}.Split(part, runs)
		} else {
			folds, err = KFold{K: s.K, Seed: rand.New(rand.NewPCG(s.Seed, uint64(n)+1)).Uint64()}.Split(part, runs)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, session, err)
		}
		for _, f := range folds {
			f.Name = session.String() + " " + f.Name
			for _, list := range [][]int{f.Train, f.Test} {
				for i, t := range list {
					list[i] = trials[t]
				}
			}
			out = append(out, f)
		}
	}
	return out, nil
}

// BlockedKFold cuts the trials, in the order given, into K parts that follow each other, without regard to runs. Only trials
// at the ends of a part have a neighbour in the other.
type BlockedKFold struct {
	K int // at least 2
}

// Split has K folds, whose sizes differ by at most one trial.
func (s BlockedKFold) Split(y signal.Labels, groups []string) ([]Fold, error) {
	if err := check(y, groups); err != nil {
		return nil, fmt.Errorf("%s: %w", BlockedKFoldName, err)
	}
	n := len(y.Y)
	if s.K < 2 || s.K > n {
		return nil, fmt.Errorf("%s: %d folds of %d trials; there must be at least 2 folds, each with at least one trial", BlockedKFoldName, s.K, n)
	}
	// With k·n/K as the first trial of part k, trial i is in part ((i+1)·K − 1)/n.
	return folds(BlockedKFoldName, y, s.K, func(i int) int { return ((i+1)*s.K - 1) / n },
		func(k int) string { return fmt.Sprintf("block %d of %d", k+1, s.K) })
}

// CrossSession tests each session of a subject with what was learned from the other sessions of that subject: how a decoder
// does on another day without a new calibration (leave one session out). Groups are read by ParseGroup. Every subject must
// have two sessions.
type CrossSession struct{}

// Split has a fold for every session of every subject.
func (CrossSession) Split(y signal.Labels, groups []string) ([]Fold, error) {
	where, err := structured(y, groups)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", CrossSessionName, err)
	}
	subjects, sessions := make([]string, len(where)), make([]Group, len(where))
	for i, g := range where {
		subjects[i], sessions[i] = g.Subject, g.session()
	}
	at, keys := number(sessions)
	var out []Fold
	for n, session := range keys {
		f := Fold{Name: "test on " + session.String()}
		seen := make([]bool, len(y.Classes))
		for i := range at {
			switch {
			case at[i] == n:
				f.Test = append(f.Test, i)
			case subjects[i] == session.Subject:
				f.Train = append(f.Train, i)
				seen[y.Y[i]] = true
			}
		}
		if len(f.Train) == 0 {
			whose := ""
			if session.Subject != "" {
				whose = fmt.Sprintf("of subject %q ", session.Subject)
			}
			return nil, fmt.Errorf("%s: all trials %sare of one session, so there is nothing to learn from when it is left out; give the files of at least 2 sessions, named as BIDS does (\"sub-01_ses-1\") or in folders (\"session1\"), or use the split %q",
				CrossSessionName, whose, WithinSessionBlockedName)
		}
		if missing := slices.Index(seen, false); missing >= 0 {
			return nil, fmt.Errorf("%s: %q: the other sessions have no trial of class %q, so it cannot be learned; record it in more than one session, or leave the class out",
				CrossSessionName, f.Name, y.Classes[missing])
		}
		out = append(out, f)
	}
	return out, nil
}

// CrossSubject tests each subject with what was learned from all others (leave one subject out): how a decoder does for
// somebody it has never seen. Groups are read by ParseGroup.
type CrossSubject struct{}

// Split has a fold for every subject.
func (CrossSubject) Split(y signal.Labels, groups []string) ([]Fold, error) {
	where, err := structured(y, groups)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", CrossSubjectName, err)
	}
	subjects := make([]string, len(where))
	for i, g := range where {
		subjects[i] = g.Subject
	}
	at, keys := number(subjects)
	if keys[0] == "" {
		return nil, fmt.Errorf("%s: %w", CrossSubjectName, &unnamedError{path.Base(groups[0])})
	}
	if len(keys) < 2 {
		return nil, fmt.Errorf("%s: all %d trials are of one subject, %q, so there is nobody to learn from; give the files of at least 2 subjects, or use the split %q",
			CrossSubjectName, len(groups), keys[0], CrossSessionName)
	}
	return folds(CrossSubjectName, y, len(keys), func(i int) int { return at[i] },
		func(k int) string { return "test on " + Group{Subject: keys[k]}.String() })
}

// structured checks labels and groups and reads the groups.
func structured(y signal.Labels, groups []string) ([]Group, error) {
	if err := check(y, groups); err != nil {
		return nil, err
	}
	return parse(groups)
}
