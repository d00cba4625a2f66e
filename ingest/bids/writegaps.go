package bids

import (
	"fmt"
	"math"
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

// gapLosses is what a table of events does not say that has the times of samples laid end to end.
func (d *data) gapLosses(events []signal.Event) (losses []signal.Deviation) {
	if !d.endToEnd() {
		return nil
	}
	within, over := 0, 0
	for _, e := range events {
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
	lose(within, "an event is at a sample of the file", fmt.Sprintf("%d of %d events within gaps", within, len(events)), "at the first sample behind them")
	lose(over, "an event ends within its samples", fmt.Sprintf("%d of %d events last over a gap", over, len(events)), "with their durations, which count it")
	return losses
}

// timed is a table of events that a tree had, with times as they are counted in the file that is written. It is the same table where they
// are.
func (d *data) timed(t *Table, rec *signal.Recording) *Table {
	if n, _ := d.lay.gaps(); n == 0 || t.Column("onset") < 0 {
		return t
	}
	// Where rec has the events of the table they say how it was read: nearly all of them fit.
	source := lay(rec.FileRuns(), rec.Info.Rate)
	rows := make([]rowAt, 0, t.Len())
	probe := completion{rec: &signal.Recording{}, in: &Sidecars{Events: t}}
	labels := probe.labels()
	for row := range t.Len() {
		if seconds, ok, bad := t.number(row, t.Column("onset")); ok && !bad && math.Abs(seconds) <= maxOnset {
			rows = append(rows, rowAt{seconds: seconds, label: labels(row), sample: math.NaN()})
		}
	}
	how := source.readingOf(rows, rec.Events, 0, false)
	if how.moot || how.why == "" || how.laid == d.endToEnd() {
		return t
	}
	start := int64(0)
	if len(source.runs) > 0 {
		start = source.runs[0].Start
	}
	out := &Table{Columns: t.Columns}
	var events []signal.Event
	for row := range t.Len() {
		seconds, ok, bad := t.number(row, t.Column("onset"))
		ok = ok && !bad && math.Abs(seconds) <= maxOnset
		e := signal.Event{Onset: seconds + float64(start)/source.rate}
		switch {
		case !ok:
		case how.laid:
			e.Onset, e.Sample = source.place(seconds)
		default:
			e.Sample = rec.Place(e.Onset)
		}
		if ok {
			e.Duration, _, _ = t.number(row, t.Column("duration"))
			events = append(events, e)
		}
		cells := make([][2]string, len(t.Columns))
		for k, column := range t.Columns {
			cells[k] = [2]string{column, t.At(row, k)}
			switch {
			case !ok || t.Column(column) != k:
			case column == "onset":
				cells[k][1] = decimal(d.onset(e))
			case column == "sample" && cells[k][1] != Missing:
				cells[k][1] = strconv.FormatInt(d.lay.index(e.Sample), 10)
			case column == "begsample" && cells[k][1] != Missing:
				cells[k][1] = strconv.FormatInt(d.lay.index(e.Sample)+1, 10)
			}
		}
		out.Add(cells...)
	}
	d.losses = append(d.losses, d.gapLosses(events)...)
	d.losses = append(d.losses, signal.Deviation{
		Where: "events", Rule: "an onset is in the time of the file", Found: fmt.Sprintf("a table that counts gaps: %t", !how.laid), Assumed: fmt.Sprintf("written anew so that it counts gaps: %t", how.laid),
	})
	return out
}
