package dsp_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"testing"

	"github.com/mjibson/go-dsp/spectral"
	"github.com/mjibson/go-dsp/window"
	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

type spectra struct {
	SciPy, MNE string
	Welch      []struct {
		N, Seg, Overlap int
		PSD             []float64
	}
	DPSS []struct {
		N, K     int
		NW       float64
		Periodic bool
		Ratios   []float64
		Tapers   [][]float64
	}
	Multitaper []struct {
		N   int
		NW  float64
		PSD []float64
	}
	Morlet []struct {
		N             int
		Rate          float64
		Freqs, Cycles []float64
		Re, Im        [][]float64
	}
	Hilbert []struct {
		N      int
		Re, Im []float64
	}
}

func readSpectra(t *testing.T) spectra {
	t.Helper()
	raw, err := os.ReadFile("testdata/spectra.json")
	if err != nil {
		t.Fatal(err)
	}
	var s spectra
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Welch) == 0 || len(s.DPSS) == 0 || len(s.Multitaper) == 0 || len(s.Morlet) == 0 || len(s.Hilbert) == 0 {
		t.Fatal("testdata/spectra.json lacks a group")
	}
	return s
}

// whole is the signal of testdata/spectra.py.
func whole(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(7919*i%1009 - 504)
	}
	return x
}

// near compares relative to the largest value, and returns the error.
func near(t *testing.T, what string, got, want []float64, tol float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, must be %d", what, len(got), len(want))
	}
	var scale, worst float64
	for i := range want {
		scale, worst = max(scale, math.Abs(want[i])), max(worst, math.Abs(got[i]-want[i]))
		if math.IsNaN(got[i]) {
			t.Fatalf("%s: value %d is NaN", what, i)
		}
	}
	if !(worst <= tol*scale) {
		t.Errorf("%s: differs by %g of the largest value, at most %g", what, worst/scale, tol)
	}
	return relative(worst, scale)
}

// naiveWelch is the definition's sums: no FFT, no shared code.
func naiveWelch(x []float64, rate float64, seg, overlap int) []float64 {
	psd := make([]float64, seg/2+1)
	count := 0
	for from := 0; from+seg <= len(x); from += seg - overlap {
		count++
		mean, weight := 0.0, 0.0
		for t, v := range x[from : from+seg] {
			mean += v / float64(seg)
			weight += math.Pow(math.Sin(math.Pi*float64(t)/float64(seg)), 4)
		}
		for k := range psd {
			sum := complex128(0)
			for t := range seg {
				w := math.Pow(math.Sin(math.Pi*float64(t)/float64(seg)), 2)
				sum += complex((x[from+t]-mean)*w, 0) * cmplx.Exp(complex(0, -2*math.Pi*float64(k*t%seg)/float64(seg)))
			}
			p := real(sum*cmplx.Conj(sum)) / (rate * weight)
			if k > 0 && 2*k != seg {
				p *= 2
			}
			psd[k] += p
		}
	}
	floats.Scale(1/float64(count), psd)
	return psd
}

func TestWelch(t *testing.T) {
	for _, tc := range []struct {
		name            string
		n, seg, overlap int
	}{
		{"one segment", 256, 256, -1},
		{"odd segment", 999, 125, 60},
		{"tail is dropped", 300, 256, -1},
		{"five segments", 640, 128, -1},
		{"half", 520, 104, 0},
		{"prime", 600, 97, 0},
		{"two samples", 9, 2, -1},
		{"three samples", 9, 3, -1},
	} {
		x := noise(tc.n, 1)
		got := dsp.Welch(x, 250, dsp.WelchOptions{SegLen: tc.seg, Overlap: tc.overlap})
		overlap := max(tc.overlap, 0)
		if tc.overlap == 0 {
			overlap = tc.seg / 2
		}
		near(t, tc.name, got, naiveWelch(x, 250, tc.seg, overlap), 1e-12)
	}
}

func TestWelchMatchesSciPy(t *testing.T) {
	s, worst := readSpectra(t), 0.0
	for _, g := range s.Welch {
		overlap := g.Overlap
		if overlap == 0 {
			overlap = -1
		}
		got := dsp.Welch(whole(g.N), 250, dsp.WelchOptions{SegLen: g.Seg, Overlap: overlap})
		worst = max(worst, near(t, fmt.Sprintf("%d samples, segments of %d, overlap %d", g.N, g.Seg, g.Overlap), got, g.PSD, 1e-12))
	}
	parity(t, "Welch spectra", "SciPy "+s.SciPy+" welch", worst, 1e-12)
}

// TestWelchMatchesMNE: the golden values are mne.time_frequency.psd_array_welch of 4 channels of 15000 samples at 250 Hz
// with n_fft=512, n_overlap=256 and a Hamming window, 1 to 45 Hz.
func TestWelchMatchesMNE(t *testing.T) {
	x, want, freqs := datasettest.Golden(t, "long"), datasettest.Golden(t, "mne_welch"), datasettest.Golden(t, "mne_welch_f")
	p := dsp.NewWelchPlan(250, dsp.WelchOptions{SegLen: 512, Window: dsp.Hamming(512)})
	w, psd := p.NewWork(), make([]float64, p.Bins())
	first := int(math.Round(freqs[0] / p.Freq(1)))
	var all, ours []float64
	for ch := range 4 {
		p.PSD(psd, x[15000*ch:15000*(ch+1)], w)
		near(t, fmt.Sprintf("channel %d", ch), psd[first:first+90], want[90*ch:90*(ch+1)], 1e-12)
		all = append(all, psd[first:first+90]...)
		for k, f := range freqs {
			if d := math.Abs(psd[first+k]/want[90*ch+k] - 1); !(d <= 1e-11) || p.Freq(first+k) != f {
				t.Errorf("channel %d at %g Hz (%g): differs by %g", ch, p.Freq(first+k), f, d)
			}
		}
	}
	for k := range freqs {
		ours = append(ours, p.Freq(first+k))
	}
	paritytest.Within(t, "Welch spectra", "MNE 1.9.0", "golden/mne_welch", all, want, 1e-12)
	paritytest.Within(t, "Welch spectra: frequencies", "MNE 1.9.0", "golden/mne_welch_f", ours, freqs, 0)
}

// TestWelchMatchesGoDSP: go-dsp leaves the mean in, and gives twice the density at 0 and half the rate.
func TestWelchMatchesGoDSP(t *testing.T) {
	x := noise(2048, 3)
	for t := range 1024 { // an antisymmetric half makes the mean of both segments zero
		x[1024*(t/512)+512+t%512] = -x[1024*(t/512)+t%512]
	}
	want, _ := spectral.Pwelch(x, 250, &spectral.PwelchOptions{NFFT: 1024, Window: dsp.Hann})
	got := dsp.Welch(x, 250, dsp.WelchOptions{SegLen: 1024, Overlap: -1})
	paritytest.Within(t, "Welch spectra", "go-dsp", "generated", got[1:512], want[1:512], 1e-12)
}

// TestWindows: go-dsp's windows are symmetric; of n+1 samples without the last they are the periodic ones of n.
func TestWindows(t *testing.T) {
	worst := 0.0
	for _, n := range []int{2, 5, 64, 125} {
		worst = max(worst, near(t, "Hann", dsp.Hann(n), window.Hann(n + 1)[:n], 1e-15))
		worst = max(worst, near(t, "Hamming", dsp.Hamming(n), window.Hamming(n + 1)[:n], 1e-15))
	}
	parity(t, "Hann and Hamming windows", "go-dsp", worst, 1e-15)
	if w := dsp.Hann(1); w[0] != 1 {
		t.Errorf("window of one sample is %g, must be 1 as in SciPy", w[0])
	}
}

func TestWelchOfFlatAndBadSignals(t *testing.T) {
	for _, seg := range []int{64, 65} {
		x := make([]float64, 500)
		for i := range x {
			x[i] = 0.1 + 1e5/3
		}
		for k, v := range dsp.Welch(x, 250, dsp.WelchOptions{SegLen: seg}) {
			if v != 0 {
				t.Errorf("segments of %d: bin %d of a flat signal is %g", seg, k, v)
			}
		}
		x[77] = math.NaN()
		for k, v := range dsp.Welch(x, 250, dsp.WelchOptions{SegLen: seg}) {
			if !math.IsNaN(v) {
				t.Errorf("segments of %d: bin %d of a signal with a NaN is %g", seg, k, v)
			}
		}
	}
}

func TestWelchPanicsOnNonsense(t *testing.T) {
	for name, f := range map[string]func(){
		"overlap":      func() { dsp.NewWelchPlan(250, dsp.WelchOptions{SegLen: 10, Overlap: 10}) },
		"window":       func() { dsp.NewWelchPlan(250, dsp.WelchOptions{SegLen: 10, Window: make([]float64, 9)}) },
		"empty window": func() { dsp.NewWelchPlan(250, dsp.WelchOptions{SegLen: 10, Window: make([]float64, 10)}) },
		"rate":         func() { dsp.NewWelchPlan(0, dsp.WelchOptions{}) },
		"short":        func() { dsp.Welch(make([]float64, 255), 250, dsp.WelchOptions{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestDPSSMatchesSciPy(t *testing.T) {
	s, worstRatio, worstTaper := readSpectra(t), 0.0, 0.0
	for _, g := range s.DPSS {
		tapers, ratios := dsp.DPSS(g.N, g.NW, g.K, g.Periodic)
		what := fmt.Sprintf("%d samples, nw %g", g.N, g.NW)
		worstRatio = max(worstRatio, near(t, what+": ratios", ratios, g.Ratios, 1e-12))
		for i, want := range g.Tapers {
			var got []float64
			for at := 0; at < g.N; at += max(1, g.N/25) {
				got = append(got, tapers[i][at])
			}
			worstTaper = max(worstTaper, near(t, fmt.Sprintf("%s: taper %d", what, i), got, want, 1e-10))
		}
	}
	parity(t, "DPSS tapers", "SciPy "+s.SciPy+" dpss", worstTaper, 1e-10)
	parity(t, "DPSS tapers: share of the energy in the band", "SciPy "+s.SciPy+" dpss", worstRatio, 1e-12)
}

// TestDPSSIsTheDefinition: the tapers are eigenvectors of the matrix sin(2πw(s−t))/π(s−t).
func TestDPSSIsTheDefinition(t *testing.T) {
	const n, nw = 200, 3.5
	tapers, ratios := dsp.DPSS(n, nw, 7, false)
	for i, v := range tapers {
		if d := math.Abs(floats.Dot(v, v) - 1); d > 1e-13 {
			t.Errorf("taper %d: energy differs from 1 by %g", i, d)
		}
		for s := range n {
			sum := 0.0
			for u, x := range v {
				c := 2 * nw / n
				if s != u {
					c = math.Sin(2*math.Pi*nw/n*float64(s-u)) / (math.Pi * float64(s-u))
				}
				sum += c * x
			}
			if d := math.Abs(sum - ratios[i]*v[s]); d > 1e-12 {
				t.Fatalf("taper %d, sample %d: matrix times taper differs by %g", i, s, d)
			}
		}
	}
}

func TestMultitaperMatchesMNE(t *testing.T) {
	s, worst := readSpectra(t), 0.0
	for _, g := range s.Multitaper {
		p := dsp.NewMultitaperPlan(g.N, 250, g.NW)
		psd := make([]float64, p.Bins())
		p.PSD(psd, whole(g.N), p.NewWork())
		worst = max(worst, near(t, fmt.Sprintf("%d samples, nw %g", g.N, g.NW), psd, g.PSD, 1e-9))
	}
	parity(t, "multitaper spectra", "MNE "+s.MNE+" psd_array_multitaper", worst, 1e-9)
}

// TestMultitaperMatchesGolden: psd_array_multitaper with its defaults (normalization="length": not divided by the rate),
// 22 channels of 1000 samples at 250 Hz, 1 to 45 Hz.
func TestMultitaperMatchesGolden(t *testing.T) {
	x, want := datasettest.Golden(t, "sig"), datasettest.Golden(t, "mne_multitaper")
	p := dsp.NewMultitaperPlan(1000, 250, 4)
	w, psd := p.NewWork(), make([]float64, p.Bins())
	var all []float64
	for ch := range 22 {
		p.PSD(psd, x[1000*ch:1000*(ch+1)], w)
		floats.Scale(250, psd)
		all = append(all, psd[4:4+177]...)
		for k, v := range want[177*ch : 177*(ch+1)] {
			if d := math.Abs(psd[k+4]/v - 1); !(d <= 1e-9) {
				t.Errorf("channel %d at %g Hz: differs by %g", ch, p.Freq(k+4), d)
			}
		}
	}
	var freqs []float64
	for k := range 177 {
		freqs = append(freqs, p.Freq(k+4))
	}
	paritytest.Within(t, "multitaper spectra: frequencies", "MNE 1.9.0", "golden/mne_multitaper_f", freqs, datasettest.Golden(t, "mne_multitaper_f"), 1e-15)
	paritytest.Within(t, "multitaper spectra", "MNE 1.9.0", "golden/mne_multitaper", all, want, 1e-9)
}

func TestMorletMatchesMNE(t *testing.T) {
	s, worst := readSpectra(t), 0.0
	for _, g := range s.Morlet {
		p := dsp.NewMorletPlan(g.N, g.Rate, g.Freqs, g.Cycles)
		w := p.NewWork()
		all := p.Transform(whole(g.N), w)
		for i, f := range g.Freqs {
			re, im := make([]float64, g.N), make([]float64, g.N)
			for t, v := range all[i] {
				re[t], im[t] = real(v), imag(v)
			}
			worst = max(worst, near(t, fmt.Sprintf("%d samples, %g Hz, real part", g.N, f), re, g.Re[i], 1e-11))
			worst = max(worst, near(t, fmt.Sprintf("%d samples, %g Hz, imaginary part", g.N, f), im, g.Im[i], 1e-11))
		}
	}
	parity(t, "Morlet wavelets: coefficients", "MNE "+s.MNE+" tfr_array_morlet", worst, 1e-11)
}

// TestMorletMatchesGolden: tfr_array_morlet with freqs 4, 8, … 36 Hz, n_cycles=5, decim=4, power of the trial "sig".
func TestMorletMatchesGolden(t *testing.T) {
	x, want := datasettest.Golden(t, "sig"), datasettest.Golden(t, "mne_morlet_power")
	var freqs []float64
	for f := 4.0; f <= 36; f += 4 {
		freqs = append(freqs, f)
	}
	p := dsp.NewMorletPlan(1000, 250, freqs, []float64{5})
	w, power := p.NewWork(), make([]float64, 250)
	var all []float64
	for ch := range 22 {
		for i, c := range p.Transform(x[1000*ch:1000*(ch+1)], w) {
			for t := range power {
				power[t] = math.Pow(real(c[4*t]), 2) + math.Pow(imag(c[4*t]), 2)
			}
			near(t, fmt.Sprintf("channel %d, %g Hz", ch, freqs[i]), power, want[250*(9*ch+i):250*(9*ch+i+1)], 1e-11)
			all = append(all, power...)
		}
	}
	paritytest.Within(t, "Morlet wavelets: power of the first trial", "MNE 1.9.0", "golden/mne_morlet_power", all, want[:len(all)], 1e-11)
}

func TestAnalyticMatchesSciPy(t *testing.T) {
	s, worstRe, worstIm := readSpectra(t), 0.0, 0.0
	for _, g := range s.Hilbert {
		p := dsp.NewAnalyticPlan(g.N)
		for signals := range 7 { // company must not matter
			x, y := make([][]float64, signals), make([][]complex128, signals)
			for i := range x {
				x[i], y[i] = whole(g.N), make([]complex128, g.N)
			}
			p.Transform(y, x, p.NewWork())
			for i := range y {
				re, im := make([]float64, g.N), make([]float64, g.N)
				for t, v := range y[i] {
					re[t], im[t] = real(v), imag(v)
				}
				worstRe = max(worstRe, near(t, fmt.Sprintf("%d samples, real part", g.N), re, g.Re, 1e-13))
				worstIm = max(worstIm, near(t, fmt.Sprintf("%d samples, imaginary part", g.N), im, g.Im, 1e-12))
			}
		}
	}
	parity(t, "analytic signal: real part", "SciPy "+s.SciPy+" hilbert", worstRe, 1e-13)
	parity(t, "analytic signal: imaginary part", "SciPy "+s.SciPy+" hilbert", worstIm, 1e-12)
}

// TestAnalyticBand: of two cosines the band keeps the one inside it, as a rotating phasor of its amplitude.
func TestAnalyticBand(t *testing.T) {
	for _, n := range []int{200, 201} {
		x := make([]float64, n)
		for i := range x {
			at := 2 * math.Pi * float64(i) / float64(n)
			x[i] = 5 + 3*math.Cos(10*at+0.7) + 8*math.Cos(25*at)
		}
		p := dsp.NewAnalyticPlan(n)
		y := make([]complex128, n)
		p.TransformBand([][]complex128{y}, [][]float64{x}, 8, 12, p.NewWork())
		for i, v := range y {
			if want := cmplx.Rect(3, 10*2*math.Pi*float64(i)/float64(n)+0.7); cmplx.Abs(v-want) > 1e-12 {
				t.Fatalf("%d samples: sample %d is %v, want %v", n, i, v, want)
			}
		}
	}
}

func TestSpectraDoNotAllocate(t *testing.T) {
	x := noise(1000, 1)
	wp, mp, tp, hp := dsp.NewWelchPlan(250, dsp.WelchOptions{}), dsp.NewMorletPlan(1000, 250, []float64{8, 20}, []float64{5}), dsp.NewMultitaperPlan(1000, 250, 4), dsp.NewAnalyticPlan(1000)
	ww, mw, tw, hw := wp.NewWork(), mp.NewWork(), tp.NewWork(), hp.NewWork()
	psd, psdT, y := make([]float64, wp.Bins()), make([]float64, tp.Bins()), make([]complex128, 1000)
	xs, ys := [][]float64{x, x, x}, [][]complex128{y, make([]complex128, 1000), make([]complex128, 1000)}
	if a := testing.AllocsPerRun(5, func() {
		wp.PSD(psd, x, ww)
		tp.PSD(psdT, x, tw)
		mp.Transform(x, mw)
		hp.Transform(ys, xs, hw)
	}); a != 0 {
		t.Errorf("%g allocations", a)
	}
}

func ExampleWelch() {
	x := make([]float64, 20*250) // 20 s at 250 Hz of a 10 Hz sine, 20 µV peak
	for t := range x {
		x[t] = 20 * math.Sin(2*math.Pi*10*float64(t)/250)
	}
	psd := dsp.Welch(x, 250, dsp.WelchOptions{SegLen: 500})
	const df = 250. / 500
	fmt.Printf("peak at %.1f Hz, %.0f µV²\n", float64(floats.MaxIdx(psd))*df, floats.Sum(psd)*df)
	// Output: peak at 10.0 Hz, 200 µV²
}

// BenchmarkWelch is one hour of 64 channels at 160 Hz, as benchmarks/speed/peers/welch.py gives it to MNE and SciPy.
func BenchmarkWelch(b *testing.B) {
	const channels, rate = 64, 160
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = noise(3600*rate, uint64(ch))
	}
	for _, seg := range []int{256, 512} {
		b.Run(fmt.Sprintf("ch=%d/seg=%d", channels, seg), func(b *testing.B) {
			p := dsp.NewWelchPlan(rate, dsp.WelchOptions{SegLen: seg})
			w, psd := p.NewWork(), make([]float64, p.Bins())
			b.ReportAllocs()
			for b.Loop() {
				for _, row := range x {
					p.PSD(psd, row, w)
				}
			}
		})
	}
}

func BenchmarkMultitaper(b *testing.B) {
	p := dsp.NewMultitaperPlan(1000, 250, 4)
	w, psd, x := p.NewWork(), make([]float64, p.Bins()), noise(1000, 1)
	b.ReportAllocs()
	for b.Loop() {
		p.PSD(psd, x, w)
	}
}
