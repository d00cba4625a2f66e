package edf_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
)

// memory is a file of which the test knows how it was used.
type memory struct {
	*bytes.Reader
	closed int
}

func newMemory(data []byte) *memory          { return &memory{Reader: bytes.NewReader(data)} }
func (m *memory) Stat() (fs.FileInfo, error) { return info{m.Size()}, nil }
func (m *memory) Close() error               { m.closed++; return nil }
func (m *memory) Read(p []byte) (int, error) { return m.Reader.Read(p) }

type info struct{ size int64 }

func (i info) Name() string     { return "x.edf" }
func (i info) Size() int64      { return i.size }
func (info) Mode() fs.FileMode  { return 0o444 }
func (info) ModTime() time.Time { return time.Time{} }
func (info) IsDir() bool        { return false }
func (info) Sys() any           { return nil }

// TestReadError: the file becomes shorter, or breaks, after it was opened.
func TestReadError(t *testing.T) {
	f := edftest.File{N: 3, Signals: []edftest.Signal{{Label: "Cz", Dim: "uV", Samples: 100}}}
	for name, f := range map[string]edftest.File{"small records": f, "large records": large()} {
		t.Run(name, func(t *testing.T) {
			data := f.Bytes()
			file := newMemory(data)
			rec, err := edf.Open(file, "x.edf")
			if err != nil {
				t.Fatal(err)
			}
			file.Reset(data[:len(data)-10])
			x := make([][]float64, len(rec.Info.Channels))
			for ch := range x {
				x[ch] = make([]float64, rec.Len)
			}
			err = rec.Data.ReadSamples(x, 0)
			for _, r := range rec.Others { // whose bytes are the last ones
				y := [][]float64{make([]float64, r.Len)}
				err = r.Data.ReadSamples(y, 0)
			}
			var format *ingest.FormatError
			if !errors.As(err, &format) || !errors.Is(err, io.ErrUnexpectedEOF) || format.Offset != int64(len(data)-10) {
				t.Errorf("the error is %v, must be an unexpected end at byte %d", err, len(data)-10)
			}
		})
	}
}

// TestReadAfterError: what a failed read left behind must not be taken for data.
func TestReadAfterError(t *testing.T) {
	f := small()
	f.N = 40_000 // more than a block
	data := f.Bytes()
	file := newMemory(data)
	rec, err := edf.Open(file, "x.edf")
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, rec)
	x := [][]float64{make([]float64, 10), make([]float64, 10)}
	at := func(start int64) error { return rec.Data.ReadSamples(x, start) }
	if err := at(100_000); err != nil {
		t.Fatal(err)
	}
	want := x[0][0]
	file.Reset(data[:1024+30_000*80+40]) // half of the record comes, and overwrites what was read before
	if err := at(300_000); err == nil {
		t.Fatal("no error behind the end of the file")
	}
	file.Reset(data)
	if err := at(100_000); err != nil || x[0][0] != want {
		t.Errorf("after a failed read sample 100000 is %g, %v, before it was %g", x[0][0], err, want)
	}
}

// TestLargeRecords: records above the size of a block are read in pieces.
func TestLargeRecords(t *testing.T) {
	rec := mustOpen(t, large())
	for ch, x := range whole(t, rec, 0) {
		for i, v := range x {
			i := i % 600_000
			if want := float64(uneven(i)) / 10; math.Abs(v-want) > 1e-9 {
				t.Fatalf("channel %d sample %d is %g, want %g", ch, i, v, want)
			}
		}
	}
}

// TestReadSamplesArguments: ranges are the suite's business, rows are not.
func TestReadSamplesArguments(t *testing.T) {
	rec := mustOpen(t, small())
	row := func(n int) []float64 { return make([]float64, n) }
	for name, dst := range map[string][][]float64{"rows": {row(5)}, "lengths": {row(5), row(6)}, "more rows": {row(1), row(1), row(1)}} {
		if err := rec.Data.ReadSamples(dst, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := rec.Data.ReadSamples([][]float64{{}, {}}, 0); err != nil {
		t.Errorf("no samples at all: %v", err)
	}
}

// TestBoundedMemory reads a file of 48 MiB in chunks: not more than a block of it may be in memory.
func TestBoundedMemory(t *testing.T) {
	path := t.TempDir() + "/x.edf"
	f := edftest.File{N: 3000, Signals: []edftest.Signal{{Label: "Cz", Dim: "uV", Samples: 4096}, {Label: "Pz", Dim: "uV", Samples: 4096}}}
	if err := os.WriteFile(path, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := edf.Open(file, path)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, rec)
	x := [][]float64{make([]float64, 1000), make([]float64, 1000)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for at := int64(0); at+1000 <= rec.Len; at += 1000 {
		if err := rec.Data.ReadSamples(x, at); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 5<<19 {
		t.Errorf("reading allocated %d bytes, want at most 2.5 MiB: one block of 1 MiB and its growth", got)
	}
}
