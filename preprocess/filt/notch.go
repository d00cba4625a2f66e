package filt

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.Register("notch", func() preprocess.Processor { return &Notch{Freq: 50, Q: 30} })
}

// Notch takes one line frequency out of every channel but triggers, with one second-order section.
//
// With w = 2π·freq_hz/rate and g = 1/(1 + tan(w/(2q))),
//
//	H(z) = g·(1 − 2·cos w·z⁻¹ + z⁻²) / (1 − 2g·cos w·z⁻¹ + (2g − 1)·z⁻²)
//
// as scipy.signal.iirnotch (Orfanidis 1996, Introduction to Signal Processing, equations 11.3.4 to 11.3.21;
// https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.iirnotch.html). [channels][samples] and their unit stay
// as they are.
type Notch struct {
	Freq float64 `json:"freq_hz" doc:"frequency to remove, in Hz: 50 in Europe, 60 in the Americas; above 0 and below half the sampling rate"`
	Q    float64 `json:"q" doc:"freq_hz over the width in Hz of the band that loses more than 3 dB; the width must be below half the sampling rate"`

	cascade
}

// Start designs the section for in.Rate and clears the memory.
func (f *Notch) Start(in *signal.Info) (*signal.Info, error) {
	if err := checkHz("notch", "freq_hz", f.Freq, in); err != nil {
		return nil, err
	}
	if least := f.Freq / (in.Rate / 2); !(f.Q > least) || math.IsInf(f.Q, 0) {
		return nil, fmt.Errorf("notch: q is %g, must be finite and above %.3g (freq_hz over half the sampling rate); 30 is usual", f.Q, least)
	}
	return f.start(dsp.SOS{dsp.NotchSection(f.Freq, f.Q, in.Rate)}, in)
}
