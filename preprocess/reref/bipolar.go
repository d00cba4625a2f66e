package reref

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
)

func init() {
	preprocess.Register("bipolar", func() preprocess.Processor { return &Bipolar{} })
}

// Bipolar makes channels that are the difference of two, the first minus the second: [F3, C3] becomes "F3-C3". What comes
// out are the channels that are in no pair, in the order of the stream, then the pairs, in the order of the list, like
// MNE's set_bipolar_reference. A bipolar channel has the kind and the unit of its two ends, which must be the same, and
// no position; it is marked as bad where one of them is.
//
// It is y = x_first − x_second in the unit of both (Yao et al. 2019, doi:10.1007/s10548-019-00707-x, on references;
// https://mne.tools/stable/generated/mne.set_bipolar_reference.html).
type Bipolar struct {
	Pairs [][]string `json:"pairs" doc:"pairs of channel names, [[F3, C3], [F4, C4]]: the first minus the second becomes F3-C3; channels in no pair pass as they are"`

	mix.Stage
}

// Start finds the channels.
func (b *Bipolar) Start(in *signal.Info) (*signal.Info, error) {
	b.Clear()
	if len(b.Pairs) == 0 {
		return nil, errors.New("bipolar: pairs is empty: list at least one pair of channels, such as [[F3, C3]]")
	}
	used := make([]bool, len(in.Channels))
	pairs := make([]signal.Channel, len(b.Pairs))
	weights := make([]mix.Row, len(b.Pairs))
	for i, pair := range b.Pairs {
		if len(pair) != 2 {
			return nil, fmt.Errorf("bipolar: pairs: entry %d has %d names %q, must have 2", i+1, len(pair), pair)
		}
		var ends [2]int
		for k, name := range pair {
			if ends[k] = in.Index(name); ends[k] < 0 {
				return nil, fmt.Errorf("bipolar: pairs: %w", &registry.UnknownError{What: "channel", Name: name, Known: in.Names()})
			}
			used[ends[k]] = true
		}
		plus, minus := in.Channels[ends[0]], in.Channels[ends[1]]
		switch {
		case ends[0] == ends[1]:
			return nil, fmt.Errorf("bipolar: pairs: %q minus itself is always 0", plus.Name)
		case plus.Kind != minus.Kind || plus.Unit != minus.Unit:
			return nil, fmt.Errorf("bipolar: pairs: %q is %s in %q and %q is %s in %q, must be of one kind and unit", plus.Name, plus.Kind, plus.Unit, minus.Name, minus.Kind, minus.Unit)
		}
		name := plus.Name + "-" + minus.Name
		pairs[i] = signal.Channel{Name: name, Original: name, Kind: plus.Kind, Unit: plus.Unit, Bad: plus.Bad || minus.Bad}
		weights[i] = mix.Row{From: ends[:], Weights: []float64{1, -1}}
	}
	out := &signal.Info{Rate: in.Rate, Reference: "bipolar"}
	var rows []mix.Row
	for ch, c := range in.Channels {
		if !used[ch] {
			out.Channels, rows = append(out.Channels, c), append(rows, mix.Copy(ch))
			if c.Kind == signal.EEG {
				out.Reference = "" // not the same for all
			}
		}
	}
	out.Channels, rows = append(out.Channels, pairs...), append(rows, weights...)
	if err := out.Validate(); err != nil { // a pair twice, or a name that is there already
		return nil, fmt.Errorf("bipolar: pairs: %w", err)
	}
	b.Set(in, out, rows)
	return out, nil
}
