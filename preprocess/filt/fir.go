package filt

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.Register("fir", func() preprocess.Processor { return &FIR{Window: "hamming"} })
}

// FIR is a causal linear-phase filter on every channel but triggers: MNE's default design (see dsp.FIR), which makes all
// frequencies late by the same time, half its length. Unlike the recursive filters it forgets a NaN, when it leaves the
// taps. It starts at rest.
//
// It is y[t] = Σ_k h[k]·x[t−k] with taps h symmetric about their middle, an ideal response under a window (Widmann, Schröger
// and Maess 2015, doi:10.1016/j.jneumeth.2014.08.002). [channels][samples] and their unit stay as they are.
type FIR struct {
	Low       float64 `json:"low_hz" doc:"lower edge of the pass band in Hz; 0 for none, which makes a low-pass"`
	High      float64 `json:"high_hz" doc:"upper edge of the pass band in Hz; 0 for none, which makes a high-pass; below half the sampling rate"`
	Stop      bool    `json:"stop" doc:"true removes what is between the edges instead of keeping it"`
	LowTrans  float64 `json:"low_trans_hz" doc:"width in Hz over which the gain falls at the lower edge; 0 takes a quarter of low_hz, at least 2 Hz and at most low_hz"`
	HighTrans float64 `json:"high_trans_hz" doc:"width in Hz over which the gain falls at the upper edge; 0 takes a quarter of high_hz, at least 2 Hz and at most the rest to half the sampling rate"`
	Window    string  `json:"window" doc:"window of the design: hamming, hann or blackman"`

	each
	taps   []float64
	filter *dsp.FIRFilter
	state  []dsp.FIRState
}

// firTaps designs what FIR and FIRZeroPhase have in common.
func firTaps(step string, low, high float64, stop bool, lowTrans, highTrans float64, window string, in *signal.Info) ([]float64, error) {
	b, err := band(step, low, high, stop, in)
	if err != nil {
		return nil, err
	}
	if (low == 0 && lowTrans != 0) || (high == 0 && highTrans != 0) {
		return nil, fmt.Errorf("%s: a transition band is given at an edge that is not: leave it out, or give the edge", step)
	}
	w, err := dsp.FIRWindowNamed(window)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", step, err)
	}
	h, err := dsp.FIR(b, dsp.FIROptions{Window: w, LowTrans: lowTrans, HighTrans: highTrans}, in.Rate)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", step, err)
	}
	return h, nil
}

// Start designs the filter for in.Rate and clears the memory.
func (f *FIR) Start(in *signal.Info) (*signal.Info, error) {
	h, err := firTaps("fir", f.Low, f.High, f.Stop, f.LowTrans, f.HighTrans, f.Window, in)
	if err != nil {
		return nil, err
	}
	f.info, f.taps, f.filter = in, h, dsp.NewFIRFilter(h)
	f.state = make([]dsp.FIRState, len(in.Channels))
	for ch := range f.state {
		f.state[ch] = f.filter.NewState()
	}
	return in, nil
}

// Process filters c.
func (f *FIR) Process(c signal.Chunk) (signal.Chunk, error) { return f.process(c, f) }

func (f *FIR) filt(ch int, dst, x []float64) { f.filter.Filt(dst, x, &f.state[ch]) }

// DelaySeconds is by how much the filter makes every frequency late: half its length. It is 0 before Start.
func (f *FIR) DelaySeconds() float64 {
	if f.info == nil {
		return 0
	}
	return float64(len(f.taps)-1) / 2 / f.info.Rate
}

// DelayAt is DelaySeconds, whatever the frequency.
func (f *FIR) DelayAt(float64) float64 { return f.DelaySeconds() }
