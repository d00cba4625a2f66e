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
// y is not changed. It is an error where no run has two classes: the labels would stay as they are, and the test would
// prove nothing.
func Permute(y signal.Labels, groups []string, seed uint64) (signal.Labels, error) {
	if err := check(y, groups); err != nil {
		return signal.Labels{}, fmt.Errorf("permute: %w", err)
	}
	var runs [][]int // positions of each run's trials
	number := map[string]int{}
	mixed := false
	for i, g := range groups {
		r, known := number[g]
		if !known {
			r = len(runs)
			number[g], runs = r, append(runs, nil)
		} else if y.Y[i] != y.Y[runs[r][0]] {
			mixed = true
		}
		runs[r] = append(runs[r], i)
	}
	if !mixed {
		return signal.Labels{}, errors.New("permute: every run has trials of one class only, so labels cannot be shuffled within runs; use recordings in which classes alternate")
	}
	out := signal.Labels{Classes: y.Classes, Y: append([]int(nil), y.Y...)}
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, trials := range runs {
		rng.Shuffle(len(trials), func(a, b int) {
			i, j := trials[a], trials[b]
			out.Y[i], out.Y[j] = out.Y[j], out.Y[i]
		})
	}
	return out, nil
}
