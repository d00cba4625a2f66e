package synth

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

func smallSeizures() SeizureOptions {
	o := SeizureDefaults()
	o.LengthS, o.Count, o.Subject = 480, 1, 3
	return o
}

// spectrum is the mean power of x at 0 … 20 Hz in steps of 1 Hz, by transforms of whole seconds.
func spectrum(x []float64) []float64 {
	const rate = 256
	fft, p := fourier.NewFFT(rate), make([]float64, 21)
	for at := 0; at+rate <= len(x); at += rate {
		row := make([]float64, rate)
		for t := range row {
			row[t] = x[at+t] * (0.5 - 0.5*math.Cos(2*math.Pi*float64(t)/float64(rate)))
		}
		for k, v := range fft.Coefficients(nil, row)[:len(p)] {
			p[k] += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	return p
}

// TestSeizuresAreWhereTheTruthSays: the rhythm is as strong and as fast as it should be, grows and slows down, and theta
// grows before and delta stays behind.
func TestSeizuresAreWhereTheTruthSays(t *testing.T) {
	rec, truth, err := Seizures(smallSeizures())
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Info.Channels) != 18 || rec.Len != 480*256 || len(rec.Events) != 1 || len(truth.Seizures) != 1 {
		t.Fatalf("%v, %d samples, %d events", rec.Info, rec.Len, len(rec.Events))
	}
	z := truth.Seizures[0]
	if e := rec.Events[0]; e.Label != "seizure" || e.Onset != z.StartS || e.Duration != z.EndS-z.StartS || e.Sample != rec.Info.Samples(z.StartS) {
		t.Errorf("event %+v of %+v", e, z)
	}
	x := make([][]float64, 18)
	for ch := range x {
		x[ch] = make([]float64, rec.Len)
	}
	if err := rec.Data.ReadSamples(x, 0); err != nil {
		t.Fatal(err)
	}
	part := func(from, to float64) []float64 { // of the channel that sees the focus best
		ch := slices.IndexFunc(Bipolar(), func(s string) bool { return s[:len(truth.Focus)] == truth.Focus })
		return x[ch][rec.Info.Samples(from):rec.Info.Samples(to)]
	}
	band := func(p []float64, lo, hi int) (sum float64) {
		for _, v := range p[lo : hi+1] {
			sum += v
		}
		return sum
	}
	quiet, early, late := spectrum(part(10, 60)), spectrum(part(z.StartS, z.StartS+6)), spectrum(part(z.EndS-12, z.EndS-6))
	each := func(p []float64, s float64) float64 { return band(p, 3, 8) / s }
	if q := each(quiet, 50); each(late, 6) < 20*q || each(early, 6) < 1.5*q || each(late, 6) < 3*each(early, 6) {
		t.Errorf("power from 3 to 8 Hz: %g before, %g at the begin, %g at the end", q, each(early, 6), each(late, 6))
	}
	top := func(p []float64) int { return 2 + slices.Index(p[2:13], slices.Max(p[2:13])) }
	if math.Abs(float64(top(late))-z.ToHz) > 1.5 || z.FromHz < 5.5 || z.ToHz > 4.5 {
		t.Errorf("the rhythm ends at %d Hz, the truth has %g to %g", top(late), z.FromHz, z.ToHz)
	}
	before, behind := spectrum(part(z.StartS-60, z.StartS)), spectrum(part(z.EndS, z.EndS+15))
	if band(before, 4, 7)/60 < 1.3*band(quiet, 4, 7)/50 {
		t.Error("theta does not grow before the seizure")
	}
	if band(behind, 1, 2)/15 < 3*band(quiet, 1, 2)/50 {
		t.Error("there are no slow waves behind the seizure")
	}
	for _, b := range truth.Bursts {
		if !(0 <= b.StartS && b.StartS < b.EndS && b.EndS <= 480) {
			t.Errorf("burst %+v", b)
		}
	}
}

// TestSpikeWave: its mean over a cycle is 0 and its height about 1.
func TestSpikeWave(t *testing.T) {
	sum, top := 0.0, 0.0
	for i := range 1000 {
		v := spikeWave(2 * math.Pi * float64(i) / 1000)
		sum, top = sum+v/1000, max(top, math.Abs(v))
	}
	if math.Abs(sum) > 1e-3 || top < 0.7 || top > 1.3 {
		t.Errorf("mean %g, height %g", sum, top)
	}
}

// TestSeizureSeeds: the same options give the same bits; a patient keeps the focus from run to run.
func TestSeizureSeeds(t *testing.T) {
	o := smallSeizures()
	o.LengthS, o.MaxS, o.MinS, o.PreictalS, o.PostictalS = 120, 25, 20, 60, 20
	get := func(o SeizureOptions) ([]float64, *SeizureTruth) {
		rec, truth, err := Seizures(o)
		if err != nil {
			t.Fatal(err)
		}
		x := make([][]float64, 18)
		for ch := range x {
			x[ch] = make([]float64, rec.Len)
		}
		if err := rec.Data.ReadSamples(x, 0); err != nil {
			t.Fatal(err)
		}
		return x[4], truth
	}
	a, first := get(o)
	b, _ := get(o)
	if !slices.Equal(a, b) {
		t.Error("the same options give other samples")
	}
	o.Run = 9
	c, second := get(o)
	if slices.Equal(a, c) || first.Focus != second.Focus || first.Peak != second.Peak || first.Seizures[0].StartS == second.Seizures[0].StartS {
		t.Errorf("another run: %+v and %+v", first, second)
	}
}

func TestSeizureErrors(t *testing.T) {
	for what, change := range map[string]func(*SeizureOptions){
		"rate":              func(o *SeizureOptions) { o.Rate = 10 },
		"NaN":               func(o *SeizureOptions) { o.SeizureUV = math.NaN() },
		"too long seizures": func(o *SeizureOptions) { o.MaxS = o.LengthS },
		"short and long":    func(o *SeizureOptions) { o.MinS = o.MaxS + 1 },
		"negative count":    func(o *SeizureOptions) { o.Count = -1 },
		"too much memory":   func(o *SeizureOptions) { o.LengthS = 90000 },
	} {
		o := smallSeizures()
		change(&o)
		if _, _, err := Seizures(o); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
