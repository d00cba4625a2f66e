package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
)

// TestPriors: who gives the parts of the classes in every trial has exactly the levels that are called chance.
func TestPriors(t *testing.T) {
	truth := []int{0, 0, 0, 0, 0, 1, 1, 1, 2, 2}
	prior, knows := make([][]float64, 10), make([][]float64, 10)
	for i, k := range truth {
		prior[i], knows[i] = []float64{0.5, 0.3, 0.2}, []float64{0.1, 0.1, 0.1}
		knows[i][k] = 0.8
	}
	p, err := metrics.NewProbabilities(prior, truth)
	if err != nil {
		t.Fatal(err)
	}
	q, err := metrics.NewProbabilities(knows, truth)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Brier of the prior", q.BrierPrior(), p.Brier(), 1e-12)
	near(t, "log loss of the prior", q.LogLossPrior(), p.LogLoss(), 1e-12)
	near(t, "Brier of the prior on paper", q.BrierPrior(), 1-0.25-0.09-0.04, 1e-12)
}

// TestECECalibrated: draws the classes of the trials naively and averages the definition.
func TestECECalibrated(t *testing.T) {
	w := world{[]int{20, 20, 20}, 1, 1, 5}.draw(rand.New(rand.NewPCG(4, 4)))
	q, err := metrics.NewProbabilities(w.P, w.Truth)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 9))
	const runs = 4000
	sum := 0.0
	for range runs {
		right, said, n := map[int]float64{}, map[int]float64{}, map[int]float64{}
		for _, p := range w.P {
			best := 0
			for k := range p {
				if p[k] > p[best] {
					best = k
				}
			}
			bin := int(math.Ceil(p[best] * 10))
			n[bin]++
			said[bin] += p[best]
			if rng.Float64() < p[best] { // the class decided for is the true one as often as its probability says
				right[bin]++
			}
		}
		for bin, m := range n {
			sum += m / float64(len(w.P)) * math.Abs(right[bin]/m-said[bin]/m) / runs
		}
	}
	got := q.ECECalibrated(10, runs, 1)
	t.Logf("a calibrated decoder has the error %.4f, drawn naively %.4f", got, sum)
	near(t, "ECE of a calibrated decoder", got, sum, 0.002) // standard error of either: about 0.0004
	if q.ECE(10) < 2*got {
		t.Errorf("the probabilities of this test exaggerate, but their error is %g", q.ECE(10))
	}
}

// TestPerfectDecisionsAreNotCertain: where all decisions are right no interval ends at a width of 0.
func TestPerfectDecisionsAreNotCertain(t *testing.T) {
	w := world{[]int{10, 10}, 1, 8, 1}.draw(rand.New(rand.NewPCG(1, 1)))
	scores, err := metrics.Summary(w, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scores[:5] {
		if s.Value != 1 || s.High != 1 || s.Low > 0.95 || s.Low < 0.5 {
			t.Errorf("%s: %g [%g, %g], want 1 and a limit below it", s.Metric, s.Value, s.Low, s.High)
		}
	}
}

// TestSummaryMissing: what is not defined is NaN and says why; a number is never made up.
func TestSummaryMissing(t *testing.T) {
	w := metrics.Trials{Classes: []string{"a", "b"}, Truth: []int{0, 0, 0}, Decided: []int{0, 0, 0}, P: [][]float64{{1, 0}, {1, 0}, {1, 0}}, Part: []int{0, 0, 0}, Seconds: 1}
	scores, err := metrics.Summary(w, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scores {
		switch s.Metric {
		case "kappa", "roc_auc", "auc_pr", "itr_bits_per_min":
			if !math.IsNaN(s.Value) || s.Missing == "" {
				t.Errorf("%+v: must not be defined with one class", s)
			}
		default:
			if math.IsNaN(s.Value) {
				t.Errorf("%+v: must be defined", s)
			}
		}
	}
	w.P = [][]float64{{1, 1}, {1, 0}, {1, 0}}
	if scores, err = metrics.Summary(w, 1); err != nil || !math.IsNaN(scores[5].Value) {
		t.Errorf("the Brier score of what are no probabilities is %+v, %v", scores[5], err)
	}
	if _, err := metrics.Stratified(nil, nil, 100, 1); err == nil {
		t.Error("no trials are no error")
	}
}
