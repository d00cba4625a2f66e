package dsp

import (
	"errors"
	"fmt"
	"math"
)

// FIRWindow is what an ideal, endless impulse response is multiplied with to make it short: its side lobes decide how much
// the stop band loses, its width how fast the gain falls. Make one with Hamming, Hann, Blackman or Kaiser.
type FIRWindow struct {
	name string
	beta float64 // of kaiser
	// factor is the length of a filter times its transition band over the rate (Ifeachor and Jervis 2002, Digital Signal
	// Processing, table 7.3); 0 where there is no such rule.
	factor float64
}

// Windows that FIR filters are designed with. The loss of the stop band is at least 53 dB for Hamming, 44 dB for Hann and
// 74 dB for Blackman.
var (
	HammingFIR  = FIRWindow{name: "hamming", factor: 3.3}
	HannFIR     = FIRWindow{name: "hann", factor: 3.1}
	BlackmanFIR = FIRWindow{name: "blackman", factor: 5}
)

// KaiserFIR is the window of Kaiser, whose beta, 0 and up, trades width against side lobes.
func KaiserFIR(beta float64) FIRWindow { return FIRWindow{name: "kaiser", beta: beta} }

// FIRWindowNamed is the window called hamming, hann or blackman.
func FIRWindowNamed(name string) (FIRWindow, error) {
	for _, w := range []FIRWindow{HammingFIR, HannFIR, BlackmanFIR} {
		if w.name == name {
			return w, nil
		}
	}
	return FIRWindow{}, fmt.Errorf("window is %q, must be hamming, hann or blackman", name)
}

// at is value i of n.
func (w FIRWindow) at(i, n int) float64 {
	if n == 1 {
		return 1
	}
	r := float64(2*i-(n-1)) / float64(n-1) // −1 … 1, symmetric to the last bit
	switch w.name {
	case "hann":
		return 0.5 + 0.5*math.Cos(math.Pi*r)
	case "blackman":
		return 0.42 + 0.5*math.Cos(math.Pi*r) + 0.08*math.Cos(2*math.Pi*r)
	case "kaiser":
		return besselI0(w.beta*math.Sqrt(1-r*r)) / besselI0(w.beta)
	default:
		return 0.54 + 0.46*math.Cos(math.Pi*r)
	}
}

// besselI0 is the modified Bessel function of the first kind and order 0, by its power series: all terms are positive.
func besselI0(x float64) float64 {
	sum, term, q := 1.0, 1.0, x*x/4
	for k := 1.0; term > 0x1p-54*sum; k++ {
		term *= q / (k * k)
		sum += term
	}
	return sum
}

// Firwin designs a linear-phase FIR filter by the window method: the taps h[0] … h[taps−1], symmetric, with a gain of 1
// in the middle of the (first) pass band and of ½ at the edges. It delays everything by (taps−1)/2 samples.
//
// Taps is 1 or more, odd for Highpass and Bandstop. It is scipy.signal.firwin(taps, edges, window=w, pass_zero=kind,
// fs=rate).
func Firwin(taps int, b Band, w FIRWindow, rate float64) ([]float64, error) {
	if err := b.check(rate); err != nil {
		return nil, err
	}
	if w.name == "" || !(w.beta >= 0) || math.IsInf(w.beta, 0) {
		return nil, errors.New("no window for the filter: take HammingFIR, HannFIR, BlackmanFIR or KaiserFIR with a beta of 0 or more")
	}
	if taps < 1 || (taps%2 == 0 && (b.shape == highpass || b.shape == bandstop)) {
		return nil, fmt.Errorf("%d taps, must be 1 or more, and odd for a filter that lets half the sampling rate pass", taps)
	}
	low, high := b.low/(rate/2), b.high/(rate/2)
	var bands [][2]float64
	switch b.shape {
	case lowpass:
		bands = [][2]float64{{0, high}}
	case highpass:
		bands = [][2]float64{{low, 1}}
	case bandpass:
		bands = [][2]float64{{low, high}}
	case bandstop:
		bands = [][2]float64{{0, low}, {high, 1}}
	default:
		return nil, errNoShape
	}
	h := make([]float64, taps)
	middle := 0.0 // of the first pass band
	if bands[0][1] == 1 {
		middle = 1
	} else if bands[0][0] > 0 {
		middle = (bands[0][0] + bands[0][1]) / 2
	}
	var gain float64
	for i := range h {
		m := float64(2*i-(taps-1)) / 2
		for _, p := range bands {
			h[i] += p[1]*sinc(p[1]*m) - p[0]*sinc(p[0]*m)
		}
		h[i] *= w.at(i, taps)
		gain += h[i] * math.Cos(math.Pi*m*middle)
	}
	if !(math.Abs(gain) > 1e-9) { // the window's ends are 0
		return nil, fmt.Errorf("%d taps are too few for the %s window in this band: nothing would pass", taps, w.name)
	}
	for i := range h {
		h[i] /= gain
	}
	return h, nil
}

var errNoShape = errors.New("band has no shape: make it with Lowpass, Highpass, Bandpass or Bandstop")

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// FIRDelay is by how many seconds the taps h delay a wave of hz Hz at rate Hz. With symmetric taps it is the same for all
// frequencies, (len(h)−1)/2 samples.
func FIRDelay(h []float64, hz, rate float64) float64 { return polyDelay(h, hz, rate) / rate }
