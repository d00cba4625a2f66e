package dqn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gyrus-bci/gyrus/decoders"
	_ "github.com/gyrus-bci/gyrus/decoders/all"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/csp"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The experiment on pure noise: 22 channels, 288 trials of 1000 samples, autoregressive sources through one mixing, four
// classes that are drawn and mean nothing.
const (
	noiseChannels = 22
	noiseTrials   = 288
	noiseTest     = 58 // a fifth
	noiseClasses  = 4
	components    = 4 // of each class
)

// noiseSeeds is 8 where GYRUS_SLOW is set (make noise), and few enough for every day otherwise. It says which.
func noiseSeeds(t *testing.T) uint64 {
	t.Helper()
	if os.Getenv("GYRUS_SLOW") != "" {
		t.Log("noise of 8 seeds")
		return 8
	}
	t.Log("noise of 2 seeds; of 8 with GYRUS_SLOW=1 (make noise)")
	return 2
}

var classNames = []string{"left", "right", "feet", "tongue"}

// noise is one data set. The first noiseTrials−noiseTest trials are trained on.
type noise struct {
	x [][][]float64
	y []int
}

func newNoise(seed uint64, samples int) noise {
	rng := rand.New(rand.NewPCG(seed, 11))
	var mixing [noiseChannels][noiseChannels]float64
	for i := range mixing {
		for j := range mixing[i] {
			mixing[i][j] = rng.NormFloat64()
		}
	}
	var n noise
	for range noiseTrials {
		x := make([][]float64, noiseChannels)
		for ch := range x {
			x[ch] = make([]float64, samples)
		}
		for s := range noiseChannels {
			phi := 0.2 + 0.75*float64(s)/(noiseChannels-1)
			v := rng.NormFloat64() / math.Sqrt(1-phi*phi)
			for t := range samples {
				v = phi*v + rng.NormFloat64()
				for ch := range x {
					x[ch][t] += mixing[ch][s] * v
				}
			}
		}
		n.x, n.y = append(n.x, x), append(n.y, rng.IntN(noiseClasses))
	}
	return n
}

// split puts the trials in random order, or leaves them in that of time.
func (n noise) split(seed uint64, blocked bool) noise {
	if blocked {
		return n
	}
	out := noise{}
	for _, i := range rand.New(rand.NewPCG(seed, 12)).Perm(noiseTrials) {
		out.x, out.y = append(out.x, n.x[i]), append(out.y, n.y[i])
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// filtered takes all trials through the filters of all classes, fitted on the first fit trials.
func (n noise) filtered(t *testing.T, fit int) [][][]float64 {
	t.Helper()
	c := &csp.CSP{Components: components, Method: csp.OneVersusRest, CovEst: csp.PerWindow, Regularise: csp.Unregularised}
	c.SetClasses(classNames)
	in := features.Format{Len: len(n.x[0][0]), Rate: 250}
	for ch := range noiseChannels {
		in.Names = append(in.Names, strconv.Itoa(ch))
	}
	_, err := c.Start(in)
	must(t, err)
	must(t, c.FitWindows(n.x[:fit], signal.Labels{Classes: classNames, Y: n.y[:fit]}))
	z := make([][][]float64, len(n.x))
	for i, x := range n.x {
		z[i] = make([][]float64, components*noiseClasses)
		for k := range z[i] {
			z[i][k] = make([]float64, in.Len)
		}
		must(t, c.Map(z[i], x))
	}
	return z
}

// numbers are the features of each component: log variance, peak to peak, mean step, root mean square.
func numbers(z [][]float64) []float64 {
	var row []float64
	for _, x := range z {
		n := float64(len(x))
		low, high, sum, square, step := x[0], x[0], 0.0, 0.0, 0.0
		for t, v := range x {
			low, high, sum, square = min(low, v), max(high, v), sum+v, square+v*v
			if t > 0 {
				step += math.Abs(v - x[t-1])
			}
		}
		row = append(row, math.Log(square/n-sum*sum/n/n), high-low, step/(n-1), math.Sqrt(square/n))
	}
	return row
}

// right counts the test trials that a decoder gets right.
func (n noise) right(t *testing.T, d decoders.Fitter, rows [][]float64) (right int) {
	t.Helper()
	const train = noiseTrials - noiseTest
	must(t, d.Fit(rows[:train], signal.Labels{Classes: classNames, Y: n.y[:train]}))
	p := make([]float64, noiseClasses)
	for i := train; i < noiseTrials; i++ {
		must(t, d.Predict(p, rows[i]))
		best := 0
		for k, v := range p {
			if v > p[best] {
				best = k
			}
		}
		if best == n.y[i] {
			right++
		}
	}
	return right
}

func decoder(t *testing.T, name, params string) decoders.Fitter {
	t.Helper()
	d, err := decoders.Decoders().New(name, []byte(params))
	must(t, err)
	return d
}

// recipe is the mean accuracy of CSP, statistics and LDA over all seeds, and the number of right decisions. leakedFit lets
// CSP see the test trials; leakedBank gives every trial to the filters of its own class only, which names the class.
func recipe(t *testing.T, leakedFit, leakedBank, blocked bool) (right, of int) {
	t.Helper()
	for seed := range noiseSeeds(t) {
		n := newNoise(seed, 1000).split(seed, blocked)
		fit := noiseTrials - noiseTest
		if leakedFit {
			fit = noiseTrials
		}
		var rows [][]float64
		for i, z := range n.filtered(t, fit) {
			if leakedBank {
				z = z[components*n.y[i] : components*(n.y[i]+1)]
			}
			rows = append(rows, numbers(z))
		}
		one := n.right(t, decoder(t, "lda", ""), rows)
		right, of = right+one, of+noiseTest
	}
	return right, of
}

// chance checks that a number of right decisions lies within the central 99 % of guessing.
func chance(t *testing.T, what string, right, of int) {
	t.Helper()
	b := distuv.Binomial{N: float64(of), P: 1. / noiseClasses}
	t.Logf("%s: %d of %d, %.1f %%", what, right, of, 100*float64(right)/float64(of))
	if low, high := b.CDF(float64(right)), 1-b.CDF(float64(right-1)); min(low, high) < 0.005 {
		t.Errorf("%s: %d of %d right on pure noise: that many or fewer have the chance %.2g, that many or more %.2g", what, right, of, low, high)
	}
}

// TestNoiseHonestRecipe: filters fitted on training trials, all banks for every trial: at chance, whether the test trials
// are drawn at random or are the last.
func TestNoiseHonestRecipe(t *testing.T) {
	for _, blocked := range []bool{false, true} {
		right, of := recipe(t, false, false, blocked)
		chance(t, fmt.Sprintf("CSP on training trials, all banks, blocked in time %v", blocked), right, of)
	}
}

// TestPublishedRecipeLeaks is a negative test: public code with the recipe of RLEEGNet fits CSP on all trials and gives each
// to the filters of its own true class. That scores above 90 % on pure noise. The two leaks by themselves do so too, or
// score well above chance. Where these tests fail, those for chance prove nothing.
func TestPublishedRecipeLeaks(t *testing.T) {
	for _, tc := range []struct {
		what      string
		fit, bank bool
		least     float64
	}{
		{"CSP on all trials, bank chosen by the label (the published recipe)", true, true, 0.90},
		{"CSP on training trials, bank chosen by the label", false, true, 0.90},
		{"CSP on all trials, all banks", true, false, 0.35},
	} {
		right, of := recipe(t, tc.fit, tc.bank, false)
		acc := float64(right) / float64(of)
		t.Logf("%s: %.1f %%", tc.what, 100*acc)
		if acc < tc.least {
			t.Errorf("%s: %.1f %% on noise, must be above %.0f %%", tc.what, 100*acc, 100*tc.least)
		}
	}
}

// TestNoiseDQN: the decoders of this package in CSP space are at chance on the same noise, in windows of 2 s.
func TestNoiseDQN(t *testing.T) {
	names := []string{"dqn", "dqn_sequential", "dqn, the next trial counts"}
	if os.Getenv("GYRUS_SLOW") == "" {
		names = names[:1] // the second is tested on noise by the conformance suite as well
	}
	for _, name := range names {
		right, of := 0, 0
		for seed := range noiseSeeds(t) {
			n := newNoise(seed, 500).split(seed, false)
			in := features.Format{Len: 500, Rate: 250, Names: make([]string, components*noiseClasses)}
			var rows [][]float64
			for _, z := range n.filtered(t, noiseTrials-noiseTest) {
				var row []float64
				for _, x := range z {
					row = append(row, x...)
				}
				rows = append(rows, row)
			}
			params, use := "", "dqn"
			switch name {
			case "dqn, the next trial counts":
				params = `{"gamma": 0.9}`
			case "dqn_sequential":
				use = name
				params = `{"length_s": 0.8, "step_s": 0.2, "power_s": 0.08}`
			}
			d := decoder(t, use, params)
			w, _ := decoders.AsWindowed(d)
			must(t, w.SetFormat(in))
			right, of = right+n.right(t, d, rows), of+noiseTest
		}
		chance(t, name, right, of)
	}
}
