// Package peers_test times whole jobs whose counterparts in Python lie beside them: csp_lda.py, fbcca.py.
package peers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/csp"
	"github.com/gyrus-bci/gyrus/features/timedomain"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The sizes of csp_lda.py.
const (
	trials, channels, samples = 288, 22, 1000
	folds, components         = 5, 8
)

// mixed is what signals in csp_lda.py makes, up to the random numbers: class k has source k three times as strong.
func mixed(classes int) ([][][]float64, signal.Labels) {
	rng := rand.New(rand.NewPCG(1, 1))
	mix := normal(rng, channels, channels)
	y := signal.Labels{Classes: []string{"left_hand", "right_hand", "feet", "tongue"}[:classes]}
	x := make([][][]float64, trials)
	for i := range x {
		k := i % classes
		y.Y = append(y.Y, k)
		sources := normal(rng, channels, samples)
		for t := range samples {
			sources[k][t] *= 3
		}
		x[i] = make([][]float64, channels)
		for ch := range x[i] {
			x[i][ch] = make([]float64, samples)
			for s, row := range sources {
				for t, v := range row {
					x[i][ch][t] += mix[ch][s] * v
				}
			}
		}
	}
	return x, y
}

func normal(rng *rand.Rand, rows, cols int) [][]float64 {
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, cols)
		for j := range x[i] {
			x[i][j] = rng.NormFloat64()
		}
	}
	return x
}

// fiveFolds is what five_folds in csp_lda.py does, with the steps of the pipeline csp, logvar, lda.
func fiveFolds(b *testing.B, x [][][]float64, y signal.Labels) (correct int) {
	in := features.Format{Len: samples, Rate: 250, Names: make([]string, channels)}
	for ch := range in.Names {
		in.Names[ch] = strconv.Itoa(ch)
	}
	for f := range folds {
		var train, test []int
		for i := range x {
			if i*folds/len(x) == f {
				test = append(test, i)
			} else {
				train = append(train, i)
			}
		}
		pick := signal.Labels{Classes: y.Classes}
		windows := make([][][]float64, len(train))
		for j, i := range train {
			windows[j], pick.Y = x[i], append(pick.Y, y.Y[i])
		}
		filter, power := &csp.CSP{Components: components, Method: csp.JointDiagonalisation}, &timedomain.LogVar{}
		filter.SetClasses(y.Classes)
		lda := &linear.LDA{Shrinkage: linear.Shrinkage{Auto: true}, Priors: linear.Empirical}
		space, err := filter.Start(in)
		must(b, err)
		_, err = power.Start(space)
		must(b, err)
		must(b, filter.FitWindows(windows, pick))
		mapped := empty(components, samples)
		row := func(i int) []float64 {
			dst := make([]float64, components)
			must(b, filter.Map(mapped, x[i]))
			must(b, power.Extract(dst, mapped))
			return dst
		}
		rows := make([][]float64, len(train))
		for j, i := range train {
			rows[j] = row(i)
		}
		must(b, lda.Fit(rows, pick))
		p := make([]float64, len(y.Classes))
		for _, i := range test {
			must(b, lda.Predict(p, row(i)))
			if slices.Index(p, slices.Max(p)) == y.Y[i] {
				correct++
			}
		}
	}
	return correct
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

func empty(rows, cols int) [][]float64 {
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, cols)
	}
	return x
}

// BenchmarkCSPLDA is the job of csp_lda.py: seconds per five folds.
func BenchmarkCSPLDA(b *testing.B) {
	for _, classes := range []int{2, 4} {
		b.Run(fmt.Sprintf("classes=%d", classes), func(b *testing.B) {
			x, y := mixed(classes)
			correct := 0
			for b.Loop() {
				correct = fiveFolds(b, x, y)
			}
			b.ReportMetric(float64(correct), "correct")
		})
	}
}
