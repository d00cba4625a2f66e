package metrics_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mathext"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

type scores struct {
	Program string
	Labels  []struct {
		Classes        int
		Truth, Decided []int
		Kappa, F1      float64
		F1s            []float64
	}
	Rankings []struct {
		Score     []float64
		Positive  []bool
		AUC, AP   float64
		Intervals []struct {
			Level  float64
			Limits [2]float64
		}
	}
	Probabilities []struct {
		P                   [][]float64
		Truth               []int
		LogLoss, Brier, AUC float64
		ECE                 []float64
	}
	Rates []struct {
		Count                     int
		Seconds, Level, Low, High float64
	}
}

func readScores(t *testing.T) (s scores) {
	t.Helper()
	raw, err := os.ReadFile("testdata/scores.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*max(1, math.Abs(want))) {
		t.Errorf("%s is %.15g, want %.15g", what, got, want)
	}
}

// TestAgainstScikitLearn: sums of up to 150 numbers in another order agree to 1e-12; the normal quantile and the inverse
// gamma functions of gonum are good for 1e-9.
func TestAgainstScikitLearn(t *testing.T) {
	g := readScores(t)
	worst := map[string]float64{}
	compare := func(quantity, of string, got, want, tol float64) {
		t.Helper()
		near(t, quantity+" "+of, got, want, tol)
		worst[quantity] = max(worst[quantity], math.Abs(got-want)/max(1, math.Abs(want)))
	}
	for i, l := range g.Labels {
		c, err := metrics.NewConfusion([]string{"a", "b", "c", "d"}[:l.Classes], l.Truth, l.Decided)
		if err != nil {
			t.Fatal(err)
		}
		compare("kappa", strconv.Itoa(i), c.Kappa(), l.Kappa, 1e-12)
		compare("weighted F1", strconv.Itoa(i), c.WeightedF1(), l.F1, 1e-12)
		for k, want := range l.F1s {
			compare("F1", fmt.Sprintf("%d of class %d", i, k), c.F1(k), want, 1e-12)
		}
	}
	for i, r := range g.Rankings {
		rank, err := metrics.NewRanking(r.Score, r.Positive)
		if err != nil {
			t.Fatal(err)
		}
		compare("AUC", strconv.Itoa(i), rank.AUC(), r.AUC, 1e-12)
		compare("average precision", strconv.Itoa(i), rank.AveragePrecision(), r.AP, 1e-12)
		for _, v := range r.Intervals {
			low, high, err := rank.AUCInterval(v.Level)
			if err != nil {
				t.Fatal(err)
			}
			compare("interval of the AUC", fmt.Sprintf("below, %d", i), low, v.Limits[0], 1e-9)
			compare("interval of the AUC", fmt.Sprintf("above, %d", i), high, v.Limits[1], 1e-9)
		}
	}
	for i, p := range g.Probabilities {
		q, err := metrics.NewProbabilities(p.P, p.Truth)
		if err != nil {
			t.Fatal(err)
		}
		auc, err := metrics.MultiAUC(p.P, p.Truth)
		if err != nil {
			t.Fatal(err)
		}
		compare("log-loss", strconv.Itoa(i), q.LogLoss(), p.LogLoss, 1e-12)
		compare("Brier score", strconv.Itoa(i), q.Brier(), p.Brier, 1e-12)
		compare("AUC of classes", strconv.Itoa(i), auc, p.AUC, 1e-12)
		for j, bins := range []int{1, 10, 15} {
			compare("ECE", fmt.Sprintf("%d with %d bins", i, bins), q.ECE(bins), p.ECE[j], 1e-12)
		}
	}
	for _, r := range g.Rates {
		got, err := metrics.FalseActivations(r.Count, r.Seconds, r.Level)
		if err != nil {
			t.Fatal(err)
		}
		compare("limits of a rate", fmt.Sprintf("below, of %d in %g s", r.Count, r.Seconds), got.Low, r.Low, 1e-9)
		compare("limits of a rate", fmt.Sprintf("above, of %d in %g s", r.Count, r.Seconds), got.High, r.High, 1e-9)
		near(t, "rate", got.PerMinute, float64(r.Count)*60/r.Seconds, 1e-12)
	}
	peers := strings.Split(g.Program, ", ")
	for _, r := range []struct {
		key, what, peer string
		tol             float64
	}{
		{"kappa", "Cohen's κ", peers[0], 1e-12},
		{"weighted F1", "F1, weighted", peers[0], 1e-12},
		{"F1", "F1 of each class", peers[0], 1e-12},
		{"AUC", "area under the ROC curve", peers[0], 1e-12},
		{"AUC of classes", "area under the ROC curve, classes against the rest", peers[0], 1e-12},
		{"average precision", "average precision", peers[0], 1e-12},
		{"interval of the AUC", "area under the ROC curve: limits of the interval", peers[1], 1e-9},
		{"log-loss", "log-loss", peers[0], 1e-12},
		{"Brier score", "Brier score", peers[0], 1e-12},
		{"ECE", "expected calibration error", "NumPy", 1e-12},
		{"limits of a rate", "false activations per minute: limits of the interval", peers[1], 1e-9},
	} {
		d, ok := worst[r.key]
		if !ok {
			t.Fatalf("%s was not compared", r.key)
		}
		paritytest.Error(t, paritytest.Report{What: r.what, Peer: r.peer, Data: "generated", Err: d, Tol: r.tol})
	}
}

// permutations calls f for every order of x.
func permutations(x []int, f func([]int)) {
	var walk func(int)
	walk = func(n int) {
		if n == len(x) {
			f(x)
			return
		}
		for i := n; i < len(x); i++ {
			x[n], x[i] = x[i], x[n]
			walk(n + 1)
			x[n], x[i] = x[i], x[n]
		}
	}
	walk(0)
}

// TestChanceLevelsAreExact takes the mean over all permutations of 7 trials.
func TestChanceLevelsAreExact(t *testing.T) {
	truth := []int{0, 0, 0, 1, 1, 2, 2}
	decided := []int{0, 1, 1, 1, 2, 0, 0}
	p := make([][]float64, 7)
	score := []float64{1, 2, 2, 3, 3, 3, 5} // with ties
	for i := range p {
		a, b := float64(i%4)/5, float64(i%3)/8
		p[i] = []float64{a, b, 1 - a - b}
	}
	classes := []string{"a", "b", "c"}
	c, err := metrics.NewConfusion(classes, truth, decided)
	if err != nil {
		t.Fatal(err)
	}
	q, err := metrics.NewProbabilities(p, truth)
	if err != nil {
		t.Fatal(err)
	}
	rank := func(truth []int) *metrics.Ranking {
		positive := make([]bool, 7)
		for i, k := range truth {
			positive[i] = k == 0
		}
		r, err := metrics.NewRanking(score, positive)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	chance := map[string]float64{"kappa": 0, "F1": c.WeightedF1Chance(), "AUC": 0.5, "AP": rank(truth).AveragePrecisionChance(), "Brier": q.BrierChance(), "log-loss": q.LogLossChance()}
	mean, n := map[string]float64{}, 0.0
	permutations(slices.Clone(truth), func(y []int) {
		c, err := metrics.NewConfusion(classes, y, decided)
		if err != nil {
			t.Fatal(err)
		}
		q, err := metrics.NewProbabilities(p, y)
		if err != nil {
			t.Fatal(err)
		}
		r := rank(y)
		for what, v := range map[string]float64{"kappa": c.Kappa(), "F1": c.WeightedF1(), "AUC": r.AUC(), "AP": r.AveragePrecision(), "Brier": q.Brier(), "log-loss": q.LogLoss()} {
			mean[what] += v
		}
		n++
	})
	for what, want := range chance {
		near(t, "mean "+what+" over permutations", mean[what]/n, want, 1e-12)
	}
}

func TestITR(t *testing.T) {
	for _, tc := range []struct {
		classes           int
		accuracy, seconds float64
		want              float64
	}{
		{2, 1, 1, 60},
		{4, 1, 2, 60},
		{2, 0.5, 1, 0},
		{2, 0.2, 1, 0},
		{4, 0.25, 1, 0},
		{4, 0, 1, 0},
		{36, 0.9, 10, 6 * (math.Log2(36) + 0.9*math.Log2(0.9) + 0.1*math.Log2(0.1/35))},
	} {
		near(t, fmt.Sprintf("ITR of %+v", tc), metrics.ITR(tc.classes, tc.accuracy, tc.seconds), tc.want, 1e-12)
	}
	for _, bad := range []float64{metrics.ITR(1, 0.5, 1), metrics.ITR(2, 1.1, 1), metrics.ITR(2, math.NaN(), 1), metrics.ITR(2, 0.5, 0)} {
		if !math.IsNaN(bad) {
			t.Errorf("ITR out of range is %g, must be NaN", bad)
		}
	}
	c := of(t, []int{18, 19}, []int{20, 20})
	value, low, high := c.ITR(4, 0.95)
	if al, ah := c.BalancedAccuracyInterval(0.95); !(low < value && value < high) || low != metrics.ITR(2, al, 4) || high != metrics.ITR(2, ah, 4) {
		t.Errorf("ITR %g [%g, %g]", value, low, high)
	}
	// Classes of unlike size: who always decides for the larger one transfers nothing, and who tells them apart transfers as
	// much as with classes of like size.
	if value, low, _ := of(t, []int{489, 0}, []int{489, 92}).ITR(0.8, 0.95); value != 0 || low != 0 {
		t.Errorf("ITR of always deciding for the larger class is %g, at least %g, must be 0", value, low)
	}
	if value, _, _ := of(t, []int{360, 32}, []int{400, 40}).ITR(4, 0.95); math.Abs(value-metrics.ITR(2, 0.85, 4)) > 1e-12 {
		t.Errorf("ITR of 90 %% of one class and 80 %% of another is %g, must be that of 85 %%, %g", value, metrics.ITR(2, 0.85, 4))
	}
}

// TestAUCIntervalCovers simulates two normal kinds of known AUC, 5 to 50 positive trials and as many others or four times as
// many: the 95 % interval must hold the AUC in 93 to 97 % of experiments. With GYRUS_SLOW it draws many more, and also kinds that
// are spread differently, for which it only says how often.
func TestAUCIntervalCovers(t *testing.T) {
	repeats := 600
	if os.Getenv("GYRUS_SLOW") != "" {
		repeats = 10000
	}
	se := math.Sqrt(0.95 * 0.05 / float64(repeats))
	for _, spread := range []float64{1, 2.5, 0.4} { // of the positive trials, over that of the others
		if spread != 1 && os.Getenv("GYRUS_SLOW") == "" {
			continue
		}
		least, most := 1.0, 0.0
		for _, truth := range []float64{0.6, 0.7, 0.8, 0.9, 0.95} {
			shift := math.Sqrt(1+spread*spread) * mathext.NormalQuantile(truth)
			for _, n := range []int{5, 8, 10, 15, 20, 50} {
				for _, others := range []int{n, 4 * n} {
					rng := rand.New(rand.NewPCG(uint64(n), uint64(others)+uint64(1000*truth)))
					held := 0
					score, positive := make([]float64, n+others), make([]bool, n+others)
					for range repeats {
						for i := range score {
							if positive[i] = i < n; positive[i] {
								score[i] = spread*rng.NormFloat64() + shift
							} else {
								score[i] = rng.NormFloat64()
							}
						}
						low, high, err := mustRanking(t, score, positive).AUCInterval(0.95)
						if err != nil {
							t.Fatal(err)
						}
						if low <= truth && truth <= high {
							held++
						}
					}
					rate := float64(held) / float64(repeats)
					least, most = min(least, rate), max(most, rate)
					if spread == 1 && (rate < 0.93-3*se || rate > 0.97+3*se) {
						t.Errorf("AUC %g of %d positive trials and %d others: the 95 %% interval holds it in %.3f of experiments", truth, n, others, rate)
					}
				}
			}
		}
		t.Logf("spread of the positive trials %g: the 95 %% interval holds the AUC in %.1f to %.1f %% of %d experiments", spread, 100*least, 100*most, repeats)
	}
}

// TestPerfectRankingIsNotCertain: 5 and 9 trials in perfect order leave the AUC open down to where it is 1.96 standard errors off.
func TestPerfectRankingIsNotCertain(t *testing.T) {
	var score []float64
	var positive []bool
	for i := range 14 {
		score, positive = append(score, float64(i)), append(positive, i >= 9)
	}
	r, err := metrics.NewRanking(score, positive)
	if err != nil {
		t.Fatal(err)
	}
	low, high, err := r.AUCInterval(0.95)
	if err != nil || r.AUC() != 1 || high != 1 {
		t.Errorf("AUC %g [%g, %g], %v", r.AUC(), low, high, err)
	}
	const n = (5.+9)/2 - 1
	se := math.Sqrt(low * (1 - low) / 45 * (1 + n*(1-low)/(2-low) + n*low/(1+low)))
	near(t, "lower limit", (1-low)/se, 1.959963984540054, 1e-9)
}

func TestTimeToDecision(t *testing.T) {
	inf := math.Inf(1)
	l, err := metrics.TimeToDecision([]float64{3, 1, 2, inf, 4, 5, 6, 7, 8, 9, inf}, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	// Of 11, order statistics 2 and 10 hold the median with 1 − 2·(1+11)/2048 = 98.8 %; 3 and 9 with less than 95 %.
	if l.Trials != 11 || l.Decided != 9 || l.Median != 6 || l.Low != 2 || !math.IsInf(l.High, 1) {
		t.Errorf("got %+v; want 9 of 11 decided, median 6 from 2 to +Inf", l)
	}
	if l, err = metrics.TimeToDecision([]float64{1, inf}, 0.95); err != nil || !math.IsInf(l.Median, 1) || l.Low != 0 {
		t.Errorf("got %+v, %v; one of two decided leaves the median open", l, err)
	}
	if l, err = metrics.TimeToDecision([]float64{inf, inf, inf, inf}, 0.95); err != nil || !math.IsInf(l.Median, 1) || l.Decided != 0 || l.DecidedLow != 0 {
		t.Errorf("got %+v, %v; nothing was decided", l, err)
	}
	if l, err = metrics.TimeToDecision([]float64{4, 2}, 0.5); err != nil || l.Median != 3 || l.Low != 2 || l.High != 4 {
		t.Errorf("got %+v, %v; want 3 from 2 to 4", l, err)
	}
}

// TestBootstrap: the interval of a mean of normal numbers is that of the normal distribution, nearly, and the seed decides.
func TestBootstrap(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	x := make([]float64, 400)
	mean, power := 0.0, 0.0
	for i := range x {
		x[i] = rng.NormFloat64()
		mean += x[i] / 400
	}
	for _, v := range x {
		power += (v - mean) * (v - mean) / 399
	}
	measure := func(trials []int) (float64, bool) {
		sum := 0.0
		for _, i := range trials {
			sum += x[i]
		}
		return sum / float64(len(trials)), true
	}
	low, high, err := metrics.Bootstrap(len(x), measure, 0.95, 4000, 1)
	half := 1.959964 * math.Sqrt(power/400)
	if err != nil || math.Abs(low-mean+half) > 0.1*half || math.Abs(high-mean-half) > 0.1*half {
		t.Errorf("[%g, %g], %v; want about %g ± %g", low, high, err, mean, half)
	}
	if l, h, _ := metrics.Bootstrap(len(x), measure, 0.95, 4000, 1); l != low || h != high {
		t.Error("the same seed gives another interval")
	}
	if l, _, _ := metrics.Bootstrap(len(x), measure, 0.95, 4000, 2); l == low {
		t.Error("another seed gives the same interval")
	}
	if _, _, err := metrics.Bootstrap(5, func([]int) (float64, bool) { return 0, false }, 0.95, 100, 1); err == nil {
		t.Error("a measure that is never defined is no error")
	}
	q, err := metrics.NewProbabilities([][]float64{{0.9, 0.1}, {0.6, 0.4}, {0.3, 0.7}, {0.8, 0.2}}, []int{0, 0, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	if low, high := q.Interval((*metrics.Probabilities).Brier, 0.9, 500, 1); !(low < q.Brier() && q.Brier() < high) {
		t.Errorf("Brier %g [%g, %g]", q.Brier(), low, high)
	}
}

func TestScoreErrors(t *testing.T) {
	_, single := metrics.MultiAUC([][]float64{{0.5, 0.5}}, []int{0})
	_, _, one := mustRanking(t, []float64{1, 2, 3}, []bool{true, false, false}).AUCInterval(0.95)
	for what, tc := range map[string]struct {
		err  error
		want string
	}{
		"one kind":       {second(metrics.NewRanking([]float64{1, 2}, []bool{true, true})), "2 trials of the class and 0 others"},
		"NaN score":      {second(metrics.NewRanking([]float64{1, math.NaN()}, []bool{true, false})), "trial 1 is NaN"},
		"lengths":        {second(metrics.NewRanking([]float64{1}, nil)), "1 scores and 0 labels"},
		"one positive":   {one, "needs 2 of each"},
		"missing class":  {single, "class 0"},
		"no trials":      {second(metrics.NewProbabilities(nil, nil)), "no trials"},
		"sum":            {second(metrics.NewProbabilities([][]float64{{0.5, 0.4}}, []int{0})), "add up to 0.9"},
		"NaN":            {second(metrics.NewProbabilities([][]float64{{0.5, math.NaN()}}, []int{0})), "score 1 is NaN"},
		"label":          {second(metrics.NewProbabilities([][]float64{{0.5, 0.5}}, []int{2})), "class 2"},
		"no time":        {second(metrics.FalseActivations(1, 0, 0.95)), "1 false activations in 0 s"},
		"negative time":  {second(metrics.TimeToDecision([]float64{-1}, 0.95)), "trial 0 is -1"},
		"no trial times": {second(metrics.TimeToDecision(nil, 0.95)), "no trials"},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", what, tc.err, tc.want)
		}
	}
	if k := of(t, []int{5}, []int{5}).Kappa(); !math.IsNaN(k) {
		t.Errorf("kappa of one class decided always is %g, must be NaN", k)
	}
}

func mustRanking(t *testing.T, score []float64, positive []bool) *metrics.Ranking {
	t.Helper()
	r, err := metrics.NewRanking(score, positive)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func second[T any](_ T, err error) error { return err }

func ExampleFalseActivations() {
	r, err := metrics.FalseActivations(3, 300, 0.95)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.2f per minute [%.2f, %.2f]\n", r.PerMinute, r.Low, r.High)
	// Output: 0.60 per minute [0.12, 1.75]
}

// TestIntervalOfKappa: the accuracy's bootstrap interval is near the exact one, and kappa of two balanced classes is
// 2·accuracy − 1.
func TestIntervalOfKappa(t *testing.T) {
	c := of(t, []int{40, 38}, []int{50, 50})
	low, high, err := c.Interval((*metrics.Confusion).Accuracy, 0.95, 2000, 1)
	el, eh := c.AccuracyInterval(0.95)
	if err != nil || math.Abs(low-el) > 0.02 || math.Abs(high-eh) > 0.02 {
		t.Errorf("accuracy [%.3f, %.3f], %v; exact [%.3f, %.3f]", low, high, err, el, eh)
	}
	kl, kh, err := c.Interval((*metrics.Confusion).Kappa, 0.95, 2000, 1)
	if err != nil || math.Abs(kl-(2*low-1)) > 0.03 || math.Abs(kh-(2*high-1)) > 0.03 {
		t.Errorf("kappa [%.3f, %.3f], %v; want about [%.3f, %.3f]", kl, kh, err, 2*low-1, 2*high-1)
	}
}
