package filt

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.Register("bandpass", func() preprocess.Processor { return &Bandpass{Low: 8, High: 30, Order: 4} })
	preprocess.Register("bandstop", func() preprocess.Processor { return &Bandstop{Low: 48, High: 52, Order: 2} })
	preprocess.Register("lowpass", func() preprocess.Processor { return &Lowpass{Cutoff: 40, Order: 4} })
	preprocess.Register("highpass", func() preprocess.Processor { return &Highpass{Cutoff: 0.5, Order: 2} })
}

// Bandpass keeps the frequencies between two edges of every channel but triggers. It is a causal Butterworth filter; see
// dsp.Butter for what the order means.
//
// It is a cascade of sections of second order with Butterworth's response |H(Ω)|² = 1/(1 + Ω^(2N)) for the order N, Ω the
// frequency on the axis of the prototype (Butterworth 1930, "On the theory of filter amplifiers", Wireless Engineer 7:536),
// made digital by the bilinear transform with the edges in place: scipy.signal.butter with output="sos"
// (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.butter.html). [channels][samples] and their unit stay
// as they are.
type Bandpass struct {
	Low   float64 `json:"low_hz" doc:"lower edge in Hz, where half the power is left; above 0"`
	High  float64 `json:"high_hz" doc:"upper edge in Hz, where half the power is left; above low_hz and below half the sampling rate"`
	Order int     `json:"order" doc:"order of the Butterworth prototype, 1 to 12: the number of second-order sections"`

	cascade
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Bandpass) Start(in *signal.Info) (*signal.Info, error) {
	if err := checkEdges("bandpass", f.Low, f.High, in); err != nil {
		return nil, err
	}
	return f.butter("bandpass", f.Order, dsp.Bandpass(f.Low, f.High), in)
}

// Bandstop removes the frequencies between two edges from every channel but triggers. It is a causal Butterworth filter.
//
// It is a cascade of sections of second order with Butterworth's response |H(Ω)|² = 1/(1 + Ω^(2N)) for the order N, Ω the
// frequency on the axis of the prototype (Butterworth 1930, "On the theory of filter amplifiers", Wireless Engineer 7:536),
// made digital by the bilinear transform with the edges in place: scipy.signal.butter with output="sos"
// (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.butter.html). [channels][samples] and their unit stay
// as they are.
type Bandstop struct {
	Low   float64 `json:"low_hz" doc:"lower edge in Hz, where half the power is left; above 0"`
	High  float64 `json:"high_hz" doc:"upper edge in Hz, where half the power is left; above low_hz and below half the sampling rate"`
	Order int     `json:"order" doc:"order of the Butterworth prototype, 1 to 12: the number of second-order sections"`

	cascade
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Bandstop) Start(in *signal.Info) (*signal.Info, error) {
	if err := checkEdges("bandstop", f.Low, f.High, in); err != nil {
		return nil, err
	}
	return f.butter("bandstop", f.Order, dsp.Bandstop(f.Low, f.High), in)
}

// Lowpass keeps the frequencies below an edge of every channel but triggers. It is a causal Butterworth filter.
//
// It is a cascade of sections of second order with Butterworth's response |H(Ω)|² = 1/(1 + Ω^(2N)) for the order N, Ω the
// frequency on the axis of the prototype (Butterworth 1930, "On the theory of filter amplifiers", Wireless Engineer 7:536),
// made digital by the bilinear transform with the edges in place: scipy.signal.butter with output="sos"
// (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.butter.html). [channels][samples] and their unit stay
// as they are.
type Lowpass struct {
	Cutoff float64 `json:"cutoff_hz" doc:"edge in Hz, where half the power is left; above 0 and below half the sampling rate"`
	Order  int     `json:"order" doc:"order of the Butterworth filter, 1 to 12: it falls off with order x 20 dB per decade"`

	cascade
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Lowpass) Start(in *signal.Info) (*signal.Info, error) {
	if err := checkHz("lowpass", "cutoff_hz", f.Cutoff, in); err != nil {
		return nil, err
	}
	return f.butter("lowpass", f.Order, dsp.Lowpass(f.Cutoff), in)
}

// Highpass keeps the frequencies above an edge of every channel but triggers. It is a causal Butterworth filter.
//
// It is a cascade of sections of second order with Butterworth's response |H(Ω)|² = 1/(1 + Ω^(2N)) for the order N, Ω the
// frequency on the axis of the prototype (Butterworth 1930, "On the theory of filter amplifiers", Wireless Engineer 7:536),
// made digital by the bilinear transform with the edges in place: scipy.signal.butter with output="sos"
// (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.butter.html). [channels][samples] and their unit stay
// as they are.
type Highpass struct {
	Cutoff float64 `json:"cutoff_hz" doc:"edge in Hz, where half the power is left; above 0 and below half the sampling rate"`
	Order  int     `json:"order" doc:"order of the Butterworth filter, 1 to 12: it falls off with order x 20 dB per decade"`

	cascade
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Highpass) Start(in *signal.Info) (*signal.Info, error) {
	if err := checkHz("highpass", "cutoff_hz", f.Cutoff, in); err != nil {
		return nil, err
	}
	return f.butter("highpass", f.Order, dsp.Highpass(f.Cutoff), in)
}

// butter designs and starts.
func (f *cascade) butter(step string, order int, band dsp.Band, in *signal.Info) (*signal.Info, error) {
	sos, err := dsp.Butter(order, band, in.Rate)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", step, err)
	}
	return f.start(sos, in)
}

func checkEdges(step string, low, high float64, in *signal.Info) error {
	if err := checkHz(step, "low_hz", low, in); err != nil {
		return err
	}
	if err := checkHz(step, "high_hz", high, in); err != nil {
		return err
	}
	if low >= high {
		return fmt.Errorf("%s: low_hz is %g and high_hz is %g, the first must be below the second", step, low, high)
	}
	return nil
}
