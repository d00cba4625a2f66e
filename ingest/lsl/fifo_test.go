package lsl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/clock"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// read is n samples in one block, as a Receiver hands them out: each third one has a stamp on the wire. Value c of sample k of
// the stream is from(k, c).
func read[T Number](s shape, first, n int, from func(k, c int) T) *Samples {
	out := &Samples{shape: s}
	for k := first; k < first+n; k++ {
		b := []byte{tagDeduced}
		if k%3 == 0 {
			b = appendStamp(nil, float64(k))
		}
		out.at = append(out.at, len(out.buf)+len(b))
		for c := range s.channels {
			b = appendValue(b, from(k, c))
		}
		if s.order == bigEndian {
			b, _ = shape{s.format, s.channels, littleEndian}.swap(nil, b)
		}
		out.buf = append(out.buf, b...)
		out.Stamps, out.Sent = append(out.Stamps, float64(k)), append(out.Sent, k%3 == 0)
	}
	return out
}

// TestDecode: values of every format and byte order, scaled, are those that were pushed, for numbers of channels and samples on
// both sides of what is decoded at a time.
func TestDecode(t *testing.T) {
	testDecode(t, func(k, c int) float32 { return float32(k*7919%1009-500)/8 + float32(c) })
	testDecode(t, func(k, c int) float64 { return float64(k*7919%1009-500)/3 + float64(c) })
	testDecode(t, func(k, c int) int64 { return int64(k*7919-c) << 30 })
	testDecode(t, func(k, c int) int32 { return int32((k*7919 - c) << 10) })
	testDecode(t, func(k, c int) int16 { return int16(k*7919 - c) })
	testDecode(t, func(k, c int) int8 { return int8(k*79 - c) })
}

func testDecode[T Number](t *testing.T, from func(k, c int) T) {
	t.Helper()
	for _, channels := range []int{1, 3, 4, 5, 8, 11, 64} {
		for _, order := range []order{littleEndian, bigEndian} {
			s := shape{formatOf[T](), channels, order}
			var f fifo
			var scale []units.Scale
			for c := range channels {
				scale = append(scale, units.Scale{Mul: float64(c%3 + 1), Div: []float64{1, 1000, 7}[c%3]})
			}
			n := 0
			for _, m := range []int{1, tile - 1, tile, tile + 1, 3*tile + 5} {
				f.push(read(s, n, m, from), piece{})
				n += m
			}
			dst := make([][]float64, channels)
			for c := range dst {
				dst[c] = make([]float64, n)
			}
			f.take(n, func(k int, p *piece, meta []sample) { decode(dst, k, p.block, meta, s.format, scale) })
			for c := range dst {
				for k, got := range dst[c] {
					if want := scale[c].Mul * float64(from(k, c)) / scale[c].Div; got != want {
						t.Fatalf("%s, %d channels, order %d: sample %d of channel %d is %g, want %g", s.format, channels, order, k, c, got, want)
					}
				}
			}
		}
	}
}

// TestFifo does at random what an inlet does, and holds it against a plain list: no sample comes twice, is lost without being
// counted, or is read from another block.
func TestFifo(t *testing.T) {
	s := shape{Float32, 2, littleEndian}
	type kept struct {
		k    int
		lost int64 // before it
		sync *timeSync
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var in, work fifo
		var list, taken []kept // what waits in both; what was taken over in this step
		inWork, next := 0, 0
		check := func(what string, got, want kept) {
			if got != want {
				t.Fatalf("round %d: %s is %+v, want %+v", round, what, got, want)
			}
		}
		for range 60 {
			switch n := 1 + rng.IntN(9); rng.IntN(4) {
			case 0:
				var sync *timeSync
				if rng.IntN(5) == 0 {
					sync = new(timeSync)
				}
				in.push(read(s, next, n, func(k, c int) float32 { return float32(2*k + c) }), piece{arrived: float64(next), sync: sync})
				for range n {
					list = append(list, kept{k: next, sync: sync})
					sync, next = nil, next+1
				}
			case 1:
				n = min(n, in.len())
				in.drop(n)
				waits := list[inWork:]
				var lost int64
				var sync *timeSync
				for _, m := range waits[:n] {
					if m.sync != nil {
						lost, sync = 0, m.sync
					}
					lost += 1 + m.lost
				}
				if n < len(waits) && waits[n].sync == nil {
					waits[n].lost += lost
					waits[n].sync = sync
				}
				list = slices.Delete(list, inWork, inWork+n)
			case 2:
				want := list[inWork:]
				pieces, meta := work.move(&in)
				taken = taken[:0]
				at := 0
				for _, p := range pieces {
					for k := range p.n {
						m := kept{k: int(meta[at].stamp)}
						if k == 0 {
							m.lost, m.sync = p.lost, p.sync
						}
						taken = append(taken, m)
						at++
					}
				}
				if len(taken) != len(want) || at != len(meta) {
					t.Fatalf("round %d: %d samples, %d described, are taken over, want %d", round, len(taken), len(meta), len(want))
				}
				for k := range want {
					check(fmt.Sprint("taken over ", k), taken[k], want[k])
				}
				inWork = len(list)
			case 3:
				n = min(n, work.len())
				y := [][]float64{make([]float64, n), make([]float64, n)}
				work.take(n, func(k int, p *piece, meta []sample) {
					decode(y, k, p.block, meta, Float32, []units.Scale{one, one})
				})
				for k := range n {
					if m := list[k]; y[0][k] != float64(2*m.k) || y[1][k] != float64(2*m.k+1) {
						t.Fatalf("round %d: sample %d has the values %g and %g", round, m.k, y[0][k], y[1][k])
					}
				}
				list, inWork = list[n:], inWork-n
			}
			if work.len() != inWork || in.len() != len(list)-inWork {
				t.Fatalf("round %d: %d and %d samples wait, want %d and %d", round, work.len(), in.len(), inWork, len(list)-inWork)
			}
		}
	}
}

// TestRecoveryWithoutTimes: a connection that begins with samples without a time is one recovery, whatever the number of its reads, and
// the first sample with a time is the first of it.
func TestRecoveryWithoutTimes(t *testing.T) {
	n := &Inlet{data: &link{}, wake: make(chan struct{}, 1)}
	s := shape{Float32, 2, littleEndian}
	from := func(k, c int) float32 { return float32(k + c) }
	var one, two timeSync
	n.take(read(s, 0, 3, from), &one, 100)
	n.take(&Samples{Unstamped: 2}, &two, 100)
	n.take(&Samples{Unstamped: 5}, &two, 100)
	n.take(read(s, 3, 2, from), &two, 100)
	n.take(read(s, 5, 2, from), &two, 100)
	if n.health.Recoveries != 1 || n.health.Unstamped != 7 {
		t.Errorf("%d recoveries, %d without a time; want 1 and 7", n.health.Recoveries, n.health.Unstamped)
	}
	for k, want := range []*timeSync{&one, &two, nil} {
		if got := n.in.pieces[k].sync; got != want {
			t.Errorf("piece %d begins connection %p, want %p", k, got, want)
		}
	}
}

// TestTimesOfTwoConnections: samples that wait from before a loss keep the clock of their own connection.
func TestTimesOfTwoConnections(t *testing.T) {
	info := &signal.Info{Rate: 1, Channels: make([]signal.Channel, 2)}
	tracker, err := clock.NewTracker(clock.Options{Rate: 1})
	if err != nil {
		t.Fatal(err)
	}
	n := &Inlet{
		info: info, full: StreamInfo{Channels: 2, Format: Float32, Rate: 1}, scale: []units.Scale{one, one}, counter: -1, tracker: tracker,
		opt: InletOptions{MaxChunk: 100}, data: &link{}, wake: make(chan struct{}, 1), free: make(chan []byte, 1),
	}
	now := LocalClock()
	s := shape{Float32, 2, littleEndian}
	for k, off := range []float64{now - 12, now - 16} { // stamps begin at 0 and at 9
		var ts timeSync
		ts.offset.Add([]clock.Probe{{Sent: now, Received: now - off, Answered: now - off, Returned: now}})
		got := read(s, 9*k, 9, func(k, c int) float32 { return float32(k + c) })
		got.Arrived = time.Now()
		n.take(got, &ts, 1000)
	}
	for k, want := range []float64{now - 12, now - 7} {
		c, err := n.Next(t.Context())
		if err != nil || c.Len() != 9 || c.Anew != (k == 1) {
			t.Fatalf("%d samples, anew: %t, %v; want 9", c.Len(), c.Anew, err)
		}
		if off := Stamp(c.Time) - want; math.Abs(off) > 1e-3 {
			t.Errorf("connection %d: a sample is %g s off", k, off)
		}
	}
}
