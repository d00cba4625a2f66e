package filt

import (
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.RegisterOffline("fir_zero_phase", func() preprocess.Offline { return &FIRZeroPhase{Low: 8, High: 30, Window: "hamming"} })
	preprocess.RegisterOffline("filtfilt", func() preprocess.Offline { return &ZeroPhaseIIR{Low: 8, High: 30, Order: 4} })
	preprocess.RegisterOffline("notch_zero_phase", func() preprocess.Offline { return &NotchZeroPhase{Freqs: []float64{50}, Trans: 1} })
}

// FIRZeroPhase filters every channel but triggers of a finished recording without any delay: mne.filter.filter_data with
// its defaults (see dsp.FIR and dsp.ZeroPhaseFIR). A stretch shorter than the taps is filtered too, but is made more of
// its reflection at the ends than of itself. A NaN comes out over the length of the taps around it.
//
// It is y[t] = Σ_k h[k]·x[t−k+L], L the middle of the symmetric taps h, an ideal response under a window (Widmann, Schröger
// and Maess 2015, doi:10.1016/j.jneumeth.2014.08.002; https://mne.tools/stable/generated/mne.filter.filter_data.html).
// [channels][samples] and their unit stay as they are.
type FIRZeroPhase struct {
	Low       float64 `json:"low_hz" doc:"lower edge of the pass band in Hz; 0 for none, which makes a low-pass"`
	High      float64 `json:"high_hz" doc:"upper edge of the pass band in Hz; 0 for none, which makes a high-pass; below half the sampling rate"`
	Stop      bool    `json:"stop" doc:"true removes what is between the edges instead of keeping it"`
	LowTrans  float64 `json:"low_trans_hz" doc:"width in Hz over which the gain falls at the lower edge; 0 takes a quarter of low_hz, at least 2 Hz and at most low_hz"`
	HighTrans float64 `json:"high_trans_hz" doc:"width in Hz over which the gain falls at the upper edge; 0 takes a quarter of high_hz, at least 2 Hz and at most the rest to half the sampling rate"`
	Window    string  `json:"window" doc:"window of the design: hamming, hann or blackman"`
}

// Apply filters c.
func (f *FIRZeroPhase) Apply(c signal.Chunk) (signal.Chunk, error) {
	h, err := firTaps("fir_zero_phase", f.Low, f.High, f.Stop, f.LowTrans, f.HighTrans, f.Window, c.Info)
	if err != nil {
		return signal.Chunk{}, err
	}
	return zeroPhase(c, h)
}

// NotchZeroPhase takes line frequencies out of every channel but triggers of a finished recording, without any delay:
// mne.filter.notch_filter with its defaults (see dsp.FIRNotch).
//
// It is one linear-phase filter with a gap at each frequency, its taps under a window and centred
// (https://mne.tools/stable/generated/mne.filter.notch_filter.html). [channels][samples] and their unit stay as they are.
type NotchZeroPhase struct {
	Freqs []float64 `json:"freqs_hz" doc:"frequencies to remove, in Hz: [50, 100] in Europe, [60, 120] in the Americas"`
	Width float64   `json:"width_hz" doc:"width in Hz of each band that is removed; 0 takes a 200th of its frequency"`
	Trans float64   `json:"trans_hz" doc:"width in Hz of the transitions of each band, both together; above 0. The filter is 6.6 / trans_hz seconds long"`
}

// Apply filters c.
func (f *NotchZeroPhase) Apply(c signal.Chunk) (signal.Chunk, error) {
	if !(f.Trans > 0) {
		return signal.Chunk{}, fmt.Errorf("notch_zero_phase: trans_hz is %g, must be above 0; 1 is usual", f.Trans)
	}
	h, err := dsp.FIRNotch(f.Freqs, f.Width, f.Trans, c.Info.Rate)
	if err != nil {
		return signal.Chunk{}, fmt.Errorf("notch_zero_phase: %w", err)
	}
	return zeroPhase(c, h)
}

// zeroPhase filters all channels of c but triggers with the taps h.
func zeroPhase(c signal.Chunk, h []float64) (signal.Chunk, error) {
	f, err := dsp.NewZeroPhaseFIR(h, c.Len())
	if err != nil {
		return signal.Chunk{}, err
	}
	out := like(c)
	for ch, x := range c.X {
		if c.Info.Channels[ch].Kind == signal.Trigger {
			copy(out.X[ch], x)
			continue
		}
		f.Filt(out.X[ch], x)
	}
	return out, nil
}

// like is an empty chunk in place of c, with events of its own.
func like(c signal.Chunk) signal.Chunk {
	out := signal.NewChunk(c.Info, c.Start, c.Len())
	out.Time, out.Events = c.Time, slices.Clone(c.Events)
	return out
}

// ZeroPhaseIIR filters every channel but triggers of a finished recording with a Butterworth filter, forward and backward:
// no delay, and at the edges a quarter of the power is left (scipy.signal.sosfiltfilt, see dsp.SOS.FiltFilt). A channel
// with a NaN comes out as NaN from end to end of its stretch.
//
// The gain is the square of that of the filter run once, |H(Ω)|² = 1/(1 + Ω^(2N)) for the order N, and the phase is 0
// (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.sosfiltfilt.html). [channels][samples] and their unit
// stay as they are.
type ZeroPhaseIIR struct {
	Low   float64 `json:"low_hz" doc:"lower edge in Hz, where a quarter of the power is left; 0 for none, which makes a low-pass"`
	High  float64 `json:"high_hz" doc:"upper edge in Hz, where a quarter of the power is left; 0 for none, which makes a high-pass; below half the sampling rate"`
	Stop  bool    `json:"stop" doc:"true removes what is between the edges instead of keeping it"`
	Order int     `json:"order" doc:"order of the Butterworth prototype, 1 to 12; both directions together fall off twice as fast"`
}

// Apply filters c.
func (f *ZeroPhaseIIR) Apply(c signal.Chunk) (signal.Chunk, error) {
	b, err := band("filtfilt", f.Low, f.High, f.Stop, c.Info)
	if err != nil {
		return signal.Chunk{}, err
	}
	sos, err := dsp.Butter(f.Order, b, c.Info.Rate)
	if err != nil {
		return signal.Chunk{}, fmt.Errorf("filtfilt: %w", err)
	}
	out := like(c)
	var x, y [][]float64
	for ch := range c.X {
		if c.Info.Channels[ch].Kind == signal.Trigger {
			copy(out.X[ch], c.X[ch])
			continue
		}
		x, y = append(x, c.X[ch]), append(y, out.X[ch])
	}
	sos.FiltFilt(y, x)
	return out, nil
}
