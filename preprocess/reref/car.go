// Package reref changes what the electrodes are measured against.
package reref

import (
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.Register("car", func() preprocess.Processor { return &CAR{} })
}

// CAR takes the mean of the EEG channels, sample by sample, from each of them: the common average reference (Bertrand,
// Perrin and Pernier 1985, doi:10.1016/0168-5597(85)90058-9).
//
// Excluded channels neither count in the mean nor change, like MNE's bad channels; nor do those that the source marks as bad,
// which the notes of the fit name, and channels of any other kind. A NaN in one EEG channel reaches all of them, for the same
// sample only.
type CAR struct {
	Exclude []string `json:"exclude" doc:"names of EEG channels that neither count in the average nor change, such as broken ones, beside those that the recording marks as bad"`

	info *signal.Info
	eeg  []bool // those that count
	n    float64
	bad  []string  // EEG channels that the source marks, and that are not excluded by name
	mean []float64 // scratch, one value per sample
	out  signal.Buffer
}

// Notes names the channels that are left out because the source marks them as bad.
func (r *CAR) Notes() []signal.Note {
	return signal.BadNote("not in the average, and not changed", r.bad, "name them in the step to do the same in every stream")
}

// Start finds the channels. At least two must be left.
func (r *CAR) Start(in *signal.Info) (*signal.Info, error) {
	for _, name := range r.Exclude {
		if ch := in.Index(name); ch < 0 {
			return nil, fmt.Errorf("car: exclude: %w", &registry.UnknownError{What: "channel", Name: name, Known: in.Names()})
		} else if k := in.Channels[ch].Kind; k != signal.EEG {
			return nil, fmt.Errorf("car: exclude: channel %q is of kind %q and not in the average anyway; leave it out of the list", name, k)
		}
	}
	r.eeg, r.n, r.bad = make([]bool, len(in.Channels)), 0, nil
	for ch, c := range in.Channels {
		switch {
		case c.Kind != signal.EEG || slices.Contains(r.Exclude, c.Name):
		case c.Bad:
			r.bad = append(r.bad, c.Name)
		default:
			r.eeg[ch] = true
			r.n++
		}
	}
	if r.n < 2 {
		return nil, fmt.Errorf("car: %g EEG channels to average over (of %d channels, %d excluded, %d marked as bad by the source), must be at least 2", r.n, len(in.Channels), len(r.Exclude), len(r.bad))
	}
	out := *in
	out.Reference = "average"
	r.info = &out
	return r.info, nil
}

// Process subtracts.
func (r *CAR) Process(c signal.Chunk) (signal.Chunk, error) {
	n := c.Len()
	if n == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != len(r.eeg) {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(r.eeg))
	}
	out := r.out.Like(c, r.info)
	if cap(r.mean) < n {
		r.mean = make([]float64, n)
	}
	mean := r.mean[:n]
	clear(mean)
	for ch, x := range c.X { // always in the same order, so that the sums round the same way
		if r.eeg[ch] {
			for t, v := range x[:n] {
				mean[t] += v
			}
		}
	}
	for t := range mean {
		mean[t] /= r.n
	}
	for ch, x := range c.X {
		y := out.X[ch]
		copy(y, x)
		if r.eeg[ch] {
			for t, m := range mean {
				y[t] -= m
			}
		}
	}
	return out, nil
}

// Flush has nothing to return: no sample is held back.
func (r *CAR) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }
