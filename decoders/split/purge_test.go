package split_test

import (
	"cmp"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestPurge holds for every splitter: after it no window that is learned from has a sample of a tested one, by counting samples one by
// one; nothing else is taken out; all windows are still tested; and folds that share no sample are those from before, to the last field.
func TestPurge(t *testing.T) {
	runs := []string{"sub-1_ses-1", "sub-1_ses-2_run-1", "sub-1_ses-2_run-2", "sub-2_ses-1", "sub-2_ses-2"}
	purged, whole := 0, 0
	for _, name := range split.Names() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			y, groups, origin := cut(rng, runs, rapid.IntRange(8, 16).Draw(t, "events"), 1)
			apart := rapid.SampledFrom([]int64{5, 20, 80, 100, 130}).Draw(t, "samples between events")
			spans := make([]signal.Span, len(origin))
			for i, at := range origin { // cut puts events 100 samples apart
				spans[i] = signal.Span{Start: at/100*apart + rng.Int64N(5), Len: 60 + rng.Int64N(40)}
			}
			s, err := split.New(name, 3)
			if err != nil {
				t.Fatal(err)
			}
			before, err := s.Split(y, groups)
			if err != nil {
				t.Skip("cannot be split: ", err)
			}
			kept := make([]split.Fold, len(before))
			for k, f := range before {
				kept[k] = split.Fold{Name: f.Name, Train: slices.Clone(f.Train), Test: slices.Clone(f.Test)}
			}
			after, err := split.Purge(before, y, groups, spans)
			if !reflect.DeepEqual(before, kept) {
				t.Fatal("the folds that were given are changed")
			}
			overlaps := func(f split.Fold, i int) bool {
				for _, k := range f.Test {
					for at := spans[i].Start; at < spans[i].End() && groups[k] == groups[i]; at++ {
						if spans[k].Start <= at && at < spans[k].End() {
							return true
						}
					}
				}
				return false
			}
			if err != nil {
				for _, f := range before { // rightly so where a class has no window left
					left, had := make([]int, len(y.Classes)), make([]int, len(y.Classes))
					for _, i := range f.Train {
						if had[y.Y[i]]++; !overlaps(f, i) {
							left[y.Y[i]]++
						}
					}
					for c := range left {
						if had[c] > 0 && left[c] == 0 {
							return
						}
					}
				}
				t.Fatalf("every class has windows left: %v", err)
			}
			for k, f := range after {
				if f.Name != before[k].Name || !slices.Equal(f.Test, before[k].Test) {
					t.Fatalf("fold %q tests %v, before %q tests %v", f.Name, f.Test, before[k].Name, before[k].Test)
				}
				var train, out []int
				for _, i := range before[k].Train {
					if overlaps(f, i) {
						out = append(out, i)
					} else {
						train = append(train, i)
					}
				}
				if !slices.Equal(f.Train, train) || !slices.Equal(f.Purged, out) {
					t.Fatalf("%s: learns from %v without %v, want %v without %v", f.Name, f.Train, f.Purged, train, out)
				}
				if _, _, found := split.Shared(f, groups, spans); found {
					t.Fatalf("%s: parts that share samples after Purge", f.Name)
				}
				i, j, found := split.Shared(before[k], groups, spans)
				if found != (len(out) > 0) || found && (!slices.Contains(out, i) || !overlaps(split.Fold{Test: []int{j}}, i)) {
					t.Fatalf("%s: windows %d and %d are said to share samples, %v; those that do are %v", f.Name, i, j, found, out)
				}
				purged += len(out)
			}
			if apart > 105 { // the windows are at most 100 samples long and begin at most 4 late
				if !reflect.DeepEqual(before, after) {
					t.Fatalf("windows that share no sample: %+v, before %+v", after, before)
				}
				whole++
			}
		}))
	}
	if purged == 0 || whole == 0 {
		t.Errorf("%d windows were taken out and %d splits stayed as they were: the test shows nothing", purged, whole)
	}
}

// TestPurgeRefuses: a fold that would lack a class says which, and what to do; lists of different lengths are no folds.
func TestPurgeRefuses(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b"}, Y: []int{0, 1, 0, 1}}
	groups := []string{"r", "r", "r", "r"}
	spans := []signal.Span{{Start: 0, Len: 10}, {Start: 100, Len: 10}, {Start: 5, Len: 10}, {Start: 200, Len: 10}}
	folds := []split.Fold{{Name: "one", Train: []int{2, 3}, Test: []int{0, 1}}}
	for want, f := range map[string]func() error{
		`"one": all 1 training windows of class "a" share samples with windows that are tested`: func() error {
			_, err := split.Purge(folds, y, groups, spans)
			return err
		},
		"of 3 windows of 4": func() error { _, err := split.Purge(folds, y, groups, spans[:3]); return err },
		"runs of 3 trials":  func() error { _, err := split.Purge(folds, y, groups[:3], spans); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want one with %q", err, want)
		}
	}
	spans[3].Start = 8 // as window 2, but for 3 samples
	some := []split.Fold{{Name: "one", Train: []int{0, 1, 3}, Test: []int{2}}, {Name: "two", Train: []int{0, 1}, Test: []int{3}}, {Name: "three", Train: []int{2, 3}, Test: []int{1}}}
	some, err := split.Purge(some, signal.Labels{Classes: []string{"a"}, Y: make([]int, 4)}, groups, spans)
	if err != nil {
		t.Fatal(err)
	}
	if n, what := split.Purged(some); n != 3 || what != `of the training windows of 3 folds, 7 in all, 3 share samples with windows that are tested and are left out; "one" loses most and learns from 1 of 3` {
		t.Errorf("%d windows: %q", n, what)
	}
	for i := range spans { // one after the other, as in a recording that is cut without a rest
		spans[i] = signal.Span{Start: int64(10 * i), Len: 10}
	}
	if got, err := split.Purge(folds, y, groups, spans); err != nil || !reflect.DeepEqual(got, folds) {
		t.Errorf("windows that touch: %+v, %v; want all of them", got, err)
	}
	if n, what := split.Purged(folds); n != 0 || what != "" {
		t.Errorf("nothing was taken out, but %d windows: %q", n, what)
	}
}

// TestRandomLabelsOfDenseCuesAreAtChance: cues every quarter of a window, whose labels are random and last for some cues, as those of an
// epoch of rest or of a seizure do, and noise that knows nothing of them. What is learned from windows that overlap with the tested ones
// decides them by heart; after Purge it is at chance.
func TestRandomLabelsOfDenseCuesAreAtChance(t *testing.T) {
	const seeds, cues, length, step, hold = 80, 156, 40, 10, 8
	for _, c := range []struct {
		name  string
		least float64 // that the windows before Purge must score above those after it, or else the test shows nothing
	}{{split.KFoldName, 0.3}, {split.BlockedKFoldName, 0.02}} { // blocks share samples at their ends alone
		before, after := 0.0, 0.0
		for seed := range uint64(seeds) {
			rng := rand.New(rand.NewPCG(seed, 7))
			noise := make([]float64, cues*step+length)
			for t := range noise {
				noise[t] = rng.NormFloat64()
			}
			y := signal.Labels{Classes: []string{"a", "b"}}
			var groups []string
			var spans []signal.Span
			var x [][]float64
			blocks := rng.Perm(cues/hold + 1)
			for i := range cues {
				at := i * step
				y.Y, groups, spans = append(y.Y, blocks[i/hold]%2), append(groups, "sub-1_ses-1_run-1"), append(spans, signal.Span{Start: int64(at), Len: length})
				x = append(x, noise[at:at+length])
			}
			s, err := split.New(c.name, seed)
			if err != nil {
				t.Fatal(err)
			}
			folds, err := s.Split(y, groups)
			if err != nil {
				t.Fatal(err)
			}
			before += byHeart(y, folds, x, step) / seeds
			if folds, err = split.Purge(folds, y, groups, spans); err != nil {
				t.Fatal(err)
			}
			after += byHeart(y, folds, x, step) / seeds
		}
		t.Logf("%s: %.3f before, %.3f after", c.name, before, after)
		// One score of 20 blocks has a deviation of at most 0.11, the mean of 80 one of 0.013. Of a block of one class that is tested, more of
		// the other class are left to learn from.
		if after < 0.44 || after > 0.54 {
			t.Errorf("%s: random labels are decided with an accuracy of %.3f, want 0.5", c.name, after)
		}
		if before < after+c.least {
			t.Errorf("%s: with windows that overlap the accuracy is %.3f, without %.3f; this test shows nothing where they are not %.2f apart", c.name, before, after, c.least)
		}
	}
}

// byHeart is the accuracy of who looks, for each tested window, for the training window that it is most like when one is moved over the
// other by up to a window, step by step, and says its label.
func byHeart(y signal.Labels, folds []split.Fold, x [][]float64, step int) float64 {
	right := 0
	for _, f := range folds {
		for _, i := range f.Test {
			best := slices.MinFunc(f.Train, func(a, b int) int { return cmp.Compare(apart(x[i], x[a], step), apart(x[i], x[b], step)) })
			if y.Y[best] == y.Y[i] {
				right++
			}
		}
	}
	return float64(right) / float64(len(x))
}

// apart is the mean square of the difference of two windows where they lie over each other best, by at least a step.
func apart(a, b []float64, step int) float64 {
	best := -1.0
	for move := -len(a) + step; move <= len(a)-step; move += step {
		sum, n := 0.0, 0
		for t := max(0, -move); t < min(len(a), len(a)-move); t++ {
			d := a[t] - b[t+move]
			sum, n = sum+d*d, n+1
		}
		if d := sum / float64(n); best < 0 || d < best {
			best = d
		}
	}
	return best
}
