package segment

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.RegisterSegmenter("events", func() preprocess.Segmenter { return &Events{TMin: 0.5, TMax: 3.5} })
}

// Events cuts one window around each event whose label is in a map, [Sample+tmin, Sample+tmin+length) with
// length = tmax−tmin, both rounded to samples. Other events are no cues and count for nothing.
//
// Windows may overlap, and there may be several events at one sample. An event whose window starts before the data (at
// the start of the stream or at a gap) or ends behind them is a Miss. For a tmin below 0 the past is kept: memory for
// max(tmax−tmin, −tmin) seconds, see history.
type Events struct {
	Map  map[string]string `json:"events" doc:"which event labels are cues, and for which class: {T1: fists, T2: feet}"`
	TMin float64           `json:"tmin_s" doc:"start of the window in seconds from the event; below 0 for before it; within a day"`
	TMax float64           `json:"tmax_s" doc:"end of the window in seconds from the event, above tmin_s; within a day"`

	offset, length int64          // samples
	pending        []signal.Event // waiting for samples, in order
	missed         []preprocess.Miss
	hist           history
	cues           []signal.Event // copies for the windows lent out
}

// Start converts the times to samples and forgets all samples and events.
func (s *Events) Start(in *signal.Info) (int, error) {
	if len(s.Map) == 0 {
		return 0, errors.New("events: the map events is empty, must say which labels are cues, such as {T1: fists, T2: feet}")
	}
	for _, label := range s.EventLabels() {
		if s.Map[label] == "" {
			return 0, fmt.Errorf("events: the class of event %q is empty, must be a name", label)
		}
	}
	var err error
	if s.offset, err = samples(in, "events", "tmin_s", s.TMin); err != nil {
		return 0, err
	}
	if _, err = samples(in, "events", "tmax_s", s.TMax); err != nil {
		return 0, err
	}
	if s.length = in.Samples(s.TMax - s.TMin); s.length < 1 {
		return 0, fmt.Errorf("events: tmin_s is %g and tmax_s is %g, the second must be above the first by at least one sample (%g s at %g Hz)",
			s.TMin, s.TMax, 1/in.Rate, in.Rate)
	}
	s.pending, s.missed = s.pending[:0], nil
	s.hist.start(in, max(s.length, -s.offset))
	return int(s.length), nil
}

// Classes lists the classes of the map, sorted, each once.
func (s *Events) Classes() []string {
	var classes []string
	for _, c := range s.Map {
		classes = append(classes, c)
	}
	slices.Sort(classes)
	return slices.Compact(classes)
}

// EventLabels lists the labels of the events that get a window, sorted.
func (s *Events) EventLabels() []string {
	labels := make([]string, 0, len(s.Map))
	for l := range s.Map {
		labels = append(labels, l)
	}
	slices.Sort(labels)
	return labels
}

// Push takes the events of c and returns the windows that its samples complete, in the order of their last sample, those
// of one sample in the order of the events. They share memory and are valid until the next call.
func (s *Events) Push(c signal.Chunk) ([]signal.Window, error) {
	if c.Len() == 0 {
		return nil, nil
	}
	if err := s.hist.push(c); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	at := c.Start
	for _, e := range c.Events {
		if e.Sample < at || e.Sample >= c.End() {
			return nil, fmt.Errorf("events: event %q at sample %d came with the chunk [%d, %d) behind sample %d: events must be sorted and come with their chunk",
				e.Label, e.Sample, c.Start, c.End(), at)
		}
		at = e.Sample
		if _, cue := s.Map[e.Label]; !cue {
			continue
		}
		if from := e.Sample + s.offset; from < s.hist.run {
			s.missed = append(s.missed, preprocess.Miss{Event: e, Why: fmt.Sprintf("the window starts at sample %d, the data at %d", from, s.hist.run)})
			continue
		}
		s.pending = append(s.pending, e)
	}
	// All windows have one place relative to their event, so they are complete in the order of the events.
	ready := 0
	for ready < len(s.pending) && s.pending[ready].Sample+s.offset+s.length <= s.hist.end() {
		ready++
	}
	s.cues = append(s.cues[:0], s.pending[:ready]...)
	s.pending = slices.Delete(s.pending, 0, ready)
	for i := range s.cues {
		w := s.hist.lend(s.cues[i].Sample+s.offset, s.length)
		w.Event, w.Label = &s.cues[i], s.Map[s.cues[i].Label]
	}
	return s.hist.windows, nil
}

// End returns the events that got no window, in order: those whose window starts before the data and those that still
// wait.
func (s *Events) End() []preprocess.Miss {
	missed := s.missed
	for _, e := range s.pending {
		missed = append(missed, preprocess.Miss{
			Event: e, Why: fmt.Sprintf("the window ends at sample %d, the data at %d", e.Sample+s.offset+s.length, s.hist.end()),
		})
	}
	s.pending, s.missed = s.pending[:0], nil
	return missed
}
