package metrics_test

import (
	"errors"
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

// TestGroupedIntervalsCover: decisions that know nothing, alike in most windows of an event, of which there are 1 to 12: the intervals
// hold the values of no knowledge in at least 91 % of the experiments. Without the groups they do in far fewer.
func TestGroupedIntervalsCover(t *testing.T) {
	const experiments, events = 300, 30
	inside, naive := map[string]int{}, map[string]int{}
	for e := range uint64(experiments) {
		rng := rand.New(rand.NewPCG(e, 9))
		var truth, decided, group []int
		var score []float64
		var second []bool
		for g := range events {
			own := rng.NormFloat64()
			for range 1 + rng.IntN(12) {
				s, d := own+0.3*rng.NormFloat64(), 0
				if s > 0 {
					d = 1
				}
				truth, decided, score, second, group = append(truth, g%2), append(decided, d), append(score, s), append(second, g%2 == 1), append(group, g)
			}
		}
		c, err := metrics.NewConfusion([]string{"a", "b"}, truth, decided)
		if err != nil {
			t.Fatal(err)
		}
		r, err := metrics.NewRanking(score, second)
		if err != nil {
			t.Fatal(err)
		}
		for _, into := range []map[string]int{naive, inside} {
			note := func(what string, value, low, high float64) {
				if low <= value && value <= high {
					into[what]++
				}
			}
			low, high := c.BalancedAccuracyInterval(0.95)
			note("balanced accuracy", 0.5, low, high)
			if low, high, err = c.KappaInterval(0.95, 200, e); err != nil {
				t.Fatal(err)
			}
			note("kappa", 0, low, high)
			if low, high, err = r.AUCInterval(0.95); err != nil {
				t.Fatal(err)
			}
			note("area", 0.5, low, high)
			if err := errors.Join(c.Group(truth, group), r.Group(group)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, m := range []string{"balanced accuracy", "kappa", "area"} {
		t.Logf("%s: %d of %d with groups, %d without", m, inside[m], experiments, naive[m])
		if inside[m] < experiments*91/100 || naive[m] > experiments*80/100 {
			t.Errorf("%s: the interval holds the truth in %d of %d experiments, without groups in %d", m, inside[m], experiments, naive[m])
		}
	}
}

// TestSummaryOfGroups: with groups no interval of a summary is narrower, all values stay, and where a class has one group only there is
// no bootstrap of it.
func TestSummaryOfGroups(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	tr := metrics.Trials{Classes: []string{"a", "b"}, Seconds: 1}
	var group, class []int
	for g := range 20 {
		own := rng.NormFloat64() + float64(g%2)
		for range 8 {
			p := 1 / (1 + math.Exp(-own+0.5-0.3*rng.NormFloat64()))
			d := 0
			if p > 0.5 {
				d = 1
			}
			tr.Truth, tr.Decided, tr.P, tr.Part = append(tr.Truth, g%2), append(tr.Decided, d), append(tr.P, []float64{1 - p, p}), append(tr.Part, 0)
			group, class = append(group, g), append(class, g%2)
		}
	}
	naive, err := metrics.Summary(tr, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr.Group = group
	grouped, err := metrics.Summary(tr, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr.Group = class
	single, err := metrics.Summary(tr, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range naive {
		g, s := grouped[i], single[i]
		if g.Value != n.Value || s.Value != n.Value || !(g.High-g.Low >= n.High-n.Low) {
			t.Errorf("%s: %g in [%g, %g], with groups %g in [%g, %g]", n.Metric, n.Value, n.Low, n.High, g.Value, g.Low, g.High)
		}
		switch n.Metric {
		case "auc_pr", "brier", "log_loss", "ece":
			if !math.IsNaN(s.Low) || !math.IsNaN(s.High) {
				t.Errorf("%s: of one group of each class the interval is [%g, %g], must be none", n.Metric, s.Low, s.High)
			}
		}
	}
}
