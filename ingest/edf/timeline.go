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
//
// Two clocks run there: that of the samples, which counts them, and that which wrote the onsets. Where they drift apart the samples are
// counted on, and the line of the onsets follows its clock, so that a gap is as long as the onsets on both sides of it say.
type timeline struct {
	h         *header
	dev       *deviations
	first     seconds             // onset of the first record, from the start of the file
	tolerance float64             // s: half a sample of the fastest channel
	decimals  int                 // of an onset, at most
	segments  pages.List[segment] // there may be one for each record; until finish also the records at which the clock has drifted
	drifting  int                 // of these
	drift     pages.List[segment] // points of which the onset in the file is not where the record is counted to begin, ascending in both
	placed    int64               // records that are placed
	pending   pending
	pace      pace
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

// expected is where record begins if there is no gap, by the onsets of the records.
func (l *timeline) expected(record int64) float64 {
	last, _ := l.point(l.segments.Len() - 1)
	return last.onset + float64(record-last.record)*l.h.duration
}

// Until finish the list of the segments holds each record that does not begin where the line through the one before in the list says, with
// its onset in the file. One at which the clock of the onsets has drifted, without a gap, has the complement of its number: a file may have a
// gap at each record, and a list of its own would need as much again.

// point is entry i, and whether it begins a segment.
func (l *timeline) point(i int) (p segment, gap bool) {
	if p = *l.segments.At(i); p.record < 0 {
		return segment{^p.record, p.onset}, false
	}
	return p, true
}

// addDrift adds a record at which the clock has drifted.
func (l *timeline) addDrift(p segment) {
	l.segments.Add(segment{^p.record, p.onset})
	l.drifting++
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
	if known {
		l.decimals = max(l.decimals, onset.decimals)
	}
	if record == 0 {
		if known {
			l.first = onset
		}
		l.pace.begin(0)
		l.segments.Add(segment{})
		l.placed = 1
		return
	}
	if l.tolerance == 0 { // without samples there is nothing to place
		return
	}
	t := onset.minus(l.first)
	near, noise := l.near()
	if p := l.pending; p.there {
		l.pending = pending{}
		before, next, slack := l.expected(p.record), l.h.duration+l.pace.drift(), near
		if l.h.plus == "C" {
			slack = drifts * l.h.duration
		}
		if known && t < p.onset+next-slack && t >= before+next-slack {
			// The record on its own is out of order; without its onset there would be no gap at all, or a smaller one behind it.
			l.misplaced(p.at, p.record, p.onset, before)
		} else {
			l.gap(p)
		}
		l.placed++
	}
	if !known {
		l.pace = pace{}
		l.placed++
		return
	}
	last := segment{record - 1, l.pace.last}
	steady := l.pace.add(record, t, l.h.duration, near, noise)
	if l.h.plus != "C" && steady && l.pace.run == steadyRecords {
		l.redraw(at)
	}
	expected := l.expected(record)
	apart := t - expected
	switch {
	case math.Abs(apart) <= near:
	case (l.h.plus == "C" || steady) && math.Abs(apart) < drifts*l.h.duration: // what is left out of "C" is records, a whole number of them
		l.drifted(record, at, t, expected)
	case apart < 0:
		l.misplaced(at, record, t, expected)
	default:
		if p, gap := l.point(l.segments.Len() - 1); !gap && l.pace.run >= steadyRecords && last.record > p.record {
			l.addDrift(last) // the clock has drifted on up to the gap
		}
		l.pending = pending{record, at, t, true}
		return
	}
	l.placed++
}

// drifts is the part of a record by which its onset may differ from the end of the record before without a gap, in a file that says that it has
// none or where a clock drifts: clocks differ, and onsets are rounded.
const drifts = 0.5

// near is by how much onsets may differ that mean the same: half a sample, or less than one of the last decimal that onsets are written with
// if the duration of a record has more. noise is how far they may go back and forth where a clock drifts one way.
func (l *timeline) near() (near, noise float64) {
	unit := math.Pow10(-l.decimals)
	if n := l.h.duration / unit; n >= 10 && math.Abs(n-math.Round(n)) > 1e-6 {
		unit *= 1 - 1e-6
		return max(l.tolerance, unit), max(l.tolerance/4, unit)
	}
	return l.tolerance, l.tolerance / 4
}

// pace tells a clock that drifts from gaps: it steps away from the samples again and again by the same little bit, where gaps come now and then.
type pace struct {
	last   float64                // onset of the record before
	there  bool                   // last is known
	step   float64                // by how much it was later than the one before it and its duration say
	run    int                    // records in a row with steps like the one before
	side   float64                // the sign of these steps, 0 where all are 0
	jumped bool                   // the last step was another one, in a steady run
	jump   float64                // that one
	onsets [steadyRecords]float64 // of the last ones, each at its number
}

const (
	steadyRecords = 16   // in a row show that a clock drifts
	maxDriftStep  = 0.01 // of the duration of a record: by which a clock drifts from record to record at most
)

// begin starts anew with a record.
func (p *pace) begin(onset float64) { *p = pace{last: onset, there: true} }

// add takes in the onset of the next record, and says whether it lies where a clock that has long been steady says.
func (p *pace) add(record int64, onset, duration, near, noise float64) bool {
	if !p.there {
		p.begin(onset)
		return false
	}
	step := onset - p.last - duration
	p.last = onset
	side := 0.0
	if math.Abs(step) > noise {
		side = math.Copysign(1, step)
	}
	p.onsets[record%steadyRecords] = onset
	small := math.Abs(step) <= max(near, maxDriftStep*duration+noise)
	like := func(before float64) bool { return small && math.Abs(step-before) <= near }
	switch {
	case p.run > 0 && like(p.step) && side*p.side >= 0:
		p.run++
		p.step, p.jumped = step, false
		if side != 0 {
			p.side = side
		}
		return p.run >= steadyRecords
	case p.run >= steadyRecords && !p.jumped: // a gap in it does not stop the clock
		p.jumped, p.jump = true, step
		return false
	case p.jumped && like(p.jump) && side*p.jump >= 0:
		p.run = 2
	case small:
		p.run = 1
	default:
		p.run = 0
	}
	p.step, p.side, p.jumped = step, side, false
	return false
}

// drift is by how much the next record will be later than the samples say, by a clock that is steady.
func (p *pace) drift() float64 {
	if p.run >= steadyRecords {
		return p.step
	}
	return 0
}

// redraw has the line of the onsets follow the records of a run that has shown by now that the clock drifts. Those among them that were
// taken for gaps are none.
func (l *timeline) redraw(at int64) {
	since := l.placed - steadyRecords + 1   // the record behind the placed ones is the last of the run
	for n := l.segments.Len(); n > 1; n-- { // the first is record 0, which nothing was before
		p, gap := l.point(n - 1)
		if p.record < since {
			break
		}
		if l.segments.Cut(n - 1); !gap {
			l.drifting--
		}
	}
	near, _ := l.near()
	for record := max(since, 1); record < l.placed; record++ {
		t, expected := l.pace.onsets[record%steadyRecords], l.expected(record)
		if apart := math.Abs(t - expected); apart > near && apart < drifts*l.h.duration {
			l.drifted(record, at, t, expected)
		}
	}
}

// drifted has the line of the onsets go on from a record that begins where the clock says, not where the one before ended.
func (l *timeline) drifted(record, at int64, t, expected float64) {
	l.notContinuous("drift", record, at, t, expected, "no gap; events stay among the samples of the record that begins before them")
	l.addDrift(segment{record, t})
}

// gap begins a segment with the record that was pending. It does so in a file that says that it has no gap too: windows and events are
// where they belong if there is one, and if there is none but a wrong clock, a window is lost.
func (l *timeline) gap(p pending) {
	if l.h.plus == "C" {
		l.notContinuous("gap", p.record, p.at, p.onset, l.expected(p.record), "a gap, as the records say")
	}
	l.segments.Add(segment{p.record, p.onset})
}

// notContinuous lists a record that does not begin where the one before ended.
func (l *timeline) notContinuous(kind string, record, at int64, onset, expected float64, assumed string) {
	rule := "each data record begins where the one before ended, or behind a gap"
	if l.h.plus == "C" {
		rule = "in " + l.h.v.name + "+C each data record begins where the one before ended"
	}
	l.dev.count(kind, at, "time-keeping annotation", rule, func() string {
		return fmt.Sprintf("record %d begins at %g s, not at %g s", record+1, onset+l.first.value, expected+l.first.value)
	}, assumed)
}

// time is what an onset that the file says is on the axis on which the samples are counted: where the clock of the onsets is not that
// of the samples an event goes with the samples of its record.
func (l *timeline) time(onset float64) float64 {
	n := l.drift.Len()
	k := sort.Search(n, func(k int) bool { return l.drift.At(k).onset > onset })
	if k > 0 {
		from := *l.drift.At(k - 1)
		onset = l.counted(from.record) + onset - from.onset
	}
	if k < n { // before the record that begins next
		onset = min(onset, l.counted(l.drift.At(k).record))
	}
	return onset
}

// counted is where a record begins on the axis of the samples.
func (l *timeline) counted(record int64) float64 {
	i := sort.Search(l.segments.Len(), func(i int) bool { return l.segments.At(i).record > record }) - 1
	s := l.segments.At(i)
	return s.onset + float64(record-s.record)*l.h.duration
}

// misplaced lists a record that is left where the one before it ended.
func (l *timeline) misplaced(at, record int64, onset, expected float64) {
	l.dev.count("order", at, "time-keeping annotation", "data records are in the order of time and do not overlap",
		func() string {
			return fmt.Sprintf("record %d says %g s, the one before ends at %g s", record+1, onset+l.first.value, expected+l.first.value)
		},
		"it follows the one before without a gap")
}

// finish ends the adding: the segments and the drift come of the points.
func (l *timeline) finish() {
	if p := l.pending; p.there {
		l.gap(p)
		l.placed++
		l.pending = pending{}
	}
	if l.drifting == 0 { // the list is that of the segments
		return
	}
	points := timeline{segments: l.segments}
	l.segments = pages.List[segment]{}
	l.segments.Add(segment{})
	before := segment{} // the last point
	for i := 1; i < points.segments.Len(); i++ {
		p, gap := points.point(i)
		if gap {
			s := p
			if l.drift.Len() > 0 { // as long as the clock says, from where the samples are counted to end
				s.onset = l.counted(p.record) + p.onset - (before.onset + float64(p.record-before.record)*l.h.duration)
			}
			l.segments.Add(s)
		}
		if !gap || l.drift.Len() > 0 {
			l.drift.Add(p)
		}
		before = p
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
