// Package artifact deals with what is in the recording and not from the brain: it finds bad channels (bad_channels),
// repairs samples (asr, eog_regression), and says which windows must not be used (amplitude, autoreject, potato).
package artifact

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// channelsOf is the positions of the channels of the wanted kinds, at least one.
func channelsOf(step string, in *signal.Info, wanted []signal.Kind) ([]int, error) {
	if len(wanted) == 0 {
		return nil, fmt.Errorf("%s: kinds is empty, must name at least one kind of channel, such as eeg", step)
	}
	for _, k := range wanted {
		if !slices.Contains(signal.Kinds, k) {
			known := make([]string, len(signal.Kinds))
			for i, k := range signal.Kinds {
				known[i] = string(k)
			}
			return nil, fmt.Errorf("%s: kinds: %w", step, &registry.UnknownError{What: "kind", Name: string(k), Known: known})
		}
	}
	var idx []int
	for ch, c := range in.Channels {
		if slices.Contains(wanted, c.Kind) {
			idx = append(idx, ch)
		}
	}
	if len(idx) == 0 {
		return nil, fmt.Errorf("%s: none of the %d channels is of the kinds %v", step, len(in.Channels), wanted)
	}
	return idx, nil
}

// without is idx without the channels called names, which must be among the channels of in.
func without(step string, in *signal.Info, idx []int, names []string) ([]int, error) {
	out := slices.Clone(idx)
	for _, name := range names {
		ch := in.Index(name)
		if ch < 0 {
			return nil, fmt.Errorf("%s: exclude: %w", step, &registry.UnknownError{What: "channel", Name: name, Known: in.Names()})
		}
		out = slices.DeleteFunc(out, func(c int) bool { return c == ch })
	}
	return out, nil
}

// finite says whether v is a number and not infinite.
func finite(v float64) bool { return math.Abs(v) <= math.MaxFloat64 }

// firstBad is the position of the first value that is not finite, or -1.
func firstBad(x []float64) int {
	for t, v := range x {
		if !finite(v) {
			return t
		}
	}
	return -1
}

// checkRuns checks the shape of a training signal, which must have a sample.
func checkRuns(step string, in *signal.Info, runs []signal.Chunk) error {
	if in == nil {
		return fmt.Errorf("%s: Calibrate before Start", step)
	}
	samples := 0
	for i, r := range runs {
		if len(r.X) != len(in.Channels) {
			return fmt.Errorf("%s: training stretch %d has %d channels, must have %d as said at the start", step, i, len(r.X), len(in.Channels))
		}
		samples += r.Len()
	}
	if samples == 0 {
		return fmt.Errorf("%s: no training signal: give at least one recording", step)
	}
	return nil
}
