package dsp_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

type firGolden struct {
	SciPy, MNE string
	Firwin     []struct {
		Kind, Window          string
		Taps                  int
		Beta, Low, High, Rate float64
		H                     []float64
	}
	Designs []struct {
		Rate, Low, High, LowTrans, HighTrans float64
		Window                               string
		Taps                                 int
		H                                    []float64
	}
	ZeroPhase []struct {
		N         int
		Low, High float64
		Y         []float64
	}
	Notches []struct {
		Freqs        []float64
		Width, Trans float64
		Y            []float64
	}
	Poly, FFT []struct {
		Rate, To float64
		N, Len   int
		Y        []float64
	}
}

func readFIR(t *testing.T) firGolden {
	t.Helper()
	raw, err := os.ReadFile("testdata/fir.json")
	if err != nil {
		t.Fatal(err)
	}
	var g firGolden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// The whole numbers of testdata/fir.py.
func firSignal(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(7919*i%1009 - 504)
	}
	return x
}

// thin is every k-th value, as testdata/fir.py keeps them.
func thin(x []float64, k int) []float64 {
	var y []float64
	for i := 0; i < len(x); i += max(k, 1) {
		y = append(y, x[i])
	}
	return y
}

// bandOf reads edges as MNE does: 0 is none, and a lower edge above the upper one means a stop band.
func bandOf(low, high float64) dsp.Band {
	switch {
	case low == 0:
		return dsp.Lowpass(high)
	case high == 0:
		return dsp.Highpass(low)
	case low > high:
		return dsp.Bandstop(high, low)
	default:
		return dsp.Bandpass(low, high)
	}
}

func TestFirwinMatchesSciPy(t *testing.T) {
	g, worst := readFIR(t), 0.0
	cases := g.Firwin
	if len(cases) < 50 {
		t.Fatalf("only %d designs in testdata/fir.json", len(cases))
	}
	for _, c := range cases {
		w := dsp.KaiserFIR(c.Beta)
		if c.Window != "kaiser" {
			var err error
			if w, err = dsp.FIRWindowNamed(c.Window); err != nil {
				t.Fatal(err)
			}
		}
		b := map[string]dsp.Band{
			"lowpass": dsp.Lowpass(c.High), "highpass": dsp.Highpass(c.Low),
			"bandpass": dsp.Bandpass(c.Low, c.High), "bandstop": dsp.Bandstop(c.Low, c.High),
		}[c.Kind]
		what := fmt.Sprintf("%s of %d taps, %s %g", c.Kind, c.Taps, c.Window, c.Beta)
		h, err := dsp.Firwin(c.Taps, b, w, c.Rate)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		worst = max(worst, compare(t, what, h[:(len(h)+1)/2], c.H))
		for i := range h {
			if h[i] != h[len(h)-1-i] {
				t.Fatalf("%s: tap %d is %v, tap %d is %v", what, i, h[i], len(h)-1-i, h[len(h)-1-i])
			}
		}
	}
	parity(t, "FIR designs by window: taps", "SciPy "+g.SciPy+" firwin", worst, tolerance)
}

func TestFIRMatchesMNE(t *testing.T) {
	g, worst := readFIR(t), 0.0
	for _, c := range g.Designs {
		w, err := dsp.FIRWindowNamed(c.Window)
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("%g to %g Hz at %g Hz, %s", c.Low, c.High, c.Rate, c.Window)
		h, err := dsp.FIR(bandOf(c.Low, c.High), dsp.FIROptions{Window: w, LowTrans: c.LowTrans, HighTrans: c.HighTrans}, c.Rate)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if len(h) != c.Taps {
			t.Errorf("%s: %d taps, MNE has %d", what, len(h), c.Taps)
			continue
		}
		worst = max(worst, compare(t, what, thin(h[:(len(h)+1)/2], len(h)/200), c.H))
	}
	parity(t, "FIR designs by edges and transitions: taps", "MNE "+g.MNE+" create_filter", worst, tolerance)
}

func TestFIRGolden(t *testing.T) {
	const channels, samples = 4, 15000
	long := datasettest.Golden(t, "long")
	band, err := dsp.FIR(dsp.Bandpass(8, 30), dsp.FIROptions{}, 250)
	if err != nil {
		t.Fatal(err)
	}
	paritytest.Within(t, "FIR band-pass, 8–30 Hz: taps", "MNE 1.9.0", "golden/mne_fir_taps", band, datasettest.Golden(t, "mne_fir_taps"), tolerance)
	notch, err := dsp.FIRNotch([]float64{50}, 0, 0, 250)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		what string
		h    []float64
	}{
		"mne_fir_8_30": {"FIR band-pass, 8–30 Hz: zero-phase filtering", band},
		"mne_notch50":  {"FIR notch, 50 Hz: zero-phase filtering", notch},
	} {
		want := datasettest.Golden(t, name)
		f, err := dsp.NewZeroPhaseFIR(tc.h, samples)
		if err != nil {
			t.Fatal(err)
		}
		y, all := make([]float64, samples), []float64(nil)
		for ch := range channels {
			f.Filt(y, long[ch*samples:(ch+1)*samples])
			compare(t, fmt.Sprintf("%s, channel %d", name, ch), y, want[ch*samples:(ch+1)*samples])
			all = append(all, y...)
		}
		paritytest.Within(t, tc.what, "MNE 1.9.0", "golden/"+name, all, want, tolerance)
	}
}

func TestZeroPhaseFIRMatchesMNE(t *testing.T) {
	g := readFIR(t)
	x, bands, notches := firSignal(3000), 0.0, 0.0
	for _, c := range g.ZeroPhase {
		h, err := dsp.FIR(bandOf(c.Low, c.High), dsp.FIROptions{}, 250)
		if err != nil {
			t.Fatal(err)
		}
		f, err := dsp.NewZeroPhaseFIR(h, c.N)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float64, c.N)
		f.Filt(y, x[:c.N])
		bands = max(bands, compare(t, fmt.Sprintf("%d samples, %g to %g Hz", c.N, c.Low, c.High), thin(y, c.N/150), c.Y))
	}
	for _, c := range g.Notches {
		h, err := dsp.FIRNotch(c.Freqs, c.Width, c.Trans, 250)
		if err != nil {
			t.Fatal(err)
		}
		f, err := dsp.NewZeroPhaseFIR(h, len(x))
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float64, len(x))
		f.Filt(y, x)
		notches = max(notches, compare(t, fmt.Sprintf("notches at %v Hz", c.Freqs), thin(y, 20), c.Y))
	}
	parity(t, "FIR filters: zero-phase filtering", "MNE "+g.MNE+" filter_data", bands, tolerance)
	parity(t, "FIR notches: zero-phase filtering", "MNE "+g.MNE+" notch_filter", notches, tolerance)
}

// naiveFIR is the definition, over x with its ends extended as in the comment of ZeroPhaseFIR.Filt.
func naiveFIR(x, h []float64) []float64 {
	n, half := len(x), len(h)/2
	at := func(i int) float64 {
		switch {
		case i >= 0 && i < n:
			return x[i]
		case i < 0 && -i < n:
			return 2*x[0] - x[-i]
		case i >= n && 2*(n-1)-i >= 0:
			return 2*x[n-1] - x[2*(n-1)-i]
		default:
			return 0
		}
	}
	y := make([]float64, n)
	for t := range y {
		for k, v := range h {
			y[t] += v * at(t+half-k)
		}
	}
	return y
}

func TestZeroPhaseFIR(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, taps := range []int{1, 3, 31, 99, 413} {
		h := make([]float64, taps)
		for i := range (taps + 1) / 2 {
			h[i] = r.NormFloat64()
			h[taps-1-i] = h[i]
		}
		f, err := dsp.NewZeroPhaseFIR(h, 2000)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 30, 500, 2000, 5001} { // one plan, other lengths than it was made for
			x := make([]float64, n)
			for i := range x {
				x[i] = r.NormFloat64() + 100
			}
			want := naiveFIR(x, h)
			f.Filt(x, x)
			compare(t, fmt.Sprintf("%d taps on %d samples", taps, n), x, want)
		}
	}
	for _, h := range [][]float64{{1, 1}, {1, 2, 3}, {}} {
		if _, err := dsp.NewZeroPhaseFIR(h, 100); err == nil || !strings.Contains(err.Error(), "must be an odd number and symmetric") {
			t.Errorf("taps %v: the error is %v", h, err)
		}
	}
}

// A NaN or an infinity comes out over the length of the taps around it, and nowhere else.
func TestZeroPhaseFIRKeepsNaNNear(t *testing.T) {
	h, err := dsp.Firwin(31, dsp.Lowpass(30), dsp.HammingFIR, 250)
	if err != nil {
		t.Fatal(err)
	}
	f, err := dsp.NewZeroPhaseFIR(h, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 7, 500, 990, 999} {
		x, y := firSignal(1000), make([]float64, 1000)
		x[at] = math.Inf(-1)
		f.Filt(y, x)
		want := naiveFIR(x, h)
		for i := range y {
			if finite := want[i]-want[i] == 0; finite == math.IsNaN(y[i]) {
				t.Fatalf("infinity at %d: sample %d is %v, by the definition %v", at, i, y[i], want[i])
			}
		}
	}
}

func TestFIRErrors(t *testing.T) {
	for want, f := range map[string]func() ([]float64, error){
		"edge is 130 Hz, must be above 0 and below 125 Hz":                                    func() ([]float64, error) { return dsp.FIR(dsp.Lowpass(130), dsp.FIROptions{}, 250) },
		"lower transition band is 9 Hz wide, must be at most the edge of 8 Hz":                func() ([]float64, error) { return dsp.FIR(dsp.Bandpass(8, 30), dsp.FIROptions{LowTrans: 9}, 250) },
		"upper transition band is 100 Hz wide, must be at most 95 Hz":                         func() ([]float64, error) { return dsp.FIR(dsp.Bandpass(8, 30), dsp.FIROptions{HighTrans: 100}, 250) },
		"transition band is -1 Hz wide, must be above 0":                                      func() ([]float64, error) { return dsp.FIR(dsp.Lowpass(30), dsp.FIROptions{HighTrans: -1}, 250) },
		"stop band from 49 to 51 Hz is too narrow for transition bands of 12.25 and 12.75 Hz": func() ([]float64, error) { return dsp.FIR(dsp.Bandstop(49, 51), dsp.FIROptions{}, 250) },
		"asks for 8.25e+08 taps, must be at most 4194304":                                     func() ([]float64, error) { return dsp.FIR(dsp.Lowpass(30), dsp.FIROptions{HighTrans: 1e-6}, 250) },
		"window kaiser has no rule for the number of taps": func() ([]float64, error) {
			return dsp.FIR(dsp.Lowpass(30), dsp.FIROptions{Window: dsp.KaiserFIR(5)}, 250)
		},
		"no window for the filter":               func() ([]float64, error) { return dsp.Firwin(31, dsp.Lowpass(30), dsp.FIRWindow{}, 250) },
		"30 taps, must be 1 or more, and odd":    func() ([]float64, error) { return dsp.Firwin(30, dsp.Highpass(30), dsp.HannFIR, 250) },
		"2 taps are too few for the hann window": func() ([]float64, error) { return dsp.Firwin(2, dsp.Lowpass(30), dsp.HannFIR, 250) },
		"no frequency to remove":                 func() ([]float64, error) { return dsp.FIRNotch(nil, 0, 0, 250) },
		"notch at 124.5 Hz reaches from":         func() ([]float64, error) { return dsp.FIRNotch([]float64{50, 124.5}, 0, 0, 250) },
		"notch at 50.5 Hz reaches from":          func() ([]float64, error) { return dsp.FIRNotch([]float64{50, 50.5}, 0, 0, 250) },
	} {
		_, err := f()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, must contain %q", err, want)
		}
	}
	if _, err := dsp.FIRWindowNamed("boxcar"); err == nil || !strings.Contains(err.Error(), `window is "boxcar", must be hamming, hann or blackman`) {
		t.Errorf("the error is %v", err)
	}
}

func TestFIRDelay(t *testing.T) {
	h, err := dsp.FIR(dsp.Bandpass(8, 30), dsp.FIROptions{}, 250)
	if err != nil {
		t.Fatal(err)
	}
	if got := dsp.FIRDelay(h, 20, 250); got != 206.0/250 {
		t.Errorf("%g s late, must be 206 samples", got)
	}
	if got := dsp.FIRDelay([]float64{1, 0.5}, 0, 1); math.Abs(got-1.0/3) > 1e-15 { // Σ k·h / Σ h
		t.Errorf("%g s late, must be 1/3 of a sample", got)
	}
}

func TestFIRFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, taps := range []int{1, 2, 7, 413} {
		h := make([]float64, taps)
		for i := range h {
			h[i] = r.NormFloat64()
		}
		x := make([]float64, 3000)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		want := make([]float64, len(x))
		for i := range want {
			for k := min(taps-1, i); k >= 0; k-- {
				want[i] += h[k] * x[i-k]
			}
		}
		f := dsp.NewFIRFilter(h)
		whole, cut := make([]float64, len(x)), make([]float64, len(x))
		s := f.NewState()
		f.Filt(whole, x, &s)
		compare(t, fmt.Sprintf("%d taps", taps), whole, want)
		s = f.NewState()
		for at := 0; at < len(x); {
			n := min(r.IntN(40), len(x)-at)
			copy(cut[at:], x[at:at+n])
			f.Filt(cut[at:at+n], cut[at:at+n], &s)
			at += n
		}
		for i := range whole {
			if cut[i] != whole[i] {
				t.Fatalf("%d taps: sample %d is %v in pieces, %v as a whole", taps, i, cut[i], whole[i])
			}
		}
	}
}

func BenchmarkZeroPhaseFIR(b *testing.B) { // one hour of 22 channels at 250 Hz, 8 to 30 Hz
	h, err := dsp.FIR(dsp.Bandpass(8, 30), dsp.FIROptions{}, 250)
	if err != nil {
		b.Fatal(err)
	}
	const n, channels = 900000, 22
	x, y := make([]float64, n), make([]float64, n)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		x[i] = 20 * r.NormFloat64()
	}
	for b.Loop() {
		f, err := dsp.NewZeroPhaseFIR(h, n)
		if err != nil {
			b.Fatal(err)
		}
		for range channels {
			f.Filt(y, x)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*1e9/(n*channels), "ns/channel-sample")
}

func BenchmarkFIRFilter(b *testing.B) { // causal, one hour of 22 channels at 250 Hz would be 22 × 3600 of these
	h, err := dsp.FIR(dsp.Bandpass(8, 30), dsp.FIROptions{}, 250)
	if err != nil {
		b.Fatal(err)
	}
	f := dsp.NewFIRFilter(h)
	s := f.NewState()
	x := firSignal(250)
	y := make([]float64, len(x))
	b.ReportAllocs()
	for b.Loop() {
		f.Filt(y, x, &s)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*1e9/float64(len(x)), "ns/channel-sample")
}
