package fif_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func deflated(data []byte) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil || w.Close() != nil {
		panic("cannot compress into memory")
	}
	return b.String()
}

// FuzzOpen: any bytes give a *ingest.FormatError or a recording whose samples can be read, never a panic, and what is
// allocated is bounded by the size of the file, whatever the file claims. The file is a recording and its events as well.
func FuzzOpen(f *testing.F) {
	names, err := filepath.Glob("testdata/*.fif")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(small()))
	f.Add([]byte(events(1, 0, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		ingesttest.Fuzz(t, fstest.MapFS{"x_raw.fif": {Data: data}, "y.fif": {Data: data}}, "x_raw.fif")
		files := fstest.MapFS{"x_raw.fif": {Data: small()}, "x-eve.fif": {Data: data}}
		ingesttest.Fuzz(t, files, "x_raw.fif")
		rec, err := ingest.Open(files, "x_raw.fif")
		var format *ingest.FormatError
		if err != nil && (!errors.As(err, &format) || format.File != "x-eve.fif") {
			t.Errorf("the error about the events, %v (%T), must be a *ingest.FormatError that names their file", err, err)
		}
		if err == nil {
			checkRecording(t, rec, len(data)+len(small()))
		}
	})
}

func checkRecording(t *testing.T, rec *signal.Recording, size int) {
	t.Helper()
	if err := rec.Info.Validate(); err != nil {
		t.Fatal(err)
	}
	at, samples := int64(0), int64(0)
	for _, s := range rec.Runs() {
		if s.Start < at || s.Len < 1 || s.End() > rec.Len {
			t.Fatalf("a span [%d, %d) behind sample %d, with the length %d", s.Start, s.End(), at, rec.Len)
		}
		at = s.End()
		if samples += s.Len * int64(len(rec.Info.Channels)); 2*samples > int64(size) {
			t.Fatalf("%d samples out of %d bytes", samples, size)
		}
		x := make([][]float64, len(rec.Info.Channels))
		for ch := range x {
			x[ch] = make([]float64, s.Len)
		}
		if err := rec.Data.ReadSamples(x, s.Start); err != nil {
			t.Fatal(err)
		}
	}
	for i, e := range rec.Events {
		if i > 0 && e.Sample < rec.Events[i-1].Sample || !(e.Duration >= 0) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
}
