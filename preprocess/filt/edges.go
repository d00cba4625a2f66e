package filt

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// band reads low_hz, high_hz and stop as the steps with all four shapes have them: an edge of 0 is none.
func band(step string, low, high float64, stop bool, in *signal.Info) (dsp.Band, error) {
	if low == 0 && high == 0 {
		return dsp.Band{}, fmt.Errorf("%s: no edge: give low_hz, high_hz or both", step)
	}
	if stop && (low == 0 || high == 0) {
		return dsp.Band{}, fmt.Errorf("%s: stop removes what is between two edges: give both low_hz and high_hz", step)
	}
	switch {
	case low == 0:
		return dsp.Lowpass(high), checkHz(step, "high_hz", high, in)
	case high == 0:
		return dsp.Highpass(low), checkHz(step, "low_hz", low, in)
	case stop:
		return dsp.Bandstop(low, high), checkEdges(step, low, high, in)
	default:
		return dsp.Bandpass(low, high), checkEdges(step, low, high, in)
	}
}
