package linear_test

import (
	"fmt"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// BenchmarkFit is one of 5 folds of 288 trials: 230 rows of four classes, with 8 features (CSP) and 253 (tangent space of
// 22 channels).
func BenchmarkFit(b *testing.B) {
	for _, p := range []int{8, 253} {
		x, y := rows(230, p)
		y.Classes = []string{"a", "b", "c", "d"}
		for i := range y.Y {
			y.Y[i] = i % 4
			x[i][i%4]++
			for j := range x[i] {
				x[i][j] *= 0.25 // as in tangent space
			}
		}
		for name, construct := range map[string]func() decoders.Fitter{
			"lda": func() decoders.Fitter {
				return &linear.LDA{Shrinkage: linear.Shrinkage{Auto: true}, Priors: linear.Empirical}
			},
			"logistic":   func() decoders.Fitter { d := logistic(linear.L2); d.Tol = 1e-8; return d },
			"elasticnet": func() decoders.Fitter { return logistic(linear.ElasticNet) },
			"ridge":      func() decoders.Fitter { return &linear.Ridge{Alpha: 1} },
			"svm":        func() decoders.Fitter { return svm(linear.RBF, 1, linear.Gamma{Rule: linear.GammaScale}, 1e-3) },
		} {
			b.Run(fmt.Sprintf("%s/features=%d", name, p), func(b *testing.B) { benchmarkFit(b, construct, x, y) })
		}
	}
}

func benchmarkFit(b *testing.B, construct func() decoders.Fitter, x [][]float64, y signal.Labels) {
	for b.Loop() {
		if err := construct().Fit(x, y); err != nil {
			b.Fatal(err)
		}
	}
}
