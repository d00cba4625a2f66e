package parquetfile

import (
	"context"
	"errors"
	"fmt"
	"io"

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
		if err := out.Write(c.RecordWith(schema)); err != nil {
			return err
		}
	}
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
