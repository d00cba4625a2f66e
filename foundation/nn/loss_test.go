package nn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// naive losses of one example in float64, by their definitions.
func naiveCrossEntropy(y, t []float64, smoothing float64) float64 {
	sum, loss := 0.0, 0.0
	for _, v := range y {
		sum += math.Exp(v)
	}
	for k, v := range y {
		loss -= ((1-smoothing)*t[k] + smoothing/float64(len(y))) * math.Log(math.Exp(v)/sum)
	}
	return loss
}

func TestLosses(t *testing.T) {
	const n, out = 4, 5
	rng := rand.New(rand.NewPCG(1, 1))
	logit := func() float64 { return 2 * rng.NormFloat64() }
	chance := func(row []float64) {
		sum := 0.0
		for i := range row {
			row[i] = rng.Float64()
			sum += row[i]
		}
		for i := range row {
			row[i] /= sum
		}
	}
	each := func(f func(y, t float64) float64, mean bool) func(y, t []float64) float64 {
		return func(y, t []float64) float64 {
			sum := 0.0
			for i := range y {
				if !math.IsNaN(t[i]) {
					sum += f(y[i], t[i])
				}
			}
			if mean {
				sum /= float64(len(y))
			}
			return sum
		}
	}
	huber := func(delta float64) func(y, t float64) float64 {
		return func(y, t float64) float64 {
			if e := math.Abs(y - t); e > delta {
				return delta * (e - delta/2)
			}
			return (y - t) * (y - t) / 2
		}
	}
	square := func(y, t float64) float64 { return (y - t) * (y - t) }
	binary := func(y, t float64) float64 {
		p := 1 / (1 + math.Exp(-y))
		return -t*math.Log(p) - (1-t)*math.Log(1-p)
	}
	values := func(row []float64) {
		for i := range row {
			row[i] = logit()
		}
	}
	for _, tc := range []struct {
		name   string
		loss   nn.Loss
		target func(row []float64)
		naive  func(y, t []float64) float64
	}{
		{"cross-entropy", nn.CrossEntropy{}, chance, func(y, t []float64) float64 { return naiveCrossEntropy(y, t, 0) }},
		{"smoothed cross-entropy", nn.CrossEntropy{Smoothing: 0.1}, chance, func(y, t []float64) float64 { return naiveCrossEntropy(y, t, 0.1) }},
		{"binary cross-entropy", nn.BinaryCrossEntropy{}, chance, each(binary, true)},
		{"Huber", nn.Huber{}, values, each(huber(1), false)},
		{"Huber 0.3 with actions not taken", nn.Huber{Delta: 0.3}, func(row []float64) { values(row); row[1], row[4] = math.NaN(), math.NaN() }, each(huber(0.3), false)},
		{"mean square", nn.MeanSquare{}, values, each(square, true)},
		{
			"mixed",
			nn.Mixed{{Loss: nn.CrossEntropy{}, Out: 3, Weight: 1}, {Loss: nn.MeanSquare{}, Out: 2, Weight: 0.5}},
			func(row []float64) { chance(row[:3]); values(row[3:]) },
			func(y, t []float64) float64 {
				return naiveCrossEntropy(y[:3], t[:3], 0) + 0.5*each(square, true)(y[3:], t[3:])
			},
		},
	} {
		y, target, dy := make([]float32, n*out), make([]float32, n*out), make([]float32, n*out)
		w := []float32{1, 0.5, 2, 0}
		y64, t64 := make([]float64, n*out), make([]float64, n*out)
		for i := range n {
			tc.target(t64[i*out : (i+1)*out])
		}
		for i := range y {
			y[i] = float32(logit())
			y64[i] = float64(y[i])
			target[i] = float32(t64[i])
			t64[i] = float64(target[i])
		}
		const scale = 0.25
		naive := func() float64 {
			sum := 0.0
			for i := range n {
				sum += scale * float64(w[i]) * tc.naive(y64[i*out:(i+1)*out], t64[i*out:(i+1)*out])
			}
			return sum
		}
		if got, want := tc.loss.Gradient(dy, y, target, w, out, scale), naive(); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: loss is %.12g, by its definition %.12g", tc.name, got, want)
		}
		for i := range y64 {
			keep := y64[i]
			const h = 1e-5
			y64[i] = keep + h
			up := naive()
			y64[i] = keep - h
			want := (up - naive()) / (2 * h)
			y64[i] = keep
			if math.Abs(float64(dy[i])-want) > 1e-6 {
				t.Errorf("%s: gradient by output %d is %g, finite differences say %g", tc.name, i, dy[i], want)
			}
		}
	}
}
