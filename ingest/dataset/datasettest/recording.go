package datasettest

import (
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/edf"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Whole is all of a recording without gaps, given as for Need: its channels, samples and events. A test of another format than
// EDF imports the package that reads it.
func Whole(t testing.TB, name string) signal.Chunk {
	t.Helper()
	path := Need(t, name)
	rec, err := ingest.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := signal.NewChunk(rec.Info, 0, int(rec.Len))
	c.Events = rec.Events
	if err := rec.Data.ReadSamples(c.X, 0); err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return c
}
