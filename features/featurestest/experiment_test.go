package featurestest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/csp"
)

// TestNoiseExperimentSeesLeaks makes the two mistakes that the noise experiment is there for, with the spatial filters
// of this project. An experiment that they pass proves nothing.
func TestNoiseExperimentSeesLeaks(t *testing.T) {
	s := &suite{classes: classNames, construct: func() features.Step { return &csp.CSP{Components: 2} }}
	n := seeds * testCases
	lo, hi := chanceRange(n, 1.0/3)
	honest := s.experiment(t, 0, func(ex examples) []int { return ex.train })
	t.Logf("filters from training windows: %d of %d, chance %d to %d", honest, n, lo, hi)
	if honest < lo || honest > hi {
		t.Errorf("without a leak %d of %d are right, must be %d to %d", honest, n, lo, hi)
	}
	all := s.experiment(t, 0, func(ex examples) []int { return append(append([]int(nil), ex.train...), ex.test...) })
	t.Logf("filters from all windows: %d of %d", all, n)
	if all <= hi {
		t.Errorf("filters fitted on test windows too: %d of %d are right, the experiment must see more than %d", all, n, hi)
	}
	own := s.ownBank(t)
	t.Logf("filters chosen by the window's own label: %d of %d", own, n)
	if own <= 9*n/10 {
		t.Errorf("filters chosen by the label: %d of %d are right, must be more than 90 %%", own, n)
	}
}

// ownBank represents every window by the filters of its own class only, fitted on training windows: the input names the
// class.
func (s *suite) ownBank(t *testing.T) int {
	correct := 0
	for seed := range uint64(seeds) {
		u := s.unit(t)
		ex := u.simulate(1000+seed, perClass*len(s.classes), testCases, 0)
		if err := u.fit(ex.pick(ex.train), ex.labels(ex.train)); err != nil {
			t.Fatal(err)
		}
		rows := make([][]float64, len(ex.x))
		for i, out := range u.all(t, ex.x) {
			bank := len(out) / len(s.classes)
			rows[i] = shape(out[bank*ex.y[i] : bank*(ex.y[i]+1)])
		}
		model, err := fitLDA(rows, ex.y, ex.train, len(s.classes))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range ex.test {
			if model.class(rows[i]) == ex.y[i] {
				correct++
			}
		}
	}
	return correct
}

// shape adds the mean size of a step from sample to sample to the power: it tells the colour of a source.
func shape(x [][]float64) []float64 {
	row := logPower(x)
	for _, samples := range x {
		sum := 0.0
		for t := 1; t < len(samples); t++ {
			sum += math.Abs(samples[t] - samples[t-1])
		}
		row = append(row, math.Log(sum))
	}
	return row
}

// TestChanceRange compares with the sums of the definition.
func TestChanceRange(t *testing.T) {
	for _, tc := range []struct {
		n int
		p float64
	}{{480, 0.5}, {480, 1.0 / 3}, {464, 0.25}, {20, 0.5}} {
		lo, hi := chanceRange(tc.n, tc.p)
		tail := func(from, to int) float64 {
			sum := 0.0
			for k := from; k <= to; k++ {
				c, _ := math.Lgamma(float64(tc.n + 1))
				a, _ := math.Lgamma(float64(k + 1))
				b, _ := math.Lgamma(float64(tc.n - k + 1))
				sum += math.Exp(c - a - b + float64(k)*math.Log(tc.p) + float64(tc.n-k)*math.Log(1-tc.p))
			}
			return sum
		}
		if below, above := tail(0, lo-1), tail(hi+1, tc.n); below > 0.0005 || above > 0.0005 {
			t.Errorf("n=%d p=%g: %d to %d leaves out %g and %g, must be at most 0.0005 each", tc.n, tc.p, lo, hi, below, above)
		}
		if below, above := tail(0, lo), tail(hi, tc.n); below <= 0.0005 || above <= 0.0005 {
			t.Errorf("n=%d p=%g: %d to %d is wider than it must be", tc.n, tc.p, lo, hi)
		}
	}
}

// TestSimulatedClassesAreIndependent checks what makes the binomial interval exact: test classes are drawn with equal
// probability, whatever the data.
func TestSimulatedClassesAreIndependent(t *testing.T) {
	u := &unit{in: features.Format{Names: channelNames}, classes: classNames}
	count := make([]int, 3)
	for seed := range uint64(100) {
		ex := u.simulate(rand.New(rand.NewPCG(seed, 2)).Uint64(), 3, 30, 0)
		for _, i := range ex.test {
			count[ex.y[i]]++
		}
	}
	for k, n := range count {
		if lo, hi := chanceRange(3000, 1.0/3); n < lo || n > hi {
			t.Errorf("class %d is drawn %d times in 3000, must be %d to %d", k, n, lo, hi)
		}
	}
}
