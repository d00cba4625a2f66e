package metrics_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

// of is a confusion with correct[k] of trials[k] right; the wrong ones are given to the next class.
func of(t testing.TB, correct, trials []int) *metrics.Confusion {
	t.Helper()
	classes := []string{"only"}
	if len(trials) > 1 {
		classes = strings.Split("abcdefgh", "")[:len(trials)]
	} else {
		classes = append(classes, "without trials") // so that a decision can be wrong
	}
	var truth, predicted []int
	for k, n := range trials {
		for i := range n {
			p := k
			if i >= correct[k] {
				p = (k + 1) % len(classes)
			}
			truth, predicted = append(truth, k), append(predicted, p)
		}
	}
	c, err := metrics.NewConfusion(classes, truth, predicted)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfusion(t *testing.T) {
	//              truth   a  a  a  a  b  b  c
	c, err := metrics.NewConfusion([]string{"a", "b", "c", "d"}, []int{0, 0, 0, 0, 1, 1, 2}, []int{0, 0, 0, 1, 1, 3, 0})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(c.N), "[[3 1 0 0] [0 1 0 1] [1 0 0 0] [0 0 0 0]]"; got != want {
		t.Errorf("counts are %s, want %s", got, want)
	}
	for what, v := range map[string][2]float64{
		"trials":                         {float64(c.Trials()), 7},
		"correct":                        {float64(c.Correct()), 4},
		"accuracy":                       {c.Accuracy(), 4.0 / 7},
		"recall of a":                    {c.Recall(0), 0.75},
		"recall of c":                    {c.Recall(2), 0},
		"balanced accuracy":              {c.BalancedAccuracy(), (0.75 + 0.5 + 0) / 3},
		"chance of three classes in use": {c.Chance(), 1.0 / 3},
	} {
		if math.Abs(v[0]-v[1]) > 1e-15 {
			t.Errorf("%s is %g, want %g", what, v[0], v[1])
		}
	}
	if !math.IsNaN(c.Recall(3)) {
		t.Errorf("recall of a class without trials is %g, must be NaN", c.Recall(3))
	}
}

func TestConfusionErrors(t *testing.T) {
	for _, tc := range []struct {
		truth, predicted []int
		want             string
	}{
		{nil, nil, "no trials"},
		{[]int{0, 1}, []int{0}, "2 true classes and 1 decisions"},
		{[]int{0, 2}, []int{0, 0}, "trial 1 has the class 2"},
		{[]int{0, 1}, []int{-1, 0}, "trial 0 has the class 0 and the decision -1"},
	} {
		if _, err := metrics.NewConfusion([]string{"a", "b"}, tc.truth, tc.predicted); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, %v: error is %v, must contain %q", tc.truth, tc.predicted, err, tc.want)
		}
	}
}

// TestAgainstSciPy compares the limits with quadrature and fine convolutions in SciPy. 1e-6 is the promise of a grid
// of 4096 cells; limits are printed with three digits.
func TestAgainstSciPy(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Program string `json:"program"`
		Cases   []struct {
			Correct []int   `json:"correct"`
			Trials  []int   `json:"trials"`
			Level   float64 `json:"level"`
			Low     float64 `json:"low"`
			High    float64 `json:"high"`
			P       float64 `json:"p"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	var limits, above, plain float64 // largest differences
	for _, g := range golden.Cases {
		c := of(t, g.Correct, g.Trials)
		low, high := c.BalancedAccuracyInterval(g.Level)
		limits = max(limits, math.Abs(low-g.Low), math.Abs(high-g.High))
		if math.Abs(low-g.Low) > 1e-6 || math.Abs(high-g.High) > 1e-6 {
			t.Errorf("%v of %v at %g: [%.9f, %.9f], want [%.9f, %.9f]", g.Correct, g.Trials, g.Level, low, high, g.Low, g.High)
		}
		p := c.PAboveChance()
		above = max(above, math.Abs(p-g.P)/(1e-3+g.P))
		if math.Abs(p-g.P) > 1e-12+1e-9*g.P {
			t.Errorf("%v of %v: p is %g, want %g", g.Correct, g.Trials, p, g.P)
		}
		if ba := c.BalancedAccuracy(); low > ba || high < ba {
			t.Errorf("%v of %v at %g: [%g, %g] leaves out %g", g.Correct, g.Trials, g.Level, low, high, ba)
		}
		if len(g.Trials) == 1 {
			l, h := c.AccuracyInterval(g.Level)
			plain = max(plain, math.Abs(l-g.Low), math.Abs(h-g.High))
			if math.Abs(l-g.Low) > 1e-9 || math.Abs(h-g.High) > 1e-9 {
				t.Errorf("accuracy %v of %v at %g: [%g, %g], want [%g, %g]", g.Correct, g.Trials, g.Level, l, h, g.Low, g.High)
			}
		}
	}
	for _, r := range []paritytest.Report{
		{What: "balanced accuracy: limits of the interval", Err: limits, Tol: 1e-6},
		{What: "accuracy: limits of the interval", Err: plain, Tol: 1e-9},
		{What: "accuracy: p above chance", Err: above, Tol: 1e-9},
	} {
		r.Peer, r.Data = golden.Program, "generated"
		paritytest.Error(t, r)
	}
}

// TestCoverage enumerates every outcome of small experiments: whatever the recalls are, the 95 % interval must hold the
// true balanced accuracy with at least that probability.
func TestCoverage(t *testing.T) {
	for _, trials := range [][]int{{4, 11}, {8, 8}, {2, 20}, {3, 3, 4}} {
		limits := map[string][2]float64{}
		for x := range outcomes(trials) {
			low, high := of(t, x, trials).BalancedAccuracyInterval(0.95)
			limits[fmt.Sprint(x)] = [2]float64{low, high}
		}
		least, at := 1.0, []float64(nil)
		steps := []float64{0.02, 0.1, 0.25, 0.5, 0.6, 0.75, 0.9, 0.98, 0.999}
		for pick := range outcomes(constant(len(trials), len(steps)-1)) {
			p := make([]float64, len(trials))
			truth := 0.0
			for k, i := range pick {
				p[k] = steps[i]
				truth += p[k] / float64(len(trials))
			}
			covered := 0.0
			for x := range outcomes(trials) {
				if l := limits[fmt.Sprint(x)]; l[0] <= truth && truth <= l[1] {
					prob := 1.0
					for k := range x {
						prob *= binomial(trials[k], x[k], p[k])
					}
					covered += prob
				}
			}
			if covered < least {
				least, at = covered, p
			}
		}
		t.Logf("trials %v: least coverage %.4f, at recalls %v", trials, least, at)
		if least < 0.95 {
			t.Errorf("trials %v, recalls %v: the 95 %% interval covers with probability %.4f", trials, at, least)
		}
	}
}

// outcomes runs over all x with 0 <= x[k] <= most[k].
func outcomes(most []int) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		x := make([]int, len(most))
		for {
			if !yield(x) {
				return
			}
			k := 0
			for k < len(x) && x[k] == most[k] {
				x[k] = 0
				k++
			}
			if k == len(x) {
				return
			}
			x[k]++
		}
	}
}

func constant(n, v int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = v
	}
	return x
}

func binomial(n, k int, p float64) float64 {
	c := 1.0
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return c * math.Pow(p, float64(k)) * math.Pow(1-p, float64(n-k))
}

// TestPAboveChance compares with the sum of the definition.
func TestPAboveChance(t *testing.T) {
	for _, tc := range []struct {
		correct, trials []int
		p               float64
	}{{[]int{9, 8}, []int{10, 10}, 0.5}, {[]int{10, 10}, []int{10, 10}, 0.5}, {[]int{0, 0}, []int{10, 10}, 0.5}, {[]int{5, 4, 2}, []int{8, 6, 6}, 0.4}} {
		x, n := 0, 0
		for k := range tc.trials {
			x, n = x+tc.correct[k], n+tc.trials[k]
		}
		want := 0.0
		for k := x; k <= n; k++ {
			want += binomial(n, k, tc.p)
		}
		if got := of(t, tc.correct, tc.trials).PAboveChance(); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v of %v: p is %g, want %g", tc.correct, tc.trials, got, want)
		}
	}
}

// TestChanceIsExact takes the mean of the balanced accuracy over all decisions of a guesser that prefers one class.
func TestChanceIsExact(t *testing.T) {
	truth := []int{0, 0, 0, 0, 1, 1, 2}
	prefers := []float64{0.7, 0.2, 0.1}
	mean := 0.0
	for guess := range outcomes(constant(len(truth), 2)) {
		prob := 1.0
		for _, g := range guess {
			prob *= prefers[g]
		}
		c, err := metrics.NewConfusion([]string{"a", "b", "c"}, truth, guess)
		if err != nil {
			t.Fatal(err)
		}
		mean += prob * c.BalancedAccuracy()
		if c.Chance() != 1.0/3 {
			t.Fatalf("chance is %g, must be 1/3", c.Chance())
		}
	}
	if math.Abs(mean-1.0/3) > 1e-12 {
		t.Errorf("guessing gives %.15g on average, must be 1/3", mean)
	}
}

func TestLevelMustBeAProbability(t *testing.T) {
	for _, level := range []float64{0, 1, 95, math.NaN()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("level %g: no panic", level)
				}
			}()
			of(t, []int{1, 1}, []int{2, 2}).BalancedAccuracyInterval(level)
		}()
	}
}

func ExampleConfusion() {
	truth := []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}
	said := []int{0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	c, err := metrics.NewConfusion([]string{"fists", "feet"}, truth, said)
	if err != nil {
		fmt.Println(err)
		return
	}
	low, high := c.BalancedAccuracyInterval(0.95)
	fmt.Printf("balanced accuracy %.2f [%.2f, %.2f], chance %.2f, p = %.4f\n", c.BalancedAccuracy(), low, high, c.Chance(), c.PAboveChance())
	// Output: balanced accuracy 0.94 [0.65, 1.00], chance 0.50, p = 0.0003
}
