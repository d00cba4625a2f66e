package filt

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.Register("comb", func() preprocess.Processor { return &Comb{Freq: 50, Q: 30} })
}

// Comb takes a line frequency with all its harmonics, and the mean, out of every channel but triggers. See dsp.NewComb.
// A NaN stays in its channel and comes back every period until the next Start.
//
// With the period N = rate/freq_hz in samples and β = tan(π/(2q)),
//
//	y[t] = (x[t] − x[t−N])/(1 + β) + (1 − β)/(1 + β)·y[t−N]
//
// as scipy.signal.iircomb (Orfanidis 1996, Introduction to Signal Processing, section 11.5;
// https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.iircomb.html). [channels][samples] and their unit stay
// as they are.
type Comb struct {
	Freq float64 `json:"freq_hz" doc:"lowest frequency to remove, in Hz: 50 in Europe, 60 in the Americas; the sampling rate must be a multiple of it"`
	Q    float64 `json:"q" doc:"freq_hz over the width in Hz of the band around each harmonic that loses more than 3 dB; above 1"`

	each
	comb  dsp.Comb
	state []dsp.CombState
}

// Start designs the comb for in.Rate and clears the memory.
func (f *Comb) Start(in *signal.Info) (*signal.Info, error) {
	if err := checkHz("comb", "freq_hz", f.Freq, in); err != nil {
		return nil, err
	}
	c, err := dsp.NewComb(f.Freq, f.Q, in.Rate)
	if err != nil {
		return nil, fmt.Errorf("comb: %w", err)
	}
	f.info, f.comb = in, c
	f.state = make([]dsp.CombState, len(in.Channels))
	for ch := range f.state {
		f.state[ch] = c.NewState()
	}
	return in, nil
}

// Process filters c.
func (f *Comb) Process(c signal.Chunk) (signal.Chunk, error) { return f.process(c, f) }

func (f *Comb) filt(ch int, dst, x []float64) { f.comb.Filt(dst, x, &f.state[ch]) }

// DelaySeconds is by how much the filter makes a signal late, averaged over all frequencies with the power that it lets
// pass as the weight. It is 0 before Start.
func (f *Comb) DelaySeconds() float64 {
	if f.info == nil {
		return 0
	}
	return f.comb.MeanDelay(f.info.Rate)
}

// DelayAt is the group delay in seconds at hz Hz. It is 0 before Start.
func (f *Comb) DelayAt(hz float64) float64 {
	if f.info == nil {
		return 0
	}
	return f.comb.GroupDelay(hz, f.info.Rate)
}
