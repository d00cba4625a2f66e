package segment

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.RegisterSegmenter("events", func() preprocess.Segmenter { return &Events{TMin: 0.5, TMax: 3.5, Detrend: detrendNone} })
}

// Events cuts one window around each event whose label is in a map, [Sample+tmin, Sample+tmin+length) with
// length = tmax−tmin, both rounded to samples. Other events are no cues and count for nothing.
//
// Windows may overlap, and there may be several events at one sample: a window that shares samples with one that is tested is not
// learned from there. An event whose window starts before the data (at the start of the stream or at a gap) or ends behind them is a
// Miss. The past is kept for a tmin below 0, and for events that a live source tells of up to a second late (signal.MaxLate): memory for
// max(tmax−tmin, 1−tmin) seconds, see history.
//
// A window may lose its trend and then the mean of its baseline, in the order of MNE's Epochs, channel by channel;
// triggers and what is no voltage stay as they are. The trend is the mean (constant) or the line of least squares
// (linear) of the window. The baseline is from one time to another, relative to the event, both included as in MNE. It
// may lie outside the window, which MNE does not allow; an event whose baseline is not in the data is a Miss as well,
// and a window whose baseline ends after it comes when the baseline is there. A window around an event is treated so
// while one that slides has no event: a live session that is trained on baselined windows must cut them around events
// too (detrend exists for both).
//
// An event that lasts, such as a block of rest or a recording that is all of one condition, may have more than one window: with
// every_s they follow each other so far apart, from the first one on, as long as they end before the event does. A gap ends it.
// Windows of one event are alike and have its sample as Origin: splits keep them together, and they count as one trial.
//
// A window is [channels][samples] in the units of the stream; the trend is taken by least squares, the baseline as the mean
// over its samples (https://mne.tools/stable/generated/mne.Epochs.html).
type Events struct {
	Map  map[string]string `json:"events" doc:"which event labels are cues, and for which class: {T1: fists, T2: feet}"`
	TMin float64           `json:"tmin_s" doc:"start of the window in seconds from the event; below 0 for before it; within a day"`
	TMax float64           `json:"tmax_s" doc:"end of the window in seconds from the event, above tmin_s; within a day"`
	// Baseline has no or two elements.
	Baseline []float64 `json:"baseline_s" doc:"start and end of the baseline in seconds from the event, both included: [-0.2, 0]; its mean is taken from the window; absent for none; within a day"`
	Detrend  string    `json:"detrend" doc:"what a window loses before its baseline: none, constant (its mean) or linear (its line of least squares)"`
	Every    float64   `json:"every_s" doc:"time in seconds from one window to the next of an event that lasts, as long as they end with it; at least one sample, at most a day; 0 for one window of each event"`

	offset, length int64   // samples
	base, baseLen  int64   // of the baseline; 0 long where there is none
	from, to       int64   // what must be there of window and baseline, relative to the event
	volt           []bool  // channels that lose trend and baseline
	own            scratch // samples of windows that lose something
	every          int64   // samples; 0 for one window of each event
	blocks         []block // events that last, and have windows to come
	spread         []cue   // scratch of within
	pending        []cue   // waiting for samples, in order
	missed         []preprocess.Miss
	hist           history
	cues           []cue // copies for the windows lent out
}

// cue is where a window is cut.
type cue struct {
	signal.Event
	origin int64 // sample of the event that it is of
}

// block is an event that lasts, of which further windows are cut.
type block struct {
	event signal.Event
	next  int64 // where the next cue would be
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
	if err := checkDetrend("events", s.Detrend); err != nil {
		return 0, err
	}
	if err := s.placeBaseline(in); err != nil {
		return 0, err
	}
	if s.every, err = samples(in, "events", "every_s", s.Every); err != nil {
		return 0, err
	}
	if s.Every < 0 || s.Every > 0 && s.every < 1 {
		return 0, fmt.Errorf("events: every_s is %g, must be 0 (one window of each event) or at least one sample: %g s at %g Hz", s.Every, 1/in.Rate, in.Rate)
	}
	s.volt, s.blocks = voltages(in), s.blocks[:0]
	s.pending, s.missed = s.pending[:0], nil
	s.hist.start(in, max(s.to-s.from, in.Samples(signal.MaxLate)+1-s.from)) // 1 for rounding, where a step has another rate
	return int(s.length), nil
}

// Reach is where the first window of an event, with its baseline, begins and ends: seconds behind the begin of the event, below 0 for
// before it.
func (s *Events) Reach() (from, to float64) {
	if len(s.Baseline) == 2 {
		return min(s.TMin, s.Baseline[0]), max(s.TMax, s.Baseline[1])
	}
	return s.TMin, s.TMax
}

// placeBaseline converts its times to samples.
func (s *Events) placeBaseline(in *signal.Info) error {
	s.base, s.baseLen, s.from, s.to = 0, 0, s.offset, s.offset+s.length
	switch len(s.Baseline) {
	case 0:
		return nil
	case 2:
	default:
		return fmt.Errorf("events: baseline_s has %d values, must have 2: start and end in seconds from the event, such as [-0.2, 0]", len(s.Baseline))
	}
	var err error
	if s.base, err = samples(in, "events", "baseline_s", s.Baseline[0]); err != nil {
		return err
	}
	end, err := samples(in, "events", "baseline_s", s.Baseline[1])
	if err != nil {
		return err
	}
	if end < s.base {
		return fmt.Errorf("events: baseline_s is from %g to %g, must not end before it starts", s.Baseline[0], s.Baseline[1])
	}
	s.baseLen = end + 1 - s.base
	if outside := s.base < s.offset || end >= s.offset+s.length; outside && s.Detrend == detrendLinear {
		return fmt.Errorf("events: baseline_s [%g, %g] lies outside the window [%g, %g), whose line does not say what the trend is there: use detrend none or constant, or a baseline inside",
			s.Baseline[0], s.Baseline[1], s.TMin, s.TMax)
	}
	s.from, s.to = min(s.from, s.base), max(s.to, end+1)
	return nil
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
	}
	for _, e := range s.within(c.Events, c.End(), c.Info.Rate) {
		if _, known := s.Map[e.Label]; !known {
			continue
		}
		if miss := s.before(e, s.hist.run); miss != nil {
			s.missed = append(s.missed, *miss)
			continue
		}
		s.pending = append(s.pending, e)
	}
	return s.cut(), nil
}

// Recall takes events of samples that are in the past. Those that last have their further windows too.
func (s *Events) Recall(events []signal.Event) (ws []signal.Window, missed []preprocess.Miss) {
	s.hist.takeBack()
	for _, e := range s.within(events, s.hist.end(), s.hist.info.Rate) {
		if _, known := s.Map[e.Label]; !known {
			continue
		}
		if miss := s.before(e, s.hist.begin); miss != nil { // begin is run where all of the run is kept
			missed = append(missed, *miss)
			continue
		}
		s.pending = append(s.pending, e)
	}
	slices.SortStableFunc(s.pending, bySample)
	return s.cut(), missed
}

// before is the miss of a cue whose window or baseline starts before the data, which begin at a sample; nil for none.
func (s *Events) before(e cue, begin int64) *preprocess.Miss {
	from := e.Sample + s.from
	if from >= begin {
		return nil
	}
	return &preprocess.Miss{Event: e.Event, Why: fmt.Sprintf("the %s starts at sample %d, the data at %d", s.part(s.from < s.offset), from, begin)}
}

// cut lends out the windows of the cues that wait and whose samples are there.
func (s *Events) cut() []signal.Window {
	// All windows have one place relative to their event, so they are complete in the order of the events.
	ready := 0
	for ready < len(s.pending) && s.pending[ready].Sample+s.to <= s.hist.end() {
		ready++
	}
	s.cues = append(s.cues[:0], s.pending[:ready]...)
	s.pending = slices.Delete(s.pending, 0, ready)
	s.own.reset()
	for i := range s.cues {
		w := s.hist.lend(s.cues[i].Sample+s.offset, s.length)
		w.Event, w.Label, w.Origin = &s.cues[i].Event, s.Map[s.cues[i].Label], s.cues[i].origin
		if s.baseLen > 0 {
			w.Base = signal.Span{Start: s.cues[i].Sample + s.base, Len: s.baseLen}
		}
		s.correct(w)
	}
	return s.hist.windows
}

func bySample(a, b cue) int { return cmp.Compare(a.Sample, b.Sample) }

// within is events, which are new, and cues before end that stand for further windows of events that last, in order; behind the
// others at one sample.
func (s *Events) within(events []signal.Event, end int64, rate float64) []cue {
	s.spread = s.spread[:0]
	for _, e := range events {
		s.spread = append(s.spread, cue{e, e.Sample})
	}
	if s.every == 0 {
		return s.spread
	}
	for _, e := range events {
		if _, known := s.Map[e.Label]; known && e.Duration > 0 {
			s.blocks = append(s.blocks, block{e, e.Sample + s.every})
		}
	}
	s.blocks = slices.DeleteFunc(s.blocks, func(b block) bool { return b.next+s.offset+s.length > b.end(rate) })
	for i := range s.blocks {
		b := &s.blocks[i]
		for ; b.next < end && b.next+s.offset+s.length <= b.end(rate); b.next += s.every {
			e := b.event
			behind := float64(b.next-e.Sample) / rate
			e.Sample, e.Onset, e.Duration = b.next, e.Onset+behind, e.Duration-behind
			s.spread = append(s.spread, cue{e, b.event.Sample})
		}
	}
	slices.SortStableFunc(s.spread, bySample)
	return s.spread
}

// end is the sample behind the event.
func (b block) end(rate float64) int64 {
	return b.event.Sample + int64(math.Round(min(b.event.Duration, 1e9)*rate))
}

// correct takes trend and baseline from w.
func (s *Events) correct(w *signal.Window) {
	if s.baseLen == 0 && (s.Detrend == "" || s.Detrend == detrendNone) {
		return
	}
	s.own.own(w)
	at := w.Event.Sample + s.base
	for ch, x := range w.X {
		if !s.volt[ch] {
			continue
		}
		if s.baseLen > 0 && s.Detrend != detrendLinear { // the mean of the window would come and go again
			shift(x, -mean(s.hist.at(ch, at, s.baseLen)))
			continue
		}
		detrend(x, s.Detrend)
		if s.baseLen > 0 {
			shift(x, -mean(x[s.base-s.offset:s.base-s.offset+s.baseLen]))
		}
	}
}

// part names what is outside the data.
func (*Events) part(baseline bool) string {
	if baseline {
		return "baseline"
	}
	return "window"
}

// End returns the events that got no window, in order: those whose window starts before the data and those that still
// wait.
func (s *Events) End() []preprocess.Miss {
	missed := s.missed
	for _, e := range s.pending {
		missed = append(missed, preprocess.Miss{
			Event: e.Event, Why: fmt.Sprintf("the %s ends at sample %d, the data at %d", s.part(s.to > s.offset+s.length), e.Sample+s.to, s.hist.end()),
		})
	}
	s.pending, s.missed = s.pending[:0], nil
	return missed
}
