// Package preprocesstest is the conformance suite of processors and segmenters: what every one of them must do, whatever
// it computes. A new step passes it by being registered (see preprocess/all).
package preprocesstest

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The stream that the suite plays. A second is a whole number of samples and a sample a whole number of nanoseconds, so
// that times can be compared exactly.
const (
	rate    = 250
	samples = 5 * rate
	start   = 1003              // of the first sample: a stream need not begin at 0
	begin   = int64(1.7e18)     // time of sample 0
	tick    = int64(1e9) / rate // time of a sample
)

// Info describes the stream that the suite plays: six EEG channels with their positions (standard_1005), one EOG and
// one trigger, at 250 Hz. Events are labelled T0, T1 and T2.
func Info() *signal.Info {
	info := &signal.Info{Rate: rate, Reference: "Cz"}
	pos := []signal.Position{
		{-0.029, 0.084, -0.007},
		{-0.050, 0.053, 0.042},
		{-0.065, -0.012, 0.064},
		{0.067, -0.011, 0.064},
		{-0.029, -0.112, 0.009},
		{0.030, -0.112, 0.009},
	}
	for i, name := range []string{"Fp1", "F3", "C3", "C4", "O1", "O2"} {
		info.Channels = append(info.Channels, signal.Channel{
			Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt, Pos: &pos[i],
		})
	}
	info.Channels = append(info.Channels,
		signal.Channel{Name: "EOG1", Original: "EOG1", Kind: signal.EOG, Unit: signal.Microvolt},
		signal.Channel{Name: "STI", Original: "STI", Kind: signal.Trigger})
	return info
}

// play is the whole stream as one chunk: noise on offsets and a hum of 50 Hz, about three events a second.
func play(info *signal.Info, seed uint64) signal.Chunk {
	r := rand.New(rand.NewPCG(seed, 1))
	c := signal.NewChunk(info, start, samples)
	c.Time = begin + start*tick
	for ch, x := range c.X {
		for t := range x {
			if info.Channels[ch].Kind == signal.Trigger {
				x[t] = float64(t / 100 % 3)
				continue
			}
			x[t] = 20*r.NormFloat64() + 100*float64(ch) + 10*math.Sin(2*math.Pi*50*float64(t)/rate)
		}
	}
	for s := int64(start); s < c.End(); s += r.Int64N(2 * rate / 3) {
		c.Events = append(c.Events, signal.Event{
			Sample: s, Onset: float64(s) / rate, Duration: 0.1, Label: []string{"T0", "T1", "T2"}[r.IntN(3)],
		})
	}
	return c
}

// cuts are ways to cut n samples, as lengths of chunks. The first is no cut at all.
func cuts(n int) []cut {
	all := []cut{{"in one chunk", []int{n}}, {"one sample at a time", slices.Repeat([]int{1}, n)}}
	empty := cut{name: "with empty chunks between"}
	for left := n; left > 0; {
		empty.lens = append(empty.lens, 0, min(left, 37), 0)
		left -= min(left, 37)
	}
	all = append(all, empty)
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 2))
		random := cut{name: "in random chunks"}
		for left := n; left > 0; {
			m := min(left, r.IntN([]int{4, 40, 400, 4000}[seed]))
			random.lens = append(random.lens, m)
			left -= m
		}
		all = append(all, random)
	}
	return all
}

type cut struct {
	name string
	lens []int
}

// chunks calls f with the parts of c, each in memory of its own that is overwritten behind the call: a step that keeps
// its input would be found out.
func (k cut) chunks(c signal.Chunk, f func(signal.Chunk)) {
	at := c.Start
	for _, n := range k.lens {
		part := c.Slice(at, at+int64(n)).Clone()
		part.Info = c.Info
		f(part)
		for _, x := range part.X {
			for t := range x {
				x[t] = math.Inf(-1)
			}
		}
		for i := range part.Events {
			part.Events[i] = signal.Event{Sample: -1, Label: "gone"}
		}
		at += int64(n)
	}
}

// same says whether two numbers are the same bits, or both not a number: which NaN comes out of an operation on two is
// up to the processor.
func same(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}
