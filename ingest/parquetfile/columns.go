package parquetfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// batcher is what the readers of columns of one type have in common. They read in this goroutine, so that what the library
// cannot take in a damaged file is an error here and not the end of the program.
type batcher[T any] interface {
	ReadBatch(batch int64, values []T, def, rep []int16) (total int64, read int, err error)
}

// leaf is a leaf column of a row group: its values that are not null, and the levels of all of them.
type leaf[T any] struct {
	values   []T
	def, rep []int16
	maxDef   int16
}

// readLeaf reads leaf column k of a row group.
func readLeaf[T any](f *file.Reader, group, k int) (l leaf[T], err error) {
	g := f.RowGroup(group)
	if n := f.MetaData().Schema.NumColumns(); k >= n {
		return l, fmt.Errorf("column %d of %d", k, n)
	}
	col, err := g.Column(k)
	if err != nil {
		return l, err
	}
	name := col.Descriptor().Path()
	in, ok := col.(batcher[T])
	if !ok {
		return l, fmt.Errorf("column %s is of type %s", name, col.Type())
	}
	l.maxDef = col.Descriptor().MaxDefinitionLevel()
	batch := max(1, min(g.NumRows(), 1<<14))
	values, def, rep := make([]T, batch), make([]int16, batch), make([]int16, batch)
	for col.HasNext() {
		total, read, err := in.ReadBatch(batch, values, def, rep)
		if err != nil {
			return l, fmt.Errorf("column %s: %w", name, err)
		}
		if total == 0 && read == 0 {
			break
		}
		if texts, ok := any(values[:read]).([]parquet.ByteArray); ok {
			for i, b := range texts { // they lie in a page, whose memory is used again for the next
				texts[i] = bytes.Clone(b)
			}
		}
		l.values = append(l.values, values[:read]...)
		l.def, l.rep = append(l.def, def[:total]...), append(l.rep, rep[:total]...)
	}
	if err := col.Err(); err != nil {
		return l, fmt.Errorf("column %s: %w", name, err)
	}
	return l, nil
}

// plain is a column of one value to a row without nulls.
func plain[T any](f *file.Reader, group, k int) ([]T, error) {
	l, err := readLeaf[T](f, group, k)
	if err != nil {
		return nil, err
	}
	if rows := f.RowGroup(group).NumRows(); int64(len(l.values)) != rows {
		return nil, fmt.Errorf("column %s has %d values in %d rows, must have one in each", f.MetaData().Schema.Column(k).Path(), len(l.values), rows)
	}
	return l.values, nil
}

func integers(f *file.Reader, group, k int) ([]int64, error) { return plain[int64](f, group, k) }
func floats(f *file.Reader, group, k int) ([]float64, error) { return plain[float64](f, group, k) }

// readEvents reads the three leaves of the lists of events from column k on: label, onset_s and duration_s. A level of
// repetition of 0 begins the list of the next row; a level of definition below that of the elements is an empty list.
func readEvents(f *file.Reader, group, k int, sample []int64) (events []signal.Event, err error) {
	label, err := readLeaf[parquet.ByteArray](f, group, k)
	if err != nil {
		return nil, err
	}
	onset, err := readLeaf[float64](f, group, k+1)
	if err != nil {
		return nil, err
	}
	duration, err := readLeaf[float64](f, group, k+2)
	if err != nil {
		return nil, err
	}
	element := int16(1) // the level of definition from which on there is an element
	if root := f.MetaData().Schema.ColumnRoot(k); root.RepetitionType() == parquet.Repetitions.Optional {
		element = 2
	}
	row, n := -1, 0
	for i, d := range label.def {
		if label.rep[i] == 0 {
			row++
		}
		if d < element {
			continue
		}
		if d < label.maxDef {
			return nil, fmt.Errorf("row %d: the label of an event is null", row)
		}
		if n++; n > len(label.values) || n > len(onset.values) || n > len(duration.values) || row < 0 || row >= len(sample) {
			return nil, fmt.Errorf("row %d: an event or one of its fields is null, must have label, onset_s and duration_s", row)
		}
		events = append(events, signal.Event{
			Sample: sample[row], Onset: onset.values[n-1], Duration: duration.values[n-1], Label: strings.ToValidUTF8(string(label.values[n-1]), "\uFFFD"),
		})
	}
	if n != len(onset.values) || n != len(duration.values) {
		return nil, fmt.Errorf("%d events with %d onsets and %d durations", n, len(onset.values), len(duration.values))
	}
	return events, nil
}
