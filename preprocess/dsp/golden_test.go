package dsp_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// The two implementations order the same sums differently and use other libraries for sines and roots, so they agree
// to some units in the last place times the conditioning of the design.
const tolerance = 1e-9

type design struct {
	Order     int
	Kind      string
	Rate      float64
	Low, High float64
	SOS       [][]float64
	Y         []float64
}

func (d design) String() string {
	return fmt.Sprintf("%s of order %d, %g to %g Hz at %g Hz", d.Kind, d.Order, d.Low, d.High, d.Rate)
}

func (d design) ours(t *testing.T) dsp.SOS {
	t.Helper()
	band := map[string]dsp.Band{
		"lowpass": dsp.Lowpass(d.High), "highpass": dsp.Highpass(d.Low),
		"bandpass": dsp.Bandpass(d.Low, d.High), "bandstop": dsp.Bandstop(d.Low, d.High),
	}[d.Kind]
	sos, err := dsp.Butter(d.Order, band, d.Rate)
	if err != nil {
		t.Fatalf("%v: %v", d, err)
	}
	return sos
}

type golden struct {
	SciPy, NumPy  string
	Designs, Ties []design
	Notches       []struct {
		Freq, Q, Rate float64
		SOS           []float64
	}
	Filtered []design
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/sos.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// parity reports the worst error of several cases on signals that a formula makes.
func parity(t *testing.T, what, peer string, worst, tol float64) {
	t.Helper()
	paritytest.Error(t, paritytest.Report{What: what, Peer: peer, Data: "generated", Err: worst, Tol: tol})
}

// section compares numerator and denominator, each relative to its largest coefficient, and returns the larger error.
func section(t *testing.T, what string, got dsp.Section, want []float64) (worst float64) {
	t.Helper()
	all := []float64{got.B0, got.B1, got.B2, 1, got.A1, got.A2}
	for _, part := range [][2]int{{0, 3}, {3, 6}} {
		var scale float64
		for _, v := range want[part[0]:part[1]] {
			scale = max(scale, math.Abs(v))
		}
		for i := part[0]; i < part[1]; i++ {
			if !(math.Abs(all[i]-want[i]) <= tolerance*scale) {
				t.Errorf("%s: coefficient %d is %v, SciPy has %v", what, i, all[i], want[i])
			}
			worst = max(worst, math.Abs(all[i]-want[i])/scale)
		}
	}
	return worst
}

func TestButterMatchesSciPy(t *testing.T) {
	g := readGolden(t)
	if len(g.Designs) < 100 {
		t.Fatalf("only %d designs in testdata/sos.json", len(g.Designs))
	}
	worst := 0.0
	for _, d := range g.Designs {
		sos := d.ours(t)
		if len(sos) != len(d.SOS) {
			t.Errorf("%v: %d sections, SciPy has %d", d, len(sos), len(d.SOS))
			continue
		}
		for i := range sos {
			worst = max(worst, section(t, fmt.Sprintf("%v: section %d", d, i), sos[i], d.SOS[i]))
		}
	}
	parity(t, "Butterworth designs: coefficients", "SciPy "+g.SciPy, worst, tolerance)
}

// Where rounding decides about the order of the sections, the whole filter must still be the same.
func TestButterMatchesSciPyAtTies(t *testing.T) {
	g, all := readGolden(t), 0.0
	for _, d := range g.Ties {
		sos := d.ours(t)
		want := make(dsp.SOS, len(d.SOS))
		for i, c := range d.SOS {
			want[i] = dsp.Section{B0: c[0], B1: c[1], B2: c[2], A1: c[4], A2: c[5]}
		}
		var worst float64
		for k := range 400 {
			f := (float64(k) + 0.5) / 800 * d.Rate
			worst = max(worst, cmplx.Abs(response(sos, f, d.Rate)-response(want, f, d.Rate)))
		}
		if !(worst <= tolerance) { // the pass band has a gain of 1
			t.Errorf("%v: the response differs from SciPy's by %g", d, worst)
		}
		all = max(all, worst)
	}
	parity(t, "Butterworth designs with poles at equal distance: frequency response", "SciPy "+g.SciPy, all, tolerance)
}

func TestNotchMatchesSciPy(t *testing.T) {
	g, worst := readGolden(t), 0.0
	for _, n := range g.Notches {
		what := fmt.Sprintf("notch at %g Hz, q %g, at %g Hz", n.Freq, n.Q, n.Rate)
		worst = max(worst, section(t, what, dsp.NotchSection(n.Freq, n.Q, n.Rate), n.SOS))
	}
	parity(t, "IIR notches: coefficients", "SciPy "+g.SciPy, worst, tolerance)
}

func TestFiltMatchesSciPy(t *testing.T) {
	x := make([]float64, 400) // the signal of testdata/sos.py
	for i := range x {
		x[i] = float64(7919*i%1009 - 504)
	}
	g, worst := readGolden(t), 0.0
	filtered := g.Filtered
	if len(filtered) == 0 {
		t.Fatal("no filtered signals in testdata/sos.json")
	}
	for _, d := range filtered {
		y := run(d.ours(t), [][]float64{x})[0]
		every8 := make([]float64, 0, len(d.Y))
		for i := 0; i < len(y); i += 8 {
			every8 = append(every8, y[i])
		}
		worst = max(worst, compare(t, d.String(), every8, d.Y))
	}
	parity(t, "Butterworth filters: causal filtering", "SciPy "+g.SciPy+" sosfilt", worst, tolerance)
}

func TestGoldenTrial(t *testing.T) {
	const channels, samples = 22, 1000
	sosWant := datasettest.Golden(t, "butter4_8_30_sos")
	sig, filtered := datasettest.Golden(t, "sig"), datasettest.Golden(t, "sosfilt")
	sos, err := dsp.Butter(4, dsp.Bandpass(8, 30), 250)
	if err != nil {
		t.Fatal(err)
	}
	var coef []float64
	for i, s := range sos {
		section(t, fmt.Sprintf("section %d", i), s, sosWant[6*i:6*i+6])
		coef = append(coef, s.B0, s.B1, s.B2, 1, s.A1, s.A2)
	}
	paritytest.Within(t, "Butterworth band-pass, 4th order, 8–30 Hz: coefficients", "SciPy", "golden/butter4_8_30_sos", coef, sosWant, tolerance)
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = sig[ch*samples : (ch+1)*samples]
	}
	var y []float64
	for _, row := range run(sos, x) {
		y = append(y, row...)
	}
	paritytest.Within(t, "Butterworth band-pass, 4th order, 8–30 Hz: causal filtering", "SciPy sosfilt", "golden/sosfilt", y, filtered, tolerance)
}

// compare takes the error relative to the largest value, and returns it.
func compare(t *testing.T, what string, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d samples, SciPy has %d", what, len(got), len(want))
	}
	var scale, worst float64
	for i := range want {
		scale, worst = max(scale, math.Abs(want[i])), max(worst, math.Abs(got[i]-want[i]))
	}
	if !(worst <= tolerance*scale) {
		t.Errorf("%s: differs from SciPy by %g of the largest value", what, worst/scale)
	}
	return relative(worst, scale)
}

// relative is worst over scale: 0 where both are 0.
func relative(worst, scale float64) float64 {
	if worst == 0 {
		return 0
	}
	return worst / scale
}

// run filters with fresh state.
func run(sos dsp.SOS, x [][]float64) [][]float64 {
	y := make([][]float64, len(x))
	for ch := range y {
		y[ch] = make([]float64, len(x[ch]))
	}
	sos.Filt(y, x, sos.NewState(len(x)))
	return y
}

// response is H at f Hz by the definition of a Section.
func response(sos dsp.SOS, f, rate float64) complex128 {
	z1 := cmplx.Exp(complex(0, -2*math.Pi*f/rate)) // z⁻¹
	h := complex128(1)
	for _, s := range sos {
		num := complex(s.B0, 0) + complex(s.B1, 0)*z1 + complex(s.B2, 0)*z1*z1
		den := 1 + complex(s.A1, 0)*z1 + complex(s.A2, 0)*z1*z1
		h *= num / den
	}
	return h
}
