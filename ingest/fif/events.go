package fif

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// eventList is a list of events as the file has it.
type eventList struct {
	at   int64
	list [][3]int32 // number of the sample, value before, value after
}

// readEvents reads the list of a block of events.
func readEvents(s *source, t tag) (*eventList, error) {
	v, err := s.ints(t, "list of events")
	if err != nil {
		return nil, err
	}
	if len(v)%3 != 0 {
		return nil, s.errorf(t.at, "list of events", "has %d numbers, must have three for each event", len(v))
	}
	e := &eventList{at: t.at, list: make([][3]int32, len(v)/3)}
	for i := range e.list {
		e.list[i] = [3]int32(v[3*i:])
	}
	return e, nil
}

// eventNames are the names that a file with the events of the recording called name may have, by MNE's custom: beside
// "s1_raw.fif" lies "s1-eve.fif", "s1_eve.fif", "s1_raw-eve.fif" or "s1_raw_eve.fif". The first that is there counts.
func eventNames(name string) []string {
	stem := strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], ".fif")
	short := stem
	for _, end := range []string{"_raw", "-raw", "_eeg", "_meg", "_ieeg", "_raw_sss", "_raw_tsss"} {
		if s, cut := strings.CutSuffix(stem, end); cut && s != "" {
			short = s
		}
	}
	names := []string{short + "-eve.fif", short + "_eve.fif", stem + "-eve.fif", stem + "_eve.fif"}
	if short == stem {
		names = names[:2]
	}
	return names
}

// beside reads the events of the recording s from a file of their own. from is that file, "" where there is none, or none that can
// be read: that is listed, and does not keep the samples from being read.
func beside(fsys fs.FS, s *source, c clock) (events []signal.Event, from string) {
	for _, other := range eventNames(s.name) {
		f, err := ingest.OpenBeside(fsys, s.name, other)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if from = ingest.Beside(s.name, other); err == nil {
			events, err = s.eventFile(f, from, c)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			s.deviations = append(s.deviations, signal.Deviation{
				Where: other, Rule: "the file of events beside the samples can be read", Found: err.Error(), Assumed: "its events are left out", Missing: true,
			})
			return nil, ""
		}
		return events, from
	}
	return nil, ""
}

// eventFile reads a file of events. Its deviations become those of the recording s.
func (s *source) eventFile(f ingest.File, name string, c clock) ([]signal.Event, error) {
	e, err := newSource(f, name)
	if err != nil {
		return nil, err
	}
	found, err := collect(e)
	if err != nil {
		return nil, err
	}
	if found.noEvents != nil {
		return nil, found.noEvents
	}
	if found.events == nil {
		return nil, e.missing("events", "there is no list of events")
	}
	for _, d := range e.list() {
		d.Where = name + ": " + d.Where
		s.deviations = append(s.deviations, d)
	}
	events := make([]signal.Event, len(found.events.list))
	for i, v := range found.events.list {
		events[i] = c.event(int64(v[0]), v[2])
	}
	slices.SortStableFunc(events, inOrder)
	return events, nil
}

func inOrder(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) }

// choose decides between the events seen in the stimulus channels and those written in the file from.
func choose(s *source, seen []signal.Event, stimulated bool, written []signal.Event, from string) []signal.Event {
	if from == "" {
		return seen
	}
	if !stimulated {
		return written
	}
	if len(seen) == 0 && len(written) > 0 {
		s.deviate(0, "events", "the stimulus channel and "+from+" have the same", fmt.Sprintf("none and %d", len(written)), "those of the file")
		return written
	}
	only := func(a, b []signal.Event) int {
		n := 0
		for _, e := range a {
			if !slices.ContainsFunc(signal.EventsIn(b, e.Sample, e.Sample+1), func(o signal.Event) bool { return o.Label == e.Label }) {
				n++
			}
		}
		return n
	}
	if a, b := only(seen, written), only(written, seen); a+b > 0 {
		s.deviate(0, "events", "the stimulus channel and "+from+" have the same",
			fmt.Sprintf("%d and %d, of which %d are only in the channel and %d only in the file", len(seen), len(written), a, b), "those of the stimulus channel")
	}
	return seen
}

// annotations are notes about stretches of time in the file itself.
type annotations struct {
	at         int64
	begin, end []float64 // seconds
	names      names     // as they stand in the file, until check
	text       []string
	channels   []signal.Channels // one to each text, by the names in the file
	named      string            // channels as they stand in the file, until check
	origin     time.Time         // what begin and end count from; zero: see events
	broken     bool              // a tag of them cannot be read, which is listed
}

// add takes in a tag of a block of annotations. What is wrong with one is listed: a bad annotation never blocks the signal.
func (a *annotations) add(s *source, t tag) {
	a.at = t.at
	var err error
	switch t.kind {
	case tagBaselineMin:
		a.begin, err = s.floats(t, "onsets of annotations")
	case tagBaselineMax:
		a.end, err = s.floats(t, "ends of annotations")
	case tagComment:
		a.names, err = s.names(t, "texts of annotations")
	case tagDropLog: // MNE writes it only where some are of single channels
		named, err := s.text(t, "channels of annotations")
		if a.named = named; err != nil {
			noChannels(s, t.at, err)
		}
	case tagDate:
		a.origin, err = readDate(s, t)
	}
	if err != nil {
		s.omit(t.at, "annotations", "can be read", err.Error, noAnnotations)
		a.broken = true
	}
}

const noAnnotations = "all annotations of the file are left out"

// noChannels lists that it cannot be told of which channels annotations are.
func noChannels(s *source, at int64, err error) {
	s.deviateOften(at, "channels of annotations", "are a list of names for each annotation, as JSON", err.Error, "all annotations are of all channels")
}

// readSets reads a list of names for each of n annotations.
func readSets(text string, n int) ([]signal.Channels, error) {
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, fmt.Errorf("%.40q", text)
	}
	sets, known := make([]signal.Channels, 0, n), map[string]signal.Channels{} // by their text: there are few
	var raw json.RawMessage
	for ; d.More(); sets = append(sets, known[string(raw)]) {
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		if len(sets) == n {
			return nil, fmt.Errorf("more lists than the %d annotations", n)
		}
		if _, seen := known[string(raw)]; seen {
			continue
		}
		var set signal.Channels
		if err := json.Unmarshal(raw, &set); err != nil {
			return nil, fmt.Errorf("%.40q for annotation %d", raw, len(sets)+1)
		}
		known[string(raw)] = set
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if len(sets) < n {
		return nil, fmt.Errorf("%d lists for %d annotations", len(sets), n)
	}
	return sets, nil
}

// check makes text of the names, and leaves out and lists what has no place in time.
func (a *annotations) check(s *source) {
	n := a.names.len()
	if len(a.begin) != len(a.end) || len(a.begin) != n { // which belongs to which nobody can tell
		found := fmt.Sprintf("%d onsets, %d ends and %d texts", len(a.begin), len(a.end), n)
		if s.cut != "" {
			found += "; " + s.cut
		}
		if !a.broken {
			s.omit(a.at, "annotations", "each has an onset, an end and a text", func() string { return found }, noAnnotations)
		}
		a.broken = true
	}
	if a.broken {
		*a = annotations{}
		return
	}
	if a.named != "" {
		sets, err := readSets(a.named, n)
		if a.channels, a.named = sets, ""; err != nil {
			noChannels(s, a.at, err)
		}
	}
	if a.channels == nil {
		a.channels = make([]signal.Channels, n)
	}
	a.text = make([]string, 0, n)
	i, kept := 0, 0
	for text := range a.names.all {
		begin, end := a.begin[i], a.end[i]
		if i++; !(math.Abs(begin) < 1e10) { // also NaN
			s.omit(a.at, "annotations", "the onset is finite and below 1e10 s", func() string { return fmt.Sprintf("%g s in annotation %d, %.40q", begin, i, text) }, "the annotation is left out")
			continue
		}
		if !(math.Abs(end) < 1e10) {
			s.deviateOften(a.at, "annotations", "the end is finite and below 1e10 s", func() string { return fmt.Sprintf("%g s in annotation %d, %.40q", end, i, text) }, "the annotation has no duration")
			end = begin
		}
		a.begin[kept], a.end[kept], a.channels[kept], kept = begin, end, a.channels[i-1], kept+1
		a.text = append(a.text, text)
	}
	a.begin, a.end, a.channels, a.names = a.begin[:kept], a.end[:kept], a.channels[:kept], ""
}

// events places the annotations. They count from their origin where both it and the date of the measurement are known. An
// annotation without an origin counts from sample 0 in a file with a date, and from the start of the acquisition in a file
// without one, as MNE has it. The channels that one is of are called as in chans; a name that none of these has stays.
func (a *annotations) events(date time.Time, c clock, chans []channel) []signal.Event {
	from := c.offset()
	switch {
	case !a.origin.IsZero() && !date.IsZero():
		from -= a.origin.Sub(date).Seconds()
	case !date.IsZero():
		from = 0
	}
	events := make([]signal.Event, len(a.begin))
	channels := renamed(a.channels, chans)
	for i, begin := range a.begin {
		onset := begin - from
		at := math.Round(onset * c.rate)
		events[i] = signal.Event{Sample: int64(max(-maxSamples, min(maxSamples, at))), Onset: onset, Duration: max(0, a.end[i]-begin), Label: a.text[i], Channels: channels[i]}
	}
	return events
}

// renamed puts the names of chans in the place of those that the file has for them. It works in the memory of sets.
func renamed(sets []signal.Channels, chans []channel) []signal.Channels {
	if !slices.ContainsFunc(sets, func(c signal.Channels) bool { return !c.IsZero() }) {
		return sets
	}
	names := map[string]string{}
	for _, c := range chans {
		if _, shared := names[c.Original]; shared {
			names[c.Original] = c.Original // of which of them nobody can tell
		} else {
			names[c.Original] = c.Name
		}
	}
	known := map[signal.Channels]signal.Channels{{}: {}}
	for i, set := range sets {
		own, seen := known[set]
		if !seen {
			list := set.Names()
			for k, n := range list {
				if name, there := names[n]; there {
					list[k] = name
				}
			}
			own = signal.ChannelsOf(list...)
			known[set] = own
		}
		sets[i] = own
	}
	return sets
}

// skipped takes MNE's marks over what was not measured out of events, but those of single channels: the others were measured.
func skipped(events []signal.Event, rate float64) (others []signal.Event, skips []signal.Span) {
	others = slices.DeleteFunc(events, func(e signal.Event) bool {
		n := int64(min(maxSamples, math.Round(e.Duration*rate)))
		if e.Label != signal.SkipLabel || n == 0 || !e.Channels.IsZero() {
			return false
		}
		skips = append(skips, signal.Span{Start: e.Sample, Len: n})
		return true
	})
	return others, skips
}
