package edf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// ofChannel stands in a text between what an annotation says and the label of the one channel that it is about: "spike@@Cz". It is the convention of
// MNE, which makes one event of annotations that differ in the channel alone.
const ofChannel = "@@"

// labelled is the channels by their labels, without those that share one: it does not tell which is meant.
type labelled map[string]signal.Channels

// add takes in a channel that is called name.
func (l labelled) add(label, name string) {
	if label = strings.TrimSpace(label); label == "" {
		return
	}
	if _, shared := l[label]; shared {
		name = "" // of none
	}
	l[label] = signal.ChannelsOf(name)
}

// words is what the text of an annotation says.
type words struct {
	text     string
	label    string
	channels signal.Channels
	unknown  bool // it names a channel, and none, or several, have that label
}

func (l labelled) words(text string) words {
	w := words{text: text, label: text}
	label, of, named := strings.Cut(text, ofChannel)
	if c := l[of]; named && !c.IsZero() {
		w.label, w.channels = label, c
	} else {
		w.unknown = named
	}
	return w
}

// words are those of a text of the file.
func (a *annotations) words(text string) words {
	if a.of == nil && strings.Contains(text, ofChannel) {
		a.of = labelled{}
		for i := range a.chans {
			a.of.add(a.chans[i].header.label, a.chans[i].Name)
		}
	}
	return a.of.words(text)
}

// further is another channel of an event.
type further struct {
	event   int
	channel signal.Channels
}

// continues says whether e is the event in front of it, of another channel, and takes note of that: a file may have as many annotations as channels, of
// each event. Those that do not stand side by side are events until all are known, see sorted.
func (a *annotations) continues(e signal.Event) bool {
	if e.Channels.IsZero() {
		return false
	}
	if a.in == nil {
		a.in = map[signal.Channels]int{}
	}
	n := a.events.Len()
	if n > 0 && a.in[e.Channels] != n {
		if last := a.events.At(n - 1); !last.Channels.IsZero() && like(*last) == like(e) {
			a.in[e.Channels] = n
			a.more.Add(further{n - 1, e.Channels})
			return true
		}
	}
	a.in[e.Channels] = n + 1
	return false
}

// join puts the further channels of events into them.
func (a *annotations) join() {
	var names []string
	for i := range a.more.Len() {
		f := a.more.At(i)
		names = append(names, f.channel.Names()...)
		if i+1 < a.more.Len() && a.more.At(i+1).event == f.event {
			continue
		}
		e := a.events.At(f.event)
		e.Channels = signal.ChannelsOf(append(names, e.Channels.Names()...)...)
		names = names[:0]
	}
	a.more, a.in = pages.List[further]{}, nil
}

// unknownNote says that texts name channels that are not there; nil where none does.
func (a *annotations) unknownNote() []signal.Deviation {
	if a.unknown == 0 {
		return nil
	}
	return []signal.Deviation{{
		Where: "annotations", Rule: "behind " + ofChannel + " may stand the label of the channel that an annotation is of", Found: fmt.Sprintf("%d with a label that none, or several, have, such as %q", a.unknown, clip([]byte(a.first))),
		Assumed: "a text like others, of all channels",
	}}
}

// likeness is what MNE goes by.
type likeness struct {
	onset, duration float64
	label           string
}

func like(e signal.Event) likeness { return likeness{e.Onset, e.Duration, e.Label} }

// rank sorts annotations by time. One of all channels stands behind those of single ones that are like it: MNE would take these for channels of the
// one in front.
func rank(events []signal.Event) []signal.Event {
	events = slices.Clone(events)
	single := map[likeness]bool{}
	for _, e := range events {
		if !e.Channels.IsZero() {
			single[like(e)] = true
		}
	}
	behind := func(e signal.Event) int {
		if e.Channels.IsZero() && single[like(e)] {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(events, func(a, b signal.Event) int {
		return cmp.Or(cmp.Compare(a.Onset, b.Onset), behind(a)-behind(b))
	})
	return events
}

// ofChannels are the texts by which an event is written, one for each of its channels. Names that no channel has stand there as they are.
func (o *output) ofChannels(e signal.Event) []string {
	if e.Channels.IsZero() {
		return []string{e.Label}
	}
	texts := e.Channels.Names()
	for i, name := range texts {
		if label, known := o.labels[name]; known {
			name = label
		}
		name, _ = talSafe(name)
		texts[i] = e.Label + ofChannel + name
	}
	return texts
}

// labelled is the channels by the labels that are written.
func (o *output) labelled() labelled {
	of := labelled{}
	o.labels = map[string]string{}
	for _, g := range o.groups {
		for _, c := range g.chans {
			label := strings.TrimSpace(c.label)
			of.add(label, c.Name)
			if _, other := o.labels[c.Name]; !other {
				o.labels[c.Name] = label
			}
		}
	}
	return of
}

// toldOtherwise is how many of the events that are written will be read with another text or of other channels. Those that are read as gaps are
// listed elsewhere.
func (o *output) toldOtherwise(events []signal.Event) int {
	of := o.labelled()
	if !slices.ContainsFunc(events, func(e signal.Event) bool { return !e.Channels.IsZero() || strings.Contains(e.Label, ofChannel) }) {
		return 0
	}
	var read []signal.Event
	for _, e := range rank(events) {
		for _, text := range o.ofChannels(e) {
			w := of.words(text)
			read = append(read, signal.Event{Onset: e.Onset, Duration: e.Duration, Label: w.label, Channels: w.channels})
		}
	}
	events = slices.Clone(events)
	for i := range events {
		events[i].Sample = 0
	}
	return signal.JoinedOtherwise(events, read)
}

// listOfChannels lists the events that the format does not tell of which channels they are.
func (o *output) listOfChannels(events []signal.Event) {
	if n := o.toldOtherwise(events); n > 0 {
		o.lose("events", "behind "+ofChannel+" a text has the label of the channel that it is of, and events that differ in that alone are one",
			strconv.Itoa(n)+" of "+strconv.Itoa(len(o.rec.Events))+" events of which that does not tell the channels: none has the label, or several; the text has "+ofChannel+" itself; or another event is like it",
			"read with other texts, or of other channels")
	}
}
