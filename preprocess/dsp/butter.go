package dsp

import (
	"fmt"
	"math"
	"math/cmplx"
)

// MaxOrder is the highest order of a design: above it the group delay of a causal filter is worse than any leakage.
const MaxOrder = 12

// Butter designs a Butterworth filter, flat in the pass band, with half the power at the edges (Butterworth 1930, "On the
// theory of filter amplifiers").
//
// Order is that of the prototype, 1 to MaxOrder: a low-pass or high-pass has (order+1)/2 sections, a band-pass or
// band-stop has order of them and falls off with order·20 dB per decade on each side. Edges are in Hz, above 0 and below
// rate/2. It is scipy.signal.butter(order, edges, kind, fs=rate, output="sos"), with the same sections in the same order.
func Butter(order int, b Band, rate float64) (SOS, error) {
	if order < 1 || order > MaxOrder {
		return nil, fmt.Errorf("order is %d, must be 1 to %d", order, MaxOrder)
	}
	return butterworth(order).digital(b, rate)
}

// butterworth is the prototype: poles evenly on the left half of the unit circle, no zeros.
func butterworth(order int) zpk {
	p := make([]complex128, 0, order)
	for m := 1 - order; m < order; m += 2 {
		if m == 0 {
			p = append(p, -1) // exactly real
			continue
		}
		p = append(p, -cmplx.Exp(complex(0, math.Pi*float64(m)/float64(2*order))))
	}
	return zpk{p: p, k: 1}
}

// NotchSection takes one frequency out: freq in Hz, above 0 and below rate/2. Q is freq over the width of the band that
// loses more than 3 dB; the width, freq/q, is below rate/2. It is scipy.signal.iirnotch (Orfanidis 1996, Introduction to
// Signal Processing, equations 11.3.4 to 11.3.21).
func NotchSection(freq, q, rate float64) Section {
	w := 2 * math.Pi * freq / rate
	gain := 1 / (1 + math.Tan(w/q/2))
	c := -2 * math.Cos(w) * gain
	return Section{gain, c, gain, c, 2*gain - 1}
}
