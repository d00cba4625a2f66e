package resample

import (
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// axis says where the samples of the output lie among those of the input, both counted from the start of the stream:
// sample k of the output at k·down/up.
type axis struct {
	up, down int64
	begin    int64 // first sample of the stretch
}

// first is the first sample of the output that does not lie before the stretch.
func (a axis) first() int64 { return -floorDiv(-a.begin*a.up, a.down) }

// at is where output k lies: part/up behind a sample.
func (a axis) at(k int64) (sample, part int64) {
	sample = floorDiv(k*a.down, a.up)
	return sample, k*a.down - sample*a.up
}

// span is the samples [lo, hi) that output k stands for, at least one. The first one stands also for what lies before.
func (a axis) span(k int64) (lo, hi int64) {
	lo, _ = a.at(k)
	hi, _ = a.at(k + 1)
	if k == a.first() {
		lo = a.begin
	}
	return lo, max(hi, lo+1)
}

// nearest is the output nearest to a sample, the later one of two.
func (a axis) nearest(sample int64) int64 {
	return max(floorDiv(2*sample*a.up+a.down, 2*a.down), a.first())
}

// nanoseconds is part/up of a sample at rate Hz.
func nanoseconds(part, up int64, rate float64) int64 {
	return int64(math.Round(float64(part) / float64(up) * 1e9 / rate))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// code is what a sample of a trigger channel becomes that stands for x: the first code other than 0, or the first value.
func code(x []float64) float64 {
	for _, v := range x {
		if v != 0 {
			return v
		}
	}
	return x[0]
}

// held is what waits until the filter is ready: the times and the triggers of the newest samples, and the events.
type held struct {
	from   int64 // number of the first sample
	times  []int64
	codes  [][]float64 // [trigger][sample]
	events []signal.Event
	taken  []signal.Event
}

func (h *held) clear(triggers int) {
	h.times, h.events = h.times[:0], h.events[:0]
	h.codes = make([][]float64, triggers)
}

func (h *held) end() int64 { return h.from + int64(len(h.times)) }

// push appends the samples and events of c.
func (h *held) push(c signal.Chunk, triggers []int) {
	if len(h.times) == 0 {
		h.from = c.Start
	}
	for s := c.Start; s < c.End(); s++ {
		h.times = append(h.times, c.TimeAt(s))
	}
	for i, ch := range triggers {
		h.codes[i] = append(h.codes[i], c.X[ch]...)
	}
	h.events = append(h.events, c.Events...)
}

func (h *held) time(sample int64) int64 { return h.times[sample-h.from] }

func (h *held) code(trigger int, lo, hi int64) float64 {
	return code(h.codes[trigger][lo-h.from : max(hi, lo+1)-h.from])
}

// take is the events whose output lies before end, on the new axis. It is valid until the next call.
func (h *held) take(a axis, end int64) []signal.Event {
	h.taken = h.taken[:0]
	n := 0
	for ; n < len(h.events); n++ {
		e := h.events[n]
		if e.Sample = a.nearest(e.Sample); e.Sample >= end {
			break
		}
		h.taken = append(h.taken, e)
	}
	h.events = h.events[:copy(h.events, h.events[n:])]
	if len(h.taken) == 0 {
		return nil
	}
	return h.taken
}

// last moves the events that the end of the stretch has left without an output to the last one, k.
func (h *held) last(a axis, k int64) {
	for i := range h.events {
		if a.nearest(h.events[i].Sample) > k {
			h.events[i].Sample, _ = a.at(k)
		}
	}
}

// drop forgets the samples before from.
func (h *held) drop(from int64) {
	n := int(min(from, h.end()) - h.from)
	if n <= 0 {
		return
	}
	h.times = h.times[:copy(h.times, h.times[n:])]
	for i, x := range h.codes {
		h.codes[i] = x[:copy(x, x[n:])]
	}
	h.from += int64(n)
}
