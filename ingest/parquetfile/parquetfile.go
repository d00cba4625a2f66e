// Package parquetfile reads and writes recordings as Parquet (https://parquet.apache.org/docs/file-format/), in the layout of
// signal.Schema: a column of float64 for each channel with unit, kind, original name and position in the metadata of its
// field; sample and time_ns; the events of each sample. Rate and reference are in the metadata of the schema, which the file
// keeps under the key ARROW:schema. pyarrow, polars and DuckDB read such a file as it is.
//
// Opening reads sample, time_ns and events of all row groups; channels are read when they are asked for, one row group at a
// time. gyrus begins a new row group behind a gap; others may write gaps inside one. A file without the schema of gyrus, or one
// that was cut off (the description of a Parquet file stands at its end), is an *ingest.FormatError.
//
// A limit: the library believes the sizes that a damaged page claims, and may ask for some hundred megabytes before it finds
// that they are not there.
package parquetfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

var magic = []byte("PAR1")

func init() {
	ingest.Register(ingest.Format{
		Name: "parquet", Ext: []string{".parquet"}, Open: Open,
		Match: func(head []byte) bool { return bytes.HasPrefix(head, magic) },
	})
	ingest.RegisterWriter(ingest.Writer{Name: "parquet", Ext: []string{".parquet"}, Write: writeFile})
}

// batch is one run of samples in one row group.
type batch struct {
	signal.Span
	group int
	row   int64 // in the group, of the first
}

// reader reads samples, one row group at a time.
type reader struct {
	name    string
	info    *signal.Info
	file    *file.Reader
	batches []batch
	held    int         // the row group in memory, -1 for none
	x       [][]float64 // its channels
}

// Open reads all but the samples of f. It owns f from now on and closes it, also when it fails.
func Open(f ingest.File, name string) (*signal.Recording, error) {
	st, err := f.Stat()
	if err == nil {
		var rec *signal.Recording
		err = guarded(func() (err error) {
			rec, err = open(f, name, st.Size())
			return err
		})
		if err == nil {
			rec.Closer = f
			return rec, nil
		}
		err = &ingest.FormatError{File: name, Field: "Parquet", Offset: max(0, st.Size()-8), Err: err}
	}
	return nil, errors.Join(err, f.Close())
}

// guarded turns a panic of the library, which trusts what it reads in places, into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("damaged: %v", r)
		}
	}()
	return f()
}

func open(f io.ReaderAt, name string, size int64) (*signal.Recording, error) {
	p, err := file.NewParquetReader(io.NewSectionReader(f, 0, size))
	if err != nil {
		return nil, fmt.Errorf("%w: a file that was cut off has lost the description at its end", err)
	}
	r := &reader{name: name, file: p, held: -1}
	schema, err := pqarrow.FromParquet(p.MetaData().Schema, nil, p.MetaData().KeyValueMetadata())
	if err != nil {
		return nil, err
	}
	if r.info, err = signal.InfoFromSchema(schema); err != nil {
		return nil, err
	}
	rec := &signal.Recording{Name: name, Format: "Parquet", Info: r.info, Data: r}
	first := int64(0)
	for g := range p.NumRowGroups() {
		runs, err := r.index(g)
		if err != nil {
			return nil, fmt.Errorf("row group %d: %w", g, err)
		}
		row := int64(0)
		for _, c := range runs {
			if c.start < rec.Len || c.start > math.MaxInt64/2 {
				return nil, fmt.Errorf("row group %d: sample %d behind sample %d: samples must count on", g, c.start, rec.Len)
			}
			if len(r.batches) == 0 {
				first = c.time - int64(math.Round(float64(c.start)*1e9/r.info.Rate))
			}
			span := signal.Span{Start: c.start, Len: c.n}
			r.batches = append(r.batches, batch{span, g, row})
			row += c.n
			rec.Events = append(rec.Events, c.events...)
			if k := len(rec.Spans); k > 0 && rec.Spans[k-1].End() == c.start {
				rec.Spans[k-1].Len += c.n
			} else {
				rec.Spans = append(rec.Spans, span)
			}
			rec.Len = span.End()
		}
	}
	if rec.Len == 0 {
		return nil, errors.New("there is no sample in it")
	}
	if len(rec.Spans) == 1 && rec.Spans[0].Start == 0 {
		rec.Spans = nil
	}
	if first >= 1e18 { // since 2001: a date, not seconds from a start
		rec.Begin = time.Unix(0, first).UTC()
	}
	return rec, nil
}

// run is one run of samples, without its samples.
type run struct {
	start, n, time int64
	events         []signal.Event
}

// index reads sample, time_ns and events of a row group. Runs end at gaps.
func (r *reader) index(group int) (runs []run, err error) {
	chs := len(r.info.Channels)
	var sample, at []int64
	if sample, err = integers(r.file, group, chs); err != nil {
		return nil, err
	}
	if at, err = integers(r.file, group, chs+1); err != nil {
		return nil, err
	}
	events, err := readEvents(r.file, group, chs+2, sample)
	if err != nil {
		return nil, err
	}
	tolerance := max(1, 0.5e9/r.info.Rate)
	for from, t := 0, 1; t <= len(sample); t++ {
		last := t - 1
		if want := at[from] + int64(math.Round(float64(sample[last]-sample[from])*1e9/r.info.Rate)); !(math.Abs(float64(at[last]-want)) <= tolerance) {
			return nil, fmt.Errorf("row %d: time_ns is %d, must be %d ± %.0f at %g Hz", last, at[last], want, tolerance, r.info.Rate)
		}
		if t < len(sample) && sample[t] == sample[t-1]+1 {
			continue
		}
		span := signal.Span{Start: sample[from], Len: int64(t - from)}
		runs, from = append(runs, run{span.Start, span.Len, at[from], signal.EventsIn(events, span.Start, span.End())}), t
	}
	return runs, nil
}

// ReadSamples reads any range of one span.
func (r *reader) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) != len(r.info.Channels) {
		return fmt.Errorf("%s: %d rows to fill, there are %d channels", r.name, len(dst), len(r.info.Channels))
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
	first := sort.Search(len(r.batches), func(k int) bool { return r.batches[k].End() > start })
	last := first
	for at := start; ; last++ { // before anything is filled
		if last == len(r.batches) || r.batches[last].Start > at || n > math.MaxInt64-start {
			return fmt.Errorf("%s: samples from %d on, %d of them, do not lie in one span of the recording", r.name, start, n)
		}
		if at = r.batches[last].End(); at >= start+n {
			break
		}
	}
	done := int64(0)
	for _, b := range r.batches[first : last+1] {
		if err := guarded(func() error { return r.hold(b.group) }); err != nil {
			r.held = -1
			return &ingest.FormatError{File: r.name, Field: "row group " + strconv.Itoa(b.group), Err: err}
		}
		from := start + done - b.Start
		m := min(n-done, b.Len-from)
		for ch := range dst {
			copy(dst[ch][done:done+m], r.x[ch][b.row+from:])
		}
		done += m
	}
	return nil
}

// hold reads the channels of a row group into memory.
func (r *reader) hold(group int) error {
	if r.held == group {
		return nil
	}
	r.held = -1
	x := make([][]float64, len(r.info.Channels))
	for ch := range x {
		var err error
		if x[ch], err = floats(r.file, group, ch); err != nil {
			return err
		}
	}
	r.x, r.held = x, group
	return nil
}
