package edf_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
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
