package parquetfile

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// groupBytes is the most that the samples of a row group take in memory.
const groupBytes = 16 << 20

// Write writes rec, whose events must lie at samples, and none of its Others. Row groups are compressed with Snappy, and none
// of them reaches over a gap.
func Write(w io.Writer, rec *signal.Recording) error {
	schema := signal.Schema(rec.Info)
	if _, err := signal.InfoFromSchema(schema); err != nil { // what could not be read
		return err
	}
	// A dictionary of samples is larger than the samples.
	props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDictionaryDefault(false), parquet.WithCreatedBy("gyrus"))
	out, err := pqarrow.NewFileWriter(schema, struct{ io.Writer }{w}, props, pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return err
	}
	n := max(1, groupBytes/8/int64(len(rec.Info.Channels)))
	var buf signal.Buffer
	for _, run := range rec.Runs() {
		for at := run.Start; at < run.End(); at += n {
			c := buf.Chunk(rec.Info, at, int(min(n, run.End()-at)))
			if err := rec.Data.ReadSamples(c.X, at); err != nil {
				return err
			}
			if !rec.Begin.IsZero() {
				c.Time = rec.Begin.UnixNano()
			}
			c.Time += int64(math.Round(float64(at) * 1e9 / rec.Info.Rate))
			c.Events = signal.EventsIn(rec.Events, c.Start, c.End())
			if err := c.CheckEvents(); err != nil {
				return fmt.Errorf("parquet: %w", err)
			}
			if err := out.Write(c.RecordWith(schema)); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// writeFile writes a file with Write, and lists what the format has no place for.
func writeFile(create ingest.Create, name string, rec *signal.Recording) (losses []signal.Deviation, err error) {
	if len(rec.Info.Channels) == 0 {
		return nil, fmt.Errorf("parquet: %s has no channels: events are written at samples, and there are none", rec.Name)
	}
	part := *rec
	part.Events = nil
	for _, run := range rec.Runs() {
		part.Events = append(part.Events, signal.EventsIn(rec.Events, run.Start, run.End())...)
	}
	if lost := len(rec.Events) - len(part.Events); lost > 0 {
		losses = append(losses, signal.Deviation{
			Where: "events", Rule: "an event stands at a sample", Found: fmt.Sprintf("%d of %d events outside the data", lost, len(rec.Events)), Assumed: "left out",
		})
	}
	for _, r := range rec.Others {
		losses = append(losses, signal.Deviation{
			Where: fmt.Sprintf("channels at %g Hz", r.Info.Rate), Rule: "all channels have one sampling rate",
			Found: fmt.Sprintf("%s, beside %g Hz", r.Info, rec.Info.Rate), Assumed: "left out",
		})
	}
	w, err := create(name)
	if err != nil {
		return losses, err
	}
	return losses, errors.Join(Write(w, &part), w.Close())
}
