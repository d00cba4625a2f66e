package split_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// trials is 3 runs of 4, 5 and 6 trials whose classes alternate.
func trials() (signal.Labels, []string) {
	y := signal.Labels{Classes: []string{"fists", "feet"}}
	var groups []string
	for r, n := range []int{4, 5, 6} {
		for i := range n {
			y.Y, groups = append(y.Y, i%2), append(groups, fmt.Sprintf("R%02d", 6+4*r))
		}
	}
	return y, groups
}

func TestLeaveOneRunOut(t *testing.T) {
	y, groups := trials()
	s, err := split.New("leave-one-run-out", 1)
	if err != nil {
		t.Fatal(err)
	}
	folds, err := s.Split(y, groups)
	if err != nil {
		t.Fatal(err)
	}
	if len(folds) != 3 {
		t.Fatalf("%d folds, must be 3", len(folds))
	}
	for k, run := range []string{"R06", "R10", "R14"} {
		f := folds[k]
		if f.Name != "test on "+run {
			t.Errorf("fold %d is called %q, must be %q", k, f.Name, "test on "+run)
		}
		for i, g := range groups {
			if (g == run) != slices.Contains(f.Test, i) || (g != run) != slices.Contains(f.Train, i) {
				t.Errorf("fold %q: trial %d of run %s is in the wrong part", f.Name, i, g)
			}
		}
	}
}

// TestPartition holds for every splitter, on random trials: each trial is tested once, no trial is in both parts, the
// same seed gives the same folds.
func TestPartition(t *testing.T) {
	for _, name := range split.Names() {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			classes := rapid.IntRange(1, 4).Draw(t, "classes")
			y := signal.Labels{Classes: strings.Split("abcd", "")[:classes]}
			y.Y = rapid.SliceOfN(rapid.IntRange(0, classes-1), 5, 100).Draw(t, "y")
			groups := make([]string, len(y.Y))
			places := []string{"sub-1_ses-1", "sub-1_ses-2_run-1", "sub-1_ses-2_run-2", "sub-2_ses-1", "sub-2_ses-2"}
			places = places[:rapid.IntRange(1, len(places)).Draw(t, "places")]
			for i := range groups {
				groups[i] = rapid.SampledFrom(places).Draw(t, "group")
			}
			where := make([]split.Group, len(groups))
			for i, g := range groups {
				var err error
				if where[i], err = split.ParseGroup(g); err != nil {
					t.Fatal(err)
				}
			}
			seed := rapid.Uint64().Draw(t, "seed")
			s, err := split.New(name, seed)
			if err != nil {
				t.Fatal(err)
			}
			folds, err := s.Split(y, groups)
			if err != nil {
				t.Skip("cannot be split: ", err)
			}
			tested := make([]int, len(y.Y))
			for _, f := range folds {
				seen := make([]bool, classes)
				for _, i := range f.Test {
					tested[i]++
				}
				for _, i := range f.Train {
					seen[y.Y[i]] = true
				}
				if both := slices.Concat(f.Train, f.Test); len(f.Test) == 0 || len(both) > len(y.Y) || len(slices.Compact(slices.Sorted(slices.Values(both)))) != len(both) {
					t.Fatalf("fold %q: train %v, test %v; must have no trial twice, some tested", f.Name, f.Train, f.Test)
				}
				for i := range y.Y {
					if used := slices.Contains(f.Train, i) || slices.Contains(f.Test, i); used != belongs(name, where[f.Test[0]], where[i]) {
						t.Fatalf("fold %q, which tests trial %d of %s: trial %d of %s is used: %t", f.Name, f.Test[0], groups[f.Test[0]], i, groups[i], used)
					}
				}
				if !slices.IsSorted(f.Train) || !slices.IsSorted(f.Test) {
					t.Fatalf("fold %q: train %v, test %v; must ascend", f.Name, f.Train, f.Test)
				}
				if slices.Contains(seen, false) {
					t.Fatalf("fold %q: a class is not in the training part", f.Name)
				}
			}
			for i, n := range tested {
				if n != 1 {
					t.Fatalf("trial %d is tested %d times", i, n)
				}
			}
			again, err := s.Split(y, groups)
			if err != nil || !slices.EqualFunc(folds, again, func(a, b split.Fold) bool {
				return a.Name == b.Name && slices.Equal(a.Train, b.Train) && slices.Equal(a.Test, b.Test)
			}) {
				t.Fatal("the same seed gives other folds")
			}
		}))
	}
}

// belongs says whether a trial of b has a place in a fold that tests one of a: all have, but for sessions and subjects
// that are treated by themselves.
func belongs(name string, a, b split.Group) bool {
	switch name {
	case split.WithinSessionName, split.WithinSessionBlockedName:
		return a.Subject == b.Subject && a.Session == b.Session
	case split.CrossSessionName:
		return a.Subject == b.Subject
	}
	return true
}

func TestKFoldIsStratifiedAndShuffled(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b", "c"}}
	for i := range 53 {
		y.Y = append(y.Y, min(i/20, 2)) // 20, 20, 13, one class after the other
	}
	groups := make([]string, len(y.Y))
	var first []split.Fold
	for seed := range uint64(5) {
		folds, err := split.KFold{K: 5, Seed: seed}.Split(y, groups)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folds {
			count := make([]int, 3)
			for _, i := range f.Test {
				count[y.Y[i]]++
			}
			if len(f.Test) < 10 || len(f.Test) > 11 || count[0] != 4 || count[1] != 4 || count[2] < 2 || count[2] > 3 {
				t.Errorf("seed %d, %s: %d trials, per class %v; must be 10 or 11, [4 4 2 or 3]", seed, f.Name, len(f.Test), count)
			}
		}
		if seed == 0 {
			first = folds
		} else if slices.Equal(first[0].Test, folds[0].Test) {
			t.Errorf("seeds 0 and %d give the same fold", seed)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		split string
		spoil func(y *signal.Labels, groups *[]string)
		want  []string
	}{
		{"one run", "leave-one-run-out", func(_ *signal.Labels, g *[]string) {
			for i := range *g {
				(*g)[i] = "R06"
			}
		}, []string{`one run, "R06"`, "at least 2 runs", `"kfold"`}},
		{"class in one run only", "leave-one-run-out", func(y *signal.Labels, _ *[]string) {
			clear(y.Y)
			y.Y[5] = 1
		}, []string{`"test on R10"`, `class "feet"`, "more than one run"}},
		{"one trial of a class", "kfold", func(y *signal.Labels, _ *[]string) {
			clear(y.Y)
			y.Y[5] = 1
		}, []string{`class "feet"`, "fold"}},
		{"class without trials", "kfold", func(y *signal.Labels, _ *[]string) { clear(y.Y) }, []string{`class "feet" has no trial`}},
		{"bad label", "kfold", func(y *signal.Labels, _ *[]string) { y.Y[3] = 2 }, []string{"trial 3 is 2", "0 to 1"}},
		{"groups missing", "leave-one-run-out", func(_ *signal.Labels, g *[]string) { *g = (*g)[:3] }, []string{"15 labels", "3 trials"}},
		{"nothing", "kfold", func(y *signal.Labels, g *[]string) { y.Y, *g = nil, nil }, []string{"0 trials"}},
		{"fewer trials than folds", "kfold", func(y *signal.Labels, g *[]string) { y.Y, *g = y.Y[:4], (*g)[:4] }, []string{"5 folds of 4 trials"}},
	} {
		y, groups := trials()
		tc.spoil(&y, &groups)
		s, err := split.New(tc.split, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Split(y, groups)
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, must contain %q", tc.name, err, want)
			}
		}
	}
	var unknown *registry.UnknownError
	if _, err := split.New("leave-one-out", 1); !errors.As(err, &unknown) || !strings.Contains(err.Error(), `"leave-one-run-out"`) {
		t.Errorf("unknown name: error is %v", err)
	}
}

func TestPermute(t *testing.T) {
	y, groups := trials()
	before := slices.Clone(y.Y)
	changed := 0
	for seed := range uint64(50) {
		got, err := split.Permute(y, groups, seed)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(y.Y, before) {
			t.Fatal("the labels given were changed")
		}
		for _, run := range []string{"R06", "R10", "R14"} {
			var was, is int
			for i, g := range groups {
				if g == run {
					was, is = was+before[i], is+got.Y[i]
				}
			}
			if was != is {
				t.Errorf("seed %d: run %s has %d trials of class 1, had %d", seed, run, is, was)
			}
		}
		if !slices.Equal(got.Y, before) {
			changed++
		}
		again, err := split.Permute(y, groups, seed)
		if err != nil || !slices.Equal(got.Y, again.Y) {
			t.Errorf("seed %d gives other labels the second time", seed)
		}
	}
	if changed < 48 { // one of 6·10·20 permutations changes nothing
		t.Errorf("%d of 50 seeds change the labels", changed)
	}
}

// TestPermuteIsUniform: each of the 6 orders of 2 and 2 labels must come up equally often.
func TestPermuteIsUniform(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b"}, Y: []int{0, 0, 1, 1}}
	groups := []string{"r", "r", "r", "r"}
	count := map[string]int{}
	for seed := range uint64(6000) {
		got, err := split.Permute(y, groups, seed)
		if err != nil {
			t.Fatal(err)
		}
		count[fmt.Sprint(got.Y)]++
	}
	chi2 := 0.0
	for _, n := range count {
		chi2 += float64((n-1000)*(n-1000)) / 1000
	}
	if len(count) != 6 || chi2 > 20.5 { // 99.9 % of chi-square with 5 degrees of freedom
		t.Errorf("orders %v, chi-square %.1f, must be 6 with at most 20.5", count, chi2)
	}
}

func TestPermuteRefusesWhatItCannotShuffle(t *testing.T) {
	y := signal.Labels{Classes: []string{"rest", "task"}, Y: []int{0, 0, 1, 1}}
	if _, err := split.Permute(y, []string{"sub-1_run-1", "sub-1_run-1", "sub-2_run-1", "sub-2_run-1"}, 1); err == nil || !strings.Contains(err.Error(), "one class only") {
		t.Errorf("one class per subject: error is %v", err)
	}
	if _, err := split.Permute(y, []string{"1"}, 1); err == nil {
		t.Error("groups of another length: no error")
	}
}

// ofWholeRuns is n subjects with a run of rest and one of a task each, of 10 trials.
func ofWholeRuns(n int) (y signal.Labels, groups []string) {
	y.Classes = []string{"rest", "task"}
	for s := range n {
		for run := range 2 {
			for range 10 {
				y.Y, groups = append(y.Y, run), append(groups, fmt.Sprintf("data/Subject%02d_%d.edf", s, run+1))
			}
		}
	}
	return y, groups
}

// windowsAsTrials takes every window for a trial of its own.
func windowsAsTrials(n int) split.Trials {
	t := split.Trials{Of: make([]int, n), N: n}
	for i := range t.Of {
		t.Of[i] = i
	}
	return t
}

// TestWholeRuns: where a run has one class only, no fold has windows of it in both parts, whatever the split, also where one run among
// them has two classes. What cannot be split so is refused, with the split that can be.
func TestWholeRuns(t *testing.T) {
	for _, mixed := range []bool{false, true} {
		y, groups := ofWholeRuns(6)
		if mixed {
			y.Y[3] = 1
		}
		for _, name := range split.Names() {
			s, err := split.New(name, 1)
			if err != nil {
				t.Fatal(err)
			}
			folds, err := windowsAsTrials(len(groups)).Split(s, y, groups)
			switch name {
			case split.WithinSessionName, split.WithinSessionBlockedName:
				if want := `would tell recordings apart, not classes: use the split "cross-subject"`; err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: the error is %v, must contain %q", name, err, want)
				}
				continue
			case split.CrossSessionName:
				if err == nil { // there is one session
					t.Errorf("%s: no error", name)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range folds {
				learned := map[string]bool{}
				for _, i := range f.Train {
					learned[groups[i]] = true
				}
				for _, i := range f.Test {
					if learned[groups[i]] && (!mixed || groups[i] != groups[0]) {
						t.Fatalf("%s: %s: %s is in both parts", name, f.Name, groups[i])
					}
				}
			}
		}
		want := 12
		if mixed {
			want--
		}
		if n := split.WholeRuns(y, groups); n != want {
			t.Errorf("%d runs of one class, want %d", n, want)
		}
	}
	// One trial of each run is no such case, nor is one run of all.
	y, groups := ofWholeRuns(6)
	single := signal.Labels{Classes: y.Classes}
	var names []string
	for i := 0; i < len(groups); i += 10 {
		single.Y, names = append(single.Y, y.Y[i]), append(names, groups[i])
	}
	if _, err := windowsAsTrials(len(names)).Split(split.KFold{K: 3}, single, names); err != nil || split.WholeRuns(single, names) != 0 {
		t.Error(err)
	}
}

// TestFair: what is recommended for whole recordings can be done. Nothing is, where a person has one run of a class and there is no other.
func TestFair(t *testing.T) {
	for _, tc := range []struct {
		name   string
		runs   []string
		y      []int
		want   string
		remedy string
	}{
		{"two persons", []string{"sub-1_run-1", "sub-1_run-2", "sub-2_run-1", "sub-2_run-2"}, []int{0, 1, 0, 1}, split.CrossSubjectName, `use the split "cross-subject"`},
		{"one person, a run of each class", []string{"sub-1_run-1", "sub-1_run-2"}, []int{0, 1}, "", "give recordings of more persons"},
		{"one person, two runs of each class", []string{"sub-1_run-1", "sub-1_run-2", "sub-1_run-3", "sub-1_run-4"}, []int{0, 1, 0, 1}, split.LeaveOneRunOutName, `use the split "leave-one-run-out"`},
		{"nobody is named", []string{"a", "b", "c", "d"}, []int{0, 1, 0, 1}, split.LeaveOneRunOutName, `use the split "leave-one-run-out"`},
		{"a class of one person only", []string{"sub-1_run-1", "sub-1_run-2", "sub-1_run-3", "sub-2_run-1"}, []int{0, 1, 1, 0}, "", "give recordings of more persons"},
	} {
		y := signal.Labels{Classes: []string{"rest", "task"}}
		var groups []string
		for i, r := range tc.runs {
			for range 3 {
				y.Y, groups = append(y.Y, tc.y[i]), append(groups, r)
			}
		}
		if got := split.Fair(y, groups); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		_, err := windowsAsTrials(len(groups)).Split(split.KFold{K: 5}, y, groups)
		if err == nil || !strings.Contains(err.Error(), tc.remedy) {
			t.Errorf("%s: the error is %v, must contain %q", tc.name, err, tc.remedy)
		}
	}
}

// TestWholeRunsAtChance: trials that say nothing but which recording they are of are decided at chance across subjects, over many
// permutations; so are the true labels of them. A nearest mean that may see trials of the tested run is right all the time.
func TestWholeRunsAtChance(t *testing.T) {
	y, groups := ofWholeRuns(6)
	rng := rand.New(rand.NewPCG(1, 2))
	marks := map[string]float64{}
	accuracy := func(y signal.Labels, folds []split.Fold, x []float64) float64 {
		right := 0
		for _, f := range folds {
			var sum, n [2]float64
			for _, i := range f.Train {
				sum[y.Y[i]] += x[i]
				n[y.Y[i]]++
			}
			for _, i := range f.Test {
				guess := 0
				if math.Abs(x[i]-sum[1]/n[1]) < math.Abs(x[i]-sum[0]/n[0]) {
					guess = 1
				}
				if guess == y.Y[i] {
					right++
				}
			}
		}
		return float64(right) / float64(len(y.Y))
	}
	mean := 0.0
	const seeds = 400
	for seed := range uint64(seeds) {
		x := make([]float64, len(groups))
		clear(marks)
		for i, g := range groups {
			if _, ok := marks[g]; !ok {
				marks[g] = rng.NormFloat64()
			}
			x[i] = marks[g] + 0.01*rng.NormFloat64()
		}
		shuffled, err := windowsAsTrials(len(groups)).Permute(y, groups, seed)
		if err != nil {
			t.Fatal(err)
		}
		for s := range 6 { // each subject keeps a run of each class
			if shuffled.Y[20*s] == shuffled.Y[20*s+10] || shuffled.Y[20*s] != shuffled.Y[20*s+9] {
				t.Fatalf("seed %d: the labels of subject %d are %v", seed, s, shuffled.Y[20*s:20*s+20])
			}
		}
		folds, err := (split.CrossSubject{}).Split(shuffled, groups)
		if err != nil {
			t.Fatal(err)
		}
		mean += accuracy(shuffled, folds, x) / seeds
	}
	if math.Abs(mean-0.5) > 0.03 { // 0.144 is the deviation of one score of 12 runs, so this is 4 of the mean's
		t.Errorf("random labels are decided with an accuracy of %.3f, want 0.5", mean)
	}
}
