package text

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// recording is the table in the words of all recordings.
func (t *table) recording(format string) (*signal.Recording, error) {
	src := t.src
	t.setAside()
	clock, err := t.clock()
	if err != nil {
		return nil, err
	}
	rec := &signal.Recording{Name: src.name, Format: format, Begin: t.begin()}
	kept, info, err := t.channels()
	if err != nil {
		return nil, err
	}
	info.Rate, info.Reference = clock.rate, t.lay.reference
	rec.Info = info
	data := &reader{name: src.name, x: kept}
	number := data.place(clock.jumps, len(t.at))
	if len(data.runs) == 0 {
		return nil, src.errorf(src.offset(src.at), src.where(""), "no row has a number in every channel: there is nothing to read; where rows are of one sensor or another, take the channels of one, and put the rest under ignore in a mapping (gyrus info FILE --mapping-template)")
	}
	rec.Data = data
	rec.Len = data.runs[len(data.runs)-1].End()
	if len(data.runs) > 1 || data.runs[0].Start > 0 {
		for _, r := range data.runs {
			rec.Spans = append(rec.Spans, r.Span)
		}
	}
	rec.Events = slices.Grow(rec.Events, t.marked)
	k, row := 0, 0 // samples in front of a row
	for _, block := range t.marks {
		for _, m := range block {
			for ; row < m.row; row++ {
				if !t.blanks.isOut(row) {
					k++
				}
			}
			e := signal.Event{Sample: t.sample(row, k, number, info.Rate), Onset: t.stamps[row] - t.at[0], Label: m.label}
			if end := m.row + m.rows; t.stays(m.row, end) {
				e.Duration = t.stamps[end-1] - t.stamps[m.row] + 1/info.Rate
				if end < t.rows {
					e.Duration = t.stamps[end] - t.stamps[m.row]
				}
				e.Duration = max(0, e.Duration) // the clock may have been set
			}
			rec.Events = append(rec.Events, e)
		}
	}
	slices.SortStableFunc(rec.Events, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) }) // stamps of rows that are no samples may go back
	notes, list := t.timing(clock)
	rec.Notes = append(slices.Clone(t.lay.noted), notes...)
	rec.Deviations = append(slices.Clone(t.lay.assumed), list...)
	rec.Deviations = append(rec.Deviations, src.dev.all()...)
	return rec, nil
}

// clock is what the stamps tell, or, where there are none, the rate that is known.
func (t *table) clock() (*clock, error) {
	src := t.src
	switch {
	case t.lay.rate > 0 && t.rows == 0:
		return nil, src.errorf(src.offset(src.text), src.where(""), "there are no rows")
	case t.lay.rate > 0:
		return &clock{measured: t.lay.rate, rate: t.lay.rate}, nil
	}
	c, err := newClock(t.at, t.index, t.lay)
	if err == nil && t.lay.open && (c.rate < slowest || c.rate > fastest) {
		err = fmt.Errorf("the header names no unit, and as seconds the stamps make a rate of %g Hz, must be from %d to %g: name the unit, as in time_ms, or in a mapping beside it (gyrus info FILE --mapping-template)", c.rate, slowest, float64(fastest))
	}
	if err != nil {
		return nil, src.errorf(src.offset(src.at), src.where(t.nameOf(stamp)), "%w", err)
	}
	return c, nil
}

// begin is the time of the first row, the zero time where it is not known.
func (t *table) begin() time.Time {
	if t.lay.mapped && !t.lay.epoch {
		return time.Time{}
	}
	return begin(t.at[0])
}

// nameOf is the name of the column of a role, "" where there is none.
func (t *table) nameOf(r role) string {
	i := slices.IndexFunc(t.lay.columns, func(c column) bool { return c.role == r })
	if i < 0 {
		return ""
	}
	return t.lay.columns[i].name
}

// begin is a stamp as a time, the zero time where it cannot be seconds since 1970.
func begin(stamp float64) time.Time {
	const from, to = 1e9, 4e9 // the years 2001 to 2096
	if !(stamp >= from && stamp < to) {
		return time.Time{}
	}
	return time.UnixMicro(int64(math.Round(stamp * 1e6))).UTC()
}

// channels is the samples and the description of those channels that have any.
func (t *table) channels() ([][]float64, *signal.Info, error) {
	info := &signal.Info{Channels: make([]signal.Channel, 0, len(t.x))}
	kept := make([][]float64, 0, len(t.x))
	ch := 0
	for i := range t.lay.columns {
		c := &t.lay.columns[i]
		if c.role != sample {
			continue
		}
		x := t.x[ch]
		ch++
		if !slices.ContainsFunc(x, func(v float64) bool { return !math.IsNaN(v) }) {
			t.src.dev.each("empty", c.Name, func() signal.Deviation {
				return signal.Deviation{Where: "column " + c.name, Rule: "a column has numbers", Found: "none in any row", Assumed: "the channel is left out"}
			})
			continue
		}
		kept, info.Channels = append(kept, x), append(info.Channels, c.Channel)
	}
	if len(kept) == 0 {
		return nil, nil, t.src.errorf(t.src.offset(t.src.at), t.src.where(""), "no column has a number in any row: there is nothing to read")
	}
	return kept, info, nil
}

// exact is how far, in samples, stamps may be from the rate that a mapping names without being listed.
const exact = 0.01

// timing lists what was found out about the time. That rows of a device come late by no fixed time, at its rate, is no more than a note: no table of
// its kind has other stamps.
func (t *table) timing(c *clock) (notes, list []signal.Deviation) {
	nominal := slices.Contains(t.lay.nominal, c.rate)
	if t.lay.rate > 0 || t.lay.mapped && len(c.jumps) == 0 && nominal && c.off*c.rate < exact {
		return nil, nil
	}
	column, stamps, rule := t.nameOf(stamp), t.at, "a table names its rate"
	if t.lay.stated != "" {
		rule = t.lay.stated
	}
	list = []signal.Deviation{{
		Where: "column " + column, Rule: rule,
		Found:   fmt.Sprintf("stamps at %.2f Hz, up to %.1f ms from even spacing, %.1f ms from that at %.6g Hz", c.measured, 1e3*c.jitter, 1e3*c.off, c.rate),
		Assumed: fmt.Sprintf("rows are evenly spaced at %.6g Hz", c.rate),
	}}
	if !t.lay.mapped && nominal && math.Abs(c.measured-c.rate) <= ofDevice*c.rate {
		notes, list = list, nil
	}
	if len(t.index) > 0 && c.uncounted != nil {
		list = append(list, uncounted(t.nameOf(counter), c.uncounted))
	} else if len(t.index) > 0 {
		column = t.nameOf(counter) + " and " + column
	}
	var gaps, sets []jump
	for _, j := range c.jumps {
		if j.set {
			sets = append(sets, j)
		} else {
			gaps = append(gaps, j)
		}
	}
	if len(gaps) > 0 {
		missing := int64(0)
		for _, j := range gaps {
			missing += j.missing
		}
		list = append(list, signal.Deviation{
			Where: fmt.Sprintf("column %s, row %d", column, t.rowOf(gaps[0].row)+1), Rule: "rows follow each other evenly",
			Found:   fmt.Sprintf("a step of %.4g s; %s", stamps[gaps[0].row]-stamps[gaps[0].row-1], count(len(gaps), "such gap")),
			Assumed: fmt.Sprintf("%d samples are missing", missing),
		})
	}
	if len(sets) > 0 {
		list = append(list, signal.Deviation{
			Where: fmt.Sprintf("column %s, row %d", column, t.rowOf(sets[0].row)+1), Rule: "stamps grow steadily",
			Found:   fmt.Sprintf("a step of %.6g s; %s", stamps[sets[0].row]-stamps[sets[0].row-1], count(len(sets), "such step")),
			Assumed: "the clock was set there: a gap of one sample, so that no window reaches over it",
		})
	}
	return notes, list
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// run is a stretch of samples without a gap and the row it begins with.
type run struct {
	signal.Span
	row int
}

// reader hands out samples that are in memory.
type reader struct {
	name string
	x    [][]float64 // [channel][row]
	runs []run
}

// place makes the runs of n rows, without those that have a sample missing. number is the sample number of any row.
func (r *reader) place(jumps []jump, n int) (number func(row int) int64) {
	shifts := []run{{}} // from row on, Start is the number of the row
	for _, j := range jumps {
		last := shifts[len(shifts)-1]
		shifts = append(shifts, run{signal.Span{Start: last.Start + int64(j.row-last.row) + j.missing}, j.row})
	}
	for k, s := range shifts {
		end := n
		if k+1 < len(shifts) {
			end = shifts[k+1].row
		}
		open := false
		for row := s.row; row < end; row++ {
			missing := slices.ContainsFunc(r.x, func(x []float64) bool { return math.IsNaN(x[row]) })
			switch {
			case missing:
				open = false
			case !open:
				r.runs = append(r.runs, run{signal.Span{Start: s.Start + int64(row-s.row), Len: 1}, row})
				open = true
			default:
				r.runs[len(r.runs)-1].Len++
			}
		}
	}
	return func(row int) int64 {
		k := sort.Search(len(shifts), func(k int) bool { return shifts[k].row > row }) - 1
		return shifts[k].Start + int64(row-shifts[k].row)
	}
}

// ReadSamples reads any range of one span.
func (r *reader) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) != len(r.x) {
		return fmt.Errorf("%s: %d rows to fill, there are %d channels", r.name, len(dst), len(r.x))
	}
	n := int64(len(dst[0]))
	for ch := range dst {
		if int64(len(dst[ch])) != n {
			return fmt.Errorf("%s: row %d to fill has %d samples, row 0 has %d, they must have the same length", r.name, ch, len(dst[ch]), n)
		}
	}
	if n == 0 {
		return nil
	}
	i := sort.Search(len(r.runs), func(i int) bool { return r.runs[i].End() > start })
	if i == len(r.runs) || start < r.runs[i].Start || n > r.runs[i].End()-start {
		return fmt.Errorf("%s: samples from %d on, %d of them, do not lie in one span of the recording", r.name, start, n)
	}
	at := r.runs[i].row + int(start-r.runs[i].Start)
	for ch, x := range r.x {
		copy(dst[ch], x[at:])
	}
	return nil
}
