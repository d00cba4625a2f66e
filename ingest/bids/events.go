package bids

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

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
	if t.Column("onset") < 0 {
		c.omit(file+": line 1", "a column onset", "none", "the events that the recording has itself")
		return
	}
	if t.Column("duration") < 0 {
		c.deviate(file+": line 1", "a column duration", "none", "0 s")
	}
	info := c.rec.Info
	if info.Rate == 0 { // annotations only
		c.omit(file, "events of a recording", "a file without samples", "its own events")
		return
	}
	labels, tell := c.labels(), tally{c: c}
	duration := t.Column("duration")
	each := func(do func(r rowAt, row int)) {
		for row := range t.Len() {
			if seconds, ok := c.onset(row, &tell); ok {
				_, timed, bad := t.number(row, t.Column("onset"))
				label := labels(row)
				do(rowAt{seconds: seconds, label: label, sample: t.sample(row), index: !timed || bad, skip: t.skip(row, label)}, row)
			}
		}
	}
	l, how := lay(c.rec.FileRuns(), info.Rate), &reading{moot: true}
	if n, _ := l.gaps(); n > 0 { // all rows together say how they are meant
		var rows []rowAt
		var lines []int // of rows, in the table
		each(func(r rowAt, row int) { rows, lines = append(rows, r), append(lines, row) })
		if how = c.reading(l, rows); how == nil {
			tell.report()
			return
		}
		each = func(do func(r rowAt, row int)) {
			for i, r := range rows {
				do(r, lines[i])
			}
		}
	}
	// Seconds are counted from the first sample that is stored; a recording may count from before that.
	first := l.begin()
	outside := fmt.Sprintf("events inside the recording, which has %.6g s", float64(c.rec.Len)/info.Rate)
	var events []tableEvent // where the recording has events to compare them with
	alone := make([]signal.Event, 0, t.Len())
	var skips []signal.Span
	of := c.ofChannels()
	each(func(r rowAt, row int) {
		e := signal.Event{Onset: r.seconds + first, Label: r.label, Channels: of.row(row)}
		if how.laid || r.index {
			e.Onset, e.Sample = l.place(r.seconds)
		} else {
			e.Sample = c.rec.Place(e.Onset)
		}
		e = l.removed(e)
		seconds, stated, bad := t.number(row, duration)
		if bad || seconds < 0 {
			tell.add(row, "duration", "a number of seconds, at least 0, or n/a", "0 s")
			seconds, stated = 0, false
		}
		e.Duration = seconds
		if l.inFront(e, c.rec.Format) {
			e.Onset, e.Sample, e.Duration = first, l.runs[0].Start, 0
		}
		c.crossCheck(row, l.index(e.Sample), &tell)
		if e.Sample >= c.rec.Len && r.skip == 0 {
			tell.add(row, "onset", outside, "kept, behind the end of the samples")
		}
		if len(c.rec.Events) > 0 {
			value, _ := t.Cell(row, "value")
			events = append(events, tableEvent{e, value, stated})
		}
		if r.skip > 0 {
			from := e.Sample
			if !how.laid && !r.index {
				from = info.Samples(e.Onset) // Place may have it end with the sample before
			}
			if mark := l.over(from, r.skip, how.laid); mark.Len > 0 {
				if !l.overGap(mark) {
					skips = append(skips, mark)
				}
				return
			}
		}
		alone = append(alone, e)
	})
	tell.report()
	of.report(c)
	slices.SortStableFunc(alone, byTime)
	if len(c.rec.Events) > 0 {
		slices.SortStableFunc(events, func(a, b tableEvent) int { return byTime(a.Event, b.Event) })
		c.conflicts(events, func(sample int64) int64 {
			if len(l.runs) > 0 && strings.HasPrefix(c.rec.Format, "BrainVision") {
				sample = max(sample, l.runs[0].Start) // which has no place before
			}
			if how.laid {
				return l.index(sample) // where a gap parts neighbours as little as in the file
			}
			return sample
		})
		if of.column < 0 {
			alone = adopted(alone, c.rec.Events)
		}
	}
	c.rec.Events = alone
	c.leaveOut(skips)
}

// leaveOut makes gaps of what MNE marks as not measured: mne-bids writes zeros there, and the mark into the table alone. Of a recording that has
// them already nothing is left out.
func (c *completion) leaveOut(skips []signal.Span) {
	if len(skips) == 0 {
		return
	}
	rate, seconds := c.rec.Info.Rate, 0.0
	for _, r := range groups(c.rec) {
		own := make([]signal.Span, len(skips))
		for i, s := range skips {
			from := int64(math.Round(float64(s.Start) / rate * r.Info.Rate))
			own[i] = signal.Span{Start: from, Len: int64(math.Round(float64(s.End())/rate*r.Info.Rate)) - from}
		}
		seconds = max(seconds, float64(r.LeaveOut(own))/r.Info.Rate)
	}
	if seconds == 0 {
		return
	}
	c.rec.Notes = append(c.rec.Notes, signal.SkipNote(c.in.EventsFile, len(skips), seconds))
	c.rec.PlaceEvents()
}

// skip is how long MNE's mark over what was not measured lasts in a row, in seconds; 0 where it is none, or is about single channels.
func (t *Table) skip(row int, label string) (seconds float64) {
	if !isSkip(label) {
		return 0
	}
	if _, single := t.Cell(row, channelColumn); single {
		return 0
	}
	seconds, _, bad := t.number(row, t.Column("duration"))
	if bad {
		return 0
	}
	return max(0, seconds)
}

func byTime(a, b signal.Event) int {
	return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Onset, b.Onset))
}

// onsetColumn stands behind the name of the table where its onsets are meant.
const onsetColumn = ": column onset"

// reading says what the seconds of the table count in a recording with gaps, and lists it; nil keeps the events that the recording
// has itself.
func (c *completion) reading(l laid, rows []rowAt) *reading {
	duration := 0.0
	if raw := c.in.About.Raw("RecordingDuration"); raw != nil {
		if err := json.Unmarshal(raw, &duration); err != nil {
			duration = 0 // which about has listed
		}
	}
	whole := endToEnd(c.rec.Format)
	how := l.readingOf(rows, c.rec.Events, duration, whole)
	n, gap := l.gaps()
	where, rule := c.in.EventsFile+onsetColumn, "seconds from the first sample on, gaps counted"
	gaps := fmt.Sprintf("%d gaps of %.6g s in all", n, gap)
	switch {
	case n == 0 || how.moot:
	case how.why == "" && len(c.rec.Events) > 0:
		c.omit(where, rule, gaps+", and nothing says whether the table counts them: its events fit those of the recording in both ways, or in neither", "the events that the recording has itself, not those of the table")
		return nil
	case how.why == "" && how.laid:
		c.deviate(where, rule, gaps+", and nothing says whether the table counts them", "as times of the samples laid end to end, as other programs read the format")
	case how.why == "":
		c.deviate(where, rule, gaps+", and nothing says whether the table counts them", "that it does")
	case how.laid:
		c.deviate(where, rule, "times of the samples laid end to end, without "+gaps+": "+how.why, "the same samples, at the time with gaps counted")
	case whole:
		c.rec.Texts = append(c.rec.Texts, signal.Text{Field: where, Text: rule + ": " + how.why})
	}
	return &how
}

// tableEvent is an event of a row.
type tableEvent struct {
	signal.Event
	value  string // of the column
	stated bool   // the duration is a number
}

// onset is where a row's event is, in the seconds of the table.
func (c *completion) onset(row int, tell *tally) (seconds float64, ok bool) {
	t := c.in.Events
	seconds, ok, bad := t.number(row, t.Column("onset"))
	if ok && !bad && math.Abs(seconds) <= maxOnset {
		return seconds, true
	}
	for _, s := range sampleColumns {
		if n, ok, bad := t.number(row, t.Column(s.column)); ok && !bad && math.Abs(n) <= maxOnset*c.rec.Info.Rate {
			tell.add(row, "onset", "a number of seconds", "where column "+s.column+" says")
			return (n - s.origin) / c.rec.Info.Rate, true
		}
	}
	tell.add(row, "onset", "a number of seconds", noPlace)
	return 0, false
}

// noPlace is what is assumed of a row that is no event.
const noPlace = "left out: nothing says where it is"

// sampleColumns have the number of the sample, counted from origin: sample from 0, FieldTrip's begsample from 1.
var sampleColumns = []struct {
	column string
	origin float64
}{{"sample", 0}, {"begsample", 1}}

// sample is the number of the sample in a row, from 0, NaN where there is none.
func (t *Table) sample(row int) float64 {
	for _, s := range sampleColumns {
		if n, ok, bad := t.number(row, t.Column(s.column)); ok && !bad {
			return n - s.origin
		}
	}
	return math.NaN()
}

// crossCheck compares the index in the file of the sample that the onset is at with the one in the table.
func (c *completion) crossCheck(row int, sample int64, tell *tally) {
	for _, s := range sampleColumns {
		n, ok, bad := c.in.Events.number(row, c.in.Events.Column(s.column))
		if bad || ok && math.Abs(n-s.origin-float64(sample)) > 1 {
			tell.add(row, s.column, "the sample of the file at which the onset is", "the onset")
		}
	}
}

// labels are those of the rows: the trial_type, or else the value. A trial_type that stands for several values is composed with
// them, as response/201 and response/202 are different events. A row with neither is n/a: it is an event all the same.
func (c *completion) labels() func(row int) string {
	t := c.in.Events
	column := "trial_type"
	if t.Column(column) < 0 && t.Column("stim_type") >= 0 {
		column = "stim_type" // what trial_type was called before BIDS 1.0
		c.deviate(c.in.EventsFile+": line 1", "a column trial_type", "stim_type", "as if it were called trial_type")
	}
	trials, values := t.Column(column), t.Column("value")
	cell := func(row, column int) (text []byte, ok bool) {
		if column < 0 {
			return nil, false
		}
		text = t.cell(row, column)
		return text, string(text) != Missing
	}
	// A trial_type stands for several values where one of them is not the first.
	type first struct {
		value   string
		several bool
	}
	seen := map[string]*first{}
	for row := 0; trials >= 0 && row < t.Len(); row++ {
		trial, ok := cell(row, trials)
		if !ok {
			continue
		}
		value, ok := cell(row, values)
		if !ok {
			value = nil
		}
		if f := seen[string(trial)]; f == nil {
			seen[string(trial)] = &first{value: string(value)}
		} else if f.value != string(value) {
			f.several = true
		}
	}
	names := map[string]string{} // each of which is in memory once
	var name []byte
	return func(row int) string {
		trial, typed := cell(row, trials)
		value, valued := cell(row, values)
		several := typed && seen[string(trial)].several
		switch name = name[:0]; {
		case several && valued:
			name = append(append(append(name, trial...), '/'), value...)
		case several:
			name = append(append(name, trial...), "/na"...) // a slash would begin another level
		case typed:
			name = append(name, trial...)
		case valued:
			name = append(name, value...)
		default:
			return Missing
		}
		label, known := names[string(name)]
		if !known {
			label = string(name)
			names[label] = label
		}
		return label
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
		list := t.c.deviate
		if w.assumed == noPlace {
			list = t.c.omit
		}
		list(fmt.Sprintf("%s: line %d, column %s", file, table.Line(first), w.column), w.rule, found, w.assumed)
	}
}
