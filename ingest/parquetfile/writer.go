package parquetfile

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/parquet"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// groupBytes is the most that the samples of a row group take in memory.
const groupBytes = 16 << 20

// Write writes rec, whose events must lie at samples, and none of its Others. No row group reaches over a gap.
func Write(w io.Writer, rec *signal.Recording) error {
	schema := signal.Schema(rec.Info)
	if _, err := signal.InfoFromSchema(schema); err != nil { // what could not be read
		return err
	}
	_, message, err := arrowipc.NewEncoder(schema)
	if err != nil {
		return err
	}
	md := schema.Metadata()
	var metadata [][2]string
	for k, key := range md.Keys() {
		metadata = append(metadata, [2]string{key, md.Values()[k]})
	}
	metadata = append(metadata, [2]string{schemaKey, base64.StdEncoding.EncodeToString(message)})
	chs := len(rec.Info.Channels)
	var fields []parquet.Field
	for _, f := range schema.Fields()[:chs] {
		fields = append(fields, parquet.Field{Name: f.Name, Type: parquet.Double})
	}
	fields = append(fields,
		parquet.Field{Name: schema.Field(chs).Name, Type: parquet.Int64},
		parquet.Field{Name: schema.Field(chs + 1).Name, Type: parquet.Int64},
		parquet.Field{Name: schema.Field(chs + 2).Name, List: []parquet.Field{
			{Name: "label", Type: parquet.ByteArray}, {Name: "onset_s", Type: parquet.Double}, {Name: "duration_s", Type: parquet.Double},
		}},
	)
	out := parquet.NewWriter(w, fields, metadata)
	n := max(1, groupBytes/8/int64(chs))
	src := ingest.Play(rec, ingest.PlayOptions{Chunk: int(n)})
	for {
		c, err := src.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		if err := c.CheckEvents(); err != nil {
			return fmt.Errorf("parquet: %w", err)
		}
		if c.Len() > 0 {
			writeGroup(out, c)
		}
	}
}

// writeGroup writes a chunk as a row group. The first failure to write is kept until Close.
func writeGroup(out *parquet.Writer, c signal.Chunk) {
	n := c.Len()
	out.Group(int64(n))
	for _, x := range c.X {
		out.Floats(x)
	}
	sample, at := make([]int64, n), make([]int64, n)
	for t := range n {
		sample[t] = c.Start + int64(t)
		at[t] = c.TimeAt(sample[t])
	}
	out.Ints(sample)
	out.Ints(at)
	var row []int64
	var label []string
	var onset, duration []float64
	for _, e := range c.Events {
		row, label = append(row, e.Sample-c.Start), append(label, e.Label)
		onset, duration = append(onset, e.Onset), append(duration, e.Duration)
	}
	out.ListTexts(row, label)
	out.ListFloats(row, onset)
	out.ListFloats(row, duration)
}

// writeFile writes a file with Write, and lists what the format has no place for.
func writeFile(create ingest.Create, name string, rec *signal.Recording) (losses []signal.Deviation, err error) {
	part, losses, err := ingest.AtSamples(rec)
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	w, err := create(name)
	if err != nil {
		return losses, err
	}
	return losses, errors.Join(Write(w, part), w.Close())
}
