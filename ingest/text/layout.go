package text

import (
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// nameChannels spells the channels and places them. Every sample of a voltage is taken to be in µV.
func nameChannels(src *source, lay *layout, names []string) {
	entries := montage.Assign(names)
	for i := range lay.columns {
		c := &lay.columns[i]
		if c.role != sample {
			continue
		}
		e := entries[0]
		entries = entries[1:]
		src.renamed(e)
		c.Channel = signal.Channel{Name: e.Name, Original: e.Original, Kind: e.Kind, Unit: signal.Microvolt}
		if e.Kind == signal.EEG {
			c.Pos = montage.Place(e.Name)
		}
	}
}

// uniqueNames numbers names that occur more than once, and changes no other.
func (l *layout) uniqueNames(src *source, names []string) {
	entries := montage.Assign(names)
	for i := range l.columns {
		c := &l.columns[i]
		if c.role != sample {
			continue
		}
		if e := entries[0]; e.Note != "" {
			c.Name = e.Name
			src.renamed(e)
		}
		entries = entries[1:]
	}
}

// renamed lists a channel that could not keep its name.
func (s *source) renamed(e montage.Entry) {
	if e.Note == "" {
		return
	}
	s.dev.each("name", e.Name, func() signal.Deviation {
		return signal.Deviation{Where: s.where(e.Original), Rule: "names differ and are not empty", Found: e.Note, Assumed: "the name " + e.Name}
	})
}

// check reports a table that has no stamps or no channels.
func (l *layout) check(src *source) error {
	stamps, samples, counters := 0, 0, 0
	for i := range l.columns {
		c := &l.columns[i]
		switch c.role {
		case stamp:
			if stamps++; stamps > 1 {
				return src.cellError(c.at, c.name, "there are two columns of stamps, must be one")
			}
		case sample:
			samples++
		case counter:
			counters++
		case marker, unused:
		}
	}
	switch {
	case stamps == 0:
		return src.cellError(src.at, museStamps, "the column is missing, the header has %s: without stamps the rate is unknown", l.names())
	case counters > 1:
		return src.cellError(src.at, "", "the header has two counters of samples, must have one at most")
	case samples == 0:
		return src.cellError(src.at, "", "the header has %s and no channel", l.names())
	}
	return nil
}

// names are those of all columns, for a message.
func (l *layout) names() string {
	names := make([]string, len(l.columns))
	for i := range names {
		names[i] = l.columns[i].name
	}
	return strings.Join(names, ", ")
}
