package spatial

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// What comes out of a step that finds components.
const (
	cleaned = "cleaned" // the channels, without the components that were removed
	sources = "sources" // the components in the place of the EEG channels
)

func checkOutput(output string) error {
	if output != cleaned && output != sources {
		return fmt.Errorf("output is %q, must be %q or %q", output, cleaned, sources)
	}
	return nil
}

// errNotStarted and errNotCalibrated are what a step says that is used too early.
var (
	errNotStarted    = errors.New("used before Start")
	errNotCalibrated = errors.New("not calibrated: train the pipeline or load a bundle first")
)

// training is the channels idx of the runs that have samples: [runs][channels][samples], in their memory. A run with
// other channels than in, and a sample that is not finite, are errors; so is a signal without samples.
func training(in *signal.Info, idx []int, runs []signal.Chunk) ([][][]float64, error) {
	var out [][][]float64
	for i, r := range runs {
		if len(r.X) != len(in.Channels) {
			return nil, fmt.Errorf("training run %d has %d channels, must have %d as said at the start", i, len(r.X), len(in.Channels))
		}
		if r.Len() == 0 {
			continue
		}
		x := make([][]float64, len(idx))
		for k, ch := range idx {
			x[k] = r.X[ch]
			for t, v := range x[k] {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return nil, fmt.Errorf("training run %d, channel %q, sample %d is %g, must be finite: leave the channel out or cut the run there", i, in.Channels[ch].Name, r.Start+int64(t), v)
				}
			}
		}
		out = append(out, x)
	}
	if len(out) == 0 {
		return nil, errors.New("the training signal has no samples")
	}
	return out, nil
}

// numbered describes components as channels: "ica1", "ica2", …, without unit and position.
func numbered(prefix string, n int) []signal.Channel {
	out := make([]signal.Channel, n)
	for i := range out {
		name := fmt.Sprintf("%s%d", prefix, i+1)
		out[i] = signal.Channel{Name: name, Original: name, Kind: signal.Misc}
	}
	return out
}

// others is the positions of the channels that are not EEG.
func others(in *signal.Info) []int {
	var idx []int
	for ch, c := range in.Channels {
		if c.Kind != signal.EEG {
			idx = append(idx, ch)
		}
	}
	return idx
}
