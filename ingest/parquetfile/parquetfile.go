// Package parquetfile reads and writes recordings as Parquet (https://parquet.apache.org/docs/file-format/), in the layout of
// signal.Schema: a column of float64 for each channel with unit, kind, original name and position in the metadata of its
// field; sample and time_ns; the events of each sample. Rate and reference are in the metadata of the schema, which the file
// keeps under the key ARROW:schema, and channels, a JSON list of what the fields say. pyarrow, polars and DuckDB read such a file as it is; docs/formats/parquet.md says how to
// write one with other programs.
//
// Opening reads sample, time_ns and events; channels are read when they are asked for, and of each no more than a page is held.
// gyrus begins a new row group behind a gap; others may write gaps inside one. A file without the schema of gyrus, or one that
// was cut off (the description of a Parquet file stands at its end), is an *ingest.FormatError. What is read of the format, and
// how much memory a damaged file can take, is said in package parquet.
package parquetfile

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/parquet"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/tablefile"
)

func init() {
	ingest.Register(ingest.Format{
		Name: "parquet", Ext: []string{".parquet"}, OpenIn: OpenIn,
		Match: func(head []byte) bool {
			return bytes.HasPrefix(head, []byte(parquet.Magic)) || bytes.HasPrefix(head, []byte(parquet.Encrypted))
		},
	})
	ingest.RegisterWriter(ingest.Writer{Name: "parquet", Ext: []string{".parquet"}, Write: writeFile})
}

// schemaKey is the key under which writers of Arrow keep the schema, as a message of Arrow IPC in base64.
const schemaKey = "ARROW:schema"

// channelsKey is that of a JSON list of what the fields of the channels say in the Arrow schema, for programs that do not read it, such as
// those of SQL. It is written and not read: where others have changed one of the two, the Arrow schema holds.
const channelsKey = "channels"

// batch is one run of samples in one row group.
type batch struct {
	signal.Span
	group int
	row   int64 // in the group, of the first
}

// reader reads samples.
type reader struct {
	name    string
	info    *signal.Info
	batches []batch
	cursors []*parquet.Cursor // of the channels
	held    int64             // bytes of memory that they take
	most    int64             // that they may keep
}

// OpenIn reads all but the samples of f, and of the files beside it in fsys that it names. It owns f from now on and closes it, also
// when it fails.
func OpenIn(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	return tablefile.Open(fsys, f, name, open)
}

func open(f ingest.File, name string) (*signal.Recording, *tablefile.Metadata, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	p, err := parquet.Open(io.NewSectionReader(f, 0, st.Size()), st.Size(), name)
	if err != nil {
		return nil, nil, err
	}
	schema, err := schemaOf(p)
	if err != nil {
		return nil, nil, p.Errorf("metadata", "%w: not samples of gyrus; docs/formats/parquet.md says what others must write", err)
	}
	in := index{p: p, labels: map[string]string{}, most: 4096 + st.Size()/runBytes}
	var md *tablefile.Metadata
	if in.info, md, err = tablefile.Read(schema, &in.events); err != nil {
		return nil, nil, p.Errorf("metadata", "%w; docs/formats/parquet.md says what others must write", err)
	}
	if err := checkColumns(p, schema); err != nil {
		return nil, nil, p.Errorf("schema", "%w", err)
	}
	outside := in.events.Len() > 0
	if in.c = p.Cursor(0); len(in.info.Channels) > 0 {
		for g := range p.Groups() {
			if err := in.group(g); err != nil {
				return nil, nil, err
			}
		}
	} else if p.Groups() > 0 {
		return nil, nil, p.Errorf("footer", "%d row groups without channels: a recording of events alone has none", p.Groups())
	}
	r := &reader{name: name, info: in.info, batches: in.batches, most: 2*st.Size() + 64<<20}
	rec := &signal.Recording{Name: name, Format: "Parquet", Begin: md.Begin, Info: r.info, Data: r, Events: in.events.Slice(), Texts: md.Texts, Deviations: md.Deviations}
	if in.lost > 0 {
		rec.Deviations = append(rec.Deviations, signal.Deviation{
			Where: fmt.Sprintf("events of %d of %d row groups", in.lost, p.Groups()), Rule: "events can be read", Found: in.why.Error(), Assumed: "the events of these row groups are left out", Missing: true,
		})
	}
	if outside {
		slices.SortStableFunc(rec.Events, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	}
	if len(r.info.Channels) == 0 {
		rec.Data = signal.Memory{}
	}
	for _, b := range r.batches {
		if k := len(rec.Spans); k > 0 && rec.Spans[k-1].End() == b.Start {
			rec.Spans[k-1].Len += b.Len
		} else {
			rec.Spans = append(rec.Spans, b.Span)
		}
		rec.Len = b.End()
	}
	if len(rec.Spans) == 1 && rec.Spans[0].Start == 0 {
		rec.Spans = nil
	}
	if in.first >= 1e15 || in.first <= -1e15 { // days off: a date, not the time from a start
		rec.Begin = time.Unix(0, in.first).UTC()
	}
	for ch := range r.info.Channels {
		r.cursors = append(r.cursors, p.Cursor(ch))
	}
	return rec, md, nil
}

// schemaOf is the Arrow schema that the file keeps, with the metadata of the file where it has none of its own.
func schemaOf(p *parquet.File) (*arrow.Schema, error) {
	var stored []byte
	p.Values(func(key, value []byte) {
		if string(key) == schemaKey {
			stored = value
		}
	})
	if stored == nil {
		return nil, fmt.Errorf("the file has no %s", schemaKey)
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(stored)))
	n, err := base64.StdEncoding.Decode(data, stored)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", schemaKey, err)
	}
	m, err := arrowipc.Parse(data[:n])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", schemaKey, err)
	}
	schema, err := m.Schema()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", schemaKey, err)
	}
	if md := schema.Metadata(); md.Len() > 0 {
		return schema, nil
	}
	var keys, values []string
	p.Values(func(key, value []byte) {
		if string(key) != schemaKey {
			keys, values = append(keys, string(key)), append(values, string(value))
		}
	})
	of := arrow.NewMetadata(keys, values)
	return arrow.NewSchema(schema.Fields(), &of), nil
}

// checkColumns compares what lies in the file with the schema, which tablefile.Read has accepted.
func checkColumns(p *parquet.File, schema *arrow.Schema) error {
	flat := schema.NumFields() - 1
	if n := flat + 3; len(p.Columns) != n {
		return fmt.Errorf("%d columns of values, must be %d: those of %s, and three in its events", len(p.Columns), n, schemaKey)
	}
	for k := range flat {
		c, want := &p.Columns[k], parquet.Double
		if k >= flat-2 {
			want = parquet.Int64
		}
		if c.Name != schema.Field(k).Name || c.Type != want || !c.Flat() {
			return fmt.Errorf("column %d is %q of type %s in %d lists, must be %q of type %s in none", k, c.Name, c.Type, c.MaxRep, schema.Field(k).Name, want)
		}
	}
	for k, want := range []parquet.Type{parquet.ByteArray, parquet.Double, parquet.Double} {
		if c := &p.Columns[flat+k]; c.Type != want || c.MaxRep != 1 {
			return fmt.Errorf("column %d is %q of type %s in %d lists, must be of type %s in one", flat+k, c.Name, c.Type, c.MaxRep, want)
		}
	}
	return nil
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
		from := start + done - b.Start
		m := min(n-done, b.Len-from)
		for ch := range dst {
			if err := r.channel(ch, dst[ch][done:done+m], b.group, b.row+from); err != nil {
				return err
			}
		}
		done += m
	}
	return nil
}

// channel reads rows of a row group.
func (r *reader) channel(ch int, dst []float64, group int, row int64) error {
	c := r.cursors[ch]
	before := c.Held()
	var err error
	if c.Group() != group {
		err = c.Open(group)
	}
	if err == nil {
		err = c.To(row)
	}
	if err == nil {
		err = c.Floats(dst)
	}
	if r.held += c.Held() - before; err != nil || r.held > r.most {
		r.held -= c.Held()
		c.Release()
	}
	return err
}
