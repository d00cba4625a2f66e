package parquetfile

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/parquet"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/tablefile"
)

// groupBytes is the most that the samples of a row group take in memory.
const groupBytes = 16 << 20

// Write writes rec but for its Others. No row group reaches over a gap.
func Write(w io.Writer, rec *signal.Recording) error {
	schema, _, err := tablefile.Schema(rec, nil)
	if err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return write(w, rec, schema)
}

func write(w io.Writer, rec *signal.Recording, schema *arrow.Schema) error {
	md := schema.Metadata()
	var metadata [][2]string
	for k, key := range md.Keys() {
		metadata = append(metadata, [2]string{key, md.Values()[k]})
	}
	_, message, err := arrowipc.NewEncoder(schema)
	if err != nil {
		return err
	}
	metadata = append(metadata, [2]string{schemaKey, base64.StdEncoding.EncodeToString(message)})
	chs := len(rec.Info.Channels)
	if chs > 0 {
		text, err := channels(rec.Info, schema)
		if err != nil {
			return fmt.Errorf("parquet: %s: %w", channelsKey, err)
		}
		metadata = append(metadata, [2]string{channelsKey, text})
	}
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
	if chs == 0 { // which cannot be played
		return out.Close()
	}
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

// channel says in JSON what the field of a column says of its channel in the Arrow schema.
type channel struct {
	Column   string           `json:"column"`
	Name     string           `json:"name"`
	Original string           `json:"original"`
	Kind     signal.Kind      `json:"kind"`
	Unit     signal.Unit      `json:"unit"`
	Position *signal.Position `json:"position,omitempty"` // metres; absent where unknown
	Status   string           `json:"status,omitempty"`   // bad; absent for channels that nobody found bad
}

// channels is a list of them, in the order of the columns.
func channels(info *signal.Info, schema *arrow.Schema) (string, error) {
	list := make([]channel, len(info.Channels))
	for k, c := range info.Channels {
		list[k] = channel{Column: schema.Field(k).Name, Name: c.Name, Original: c.Original, Kind: c.Kind, Unit: c.Unit, Position: c.Pos}
		list[k].Status, _ = schema.Field(k).Metadata.GetValue("status")
	}
	text, err := json.Marshal(list)
	return string(text), err
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

// writeFile writes a file with write, and others beside it, and lists what is not in them.
func writeFile(create ingest.Create, name string, rec *signal.Recording) ([]signal.Deviation, error) {
	losses, err := tablefile.Write(create, name, rec, write)
	if err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	return losses, nil
}
