package eeglab

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/matfile"
	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// event is one of the field event.
type event struct {
	label    string
	at       float64 // in samples of the file, counted from 0
	duration float64 // in samples, NaN where unknown
	offset   int64   // in the file, for messages
}

// boundary is the type of events where samples were taken out. Where all types are numbers it is boundary99 (eeg_findboundaries.m, with the
// option option_boundary99).
const (
	boundary   = "boundary"
	boundary99 = "-99"
)

// readEvents reads those that can be understood, in order of time, and lists the others: a bad event never blocks the signal.
func (s *set) readEvents() []event {
	v, found := s.fields["event"]
	if !found || v.Count() == 0 {
		return nil
	}
	if v.Class != matfile.Struct {
		s.src.Omit(v.At, "event", "is an array of structures", "another thing", "there are no events")
		return nil
	}
	var list pages.List[event]
	numbers := 0 // types that are
	err := v.Each(func(i int64, f map[string]matfile.Value) error {
		where := f["latency"].At
		latency, ok, err := f["latency"].Float("latency")
		if err != nil {
			return err
		}
		if !ok || !(math.Abs(latency) < maxSamples) { // also NaN
			s.src.OmitOften(where, "latency", "is a number of samples", func() string { return fmt.Sprintf("none in event %d", i+1) }, "the event is left out: it has no place")
			return nil
		}
		e := event{at: latency - 1, duration: math.NaN(), offset: where}
		var number bool
		if e.label, number, err = s.typeOf(f["type"], i); err != nil {
			return err
		}
		if number {
			numbers++
		}
		if d, ok, err := f["duration"].Float("duration"); err != nil {
			return err
		} else if ok && d >= 0 && d < maxSamples {
			e.duration = d
		}
		list.Add(e)
		return nil
	}, "latency", "type", "duration")
	if err != nil {
		s.src.Omit(v.At, "event", "can be read", err.Error(), fmt.Sprintf("the %d events before it", list.Len()))
	}
	events := list.Slice()
	if numbers == len(events) {
		for i := range events {
			if e := &events[i]; e.label == boundary99 {
				s.src.DeviateOften(e.offset, "type", "samples were taken out at events of the type \"boundary\"", func() string { return "-99 among types that are all numbers" }, "a boundary, as EEGLAB and ERPLAB write it there")
				e.label = boundary
			}
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return events
}

// typeOf is the type of event i, which may be text or a number, also in a cell. Where it is another thing, that is listed, and the event is kept
// without a label.
func (s *set) typeOf(v matfile.Value, i int64) (label string, number bool, err error) {
	const field, rule = "type", "is text or a number"
	for v.Class == matfile.Cell && v.Count() > 0 {
		if n := v.Count(); n > 1 {
			s.src.DeviateOften(v.At, field, "is one text or number", func() string { return fmt.Sprintf("%d in the cells of event %d", n, i+1) }, "the first of them")
		}
		if v, _, err = v.First(field); err != nil { // which is an error where too many lie within each other
			return "", false, err
		}
	}
	if x, ok, err := v.Float(field); ok || err != nil {
		return strconv.FormatFloat(x, 'g', -1, 64), true, err
	}
	text, ok, err := v.Text(field)
	if text == "" && err == nil {
		s.src.DeviateOften(v.At, field, rule, func() string {
			if ok || v.Count() == 0 && v.Class != matfile.Other {
				return fmt.Sprintf("nothing in event %d", i+1)
			}
			return fmt.Sprintf("another thing in event %d", i+1)
		}, "the event is kept, without a label")
	}
	return text, false, err
}

// timeline breaks n samples between epochs, or at boundaries.
func (s *set) timeline(events []event, n int64) flatfile.Timeline {
	line := flatfile.Whole(n)
	if s.trials > 1 {
		for k := s.points; k < n; k += s.points {
			line.Break(k, 1)
		}
		s.src.Deviate(s.fields["trials"].At, "trials", "samples follow each other in time", fmt.Sprintf("%d epochs of %d samples, with nothing said of what lies between them", s.trials, s.points), "gaps of one sample")
		return line
	}
	for _, e := range events {
		if e.label != boundary {
			continue
		}
		gap := 1.0
		if e.duration >= 0.5 {
			gap = math.Round(e.duration)
		}
		if line.Break(int64(math.Ceil(e.at)), int64(gap)) && !(e.duration >= 0.5) {
			s.src.Deviate(e.offset, boundary, "has the number of samples that were taken out as its duration", "none", "a gap of one sample")
		}
	}
	if len(line) > 1 {
		s.src.Deviate(s.fields["event"].At, "event", "samples follow each other in time", fmt.Sprintf("%d boundaries", len(line)-1), "gaps; events and samples behind them are numbered by time, not by their place in the file")
	}
	return line
}

// unmeasured says whether e is what MNE marks samples with that nobody measured. Its exporter (eeglabio) writes durations in samples.
func (e event) unmeasured() bool { return e.label == signal.SkipLabel && e.duration >= 0.5 } // not NaN

// unmeasured is those samples, in the file.
func unmeasured(events []event) (skips []signal.Span) {
	for _, e := range events {
		if e.unmeasured() {
			skips = append(skips, signal.Span{Start: int64(math.Round(e.at)), Len: int64(math.Round(e.duration))})
		}
	}
	return skips
}

// place gives events their sample numbers.
func place(events []event, line flatfile.Timeline, rate float64) []signal.Event {
	if len(events) == 0 {
		return nil
	}
	out := make([]signal.Event, 0, len(events))
	for _, e := range events {
		if e.label == boundary {
			out = append(out, e.removed(line, rate))
			continue
		}
		k := math.Round(e.at)
		at := line.Sample(int64(k))
		ev := signal.Event{Sample: at, Onset: (float64(at) + (e.at - k)) / rate, Label: e.label}
		if e.duration > 0 {
			ev.Duration = e.duration / rate
		}
		out = append(out, ev)
	}
	slices.SortStableFunc(out, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	return out
}

// removed is the boundary e. It stands where the samples that were taken out began, and lasts as long as these did: over no others. Samples in front
// of the first have no place, and take no time.
func (e event) removed(line flatfile.Timeline, rate float64) signal.Event {
	k := int64(math.Ceil(e.at))
	if k <= 0 {
		return signal.Event{Label: e.label}
	}
	at, long := line.Sample(k), 0.0
	if e.duration >= 0.5 { // not NaN
		long = math.Round(e.duration)
	}
	if i, begins := line.Piece(k); begins && i > 0 {
		end := line[i-1].End()
		if long > 0 {
			long = float64(at - end)
		}
		at = end
	}
	return signal.Event{Sample: at, Onset: float64(at) / rate, Duration: long / rate, Label: e.label}
}
