package filt

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.Register("cheby1", func() preprocess.Processor { return &Cheby1{Order: 4, Ripple: 0.5} })
	preprocess.Register("cheby2", func() preprocess.Processor { return &Cheby2{Order: 4, Attenuation: 40} })
	preprocess.Register("ellip", func() preprocess.Processor { return &Ellip{Order: 4, Ripple: 0.5, Attenuation: 40} })
	preprocess.Register("bessel", func() preprocess.Processor { return &Bessel{Order: 4} })
}

// Cheby1 is a causal Chebyshev filter of type I on every channel but triggers: steeper than the Butterworth filters, with
// ripple in the pass band. See dsp.Cheby1.
//
// The prototype has |H(Ω)|² = 1/(1 + ε²·T_N²(Ω)) with the Chebyshev polynomial T_N and ε from the ripple:
// scipy.signal.cheby1 (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.cheby1.html). [channels][samples]
// and their unit stay as they are.
type Cheby1 struct {
	Low    float64 `json:"low_hz" doc:"lower edge in Hz, where the gain has fallen by ripple_db; 0 for none, which makes a low-pass"`
	High   float64 `json:"high_hz" doc:"upper edge in Hz, where the gain has fallen by ripple_db; 0 for none, which makes a high-pass; below half the sampling rate"`
	Stop   bool    `json:"stop" doc:"true removes what is between the edges instead of keeping it"`
	Order  int     `json:"order" doc:"order of the prototype, 1 to 12: the number of second-order sections of a band-pass, twice that of a low-pass"`
	Ripple float64 `json:"ripple_db" doc:"how deep the gain dips in the pass band, in dB; above 0"`

	cascade
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Cheby1) Start(in *signal.Info) (*signal.Info, error) {
	b, err := band("cheby1", f.Low, f.High, f.Stop, in)
	if err != nil {
		return nil, err
	}
	sos, err := dsp.Cheby1(f.Order, f.Ripple, b, in.Rate)
	if err != nil {
		return nil, fmt.Errorf("cheby1: %w", err)
	}
	return f.start(sos, in)
}

// Cheby2 is a causal Chebyshev filter of type II on every channel but triggers: flat in the pass band, with ripple in the
// stop band. See dsp.Cheby2.
//
// The prototype has |H(Ω)|² = 1/(1 + 1/(ε²·T_N²(1/Ω))) with the Chebyshev polynomial T_N and ε from the attenuation:
// scipy.signal.cheby2 (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.cheby2.html). [channels][samples]
// and their unit stay as they are.
type Cheby2 struct {
	Low         float64 `json:"low_hz" doc:"lower edge in Hz, where the stop band begins; 0 for none, which makes a low-pass"`
	High        float64 `json:"high_hz" doc:"upper edge in Hz, where the stop band begins; 0 for none, which makes a high-pass; below half the sampling rate"`
	Stop        bool    `json:"stop" doc:"true removes what is between the edges instead of keeping it"`
	Order       int     `json:"order" doc:"order of the prototype, 1 to 12: the number of second-order sections of a band-pass, twice that of a low-pass"`
	Attenuation float64 `json:"attenuation_db" doc:"what the stop band loses at least, in dB; above 0"`

	cascade
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Cheby2) Start(in *signal.Info) (*signal.Info, error) {
	b, err := band("cheby2", f.Low, f.High, f.Stop, in)
	if err != nil {
		return nil, err
	}
	sos, err := dsp.Cheby2(f.Order, f.Attenuation, b, in.Rate)
	if err != nil {
		return nil, fmt.Errorf("cheby2: %w", err)
	}
	return f.start(sos, in)
}

// Ellip is a causal elliptic filter on every channel but triggers: the steepest of an order, with ripple in both bands.
// See dsp.Ellip.
//
// The prototype has |H(Ω)|² = 1/(1 + ε²·R_N²(Ω)) with the elliptic rational function R_N: scipy.signal.ellip
// (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.ellip.html). [channels][samples] and their unit stay as
// they are.
type Ellip struct {
	Low         float64 `json:"low_hz" doc:"lower edge in Hz, where the gain has fallen by ripple_db; 0 for none, which makes a low-pass"`
	High        float64 `json:"high_hz" doc:"upper edge in Hz, where the gain has fallen by ripple_db; 0 for none, which makes a high-pass; below half the sampling rate"`
	Stop        bool    `json:"stop" doc:"true removes what is between the edges instead of keeping it"`
	Order       int     `json:"order" doc:"order of the prototype, 1 to 12: the number of second-order sections of a band-pass, twice that of a low-pass"`
	Ripple      float64 `json:"ripple_db" doc:"how deep the gain dips in the pass band, in dB; above 0 and below attenuation_db"`
	Attenuation float64 `json:"attenuation_db" doc:"what the stop band loses at least, in dB"`

	cascade
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Ellip) Start(in *signal.Info) (*signal.Info, error) {
	b, err := band("ellip", f.Low, f.High, f.Stop, in)
	if err != nil {
		return nil, err
	}
	sos, err := dsp.Ellip(f.Order, f.Ripple, f.Attenuation, b, in.Rate)
	if err != nil {
		return nil, fmt.Errorf("ellip: %w", err)
	}
	return f.start(sos, in)
}

// Bessel is a causal Bessel filter on every channel but triggers: the one that delays all it passes most evenly, so that
// waves keep their shape. See dsp.Bessel.
//
// The prototype is H(s) = θ_N(0)/θ_N(s) with the reverse Bessel polynomial θ_N (Thomson 1949, doi:10.1049/pi-3.1949.0101):
// scipy.signal.bessel (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.bessel.html). [channels][samples]
// and their unit stay as they are.
type Bessel struct {
	Low   float64 `json:"low_hz" doc:"lower edge in Hz, where the phase is midway; 0 for none, which makes a low-pass"`
	High  float64 `json:"high_hz" doc:"upper edge in Hz, where the phase is midway; 0 for none, which makes a high-pass; below half the sampling rate"`
	Stop  bool    `json:"stop" doc:"true removes what is between the edges instead of keeping it"`
	Order int     `json:"order" doc:"order of the prototype, 1 to 12: the number of second-order sections of a band-pass, twice that of a low-pass"`

	cascade
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Bessel) Start(in *signal.Info) (*signal.Info, error) {
	b, err := band("bessel", f.Low, f.High, f.Stop, in)
	if err != nil {
		return nil, err
	}
	sos, err := dsp.Bessel(f.Order, b, in.Rate)
	if err != nil {
		return nil, fmt.Errorf("bessel: %w", err)
	}
	return f.start(sos, in)
}
