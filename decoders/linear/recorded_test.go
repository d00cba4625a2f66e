package linear_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// logVariances are of every step-th channel from the first on, of each trial, in ln µV².
func logVariances(trials featurestest.Trials, first, step, count int) [][]float64 {
	out := make([][]float64, len(trials.X))
	for i, w := range trials.X {
		for k := range count {
			x := w[first+k*step]
			mean, sum := 0.0, 0.0
			for _, v := range x {
				mean += v / float64(len(x))
			}
			for _, v := range x {
				sum += (v - mean) * (v - mean)
			}
			out[i] = append(out[i], math.Log(sum/float64(len(x))))
		}
	}
	return out
}

// mapped is f of every value of the rows.
func mapped(rows [][]float64, f func(j int, v float64) float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		for j, v := range row {
			out[i] = append(out[i], f(j, v))
		}
	}
	return out
}

// TestRecorded compares decoders with scikit-learn's on log-variances of imagined movements: fitted on two runs of each task,
// asked about the third.
func TestRecorded(t *testing.T) {
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Program string                       `json:"program"`
		Sets    []map[string]json.RawMessage `json:"sets"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Sets) != 4 {
		t.Fatalf("%d sets, must be of 2 subjects with 2 and 4 classes", len(g.Sets))
	}
	for _, set := range g.Sets {
		value := func(key string, dst any) {
			t.Helper()
			if err := json.Unmarshal(set[key], dst); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
		var subject string
		var classes int
		var sum float64
		value("subject", &subject)
		value("classes", &classes)
		value("check", &sum)
		data := "EEGMMIDB " + subject + ", fists and feet"
		trials := featurestest.Imagery(t, featurestest.MotorBand, subject, "R06", "R10", "R14")
		if classes == 4 {
			data += ", left and right hand"
			trials = trials.Append(featurestest.Imagery(t, featurestest.MotorBand, subject, "R04", "R08", "R12"), 2)
		}
		all := logVariances(trials, 0, 8, 8)
		own := 0.0
		for _, v := range flat(all) {
			own += math.Abs(v)
		}
		if !(math.Abs(own-sum) <= 1e-9*sum) {
			t.Fatalf("%s: the rows add up to %g, those of the script to %g", data, own, sum)
		}
		y := signal.Labels{Classes: []string{"fists", "feet", "left", "right"}[:classes]}
		parts := func(rows [][]float64) (train, test [][]float64) {
			for i, r := range trials.Run {
				if r < 2 {
					train = append(train, rows[i])
				} else {
					test = append(test, rows[i])
				}
			}
			return train, test
		}
		for i, r := range trials.Run {
			if r < 2 {
				y.Y = append(y.Y, trials.Y[i])
			}
		}
		mean, sd := moments(parts(all))
		train, test := parts(mapped(all, func(j int, v float64) float64 { return (v - mean[j]) / sd[j] }))

		report := func(what, peer string, got, want [][]float64, tol float64) {
			t.Helper()
			paritytest.Within(t, what, peer, data, flat(got), flat(want), tol)
		}
		for name, d := range map[string]decoders.Fitter{
			"LDA by SVD":                      &linear.LDA{Priors: linear.Empirical, Solver: linear.SVD},
			"LDA with shrinkage":              &linear.LDA{Priors: linear.Empirical, Solver: linear.LSQR, Shrinkage: linear.Shrinkage{Auto: true}},
			"logistic regression, l2":         logistic(linear.L2),
			"logistic regression, elasticnet": logistic(linear.ElasticNet),
		} {
			if err := d.Fit(train, y); err != nil {
				t.Fatal(err)
			}
			var want, got [][]float64
			value(name, &want)
			for _, row := range test {
				got = append(got, predict(t, d, classes, row))
			}
			report(name+": probabilities", g.Program, got, want, 1e-6)
		}

		var want, got [][]float64
		r := &linear.Ridge{Alpha: 1}
		if err := r.Fit(train, y); err != nil {
			t.Fatal(err)
		}
		for _, row := range test {
			var scores []float64
			for k, w := range r.Coef {
				s := r.Intercept[k]
				for j, v := range row {
					s += w[j] * v
				}
				scores = append(scores, s)
			}
			if classes == 2 {
				scores = scores[1:]
			}
			got = append(got, scores)
		}
		value("ridge classifier", &want)
		report("ridge classifier: decision values", g.Program, got, want, 1e-9)

		c := &linear.RidgeRegression{Alpha: 1}
		c.SetOutputs([]string{"a", "b"})
		targets, _ := parts(logVariances(trials, 4, 4, 2))
		if err := c.FitContinuous(train, targets); err != nil {
			t.Fatal(err)
		}
		want, got = nil, nil
		for _, row := range test {
			got = append(got, predict(t, c, 2, row))
		}
		value("ridge regression", &want)
		report("ridge regression: predictions", g.Program, got, want, 1e-9)

		decisions := func(k linear.Kernel, gamma linear.Gamma, train, test [][]float64) (out [][]float64) {
			t.Helper()
			d := svm(k, 1, gamma, 1e-10)
			if err := d.Fit(train, y); err != nil {
				t.Fatal(err)
			}
			for _, row := range test {
				f := make([]float64, classes*(classes-1)/2)
				if err := d.Decision(f, row); err != nil {
					t.Fatal(err)
				}
				out = append(out, f)
			}
			return out
		}
		sixteenths, sixteenthsTest := parts(mapped(all, func(_ int, v float64) float64 { return math.RoundToEven(v*16) / 16 }))
		whole, wholeTest := parts(mapped(all, func(_ int, v float64) float64 { return math.RoundToEven(v) }))
		scale := linear.Gamma{Rule: linear.GammaScale}
		for _, tc := range []struct {
			name, key, what, note string
			got                   [][]float64
			tol                   float64
		}{
			{"linear", "svm linear, exact", ", rows of whole sixteenths", "", decisions(linear.Linear, scale, sixteenths, sixteenthsTest), 1e-6},
			{"rbf", "svm rbf, exact", ", rows of whole numbers", "", decisions(linear.RBF, linear.Gamma{Value: math.Ln2}, whole, wholeTest), 1e-6},
			{"linear", "svm linear, refined", ", its active set solved in float64", "", decisions(linear.Linear, scale, train, test), 1e-6},
			{"rbf", "svm rbf, refined", ", its active set solved in float64", "", decisions(linear.RBF, scale, train, test), 1e-6},
			{"linear", "svm linear", "", float32Kernel, decisions(linear.Linear, scale, train, test), 1e-5},
			{"rbf", "svm rbf", "", float32Kernel, decisions(linear.RBF, scale, train, test), 1e-5},
		} {
			want = nil
			value(tc.key, &want)
			e := check(t, tc.key, flat(tc.got), flat(want), tc.tol)
			paritytest.Error(t, paritytest.Report{
				What: "support vector machine, " + tc.name + tc.what + ": decision values", Peer: g.Program, Data: data, Err: e, Tol: tc.tol, Note: tc.note,
			})
		}
	}
}

// moments are the mean and the standard deviation of each feature of the first rows.
func moments(rows, _ [][]float64) (mean, sd []float64) {
	n := float64(len(rows))
	mean, sd = make([]float64, len(rows[0])), make([]float64, len(rows[0]))
	for _, row := range rows {
		for j, v := range row {
			mean[j] += v / n
		}
	}
	for _, row := range rows {
		for j, v := range row {
			sd[j] += (v - mean[j]) * (v - mean[j]) / n
		}
	}
	for j := range sd {
		sd[j] = math.Sqrt(sd[j])
	}
	return mean, sd
}
