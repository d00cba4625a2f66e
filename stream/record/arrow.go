package record

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gyrus-bci/gyrus/ingest/arrowfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// file is what a sink writes to.
type file interface {
	io.WriteCloser
	Sync() error
}

// counted counts what is written to a file.
type counted struct {
	file
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.file.Write(p)
	c.n += int64(n)
	return n, err
}

// arrowSink is the files of Arrow.
type arrowSink struct {
	rate float64
	out  *arrowfile.Writer
	held signal.Chunk // samples for the next batch; those of one run
	slab [][]float64

	decisions, clocks, logs *table
	files                   []*counted
}

// newArrow makes the files. What was made is in the sink, also where an error is returned.
func newArrow(create func(string) (file, error), names fileNames, opt Options) (sink, error) {
	s := &arrowSink{rate: opt.Info.Rate, slab: make([][]float64, len(opt.Info.Channels))}
	open := func(name string) (*counted, error) {
		f, err := create(name)
		if err != nil {
			return nil, err
		}
		c := &counted{file: f}
		s.files = append(s.files, c)
		return c, nil
	}
	f, err := open(names.samples)
	if err != nil {
		return s, err
	}
	if s.out, err = arrowfile.NewLiveWriter(f, opt.Info); err != nil {
		return s, err
	}
	if f, err = open(names.clock); err != nil {
		return s, err
	}
	if s.clocks, err = newTable(f, clockSchema); err != nil {
		return s, err
	}
	if f, err = open(names.log); err != nil {
		return s, err
	}
	if s.logs, err = newTable(f, logSchema); err != nil {
		return s, err
	}
	if opt.Outputs == nil {
		return s, nil
	}
	if f, err = open(names.decisions); err != nil {
		return s, err
	}
	s.decisions, err = newTable(f, decisionSchema(opt.Outputs, decisionVersion))
	return s, err
}

// samples collects up to a second of one run, and writes what is complete.
func (s *arrowSink) samples(c signal.Chunk) error {
	n := s.slabLen()
	if n > 0 && (c.Start != s.held.Start+int64(n) || float64(n) >= s.rate) {
		if err := s.batch(); err != nil {
			return err
		}
		n = 0
	}
	if n == 0 {
		s.held = signal.Chunk{Info: c.Info, Start: c.Start, Time: c.Time}
	}
	for ch, x := range c.X {
		s.slab[ch] = append(s.slab[ch], x...)
	}
	for _, e := range c.Late { // its sample may wait here
		if e.Sample < s.held.Start {
			s.held.Late = inserted(s.held.Late, e)
		} else {
			s.held.Events = inserted(s.held.Events, e)
		}
	}
	s.held.Events = append(s.held.Events, c.Events...)
	return nil
}

func (s *arrowSink) slabLen() int { return len(s.slab[0]) }

func (s *arrowSink) batch() error {
	if s.slabLen() == 0 {
		return nil
	}
	// What was left out live must be known of all samples that are there.
	if err := s.logs.flush(); err != nil {
		return err
	}
	s.held.X = s.slab
	if err := s.out.Write(s.held); err != nil {
		return err
	}
	for ch := range s.slab {
		s.slab[ch] = s.slab[ch][:0]
	}
	s.held = signal.Chunk{}
	return nil
}

// unwritten is what was taken and is not in the files.
func (s *arrowSink) unwritten() Stats {
	lost := Stats{Samples: int64(s.slabLen()), Events: int64(len(s.held.Late) + len(s.held.Events)), Entries: int64(s.logs.n)}
	if s.decisions != nil {
		lost.Decisions = int64(s.decisions.n)
	}
	return lost
}

func (s *arrowSink) decision(d Decision) error {
	if s.decisions == nil {
		return errors.New("decisions come, and the recording was begun without outputs")
	}
	return s.decisions.add(decisionRow(d)...)
}

func (s *arrowSink) clock(c Clock) error { return s.clocks.add(clockRow(c)...) }

func (s *arrowSink) log(e Entry) error {
	row, err := logRow(e)
	if err != nil {
		return err
	}
	return s.logs.add(row...)
}

func (s *arrowSink) flush() error {
	err := errors.Join(s.logs.flush(), s.batch(), s.clocks.flush())
	if s.decisions != nil {
		err = errors.Join(err, s.decisions.flush())
	}
	return err
}

func (s *arrowSink) sync() error {
	var all error
	for _, f := range s.files {
		all = errors.Join(all, f.Sync())
	}
	return all
}

func (s *arrowSink) close() error {
	var err error
	if s.out != nil {
		err = s.out.Close()
	}
	for _, t := range []*table{s.clocks, s.logs, s.decisions} {
		if t != nil {
			err = errors.Join(err, t.close())
		}
	}
	for _, f := range s.files {
		err = errors.Join(err, f.Sync(), f.Close())
	}
	return err
}

func (s *arrowSink) written() (n int64) {
	for _, f := range s.files {
		n += f.n
	}
	return n
}

// The columns of NAME.decisions.arrow.
const (
	colStart = iota
	colEnd
	colSampleNS
	colArrivedNS
	colDecidedNS
	colKind
	colLabel
	colConfidence
	colRejected
	colModel
	colFate
	colSeq
	colValues // and one for each output
)

// decisionSchema is the columns in a version of the layout: the first had neither fate nor seq.
func decisionSchema(outputs []string, version string) *arrow.Schema {
	fields := []arrow.Field{
		colStart:      {Name: "start", Type: arrow.PrimitiveTypes.Int64},
		colEnd:        {Name: "end", Type: arrow.PrimitiveTypes.Int64},
		colSampleNS:   {Name: "t_sample_ns", Type: arrow.PrimitiveTypes.Int64},
		colArrivedNS:  {Name: "t_arrived_ns", Type: arrow.PrimitiveTypes.Int64},
		colDecidedNS:  {Name: "t_decided_ns", Type: arrow.PrimitiveTypes.Int64},
		colKind:       {Name: "kind", Type: arrow.BinaryTypes.String},
		colLabel:      {Name: "label", Type: arrow.BinaryTypes.String},
		colConfidence: {Name: "confidence", Type: arrow.PrimitiveTypes.Float64},
		colRejected:   {Name: "rejected", Type: arrow.BinaryTypes.String},
		colModel:      {Name: "model_sha256", Type: arrow.BinaryTypes.String},
		colFate:       {Name: "fate", Type: arrow.BinaryTypes.String},
		colSeq:        {Name: "seq", Type: arrow.PrimitiveTypes.Int64},
	}
	if version == decisionsWithoutFate {
		fields = fields[:colFate]
	}
	for _, o := range outputs {
		fields = append(fields, arrow.Field{Name: valuePrefix + o, Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	md := arrow.NewMetadata([]string{schemaKey}, []string{version})
	return arrow.NewSchema(fields, &md)
}

const (
	valuePrefix = "value_"
	schemaKey   = "gyrus_decisions" // of the version of the layout

	decisionVersion      = "2"
	decisionsWithoutFate = "1"
)

func decisionRow(d Decision) []any {
	row := []any{d.Start, d.End, d.TSample, d.TArrived, d.TDecided, d.Kind, d.Label, d.Confidence, d.Rejected, d.Model, string(d.Fate), int64(d.Seq)}
	for _, v := range d.Values {
		row = append(row, v)
	}
	return row
}

// clockSchema is the columns of NAME.clock.arrow. What is not known is null.
var clockSchema = func() *arrow.Schema {
	fields := []arrow.Field{
		{Name: "time_ns", Type: arrow.PrimitiveTypes.Int64},
		{Name: "stream", Type: arrow.BinaryTypes.String},
		{Name: "state", Type: arrow.BinaryTypes.String},
	}
	for _, name := range []string{"offset_s", "offset_err_s", "drift_ppm", "jitter_s", "rate_hz", "age_s"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	for _, name := range []string{"samples", "lost", "suspected", "dropped", "jumps", "recoveries", "unstamped"} {
		fields = append(fields, arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64})
	}
	return arrow.NewSchema(fields, nil)
}()

func clockRow(c Clock) []any {
	return []any{
		c.Time, c.Stream, string(c.State), c.OffsetS, c.OffsetErrS, c.DriftPPM, c.JitterS, c.RateHz, c.AgeS,
		int64(c.Samples), int64(c.Lost), int64(c.Suspected), int64(c.Dropped), int64(c.Jumps), int64(c.Recoveries), int64(c.Unstamped),
	}
}

// table is an Arrow stream that grows by rows.
type table struct {
	w      *ipc.Writer
	b      *array.RecordBuilder
	n      int  // rows that are not written
	failed bool // a write failed: what stood behind half a batch could not be found
}

// newTable writes the schema at once, so that a table without rows is one.
func newTable(w io.Writer, schema *arrow.Schema) (*table, error) {
	t := &table{w: ipc.NewWriter(w, ipc.WithSchema(schema)), b: array.NewRecordBuilder(memory.DefaultAllocator, schema)}
	empty := t.b.NewRecord()
	defer empty.Release()
	return t, t.w.Write(empty)
}

// add appends a row; values that are missing at its end, and numbers that are NaN where the column may be null, are null.
func (t *table) add(row ...any) error {
	for k, f := range t.b.Fields() {
		if k >= len(row) {
			f.AppendNull()
			continue
		}
		switch v := row[k].(type) {
		case int64:
			f.(*array.Int64Builder).Append(v)
		case string:
			f.(*array.StringBuilder).Append(v)
		case float64:
			if v != v && t.b.Schema().Field(k).Nullable {
				f.AppendNull()
			} else {
				f.(*array.Float64Builder).Append(v)
			}
		default:
			return fmt.Errorf("column %q: a value of type %T", t.b.Schema().Field(k).Name, v)
		}
	}
	if len(row) > len(t.b.Fields()) {
		return fmt.Errorf("a row of %d values, the table has %d columns", len(row), len(t.b.Fields()))
	}
	t.n++
	return nil
}

func (t *table) flush() error {
	if t.n == 0 || t.failed {
		return nil
	}
	rec := t.b.NewRecord()
	defer rec.Release()
	if err := t.w.Write(rec); err != nil {
		t.failed = true
		return err
	}
	t.n = 0
	return nil
}

func (t *table) close() error {
	defer t.b.Release()
	if t.failed {
		return nil // flush has said so
	}
	return errors.Join(t.flush(), t.w.Close())
}
