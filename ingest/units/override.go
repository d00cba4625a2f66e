package units

import (
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Conflict is a channel for which something beside the source names another unit than the source does.
type Conflict struct {
	Channel  int
	From, To string // as the source, and what is beside it, write them
	Taken    bool   // the samples are handed out as if the source had said To
	Why      string // why not, where it is not
}

// Override gives the channels of r the units that something beside the source names, such as a table of channels; to is one
// to a channel, "" where nothing is named. Voltages are converted, and what the source has no unit for gets the one named.
// The source is believed where a voltage would become something else, and where the EEG in the unit named would be implausible while
// it is plausible as it is: whoever wrote the table mixed up V and µV. Nothing is changed without being returned, but for
// channels whose reader does not tell the unit in the source. Where neither is a voltage, only the name of the unit changes.
// Triggers are codes, and have no unit.
func Override(r *signal.Recording, to []string) ([]Conflict, error) {
	source, tells := r.Data.(signal.UnitReader)
	if !tells || len(to) != len(r.Info.Channels) {
		return nil, nil
	}
	var conflicts []Conflict
	scales := make([]Scale, len(to))
	for ch, from := range source.SourceUnits() {
		c := r.Info.Channels[ch]
		if to[ch] == "" || micro.Replace(to[ch]) == micro.Replace(from) && from != "" || c.Kind == signal.Trigger {
			continue
		}
		conflict, scale := Conflict{Channel: ch, From: from, To: to[ch], Taken: true}, Parse(to[ch])
		if was := Parse(named(from)); was.Voltage && scale.Voltage {
			scale = was.to(scale)
			if scale.Mul == scale.Div && c.Unit == signal.Microvolt {
				continue
			}
		} else if was.Voltage && from != "" {
			conflict.Taken, conflict.Why, scale = false, "no voltage can be converted to that", Scale{}
		}
		conflicts, scales[ch] = append(conflicts, conflict), scale
	}
	if len(conflicts) == 0 {
		return nil, nil
	}
	if err := doubt(r, conflicts, scales); err != nil {
		return nil, err
	}
	rescale(r, scales)
	return conflicts, nil
}

// doubt leaves out of scales what would make EEG, or that of the brain itself, implausible that is plausible as it is. Channels for
// which the same is named in the place of the same are judged together.
func doubt(r *signal.Recording, conflicts []Conflict, scales []Scale) error {
	other := *r
	rescale(&other, scales)
	brain := func(ch int) bool {
		return slices.Contains([]signal.Kind{signal.EEG, signal.SEEG, signal.ECoG}, r.Info.Channels[ch].Kind)
	}
	as, err := variation(r, brain)
	if err != nil {
		return err
	}
	would, err := variation(&other, brain)
	if err != nil {
		return err
	}
	alike := map[[2]string][]int{}
	for _, c := range conflicts {
		alike[[2]string{c.From, c.To}] = append(alike[[2]string{c.From, c.To}], c.Channel)
	}
	for i, c := range conflicts {
		pick := func(ch int) bool { return slices.Contains(alike[[2]string{c.From, c.To}], ch) }
		is, ok := as.median(pick)
		then, also := would.median(pick)
		if !ok || !also || is < smallest || is > largest || then >= smallest && then <= largest {
			continue
		}
		if c.Taken && r.Info.Channels[c.Channel].Unit == signal.Microvolt {
			scales[c.Channel] = Scale{}
			conflicts[i].Taken, conflicts[i].Why = false, fmt.Sprintf("with that unit they would vary by %.3g µV, as they are by %.3g µV", then, is)
		}
	}
	return nil
}

// named is the unit of samples that a source says nothing about.
func named(unit string) string {
	if unit == "" {
		return string(signal.Microvolt)
	}
	return unit
}
