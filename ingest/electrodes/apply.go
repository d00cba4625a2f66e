package electrodes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Joined says what became of the electrodes of a file and the channels of a recording.
type Joined struct {
	File    string   `json:"file"`
	Format  string   `json:"format"`
	How     string   `json:"how"`     // what was read from the numbers
	Placed  []string `json:"placed"`  // channels that have the place in the file
	Missing []string `json:"missing"` // channels of electrodes that the file does not have
	Extra   []string `json:"extra"`   // labels of the file that are no channel
	Retyped []string `json:"retyped"` // channels that were misc and are EEG, because the file has a place for them
}

// String is one line.
func (j *Joined) String() string {
	parts := []string{fmt.Sprintf("%s (%s): %d channels placed", j.File, j.Format, len(j.Placed))}
	for _, part := range []struct {
		what string
		list []string
	}{{"not in the file", j.Missing}, {"not in the recording", j.Extra}, {"EEG now, by their place", j.Retyped}} {
		if len(part.list) > 0 {
			parts = append(parts, part.what+": "+strings.Join(part.list, ", "))
		}
	}
	return strings.Join(append(parts, j.How), "; ")
}

// JoinError says that the electrodes of a file and the channels of a recording do not belong together.
type JoinError struct{ Err error }

// Error is one line.
func (e *JoinError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *JoinError) Unwrap() error { return e.Err }

// key is what labels are joined by: the name that montage makes of them, whatever its capitals.
func key(label string) string {
	name, _ := montage.Normalize(label)
	return strings.ToLower(name)
}

// Apply gives the channels of rec, and of its Others, the places of set, joined by name. A channel that was Misc is EEG
// afterwards: a place is what an electrode has. Channels of electrodes that the file does not have keep the place of their name
// only where the two can be mixed (Shared); they are listed in Deviations. More electrodes than channels are no deviation: caps
// have more than are plugged in. Labels that come to one name, as T3 and T7, are one electrode where they have one place. It is an error
// where they have two, and where no channel is in the file (*JoinError); rec is then unchanged.
func (set *Set) Apply(rec *signal.Recording) (*Joined, error) {
	at, one := make(map[string]int, len(set.Electrodes)), make([]int, len(set.Electrodes)) // one[i] is the first label of electrode i
	for i, e := range set.Electrodes {
		k := key(e.Label)
		one[i] = i
		first, twice := at[k]
		switch {
		case !twice:
			at[k] = i
		case set.Electrodes[first].Pos != e.Pos:
			return nil, &JoinError{fmt.Errorf("%s: %q and %q are the same electrode, at two places: remove one", set.File, set.Electrodes[first].Label, e.Label)}
		default:
			one[i] = first
		}
	}
	j := &Joined{File: set.File, Format: set.Format, How: set.How, Placed: []string{}, Missing: []string{}, Extra: []string{}, Retyped: []string{}}
	var unknown []signal.Deviation
	used := make([]bool, len(set.Electrodes))
	all := append([]*signal.Recording{rec}, rec.Others...)
	infos := make([]*signal.Info, len(all))
	for k, r := range all {
		info := *r.Info
		info.Channels = slices.Clone(info.Channels)
		infos[k] = &info
		for ch := range info.Channels {
			c := &info.Channels[ch]
			i, ok := at[strings.ToLower(c.Name)]
			if !ok {
				i, ok = at[key(c.Original)]
			}
			electrode := c.Kind == signal.EEG || c.Kind == signal.SEEG || c.Kind == signal.ECoG
			switch {
			case ok && c.Kind != signal.Trigger:
				used[i] = true
				pos := set.Electrodes[i].Pos
				c.Pos = &pos
				j.Placed = append(j.Placed, c.Name)
				if c.Kind == signal.Misc {
					c.Kind = signal.EEG
					j.Retyped = append(j.Retyped, c.Name)
					if c.Unit != signal.Microvolt {
						unknown = append(unknown, signal.Deviation{
							Where: set.File + ": " + c.Name, Rule: "a voltage (uV, mV, V, nV) for EEG", Found: fmt.Sprintf("the unit %q", string(c.Unit)),
							Assumed: "nothing: the samples of this channel are in the unit as it is written, and may not be µV",
						})
					}
				}
			case electrode:
				j.Missing = append(j.Missing, c.Name)
				if !set.Shared {
					c.Pos = nil
				}
			}
		}
	}
	for i, e := range set.Electrodes {
		if !used[one[i]] {
			j.Extra = append(j.Extra, e.Label)
		}
	}
	if len(j.Placed) == 0 {
		return nil, &JoinError{fmt.Errorf("%s has no channel of %s: it knows %s, the recording has %s; names are joined as gyrus info prints them",
			set.File, rec.Name, some(j.Extra), some(rec.Info.Names()))}
	}
	for k, r := range all {
		r.Info = infos[k]
	}
	rec.Parts = append(slices.Clip(rec.Parts), set.File)
	rec.Deviations = slices.Concat(rec.Deviations, set.Deviations, unknown)
	if len(j.Missing) > 0 {
		assumed := "they have no place"
		if set.Shared {
			assumed = "they have the place of their name, where it has one"
		}
		rec.Deviations = append(rec.Deviations, signal.Deviation{
			Where: set.File, Rule: "a place for every electrode", Found: "none for " + strings.Join(j.Missing, ", "), Assumed: assumed,
		})
	}
	return j, nil
}

// some are the first of a list.
func some(names []string) string {
	if len(names) > 6 {
		return strings.Join(names[:6], ", ") + fmt.Sprintf(" and %d more", len(names)-6)
	}
	return strings.Join(names, ", ")
}
