package linear_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// separable is rows whose first feature tells the classes apart without error.
func separable(classes int) ([][]float64, signal.Labels) {
	x, y := rows(60, 3)
	y.Classes = []string{"a", "b", "c", "d"}[:classes]
	for i := range x {
		y.Y[i] = i % classes
		x[i][0] += 20 * float64(y.Y[i]/2)
		if classes == 2 {
			x[i][0] += 20 * float64(y.Y[i])
		}
	}
	return x, y
}

// TestSeparableClassesNeedAPenalty: the weights would be infinite, also where only some classes are told apart.
func TestSeparableClassesNeedAPenalty(t *testing.T) {
	for _, classes := range []int{2, 4} {
		x, y := separable(classes)
		d := logistic(linear.None)
		if err := d.Fit(x, y); err == nil || !strings.Contains(err.Error(), `set penalty to "l2"`) {
			t.Errorf("%d classes: error is %v", classes, err)
		}
		if d.Outputs() != nil {
			t.Error("has outputs after a failed fit")
		}
		d.Penalty = linear.L2
		if err := d.Fit(x, y); err != nil {
			t.Errorf("%d classes, with l2: %v", classes, err)
		}
	}
}

// TestFitRefusals: an error that names the remedy, for every decoder.
func TestFitRefusals(t *testing.T) {
	none := func([][]float64, *signal.Labels) {}
	huge := func(x [][]float64, _ *signal.Labels) { x[0][1] = 1e200 }
	twice := func(x [][]float64, _ *signal.Labels) {
		for _, row := range x {
			row[2] = 7 * row[0]
		}
	}
	flat := func(x [][]float64, _ *signal.Labels) {
		for _, row := range x {
			clear(row)
		}
	}
	ridge := func(alpha float64) decoders.Fitter { return &linear.Ridge{Alpha: alpha} }
	set := func(f func(d *linear.Logistic)) decoders.Fitter { d := logistic(linear.L2); f(d); return d }
	for _, tc := range []struct {
		name  string
		d     decoders.Fitter
		spoil func(x [][]float64, y *signal.Labels)
		want  string
	}{
		{"logistic c", set(func(d *linear.Logistic) { d.C = 0 }), none, "c is 0, must be above 0"},
		{"logistic l1_ratio", set(func(d *linear.Logistic) { d.L1Ratio = 1.5 }), none, "l1_ratio is 1.5"},
		{"logistic tol", set(func(d *linear.Logistic) { d.Tol = math.NaN() }), none, "tol is NaN"},
		{"logistic max_iter", set(func(d *linear.Logistic) { d.MaxIter = 0 }), none, "max_iter is 0"},
		{"logistic penalty", set(func(d *linear.Logistic) { d.Penalty = "l3" }), none, `penalty is "l3"`},
		{"logistic too few steps", set(func(d *linear.Logistic) { d.MaxIter = 1 }), none, "not converged after 1 steps; raise max_iter"},
		{"logistic too large", logistic(linear.L2), huge, "too large to square"},
		{"svm c", svm(linear.RBF, math.Inf(1), linear.Gamma{Rule: "auto"}, 1e-3), none, "c is +Inf"},
		{"svm tol", svm(linear.RBF, 1, linear.Gamma{Rule: "auto"}, 0), none, "tol is 0"},
		{"svm kernel", svm("poly", 1, linear.Gamma{Rule: "auto"}, 1e-3), none, `kernel is "poly"`},
		{"svm gamma", svm(linear.RBF, 1, linear.Gamma{}, 1e-3), none, "gamma is 0"},
		{"svm rule", svm(linear.RBF, 1, linear.Gamma{Rule: "wide"}, 1e-3), none, `gamma is "wide"`},
		{"svm flat", svm(linear.RBF, 1, linear.Gamma{Rule: "scale"}, 1e-3), flat, "are the same number"},
		{"svm too large", svm(linear.Linear, 1, linear.Gamma{}, 1e-3), huge, "overflows a float64; scale the features down"},
		{"svm one row", svm(linear.RBF, 1, linear.Gamma{Rule: "scale"}, 1e-3), func(_ [][]float64, y *signal.Labels) { clear(y.Y); y.Y[3] = 1 }, `class "right" has one training row`},
		{"ridge alpha", ridge(-1), none, "alpha is -1"},
		{"ridge feature twice", ridge(0), twice, "raise alpha"},
		{"ridge flat", ridge(0), flat, "raise alpha"},
		{"ridge too large", ridge(1), huge, ""},
		{"lda svd shrinkage", &linear.LDA{Solver: linear.SVD, Shrinkage: linear.Shrinkage{Auto: true}, Priors: linear.Equal}, none, `solver "svd" cannot shrink, and shrinkage is auto; set shrinkage to 0`},
		{"lda solver", &linear.LDA{Solver: "qr", Priors: linear.Equal}, none, `solver is "qr"`},
		{"lda svd flat", &linear.LDA{Solver: linear.SVD, Priors: linear.Equal}, flat, "no feature varies"},
	} {
		x, y := rows(20, 3)
		tc.spoil(x, &y)
		err := tc.d.Fit(x, y)
		if tc.want == "" { // finite weights, or an error: never NaN
			if p := make([]float64, 2); err == nil && (tc.d.Predict(p, x[1]) != nil || math.IsNaN(p[0])) {
				t.Errorf("%s: fitted, but predicts %v", tc.name, p)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
}

// TestDegenerateDataThatWorks: features that depend on each other, constant ones, and fewer rows than features.
func TestDegenerateDataThatWorks(t *testing.T) {
	for name, d := range map[string]decoders.Fitter{
		"logistic": logistic(linear.L2), "elasticnet": logistic(linear.ElasticNet), "ridge": &linear.Ridge{Alpha: 1},
		"svm": svm(linear.Linear, 1, linear.Gamma{}, 1e-3), "lda svd": &linear.LDA{Solver: linear.SVD, Priors: linear.Equal},
	} {
		x, y := rows(10, 14)
		for i, row := range x {
			row[0] += 30 * float64(y.Y[i])
			row[3], row[5] = row[4], 5
		}
		if err := d.Fit(x, y); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range x {
			if p := predict(t, d, 2, x[i]); !(p[y.Y[i]] > 0.5) {
				t.Errorf("%s: training row %d gets %v, must be class %d", name, i, p, y.Y[i])
			}
		}
	}
}

// TestRidgeOfFewRows: the dual problem gives what the primal one does.
func TestRidgeOfFewRows(t *testing.T) {
	x, y := rows(9, 20)
	target := make([][]float64, 9)
	for i := range target {
		target[i] = []float64{float64(y.Y[i]), x[i][0]}
	}
	w, b, err := linear.RidgeWeights(x, target, 0.7)
	if err != nil {
		t.Fatal(err)
	}
	for k := range w { // the gradient of the definition: Σ_i (w·x + b − y)·x + alpha·w = 0, and Σ_i (…) = 0
		g, sum := make([]float64, 20), 0.0
		for i, row := range x {
			e := b[k] - target[i][k]
			for j, v := range row {
				e += w[k][j] * v
			}
			sum += e
			for j, v := range row {
				g[j] += e * v
			}
		}
		for j := range g {
			if math.Abs(g[j]+0.7*w[k][j]) > 1e-12 || math.Abs(sum) > 1e-12 {
				t.Errorf("output %d, weight %d: gradient %g and %g, must be 0", k, j, g[j]+0.7*w[k][j], sum)
			}
		}
	}
}

// TestFitSigmoid: the gradient of the definition is 0 at what is found.
func TestFitSigmoid(t *testing.T) {
	x, y := rows(80, 1)
	for name, scale := range map[string]float64{"plain": 1, "small": 1e-6, "large": 1e6} {
		f, positive := make([]float64, 80), make([]bool, 80)
		for i := range f {
			positive[i] = y.Y[i] == 1
			f[i] = x[i][0] * scale
			if positive[i] {
				f[i] += scale
			}
		}
		a, b, err := linear.FitSigmoid(f, positive)
		if err != nil {
			t.Fatal(err)
		}
		ga, gb := 0.0, 0.0
		for i, v := range f {
			target := 1.0 / 42
			if positive[i] {
				target = 41.0 / 42
			}
			p := 1 / (1 + math.Exp(a*v+b))
			ga, gb = ga+(target-p)*v/scale, gb+target-p
		}
		if !(a < 0) || math.Abs(ga) > 1e-6 || math.Abs(gb) > 1e-6 {
			t.Errorf("%s: A %g, B %g, gradient %g, %g; must be 0", name, a, b, ga, gb)
		}
	}
	if a, b, err := linear.FitSigmoid(make([]float64, 6), []bool{true, false, true, true, true, false}); err != nil || math.Abs(1/(1+math.Exp(b))-(4*5./6+2*1./4)/6) > 1e-9 {
		t.Errorf("values all 0: A %g, B %g, %v", a, b, err)
	}
}

// TestCoupling: the probabilities of a linear machine minimise Σ_{i≠j} (r_ji·p_i − r_ij·p_j)²: no small move does better.
func TestCoupling(t *testing.T) {
	set := classifierSets(t)[2]
	d := svm(linear.Linear, 1, linear.Gamma{}, 1e-6)
	if err := d.Fit(set.X, set.labels()); err != nil {
		t.Fatal(err)
	}
	ab := d.State()["sigmoid"].Rows()
	for _, row := range set.Test {
		f, r := make([]float64, 6), [4][4]float64{}
		if err := d.Decision(f, row); err != nil {
			t.Fatal(err)
		}
		pair := 0
		for i := range 4 {
			for j := i + 1; j < 4; j++ {
				r[i][j] = 1 / (1 + math.Exp(ab[pair][0]*f[pair]+ab[pair][1]))
				r[j][i] = 1 - r[i][j]
				pair++
			}
		}
		cost := func(p []float64) (sum float64) {
			for i := range 4 {
				for j := range 4 {
					if i != j {
						e := r[j][i]*p[i] - r[i][j]*p[j]
						sum += e * e
					}
				}
			}
			return sum
		}
		p := predict(t, d, 4, row)
		for i := range 4 {
			for j := range 4 {
				q := append([]float64(nil), p...)
				const move = 1e-5
				q[i], q[j] = q[i]+move, q[j]-move
				if i != j && cost(q) < cost(p) {
					t.Errorf("%v is not optimal: %g, %v has %g", p, cost(p), q, cost(q))
				}
			}
		}
	}
}

func TestParametersOfAll(t *testing.T) {
	for _, tc := range []struct{ name, params, want string }{
		{"lda", `{"solver": "svd", "shrinkage": 0}`, `{"shrinkage":0,"priors":"empirical","solver":"svd"}`},
		{"lda", `{"solver": "eigen"}`, `key "solver": is "eigen", must be "lsqr" or "svd"`},
		{"logistic", ``, `{"penalty":"l2","c":1,"l1_ratio":0.5,"tol":1e-8,"max_iter":200}`},
		{"logistic", `{"penalty": "l1"}`, `key "penalty": is "l1", must be "l2", "elasticnet" or "none"`},
		{"logistic", `{"Coef": [[1]]}`, `unknown key "Coef"`},
		{"svm", ``, `{"kernel":"rbf","c":1,"gamma":"scale","tol":0.001}`},
		{"svm", `{"gamma": 0.5, "kernel": "rbf"}`, `{"kernel":"rbf","c":1,"gamma":0.5,"tol":0.001}`},
		{"svm", `{"gamma": 0.5, "kernel": "linear"}`, `key "gamma": has no effect where kernel is linear; leave it out, or set kernel to rbf`},
		{"logistic", `{"l1_ratio": 0.3}`, `key "l1_ratio": has no effect where penalty is l2; leave it out, or set penalty to elasticnet`},
		{"logistic", `{"penalty": "none", "c": 3}`, `key "c": has no effect where penalty is none; leave it out, or set penalty to another value`},
		{"logistic", `{"penalty": "elasticnet", "l1_ratio": 0.3}`, `{"penalty":"elasticnet","c":1,"l1_ratio":0.3,"tol":1e-8,"max_iter":200}`},
		{"svm", `{"gamma": "wide"}`, `key "gamma": is "wide", must be "scale", "auto" or a number above 0`},
		{"svm", `{"gamma": 0}`, `key "gamma": is 0`},
		{"svm", `{"gamma": null}`, `key "gamma": is null`},
		{"svm", `{"kernel": "poly"}`, `key "kernel": is "poly"`},
		{"ridge", ``, `{"alpha":1}`},
	} {
		d, err := decoders.Decoders().New(tc.name, []byte(tc.params))
		if strings.HasPrefix(tc.want, "{") {
			if out, e := json.Marshal(d); err != nil || e != nil || string(out) != tc.want {
				t.Errorf("%s %s: written as %s, %v; want %s", tc.name, tc.params, out, err, tc.want)
			}
		} else if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: error is %v, must contain %q", tc.name, tc.params, err, tc.want)
		}
	}
}
