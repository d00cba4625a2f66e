package linear_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func logistic(p linear.Penalty) *linear.Logistic {
	return &linear.Logistic{Penalty: p, C: 1, L1Ratio: 0.5, Tol: 1e-12, MaxIter: 200}
}

func TestConformanceOfAll(t *testing.T) {
	for name, construct := range map[string]func() decoders.Fitter{
		"lda svd":             func() decoders.Fitter { return &linear.LDA{Priors: linear.Empirical, Solver: linear.SVD} },
		"logistic l2":         func() decoders.Fitter { return logistic(linear.L2) },
		"logistic elasticnet": func() decoders.Fitter { return logistic(linear.ElasticNet) },
		"ridge":               func() decoders.Fitter { return &linear.Ridge{Alpha: 1} },
		"svm linear":          func() decoders.Fitter { return svm(linear.Linear, 1, linear.Gamma{}, 1e-3) },
		"svm rbf": func() decoders.Fitter {
			return svm(linear.RBF, 1, linear.Gamma{Rule: linear.GammaScale}, 1e-3)
		},
	} {
		decoderstest.Run(t, name, construct)
	}
}

func svm(k linear.Kernel, c float64, gamma linear.Gamma, tol float64) *linear.SVM {
	return &linear.SVM{Kernel: k, C: c, Gamma: gamma, Tol: tol}
}

type classifierSet struct {
	Classes  int         `json:"classes"`
	X        [][]float64 `json:"x"`
	Y        []int       `json:"y"`
	Test     [][]float64 `json:"test"`
	Logistic []struct {
		Penalty   linear.Penalty `json:"penalty"`
		C         float64        `json:"c"`
		L1Ratio   float64        `json:"l1_ratio"`
		Coef      [][]float64    `json:"coef"`
		Intercept []float64      `json:"intercept"`
		Proba     [][]float64    `json:"proba"`
	} `json:"logistic"`
	LDA []struct {
		Priors    linear.Priors `json:"priors"`
		Coef      [][]float64   `json:"coef"`
		Intercept []float64     `json:"intercept"`
		Proba     [][]float64   `json:"proba"`
	} `json:"lda_svd"`
	SVM []struct {
		Kernel   linear.Kernel `json:"kernel"`
		C        float64       `json:"c"`
		Gamma    linear.Gamma  `json:"gamma"`
		Decision [][]float64   `json:"decision"`
		Refined  [][]float64   `json:"refined"`
	} `json:"svm"`
	Ridge []struct {
		Alpha     float64     `json:"alpha"`
		Decision  [][]float64 `json:"decision"`
		Target    [][]float64 `json:"target"`
		Predicted [][]float64 `json:"predicted"`
	} `json:"ridge"`

	program string
}

func (s *classifierSet) labels() signal.Labels {
	return signal.Labels{Classes: []string{"a", "b", "c", "d"}[:s.Classes], Y: s.Y}
}

func classifierSets(t testing.TB) []classifierSet {
	t.Helper()
	raw, err := os.ReadFile("testdata/classifiers.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Program string          `json:"program"`
		Sets    []classifierSet `json:"sets"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Sets) == 0 {
		t.Fatal("testdata/classifiers.json has no sets")
	}
	for i := range g.Sets {
		g.Sets[i].program = g.Program
	}
	return g.Sets
}

// check reports where got differs from want by more than tol of the largest.
func check(t *testing.T, what string, got, want []float64, tol float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, must be %d", what, len(got), len(want))
	}
	big, worst := 0.0, 0.0
	for _, v := range want {
		big = max(big, math.Abs(v))
	}
	for j := range want {
		d := math.Abs(got[j]-want[j]) / big
		worst = max(worst, d)
		if !(d <= tol) {
			t.Errorf("%s[%d] is %.15g, want %.15g: differs by %g of the largest", what, j, got[j], want[j], d)
		}
	}
	return worst
}

func predict(t *testing.T, d decoders.Decoder, n int, x []float64) []float64 {
	t.Helper()
	dst := make([]float64, n)
	if err := d.Predict(dst, x); err != nil {
		t.Fatal(err)
	}
	return dst
}

func flat(x [][]float64) (all []float64) {
	for _, row := range x {
		all = append(all, row...)
	}
	return all
}

// TestLogisticAgainstScikitLearn: both converge to the same optimum. 1e-6 of the largest weight is the bar; scikit-learn's
// SAGA stops by the change of the weights and is the less exact of the two.
func TestLogisticAgainstScikitLearn(t *testing.T) {
	weights, probabilities := map[linear.Penalty]float64{}, map[linear.Penalty]float64{}
	sets := classifierSets(t)
	for i, set := range sets {
		for _, want := range set.Logistic {
			t.Run(fmt.Sprintf("set %d/%s c=%g l1_ratio=%g", i, want.Penalty, want.C, want.L1Ratio), func(t *testing.T) {
				d := logistic(want.Penalty)
				d.C, d.L1Ratio = want.C, want.L1Ratio
				if err := d.Fit(set.X, set.labels()); err != nil {
					t.Fatal(err)
				}
				coef, intercept := d.Coef, d.Intercept
				if set.Classes == 2 {
					coef, intercept = coef[1:], intercept[1:]
				}
				w := max(check(t, "coef", flat(coef), flat(want.Coef), 1e-6), check(t, "intercept", intercept, want.Intercept, 1e-6))
				p := 0.0
				for r, row := range set.Test {
					p = max(p, check(t, "probability", predict(t, d, set.Classes, row), want.Proba[r], 1e-6))
				}
				weights[want.Penalty], probabilities[want.Penalty] = max(weights[want.Penalty], w), max(probabilities[want.Penalty], p)
			})
		}
	}
	for of, worst := range map[string]map[linear.Penalty]float64{"coefficients and intercepts": weights, "probabilities": probabilities} {
		for penalty, d := range worst {
			what := fmt.Sprintf("logistic regression, %s: %s", penalty, of)
			if penalty == linear.None {
				what = "logistic regression, no penalty: " + of
			}
			paritytest.Error(t, paritytest.Report{What: what, Peer: sets[0].program, Data: "generated", Err: d, Tol: 1e-6})
		}
	}
}

// TestLogisticIsOptimal checks the optimality conditions as they are defined, on rows of 253 features.
func TestLogisticIsOptimal(t *testing.T) {
	x, y := rows(90, 253)
	y.Classes = append(y.Classes, "feet")
	for i := range y.Y {
		y.Y[i] = i % 3
		x[i][i%3] += 1
	}
	for _, p := range []linear.Penalty{linear.L2, linear.ElasticNet} {
		d := logistic(p)
		if err := d.Fit(x, y); err != nil {
			t.Fatal(err)
		}
		l1, l2 := 0.0, 1.0
		if p == linear.ElasticNet {
			l1, l2 = 0.5, 0.5
		}
		zeros := 0
		var prob [][]float64
		for _, row := range x {
			prob = append(prob, predict(t, d, 3, row))
		}
		for k := range y.Classes {
			for j := range x[0] {
				g, scale := 0.0, 0.0
				for i, row := range x {
					e := prob[i][k]
					if y.Y[i] == k {
						e--
					}
					g += e * row[j]
					scale += math.Abs(e * row[j])
				}
				w := d.Coef[k][j]
				off := math.Abs(g + l2*w + l1*sign(w))
				if w == 0 {
					zeros++
					off = max(0, math.Abs(g)-l1)
				}
				if off > 1e-6*(scale+l1) {
					t.Errorf("%s: weight %d of class %d is %g: the conditions are violated by %g", p, j, k, w, off)
				}
			}
		}
		if (zeros > 100) != (p == linear.ElasticNet) {
			t.Errorf("%s: %d weights are 0", p, zeros)
		}
	}
}

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// TestLDASVDAgainstScikitLearn includes sets with more features than rows, where only the differences between the
// classes' scores are comparable: probabilities.
func TestLDASVDAgainstScikitLearn(t *testing.T) {
	var weights, probabilities float64 // largest differences
	sets := classifierSets(t)
	for i, set := range sets {
		for _, want := range set.LDA {
			d := &linear.LDA{Priors: want.Priors, Solver: linear.SVD}
			if err := d.Fit(set.X, set.labels()); err != nil {
				t.Fatal(err)
			}
			if set.Classes > 2 {
				weights = max(weights, check(t, fmt.Sprintf("set %d coef", i), flat(d.Coef), flat(want.Coef), 1e-9))
				weights = max(weights, check(t, fmt.Sprintf("set %d intercept", i), d.Intercept, want.Intercept, 1e-9))
			}
			for r, row := range set.Test {
				p := check(t, fmt.Sprintf("set %d probability", i), predict(t, d, set.Classes, row), want.Proba[r], 1e-9)
				probabilities = max(probabilities, p)
			}
		}
	}
	peer := sets[0].program
	paritytest.Error(t, paritytest.Report{What: "LDA by SVD: weights and intercepts", Peer: peer, Data: "generated", Err: weights, Tol: 1e-9})
	paritytest.Error(t, paritytest.Report{What: "LDA by SVD: probabilities", Peer: peer, Data: "generated", Err: probabilities, Tol: 1e-9})
}

func TestRidgeAgainstScikitLearn(t *testing.T) {
	var decision, regression float64 // largest differences
	sets := classifierSets(t)
	for i, set := range sets {
		for _, want := range set.Ridge {
			d := &linear.Ridge{Alpha: want.Alpha}
			if err := d.Fit(set.X, set.labels()); err != nil {
				t.Fatal(err)
			}
			c := &linear.RidgeRegression{Alpha: want.Alpha}
			c.SetOutputs([]string{"vel_x", "vel_y"})
			if err := c.FitContinuous(set.X, want.Target); err != nil {
				t.Fatal(err)
			}
			for r, row := range set.Test {
				var got []float64
				for k, w := range d.Coef {
					v := d.Intercept[k]
					for j := range row {
						v += w[j] * row[j]
					}
					got = append(got, v)
				}
				if set.Classes == 2 {
					got = got[1:]
				}
				decision = max(decision, check(t, fmt.Sprintf("set %d alpha %g decision", i, want.Alpha), got, want.Decision[r], 1e-9))
				regression = max(regression, check(t, fmt.Sprintf("set %d alpha %g regression", i, want.Alpha), predict(t, c, 2, row), want.Predicted[r], 1e-9))
			}
		}
	}
	peer := sets[0].program
	paritytest.Error(t, paritytest.Report{What: "ridge classifier: decision values", Peer: peer, Data: "generated", Err: decision, Tol: 1e-9})
	paritytest.Error(t, paritytest.Report{What: "ridge regression: predictions", Peer: peer, Data: "generated", Err: regression, Tol: 1e-9})
}

// float32Kernel says why decision values are apart by more than 1e-6, where they are.
const float32Kernel = "libsvm keeps its kernel in float32 (relative rounding 6e-8), which the fit multiplies. On rows for which float32 holds the kernel without rounding it agrees to the bar (the rows of whole numbers and sixteenths), and so does its active set solved in float64."

// TestSVMAgainstScikitLearn compares decision values with libsvm's, whose kernel is in float32 (1e-5 of the largest), and
// with those of its active set solved in float64 (1e-8; what is left is the tolerance of the fit).
func TestSVMAgainstScikitLearn(t *testing.T) {
	raw, refined := 0.0, 0.0
	sets := classifierSets(t)
	for i, set := range sets {
		for _, want := range set.SVM {
			name := fmt.Sprintf("set %d %s c=%g gamma=%v", i, want.Kernel, want.C, want.Gamma)
			d := svm(want.Kernel, want.C, want.Gamma, 1e-10)
			if err := d.Fit(set.X, set.labels()); err != nil {
				t.Fatal(err)
			}
			var got []float64
			for _, row := range set.Test {
				f := make([]float64, set.Classes*(set.Classes-1)/2)
				if err := d.Decision(f, row); err != nil {
					t.Fatal(err)
				}
				got = append(got, f...)
			}
			raw = max(raw, check(t, name+" decision", got, flat(want.Decision), 1e-5))
			refined = max(refined, check(t, name+" refined", got, flat(want.Refined), 1e-8))
		}
	}
	peer := sets[0].program
	paritytest.Error(t, paritytest.Report{
		What: "support vector machine: decision values", Peer: peer, Data: "generated", Err: raw, Tol: 1e-5,
		Note: float32Kernel,
	})
	paritytest.Error(t, paritytest.Report{
		What: "support vector machine: decision values, its active set solved in float64", Peer: peer, Data: "generated", Err: refined, Tol: 1e-8,
	})
}
