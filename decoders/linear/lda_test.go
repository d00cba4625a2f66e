package linear_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestConformance(t *testing.T) {
	for name, d := range map[string]linear.LDA{
		"lda":               {Shrinkage: linear.Shrinkage{Auto: true}, Priors: linear.Empirical},
		"lda shrinkage 0.1": {Shrinkage: linear.Shrinkage{Value: 0.1}, Priors: linear.Equal},
	} {
		decoderstest.Run(t, name, func() decoders.Fitter { lda := d; return &lda })
	}
}

type golden struct {
	Program string `json:"program"`
	Sets    []struct {
		Classes int         `json:"classes"`
		X       [][]float64 `json:"x"`
		Y       []int       `json:"y"`
		Test    [][]float64 `json:"test"`
		Results []struct {
			Shrinkage linear.Shrinkage `json:"shrinkage"`
			Priors    linear.Priors    `json:"priors"`
			Coef      [][]float64      `json:"coef"`
			Intercept []float64        `json:"intercept"`
			Proba     [][]float64      `json:"proba"`
		} `json:"results"`
	} `json:"sets"`
}

// TestAgainstScikitLearn compares weights and probabilities. scikit-learn solves with an SVD, which loses digits with the
// condition of the covariance (up to 1e6 here): 1e-9 of the largest weight, for each feature in its own unit.
func TestAgainstScikitLearn(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	const tol = 1e-9
	worst := map[string]float64{}
	for i, set := range g.Sets {
		for _, want := range set.Results {
			t.Run(fmt.Sprintf("set %d/%d classes/shrinkage %v/priors %s", i, set.Classes, want.Shrinkage, want.Priors), func(t *testing.T) {
				d := &linear.LDA{Shrinkage: want.Shrinkage, Priors: want.Priors}
				y := signal.Labels{Classes: []string{"a", "b", "c", "d"}[:set.Classes], Y: set.Y}
				if err := d.Fit(set.X, y); err != nil {
					t.Fatal(err)
				}
				coef, intercept := d.Coef, d.Intercept
				if set.Classes == 2 { // the difference is all that scikit-learn keeps
					coef, intercept = [][]float64{make([]float64, len(d.Coef[0]))}, []float64{d.Intercept[1] - d.Intercept[0]}
					for j := range coef[0] {
						coef[0][j] = d.Coef[1][j] - d.Coef[0][j]
					}
				}
				compare := func(what string, got, want []float64) {
					t.Helper()
					if len(got) != len(want) {
						t.Fatalf("%s: %d numbers, must be %d", what, len(got), len(want))
					}
					big := 0.0
					for _, v := range want {
						big = max(big, math.Abs(v))
					}
					for j := range want {
						d := math.Abs(got[j]-want[j]) / big
						worst[what] = max(worst[what], d)
						if !(d <= tol) {
							t.Errorf("%s[%d] is %.15g, want %.15g: differs by %g of the largest", what, j, got[j], want[j], d)
						}
					}
				}
				for k := range want.Coef {
					compare("coef", coef[k], want.Coef[k])
				}
				compare("intercept", intercept, want.Intercept)
				p := make([]float64, set.Classes)
				for r, row := range set.Test {
					if err := d.Predict(p, row); err != nil {
						t.Fatal(err)
					}
					compare("probability", p, want.Proba[r])
				}
			})
		}
	}
	for what, d := range map[string]float64{
		"LDA with shrinkage: weights and intercepts": max(worst["coef"], worst["intercept"]), "LDA with shrinkage: probabilities": worst["probability"],
	} {
		paritytest.Error(t, paritytest.Report{What: what, Peer: g.Program, Data: "generated", Err: d, Tol: tol})
	}
}

// TestByHand: two classes at ±1 with the variance 1 each. w is the distance of the means over the variance, the border
// lies in the middle, so p(b|x) = 1/(1+exp(−2x)).
func TestByHand(t *testing.T) {
	x := [][]float64{{-2}, {0}, {0}, {2}}
	y := signal.Labels{Classes: []string{"a", "b"}, Y: []int{0, 0, 1, 1}}
	d := &linear.LDA{Priors: linear.Empirical}
	if err := d.Fit(x, y); err != nil {
		t.Fatal(err)
	}
	p := make([]float64, 2)
	for _, v := range []float64{-3, 0, 0.5, 40, -1e6} {
		if err := d.Predict(p, []float64{v}); err != nil {
			t.Fatal(err)
		}
		if want := 1 / (1 + math.Exp(-2*v)); math.Abs(p[1]-want) > 1e-15 {
			t.Errorf("p(b|%g) is %g, want %g", v, p[1], want)
		}
	}
}

func rows(n, p int) ([][]float64, signal.Labels) {
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([][]float64, n)
	y := signal.Labels{Classes: []string{"left", "right"}}
	for i := range x {
		y.Y = append(y.Y, i%2)
		for range p {
			x[i] = append(x[i], rng.NormFloat64())
		}
	}
	return x, y
}

func TestFitErrors(t *testing.T) {
	for _, tc := range []struct {
		name      string
		shrinkage linear.Shrinkage
		n, p      int
		spoil     func(x [][]float64, y *signal.Labels)
		want      []string
	}{
		{"NaN", linear.Shrinkage{Auto: true}, 20, 3, func(x [][]float64, _ *signal.Labels) { x[4][2] = math.NaN() }, []string{"row 4", "feature 2", "is NaN"}},
		{"ragged", linear.Shrinkage{Auto: true}, 20, 3, func(x [][]float64, _ *signal.Labels) { x[7] = x[7][:2] }, []string{"row 7 has 2 features, row 0 has 3"}},
		{"one class", linear.Shrinkage{Auto: true}, 20, 3, func(_ [][]float64, y *signal.Labels) { y.Classes, y.Y = y.Classes[:1], make([]int, 20) }, []string{"at least 2 classes"}},
		{"class without rows", linear.Shrinkage{Auto: true}, 20, 3, func(_ [][]float64, y *signal.Labels) { clear(y.Y) }, []string{`class "right" has no training row`}},
		{"constant feature", linear.Shrinkage{}, 20, 3, func(x [][]float64, _ *signal.Labels) {
			for _, row := range x {
				row[1] = 0.1 + 1e5/3
			}
		}, []string{"feature 1", "is the same in all training rows", "auto"}},
		{"all constant", linear.Shrinkage{Auto: true}, 20, 2, func(x [][]float64, _ *signal.Labels) {
			for _, row := range x {
				clear(row)
			}
		}, []string{"feature 0", "is the same", "set shrinkage to a number above 0"}},
		{"feature twice", linear.Shrinkage{}, 20, 3, func(x [][]float64, _ *signal.Labels) {
			for _, row := range x {
				row[2] = 7 * row[0]
			}
		}, []string{"singular", "20 training rows", `set shrinkage to "auto"`}},
		{"fewer rows than features", linear.Shrinkage{}, 6, 8, func([][]float64, *signal.Labels) {}, []string{"8 features from 6 training rows is singular"}},
		{"too large", linear.Shrinkage{Auto: true}, 20, 2, func(x [][]float64, _ *signal.Labels) { x[0][1] = 1e200 }, []string{"too large to square", "scale the features down"}},
		{"shrinkage", linear.Shrinkage{Value: 1.5}, 20, 2, func([][]float64, *signal.Labels) {}, []string{"shrinkage is 1.5", "0 to 1"}},
	} {
		x, y := rows(tc.n, tc.p)
		tc.spoil(x, &y)
		d := &linear.LDA{Shrinkage: tc.shrinkage, Priors: linear.Empirical}
		err := d.Fit(x, y)
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, must contain %q", tc.name, err, want)
			}
		}
		if d.Outputs() != nil {
			t.Errorf("%s: has outputs after a failed fit", tc.name)
		}
	}
	x, y := rows(20, 2)
	if err := (&linear.LDA{}).Fit(x, y); err == nil || !strings.Contains(err.Error(), `priors is ""`) {
		t.Errorf("no priors: error is %v", err)
	}
}

// TestShrinkageCopesWith data that a plain covariance cannot be inverted for.
func TestShrinkageCopesWith(t *testing.T) {
	for name, spoil := range map[string]func(x [][]float64){
		"fewer rows than features": func([][]float64) {},
		"a constant feature": func(x [][]float64) {
			for _, row := range x {
				row[3] = 5
			}
		},
		"a feature twice": func(x [][]float64) {
			for _, row := range x {
				row[3] = row[4]
			}
		},
	} {
		for _, s := range []linear.Shrinkage{{Auto: true}, {Value: 0.05}, {Value: 1}} {
			x, y := rows(8, 12)
			for i := range x {
				x[i][0] += 30 * float64(y.Y[i])
			}
			spoil(x)
			d := &linear.LDA{Shrinkage: s, Priors: linear.Equal}
			if err := d.Fit(x, y); err != nil {
				t.Errorf("%s, shrinkage %v: %v", name, s, err)
				continue
			}
			p := make([]float64, 2)
			for i := range x {
				if err := d.Predict(p, x[i]); err != nil || !(p[y.Y[i]] > 0.5) {
					t.Errorf("%s, shrinkage %v: training row %d gets %v, %v; must be class %d", name, s, i, p, err, y.Y[i])
				}
			}
		}
	}
}

func TestParameters(t *testing.T) {
	for _, tc := range []struct{ params, shrinkage, priors, err string }{
		{``, "auto", "empirical", ""},
		{`{"shrinkage": "auto", "priors": "equal"}`, "auto", "equal", ""},
		{`{"shrinkage": 0}`, "0", "empirical", ""},
		{`{"shrinkage": 0.25}`, "0.25", "empirical", ""},
		{`{"shrinkage": 1}`, "1", "empirical", ""},
		{`{"shrinkage": 1.01}`, "", "", `key "shrinkage": is 1.01, must be "auto" or a number from 0 to 1`},
		{`{"shrinkage": -0.1}`, "", "", `is -0.1, must be`},
		{`{"shrinkage": "Auto"}`, "", "", `is "Auto", must be "auto"`},
		{`{"shrinkage": "0.1"}`, "", "", `is "0.1", must be`},
		{`{"shrinkage": [1]}`, "", "", `is [1], must be`},
		{`{"shrinkage": {}}`, "", "", `must be "auto" or a number`},
		{`{"priors": "flat"}`, "", "", `key "priors": is "flat", must be "empirical" or "equal"`},
		{`{"priors": 3}`, "", "", `key "priors": is 3`},
		{`{"shrinkag": 0.1}`, "", "", `did you mean "shrinkage"`},
	} {
		d, err := decoders.Decoders().New("lda", []byte(tc.params))
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: error is %v, must contain %q", tc.params, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.params, err)
			continue
		}
		lda := d.(*linear.LDA)
		if lda.Shrinkage.String() != tc.shrinkage || string(lda.Priors) != tc.priors {
			t.Errorf("%s: shrinkage %v, priors %s; want %s, %s", tc.params, lda.Shrinkage, lda.Priors, tc.shrinkage, tc.priors)
		}
		out, err := json.Marshal(lda)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decoders.Decoders().New("lda", out)
		if err != nil || again.(*linear.LDA).Shrinkage != lda.Shrinkage || again.(*linear.LDA).Priors != lda.Priors {
			t.Errorf("%s: written as %s, read as %+v, %v", tc.params, out, again, err)
		}
	}
}

// TestNullIsNotZero: an empty value in a YAML file must not switch shrinkage off.
func TestNullIsNotZero(t *testing.T) {
	var s linear.Shrinkage
	if err := s.UnmarshalJSON([]byte("null")); err == nil {
		t.Errorf("null is read as %v, must be an error", s)
	}
}

func BenchmarkPredict(b *testing.B) {
	for _, p := range []int{6, 64, 1024} {
		b.Run(fmt.Sprintf("features=%d", p), func(b *testing.B) {
			x, y := rows(2*p, p)
			d := &linear.LDA{Shrinkage: linear.Shrinkage{Auto: true}, Priors: linear.Empirical}
			if err := d.Fit(x, y); err != nil {
				b.Fatal(err)
			}
			dst := make([]float64, 2)
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Predict(dst, x[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestSchema: what editors are told must be what is accepted.
func TestSchema(t *testing.T) {
	for _, tc := range []struct {
		schema map[string]any
		want   string
	}{
		{linear.Shrinkage{}.JSONSchema(), `{"oneOf":[{"const":"auto"},{"maximum":1,"minimum":0,"type":"number"}]}`},
		{linear.Empirical.JSONSchema(), `{"enum":["empirical","equal"]}`},
	} {
		if got, err := json.Marshal(tc.schema); err != nil || string(got) != tc.want {
			t.Errorf("schema is %s, %v; want %s", got, err, tc.want)
		}
	}
}
