package resample

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.Register("bin", func() preprocess.Processor {
		return &Bin{Width: 0.02, Measure: binPower, Threshold: -50}
	})
}

// Bin sums up bins of equal width, one number to a bin and channel: what decoders of recordings with many channels at tens
// of kHz work on. Behind a band-pass from 300 to 3000 Hz and more,
//
//   - power is the spike-band power: the mean of the squares (Nason et al. 2020, doi:10.1038/s41551-020-0591-0), µV² of a
//     channel in µV,
//   - rms is its root, in the unit of the channel,
//   - count is the number of threshold crossings: samples below threshold_uv whose predecessor was not (a threshold above 0
//     counts those above it).
//
// A bin covers the samples [k·width, (k+1)·width), counted from sample 0 of the stream and not from the last gap; sample k
// of the output lies where its bin begins, and an event goes to the bin that holds it. It comes out when the bin is full; at the end of the stream and before a gap
// the samples that are left make a last bin, those in front of the first whole one none. A crossing needs two samples, so
// that the first sample behind a gap is none. Triggers take the first code other than 0. [channels][samples] in, [channels][bins]
// out; the rate of the output is the rate of the input over the samples of a bin.
type Bin struct {
	Width     float64 `json:"width_s" doc:"width of a bin in seconds, rounded to samples, at least one, at most 10 s"`
	Measure   string  `json:"measure" doc:"power (mean square), rms (its root) or count (threshold crossings)"`
	Threshold float64 `json:"threshold_uv" doc:"count: level in µV; below 0 crossings downwards count, above 0 upwards" only:"measure=count"`

	in, info *signal.Info
	axis     axis
	begun    bool
	next     int64 // number of the next bin
	filled   int64 // samples in it
	plain    []int // channels that are summed
	triggers []int
	acc      []float64
	last     []float64 // the sample before, of each plain channel
	held     held
	out      signal.Buffer
}

// The measures.
const (
	binPower = "power"
	binRMS   = "rms"
	binCount = "count"
)

// Start converts the width to samples and forgets all samples.
func (f *Bin) Start(in *signal.Info) (*signal.Info, error) {
	w := in.Samples(f.Width)
	if !(f.Width > 0 && f.Width <= 10) || w < 1 {
		return nil, fmt.Errorf("bin: width_s is %g, must be at least one sample (%g s at %g Hz) and at most 10", f.Width, 1/in.Rate, in.Rate)
	}
	if f.Measure != binPower && f.Measure != binRMS && f.Measure != binCount {
		return nil, fmt.Errorf("bin: %w", &registry.UnknownError{What: "measure", Name: f.Measure, Known: []string{binPower, binRMS, binCount}})
	}
	if f.Threshold == 0 || math.IsNaN(f.Threshold) || math.IsInf(f.Threshold, 0) {
		return nil, fmt.Errorf("bin: threshold_uv is %g, must be below or above 0 and finite", f.Threshold)
	}
	info := *in
	info.Rate = in.Rate / float64(w)
	info.Channels = make([]signal.Channel, len(in.Channels))
	f.plain, f.triggers = nil, nil
	for ch, c := range in.Channels {
		if c.Kind == signal.Trigger {
			f.triggers = append(f.triggers, ch)
		} else {
			f.plain = append(f.plain, ch)
			switch {
			case f.Measure == binCount:
				c.Unit = signal.NoUnit
			case f.Measure == binPower && c.Unit != signal.NoUnit:
				c.Unit += "²"
			}
		}
		info.Channels[ch] = c
	}
	f.in, f.info, f.axis, f.begun = in, &info, axis{up: 1, down: w}, false
	f.acc, f.last = make([]float64, len(f.plain)), make([]float64, len(f.plain))
	f.held.clear(len(f.triggers))
	return f.info, nil
}

// Ignores names none: every channel is summed up by itself.
func (f *Bin) Ignores() (names []string, separate bool) { return nil, true }

// Process returns the bins that c fills.
func (f *Bin) Process(c signal.Chunk) (signal.Chunk, error) {
	if c.Len() == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != len(f.in.Channels) {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(f.in.Channels))
	}
	if !f.begun {
		f.begun, f.axis.begin, f.filled = true, c.Start, 0
		f.next = f.axis.first()
		clear(f.acc)
		for i := range f.last {
			f.last[i] = f.side() // on the other side: nothing to cross
		}
	}
	f.held.push(c, f.triggers)
	w := f.axis.down
	from := max(c.Start, f.next*w) // what lies before belongs to no whole bin
	n := max(0, floorDiv(c.End(), w)-f.next)
	out := f.out.Chunk(f.info, f.next, int(n))
	filled := f.filled
	for i, ch := range f.plain {
		x := c.X[ch]
		if from > c.Start && f.Measure == binCount {
			f.last[i] = x[min(from, c.End())-1-c.Start]
		}
		at, have, k := from-c.Start, filled, 0
		for at < int64(len(x)) {
			take := min(w-have, int64(len(x))-at)
			f.sum(i, x[at:at+take])
			at, have = at+take, have+take
			if have == w {
				out.X[ch][k] = f.value(i, w)
				have, k = 0, k+1
			}
		}
		f.filled = have
	}
	if len(f.plain) == 0 {
		f.filled = max(0, c.End()-(f.next+n)*w)
	}
	f.finish(&out, c.End())
	return out, nil
}

// side is a value that no crossing can begin at.
func (f *Bin) side() float64 { return f.Threshold * 2 }

// sum adds samples to the bin of channel i.
func (f *Bin) sum(i int, x []float64) {
	acc := f.acc[i]
	if f.Measure != binCount {
		for _, v := range x {
			acc += float64(v * v)
		}
		f.acc[i] = acc
		return
	}
	last, limit := f.last[i], f.Threshold
	for _, v := range x {
		acc += v - v // NaN stays NaN
		if limit < 0 && v < limit && last >= limit || limit > 0 && v > limit && last <= limit {
			acc++
		}
		last = v
	}
	f.acc[i], f.last[i] = acc, last
}

// value is the number of the bin of channel i, which holds n samples, and empties it.
func (f *Bin) value(i int, n int64) float64 {
	v := f.acc[i]
	f.acc[i] = 0
	switch f.Measure {
	case binPower:
		return v / float64(n)
	case binRMS:
		return math.Sqrt(v / float64(n))
	default:
		return v
	}
}

// Flush returns the bin that the end has left open.
func (f *Bin) Flush() (signal.Chunk, error) {
	if !f.begun {
		return signal.Chunk{}, nil
	}
	f.begun = false
	end := f.held.end()
	n := 0
	if f.filled > 0 {
		n = 1
	}
	out := f.out.Chunk(f.info, f.next, n)
	if n == 1 {
		for i, ch := range f.plain {
			out.X[ch][0] = f.value(i, f.filled)
		}
	}
	if f.next+int64(n) == f.axis.first() && len(f.held.events) > 0 {
		return signal.Chunk{}, fmt.Errorf("bin: the samples [%d, %d) between two gaps fill no bin of %g s, but they have %d events; bridge the gaps or use narrower bins", f.axis.begin, end, f.Width, len(f.held.events))
	}
	f.finish(&out, end)
	f.held.clear(len(f.triggers))
	return out, nil
}

// finish fills in what is not summed up, the stretch having come to sample end, and moves on behind out.
func (f *Bin) finish(out *signal.Chunk, end int64) {
	n := int64(out.Len())
	if n == 0 {
		*out = signal.Chunk{}
		return
	}
	out.Time = f.held.time(f.next * f.axis.down)
	for i, ch := range f.triggers {
		for k := range n {
			lo, hi := f.axis.span(f.next + k)
			out.X[ch][k] = f.held.code(i, max(lo, f.held.from), min(hi, end))
		}
	}
	f.next += n
	out.Events = f.events()
	f.held.drop(f.next * f.axis.down)
}

// Renumber is the bin that a sample lies in, the first one for those that lie in front of it.
func (f *Bin) Renumber(sample int64) int64 { return max(floorDiv(sample, f.axis.down), f.axis.first()) }

// events is those that lie in bins before the next one, and in front of the first. It is valid until the next call.
func (f *Bin) events() []signal.Event {
	h := &f.held
	h.taken = h.taken[:0]
	n := 0
	for ; n < len(h.events); n++ {
		e := h.events[n]
		if e.Sample = f.Renumber(e.Sample); e.Sample >= f.next {
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
