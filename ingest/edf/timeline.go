package edf

import (
	"fmt"
	"iter"
	"math"
	"sort"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// timeline places the data records on the axis of samples. Records are added in the order of the file.
type timeline struct {
	h         *header
	dev       *deviations
	first     seconds             // onset of the first record, from the start of the file
	tolerance float64             // s: half a sample of the fastest channel
	segments  pages.List[segment] // there may be one for each record
	drift     pages.List[segment] // where the onsets in a continuous file part from the count of samples, ascending
	placed    int64               // records that are in segments
	pending   pending
}

// segment is records without a gap between them.
type segment struct {
	record int64   // the first one
	onset  float64 // s, from the first record of the file
}

// count is how many records segment i has: those up to the next one.
func (l *timeline) count(i int) int64 {
	end := l.placed
	if i+1 < l.segments.Len() {
		end = l.segments.At(i + 1).record
	}
	return end - l.segments.At(i).record
}

// end is where the record behind segment i begins if there is no gap.
func (l *timeline) end(i int) float64 {
	return l.segments.At(i).onset + float64(l.count(i))*l.h.duration
}

// expected is where the next record begins if there is no gap, by the onsets of the records.
func (l *timeline) expected() float64 {
	last := *l.segments.At(l.segments.Len() - 1)
	if n := l.drift.Len(); n > 0 && l.drift.At(n-1).record > last.record {
		last = *l.drift.At(n - 1)
	}
	return last.onset + float64(l.placed-last.record)*l.h.duration
}

// pending is a record behind a gap, until the one behind it has confirmed that there is one.
type pending struct {
	record, at int64
	onset      float64
	there      bool
}

func newTimeline(h *header, dev *deviations) *timeline {
	l := &timeline{h: h, dev: dev}
	if n := h.mostSamples(); n > 0 {
		l.tolerance = 0.5 * h.duration / float64(n)
	}
	return l
}

// whole places all records one behind the other.
func (l *timeline) whole() {
	if l.h.records > 0 {
		l.segments.Add(segment{})
		l.placed = l.h.records
	}
}

// add places one record. at is the byte of its time-keeping annotation, known whether it has a readable one. Where it
// has not, the record is taken to follow the one before.
func (l *timeline) add(record, at int64, onset seconds, known bool) {
	if record == 0 {
		if known {
			l.first = onset
		}
		l.segments.Add(segment{})
		l.placed = 1
		return
	}
	if l.tolerance == 0 { // without samples there is nothing to place
		return
	}
	t := onset.minus(l.first)
	if p := l.pending; p.there {
		l.pending = pending{}
		before := l.expected()
		if known && t < p.onset+l.h.duration-l.tolerance && t >= before+l.h.duration-l.tolerance {
			// The record on its own is out of order; without its onset there would be no gap at all, or a smaller one behind it.
			l.misplaced(p.at, p.record, p.onset, before)
			l.placed++
		} else {
			l.gap(p)
		}
	}
	expected := l.expected()
	switch {
	case !known || math.Abs(t-expected) <= l.tolerance:
		l.placed++
	case l.h.plus == "C" && math.Abs(t-expected) < drifts*l.h.duration: // what is left out is records, a whole number of them
		l.notContinuous("drift", record, at, t, expected, "no gap; events stay among the samples of the record that begins before them")
		l.drift.Add(segment{record, t})
		l.placed++
	case t < expected:
		l.misplaced(at, record, t, expected)
		l.placed++
	default:
		l.pending = pending{record, at, t, true}
	}
}

// drifts is the part of a record by which its onset may differ in a continuous file from the end of the record before without a gap: clocks
// differ, and onsets are rounded.
const drifts = 0.5

// gap begins a segment with the record that was pending. It does so in a file that says that it has no gap too: windows and events are
// where they belong if there is one, and if there is none but a wrong clock, a window is lost.
func (l *timeline) gap(p pending) {
	if expected := l.expected(); l.h.plus == "C" {
		l.notContinuous("gap", p.record, p.at, p.onset, expected, "a gap, as the records say")
	}
	l.segments.Add(segment{p.record, p.onset})
	l.placed++
}

// notContinuous lists a record of a continuous file that does not begin where the one before ended.
func (l *timeline) notContinuous(kind string, record, at int64, onset, expected float64, assumed string) {
	l.dev.count(kind, at, "time-keeping annotation", "in "+l.h.v.name+"+C each data record begins where the one before ended", func() string {
		return fmt.Sprintf("record %d begins at %g s, not at %g s", record+1, onset+l.first.value, expected+l.first.value)
	}, assumed)
}

// time is what an onset that the file says is on the axis on which the samples are counted: in a continuous file whose clock is not that
// of its samples an event goes with the samples of its record.
func (l *timeline) time(onset float64) float64 {
	if l.drift.Len() == 0 {
		return onset
	}
	i := sort.Search(l.segments.Len(), func(i int) bool { return l.segments.At(i).onset > onset }) - 1
	if i < 0 {
		return onset
	}
	seg := *l.segments.At(i)
	counted := func(record int64) float64 { return seg.onset + float64(record-seg.record)*l.h.duration }
	k := sort.Search(l.drift.Len(), func(k int) bool { return l.drift.At(k).onset > onset })
	from := seg
	if k > 0 && l.drift.At(k-1).record > seg.record {
		from = *l.drift.At(k - 1)
	}
	behind := seg.record + l.count(i) // the record that begins before which the event lies
	if onset >= from.onset+float64(behind-from.record)*l.h.duration {
		return max(onset, l.end(i))
	}
	if k < l.drift.Len() && l.drift.At(k).record < behind {
		behind = l.drift.At(k).record
	}
	return min(counted(from.record)+onset-from.onset, counted(behind))
}

// misplaced lists a record that is left where the one before it ended.
func (l *timeline) misplaced(at, record int64, onset, expected float64) {
	l.dev.count("order", at, "time-keeping annotation", "data records are in the order of time and do not overlap",
		func() string {
			return fmt.Sprintf("record %d says %g s, the one before ends at %g s", record+1, onset+l.first.value, expected+l.first.value)
		},
		"it follows the one before without a gap")
}

// finish ends the adding.
func (l *timeline) finish() {
	if p := l.pending; p.there {
		l.gap(p)
		l.pending = pending{}
	}
}

// begin is when sample 0 was measured, the zero time where unknown.
func (l *timeline) begin() time.Time {
	if l.h.start.IsZero() {
		return time.Time{}
	}
	return l.h.start.Add(time.Duration(math.Round(l.first.value * 1e9)))
}

// offGrid is the part of a sample from which on a segment is said to begin between two samples: what is less comes of computing.
const offGrid = 1e-6

// starts is the number of each segment with the sample at which it begins, on the axis of channels with perRecord samples in a record:
// the nearest to its onset that is behind the segment before.
func (l *timeline) starts(perRecord int64, rate float64) iter.Seq2[int, int64] {
	return func(yield func(int, int64) bool) {
		end := int64(0)
		for i := range l.segments.Len() {
			start := max(int64(math.Round(l.segments.At(i).onset*rate)), end)
			if end = start + l.count(i)*perRecord; !yield(i, start) {
				return
			}
		}
	}
}

// moved is by how many samples a segment begins later than its onset says.
func moved(s segment, start int64, rate float64) float64 {
	if d := float64(start) - s.onset*rate; math.Abs(d) > offGrid {
		return d
	}
	return 0
}

// runs places the records on the axis of channels with perRecord samples in each: stretches without a gap, each with its first sample of
// all that the records hold.
func (l *timeline) runs(perRecord int64, rate float64) iter.Seq2[signal.Span, int64] {
	return func(yield func(signal.Span, int64) bool) {
		run, first := signal.Span{}, int64(0)
		for i, start := range l.starts(perRecord, rate) {
			samples := l.count(i) * perRecord
			switch {
			case i == 0:
				run = signal.Span{Start: start, Len: samples}
			case start == run.End(): // the gap is below half a sample of these slow channels
				run.Len += samples
			case !yield(run, first):
				return
			default:
				run, first = signal.Span{Start: start, Len: samples}, l.segments.At(i).record*perRecord
			}
		}
		if l.segments.Len() > 0 {
			yield(run, first)
		}
	}
}

// between lists segments that begin between two samples of the main channels, with perRecord samples in a record. Slower channels
// have every segment at the nearest of their samples.
func (l *timeline) between(perRecord int64, rate float64) {
	for i, start := range l.starts(perRecord, rate) {
		s := *l.segments.At(i)
		if d := moved(s, start, rate); d != 0 {
			l.dev.count("between", l.h.bytes+s.record*l.h.record, "time-keeping annotation", "all samples of a recording lie on one grid",
				func() string {
					return fmt.Sprintf("record %d begins at %g s, %.2g samples from the nearest at %g Hz", s.record+1, s.onset+l.first.value, math.Abs(d), rate)
				}, "its samples, and what happens among them, are counted from that one")
		}
	}
}

// sampleAt says at which sample of channels with perRecord samples in a record something happened: what lies within a segment goes
// with its samples, wherever these were put.
func (l *timeline) sampleAt(perRecord int64, rate float64) func(onset float64) int64 {
	starts := make([]int64, 0, l.segments.Len())
	for _, start := range l.starts(perRecord, rate) {
		starts = append(starts, start)
	}
	return func(onset float64) int64 {
		i := sort.Search(len(starts), func(i int) bool { return l.segments.At(i).onset > onset }) - 1
		if i < 0 {
			return int64(math.Round(onset * rate))
		}
		s := *l.segments.At(i)
		if onset >= l.end(i) {
			return int64(math.Round(onset * rate))
		}
		at := int64(math.Round(onset*rate + moved(s, starts[i], rate)))
		if end := starts[i] + l.count(i)*perRecord; at >= end && (i+1 == len(starts) || starts[i+1] > end) {
			return end - 1 // before the end of the segment, and behind the middle of its last sample
		}
		return at
	}
}
