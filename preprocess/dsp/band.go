package dsp

import (
	"errors"
	"fmt"
	"math"
)

// Band says which frequencies pass a filter. Make one with Lowpass, Highpass, Bandpass or Bandstop.
type Band struct {
	shape     shape
	low, high float64 // edges in Hz; shapes with one edge have it in both
}

type shape int

const (
	lowpass shape = iota + 1
	highpass
	bandpass
	bandstop
)

// Lowpass lets pass what is below cutoff Hz.
func Lowpass(cutoff float64) Band { return Band{lowpass, cutoff, cutoff} }

// Highpass lets pass what is above cutoff Hz.
func Highpass(cutoff float64) Band { return Band{highpass, cutoff, cutoff} }

// Bandpass lets pass what is between low and high Hz.
func Bandpass(low, high float64) Band { return Band{bandpass, low, high} }

// Bandstop lets pass what is below low or above high Hz.
func Bandstop(low, high float64) Band { return Band{bandstop, low, high} }

// check reports an edge that no filter at this rate can have.
func (b Band) check(rate float64) error {
	if !(rate > 0) || math.IsInf(rate, 0) {
		return fmt.Errorf("sampling rate is %g Hz, must be above 0 and finite", rate)
	}
	for _, edge := range []float64{b.low, b.high} {
		if !(0 < edge && edge < rate/2) {
			return fmt.Errorf("edge is %g Hz, must be above 0 and below %g Hz (half the sampling rate of %g Hz)", edge, rate/2, rate)
		}
	}
	if (b.shape == bandpass || b.shape == bandstop) && b.low >= b.high {
		return fmt.Errorf("band is %g to %g Hz, the first must be below the second", b.low, b.high)
	}
	return nil
}

// digital makes the filter of band b at rate Hz out of an analog low-pass prototype.
func (f zpk) digital(b Band, rate float64) (SOS, error) {
	if err := b.check(rate); err != nil {
		return nil, err
	}
	// The bilinear transform bends the frequency axis; the edges are bent the other way before. Only edge/rate matters,
	// so the transform runs at a rate of 2.
	const unit = 2
	bend := func(hz float64) float64 { return 2 * unit * math.Tan(math.Pi*(hz/(rate/2))/unit) }
	low, high := bend(b.low), bend(b.high)
	switch b.shape {
	case lowpass:
		f = f.lowpass(low)
	case highpass:
		f = f.highpass(low)
	case bandpass:
		f = f.bandpass(math.Sqrt(low*high), high-low)
	case bandstop:
		f = f.bandstop(math.Sqrt(low*high), high-low)
	default:
		return nil, errors.New("band has no shape: make it with Lowpass, Highpass, Bandpass or Bandstop")
	}
	sos := f.bilinear(unit).sos()
	for _, s := range sos {
		if !s.stable() { // rounding has put a pole on the unit circle
			return nil, fmt.Errorf("no stable filter with edges at %g and %g Hz at %g Hz in double precision: move the edges off 0 and %g Hz, widen the band or lower the sampling rate first",
				b.low, b.high, rate, rate/2)
		}
	}
	return sos, nil
}
