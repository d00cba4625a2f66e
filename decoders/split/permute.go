package split

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Permute shuffles the labels within each run, so that every run keeps its number of trials of each class while no
// label says anything about its trial any more. An honest pipeline then scores at chance; one that does better leaks.
// Shuffling across runs would also test for what differs between runs, which is another question. Trials must be independent of each
// other: where several windows are of one trial, Trials.Permute exchanges the labels of trials.
//
// Runs that have one class only, as recordings that are all of one condition have, are themselves what can be exchanged: their labels
// are shuffled, within each subject where all are named. Those of subjects who have such runs of one class only are shuffled among
// each other, where labels are shuffled elsewhere. A score of few runs is far from chance on either side for one seed, and at
// chance over many.
//
// y is not changed. It is an error where no run, and no subject, has two classes: the labels would stay as they are, and the test
// would prove nothing.
func Permute(y signal.Labels, groups []string, seed uint64) (signal.Labels, error) {
	if err := check(y, groups); err != nil {
		return signal.Labels{}, fmt.Errorf("permute: %w", err)
	}
	at, runs := number(groups)
	trials := make([][]int, len(runs)) // positions of each run's trials
	for i, r := range at {
		trials[r] = append(trials[r], i)
	}
	whose := make([]int, len(runs)) // the subject of each run; one where not all are named
	if where, err := parse(runs); err == nil {
		subjects := make([]string, len(where))
		for r, g := range where {
			subjects[r] = g.Subject
		}
		whose, _ = number(subjects)
	}
	out := signal.Labels{Classes: y.Classes, Y: slices.Clone(y.Y)}
	rng := rand.New(rand.NewPCG(seed, 1))
	shuffled := false
	whole := make([][]int, len(runs)) // of each subject, the runs with one class only
	label := make([]int, len(runs))
	for r, t := range trials {
		if label[r] = y.Y[t[0]]; !mixed(y.Y, t) {
			whole[whose[r]] = append(whole[whose[r]], r)
			continue
		}
		shuffled = true
		rng.Shuffle(len(t), func(a, b int) { out.Y[t[a]], out.Y[t[b]] = out.Y[t[b]], out.Y[t[a]] })
	}
	exchange := func(own []int) {
		rng.Shuffle(len(own), func(a, b int) { label[own[a]], label[own[b]] = label[own[b]], label[own[a]] })
	}
	var left []int // of subjects who have them of one class only
	for _, own := range whole {
		if !mixed(label, own) {
			left = append(left, own...)
			continue
		}
		shuffled = true
		exchange(own)
	}
	if !shuffled {
		return signal.Labels{}, errors.New("permute: every run has trials of one class only, and so has every subject, so labels can be shuffled neither within runs nor between those of a subject; use recordings in which classes alternate")
	}
	exchange(left)
	for r, t := range trials {
		if !mixed(y.Y, t) {
			for _, i := range t {
				out.Y[i] = label[r]
			}
		}
	}
	return out, nil
}

// mixed says whether a part, which is positions in y, has two classes.
func mixed(y []int, part []int) bool {
	for _, i := range part {
		if y[i] != y[part[0]] {
			return true
		}
	}
	return false
}
