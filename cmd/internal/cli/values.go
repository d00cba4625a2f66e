package cli

import (
	"encoding/csv"
	"errors"
	"io"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// newLines is CSV for what p predicts.
func newLines(w io.Writer, p *pipeline.Pipeline) writer {
	if p.Target() == nil {
		return newCSV(w, p.Classes())
	}
	c := &valueLines{w: csv.NewWriter(w), outputs: len(p.Outputs())}
	c.line = append(c.line, "recording", "start", "end", "end_s")
	for _, name := range p.Outputs() {
		c.line = append(c.line, "value_"+name)
	}
	_ = c.w.Write(append(c.line, "rejected")) // a failure stays with the csv.Writer and comes out of end
	return c
}

// valueLines writes the values of a continuous decoder as comma-separated values (RFC 4180).
type valueLines struct {
	w       *csv.Writer
	outputs int
	line    []string
}

func (c *valueLines) put(rec string, rate float64, p *pipeline.Prediction) error {
	exact := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	c.line = append(c.line[:0], rec, strconv.FormatInt(p.Start, 10), strconv.FormatInt(p.End, 10), exact(float64(p.End)/rate))
	if p.Rejected == "" {
		for _, v := range p.Value {
			c.line = append(c.line, exact(v))
		}
	} else {
		c.line = append(c.line, make([]string, c.outputs)...)
	}
	return c.w.Write(append(c.line, p.Rejected))
}

func (c *valueLines) end() error {
	c.w.Flush()
	return c.w.Error()
}

// putValue writes one window of a continuous decoder.
func (j jsonLines) putValue(rec string, rate float64, p *pipeline.Prediction) error {
	value := map[string]float64{}
	for k, v := range p.Value {
		value[j.outputs[k]] = v
	}
	return j.enc.Encode(struct {
		Recording string             `json:"recording"`
		Start     int64              `json:"start"`
		End       int64              `json:"end"`
		EndS      float64            `json:"end_s"`
		Value     map[string]float64 `json:"value"`
		Rejected  string             `json:"rejected,omitempty"`
	}{rec, p.Start, p.End, float64(p.End) / rate, value, p.Rejected})
}

// valueArrow writes the values of a continuous decoder as an Arrow IPC stream, in batches of batchRows.
type valueArrow struct {
	w *ipc.Writer
	b *array.RecordBuilder
	n int
}

func newValueArrow(w io.Writer, outputs []string) writer {
	fields := []arrow.Field{
		{Name: "recording", Type: arrow.BinaryTypes.String},
		{Name: "start", Type: arrow.PrimitiveTypes.Int64},
		{Name: "end", Type: arrow.PrimitiveTypes.Int64},
		{Name: "end_s", Type: arrow.PrimitiveTypes.Float64},
		{Name: "rejected", Type: arrow.BinaryTypes.String, Nullable: true}, // why the window was not decoded
	}
	for _, name := range outputs {
		fields = append(fields, arrow.Field{Name: "value_" + name, Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	return &valueArrow{w: ipc.NewWriter(w, ipc.WithSchema(schema)), b: array.NewRecordBuilder(memory.DefaultAllocator, schema)}
}

func (a *valueArrow) put(rec string, rate float64, p *pipeline.Prediction) error {
	a.b.Field(0).(*array.StringBuilder).Append(rec)
	a.b.Field(1).(*array.Int64Builder).Append(p.Start)
	a.b.Field(2).(*array.Int64Builder).Append(p.End)
	a.b.Field(3).(*array.Float64Builder).Append(float64(p.End) / rate)
	if p.Rejected == "" {
		a.b.Field(4).AppendNull()
		for k, v := range p.Value {
			a.b.Field(5 + k).(*array.Float64Builder).Append(v)
		}
	} else {
		a.b.Field(4).(*array.StringBuilder).Append(p.Rejected)
		for _, f := range a.b.Fields()[5:] {
			f.AppendNull()
		}
	}
	if a.n++; a.n < batchRows {
		return nil
	}
	return a.batch()
}

func (a *valueArrow) batch() error {
	a.n = 0
	rec := a.b.NewRecord()
	defer rec.Release()
	return a.w.Write(rec)
}

func (a *valueArrow) end() error {
	defer a.b.Release()
	return errors.Join(a.batch(), a.w.Close())
}
