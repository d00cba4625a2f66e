package edf_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func openReal(b *testing.B) (*signal.Recording, int64) {
	b.Helper()
	path := datasettest.Need(b, "eegmmidb/S001/S001R14.edf")
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		b.Fatal(err)
	}
	return rec, st.Size()
}

// BenchmarkOpen reads the header and the annotations of 125 records.
func BenchmarkOpen(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		rec, _ := openReal(b)
		if err := rec.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadWhole reads 64 channels of 125 s at once; bytes are those of the file.
func BenchmarkReadWhole(b *testing.B) {
	rec, size := openReal(b)
	closeAfter(b, rec)
	x := whole(b, rec, 0)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if err := rec.Data.ReadSamples(x, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(rec.Len)/rec.Info.Rate/b.Elapsed().Seconds(), "x_realtime")
}

// BenchmarkReadWindows reads 200 windows of 4 s, here and there.
func BenchmarkReadWindows(b *testing.B) {
	rec, _ := openReal(b)
	closeAfter(b, rec)
	n := rec.Info.Samples(4)
	x := make([][]float64, len(rec.Info.Channels))
	for ch := range x {
		x[ch] = make([]float64, n)
	}
	for b.Loop() {
		rng := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			if err := rec.Data.ReadSamples(x, rng.Int64N(rec.Len-n)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkPlay plays the recording from end to end.
func BenchmarkPlay(b *testing.B) {
	for _, chunk := range []int{1, 16, 160} {
		b.Run(fmt.Sprintf("chunk=%d", chunk), func(b *testing.B) {
			rec, size := openReal(b)
			closeAfter(b, rec)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				src := ingest.Play(rec, ingest.PlayOptions{Chunk: chunk})
				var err error
				for err == nil {
					_, err = src.Next(b.Context())
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWhole opens a file and reads all of it as float64, in one call. The peers are in benchmarks/speed/peers/edf.py.
func BenchmarkWhole(b *testing.B) {
	for _, c := range []struct{ ch, rate, seconds int }{{64, 160, 3600}, {512, 2000, 300}} {
		b.Run(fmt.Sprintf("ch=%d", c.ch), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "x.edf")
			if err := os.WriteFile(path, noise(c.ch, c.rate, c.seconds), 0o600); err != nil {
				b.Fatal(err)
			}
			ingesttest.BenchFresh(b, func() error { return readWhole(path) })
		})
	}
}

// BenchmarkWholeReused is BenchmarkWhole into memory that was written to before, as it is for a program that reads one recording of
// a data set after the other: the system hands out no pages.
func BenchmarkWholeReused(b *testing.B) {
	const ch, rate, seconds = 64, 160, 3600
	path := filepath.Join(b.TempDir(), "x.edf")
	if err := os.WriteFile(path, noise(ch, rate, seconds), 0o600); err != nil {
		b.Fatal(err)
	}
	var buf signal.Buffer
	read := func() error {
		rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), "x.edf")
		if err != nil {
			return err
		}
		return errors.Join(rec.Data.ReadSamples(buf.Chunk(rec.Info, 0, int(rec.Len)).X, 0), rec.Close())
	}
	if err := read(); err != nil {
		b.Fatal(err)
	}
	ingesttest.BenchFresh(b, read)
}

func readWhole(path string) error {
	rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return err
	}
	all := signal.NewChunk(rec.Info, 0, int(rec.Len))
	return errors.Join(rec.Data.ReadSamples(all.X, 0), rec.Close())
}

// noise is a file in records of one second.
func noise(channels, rate, seconds int) []byte {
	f := edftest.File{N: 1}
	for ch := range channels {
		f.Signals = append(f.Signals, edftest.Signal{Label: fmt.Sprintf("EEG %d", ch+1), Dim: "uV", Samples: rate, At: func(_, i int) int16 { return int16((i*7919+ch*31)%6000 - 3000) }})
	}
	f.Records = strconv.Itoa(seconds)
	one := f.Bytes()
	head := 256 * (channels + 1)
	all := make([]byte, 0, head+seconds*(len(one)-head))
	all = append(all, one...)
	for range seconds - 1 {
		all = append(all, one[head:]...)
	}
	return all
}

// BenchmarkWindow reads ten seconds here and there of an open file.
func BenchmarkWindow(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x.edf")
	if err := os.WriteFile(path, noise(64, 160, 3600), 0o600); err != nil {
		b.Fatal(err)
	}
	rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), "x.edf")
	if err != nil {
		b.Fatal(err)
	}
	x := make([][]float64, 64)
	for ch := range x {
		x[ch] = make([]float64, 1600)
	}
	at := int64(0)
	for b.Loop() {
		if err := rec.Data.ReadSamples(x, at); err != nil {
			b.Fatal(err)
		}
		at = (at + 123_457) % (rec.Len - 1600)
	}
	if err := rec.Close(); err != nil {
		b.Fatal(err)
	}
}
