package lsl

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkThroughput sends chunks of 32 samples of 64 channels of float32 from an outlet to an inlet, both here. The sender
// waits where more than 20,000 samples are under way, so that nothing should be dropped. What is dropped all the same is
// reported and an error: the benchmark ends when all others are here, or nothing has come for longest.
func BenchmarkThroughput(b *testing.B) {
	const chunk, longest = 32, 20 * time.Second
	i := eeg(64)
	i.Rate = 1e6
	o := outlet(b, i, OutletOptions{})
	n := open(b, InletOptions{})
	ready(b, o)
	b.SetBytes(chunk * 64 * 4)
	b.ReportAllocs()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	late := time.AfterFunc(longest, cancel)
	defer late.Stop()
	var got atomic.Int64   // samples that Next has returned
	var ending atomic.Bool // the last chunk is about to be pushed
	more, done := make(chan struct{}, 1), make(chan error, 1)
	dropped := func() int64 { // where samples can be lost
		s := o.Stats()
		sum := s.Left.Dropped
		for _, r := range s.Readers {
			sum += r.Dropped
		}
		return int64(sum + n.Health().Dropped)
	}
	arrived := func(sent int64) bool { return got.Load()+dropped() >= sent }
	total := int64(b.N) * chunk
	b.ResetTimer()
	go func() {
		for !ending.Load() || !arrived(total) { // what is dropped is dropped before the last chunk is handed out
			c, err := n.Next(ctx)
			if err != nil {
				done <- err
				return
			}
			late.Reset(longest)
			got.Add(int64(c.Len()))
			select {
			case more <- struct{}{}:
			default:
			}
		}
		done <- nil
	}()
	x := make([]float32, chunk*64)
	for k := range b.N {
		ending.Store(k == b.N-1)
		if err := PushChunk(o, x, 1000+float64(k*chunk+chunk-1)/1e6); err != nil {
			b.Fatal(err)
		}
		for sent := int64(k+1) * chunk; sent-got.Load() > 20_000 && !arrived(sent-20_000); {
			select {
			case <-more:
			case err := <-done:
				b.Fatalf("the inlet ends after %d of %d samples: %v, %+v", got.Load(), sent, err, n.Health())
			}
		}
	}
	err := <-done
	h := n.Health()
	if err != nil || got.Load() != total || h.Suspected+h.Lost+h.Dropped+h.Jumps > 0 {
		b.Errorf("%d of %d samples, %d dropped on the way, %v: %+v", got.Load(), total, dropped(), err, h)
	}
	b.ReportMetric(float64(got.Load())/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(float64(dropped()), "dropped")
}

// BenchmarkPush is what a chunk of 32 samples of 64 channels costs the sender.
func BenchmarkPush(b *testing.B) {
	for _, readers := range []int{0, 1} {
		b.Run(map[int]string{0: "nobody", 1: "slow-reader"}[readers], func(b *testing.B) {
			o := outlet(b, eeg(64), OutletOptions{BufferBytes: 1 << 20})
			if readers > 0 {
				r, err := Connect(b.Context(), local(o), 1000)
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = r.Close() }()
				ready(b, o)
			}
			x := make([]float32, 32*64)
			b.SetBytes(32 * 64 * 4)
			b.ReportAllocs()
			for b.Loop() {
				if err := PushChunk(o, x, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLatency is the time from pushing a chunk of 25 samples of 22 channels until Next has returned it.
func BenchmarkLatency(b *testing.B) {
	o := outlet(b, eeg(22), OutletOptions{})
	n := open(b, InletOptions{})
	ready(b, o)
	x := make([]float32, 25*22)
	begin := LocalClock()
	var took []float64
	k := 0
	for b.Loop() {
		k += 25
		pushed := time.Now()
		if err := PushChunk(o, x, begin+float64(k-1)/250); err != nil {
			b.Fatal(err)
		}
		if c, err := n.Next(b.Context()); err != nil || c.Len() != 25 {
			b.Fatal(err)
		}
		took = append(took, time.Since(pushed).Seconds())
	}
	slices.Sort(took)
	for _, q := range []struct {
		p    float64
		name string
	}{{0.5, "p50-µs"}, {0.99, "p99-µs"}, {0.999, "p99.9-µs"}} {
		b.ReportMetric(1e6*took[int(q.p*float64(len(took)-1))], q.name)
	}
}
