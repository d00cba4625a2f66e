package bids

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// onset is when e happened, in the seconds of the table of events: from the first sample of the file on (BIDS 1.10, "Task events"), gaps
// counted where the file goes on with them.
func (d *data) onset(e signal.Event) float64 {
	if d.endToEnd() {
		return d.lay.time(e.Onset, e.Sample)
	}
	return e.Onset - d.first
}

// The rules by which the place of an event is lost.
const (
	atSample   = "an event is at a sample of the file"
	endsWithin = "an event ends within its samples"
)

// gapLosses is what a table of events does not say that has the times of samples laid end to end.
func (d *data) gapLosses(events []signal.Event) (losses []signal.Deviation) {
	if !d.endToEnd() {
		return nil
	}
	within, over := 0, 0
	for _, e := range events {
		if isBoundary(e.Label) && d.lay.inGap(e.Sample) && d.lay.removed(e) == e {
			continue // it is where the gap begins, and as long as that
		}
		end := d.lay.sample(d.lay.index(e.Sample)) + int64(math.Ceil(min(max(e.Duration, 0), maxOnset)*d.lay.rate)) - 1
		switch {
		case d.lay.inGap(e.Sample):
			within++
		case d.lay.index(end)-d.lay.index(e.Sample) < end-e.Sample:
			over++
		}
	}
	n, seconds := d.lay.gaps()
	lose := func(n int, rule, found, assumed string) {
		if n > 0 {
			losses = append(losses, signal.Deviation{Where: "events", Rule: rule, Found: found, Assumed: assumed})
		}
	}
	lose(n, "an onset counts the samples of the file, as programs read "+d.format, fmt.Sprintf("%d gaps of %.6g s in all", n, seconds),
		"written without them: events stand at their samples, and how long the gaps are is in the markers of the file alone")
	lose(within, atSample, fmt.Sprintf("%d of %d events within gaps", within, len(events)), "at the first sample behind them")
	lose(over, endsWithin, fmt.Sprintf("%d of %d events last over a gap", over, len(events)), "with their durations, which count it")
	return losses
}

// timed is a table of events that a tree had, with times and indexes as they are counted in the file that is written. It is the same table where
// nothing of that changes. What MNE's marks lie over is gaps of a file that is not copied, and stands in no table beside it.
func (d *data) timed(t *Table, rec *signal.Recording) *Table {
	if t.Column("onset") < 0 {
		return t
	}
	rows := t.places()
	known := slices.DeleteFunc(slices.Clone(rows), func(r rowAt) bool { return r.seconds != r.seconds })
	// Where rec has the events of the table they say how it was read: nearly all of them fit.
	source := lay(rec.FileRuns(), rec.Info.Rate)
	how := source.readingOf(known, rec.Events, 0, false)
	untold := !how.moot && how.why == ""
	moved, retimed, anew := make([]movedRow, len(rows)), false, false
	for i, r := range rows {
		m := &moved[i]
		m.skip, m.gone = r.skip > 0, r.skip > 0 && !d.copied
		anew = anew || m.gone
		if m.known = r.seconds == r.seconds && !untold; !m.known {
			continue
		}
		m.Onset = r.seconds + source.begin()
		switch {
		case how.laid:
			m.Onset, m.Sample = source.place(r.seconds)
		case m.skip:
			m.Sample = rec.Info.Samples(m.Onset)
		default:
			m.Sample = rec.Place(m.Onset)
		}
		m.Label = r.label
		m.Event = source.removed(m.Event)
		m.Duration, _, _ = t.number(i, t.Column("duration"))
		if m.front = source.inFront(m.Event, rec.Format); m.front {
			anew = anew || !d.copied && (r.seconds != 0 || m.Duration != 0) // else it is another event than that of the file that is written
			m.Onset, m.Sample, m.Duration = source.begin(), source.runs[0].Start, 0
			continue
		}
		if m.skip {
			mark := source.over(m.Sample, r.skip, how.laid)
			m.Duration = float64(d.lay.index(mark.End())-d.lay.index(mark.Start)) / d.lay.rate
			m.gone = m.gone || m.Duration == 0
		}
		retimed = retimed || !m.gone && math.Abs(d.onset(m.Event)-r.seconds) > 1e-9
		anew = anew || source.index(m.Sample) != d.lay.index(m.Sample)
	}
	if !retimed && !anew {
		return t
	}
	if retimed {
		d.losses = append(d.losses, d.gapLosses(eventsOf(moved))...)
	}
	if retimed && how.laid != d.endToEnd() {
		d.losses = append(d.losses, signal.Deviation{
			Where: "events", Rule: "an onset is in the time of the file", Found: fmt.Sprintf("a table that counts gaps: %t", !how.laid), Assumed: fmt.Sprintf("written anew so that it counts gaps: %t", how.laid),
		})
	}
	return d.written(t, moved)
}

// movedRow is where a row of a table is in the recording, if that is known.
type movedRow struct {
	signal.Event
	known bool
	skip  bool // it is MNE's mark
	front bool // it is EEGLAB's mark in front of the first sample
	gone  bool // it has no place in the table that is written
}

// eventsOf are those that are in a table.
func eventsOf(moved []movedRow) (events []signal.Event) {
	for _, m := range moved {
		if m.known && !m.skip {
			events = append(events, m.Event)
		}
	}
	return events
}

// written is the table t with its rows where they are in the file that is written.
func (d *data) written(t *Table, moved []movedRow) *Table {
	out := &Table{Columns: t.Columns}
	for row, m := range moved {
		if m.gone {
			continue
		}
		cells := make([][2]string, len(t.Columns))
		for k, column := range t.Columns {
			cells[k] = [2]string{column, t.At(row, k)}
			switch {
			case !m.known || t.Column(column) != k:
			case column == "onset":
				if was, _, _ := t.number(row, k); math.Abs(d.onset(m.Event)-was) > 1e-9 {
					cells[k][1] = decimal(d.onset(m.Event))
				}
			case column == "duration" && (m.skip || m.front && cells[k][1] != Missing):
				cells[k][1] = decimal(m.Duration)
			case column == "sample" && cells[k][1] != Missing:
				cells[k][1] = strconv.FormatInt(d.lay.index(m.Sample), 10)
			case column == "begsample" && cells[k][1] != Missing:
				cells[k][1] = strconv.FormatInt(d.lay.index(m.Sample)+1, 10)
			}
		}
		out.Add(cells...)
	}
	return out
}

// places are the rows of a table of events, of which the seconds are NaN where it says none.
func (t *Table) places() []rowAt {
	rows := make([]rowAt, t.Len())
	probe := completion{rec: &signal.Recording{}, in: &Sidecars{Events: t}}
	labels := probe.labels()
	for row := range rows {
		label := labels(row)
		rows[row] = rowAt{seconds: math.NaN(), label: label, sample: math.NaN(), skip: t.skip(row, label)}
		if seconds, ok, bad := t.number(row, t.Column("onset")); ok && !bad && math.Abs(seconds) <= maxOnset {
			rows[row].seconds = seconds
		}
	}
	return rows
}
