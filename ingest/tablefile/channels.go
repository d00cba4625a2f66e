package tablefile

import (
	"fmt"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// setOfChannels is the events of some channels as it is written. An event is named by its sample and its number among those there, from 0, so that
// it is found whatever else of a file is damaged.
type setOfChannels struct {
	Channels signal.Channels `json:"channels"`
	Events   [][2]int64      `json:"events"`
}

// setsOf are the events of rec that are not of all channels, by their channels; n is how many there are.
func setsOf(rec *signal.Recording) (sets []*setOfChannels, n int) {
	by := map[signal.Channels]*setOfChannels{}
	number := int64(0)
	for i, e := range rec.Events {
		if number++; i == 0 || rec.Events[i-1].Sample != e.Sample {
			number = 0
		}
		if e.Channels.IsZero() {
			continue
		}
		set := by[e.Channels]
		if set == nil {
			set = &setOfChannels{Channels: e.Channels}
			by[e.Channels], sets = set, append(sets, set)
		}
		set.Events = append(set.Events, [2]int64{e.Sample, number})
		n++
	}
	return sets, n
}

// channelsOf puts the channels of events, of which the text is that of the metadata, into the events of rec, all of which are there.
func (m *Metadata) channelsOf(rec *signal.Recording, text string) {
	missed, first := 0, int64(0)
	m.list(channelsKey, "sets of channels with the sample and the number there of each event", text, func(p *scanner) bool {
		of, places, ok := readSet(p)
		if !ok {
			return false
		}
		_, ok = places.elements(func() bool {
			var at [2]int64
			k := 0
			_, ok := places.elements(func() (ok bool) {
				if k < len(at) {
					at[k], ok = places.whole()
				}
				k++
				return ok
			})
			if !ok || k != len(at) {
				return false
			}
			i := sort.Search(len(rec.Events), func(i int) bool { return rec.Events[i].Sample >= at[0] })
			if n := int64(len(rec.Events) - i); at[1] < 0 || at[1] >= n || rec.Events[i+int(at[1])].Sample != at[0] {
				if missed++; missed == 1 {
					first = at[0]
				}
				return true
			}
			rec.Events[i+int(at[1])].Channels = of
			return true
		})
		return ok
	})
	if missed > 0 {
		m.deviate(channelsKey, "names events of the file", fmt.Sprintf("%d that are not there, the first at sample %d", missed, first), "passed over")
	}
}

// readSet reads a set, but for its events, which lie at places.
func readSet(p *scanner) (of signal.Channels, places *scanner, ok bool) {
	var names []string
	ok = p.object(func(key string) (ok bool) {
		switch key {
		case "channels":
			_, ok = p.elements(func() bool {
				name, ok := p.text()
				names = append(names, name)
				return ok
			})
		case "events":
			places = &scanner{s: p.s, at: p.at}
			ok = p.skip()
		default:
			ok = p.skip()
		}
		return ok
	})
	return signal.ChannelsOf(names...), places, ok && places != nil
}
