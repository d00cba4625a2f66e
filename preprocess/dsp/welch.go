package dsp

import (
	"fmt"
	"math"
)

// WelchOptions tune Welch; the zero value asks for the defaults, which are those of scipy.signal.welch.
type WelchOptions struct {
	SegLen  int       // samples per segment; 0 means 256
	Overlap int       // samples shared by neighbours; 0 means SegLen/2, -1 none
	Window  []float64 // SegLen weights; nil means a periodic Hann window
}

// WelchPlan estimates power spectral densities by one WelchOptions. It is never written to: any number of goroutines
// may use it, each with a work space of its own.
type WelchPlan struct {
	rate      float64
	seg, step int
	window    []float64
	fft       *RealFFT
}

// WelchWork is the memory of one estimate at a time.
type WelchWork struct {
	fft  *FFTWork
	seg  [fftLanes][]float64
	bins [fftLanes][]complex128
}

// NewWelchPlan plans estimates for signals at rate Hz. It panics on options that make no sense: SegLen below 1, Overlap
// not below SegLen, Window of another length or without any weight.
func NewWelchPlan(rate float64, opt WelchOptions) *WelchPlan {
	p := &WelchPlan{rate: rate, seg: opt.SegLen, window: opt.Window}
	if p.seg == 0 {
		p.seg = 256
	}
	if p.window == nil {
		p.window = Hann(p.seg)
	}
	overlap := opt.Overlap
	switch overlap {
	case 0:
		overlap = p.seg / 2
	case -1:
		overlap = 0
	}
	if p.seg < 1 || overlap < 0 || overlap >= p.seg || len(p.window) != p.seg || !(sumOfSquares(p.window) > 0) || !(rate > 0) {
		panic(fmt.Sprintf("dsp: Welch with segments of %d samples, overlap %d, a window of %d and a rate of %g Hz", p.seg, overlap, len(p.window), rate))
	}
	p.step, p.fft = p.seg-overlap, NewRealFFT(p.seg)
	return p
}

// Bins is SegLen/2+1, the length of a result. Bin k is at k·rate/SegLen Hz.
func (p *WelchPlan) Bins() int { return p.fft.Bins() }

// Freq is the frequency of bin k in Hz.
func (p *WelchPlan) Freq(k int) float64 { return float64(k) * p.rate / float64(p.seg) }

// NewWork is the memory that PSD needs.
func (p *WelchPlan) NewWork() *WelchWork {
	w := &WelchWork{fft: p.fft.NewWork()}
	for i := range w.seg {
		w.seg[i], w.bins[i] = make([]float64, p.seg), make([]complex128, p.Bins())
	}
	return w
}

// PSD fills dst [Bins] with the one-sided power spectral density of x, len(x) ≥ SegLen: see Welch. Samples that do not
// fill a segment are dropped. A sample that is not finite makes the bins NaN; a flat signal has exactly 0 in all.
func (p *WelchPlan) PSD(dst, x []float64, w *WelchWork) {
	if len(x) < p.seg || len(dst) != p.Bins() {
		panic(fmt.Sprintf("dsp: Welch of %d samples into %d bins; segments have %d samples and %d bins", len(x), len(dst), p.seg, p.Bins()))
	}
	clear(dst)
	segments := 1 + (len(x)-p.seg)/p.step
	for done := 0; done < segments; done += fftLanes {
		n := min(fftLanes, segments-done)
		if haveLanes && p.fft.turn != nil {
			p.addLanes(dst, x[done*p.step:], n, w)
			continue
		}
		for i := range n {
			from := x[(done+i)*p.step:][:p.seg]
			mean := meanOf(from)
			for t, v := range from {
				w.seg[i][t] = (v - mean) * p.window[t]
			}
		}
		p.fft.Batch(w.bins[:n], w.seg[:n], w.fft)
		for _, bins := range w.bins[:n] {
			for k, v := range bins {
				dst[k] += float64(real(v)*real(v)) + float64(imag(v)*imag(v))
			}
		}
	}
	scale := 1 / (p.rate * sumOfSquares(p.window) * float64(segments))
	for k := range dst {
		dst[k] *= scale
	}
	doubleInner(dst, p.seg)
}

// Welch estimates the one-sided power spectral density of x by averaging windowed, overlapping periodograms (Welch 1967,
// doi:10.1109/TAU.1967.1161901).
//
// x is one channel in µV at rate Hz, len(x) ≥ SegLen. The result has SegLen/2+1 values in µV²/Hz; value k is at
// k·rate/SegLen Hz. Segments lose their mean and get a periodic Hann window: the defaults of scipy.signal.welch.
func Welch(x []float64, rate float64, opt WelchOptions) []float64 {
	p := NewWelchPlan(rate, opt)
	dst := make([]float64, p.Bins())
	p.PSD(dst, x, p.NewWork())
	return dst
}

// Hann is the periodic Hann window of n samples, (1 − cos(2πt/n))/2: the one for spectra.
func Hann(n int) []float64 { return cosineWindow(n, 0.5) }

// Hamming is the periodic Hamming window of n samples, 0.54 − 0.46·cos(2πt/n).
func Hamming(n int) []float64 { return cosineWindow(n, 0.54) }

func cosineWindow(n int, a float64) []float64 {
	w := make([]float64, n)
	for t := range w {
		w[t] = a - (1-a)*math.Cos(2*math.Pi*float64(t)/float64(n))
	}
	if n == 1 {
		w[0] = 1
	}
	return w
}

// doubleInner makes a one-sided density of n samples out of one side of a two-sided one: bins 0 and n/2 stand alone.
func doubleInner(psd []float64, n int) {
	last := len(psd)
	if n%2 == 0 {
		last--
	}
	for k := 1; k < last; k++ {
		psd[k] *= 2
	}
}

func sumOfSquares(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return sum
}

// meanOf measures from the first sample, so that a flat signal has exactly its value as mean. Four sums run side by
// side, because each addition waits for the one before.
func meanOf(x []float64) float64 {
	pivot, n := x[0], len(x)
	var a, b, c, d float64
	for ; len(x) >= 4; x = x[4:] {
		a += x[0] - pivot
		b += x[1] - pivot
		c += x[2] - pivot
		d += x[3] - pivot
	}
	for _, v := range x {
		a += v - pivot
	}
	return pivot + ((a+b)+(c+d))/float64(n)
}
