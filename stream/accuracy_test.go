package stream_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// TestOracle compares every trial of S001 fists against feet, leave one run out, with a program in NumPy, SciPy and
// scikit-learn (benchmarks/oracle): the same decisions, features and log odds.
func TestOracle(t *testing.T) {
	raw, err := os.ReadFile("../benchmarks/oracle/golden/eegmmidb_s001_csp_lda.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Correct int `json:"correct"`
		Trials  []struct {
			Run       string    `json:"run"`
			Sample    int64     `json:"sample"`
			Predicted string    `json:"predicted"`
			Features  []float64 `json:"features"`
			LogOddsT2 float64   `json:"log_odds_T2"`
		} `json:"trials"`
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	set, y := realSet(t)
	folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
	if err != nil {
		t.Fatal(err)
	}
	tested, err := pipeline.CrossValidate(cspLDA(t), set, y, folds, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Windows) != len(want.Trials) {
		t.Fatalf("%d trials, the oracle has %d", len(set.Windows), len(want.Trials))
	}
	event := map[string]string{"fists": "T1", "feet": "T2"}
	correct, worst := 0, 0.0
	for i, w := range want.Trials {
		got, win := tested[i], set.Windows[i]
		if win.Event.Sample != w.Sample || event[set.Classes[got.Label]] != w.Predicted {
			t.Errorf("trial %d: cue at %d is %s, want cue at %d as %s", i, win.Event.Sample, set.Classes[got.Label], w.Sample, w.Predicted)
		}
		if got.Label == got.Truth {
			correct++
		}
		for k, f := range w.Features {
			worst = max(worst, math.Abs(got.Row[k]-f)/max(1, math.Abs(f)))
		}
		// The score is a probability, whose distance to 1 has lost digits where it is certain: the smaller of the two has
		// not. Classes are sorted: feet (T2), fists (T1).
		odds := math.Log(got.Scores[0] / got.Scores[1])
		if math.Abs(w.LogOddsT2) < 25 { // beyond it the larger score is 1 to the last bit but 4
			worst = max(worst, math.Abs(odds-w.LogOddsT2)/max(1, math.Abs(w.LogOddsT2)))
		}
	}
	if correct != want.Correct || correct < 43 {
		t.Errorf("%d of 45 trials correct, the oracle has %d", correct, want.Correct)
	}
	// Both programs solve the same eigenproblem, by other algorithms.
	paritytest.Error(t, paritytest.Report{
		What: "csp-lda, causal, leave one run out: features and log odds of 45 trials", Peer: "NumPy, SciPy, scikit-learn (benchmarks/oracle)",
		Data: "EEGMMIDB S001 R06 R10 R14", Err: worst, Tol: 1e-6,
	})
	t.Logf("%d of 45 correct", correct)
}

// realSet is S001 fists against feet.
func realSet(t *testing.T) (*pipeline.Set, signal.Labels) {
	t.Helper()
	var recs []*signal.Recording
	for _, run := range fistsFeet {
		recs = append(recs, recorded(t, run))
	}
	return collect(t, build(t, cspLDA(t), pipeline.Cued), recs...)
}

// TestRealAccuracy holds the bar: balanced accuracy of 0.90 on S001, causal filters, leave one run out.
func TestRealAccuracy(t *testing.T) {
	set, y := realSet(t)
	if bal, correct := leaveOneRunOut(t, set, y); bal < 0.90 {
		t.Errorf("balanced accuracy %.3f (%d of %d), want at least 0.90", bal, correct, len(y.Y))
	}
}

// atChance checks scores of two balanced classes: their mean lies within three standard errors of 0.5.
func atChance(t *testing.T, what string, scores []float64) {
	t.Helper()
	mean, se := meanAndError(scores)
	t.Logf("%s: balanced accuracy %.3f ± %.3f (standard error of %d seeds)", what, mean, se, len(scores))
	if math.Abs(mean-0.5) > 3*se {
		t.Errorf("%s: %.3f is %.1f standard errors from chance, want at most 3: something leaks", what, mean, math.Abs(mean-0.5)/se)
	}
}

// TestLeakPermuted: with labels that mean nothing, real signals score at chance.
func TestLeakPermuted(t *testing.T) {
	set, y := realSet(t)
	var scores []float64
	for seed := range uint64(20) {
		p, err := split.Permute(y, set.Group, seed)
		if err != nil {
			t.Fatal(err)
		}
		bal, _ := leaveOneRunOut(t, set, p)
		scores = append(scores, bal)
	}
	atChance(t, "S001, permuted labels", scores)
}

// TestLeakNoise: signals that know nothing of the labels score at chance.
func TestLeakNoise(t *testing.T) {
	var scores []float64
	for seed := range uint64(20) {
		set, y := noiseSet(t, seed)
		bal, _ := leaveOneRunOut(t, set, y)
		scores = append(scores, bal)
	}
	atChance(t, "pure noise", scores)
}

// noiseSet is three runs of pure noise.
func noiseSet(t *testing.T, seed uint64) (*pipeline.Set, signal.Labels) {
	t.Helper()
	var recs []*signal.Recording
	for run := range uint64(3) {
		opt := synth.NoiseDefaults()
		opt.Subject, opt.Run = seed, 3*seed+run
		rec, _, err := synth.Noise(opt)
		if err != nil {
			t.Fatal(err)
		}
		rec.Name = string(rune('a' + run))
		recs = append(recs, rec)
	}
	return collect(t, build(t, cspLDA(t), pipeline.Cued), recs...)
}

// TestLeakIsSeen plants the leak that the two tests above look for: tested on what it was fitted to, noise scores far
// above chance. Without this they would prove nothing. Folds that say so are refused; each window is therefore there twice, as if
// a recording had been given twice under another name, which nothing here can see.
func TestLeakIsSeen(t *testing.T) {
	set, y := noiseSet(t, 1)
	n := len(y.Y)
	var first, second []int
	for i := range n {
		w := set.Windows[i]
		set.Windows, set.Group, y.Y = append(set.Windows, w), append(set.Group, set.Group[i]+" again"), append(y.Y, y.Y[i])
		first, second = append(first, i), append(second, n+i)
	}
	if _, err := pipeline.CrossValidate(cspLDA(t), set, y, []split.Fold{{Name: "leak", Train: first, Test: first}}, nil); err == nil || !strings.Contains(err.Error(), "in training and test") {
		t.Errorf("windows in training and test: %v, want a refusal", err)
	}
	tested, err := pipeline.CrossValidate(cspLDA(t), set, y, []split.Fold{{Name: "leak", Train: first, Test: second}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for _, r := range tested {
		if r.Label == r.Truth {
			right++
		}
	}
	if got := float64(right) / float64(n); len(tested) != n || got < 0.8 {
		t.Errorf("the planted leak scores %.2f in %d windows, want above 0.8 in %d", got, len(tested), n)
	}
}

// TestSimulatedEffect: what the simulator plants is found, and what it does not plant is not.
func TestSimulatedEffect(t *testing.T) {
	set, y := collect(t, build(t, cspLDA(t), pipeline.Cued), simulated(t, 0), simulated(t, 1), simulated(t, 2))
	if bal, _ := leaveOneRunOut(t, set, y); bal < 0.8 {
		t.Errorf("balanced accuracy %.3f on a simulated person, want at least 0.8", bal)
	}
}
