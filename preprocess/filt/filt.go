// Package filt holds the filters. Causal, for streams: the Butterworth steps lowpass, highpass, bandpass and bandstop, the
// other recursive families (cheby1, cheby2, ellip, bessel), notch, comb, fir, dc and filterbank. For finished recordings,
// without delay: fir_zero_phase, notch_zero_phase and filtfilt.
//
// They filter every channel except triggers, whose codes pass as they are. All but dc start at rest: the first samples
// behind a Start show the step from 0 to the electrode's offset. A NaN or an infinity stays in its channel; a recursive
// filter never forgets it, so the channel is NaN until the next Start, while fir does when it leaves the taps and dc at
// once. By how much a step makes a signal late, its methods DelaySeconds and DelayAt say.
package filt

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// cascade is the running state that all filters share: one cascade of sections over many channels.
type cascade struct {
	sos  dsp.SOS
	z    [][2]float64 // memory between chunks
	info *signal.Info
	out  signal.Buffer
	pick []int       // channels that are filtered
	x, y [][]float64 // scratch: the picked channels of a chunk, in and out
}

// start makes ready to run sos over the channels of in, from rest.
func (f *cascade) start(sos dsp.SOS, in *signal.Info) (*signal.Info, error) {
	f.sos, f.info, f.pick = sos, in, nil
	for ch, c := range in.Channels {
		if c.Kind != signal.Trigger {
			f.pick = append(f.pick, ch)
		}
	}
	f.z = sos.NewState(len(f.pick))
	f.x, f.y = make([][]float64, len(f.pick)), make([][]float64, len(f.pick))
	return in, nil
}

// Ignores names none: every channel is filtered by itself.
func (f *cascade) Ignores() (names []string, separate bool) { return nil, true }

// Process filters c.
func (f *cascade) Process(c signal.Chunk) (signal.Chunk, error) {
	if c.Len() == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != len(f.info.Channels) {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(f.info.Channels))
	}
	out := f.out.Like(c, f.info)
	next := 0
	for ch, x := range c.X {
		if next == len(f.pick) || f.pick[next] != ch {
			copy(out.X[ch], x)
			continue
		}
		f.x[next], f.y[next] = x, out.X[ch]
		next++
	}
	f.sos.Filt(f.y, f.x, f.z)
	clear(f.x) // the chunk belongs to others
	return out, nil
}

// Flush has nothing to return: no sample is held back.
func (f *cascade) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }

// checkHz reports a frequency that no filter can have at the rate of in.
func checkHz(step, key string, hz float64, in *signal.Info) error {
	if nyq := in.Rate / 2; !(0 < hz && hz < nyq) { // also catches NaN
		return fmt.Errorf("%s: %s is %g, must be above 0 and below %g Hz (half the sampling rate of %g Hz)", step, key, hz, nyq, in.Rate)
	}
	return nil
}
