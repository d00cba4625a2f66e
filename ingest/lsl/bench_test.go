package lsl

import (
	"context"
	"slices"
	"testing"
	"time"
)

// BenchmarkThroughput sends chunks of 32 samples of 64 channels of float32 from an outlet to an inlet, both here. The sender
// waits where the reader is more than 20,000 samples behind, so that nothing is dropped.
func BenchmarkThroughput(b *testing.B) {
	i := eeg(64)
	i.Rate = 1e6
	o := outlet(b, i, OutletOptions{})
	n := open(b, InletOptions{})
	ready(b, o)
	b.SetBytes(32 * 64 * 4)
	b.ReportAllocs()
	total := int64(0)
	done := make(chan int64)
	ctx, cancel := context.WithCancel(b.Context())
	b.ResetTimer()
	go func() {
		var got int64
		for {
			c, err := n.Next(ctx)
			if err != nil {
				break
			}
			if got += int64(c.Len()); got == int64(b.N)*32 {
				break
			}
		}
		done <- got
	}()
	x := make([]float32, 32*64)
	for k := range b.N {
		if err := PushChunk(o, x, 1000+float64(k*32+31)/1e6); err != nil {
			b.Fatal(err)
		}
		for k%64 == 0 && waiting(o) > 20_000 {
			if o.Flush(ctx) != nil {
				b.Fatal("flush")
			}
		}
		total += 32
	}
	got := <-done
	cancel()
	h := n.Health()
	if got != total || h.Suspected+h.Dropped+h.Jumps > 0 {
		b.Errorf("%d of %d samples, %+v", got, total, h)
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "samples/s")
}

func waiting(o *Outlet) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for r := range o.readers {
		return o.ring.head - r.cursor.next
	}
	return 0
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
