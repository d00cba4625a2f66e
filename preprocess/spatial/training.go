package spatial

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
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

// good is the places in eeg of the channels that the source does not mark as bad, those channels, and the names of the others.
func good(in *signal.Info, eeg []int) (at, idx []int, bad []string) {
	for i, ch := range eeg {
		if c := in.Channels[ch]; c.Bad {
			bad = append(bad, c.Name)
		} else {
			at, idx = append(at, i), append(idx, ch)
		}
	}
	return at, idx, bad
}

// spread puts each row of w, over the channels at, among n channels, with zeros for the others: a step keeps what it learned over
// all EEG channels, so that it works where other channels are marked than in training, or none.
func spread(w [][]float64, at []int, n int) [][]float64 {
	out := make([][]float64, len(w))
	for k, row := range w {
		out[k] = make([]float64, n)
		for i, v := range row {
			out[k][at[i]] = v
		}
	}
	return out
}

// used is the places of the channels, of n, that a row of w goes by.
func used(w [][]float64, n int) []int {
	var at []int
	for i := range n {
		if slices.ContainsFunc(w, func(row []float64) bool { return row[i] != 0 }) {
			at = append(at, i)
		}
	}
	return at
}

// row is one of w over the channels at places at of eeg. The others have no weight in it: what they hold, be it NaN, does not matter.
func row(eeg, at []int, w []float64, offset float64) mix.Row {
	from, weights := make([]int, len(at)), make([]float64, len(at))
	for k, i := range at {
		from[k], weights[k] = eeg[i], w[i]
	}
	return mix.Dense(from, weights, offset)
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
