package bids

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// maxOnset is how far from the begin an event may lie, in seconds: more than thirty years.
const maxOnset = 1e9

// events puts the events of events.tsv in the place of the recording's own (BIDS 1.10, "Task events"). The onset in seconds
// says where an event is; sample numbers in the table are only compared with it.
func (c *completion) events() {
	t, file := c.in.Events, c.in.EventsFile
	if t == nil {
		return
	}
	for _, need := range []string{"onset", "duration"} {
		if t.Column(need) < 0 {
			c.deviate(file+": line 1", "a column "+need, "none", map[string]string{"onset": "the events that the recording has itself", "duration": "0 s"}[need])
		}
	}
	if t.Column("onset") < 0 {
		return
	}
	info := c.rec.Info
	if info.Rate == 0 { // annotations only
		c.deviate(file, "events of a recording", "a file without samples", "its own events")
		return
	}
	// Seconds are counted from the first sample that is stored; a recording may count from before that.
	first := int64(0)
	if runs := c.rec.Runs(); len(runs) > 0 {
		first = runs[0].Start
	}
	labels, tell := c.labels(), tally{c: c}
	events := make([]signal.Event, 0, len(t.Rows))
	for row := range t.Rows {
		onset, ok := c.onset(row, &tell)
		if !ok {
			continue
		}
		e := signal.Event{Onset: onset + float64(first)/info.Rate, Label: labels[row]}
		e.Sample = c.rec.Place(e.Onset)
		duration, _, err := t.Number(row, "duration")
		if err != nil || duration < 0 {
			tell.add(row, "duration", "a number of seconds, at least 0, or n/a", "0 s")
			duration = 0
		}
		e.Duration = duration
		c.crossCheck(row, e.Sample-first, &tell)
		if e.Sample >= c.rec.Len {
			tell.add(row, "onset", fmt.Sprintf("events inside the recording, which has %.6g s", float64(c.rec.Len)/info.Rate), "kept, behind the end of the samples")
		}
		events = append(events, e)
	}
	tell.report()
	slices.SortStableFunc(events, func(a, b signal.Event) int {
		return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Onset, b.Onset))
	})
	c.conflicts(events)
	c.rec.Events = events
}

// onset is where a row's event is, in seconds from the first sample.
func (c *completion) onset(row int, tell *tally) (seconds float64, ok bool) {
	t := c.in.Events
	seconds, ok, err := t.Number(row, "onset")
	if ok && err == nil && math.Abs(seconds) <= maxOnset {
		return seconds, true
	}
	for _, s := range sampleColumns {
		if n, ok, err := t.Number(row, s.column); ok && err == nil && math.Abs(n) <= maxOnset*c.rec.Info.Rate {
			tell.add(row, "onset", "a number of seconds", "where column "+s.column+" says")
			return (n - s.origin) / c.rec.Info.Rate, true
		}
	}
	tell.add(row, "onset", "a number of seconds", "left out: nothing says where it is")
	return 0, false
}

// sampleColumns have the number of the sample, counted from origin: sample from 0, FieldTrip's begsample from 1.
var sampleColumns = []struct {
	column string
	origin float64
}{{"sample", 0}, {"begsample", 1}}

// crossCheck compares the sample that the onset is at with the one in the table.
func (c *completion) crossCheck(row int, sample int64, tell *tally) {
	for _, s := range sampleColumns {
		n, ok, err := c.in.Events.Number(row, s.column)
		if err != nil || ok && math.Abs(n-s.origin-float64(sample)) > 1 {
			tell.add(row, s.column, "the sample at which the onset is", "the onset")
		}
	}
}

// labels are those of the rows: the trial_type, or else the value. A trial_type that stands for several values is composed with
// them, as response/201 and response/202 are different events. A row with neither is n/a: it is an event all the same.
func (c *completion) labels() []string {
	t := c.in.Events
	column := "trial_type"
	if t.Column(column) < 0 && t.Column("stim_type") >= 0 {
		column = "stim_type" // what trial_type was called before BIDS 1.0
		c.deviate(c.in.EventsFile+": line 1", "a column trial_type", "stim_type", "as if it were called trial_type")
	}
	values := map[string]map[string]bool{}
	for row := range t.Rows {
		trial, ok := t.Cell(row, column)
		if !ok {
			continue
		}
		if values[trial] == nil {
			values[trial] = map[string]bool{}
		}
		value, _ := t.Cell(row, "value")
		values[trial][value] = true
	}
	labels := make([]string, len(t.Rows))
	for row := range labels {
		trial, typed := t.Cell(row, column)
		value, valued := t.Cell(row, "value")
		switch {
		case typed && len(values[trial]) > 1 && valued:
			labels[row] = trial + "/" + value
		case typed && len(values[trial]) > 1:
			labels[row] = trial + "/na" // a slash would begin another level
		case typed:
			labels[row] = trial
		case valued:
			labels[row] = value
		default:
			labels[row] = Missing
		}
	}
	return labels
}

// conflicts compares the events of the table with those of the recording: an event of the one at which the other has none.
func (c *completion) conflicts(events []signal.Event) {
	if len(c.rec.Events) == 0 {
		return
	}
	lonely := func(of, in []signal.Event) (first signal.Event, n int) {
		for _, e := range of {
			at, found := slices.BinarySearchFunc(in, e.Sample-1, func(o signal.Event, sample int64) int { return cmp.Compare(o.Sample, sample) })
			if found || at < len(in) && in[at].Sample <= e.Sample+1 {
				continue
			}
			if n++; n == 1 {
				first = e
			}
		}
		return first, n
	}
	const assumed = "the events of the table, in the place of the recording's own"
	if e, n := lonely(c.rec.Events, events); n > 0 {
		c.deviate(c.in.EventsFile, "the events that the recording has itself", fmt.Sprintf("none at %d of those %d, such as %q at %.3f s", n, len(c.rec.Events), e.Label, e.Onset), assumed)
	}
	if e, n := lonely(events, c.rec.Events); n > 0 {
		c.deviate(c.in.EventsFile, "the events that the recording has itself", fmt.Sprintf("%d of %d elsewhere, such as %q at %.3f s", n, len(events), e.Label, e.Onset), assumed)
	}
}

// tally counts rows that are wrong in the same way.
type tally struct {
	c     *completion
	order []wrong
	rows  map[wrong][]int // the first one, and how many there are
}

type wrong struct{ column, rule, assumed string }

func (t *tally) add(row int, column, rule, assumed string) {
	w := wrong{column, rule, assumed}
	if t.rows == nil {
		t.rows = map[wrong][]int{}
	}
	if t.rows[w] == nil {
		t.order, t.rows[w] = append(t.order, w), []int{row, 0}
	}
	t.rows[w][1]++
}

// report lists what was counted.
func (t *tally) report() {
	table, file := t.c.in.Events, t.c.in.EventsFile
	for _, w := range t.order {
		first, n := t.rows[w][0], t.rows[w][1]
		text, ok := table.Cell(first, w.column)
		if !ok {
			text = Missing
		}
		found := strconv.Quote(text)
		if onset, ok := table.Cell(first, "onset"); ok && w.column != "onset" {
			found += " at the onset " + onset
		}
		if n > 1 {
			found += fmt.Sprintf(", and %d rows more", n-1)
		}
		t.c.deviate(fmt.Sprintf("%s: line %d, column %s", file, table.Line(first), w.column), w.rule, found, w.assumed)
	}
}
