package parquetfile

import (
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/parquet"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// runBytes is the least that a file has for each of its runs of samples, beyond some thousand: what claims to be more runs
// would take more memory than the file has bytes.
const runBytes = 128

// block is how many values are looked at at a time.
const block = 1024

// index is made of sample, time_ns and events, one row group after the other and one column after the other, in the memory of
// one cursor.
type index struct {
	p    *parquet.File
	c    *parquet.Cursor
	info *signal.Info
	most int64 // runs

	batches []batch
	events  pages.List[signal.Event]
	labels  map[string]string // that were seen: there are few, and many events
	texts   int64             // bytes of them
	lost    int               // row groups whose events cannot be read
	why     error             // that is so for the first of them
	first   int64             // when sample 0 was measured, in ns
}

// group adds a row group.
func (x *index) group(g int) error {
	from, chs := len(x.batches), len(x.info.Channels)
	if err := x.samples(g, chs); err != nil {
		return err
	}
	if err := x.times(g, chs+1, x.batches[from:]); err != nil {
		return err
	}
	events := x.events.Len()
	if err := x.readEvents(g, chs+2, x.batches[from:]); err != nil {
		x.events.Cut(events)
		if x.lost++; x.lost == 1 {
			x.why = err
		}
	}
	return nil
}

// open goes to the beginning of column k of group g.
func (x *index) open(g, k int) error {
	x.c.Column(k)
	return x.c.Open(g)
}

// samples makes the runs of a group, which end at gaps.
func (x *index) samples(g, k int) error {
	if err := x.open(g, k); err != nil {
		return err
	}
	end := int64(0)
	if n := len(x.batches); n > 0 {
		end = x.batches[n-1].End()
	}
	var some [block]int64
	rows, begun := x.p.Rows(g), false
	for row := int64(0); row < rows; {
		part := some[:min(block, rows-row)]
		if err := x.c.Ints(part); err != nil {
			return err
		}
		for _, s := range part {
			switch {
			case begun && s == end:
				x.batches[len(x.batches)-1].Len++
			case s < end || s > math.MaxInt64/2:
				return x.c.Errorf("row %d of row group %d is sample %d behind sample %d: samples must count on", row, g, s, end-1)
			case int64(len(x.batches)) >= x.most:
				return x.c.Errorf("more than %d gaps and row groups in a file of this size", x.most)
			default:
				x.batches, begun = append(x.batches, batch{signal.Span{Start: s, Len: 1}, g, row}), true
			}
			end = s + 1
			row++
		}
	}
	return nil
}

// times checks the times of the runs of a group.
func (x *index) times(g, k int, runs []batch) error {
	if err := x.open(g, k); err != nil {
		return err
	}
	tolerance := max(1, 0.5e9/x.info.Rate)
	var some [block]int64
	for _, b := range runs {
		var begin int64
		for t := int64(0); t < b.Len; {
			part := some[:min(block, b.Len-t)]
			if err := x.c.Ints(part); err != nil {
				return err
			}
			if t == 0 {
				begin = part[0]
				if len(x.batches) > 0 && x.batches[0] == b {
					x.first = begin - int64(math.Round(float64(b.Start)*1e9/x.info.Rate))
				}
			}
			for _, at := range part {
				if want := begin + int64(math.Round(float64(t)*1e9/x.info.Rate)); !(math.Abs(float64(at-want)) <= tolerance) {
					return x.c.Errorf("row %d of row group %d: time_ns is %d, must be %d ± %.0f at %g Hz", b.row+t, g, at, want, tolerance, x.info.Rate)
				}
				t++
			}
		}
	}
	return nil
}

// readEvents reads the three columns of the lists of events from column k on: label, onset_s and duration_s.
func (x *index) readEvents(g, k int, runs []batch) error {
	from := x.events.Len()
	err := x.lists(g, k, runs, func(_ int, sample int64) error {
		text, err := x.c.Text()
		if err != nil {
			return err
		}
		label, ok := x.labels[string(text)]
		if !ok {
			if x.texts += int64(len(text)); x.texts > x.p.Unfolds() {
				return x.c.Errorf("the labels of events take more than %d bytes", x.p.Unfolds())
			}
			label = strings.ToValidUTF8(string(text), "\uFFFD")
			x.labels[string(text)] = label
		}
		x.events.Add(signal.Event{Sample: sample, Label: label})
		return nil
	})
	if err != nil {
		return err
	}
	count := x.events.Len() - from
	for i, set := range []func(e *signal.Event, v float64){
		func(e *signal.Event, v float64) { e.Onset = v }, func(e *signal.Event, v float64) { e.Duration = v },
	} {
		seen := 0
		err := x.lists(g, k+1+i, runs, func(n int, sample int64) error {
			if n >= count || x.events.At(from+n).Sample != sample {
				return x.c.Errorf("an event at sample %d that has no label", sample)
			}
			v, err := x.c.Float()
			set(x.events.At(from+n), v)
			seen++
			return err
		})
		if err != nil {
			return err
		}
		if seen != count {
			return x.c.Errorf("%d values for %d events of row group %d", seen, count, g)
		}
	}
	return nil
}

// lists calls each for the values of a column of the events: the n-th of the group, and the sample that it stands at.
func (x *index) lists(g, k int, runs []batch, each func(n int, sample int64) error) error {
	if err := x.open(g, k); err != nil {
		return err
	}
	col := &x.p.Columns[k]
	row, n := int64(-1), 0
	for {
		rep, def, ok, err := x.c.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if rep == 0 {
			row++
		}
		for len(runs) > 0 && row >= runs[0].row+runs[0].Len {
			runs = runs[1:]
		}
		switch {
		case len(runs) == 0:
			return x.c.Errorf("more than the %d rows of row group %d", x.p.Rows(g), g)
		case def < col.Element: // an empty list
			continue
		case def < col.MaxDef:
			return x.c.Errorf("row %d of row group %d: an event or one of its fields is null, must have label, onset_s and duration_s", row, g)
		}
		if err := each(n, runs[0].Start+row-runs[0].row); err != nil {
			return err
		}
		n++
	}
	if row+1 != x.p.Rows(g) {
		return x.c.Errorf("%d rows, row group %d has %d", row+1, g, x.p.Rows(g))
	}
	return nil
}
