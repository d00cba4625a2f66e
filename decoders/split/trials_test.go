package split_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// cut is n events in each of some runs, of random classes and with random numbers of windows, up to most: their labels, runs and origins.
func cut(rng *rand.Rand, runs []string, n, most int) (y signal.Labels, groups []string, origin []int64) {
	y.Classes = []string{"a", "b"}
	for _, r := range runs {
		for e := range n {
			class := rng.IntN(2)
			for range 1 + rng.IntN(most) {
				y.Y, groups, origin = append(y.Y, class), append(groups, r), append(origin, int64(100*e))
			}
		}
	}
	return y, groups, origin
}

// TestTrialsStayTogether holds for every splitter: each window is tested once, and no event has windows in both parts of a fold.
func TestTrialsStayTogether(t *testing.T) {
	runs := []string{"sub-1_ses-1", "sub-1_ses-2_run-1", "sub-1_ses-2_run-2", "sub-2_ses-1", "sub-2_ses-2"}
	for _, name := range split.Names() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			y, groups, origin := cut(rng, runs, rapid.IntRange(4, 12).Draw(t, "events"), 6)
			// Windows need not come event by event.
			rng.Shuffle(len(groups), func(a, b int) {
				y.Y[a], y.Y[b], groups[a], groups[b], origin[a], origin[b] = y.Y[b], y.Y[a], groups[b], groups[a], origin[b], origin[a]
			})
			event := make([]string, len(groups))
			for i := range event {
				event[i] = fmt.Sprint(groups[i], origin[i])
			}
			trials, err := split.TrialsOf(y, groups, origin)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(slices.Compact(slices.Sorted(slices.Values(event)))); trials.N != n {
				t.Fatalf("%d trials of %d events", trials.N, n)
			}
			s, err := split.New(name, 3)
			if err != nil {
				t.Fatal(err)
			}
			folds, err := trials.Split(s, y, groups)
			if err != nil {
				t.Skip("cannot be split: ", err)
			}
			tested := make([]int, len(groups))
			for _, f := range folds {
				learned := map[string]bool{}
				for _, i := range f.Train {
					learned[event[i]] = true
				}
				for _, i := range f.Test {
					if tested[i]++; learned[event[i]] {
						t.Fatalf("%s: event %s is in both parts", f.Name, event[i])
					}
				}
				if !slices.IsSorted(f.Train) || !slices.IsSorted(f.Test) {
					t.Fatalf("%s: train %v, test %v; must ascend", f.Name, f.Train, f.Test)
				}
			}
			if i := slices.IndexFunc(tested, func(n int) bool { return n != 1 }); i >= 0 {
				t.Fatalf("window %d is tested %d times", i, tested[i])
			}
		}))
	}
}

// nearest is the accuracy of who gives each tested window the label of the window next to it that was learned from: perfect wherever
// windows that are alike are in both parts.
func nearest(y signal.Labels, folds []split.Fold, x []float64) float64 {
	right := 0
	for _, f := range folds {
		for _, i := range f.Test {
			best := f.Train[0]
			for _, k := range f.Train {
				if math.Abs(x[k]-x[i]) < math.Abs(x[best]-x[i]) {
					best = k
				}
			}
			if y.Y[best] == y.Y[i] {
				right++
			}
		}
	}
	return float64(right) / float64(len(x))
}

// TestRandomLabelsOfEventsAreAtChance: windows that tell of which event they are and nothing else are decided at chance by the splits
// that deal out trials, with random labels and with permuted ones. Dealt out window by window they are decided as if they told all.
func TestRandomLabelsOfEventsAreAtChance(t *testing.T) {
	const seeds, events, pieces = 200, 24, 8
	for _, name := range []string{split.KFoldName, split.BlockedKFoldName, split.WithinSessionName, split.WithinSessionBlockedName} {
		score, permuted, leaking := 0.0, 0.0, 0.0
		for seed := range uint64(seeds) {
			rng := rand.New(rand.NewPCG(seed, 2))
			var y signal.Labels
			var groups []string
			var origin []int64
			var x []float64
			y.Classes = []string{"a", "b"}
			classes := make([]int, events)
			for e := range classes {
				classes[e] = e % 2
			}
			rng.Shuffle(events, func(a, b int) { classes[a], classes[b] = classes[b], classes[a] })
			for e, c := range classes {
				mark := rng.NormFloat64()
				for range pieces {
					y.Y, groups, origin, x = append(y.Y, c), append(groups, "sub-1_ses-1_run-1"), append(origin, int64(e)), append(x, mark+1e-6*rng.NormFloat64())
				}
			}
			trials, err := split.TrialsOf(y, groups, origin)
			if err != nil {
				t.Fatal(err)
			}
			s, err := split.New(name, seed)
			if err != nil {
				t.Fatal(err)
			}
			of := func(y signal.Labels, folds []split.Fold, err error) float64 {
				if err != nil {
					t.Fatal(err)
				}
				return nearest(y, folds, x)
			}
			folds, err := trials.Split(s, y, groups)
			score += of(y, folds, err) / seeds
			shuffled, err := trials.Permute(y, groups, seed)
			if err != nil {
				t.Fatal(err)
			}
			folds, err = trials.Split(s, shuffled, groups)
			permuted += of(shuffled, folds, err) / seeds
			folds, err = s.Split(y, groups)
			leaking += of(y, folds, err) / seeds
		}
		// One score of 24 events has a deviation of 0.1, the mean of 200 one of 0.007; of the other 23 events 11 are of the class: 0.478.
		if math.Abs(score-0.5) > 0.05 || math.Abs(permuted-0.5) > 0.05 {
			t.Errorf("%s: random labels are decided with an accuracy of %.3f, permuted ones with %.3f, want 0.5", name, score, permuted)
		}
		if least := map[bool]float64{true: 0.53, false: 0.95}[strings.Contains(name, "blocked")]; leaking < least {
			t.Errorf("%s: window by window the accuracy is %.3f; this test shows nothing below %.2f", name, leaking, least)
		}
	}
}

// TestPermuteKeepsTrials: all windows of an event get one label, whole runs are exchanged within subjects also where another run has two
// classes, and every run of two classes keeps its number of events of each.
func TestPermuteKeepsTrials(t *testing.T) {
	y, groups := ofWholeRuns(4)
	origin := make([]int64, len(groups))
	for e := range 6 {
		for range 5 {
			y.Y, groups, origin = append(y.Y, e%2), append(groups, "data/Subject09_1.edf"), append(origin, int64(e))
		}
	}
	trials, err := split.TrialsOf(y, groups, origin)
	if err != nil {
		t.Fatal(err)
	}
	moved := map[string]int{}
	for seed := range uint64(100) {
		got, err := trials.Permute(y, groups, seed)
		if err != nil {
			t.Fatal(err)
		}
		label, tasks := map[int]int{}, map[string]int{}
		for i, n := range trials.Of {
			if k, ok := label[n]; ok && k != got.Y[i] {
				t.Fatalf("seed %d: windows of one event have the labels %d and %d", seed, k, got.Y[i])
			}
			if label[n] = got.Y[i]; got.Y[i] != y.Y[i] {
				moved[groups[i]]++
			}
			g, err := split.ParseGroup(groups[i])
			if err != nil {
				t.Fatal(err)
			}
			tasks[g.Subject] += got.Y[i]
		}
		for s, n := range map[string]int{"00": 10, "01": 10, "02": 10, "03": 10, "09": 15} {
			if tasks[s] != n {
				t.Fatalf("seed %d: subject %s has %d windows of the second class, had %d", seed, s, tasks[s], n)
			}
		}
	}
	for s := range 4 { // 10 windows, exchanged for half of the seeds
		if n := moved[fmt.Sprintf("data/Subject%02d_1.edf", s)]; n < 300 || n > 700 {
			t.Errorf("subject %d: %d of 1000 labels change, want some 500", s, n)
		}
	}
	other := signal.Labels{Classes: y.Classes, Y: slices.Clone(y.Y)}
	other.Y[len(other.Y)-1] ^= 1
	if _, err := trials.Permute(other, groups, 1); err == nil || !strings.Contains(err.Error(), "one run and one label") {
		t.Errorf("two labels in one event: the error is %v", err)
	}
}
