package xdf_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/uncached"
	"github.com/gyrus-bci/gyrus/ingest/xdf"
)

// TestWholePastCache: what is read at once, and goes past the cache, has the bits of what was written, in every format.
func TestWholePastCache(t *testing.T) {
	const rate, channels, chunk = 1000, 11, 37
	for _, format := range []string{"float32", "int8", "double64"} {
		var buf bytes.Buffer
		w, err := xdf.NewWriter(&buf, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		chs := make([]signal.Channel, channels)
		for ch := range chs {
			chs[ch] = signal.Channel{Original: string(rune('A' + ch)), Kind: signal.EEG, Unit: signal.Microvolt}
		}
		id, err := w.AddStream(xdf.StreamHeader{Name: "EEG", Type: "EEG", Format: format, Rate: rate, Channels: chs})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		want, x := make([][]float64, channels), make([][]float64, channels)
		for n := 0; n*channels < uncached.Least/8; n += chunk {
			for ch := range x {
				x[ch] = x[ch][:0]
				for range chunk {
					x[ch] = append(x[ch], float64(rng.IntN(256)-128))
				}
				want[ch] = append(want[ch], x[ch]...)
			}
			if err := w.Samples(id, []float64{float64(n) / rate}, x); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		rec := open(t, buf.Bytes())
		if rec.Len != int64(len(want[0])) {
			t.Fatalf("%s: %d samples, want %d", format, rec.Len, len(want[0]))
		}
		if !uncached.Worth(channels * rec.Len) {
			t.Log("this machine has no stores past the cache: samples go through it")
		}
		got := signal.NewChunk(rec.Info, 0, int(rec.Len))
		if err := rec.Data.ReadSamples(got.X, 0); err != nil {
			t.Fatal(err)
		}
		for ch, row := range want {
			for i, v := range row {
				if got.X[ch][i] != v {
					t.Fatalf("%s: sample %d of channel %d is %v, want %v", format, i, ch, got.X[ch][i], v)
				}
			}
		}
	}
}
