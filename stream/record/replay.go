package record

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Recorded is a recording that was read back.
type Recorded struct {
	Samples   *signal.Recording
	Outputs   []string        // classes or quantities, nil where nothing was decoded
	Decisions []Decision      // in the order they were made
	Log       []Entry         // in the order it happened; nil where the version that recorded wrote none
	About     json.RawMessage // NAME.json, nil where there is none
	Closed    bool            // no file was cut off
	// LogUntil is the sample up to which the log is known: a later one than any where the log was not cut. One that only was not closed, as
	// the other files were not, lacks no more than they do.
	LogUntil int64
	// Deviations is what is missing at the ends of the files beside the samples.
	Deviations []signal.Deviation
}

// Close closes the samples.
func (r *Recorded) Close() error { return r.Samples.Close() }

// UnfitError is a file that is there, and of a kind that cannot be run again.
type UnfitError struct{ Path, Why string }

func (e *UnfitError) Error() string { return e.Path + ": " + e.Why }

// Open reads the recording called path, of Arrow files. The decisions and the description may be missing. What cannot be run again is
// an *UnfitError.
func Open(path string) (*Recorded, error) {
	names, isXDF := files(path)
	if isXDF {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		return nil, &UnfitError{path, "a session that was recorded as .xdf cannot be replayed, since the windows of its decisions cannot be found again there with certainty; record to .arrow (record: {file: run1.arrow}) what is to be replayed"}
	}
	rec, err := ingest.Open(os.DirFS(filepath.Dir(names.samples)), filepath.Base(names.samples))
	if errors.Is(err, fs.ErrNotExist) && names.samples != path {
		if _, there := os.Stat(path); there == nil {
			return nil, &UnfitError{path, "is no recording of a session, and there is no " + names.samples + "; replay takes the .arrow file that a session wrote (record: {file: run1.arrow}), with the others of that name beside it"}
		}
	}
	if err != nil {
		return nil, err
	}
	r := &Recorded{Samples: rec, LogUntil: math.MaxInt64}
	version := ""
	for _, t := range []struct {
		name  string
		check func(*arrow.Schema) error
		rows  func(arrow.RecordBatch) error
	}{
		{names.decisions, func(s *arrow.Schema) error { version, err = r.checkDecisions(s); return err }, func(rows arrow.RecordBatch) error { r.rows(rows, version); return nil }},
		{names.log, checkLog, r.logRows},
	} {
		others := len(r.Deviations)+len(rec.Deviations) == 0
		left, err := r.readTable(t.name, t.check, t.rows)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, rec.Close())
		}
		if t.name == names.log && (left > 0 || left == 0 && others) { // the log is the last
			r.LogUntil = 0
			for _, e := range r.Log {
				r.LogUntil = max(r.LogUntil, e.Sample)
			}
		}
	}
	r.Closed = len(r.Deviations)+len(rec.Deviations) == 0
	about := names.about
	if r.About, err = os.ReadFile(about); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, rec.Close())
	}
	if r.About != nil && !json.Valid(r.About) {
		return nil, errors.Join(fmt.Errorf("%s: is not JSON: it was altered; move it away to read the recording without it", about), rec.Close())
	}
	return r, nil
}

// readTable reads the rows of all whole batches of a file that check finds to be the right one. left is how many bytes behind them cannot
// be read, -1 of a file that was closed.
func (r *Recorded) readTable(name string, check func(*arrow.Schema) error, rows func(arrow.RecordBatch) error) (left int, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return -1, err
	}
	m, at, err := next(data, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: byte 0: %w", name, err)
	}
	schema, err := m.Schema()
	if err == nil {
		err = check(schema)
	}
	if err != nil {
		return -1, fmt.Errorf("%s: byte 0: %w", name, err)
	}
	return r.readBatches(name, data, at, schema, rows), nil
}

// readBatches reads the rows of all whole batches from data[at] on, and lists what is behind them: so many bytes, -1 where the file was closed.
func (r *Recorded) readBatches(name string, data []byte, at int, schema *arrow.Schema, take func(arrow.RecordBatch) error) (left int) {
	for {
		rows, end, found := nextRows(data, at, schema)
		if rows == nil && found == nil {
			return -1
		}
		if found == nil {
			found = take(rows)
		}
		if found != nil { // what was written before is whole
			r.Deviations = append(r.Deviations, signal.Deviation{
				Where: fmt.Sprintf("%s: byte %d", filepath.Base(name), at), Rule: "a stream is whole messages and the mark of the end",
				Found: found.Error(), Assumed: fmt.Sprintf("the rows are read up to here, %d bytes are not", len(data)-at),
			})
			return len(data) - at
		}
		at = end
	}
}

// nextRows is the batch that begins at data[at], nil for the mark of the end.
func nextRows(data []byte, at int, schema *arrow.Schema) (arrow.RecordBatch, int, error) {
	m, end, err := next(data, at)
	if err != nil || m.Kind == arrowipc.EndKind {
		return nil, end, err
	}
	rows, err := m.Table(schema)
	return rows, end, err
}

// next is the message that begins at data[at], and where it ends.
func next(data []byte, at int) (m arrowipc.Message, end int, err error) {
	if len(data)-at < 8 {
		return m, at, fmt.Errorf("%d bytes are left, a message has at least 8", len(data)-at)
	}
	head := int64(int32(binary.LittleEndian.Uint32(data[at+4:])))
	if head == 0 {
		m, err = arrowipc.Parse(data[at : at+8])
		return m, at + 8, err
	}
	left := int64(len(data) - at - 8)
	if head < 0 || head > left {
		return m, at, fmt.Errorf("a message with a header of %d bytes, %d are left", head, left)
	}
	_, body, err := arrowipc.ParseHeader(data[at+8:][:head])
	if err != nil {
		return m, at, err
	}
	if body > left-head {
		return m, at, fmt.Errorf("a message with a body of %d bytes, %d are left", body, left-head)
	}
	end = at + 8 + int(head+body)
	m, err = arrowipc.Parse(data[at:end])
	return m, end, err
}

// checkDecisions says in which version of the layout decisions are.
func (r *Recorded) checkDecisions(s *arrow.Schema) (string, error) {
	md := s.Metadata()
	v, _ := md.GetValue(schemaKey)
	if v != decisionVersion && v != decisionsWithoutFate {
		return v, fmt.Errorf("metadata %s is %q, must be \"1\" or \"2\": no decisions of gyrus, or of a newer version", schemaKey, v)
	}
	for _, f := range s.Fields() {
		if o, is := strings.CutPrefix(f.Name, valuePrefix); is {
			r.Outputs = append(r.Outputs, o)
		}
	}
	return v, checkColumns(s, decisionSchema(r.Outputs, v))
}

func checkLog(s *arrow.Schema) error {
	md := s.Metadata()
	if v, _ := md.GetValue(logKey); v != "1" {
		return fmt.Errorf("metadata %s is %q, must be \"1\": no log of gyrus, or of a newer version", logKey, v)
	}
	return checkColumns(s, logSchema)
}

func checkColumns(s, want *arrow.Schema) error {
	for k, f := range want.Fields() {
		if k >= s.NumFields() || s.Field(k).Name != f.Name || !arrow.TypeEqual(s.Field(k).Type, f.Type) {
			return fmt.Errorf("column %d must be %q of type %s", k, f.Name, f.Type)
		}
	}
	return nil
}

// copied is a text of a table, which may be gone when the table is.
func copied(rec arrow.RecordBatch, k, i int) string {
	return strings.Clone(rec.Column(k).(*array.String).Value(i))
}

func (r *Recorded) rows(rec arrow.RecordBatch, version string) {
	whole := func(k, i int) int64 { return rec.Column(k).(*array.Int64).Value(i) }
	text := func(k, i int) string { return copied(rec, k, i) }
	values := colValues
	if version == decisionsWithoutFate {
		values = colFate
	}
	for i := range int(rec.NumRows()) { // a null text is empty, a null number 0: none are written
		d := Decision{
			Start: whole(colStart, i), End: whole(colEnd, i), TSample: whole(colSampleNS, i), TArrived: whole(colArrivedNS, i), TDecided: whole(colDecidedNS, i),
			Kind: text(colKind, i), Label: text(colLabel, i), Confidence: rec.Column(colConfidence).(*array.Float64).Value(i),
			Rejected: text(colRejected, i), Model: text(colModel, i),
		}
		if version != decisionsWithoutFate {
			d.Fate, d.Seq = Fate(text(colFate, i)), uint64(whole(colSeq, i))
		}
		for k := range r.Outputs {
			if col := rec.Column(values + k).(*array.Float64); !col.IsNull(i) {
				d.Values = append(d.Values, col.Value(i))
			}
		}
		r.Decisions = append(r.Decisions, d)
	}
}

// Of is the decision in p: what a session makes a command of.
func Of(p *pipeline.Prediction) Decision {
	d := Decision{Start: p.Start, End: p.End, TSample: p.Time, Kind: "class", Label: p.Decision, Confidence: p.Sure, Values: p.Scores, Rejected: p.Rejected}
	if p.Decision == "" {
		d.Kind = "none"
	}
	if len(p.Value) > 0 {
		d.Kind, d.Values = "continuous", p.Value
	}
	return d
}

// Align puts the values of decisions, one for each of from, into the order of to. Where the names are not the same there is
// nothing to compare: the values are left out.
func Align(decisions []Decision, from, to []string) {
	if slices.Equal(from, to) {
		return
	}
	at := make([]int, len(to))
	for k, name := range to {
		at[k] = slices.Index(from, name)
	}
	for i := range decisions {
		d := &decisions[i]
		if len(d.Values) != len(from) || len(from) != len(to) || slices.Contains(at, -1) {
			d.Values = nil
			continue
		}
		values := make([]float64, len(to))
		for k, j := range at {
			values[k] = d.Values[j]
		}
		d.Values = values
	}
}

// Difference is a window that two runs decided differently, or that only one of them had: the other is nil.
type Difference struct {
	Recorded *Decision `json:"recorded"`
	Replayed *Decision `json:"replayed"`
}

// Comparison is two lists of decisions beside each other.
type Comparison struct {
	Windows int `json:"windows"` // that both had
	Exact   int `json:"exact"`   // the same to the last bit: kind, label and values
	Same    int `json:"same"`    // the same kind and label; Exact ones too
	// Differences are the windows that are not the Same, in order of their ends.
	Differences []Difference `json:"differences"`
}

// pairs gives windows in order of their ends: the decisions of both runs, one of them nil where only the other had the window.
func pairs(recorded, replayed []Decision) iter.Seq2[*Decision, *Decision] {
	less := func(a, b *Decision) bool { return a.End < b.End || a.End == b.End && a.Start < b.Start }
	return func(yield func(a, b *Decision) bool) {
		for i, j := 0, 0; i < len(recorded) || j < len(replayed); {
			var a, b *Decision
			if j == len(replayed) || i < len(recorded) && !less(&replayed[j], &recorded[i]) {
				a = &recorded[i]
			}
			if i == len(recorded) || j < len(replayed) && !less(&recorded[i], &replayed[j]) {
				b = &replayed[j]
			}
			if a != nil {
				i++
			}
			if b != nil {
				j++
			}
			if !yield(a, b) {
				return
			}
		}
	}
}

// alike says whether two decisions are the same, and whether they are to the last bit.
func alike(a, b *Decision) (same, exact bool) {
	same = a.Kind == b.Kind && a.Label == b.Label && (a.Rejected == "") == (b.Rejected == "")
	exact = same && slices.EqualFunc(a.Values, b.Values, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
	if a.Kind == "continuous" {
		same = exact // a value is the decision
	}
	return same, exact
}

// Compare holds the decisions of a replay against those that were recorded, window by window.
func Compare(recorded, replayed []Decision) Comparison {
	var c Comparison
	for a, b := range pairs(recorded, replayed) {
		same, exact := false, false
		if a != nil && b != nil {
			c.Windows++
			same, exact = alike(a, b)
		}
		if exact {
			c.Exact++
		}
		if same {
			c.Same++
		} else {
			c.Differences = append(c.Differences, Difference{a, b})
		}
	}
	return c
}

// Unlike is the end of the first window behind the sample from that only one of two runs had, that another model decided, or whose
// decision is not the same to the last bit; math.MaxInt64 where there is none.
func Unlike(recorded, replayed []Decision, from int64) int64 {
	for a, b := range pairs(recorded, replayed) {
		end := cmp.Or(a, b).End
		if end <= from {
			continue
		}
		if a == nil || b == nil || b.Model != "" && a.Model != b.Model { // Replay knows no name of its model
			return end
		}
		if _, exact := alike(a, b); !exact {
			return end
		}
	}
	return math.MaxInt64
}
