package arrowfile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/tablefile"
)

// Writer writes one recording, batch by batch. Each call of Write is one write to the file, so that a program that is killed
// leaves whole batches. One goroutine may use it.
type Writer struct {
	w      io.Writer
	info   *signal.Info
	schema *arrow.Schema
	enc    *arrowipc.Encoder
	next   int64 // the least Start that may follow
	err    error
	failed bool // a write failed
}

// NewWriter writes the schema.
func NewWriter(w io.Writer, info *signal.Info) (*Writer, error) {
	return checkedWriter(w, info, signal.Schema(info))
}

// NewLiveWriter is NewWriter for what is written while it comes: events that came late are read at the samples where they were.
func NewLiveWriter(w io.Writer, info *signal.Info) (*Writer, error) {
	return checkedWriter(w, info, signal.PlacedSchema(info))
}

func checkedWriter(w io.Writer, info *signal.Info, schema *arrow.Schema) (*Writer, error) {
	if _, err := signal.InfoFromSchema(schema); err != nil { // what could not be read
		return nil, err
	}
	return newWriter(w, info, schema)
}

func newWriter(w io.Writer, info *signal.Info, schema *arrow.Schema) (*Writer, error) {
	out := &Writer{w: w, info: info, schema: schema}
	enc, head, err := arrowipc.NewEncoder(out.schema)
	if err != nil {
		return nil, err
	}
	out.enc = enc
	_, err = w.Write(head)
	return out, err
}

// Write writes c as one batch, and keeps nothing of it. c must lie behind what has been written. After a write that failed
// nothing more is written: a batch behind half a batch could not be found.
func (w *Writer) Write(c signal.Chunk) error {
	switch {
	case w.err != nil:
		return w.err
	case c.Len() == 0:
		return nil
	case len(c.X) != len(w.info.Channels):
		return fmt.Errorf("arrow: a chunk of %d channels, the recording has %d", len(c.X), len(w.info.Channels))
	case c.Start < w.next:
		return fmt.Errorf("arrow: a chunk at sample %d behind one that ends at %d: samples must follow each other", c.Start, w.next)
	}
	if err := c.CheckEvents(); err != nil {
		return fmt.Errorf("arrow: %w", err)
	}
	msg, err := w.enc.Encode(c.RecordWith(w.schema))
	if err == nil {
		_, err = w.w.Write(msg)
	}
	w.err, w.failed = err, err != nil
	w.next = c.End()
	return err
}

// Close writes the mark of the end. It does not close the file.
func (w *Writer) Close() error {
	if w.failed {
		return nil // Write has said so
	}
	_, err := w.w.Write(arrowipc.EndOfStream)
	w.err = errors.New("arrow: the recording is closed")
	return err
}

// batchSeconds is the length of a batch that Write makes, and batchLeast how many samples it has at slow rates, where its head would be
// more than they are.
const batchSeconds, batchLeast = 1, 64

// Write writes rec but for its Others, which are recordings of their own.
func Write(w io.Writer, rec *signal.Recording) error {
	schema, _, err := tablefile.Schema(rec, nil)
	if err != nil {
		return fmt.Errorf("arrow: %w", err)
	}
	return write(w, rec, schema)
}

func write(w io.Writer, rec *signal.Recording, schema *arrow.Schema) error {
	out, err := newWriter(w, rec.Info, schema)
	if err != nil {
		return err
	}
	if len(rec.Info.Channels) == 0 { // which cannot be played
		return out.Close()
	}
	n := max(batchLeast, rec.Info.Samples(batchSeconds))
	src := ingest.Play(rec, ingest.PlayOptions{Chunk: int(n)})
	for {
		c, err := src.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err == nil {
			err = out.Write(c)
		}
		if err != nil {
			return err
		}
	}
}

// writeFile writes a file with write, and others beside it, and lists what is not in them.
func writeFile(create ingest.Create, name string, rec *signal.Recording) ([]signal.Deviation, error) {
	losses, err := tablefile.Write(create, name, rec, write)
	if err != nil {
		return nil, fmt.Errorf("arrow: %w", err)
	}
	return losses, nil
}
