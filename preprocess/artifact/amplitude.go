package artifact

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.RegisterChecker("amplitude", func() preprocess.Checker {
		return &Amplitude{PeakToPeak: 150, Kinds: []signal.Kind{signal.EEG}}
	})
}

// Amplitude rejects windows by fixed limits, each of which 0 turns off. A channel is bad in a window where
//
//	max(x) − min(x) > peak_to_peak_uv            the reject of MNE's Epochs
//	max |x| > max_uv
//	max(x) − min(x) < flat_uv                    the flat of MNE's Epochs: an electrode that is off
//	max |x[t] − x[t−1]| > max_step_uv            a jump from one sample to the next; depends on the rate
//
// or where a sample is NaN or infinite. The window is rejected for its first bad channel. Limits are in the unit of the
// channels, µV for voltages; max_uv counts an offset too, so it belongs behind a high-pass.
//
// It decides on a window [channels][samples] and changes nothing (https://mne.tools/stable/generated/mne.Epochs.html,
// parameters reject and flat).
type Amplitude struct {
	PeakToPeak float64       `json:"peak_to_peak_uv" doc:"largest value minus smallest in a window above which a channel is bad, µV; 0 for no limit"`
	Max        float64       `json:"max_uv" doc:"distance from 0 above which a channel is bad, µV; 0 for no limit"`
	Flat       float64       `json:"flat_uv" doc:"largest value minus smallest below which a channel counts as flat and is bad, µV; 0 for no limit"`
	MaxStep    float64       `json:"max_step_uv" doc:"distance from one sample to the next above which a channel is bad, µV; 0 for no limit"`
	Kinds      []signal.Kind `json:"kinds" doc:"kinds of channel that are looked at: eeg, eog, ecg, emg, seeg, ecog, trigger, misc"`

	info *signal.Info
	idx  []int
}

// Start checks the limits.
func (a *Amplitude) Start(in *signal.Info, length int) error {
	for _, l := range []struct {
		key string
		v   float64
	}{{"peak_to_peak_uv", a.PeakToPeak}, {"max_uv", a.Max}, {"flat_uv", a.Flat}, {"max_step_uv", a.MaxStep}} {
		if !(l.v >= 0) || math.IsInf(l.v, 0) { // also catches NaN
			return fmt.Errorf("amplitude: %s is %g, must be at least 0 and finite", l.key, l.v)
		}
	}
	switch {
	case a.PeakToPeak == 0 && a.Max == 0 && a.Flat == 0 && a.MaxStep == 0:
		return errors.New("amplitude: all limits are 0, must have at least one: set peak_to_peak_uv, max_uv, flat_uv or max_step_uv")
	case a.PeakToPeak > 0 && a.Flat > a.PeakToPeak:
		return fmt.Errorf("amplitude: flat_uv is %g, must be at most peak_to_peak_uv (%g)", a.Flat, a.PeakToPeak)
	case length < 1:
		return fmt.Errorf("amplitude: windows of %d samples, must have at least 1", length)
	}
	var err error
	if a.idx, err = channelsOf("amplitude", in, a.Kinds); err != nil {
		return err
	}
	a.info = in
	return nil
}

// Check names the first bad channel.
func (a *Amplitude) Check(w signal.Window) string {
	if a.info == nil || len(w.X) != len(a.info.Channels) {
		return fmt.Sprintf("a window of %d channels, was not started for them", len(w.X))
	}
	for _, ch := range a.idx {
		if why := a.channel(w.X[ch], ch); why != "" {
			return why
		}
	}
	return ""
}

func (a *Amplitude) channel(x []float64, ch int) string {
	name := func() string { return a.info.Channels[ch].Name }
	lo, hi, step := x[0], x[0], 0.0
	ok := finite(x[0])
	for t, v := range x[1:] {
		ok = ok && finite(v)
		lo, hi = min(lo, v), max(hi, v)
		step = max(step, math.Abs(v-x[t]))
	}
	switch {
	case !ok:
		t := firstBad(x)
		return fmt.Sprintf("%g in %s at sample %d of the window", x[t], name(), t)
	case a.PeakToPeak > 0 && hi-lo > a.PeakToPeak:
		return fmt.Sprintf("%.4g µV peak to peak in %s, at most %g", hi-lo, name(), a.PeakToPeak)
	case a.Max > 0 && max(hi, -lo) > a.Max:
		return fmt.Sprintf("%.4g µV in %s, at most %g", max(hi, -lo), name(), a.Max)
	case a.Flat > 0 && hi-lo < a.Flat:
		return fmt.Sprintf("%.4g µV peak to peak in %s, at least %g: flat", hi-lo, name(), a.Flat)
	case a.MaxStep > 0 && step > a.MaxStep:
		return fmt.Sprintf("a step of %.4g µV in %s, at most %g", step, name(), a.MaxStep)
	}
	return ""
}
