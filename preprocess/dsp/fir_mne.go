package dsp

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// FIROptions tune FIR; the zero value asks for the defaults.
type FIROptions struct {
	Window    FIRWindow // Hamming if not given; Kaiser has no rule for the length
	LowTrans  float64   // width in Hz over which the gain falls at the lower edge; 0 means min(max(edge/4, 2), edge)
	HighTrans float64   // the same at the upper edge; 0 means min(max(edge/4, 2), rate/2 − edge)
}

// FIR designs the linear-phase FIR filter that MNE uses by default: mne.filter.create_filter(None, rate, low, high) with
// the method "fir", the design "firwin" and the phase "zero" (Widmann et al. 2015, doi:10.1016/j.jneumeth.2014.08.002).
//
// The edges of b are where the pass band ends; the gain is ½ half a transition band outside them. The number of taps is
// odd and follows from the narrower transition band: 3.3·rate over it for the Hamming window.
func FIR(b Band, opt FIROptions, rate float64) ([]float64, error) {
	if err := b.check(rate); err != nil {
		return nil, err
	}
	nyq := rate / 2
	lowTrans, highTrans := opt.LowTrans, opt.HighTrans
	if lowTrans == 0 {
		lowTrans = min(max(0.25*b.low, 2), b.low)
	}
	if highTrans == 0 {
		highTrans = min(max(0.25*b.high, 2), nyq-b.high)
	}
	for _, trans := range []float64{lowTrans, highTrans} {
		if !(trans > 0) || math.IsInf(trans, 0) {
			return nil, fmt.Errorf("transition band is %g Hz wide, must be above 0 and finite", trans)
		}
	}
	lowStop, highStop := b.low-lowTrans, b.high+highTrans
	if (b.shape == highpass || b.shape == bandpass) && lowStop < 0 {
		return nil, fmt.Errorf("lower transition band is %g Hz wide, must be at most the edge of %g Hz", lowTrans, b.low)
	}
	if (b.shape == lowpass || b.shape == bandpass) && highStop > nyq {
		return nil, fmt.Errorf("upper transition band is %g Hz wide, must be at most %g Hz (from the edge of %g Hz to half the sampling rate)", highTrans, nyq-b.high, b.high)
	}
	narrow := min(lowTrans, highTrans)
	var d firDesign
	switch b.shape {
	case lowpass:
		d, narrow = firDesign{freq: []float64{0, b.high, highStop}, gain: []float64{1, 1, 0}}, highTrans
	case highpass:
		d, narrow = firDesign{freq: []float64{lowStop, b.low, nyq}, gain: []float64{0, 1, 1}}, lowTrans
	case bandpass:
		d = firDesign{freq: []float64{lowStop, b.low, b.high, highStop}, gain: []float64{0, 1, 1, 0}}
	case bandstop: // the transitions lie inside the stop band
		low, high := b.low+lowTrans, b.high-highTrans
		if low > high {
			return nil, fmt.Errorf("stop band from %g to %g Hz is too narrow for transition bands of %g and %g Hz: give narrower ones", b.low, b.high, lowTrans, highTrans)
		}
		d = firDesign{freq: []float64{b.low, low, high, b.high}, gain: []float64{1, 0, 0, 1}}
	default:
		return nil, errNoShape
	}
	d.window, d.rate = opt.Window, rate
	return d.taps(narrow)
}

// FIRNotch designs the zero-phase notch filter of mne.filter.notch_filter: stop bands around every freq, width Hz wide
// (0 means freq/200), with transition bands of trans/2 on each side (0 means trans = 1 Hz).
func FIRNotch(freqs []float64, width, trans, rate float64) ([]float64, error) {
	if len(freqs) == 0 {
		return nil, errors.New("no frequency to remove, must be at least one")
	}
	if trans == 0 {
		trans = 1
	}
	if !(width >= 0) || !(trans > 0) || math.IsInf(width+trans, 0) {
		return nil, fmt.Errorf("notches are %g Hz wide with transitions of %g Hz, must be 0 or more and above 0", width, trans)
	}
	sorted := slices.Clone(freqs)
	slices.Sort(sorted)
	d := firDesign{window: HammingFIR, rate: rate}
	end := 0.0
	for _, f := range sorted {
		w := width
		if w == 0 {
			w = f / 200
		}
		low, high := f-w/2-trans/2, f+w/2+trans/2
		if !(low > end) || !(high < rate/2) {
			return nil, fmt.Errorf("notch at %g Hz reaches from %g to %g Hz, must lie above %g Hz (the end of the one before) and below %g Hz (half the sampling rate)", f, low, high, end, rate/2)
		}
		d.freq = append(d.freq, low, low+trans/2, high-trans/2, high)
		d.gain = append(d.gain, 1, 0, 0, 1)
		end = high
	}
	return d.taps(trans / 2)
}

// firDesign is a wished-for gain of 0 or 1 at rising frequencies in Hz, with a transition where it changes.
type firDesign struct {
	freq, gain []float64
	window     FIRWindow
	rate       float64
}

// taps builds the filter from the highest frequency down, one low-pass for each transition, each as long as its own
// transition asks. Narrow is the narrowest transition that was asked for, in Hz.
func (d firDesign) taps(narrow float64) ([]float64, error) {
	if d.window.name == "" {
		d.window = HammingFIR
	}
	if d.window.factor == 0 {
		return nil, fmt.Errorf("window %s has no rule for the number of taps: take Firwin with a length, or another window", d.window.name)
	}
	nyq := d.rate / 2
	const most = 1 << 22 // taps: beyond it the transition is a typing error
	want := math.Ceil(d.window.factor / narrow * d.rate)
	if want > most {
		return nil, fmt.Errorf("transition band of %g Hz asks for %.3g taps, must be at most %d: give a wider one", narrow, want, most)
	}
	n := max(int(want), 1)
	n += 1 - n%2
	freq, gain := d.freq, d.gain
	if freq[0] != 0 {
		freq, gain = append([]float64{0}, freq...), append([]float64{gain[0]}, gain...)
	}
	if last := len(freq) - 1; freq[last] != nyq {
		freq, gain = append(slices.Clone(freq), nyq), append(slices.Clone(gain), gain[last])
	}
	h := make([]float64, n)
	last := len(freq) - 1
	if gain[last] == 1 {
		h[n/2] = 1
	}
	for i := last - 1; i >= 0; i-- {
		if gain[i] == gain[i+1] {
			continue
		}
		transition := (freq[i+1]/nyq - freq[i]/nyq) / 2
		own := int(math.RoundToEven(d.window.factor / transition))
		own += 1 - own%2
		if own > n {
			return nil, fmt.Errorf("transition from %g to %g Hz needs %d taps, the filter has %d", freq[i], freq[i+1], own, n)
		}
		low, err := Firwin(own, Lowpass((freq[i]+freq[i+1])/2), d.window, d.rate)
		if err != nil {
			return nil, err
		}
		sign := 1.0
		if gain[i] == 0 {
			sign = -1
		}
		for k, v := range low {
			h[(n-own)/2+k] += sign * v
		}
	}
	return h, nil
}
