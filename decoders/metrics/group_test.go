package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
)

// TestGroupedIntervalIsThatOfGroups: where all trials of a group are decided alike, the intervals are those of as many decisions as there
// are groups, whatever the size of the groups.
func TestGroupedIntervalIsThatOfGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var truth, decided, many, of, group []int
	var score, each []float64
	var positive, kind []bool
	const size = 7
	for g := range 24 {
		k, d, s := g%2, rng.IntN(2), rng.NormFloat64()+float64(g%2)
		truth, decided, each, kind = append(truth, k), append(decided, d), append(each, s), append(kind, k == 1)
		for range size {
			many, of, group, score, positive = append(many, k), append(of, d), append(group, g), append(score, s), append(positive, k == 1)
		}
	}
	one, err := metrics.NewConfusion([]string{"a", "b"}, truth, decided)
	if err != nil {
		t.Fatal(err)
	}
	c, err := metrics.NewConfusion([]string{"a", "b"}, many, of)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Group(many, group); err != nil {
		t.Fatal(err)
	}
	wantLow, wantHigh := one.BalancedAccuracyInterval(0.95)
	if low, high := c.BalancedAccuracyInterval(0.95); math.Abs(low-wantLow)+math.Abs(high-wantHigh) > 1e-12 || c.BalancedAccuracy() != one.BalancedAccuracy() {
		t.Errorf("the interval is [%g, %g], that of the groups [%g, %g]", low, high, wantLow, wantHigh)
	}
	wantLow, wantHigh, _ = one.KappaInterval(0.95, 500, 1)
	if low, high, err := c.KappaInterval(0.95, 500, 1); err != nil || math.Abs(low-wantLow)+math.Abs(high-wantHigh) > 1e-9 {
		t.Errorf("of κ [%g, %g], %v, that of the groups is [%g, %g]", low, high, err, wantLow, wantHigh)
	}
	if c.Group(many, group[1:]) == nil {
		t.Error("a group too few: no error")
	}
	// DeLong's variance of n trials has n − 1 below it, so the two are not quite the same.
	single, err := metrics.NewRanking(each, kind)
	if err != nil {
		t.Fatal(err)
	}
	r, err := metrics.NewRanking(score, positive)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Group(group); err != nil {
		t.Fatal(err)
	}
	wantLow, wantHigh, _ = single.AUCInterval(0.95)
	if low, high, err := r.AUCInterval(0.95); err != nil || math.Abs(low-wantLow)+math.Abs(high-wantHigh) > 0.02 {
		t.Errorf("of the area [%g, %g], %v, that of the groups is [%g, %g]", low, high, err, wantLow, wantHigh)
	}
	if r.Group(group[1:]) == nil {
		t.Error("a group too few: no error")
	}
}

// TestGroupedIntervalsCover: decisions that know nothing, alike in most windows of an event, of which there are 1 to 12: the intervals of
// all measures hold the values of no knowledge in at least 91 % of the experiments. Without the groups they do in far fewer.
func TestGroupedIntervalsCover(t *testing.T) {
	const experiments, events = 300, 30
	inside, naive := map[string]int{}, map[string]int{}
	for e := range uint64(experiments) {
		rng := rand.New(rand.NewPCG(e, 9))
		tr := metrics.Trials{Classes: []string{"a", "b"}, Seconds: 1}
		var group []int
		for g := range events {
			own := rng.NormFloat64()
			for range 1 + rng.IntN(12) {
				p := 1 / (1 + math.Exp(-own-0.3*rng.NormFloat64()))
				decided := 0
				if p > 0.5 {
					decided = 1
				}
				tr.Truth, tr.Decided, tr.P, tr.Part, group = append(tr.Truth, g%2), append(tr.Decided, decided), append(tr.P, []float64{1 - p, p}), append(tr.Part, 0), append(group, g)
			}
		}
		for _, into := range []map[string]int{naive, inside} {
			scores, err := metrics.Summary(tr, e)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range scores {
				if truth, ok := map[string]float64{"balanced_accuracy": 0.5, "kappa": 0, "roc_auc": 0.5}[s.Metric]; ok && s.Low <= truth && truth <= s.High {
					into[s.Metric]++
				}
			}
			tr.Group = group
		}
	}
	for _, m := range []string{"balanced_accuracy", "kappa", "roc_auc"} {
		t.Logf("%s: %d of %d with groups, %d without", m, inside[m], experiments, naive[m])
		if inside[m] < experiments*91/100 || naive[m] > experiments*80/100 {
			t.Errorf("%s: the interval holds the truth in %d of %d experiments, without groups in %d", m, inside[m], experiments, naive[m])
		}
	}
}
