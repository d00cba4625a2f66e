package xdf_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/xdf"
)

// BenchmarkRead reads a whole file of 100 MB, 64 channels of float32 at 500 Hz in chunks of 32 samples with one stamp each
// and an offset every 5 s, into float64 (benchmarks/speed/peers/xdf.py is the same with pyxdf).
func BenchmarkRead(b *testing.B) {
	const channels, rate, chunk = 64, 500, 32
	chunks := 100_000_000 / (4 * channels * chunk)
	if testing.Short() {
		chunks = 10
	}
	name := filepath.Join(b.TempDir(), "x.xdf")
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	buf := bufio.NewWriterSize(f, 1<<20) // how the system keeps a file in memory depends on how it was written: as copies and downloads are
	w, err := xdf.NewWriter(buf, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	chs := make([]signal.Channel, channels)
	for i := range chs {
		chs[i] = signal.Channel{Original: "A" + string(rune('0'+i)), Kind: signal.EEG, Unit: signal.Microvolt}
	}
	id, err := w.AddStream(xdf.StreamHeader{Name: "EEG", Type: "EEG", Format: "float32", Rate: rate, Channels: chs})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = make([]float64, chunk)
		for t := range x[ch] {
			x[ch][t] = rng.NormFloat64()
		}
	}
	for k := range chunks {
		at := float64(k) * chunk / rate
		if err := w.Samples(id, []float64{1000 + at}, x); err != nil {
			b.Fatal(err)
		}
		if k%78 == 0 {
			if err := w.ClockOffset(id, 1000+at, -990); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	if err := buf.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	ingesttest.BenchFresh(b, func() error {
		rec, err := ingest.Open(os.DirFS(filepath.Dir(name)), "x.xdf")
		if err != nil {
			return err
		}
		if rec.Len != int64(chunks*chunk) {
			return fmt.Errorf("%d samples", rec.Len)
		}
		c := signal.NewChunk(rec.Info, 0, int(rec.Len))
		return errors.Join(rec.Data.ReadSamples(c.X, 0), rec.Close())
	})
}
