package metrics_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
)

// world draws trials of K classes by softmax: the logits of a trial are normal, shift higher for its class, and sharp says
// how far the probabilities exaggerate (1 is calibrated for equal classes, where logits are shift·x).
type world struct {
	perClass     []int
	parts        int
	shift, sharp float64
}

func (w world) draw(rng *rand.Rand) metrics.Trials {
	t := metrics.Trials{Seconds: 4}
	for k := range w.perClass {
		t.Classes = append(t.Classes, fmt.Sprint("class ", k))
	}
	for k, n := range w.perClass {
		for i := range n {
			p, sum, best := make([]float64, len(w.perClass)), 0.0, 0
			for j := range p {
				x := rng.NormFloat64()
				if j == k {
					x += w.shift
				}
				p[j] = math.Exp(w.sharp * w.shift * x)
				if w.shift == 0 {
					p[j] = math.Exp(w.sharp * x)
				}
				sum += p[j]
			}
			for j := range p {
				if p[j] /= sum; p[j] > p[best] {
					best = j
				}
			}
			t.Truth, t.Decided, t.P, t.Part = append(t.Truth, k), append(t.Decided, best), append(t.P, p), append(t.Part, i%w.parts)
		}
	}
	return t
}

// TestSummaryCovers draws experiments from worlds whose measures are known from one experiment of very many trials, and
// counts how often the 95 % interval of a small one holds that truth. Exact intervals must do so in at least 95 %, others in
// the part that docs/metrics.md states.
func TestSummaryCovers(t *testing.T) {
	runs := 40
	if os.Getenv("GYRUS_SLOW") != "" {
		runs = 400
	}
	if testing.Short() {
		t.Skip("draws some hundred experiments")
	}
	for name, w := range map[string]world{
		"two classes":        {[]int{24, 24}, 2, 1.2, 1},
		"two, overconfident": {[]int{24, 24}, 2, 1.2, 3},
		"two, hardly above":  {[]int{24, 24}, 2, 0.3, 1},
		"four classes":       {[]int{20, 20, 20, 20}, 2, 1.2, 1},
		"rare class":         {[]int{80, 16}, 2, 1.2, 1},
	} {
		big := w
		big.parts, big.perClass = 1, nil
		for _, n := range w.perClass {
			big.perClass = append(big.perClass, n*1000)
		}
		truth := truths(t, big.draw(rand.New(rand.NewPCG(1, 1))))
		truth["auc_pr"] = expectedPR(t, w)
		inside, low, high := map[string]int{}, map[string]int{}, map[string]int{}
		for seed := range uint64(runs) {
			scores, err := metrics.Summary(w.draw(rand.New(rand.NewPCG(seed, 2))), seed)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range scores {
				switch want := truth[s.Metric]; {
				case want < s.Low:
					low[s.Metric]++
				case want > s.High:
					high[s.Metric]++
				default:
					inside[s.Metric]++
				}
			}
		}
		for m, want := range truth {
			least := stated[m]
			n := float64(runs)
			if float64(inside[m]) < n*least-3*math.Sqrt(n*least*(1-least)) { // by chance in 1 of 700 runs
				t.Errorf("%s: %d of %d intervals of %s hold the truth, must be %g of them", name, inside[m], runs, m, least)
			}
			t.Logf("%s: %s: %.1f %% of the intervals hold the true %.4f, %d lie above it and %d below", name, m, 100*float64(inside[m])/float64(runs), want, low[m], high[m])
		}
	}
}

// stated is the least coverage that docs/metrics.md promises.
var stated = map[string]float64{
	"balanced_accuracy": 0.95, "itr_bits_per_min": 0.95, "kappa": 0.92, "weighted_f1": 0.92, "roc_auc": 0.92, "auc_pr": 0.95,
	"brier": 0.92, "log_loss": 0.9, "ece": 0.94,
}

// truths are the measures of very many trials.
func truths(t *testing.T, big metrics.Trials) map[string]float64 {
	t.Helper()
	c, err := metrics.NewConfusion(big.Classes, big.Truth, big.Decided)
	if err != nil {
		t.Fatal(err)
	}
	q, err := metrics.NewProbabilities(big.P, big.Truth)
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]float64{
		"balanced_accuracy": c.BalancedAccuracy(), "kappa": c.Kappa(), "weighted_f1": c.WeightedF1(),
		"brier": q.Brier(), "log_loss": q.LogLoss(), "ece": q.ECE(10), "itr_bits_per_min": metrics.ITR(len(big.Classes), c.BalancedAccuracy(), 4),
	}
	for k := range big.Classes {
		if len(big.Classes) == 2 && k == 0 {
			continue
		}
		score, positive := make([]float64, len(big.P)), make([]bool, len(big.P))
		for i, p := range big.P {
			score[i], positive[i] = p[k], big.Truth[i] == k
		}
		r := mustRanking(t, score, positive)
		n := 1.0
		if len(big.Classes) > 2 {
			n = float64(len(big.Classes))
		}
		v["roc_auc"] += r.AUC() / n
	}
	return v
}

// expectedPR is the mean area under the precision-recall curve of many experiments as small as those of w: few trials raise it,
// and so does its chance level.
func expectedPR(t *testing.T, w world) float64 {
	t.Helper()
	const runs = 1000
	sum, n := 0.0, 0
	for seed := range uint64(runs) {
		x := w.draw(rand.New(rand.NewPCG(seed, 3)))
		for part := range w.parts {
			for k := range x.Classes {
				if len(x.Classes) == 2 && k == 0 {
					continue
				}
				var score []float64
				var positive []bool
				for i, p := range x.P {
					if x.Part[i] == part {
						score, positive = append(score, p[k]), append(positive, x.Truth[i] == k)
					}
				}
				sum, n = sum+mustRanking(t, score, positive).AveragePrecision(), n+1
			}
		}
	}
	return sum / float64(n)
}
