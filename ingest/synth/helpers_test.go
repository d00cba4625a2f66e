package synth

import (
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// samples reads the whole recording.
func samples(t testing.TB, rec *signal.Recording) [][]float64 {
	t.Helper()
	c := signal.NewChunk(rec.Info, 0, int(rec.Len))
	if err := rec.Data.ReadSamples(c.X, 0); err != nil {
		t.Fatal(err)
	}
	return c.X
}

// simulate runs MotorImagery and returns the samples with it.
func simulate(t testing.TB, opt Options) (*signal.Recording, *Truth, [][]float64) {
	t.Helper()
	rec, truth, err := MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	return rec, truth, samples(t, rec)
}

// silent has no part switched on.
func silent(channels ...string) Options {
	opt := Defaults()
	opt.Channels = channels
	opt.BackgroundUV, opt.AlphaUV, opt.MuUV, opt.BlinkUV, opt.LineUV, opt.SensorUV = 0, 0, 0, 0, 0, 0
	return opt
}

// row is the samples of one channel.
func row(rec *signal.Recording, x [][]float64, name string) []float64 { return x[rec.Info.Index(name)] }

// power is the mean square of the part of x between two frequencies, from the definition of the Fourier sum: x has a
// Hann window, each bin k counts 2·|X_k|²/(n·Σw²). There are 160 samples to the second.
func power(x []float64, lo, hi float64) float64 {
	const rate = 160
	n := len(x)
	sum := 0.0
	for k := int(math.Ceil(lo * float64(n) / rate)); float64(k) <= hi*float64(n)/rate; k++ {
		sum += 2 * bin(x, k)
	}
	return sum
}

// bin is |X_k|²/(n·Σw²) with a Hann window w.
func bin(x []float64, k int) float64 {
	n := len(x)
	var re, im, ww float64
	for t, v := range x {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(t)/float64(n))
		sin, cos := math.Sincos(2 * math.Pi * float64(k*t%n) / float64(n))
		re += w * v * cos
		im -= w * v * sin
		ww += w * w
	}
	return (re*re + im*im) / (float64(n) * ww)
}

// slope is that of the least-squares line through (log f, log p).
func slope(f, p []float64) float64 {
	var mx, my, sxy, sxx float64
	for i := range f {
		mx += math.Log(f[i]) / float64(len(f))
		my += math.Log(p[i]) / float64(len(f))
	}
	for i := range f {
		dx := math.Log(f[i]) - mx
		sxy += dx * (math.Log(p[i]) - my)
		sxx += dx * dx
	}
	return sxy / sxx
}

// welchT is the t statistic of the difference of two means with unequal variances.
func welchT(a, b []float64) float64 {
	ma, va := moments(a)
	mb, vb := moments(b)
	return (ma - mb) / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}

// moments are mean and unbiased variance.
func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, variance
}

// sameBits says whether two recordings are equal in every bit.
func sameBits(a, b [][]float64) bool {
	return slices.EqualFunc(a, b, func(p, q []float64) bool {
		return slices.EqualFunc(p, q, func(v, w float64) bool { return math.Float64bits(v) == math.Float64bits(w) })
	})
}
