package reref

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.Register("reference", func() preprocess.Processor { return &Reference{} })
	preprocess.Register("linked_ears", func() preprocess.Processor {
		return &LinkedEars{Channels: []string{"A1", "A2"}, Drop: true}
	})
}

// Reference takes the mean of some channels, sample by sample, from every EEG channel, like MNE's set_eeg_reference with
// a list. The channels of the list must be voltages of kind eeg or misc (an ear that a reader did not know); those that
// are EEG lose the mean as well, so that a single one becomes 0. Other channels pass as they are. A NaN in a reference
// channel reaches all EEG channels, for the same sample only. EEG channels that the source marks as bad do not change, like MNE's,
// and the notes of the fit name them. A stream in which one of the list is marked is refused: it would spoil every channel, which
// MNE allows without a word.
//
// It is y[ch][t] = x[ch][t] − Σ_r x[r][t]/R over the R channels of the list, in µV (Yao et al. 2019,
// doi:10.1007/s10548-019-00707-x; https://mne.tools/stable/generated/mne.set_eeg_reference.html).
type Reference struct {
	Channels []string `json:"channels" doc:"names of the channels whose mean becomes the reference, such as [Cz] or [M1, M2]"`
	Drop     bool     `json:"drop" doc:"leave the reference channels out of what comes out: together they have one rank less than their number"`

	averager
}

// Start finds the channels.
func (r *Reference) Start(in *signal.Info) (*signal.Info, error) {
	return r.start("reference", strings.Join(r.Channels, "+"), r.Channels, r.Drop, in)
}

// LinkedEars is Reference with both ear lobes or mastoids, computed from the two as recorded (not by a wire between them). Channels
// that are marked as bad do not change there either, and a stream in which one of the two is marked is refused.
//
// It is y[ch][t] = x[ch][t] − (x[left][t] + x[right][t])/2, in µV (Yao et al. 2019, doi:10.1007/s10548-019-00707-x).
type LinkedEars struct {
	Channels []string `json:"channels" doc:"names of the two ear or mastoid channels, such as [A1, A2] or [M1, M2]"`
	Drop     bool     `json:"drop" doc:"leave the two channels out of what comes out: behind this step one is the other with the sign changed"`

	averager
}

// Start finds the channels.
func (r *LinkedEars) Start(in *signal.Info) (*signal.Info, error) {
	if len(r.Channels) != 2 {
		return nil, fmt.Errorf("linked_ears: channels has %d names %q, must have 2; use the step reference for another number", len(r.Channels), r.Channels)
	}
	return r.start("linked_ears", "linked ears", r.Channels, r.Drop, in)
}

// averager subtracts the mean of some channels from the EEG channels.
type averager struct {
	in   int    // channels of the stream
	keep []int  // which of them come out
	eeg  []bool // those that change
	bad  []string
	refs []int
	mean []float64 // scratch, one value per sample
	info *signal.Info
	out  signal.Buffer
}

func (a *averager) start(step, reference string, names []string, drop bool, in *signal.Info) (*signal.Info, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: channels is empty: name at least one, or use the step car for the average of all", step)
	}
	a.in, a.refs, a.keep, a.eeg, a.bad = len(in.Channels), nil, nil, nil, nil
	for i, name := range names {
		ch := in.Index(name)
		if ch < 0 {
			return nil, fmt.Errorf("%s: channels: %w", step, &registry.UnknownError{What: "channel", Name: name, Known: in.Names()})
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("%s: channels: %q is listed twice", step, name)
		}
		if c := in.Channels[ch]; c.Kind != signal.EEG && c.Kind != signal.Misc || c.Unit != signal.Microvolt {
			return nil, fmt.Errorf("%s: channels: %q is of kind %q in %q, must be eeg or misc in %q", step, name, c.Kind, c.Unit, signal.Microvolt)
		}
		a.refs = append(a.refs, ch)
	}
	var broken []string
	for _, ch := range a.refs {
		if in.Channels[ch].Bad {
			broken = append(broken, in.Channels[ch].Name)
		}
	}
	if len(broken) > 0 {
		return nil, fmt.Errorf("%s: channels: the recording marks %s as bad, and a broken reference electrode spoils every channel: name good ones (the step reference also takes one alone), use the step car, or put the step interpolate before it, which replaces EEG channels",
			step, strings.Join(broken, ", "))
	}
	left := 0
	for ch, c := range in.Channels {
		if drop && slices.Contains(a.refs, ch) {
			continue
		}
		a.keep, a.eeg = append(a.keep, ch), append(a.eeg, c.Kind == signal.EEG && !c.Bad)
		switch {
		case c.Kind == signal.EEG && c.Bad:
			a.bad = append(a.bad, c.Name)
		case c.Kind == signal.EEG && !slices.Contains(a.refs, ch):
			left++
		}
	}
	switch {
	case left == 0 && len(a.bad) > 0:
		return nil, fmt.Errorf("%s: no EEG channel beside the reference %q to subtract it from: the recording marks %s as bad", step, names, strings.Join(a.bad, ", "))
	case left == 0:
		return nil, fmt.Errorf("%s: no EEG channel beside the reference %q to subtract it from", step, names)
	}
	a.info = in.Pick(a.keep)
	a.info.Reference = reference
	return a.info, nil
}

// Notes names the channels that do not change because the source marks them as bad.
func (a *averager) Notes() []signal.Note {
	return signal.BadNote("not changed", a.bad, "leave them out with pick to do the same in every stream")
}

// Process subtracts.
func (a *averager) Process(c signal.Chunk) (signal.Chunk, error) {
	if a.info == nil {
		return signal.Chunk{}, errors.New("used before Start")
	}
	n := c.Len()
	if n == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != a.in {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), a.in)
	}
	if cap(a.mean) < n {
		a.mean = make([]float64, n)
	}
	mean := a.mean[:n]
	copy(mean, c.X[a.refs[0]])
	for _, ch := range a.refs[1:] {
		for t, v := range c.X[ch][:n] {
			mean[t] += v
		}
	}
	if len(a.refs) > 1 {
		for t := range mean {
			mean[t] /= float64(len(a.refs))
		}
	}
	out := a.out.Like(c, a.info)
	for i, ch := range a.keep {
		y := out.X[i]
		copy(y, c.X[ch])
		if a.eeg[i] {
			for t, m := range mean {
				y[t] -= m
			}
		}
	}
	return out, nil
}

// Flush has nothing to return: no sample is held back.
func (a *averager) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }
