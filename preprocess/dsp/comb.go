package dsp

import (
	"fmt"
	"math"
)

// Comb takes a frequency, all its multiples and the mean out of a signal: a comb of notches,
//
//	y[t] = B0·x[t] + BN·x[t−Period] − AN·y[t−Period]
type Comb struct {
	Period     int // samples; the rate over the frequency
	B0, BN, AN float64
}

// CombState is the memory of a comb for one channel.
type CombState struct {
	z  []float64
	at int
}

// NewComb designs a comb of notches at 0, freq, 2·freq … up to half the rate. Q is freq over the width in Hz of the band
// around each that loses more than 3 dB, and above 1. Freq must divide the rate. It is scipy.signal.iircomb(freq, q,
// "notch", fs=rate) (Orfanidis 1996, Introduction to Signal Processing, section 11.5).
func NewComb(freq, q, rate float64) (Comb, error) {
	if !(0 < freq && freq < rate/2) {
		return Comb{}, fmt.Errorf("frequency is %g Hz, must be above 0 and below %g Hz (half the sampling rate of %g Hz)", freq, rate/2, rate)
	}
	if !(q > 1) || math.IsInf(q, 0) {
		return Comb{}, fmt.Errorf("q is %g, must be above 1 and finite; 30 is usual", q)
	}
	period := math.Round(rate / freq)
	if math.Abs(freq*period-rate) > 1e-9*rate {
		return Comb{}, fmt.Errorf("frequency is %g Hz, must divide the sampling rate of %g Hz: resample first, or use one notch for each frequency", freq, rate)
	}
	beta := math.Tan(math.Pi / (2 * q)) // Period · bandwidth / 4
	return Comb{Period: int(period), B0: 1 / (1 + beta), BN: -1 / (1 + beta), AN: -(1 - beta) / (1 + beta)}, nil
}

// NewState is the memory of one channel, at rest.
func (c Comb) NewState() CombState { return CombState{z: make([]float64, c.Period)} }

// Filt filters x into dst, which may be x, and carries the state from call to call.
func (c Comb) Filt(dst, x []float64, s *CombState) {
	for t, v := range x {
		y := float64(c.B0*v) + s.z[s.at]
		s.z[s.at] = float64(c.BN*v) - float64(c.AN*y)
		if s.at++; s.at == len(s.z) {
			s.at = 0
		}
		dst[t] = y
	}
}

// section is the comb in the delay of a whole period: a first-order section.
func (c Comb) section() SOS { return SOS{{B0: c.B0, B1: c.BN, A1: c.AN}} }

// GroupDelay is by how many seconds the envelope of a wave of hz Hz is late behind the comb at rate Hz.
func (c Comb) GroupDelay(hz, rate float64) float64 {
	return c.section().GroupDelay(hz*float64(c.Period), rate) * float64(c.Period)
}

// MeanDelay is the group delay in seconds averaged over all frequencies, as SOS.MeanDelay.
func (c Comb) MeanDelay(rate float64) float64 { return c.section().MeanDelay(rate) * float64(c.Period) }
