package dsp_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

type iirDesign struct {
	Order     int
	Kind      string
	Rate      float64
	Low, High float64
	RP, RS    float64
	SOS       [][]float64
}

func (d iirDesign) band() dsp.Band {
	return map[string]dsp.Band{
		"lowpass": dsp.Lowpass(d.High), "highpass": dsp.Highpass(d.Low),
		"bandpass": dsp.Bandpass(d.Low, d.High), "bandstop": dsp.Bandstop(d.Low, d.High),
	}[d.Kind]
}

type iirGolden struct {
	SciPy                         string
	Cheby1, Cheby2, Ellip, Bessel []iirDesign
	ZeroPhase                     []struct {
		Name    string
		SOS, Zi [][]float64
		Y       []float64
	}
	Combs []struct {
		Freq, Q, Rate float64
		B, A, Y       []float64
	}
	Delays []struct {
		SOS       [][]float64
		Rate      float64
		Hz, Delay []float64
	}
}

func readIIR(t *testing.T) iirGolden {
	t.Helper()
	raw, err := os.ReadFile("testdata/iir.json")
	if err != nil {
		t.Fatal(err)
	}
	var g iirGolden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func sosOf(rows [][]float64) dsp.SOS {
	s := make(dsp.SOS, len(rows))
	for i, c := range rows {
		s[i] = dsp.Section{B0: c[0], B1: c[1], B2: c[2], A1: c[4], A2: c[5]}
	}
	return s
}

// The whole numbers of testdata/iir.py.
func iirSignal() []float64 {
	x := make([]float64, 600)
	for i := range x {
		x[i] = float64(7919*i%1009 - 504)
	}
	return x
}

func everyFifth(x []float64) []float64 {
	var y []float64
	for i := 0; i < len(x); i += 5 {
		y = append(y, x[i])
	}
	return y
}

func TestFamiliesMatchSciPy(t *testing.T) {
	g, worst := readIIR(t), 0.0
	for _, family := range []struct {
		name    string
		designs []iirDesign
		ours    func(iirDesign) (dsp.SOS, error)
	}{
		{"cheby1", g.Cheby1, func(d iirDesign) (dsp.SOS, error) { return dsp.Cheby1(d.Order, d.RP, d.band(), d.Rate) }},
		{"cheby2", g.Cheby2, func(d iirDesign) (dsp.SOS, error) { return dsp.Cheby2(d.Order, d.RS, d.band(), d.Rate) }},
		{"ellip", g.Ellip, func(d iirDesign) (dsp.SOS, error) { return dsp.Ellip(d.Order, d.RP, d.RS, d.band(), d.Rate) }},
		{"bessel", g.Bessel, func(d iirDesign) (dsp.SOS, error) { return dsp.Bessel(d.Order, d.band(), d.Rate) }},
	} {
		if len(family.designs) < 50 {
			t.Fatalf("only %d designs of %s in testdata/iir.json", len(family.designs), family.name)
		}
		for _, d := range family.designs {
			what := fmt.Sprintf("%s %s of order %d, %g to %g Hz at %g Hz", family.name, d.Kind, d.Order, d.Low, d.High, d.Rate)
			sos, err := family.ours(d)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			if len(sos) != len(d.SOS) {
				t.Errorf("%s: %d sections, SciPy has %d", what, len(sos), len(d.SOS))
				continue
			}
			for i := range sos {
				worst = max(worst, section(t, fmt.Sprintf("%s: section %d", what, i), sos[i], d.SOS[i]))
			}
		}
	}
	parity(t, "Chebyshev I/II, elliptic, Bessel designs: coefficients", "SciPy "+g.SciPy, worst, tolerance)
}

// The promises of the designs, by the definition of the transfer function.
func TestFamiliesKeepTheirPromises(t *testing.T) {
	const rate = 250
	gain := func(s dsp.SOS, hz float64) float64 { return 20 * math.Log10(cmplx.Abs(response(s, hz, rate))) }
	must := func(s dsp.SOS, err error) dsp.SOS {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for order := 1; order <= dsp.MaxOrder; order++ {
		for name, s := range map[string]dsp.SOS{
			"cheby1": must(dsp.Cheby1(order, 0.5, dsp.Bandpass(8, 30), rate)),
			"ellip":  must(dsp.Ellip(order, 0.5, 50, dsp.Bandpass(8, 30), rate)),
		} {
			for hz := 8.0; hz <= 30; hz += 0.05 {
				if db := gain(s, hz); db > 1e-6 || db < -0.5-1e-6 {
					t.Fatalf("%s of order %d: %g dB at %g Hz, must be between -0.5 and 0", name, order, db, hz)
				}
			}
			if db := gain(s, 8); math.Abs(db+0.5) > 1e-6 {
				t.Errorf("%s of order %d: %g dB at the edge, must be -0.5", name, order, db)
			}
		}
		s := must(dsp.Cheby2(order, 50, dsp.Lowpass(30), rate))
		for hz := 30.0; hz < 125; hz += 0.1 {
			if db := gain(s, hz); db > -50+1e-6 {
				t.Fatalf("cheby2 of order %d: %g dB at %g Hz, must be at most -50", order, db, hz)
			}
		}
		// Far below a quarter of the rate a Bessel filter delays all frequencies of its pass band alike.
		b := must(dsp.Bessel(order, dsp.Lowpass(5), 1000))
		if d0, d1 := b.GroupDelay(0.01, 1000), b.GroupDelay(1, 1000); order > 3 && math.Abs(d0-d1) > 1e-3*d0 {
			t.Errorf("bessel of order %d: %g s late at 0, %g s at 1 Hz", order, d0, d1)
		}
	}
}

func TestFamilyErrors(t *testing.T) {
	b := dsp.Bandpass(8, 30)
	for want, f := range map[string]func() (dsp.SOS, error){
		"order is 0, must be 1 to 12":                    func() (dsp.SOS, error) { return dsp.Cheby1(0, 1, b, 250) },
		"order is 13, must be 1 to 12":                   func() (dsp.SOS, error) { return dsp.Bessel(13, b, 250) },
		"ripple in the pass band is 0 dB":                func() (dsp.SOS, error) { return dsp.Cheby1(4, 0, b, 250) },
		"ripple in the pass band is NaN dB":              func() (dsp.SOS, error) { return dsp.Ellip(4, math.NaN(), 40, b, 250) },
		"attenuation of the stop band is 900 dB":         func() (dsp.SOS, error) { return dsp.Cheby2(4, 900, b, 250) },
		"the first must be below the second":             func() (dsp.SOS, error) { return dsp.Ellip(4, 40, 3, b, 250) },
		"edge is 30 Hz, must be above 0 and below 25 Hz": func() (dsp.SOS, error) { return dsp.Bessel(4, b, 50) },
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, must contain %q", err, want)
		}
	}
}

func TestFiltFiltMatchesSciPy(t *testing.T) {
	g := readIIR(t)
	cases := g.ZeroPhase
	if len(cases) == 0 {
		t.Fatal("no signals in testdata/iir.json")
	}
	x, settled, worst := iirSignal(), 0.0, 0.0
	for i, c := range cases {
		s := sosOf(c.SOS)
		var got, want []float64
		for k, z := range s.SettledState() {
			got, want = append(got, z[0], z[1]), append(want, c.Zi[k]...)
		}
		settled = max(settled, compare(t, fmt.Sprintf("settled state of %s %d", c.Name, i), got, want))
		y := [][]float64{make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))}
		s.FiltFilt(y, [][]float64{x, x, x, x, x})
		for _, ch := range []int{0, 4} { // four side by side, and one alone
			worst = max(worst, compare(t, fmt.Sprintf("%s %d, channel %d", c.Name, i, ch), everyFifth(y[ch]), c.Y))
		}
	}
	parity(t, "IIR filters: settled state", "SciPy "+g.SciPy+" sosfilt_zi", settled, tolerance)
	parity(t, "IIR filters: forward and backward filtering", "SciPy "+g.SciPy+" sosfiltfilt", worst, tolerance)
}

func TestFiltFiltGolden(t *testing.T) {
	const channels, samples = 22, 1000
	want, sig := datasettest.Golden(t, "sosfiltfilt"), datasettest.Golden(t, "sig")
	s, err := dsp.Butter(4, dsp.Bandpass(8, 30), 250)
	if err != nil {
		t.Fatal(err)
	}
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = append([]float64(nil), sig[ch*samples:(ch+1)*samples]...)
	}
	s.FiltFilt(x, x) // in place
	var y []float64
	for ch := range x {
		y = append(y, x[ch]...)
		compare(t, fmt.Sprintf("channel %d", ch), x[ch], want[ch*samples:(ch+1)*samples])
	}
	paritytest.Within(t, "Butterworth band-pass, 4th order, 8–30 Hz: forward and backward filtering", "SciPy sosfiltfilt", "golden/sosfiltfilt", y, want, tolerance)
}

func TestFiltFiltBadInput(t *testing.T) {
	s, err := dsp.Butter(4, dsp.Bandpass(8, 30), 250)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 2, 27} { // a constant has nothing to pass, however short
		x := [][]float64{make([]float64, n)}
		for i := range x[0] {
			x[0][i] = 1000
		}
		s.FiltFilt(x, x)
		for i, v := range x[0] {
			if !(math.Abs(v) < 1e-9) {
				t.Errorf("sample %d of a constant of %d samples is %g, must be 0", i, n, v)
			}
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		for _, at := range []int{0, 300, 599} {
			x := [][]float64{iirSignal(), iirSignal()}
			x[0][at] = bad
			s.FiltFilt(x, x)
			for i := range x[0] {
				if !math.IsNaN(x[0][i]) || math.IsNaN(x[1][i]) {
					t.Fatalf("%g at %d: sample %d of its channel is %g, of the other %g", bad, at, i, x[0][i], x[1][i])
				}
			}
		}
	}
}

func TestGroupDelayMatchesSciPy(t *testing.T) {
	g, worst := readIIR(t), 0.0
	cases := g.Delays
	if len(cases) == 0 {
		t.Fatal("no delays in testdata/iir.json")
	}
	for i, c := range cases {
		got := make([]float64, len(c.Hz))
		for k, hz := range c.Hz {
			got[k] = sosOf(c.SOS).GroupDelay(hz, c.Rate) * c.Rate
		}
		worst = max(worst, compare(t, fmt.Sprintf("cascade %d", i), got, c.Delay))
	}
	parity(t, "IIR filters: group delay", "SciPy "+g.SciPy, worst, tolerance)
}

// The mean of the delays of all frequencies, weighted with the power gain, by the definition.
func TestMeanDelay(t *testing.T) {
	for order := 1; order <= 4; order++ {
		s, err := dsp.Butter(order, dsp.Bandpass(8, 30), 250)
		if err != nil {
			t.Fatal(err)
		}
		var num, den float64
		for k := range 20000 {
			hz := (float64(k) + 0.5) / 20000 * 125
			power := math.Pow(cmplx.Abs(response(s, hz, 250)), 2)
			num += power * s.GroupDelay(hz, 250)
			den += power
		}
		if got, want := s.MeanDelay(250), num/den; math.Abs(got-want) > 1e-6*want {
			t.Errorf("order %d: the mean delay is %g s, must be %g", order, got, want)
		}
	}
}

func TestCombMatchesSciPy(t *testing.T) {
	g := readIIR(t)
	cases := g.Combs
	if len(cases) == 0 {
		t.Fatal("no combs in testdata/iir.json")
	}
	x, coef, worst := iirSignal(), 0.0, 0.0
	for _, c := range cases {
		what := fmt.Sprintf("comb of %g Hz, q %g, at %g Hz", c.Freq, c.Q, c.Rate)
		comb, err := dsp.NewComb(c.Freq, c.Q, c.Rate)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if comb.Period != len(c.B)-1 {
			t.Fatalf("%s: a period of %d samples, SciPy has %d", what, comb.Period, len(c.B)-1)
		}
		last := comb.Period
		coef = max(coef, compare(t, what, []float64{comb.B0, comb.BN, comb.AN}, []float64{c.B[0], c.B[last], c.A[last]}))
		y := make([]float64, len(x))
		state := comb.NewState()
		comb.Filt(y[:7], x[:7], &state)
		comb.Filt(y[7:], x[7:], &state)
		worst = max(worst, compare(t, what, everyFifth(y), c.Y))
	}
	parity(t, "combs: coefficients", "SciPy "+g.SciPy+" iircomb", coef, tolerance)
	parity(t, "combs: causal filtering", "SciPy "+g.SciPy+" lfilter", worst, tolerance)
	for want, f := range map[string][3]float64{
		"frequency is 60 Hz, must divide the sampling rate of 250 Hz": {60, 30, 250},
		"frequency is 0 Hz, must be above 0 and below 125 Hz":         {0, 30, 250},
		"q is 0.5, must be above 1 and finite":                        {50, 0.5, 250},
	} {
		if _, err := dsp.NewComb(f[0], f[1], f[2]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, must contain %q", err, want)
		}
	}
}
