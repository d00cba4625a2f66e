// Package pick chooses channels.
package pick

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
	preprocess.Register("pick", func() preprocess.Processor { return &Pick{} })
}

// Pick keeps some of the channels: those of a list, in the order of the list; or those of some kinds, without some names,
// in the order of the stream. A name that the stream does not have is an error, never left out quietly.
//
// Nothing is computed: [channels][samples] become [picked][samples], units stay (like
// https://mne.tools/stable/generated/mne.pick_types.html).
type Pick struct {
	Channels []string      `json:"channels" doc:"names of the channels to keep, in this order; not together with kinds or exclude"`
	Kinds    []signal.Kind `json:"kinds" doc:"kinds of channel to keep, in the order of the stream: eeg, eog, ecg, emg, seeg, ecog, trigger, misc; none means all"`
	Exclude  []string      `json:"exclude" doc:"names of channels to leave out"`

	idx  []int    // which channel of the stream each one is
	in   int      // channels of the stream
	left []string // those that are left out
	info *signal.Info
	out  signal.Buffer
}

// Start finds the channels.
func (p *Pick) Start(in *signal.Info) (*signal.Info, error) {
	var err error
	switch {
	case len(p.Channels) == 0 && len(p.Kinds) == 0 && len(p.Exclude) == 0:
		return nil, errors.New("pick: nothing to go by: give channels, kinds or exclude")
	case len(p.Channels) > 0 && len(p.Kinds)+len(p.Exclude) > 0:
		return nil, errors.New("pick: channels already names all that stay: leave out kinds and exclude")
	case len(p.Channels) > 0:
		p.idx, err = find("channels", p.Channels, in)
	default:
		p.idx, err = p.choose(in)
	}
	if err != nil {
		return nil, err
	}
	p.in, p.info, p.left = len(in.Channels), in.Pick(p.idx), nil
	for ch, c := range in.Channels {
		if !slices.Contains(p.idx, ch) {
			p.left = append(p.left, c.Name)
		}
	}
	return p.info, nil
}

// Ignores names the channels that are left out.
func (p *Pick) Ignores() (names []string, separate bool) { return p.left, true }

// find is the positions of the named channels.
func find(key string, names []string, in *signal.Info) ([]int, error) {
	idx := make([]int, len(names))
	for i, name := range names {
		if idx[i] = in.Index(name); idx[i] < 0 {
			return nil, fmt.Errorf("pick: %s: %w", key, &registry.UnknownError{What: "channel", Name: name, Known: in.Names()})
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("pick: %s: %q is listed twice", key, name)
		}
	}
	return idx, nil
}

// choose is the positions that Kinds and Exclude leave.
func (p *Pick) choose(in *signal.Info) ([]int, error) {
	for _, k := range p.Kinds {
		if !slices.Contains(signal.Kinds, k) {
			known := make([]string, len(signal.Kinds))
			for i, k := range signal.Kinds {
				known[i] = string(k)
			}
			return nil, fmt.Errorf("pick: kinds: %w", &registry.UnknownError{What: "kind", Name: string(k), Known: known})
		}
	}
	out, err := find("exclude", p.Exclude, in)
	if err != nil {
		return nil, err
	}
	var idx []int
	for ch, c := range in.Channels {
		if (len(p.Kinds) == 0 || slices.Contains(p.Kinds, c.Kind)) && !slices.Contains(out, ch) {
			idx = append(idx, ch)
		}
	}
	if len(idx) == 0 {
		return nil, fmt.Errorf("pick: no channel is left of %s", list(in))
	}
	return idx, nil
}

// list is the channels of in with their kinds: `Fp1 (eeg), STI (trigger)`.
func list(in *signal.Info) string {
	names := in.Names()
	for i := range names {
		names[i] += fmt.Sprintf(" (%s)", in.Channels[i].Kind)
	}
	return strings.Join(names, ", ")
}

// Process copies the channels.
func (p *Pick) Process(c signal.Chunk) (signal.Chunk, error) {
	if c.Len() == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != p.in {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), p.in)
	}
	out := p.out.Like(c, p.info)
	for i, ch := range p.idx {
		copy(out.X[i], c.X[ch])
	}
	return out, nil
}

// Flush has nothing to return: no sample is held back.
func (p *Pick) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }
