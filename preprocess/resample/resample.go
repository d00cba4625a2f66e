// Package resample changes the sampling rate: a causal polyphase filter for streams, and the Fourier transform for
// finished recordings.
//
// Sample numbers, times and events move to the new axis: sample k of the output lies at k/rate_hz seconds of the stream,
// whatever the first sample was and behind every gap. An event goes to the nearest sample that comes out, rounded once.
// Triggers are codes and are not filtered: each sample of the output takes the first code other than 0 of the samples it
// stands for, or their first value.
package resample

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.Register("resample", func() preprocess.Processor { return &Resample{Rate: 128} })
}

// Resample changes the sampling rate with the filter of scipy.signal.resample_poly (see dsp.Polyphase). It delays nothing:
// samples come out with the time they belong to, once the filter has seen HeldSeconds beyond them, and the rest at the end
// of the stream. The ends are extended by their mirror image, as MNE does (method "polyphase").
//
// The ratio of the rates must be a ratio of whole numbers up to dsp.MaxRatio. A NaN spoils the outputs within HeldSeconds
// on both sides.
//
// With the ratio up/down of the rates, up−1 zeros are put between samples, a low-pass at the lower of the two half rates is
// run over them, and one of down samples is kept (Crochiere and Rabiner 1981, doi:10.1109/PROC.1981.11969;
// https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.resample_poly.html). [channels][samples] in the unit of
// the channels.
type Resample struct {
	Rate float64 `json:"rate_hz" doc:"new sampling rate in Hz; over the old one it must be a ratio of whole numbers up to 20000"`

	in, info *signal.Info
	up, down int64
	plan     *dsp.Polyphase // nil where the rates are the same
	state    *dsp.PolyphaseState
	axis     axis
	next     int64 // number of the next output
	filtered []int // channels that are filtered
	triggers []int
	held     held
	out      signal.Buffer
	x, y     [][]float64 // scratch: the filtered channels of a chunk, in and out
}

// Start designs the filter for in.Rate and clears the memory.
func (f *Resample) Start(in *signal.Info) (*signal.Info, error) {
	up, down, err := ratio(in.Rate, f.Rate)
	if err != nil {
		return nil, fmt.Errorf("resample: %w", err)
	}
	if !slices.ContainsFunc(in.Channels, func(c signal.Channel) bool { return c.Kind != signal.Trigger }) {
		return nil, fmt.Errorf("resample: %s are all triggers, must have a channel to filter", in)
	}
	if f.plan == nil || f.up != int64(up) || f.down != int64(down) {
		f.plan = nil
		if up != down {
			if f.plan, err = dsp.NewPolyphase(up, down); err != nil {
				return nil, fmt.Errorf("resample: %w", err)
			}
		}
	}
	f.in, f.up, f.down, f.state = in, int64(up), int64(down), nil
	f.filtered, f.triggers = nil, nil
	for ch, c := range in.Channels {
		if c.Kind == signal.Trigger {
			f.triggers = append(f.triggers, ch)
		} else {
			f.filtered = append(f.filtered, ch)
		}
	}
	f.x, f.y = make([][]float64, len(f.filtered)), make([][]float64, len(f.filtered))
	f.held.clear(len(f.triggers))
	info := *in
	info.Rate = f.Rate
	f.info = &info
	return f.info, nil
}

// ratio is to/rate as a fraction without a common divisor.
func ratio(rate, to float64) (up, down int, err error) {
	if !(to > 0) || math.IsInf(to, 0) {
		return 0, 0, fmt.Errorf("rate_hz is %g, must be above 0 and finite", to)
	}
	whole := func(v float64) bool { return math.Abs(v-math.Round(v)) <= 1e-12*v && v < 1<<53 }
	for scale := 1.0; scale <= 1e6; scale *= 10 {
		if !whole(rate*scale) || !whole(to*scale) {
			continue
		}
		a, b := int64(math.Round(to*scale)), int64(math.Round(rate*scale))
		g, r := a, b
		for r != 0 {
			g, r = r, g%r
		}
		if a, b = a/g, b/g; max(a, b) > dsp.MaxRatio {
			return 0, 0, fmt.Errorf("rate_hz over the sampling rate is %d/%d, both must be at most %d: choose a rounder rate than %g for %g Hz", a, b, dsp.MaxRatio, to, rate)
		}
		return int(a), int(b), nil
	}
	return 0, 0, fmt.Errorf("rate_hz is %g and the sampling rate %g Hz: no ratio of whole numbers with at most six decimals; for a finished recording take the offline step resample_fft", to, rate)
}

// HeldSeconds is how long a sample waits for those that the filter needs behind it. Its time says when it was measured
// all the same. It is 0 before Start.
func (f *Resample) HeldSeconds() float64 {
	if f.plan == nil {
		return 0
	}
	return float64(f.plan.Ahead()) / f.in.Rate
}

// DelaySeconds is 0: what comes out lies where its time says.
func (f *Resample) DelaySeconds() float64 { return 0 }

// Ignores names none: every channel is resampled by itself.
func (f *Resample) Ignores() (names []string, separate bool) { return nil, true }

// Process returns the samples that c completes.
func (f *Resample) Process(c signal.Chunk) (signal.Chunk, error) {
	if c.Len() == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != len(f.in.Channels) {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(f.in.Channels))
	}
	if f.plan == nil {
		out := f.out.Like(c, f.info)
		for ch, x := range c.X {
			copy(out.X[ch], x)
		}
		return out, nil
	}
	if f.state == nil {
		f.axis = axis{up: f.up, down: f.down, begin: c.Start}
		f.next = f.axis.first()
		f.state = f.plan.NewState(len(f.filtered), int(f.next*f.down-c.Start*f.up))
	}
	f.held.push(c, f.triggers)
	n := f.state.Ready(c.Len())
	out := f.chunk(n)
	for i, ch := range f.filtered {
		f.x[i] = c.X[ch]
	}
	f.state.Push(f.y, f.x)
	clear(f.x) // the chunk belongs to others
	f.finish(&out, c.End())
	return out, nil
}

// Flush returns the samples that waited for the end.
func (f *Resample) Flush() (signal.Chunk, error) {
	if f.state == nil {
		return signal.Chunk{}, nil
	}
	end := f.held.end()
	out := f.chunk(f.state.Rest())
	f.state.Flush(f.y)
	if f.next+int64(out.Len()) == f.axis.first() && len(f.held.events) > 0 {
		return signal.Chunk{}, fmt.Errorf("resample: the samples [%d, %d) between two gaps are so few that none remains at %g Hz, but they have %d events; bridge the gaps or keep the rate", f.axis.begin, end, f.Rate, len(f.held.events))
	}
	f.held.last(f.axis, f.next+int64(out.Len())-1)
	f.finish(&out, end)
	f.state = nil
	return out, nil
}

// Renumber is the output that is nearest to a sample of the input.
func (f *Resample) Renumber(sample int64) int64 {
	if f.plan == nil {
		return sample
	}
	return f.axis.nearest(sample)
}

// chunk is the next n samples of output, to be filled, with f.y on the filtered channels.
func (f *Resample) chunk(n int) signal.Chunk {
	out := f.out.Chunk(f.info, f.next, n)
	for i, ch := range f.filtered {
		f.y[i] = out.X[ch]
	}
	return out
}

// finish fills in what is not filtered, the stretch having come to sample end, and moves on behind out.
func (f *Resample) finish(out *signal.Chunk, end int64) {
	n := int64(out.Len())
	if n == 0 {
		*out = signal.Chunk{}
		return
	}
	sample, part := f.axis.at(f.next)
	out.Time = f.held.time(sample) + nanoseconds(part, f.up, f.in.Rate)
	for i, ch := range f.triggers {
		for k := range n {
			lo, hi := f.axis.span(f.next + k)
			out.X[ch][k] = f.held.code(i, lo, min(hi, end))
		}
	}
	f.next += n
	out.Events = f.held.take(f.axis, f.next)
	sample, _ = f.axis.span(f.next)
	f.held.drop(sample)
}
