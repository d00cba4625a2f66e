package split

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Permute shuffles the labels within each run, so that every run keeps its number of trials of each class while no
// label says anything about its trial any more. An honest pipeline then scores at chance; one that does better leaks.
// Shuffling across runs would also test for what differs between runs, which is another question.
//
// Where every run has one class only, as recordings that are all of one condition have, runs are what can be exchanged: their labels
// are shuffled, within each subject where all are named. A score of few runs is then far from chance on either side for one seed, and at
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
	out := signal.Labels{Classes: y.Classes, Y: append([]int(nil), y.Y...)}
	rng := rand.New(rand.NewPCG(seed, 1))
	if mixed(y.Y, trials) {
		for _, t := range trials {
			rng.Shuffle(len(t), func(a, b int) { out.Y[t[a]], out.Y[t[b]] = out.Y[t[b]], out.Y[t[a]] })
		}
		return out, nil
	}
	label := make([]int, len(runs))
	for r, t := range trials {
		label[r] = y.Y[t[0]]
	}
	of := make([][]int, 1) // the runs of each subject
	if where, err := parse(runs); err == nil {
		subjects := make([]string, len(where))
		for r, g := range where {
			subjects[r] = g.Subject
		}
		whose, names := number(subjects)
		of = make([][]int, len(names))
		for r, s := range whose {
			of[s] = append(of[s], r)
		}
	} else {
		for r := range runs {
			of[0] = append(of[0], r)
		}
	}
	if !mixed(label, of) {
		return signal.Labels{}, errors.New("permute: every run has trials of one class only, and so has every subject, so labels can be shuffled neither within runs nor between those of a subject; use recordings in which classes alternate")
	}
	for _, own := range of {
		rng.Shuffle(len(own), func(a, b int) { label[own[a]], label[own[b]] = label[own[b]], label[own[a]] })
	}
	for r, t := range trials {
		for _, i := range t {
			out.Y[i] = label[r]
		}
	}
	return out, nil
}

// mixed says whether one of the parts, which are positions in y, has two classes.
func mixed(y []int, parts [][]int) bool {
	for _, p := range parts {
		for _, i := range p {
			if y[i] != y[p[0]] {
				return true
			}
		}
	}
	return false
}
