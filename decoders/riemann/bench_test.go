package riemann_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/decoders/riemann"
	"github.com/gyrus-bci/gyrus/features"
	feat "github.com/gyrus-bci/gyrus/features/riemann"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

const trials, channels, samples, folds = 288, 22, 1000, 5

// signals is what benchmarks/speed/peers/tangent.py makes: noise through one mixing whose sources vary in strength from
// trial to trial, with source k three times as strong in trials of class k. Only its size and spread matter for the time.
func signals() ([][][]float64, []int) {
	rng := rand.New(rand.NewPCG(1, 1))
	var mix [channels][channels]float64
	for i := range mix {
		for j := range mix[i] {
			mix[i][j] = rng.NormFloat64()
		}
	}
	x, y := make([][][]float64, trials), make([]int, trials)
	for i := range x {
		y[i] = i % 4
		var gain [channels]float64
		for j := range gain {
			gain[j] = 0.5 + rng.Float64()
		}
		gain[y[i]] *= 3
		x[i] = make([][]float64, channels)
		for ch := range x[i] {
			x[i][ch] = make([]float64, samples)
		}
		for t := range samples {
			for j, g := range gain {
				v := g * rng.NormFloat64()
				for ch := range channels {
					x[i][ch][t] += mix[ch][j] * v
				}
			}
		}
	}
	return x, y
}

// BenchmarkTangentLR is five folds of covariance (once), tangent space and logistic regression. The regression stops when
// its weights are right to about 1e-3; scikit-learn's default stops at 3e-2 on these data.
func BenchmarkTangentLR(b *testing.B) {
	benchmark(b, true, func() decoders.Fitter {
		return &linear.Logistic{Penalty: linear.L2, C: 1, Tol: 1e-6, MaxIter: 200}
	})
}

// BenchmarkMDM is five folds of covariance (once) and minimum distance to mean.
func BenchmarkMDM(b *testing.B) {
	benchmark(b, false, func() decoders.Fitter { return &riemann.MDM{Metric: riemann.Riemann} })
}

func benchmark(b *testing.B, tangent bool, construct func() decoders.Fitter) {
	x, y := signals()
	classes := []string{"left_hand", "right_hand", "feet", "tongue"}
	b.ReportAllocs()
	correct := 0
	for b.Loop() {
		cov := &feat.Covariance{Estimator: spd.OAS, Order: 1, Lag: 1}
		format, err := cov.Start(features.WindowFormat(info(), samples))
		if err != nil {
			b.Fatal(err)
		}
		rows := make([][]float64, trials)
		for i := range rows {
			rows[i] = make([]float64, len(format.Names))
			if err := cov.Extract(rows[i], x[i]); err != nil {
				b.Fatal(err)
			}
		}
		correct = 0
		for f := range folds {
			var train, test [][]float64
			var yTrain, yTest []int
			for i, row := range rows {
				if i*folds/trials == f {
					test, yTest = append(test, row), append(yTest, y[i])
				} else {
					train, yTrain = append(train, row), append(yTrain, y[i])
				}
			}
			labels := signal.Labels{Classes: classes, Y: yTrain}
			if tangent {
				train, test = project(b, format, train, test, labels)
			}
			d := construct()
			if err := d.Fit(train, labels); err != nil {
				b.Fatal(err)
			}
			p := make([]float64, len(classes))
			for i, row := range test {
				if err := d.Predict(p, row); err != nil {
					b.Fatal(err)
				}
				best := 0
				for k := range p {
					if p[k] > p[best] {
						best = k
					}
				}
				if best == yTest[i] {
					correct++
				}
			}
		}
	}
	b.ReportMetric(float64(correct)/trials, "accuracy")
}

func project(b *testing.B, format features.Format, train, test [][]float64, labels signal.Labels) (a, c [][]float64) {
	ts := &feat.TangentSpace{Metric: feat.Riemann}
	if _, err := ts.Start(format); err != nil {
		b.Fatal(err)
	}
	if err := ts.FitRows(train, labels); err != nil {
		b.Fatal(err)
	}
	out := [2][][]float64{}
	for s, set := range [][][]float64{train, test} {
		for _, row := range set {
			v := make([]float64, len(row))
			if err := ts.Transform(v, row); err != nil {
				b.Fatal(err)
			}
			out[s] = append(out[s], v)
		}
	}
	return out[0], out[1]
}

func info() *signal.Info {
	in := &signal.Info{Rate: 250}
	for ch := range channels {
		in.Channels = append(in.Channels, signal.Channel{Name: string(rune('A' + ch)), Kind: signal.EEG, Unit: signal.Microvolt})
	}
	return in
}
