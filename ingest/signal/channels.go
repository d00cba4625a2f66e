package signal

import (
	"cmp"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"unique"
)

// Channels are the channels that an event is of, by their names, as a set. The zero value is all channels, which most events are of: a cue, a stage
// of sleep. Sets of the same names are equal (==), whatever the order in which they were given.
//
// The names are those of the channels of the recording, as Channel.Name has them, in any of its groups: readers put them in the place
// of how a source spells them. A name that no channel has is kept. Steps that pick, rename or derive channels leave events
// as they are, so that the names stay those of what was recorded.
type Channels struct {
	names unique.Handle[string] // sorted, with a NUL between; eight bytes, of which an event has no need mostly
}

var none unique.Handle[string]

// ChannelsOf is the set of these names, without empty ones. A NUL in a name becomes a space.
func ChannelsOf(names ...string) Channels {
	if len(names) > 1 {
		names = slices.Clone(names)
	}
	for i := range names {
		if strings.Contains(names[i], "\x00") {
			names = slices.Clone(names)
			names[i] = strings.ReplaceAll(names[i], "\x00", " ")
		}
	}
	if len(names) > 1 {
		slices.Sort(names)
		names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" })
	}
	return channels(strings.Join(names, "\x00"))
}

func channels(joined string) Channels {
	if joined == "" {
		return Channels{}
	}
	return Channels{unique.Make(joined)}
}

// IsZero says that all channels are meant.
func (c Channels) IsZero() bool { return c.names == none }

// joined is the names, sorted, with a NUL between.
func (c Channels) joined() string {
	if c.IsZero() {
		return ""
	}
	return c.names.Value()
}

// Names are the names, sorted; none where all channels are meant.
func (c Channels) Names() []string {
	if c.IsZero() {
		return nil
	}
	return strings.Split(c.joined(), "\x00")
}

// Len is how many names there are, 0 where all channels are meant.
func (c Channels) Len() int {
	if c.IsZero() {
		return 0
	}
	return strings.Count(c.joined(), "\x00") + 1
}

// Equal is ==, for programs that compare values with fields that are not exported.
func (c Channels) Equal(d Channels) bool { return c == d }

// String is the names for people.
func (c Channels) String() string { return strings.ReplaceAll(c.joined(), "\x00", ", ") }

// MarshalJSON writes a list.
func (c Channels) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]string{}, c.Names()...))
}

// UnmarshalJSON reads a list.
func (c *Channels) UnmarshalJSON(b []byte) error {
	var names []string
	err := json.Unmarshal(b, &names)
	*c = ChannelsOf(names...)
	return err
}

// ChannelsOfEvents are the sets that the events of r and its Others are of, each once.
func (r *Recording) ChannelsOfEvents() iter.Seq[Channels] {
	return func(yield func(Channels) bool) {
		seen := map[Channels]bool{{}: true}
		for _, g := range append([]*Recording{r}, r.Others...) {
			for _, e := range g.Events {
				if !seen[e.Channels] {
					if seen[e.Channels] = true; !yield(e.Channels) {
						return
					}
				}
			}
		}
	}
}

// part is of an event that is part of another one now. No set of names is it.
var part = channels("\x00")

// JoinChannels makes one event of those that differ in nothing but the channels that each of them is of, mostly one, which is how formats write
// an event of several channels. A channel that comes again begins another event. events are sorted by Sample and keep their order: an event
// stands where its first channel stood. It works in the memory of events, and returns the part of it that is left.
func JoinChannels(events []Event) []Event {
	var run []int32 // the events of some channels at one sample
	var names []string
	of, some := map[string]int32{}, false // the first event of the last one with a channel, from 1
	for from := 0; from < len(events); {
		to := from
		for run = run[:0]; to < len(events) && events[to].Sample == events[from].Sample; to++ {
			if !events[to].Channels.IsZero() {
				run = append(run, int32(to))
			}
		}
		from = to
		like := func(a, b int32) int {
			x, y := &events[a], &events[b]
			return cmp.Or(cmp.Compare(x.Onset, y.Onset), cmp.Compare(x.Duration, y.Duration), cmp.Compare(x.Label, y.Label))
		}
		slices.SortStableFunc(run, like)
		for i := 0; i < len(run); {
			first := run[i]
			for names = names[:0]; i < len(run) && like(first, run[i]) == 0; i++ {
				e := &events[run[i]]
				again := false
				for name := range strings.SplitSeq(e.Channels.joined(), "\x00") {
					again = again || of[name] == first+1
				}
				if again {
					break
				}
				for name := range strings.SplitSeq(e.Channels.joined(), "\x00") {
					of[name], names = first+1, append(names, name)
				}
				if run[i] != first {
					e.Channels, some = part, true
				}
			}
			events[first].Channels = ChannelsOf(names...)
		}
	}
	if !some {
		return events
	}
	return slices.DeleteFunc(events, func(e Event) bool { return e.Channels == part })
}

// JoinedOtherwise is how many of events JoinChannels does not make of single, by which they were written. It works in the memory of single.
func JoinedOtherwise(events, single []Event) (n int) {
	left := map[Event]int{}
	for _, e := range JoinChannels(single) {
		left[e]++
	}
	for _, e := range events {
		if left[e]--; left[e] < 0 {
			n++
		}
	}
	return n
}
