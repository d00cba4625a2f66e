package calibrate_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/calibrate"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func calibrated(t testing.TB, params string) *calibrate.Calibrated {
	t.Helper()
	d, err := decoders.Decoders().New("calibrated", []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return d.(*calibrate.Calibrated)
}

func TestConformance(t *testing.T) {
	for _, params := range []string{
		`{}`, `{"method": "isotonic"}`, `{"decoder": {"use": "ridge", "alpha": 10}, "folds": 3}`,
		`{"decoder": {"use": "calibrated", "decoder": {"use": "ridge"}, "folds": 2}}`,
	} {
		decoderstest.Run(t, params, func() decoders.Fitter { return calibrated(t, params) })
	}
}

type golden struct {
	Program  string
	Isotonic []struct{ X, Y, Weight, Test, Value []float64 }
	Classes  []struct {
		P, Calibrated [][]float64
		Y             []int
	}
	Temperature []struct {
		P, Scaled   [][]float64
		Y           []int
		Temperature float64
	}
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestIsotonicAgainstScikitLearn(t *testing.T) {
	g := readGolden(t)
	var values, probabilities float64 // largest differences
	for i, c := range g.Isotonic {
		f, err := calibrate.FitIsotonic(c.X, c.Y, c.Weight)
		if err != nil {
			t.Fatal(err)
		}
		for j, x := range c.Test {
			got, size := f.At(x), max(1, math.Abs(c.Value[j]))
			values = max(values, math.Abs(got-c.Value[j])/size)
			if math.Abs(got-c.Value[j]) > 1e-12*size {
				t.Errorf("case %d: at %g: %.15g, want %.15g", i, x, got, c.Value[j])
			}
		}
	}
	for i, c := range g.Classes {
		f, err := calibrate.FitIsotonics(c.P, c.Y)
		if err != nil {
			t.Fatal(err)
		}
		for j, p := range c.P {
			calibrate.Isotonics(p, f)
			for k := range p {
				d := math.Abs(p[k] - c.Calibrated[j][k])
				probabilities = max(probabilities, d)
				if d > 1e-12 {
					t.Fatalf("case %d, trial %d: %v, want %v", i, j, p, c.Calibrated[j])
				}
			}
		}
	}
	peer := strings.Split(g.Program, ", ")[0]
	paritytest.Error(t, paritytest.Report{What: "isotonic regression: values", Peer: peer, Data: "generated", Err: values, Tol: 1e-12})
	paritytest.Error(t, paritytest.Report{What: "isotonic calibration: probabilities", Peer: peer, Data: "generated", Err: probabilities, Tol: 1e-12})
}

// TestTemperatureAgainstSciPy: SciPy searches by values of the loss, so its minimum is right to about 1e-8.
func TestTemperatureAgainstSciPy(t *testing.T) {
	g := readGolden(t)
	var temperature, probabilities float64 // largest differences
	for i, c := range g.Temperature {
		got, err := calibrate.FitTemperature(c.P, c.Y)
		if err != nil {
			t.Fatal(err)
		}
		temperature = max(temperature, math.Abs(got/c.Temperature-1))
		if math.Abs(got/c.Temperature-1) > 1e-6 {
			t.Errorf("case %d: temperature %.12g, want %.12g", i, got, c.Temperature)
		}
		for j, p := range c.P {
			calibrate.Temperature(p, got)
			for k := range p {
				d := math.Abs(p[k] - c.Scaled[j][k])
				probabilities = max(probabilities, d)
				if d > 1e-6 {
					t.Fatalf("case %d, trial %d: %v, want %v", i, j, p, c.Scaled[j])
				}
			}
		}
	}
	peer := strings.Split(g.Program, ", ")[1]
	paritytest.Error(t, paritytest.Report{What: "temperature scaling: temperature", Peer: peer, Data: "generated", Err: temperature, Tol: 1e-6})
	paritytest.Error(t, paritytest.Report{What: "temperature scaling: probabilities", Peer: peer, Data: "generated", Err: probabilities, Tol: 1e-6})
}

// TestTemperatureEnds: where the likelihood has no maximum the temperature stays finite.
func TestTemperatureEnds(t *testing.T) {
	p := [][]float64{{0.9, 0.1}, {0.2, 0.8}}
	if got, err := calibrate.FitTemperature(p, []int{0, 1}); err != nil || math.Abs(got/1e-3-1) > 1e-12 {
		t.Errorf("all right: temperature %g, %v; want 1e-3", got, err)
	}
	if got, err := calibrate.FitTemperature(p, []int{1, 0}); err != nil || math.Abs(got/1e3-1) > 1e-12 {
		t.Errorf("all wrong: temperature %g, %v; want 1e3", got, err)
	}
}

// TestIsotonicIsTheBest: no other function that does not fall comes nearer, checked by the max-min formula of isotonic
// regression: f_i = max over a <= i of min over b >= i of mean(y_a … y_b).
func TestIsotonicIsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-5, 5), 1, 25).Draw(t, "y")
		x := make([]float64, len(y))
		for i := range x {
			x[i] = float64(i)
		}
		f, err := calibrate.FitIsotonic(x, y, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range y {
			want := math.Inf(-1)
			for a := 0; a <= i; a++ {
				least, sum := math.Inf(1), 0.0
				for b := a; b < len(y); b++ {
					sum += y[b]
					if b >= i {
						least = min(least, sum/float64(b-a+1))
					}
				}
				want = max(want, least)
			}
			if got := f.At(x[i]); math.Abs(got-want) > 1e-9 {
				t.Fatalf("at %d: %g, want %g", i, got, want)
			}
		}
	})
}

// TestConformalCoverage: over many draws of calibration and test trials the true class is left out with the probability
// asked for, at most, and not much less often: the exact value is between miss − 1/(n+1) and miss.
func TestConformalCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func(n, classes int) (p [][]float64, y []int) { // a bad decoder: the guarantee holds for any
		for range n {
			k := rng.IntN(classes)
			row, sum := make([]float64, classes), 0.0
			for c := range row {
				row[c] = math.Exp(2 * rng.NormFloat64())
				if c == k {
					row[c] *= 3
				}
				sum += row[c]
			}
			for c := range row {
				row[c] /= sum
			}
			p, y = append(p, row), append(y, k)
		}
		return p, y
	}
	for _, tc := range []struct {
		n, classes int
		miss       float64
	}{{19, 2, 0.1}, {40, 3, 0.2}, {99, 4, 0.05}} {
		const repeats, tests = 2000, 10
		missed, decided := 0, 0
		for range repeats {
			p, y := draw(tc.n, tc.classes)
			c, err := calibrate.FitConformal(p, y, tc.miss)
			if err != nil {
				t.Fatal(err)
			}
			p, y = draw(tests, tc.classes)
			set := make([]bool, tc.classes)
			for i := range p {
				n := c.Set(set, p[i])
				if !set[y[i]] {
					missed++
				}
				if k := c.Decide(p[i]); (k >= 0) != (n == 1) || k >= 0 && !set[k] {
					t.Fatalf("set %v, decision %d", set, k)
				} else if k >= 0 {
					decided++
				}
			}
		}
		rate := float64(missed) / (repeats * tests)
		// Trials of one draw share their limit: the error is that of 2000 draws at the worst, 4 standard errors of it.
		slack := 4 * math.Sqrt(tc.miss/repeats/3)
		t.Logf("%d trials, miss %g: the true class is left out in %.4f; decided %.3f", tc.n, tc.miss, rate, float64(decided)/(repeats*tests))
		if rate > tc.miss+slack || rate < tc.miss-1/float64(tc.n+1)-slack {
			t.Errorf("%d trials: the true class is left out in %.4f of trials, must be %g", tc.n, rate, tc.miss)
		}
	}
}

// TestConformalWithFewTrials: 18 trials cannot promise 95 %, so every class remains.
func TestConformalWithFewTrials(t *testing.T) {
	p := slices.Repeat([][]float64{{0.9, 0.1}}, 18)
	c, err := calibrate.FitConformal(p, make([]int, 18), 0.05)
	if err != nil || !math.IsInf(c.Limit, 1) || c.Decide([]float64{1, 0}) != -1 {
		t.Errorf("18 trials: limit %g, %v; must be infinite, without decisions", c.Limit, err)
	}
	p = append(p, p[0])
	if c, err = calibrate.FitConformal(p, make([]int, 19), 0.05); err != nil || c.Decide([]float64{1, 0}) != 0 {
		t.Errorf("19 trials: limit %g, %v; must decide", c.Limit, err)
	}
}

// TestCalibratedIsCalibrated: an LDA without shrinkage, with 40 features and 120 rows, is far too sure of itself.
func TestCalibratedIsCalibrated(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	draw := func(n int) (x [][]float64, y signal.Labels) {
		y.Classes = []string{"left", "right"}
		for i := range n {
			row := make([]float64, 40)
			for j := range row {
				row[j] = rng.NormFloat64()
			}
			row[0] += float64(i % 2)
			x, y.Y = append(x, row), append(y.Y, i%2)
		}
		return x, y
	}
	x, y := draw(120)
	test, truth := draw(4000)
	loss := func(d decoders.Fitter) float64 {
		if err := d.Fit(x, y); err != nil {
			t.Fatal(err)
		}
		sum, p := 0.0, make([]float64, 2)
		for i, row := range test {
			if err := d.Predict(p, row); err != nil {
				t.Fatal(err)
			}
			sum -= math.Log(max(p[truth.Y[i]], 1e-12)) / float64(len(test))
		}
		return sum
	}
	plain := loss(&linear.LDA{Priors: linear.Empirical})
	better := loss(calibrated(t, `{"decoder": {"use": "lda", "shrinkage": 0}}`))
	t.Logf("log-loss of an overfitted LDA %.3f nats, calibrated %.3f, of a coin %.3f", plain, better, math.Ln2)
	if better > plain-0.05 || better > math.Ln2 {
		t.Errorf("log-loss is %g after calibration, %g before", better, plain)
	}
}

func TestParametersAndErrors(t *testing.T) {
	for params, want := range map[string]string{
		`{"decoder": {"use": "ldaa"}}`:             `key "decoder": unknown decoder "ldaa": did you mean "lda"`,
		`{"decoder": {"use": "lda", "shrink": 1}}`: `key "decoder": unknown key "shrink": did you mean "shrinkage"`,
		`{"decoder": "lda"}`:                       `must be a decoder: {use: name, key: value}`,
		`{"method": "platt"}`:                      `key "method": is "platt"`,
	} {
		if _, err := decoders.Decoders().New("calibrated", []byte(params)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, must contain %q", params, err, want)
		}
	}
	c := calibrated(t, `{"decoder": {"use": "lda", "shrinkage": 0.25}}`)
	out, err := json.Marshal(c)
	if err != nil || string(out) != `{"decoder":{"use":"lda","shrinkage":0.25},"method":"temperature","folds":5}` {
		t.Errorf("written as %s, %v", out, err)
	}
	x := [][]float64{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}}
	y := signal.Labels{Classes: []string{"a", "b"}, Y: []int{0, 0, 0, 0, 1, 1, 1, 1}}
	if err := c.Fit(x, y); err == nil || !strings.Contains(err.Error(), `class "a" has 4 training rows, must have at least 5`) {
		t.Errorf("few rows: error is %v", err)
	}
	for what, err := range map[string]error{
		"no trials":         errOf(calibrate.FitTemperature(nil, nil)),
		"not a probability": errOf(calibrate.FitTemperature([][]float64{{0.5, math.NaN()}}, []int{0})),
		"bad label":         errOf(calibrate.FitIsotonics([][]float64{{0.5, 0.5}}, []int{2})),
		"bad miss":          errOf(calibrate.FitConformal([][]float64{{0.5, 0.5}}, []int{1}, 1)),
		"NaN position":      errOf(calibrate.FitIsotonic([]float64{math.NaN()}, []float64{1}, nil)),
		"weight 0":          errOf(calibrate.FitIsotonic([]float64{1}, []float64{1}, []float64{0})),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

func ExampleConformal() {
	p := make([][]float64, 39)
	for i := range p { // right with growing doubt
		p[i] = []float64{1 - 0.02*float64(i), 0.02 * float64(i)}
	}
	c, err := calibrate.FitConformal(p, make([]int, 39), 0.1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Decide([]float64{0.8, 0.2}), c.Decide([]float64{0.6, 0.4}))
	// Output: 0 -1
}
