package bus_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// BenchmarkCommandLatency is the time from Publish to the subscriber's callback: two clients and a server in one
// process, through TCP on the loopback interface, at a steady rate. Samples of 64 channels at 2 kHz may flow beside.
func BenchmarkCommandLatency(b *testing.B) {
	for _, rate := range []int{100, 1000} {
		for _, raw := range []bool{false, true} {
			b.Run(fmt.Sprintf("rate=%dHz/raw=%v", rate, raw), func(b *testing.B) {
				sender := open(b, "")
				receiver := open(b, sender.URL())
				clock := bus.NewClock()
				w, err := bus.NewCommandWriter(sender, "s1", "lda", time.Second, clock)
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = w.Close() }()
				ages := make(chan int64, 1<<20)
				sub, err := receiver.SubscribeCommands("s1", "lda", func(c bus.Command, at time.Time) { ages <- clock.At(at) - c.TPublish })
				if err != nil {
					b.Fatal(err)
				}
				var samples *bus.RawWriter
				var chunk signal.Chunk
				if raw {
					i := info(64)
					i.Rate = 2000
					chunk = noise(i, 2000/rate, 1)
					chunk.Events = nil
					samples = rawWriter(b, sender, "eeg", i)
					rawReader(b, receiver, "eeg")
				}
				c := bus.Command{Kind: bus.KindClass, Label: "left", Confidence: 0.6, Scores: []bus.Score{{Label: "left", P: 0.6}, {Label: "right", P: 0.4}}}
				tick := time.NewTicker(time.Second / time.Duration(rate))
				defer tick.Stop()
				for b.Loop() {
					<-tick.C
					if raw {
						if err := samples.Write(chunk); err != nil {
							b.Fatal(err)
						}
						chunk.Start, chunk.Time = chunk.End(), chunk.TimeAt(chunk.End())
					}
					c.TSample = clock.Now()
					if err := w.Publish(c); err != nil {
						b.Fatal(err)
					}
				}
				eventually(b, "all commands", func() bool { return sub.Stats().Received == w.Stats().Sent })
				all := make([]int64, len(ages))
				for k := range all {
					all[k] = <-ages
				}
				slices.Sort(all)
				at := func(p float64) float64 { return float64(all[int(p*float64(len(all)-1))]) / 1e3 }
				b.ReportMetric(at(0.5), "p50_µs")
				b.ReportMetric(at(0.99), "p99_µs")
				b.ReportMetric(at(1), "max_µs")
				b.ReportMetric(0, "ns/op") // that is the ticker
			})
		}
	}
}

// BenchmarkRaw is how fast samples go from Write to Next: 64 channels, 20 samples in a chunk.
func BenchmarkRaw(b *testing.B) {
	sender := open(b, "")
	r := rawReader(b, open(b, sender.URL()), "eeg")
	i := info(64)
	w := rawWriter(b, sender, "eeg", i)
	chunk := noise(i, 20, 1)
	ctx := within(b)
	done := make(chan error, 1)
	go func() {
		for {
			if _, err := r.Next(ctx); err != nil {
				done <- err
				return
			}
		}
	}()
	b.ReportAllocs()
	b.SetBytes(64 * 20 * 8)
	n := uint64(0)
	for b.Loop() {
		if err := w.Write(chunk); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	if err := receive(b, "the end", done); !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
	st := r.Stats()
	b.ReportMetric(float64(st.Lost)/float64(n), "lost/op")
	b.ReportMetric(float64(n*20)/160/b.Elapsed().Seconds(), "x_realtime")
}
