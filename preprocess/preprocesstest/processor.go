package preprocesstest

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// Run checks that the processor called name keeps the promises of preprocess.Processor on the stream of Info. Construct
// returns a new one each time, with parameters that fit that stream.
func Run(t *testing.T, name string, construct func() preprocess.Processor) {
	t.Helper()
	info := Info()
	in := play(info, 1)
	p := processor{name, construct}
	want := p.run(t, construct(), in, cuts(in.Len())[0])
	if want.len() == 0 {
		t.Fatalf("%s: %d samples in, none out", name, in.Len())
	}
	t.Run("chunks", func(t *testing.T) {
		for _, k := range cuts(in.Len())[1:] {
			p.compare(t, k.name, p.run(t, construct(), in, k), want)
		}
	})
	t.Run("start again", func(t *testing.T) {
		step := construct()
		k := cuts(in.Len())[3]
		p.run(t, step, play(info, 2), k)
		p.compare(t, "behind another stream", p.run(t, step, in, k), want)
	})
	t.Run("gap", func(t *testing.T) { p.gap(t, in) })
	t.Run("NaN", func(t *testing.T) { p.nan(t, in, want) })
	t.Run("input untouched", func(t *testing.T) { p.untouched(t, in) })
	t.Run("numbers and times", func(t *testing.T) { p.axis(t, in, want) })
	t.Run("numbers of the past", func(t *testing.T) { p.renumbers(t, in) })
	t.Run("allocations", func(t *testing.T) { p.allocations(t) })
	t.Run("empty stream", func(t *testing.T) {
		step := construct()
		p.start(t, step, info)
		if c, err := step.Flush(); err != nil || c.Len() != 0 {
			t.Errorf("%s: Flush without a chunk returns %d samples and the error %v, must be none", name, c.Len(), err)
		}
	})
}

// ChannelsApart checks that what comes out of each channel depends on this channel alone: a NaN in one reaches no other.
// The output must have the channels of the input.
func ChannelsApart(t *testing.T, construct func() preprocess.Processor) {
	t.Helper()
	in := play(Info(), 1)
	p := processor{"step", construct}
	k := cuts(in.Len())[3]
	want := p.run(t, construct(), in, k)
	for bad := range in.X {
		spoilt := in.Clone()
		spoilt.X[bad][400] = math.NaN()
		got := p.run(t, construct(), spoilt, k)
		for ch := range want.x {
			for i := range want.x[ch] {
				if ch != bad && !same(got.x[ch][i], want.x[ch][i]) {
					t.Fatalf("NaN in channel %d changes channel %d at sample %d from %v to %v", bad, ch, i, want.x[ch][i], got.x[ch][i])
				}
			}
		}
		if i := slices.IndexFunc(got.x[bad], math.IsNaN); i < 400 {
			t.Fatalf("NaN at sample 400 of channel %d comes out at %d, must not be hidden and not be early", bad, i)
		}
	}
}

type processor struct {
	name      string
	construct func() preprocess.Processor
}

// output is everything that came out of one run, one behind the other.
type output struct {
	info   *signal.Info
	start  int64
	times  []int64 // of every sample
	x      [][]float64
	events []signal.Event
}

func (o *output) len() int { return len(o.times) }

func (p processor) start(t *testing.T, step preprocess.Processor, info *signal.Info) *signal.Info {
	t.Helper()
	before := clone(info)
	out, err := step.Start(info)
	if err != nil {
		t.Fatalf("%s: Start: %v", p.name, err)
	}
	if !reflect.DeepEqual(info, before) {
		t.Fatalf("%s: Start changes its input", p.name)
	}
	if err := out.Validate(); err != nil {
		t.Fatalf("%s: Start describes what no stream can be: %v", p.name, err)
	}
	return out
}

// run plays in through step from Start to Flush.
func (p processor) run(t *testing.T, step preprocess.Processor, in signal.Chunk, k cut) *output {
	t.Helper()
	o := &output{info: p.start(t, step, in.Info)}
	k.chunks(in, func(c signal.Chunk) {
		got, err := step.Process(c)
		if err != nil {
			t.Fatalf("%s: Process: %v", p.name, err)
		}
		p.take(t, o, got)
	})
	rest, err := step.Flush()
	if err != nil {
		t.Fatalf("%s: Flush: %v", p.name, err)
	}
	p.take(t, o, rest)
	return o
}

// take appends c to o.
func (p processor) take(t *testing.T, o *output, c signal.Chunk) {
	t.Helper()
	if c.Len() == 0 {
		if len(c.Events) > 0 {
			t.Fatalf("%s: an empty chunk with %d events", p.name, len(c.Events))
		}
		return
	}
	if !reflect.DeepEqual(c.Info, o.info) {
		t.Fatalf("%s: a chunk is described as %v, Start said %v", p.name, c.Info, o.info)
	}
	if len(c.X) != len(o.info.Channels) {
		t.Fatalf("%s: a chunk of %d channels, Start said %d", p.name, len(c.X), len(o.info.Channels))
	}
	if o.len() == 0 {
		o.start, o.x = c.Start, make([][]float64, len(c.X))
	}
	if end := o.start + int64(o.len()); c.Start != end {
		t.Fatalf("%s: a chunk starts at sample %d, the one before ended at %d", p.name, c.Start, end)
	}
	for ch, x := range c.X {
		if len(x) != c.Len() {
			t.Fatalf("%s: channel %d has %d samples, channel 0 has %d", p.name, ch, len(x), c.Len())
		}
		o.x[ch] = append(o.x[ch], x...)
	}
	for s := c.Start; s < c.End(); s++ {
		o.times = append(o.times, c.TimeAt(s))
	}
	at := c.Start
	for _, e := range c.Events {
		if e.Sample < at || e.Sample >= c.End() {
			t.Fatalf("%s: an event at sample %d in the chunk [%d, %d), behind sample %d", p.name, e.Sample, c.Start, c.End(), at)
		}
		at = e.Sample
		o.events = append(o.events, e)
	}
}

// compare reports the first difference.
func (p processor) compare(t *testing.T, what string, got, want *output) {
	t.Helper()
	switch {
	case !reflect.DeepEqual(got.info, want.info):
		t.Errorf("%s: %s: described as %v, must be %v", p.name, what, got.info, want.info)
	case got.start != want.start || got.len() != want.len():
		t.Errorf("%s: %s: samples [%d, +%d), must be [%d, +%d)", p.name, what, got.start, got.len(), want.start, want.len())
	case !slices.Equal(got.times, want.times):
		t.Errorf("%s: %s: other times", p.name, what)
	case !slices.Equal(got.events, want.events):
		t.Errorf("%s: %s: the events are %v, must be %v", p.name, what, got.events, want.events)
	default:
		for ch := range want.x {
			for i, v := range want.x[ch] {
				if !same(got.x[ch][i], v) {
					t.Errorf("%s: %s: channel %d sample %d is %v, must be %v", p.name, what, ch, i, got.x[ch][i], v)
					return
				}
			}
		}
	}
}

// gap compares a step that is started again behind a gap with a new one.
func (p processor) gap(t *testing.T, in signal.Chunk) {
	before, after := in.Slice(in.Start, in.Start+501), in.Slice(in.Start+700, in.End())
	want := p.run(t, p.construct(), after, cuts(after.Len())[0])
	step := p.construct()
	p.run(t, step, before, cuts(before.Len())[4])
	p.compare(t, "behind a gap", p.run(t, step, after, cuts(after.Len())[4]), want)
}

// nan checks that cuts do not show with NaN in the data either, and that a start forgets it.
func (p processor) nan(t *testing.T, in signal.Chunk, clean *output) {
	spoilt := in.Clone()
	for ch := range spoilt.X {
		spoilt.X[ch][300+7*ch] = math.NaN()
	}
	step := p.construct()
	want := p.run(t, step, spoilt, cuts(in.Len())[0])
	for _, k := range cuts(in.Len())[1:] {
		p.compare(t, "NaN "+k.name, p.run(t, step, spoilt, k), want)
	}
	p.compare(t, "started again behind NaN", p.run(t, step, in, cuts(in.Len())[0]), clean)
}

func (p processor) untouched(t *testing.T, in signal.Chunk) {
	step := p.construct()
	p.start(t, step, in.Info)
	cuts(in.Len())[4].chunks(in, func(c signal.Chunk) {
		before, info, beforeInfo := c.Clone(), c.Info, clone(c.Info)
		if _, err := step.Process(c); err != nil {
			t.Fatalf("%s: Process: %v", p.name, err)
		}
		if !equal(c, before) || c.Info != info || !reflect.DeepEqual(info, beforeInfo) {
			t.Fatalf("%s: Process writes to its input", p.name)
		}
	})
}

// axis checks sample numbers, times and events of a step that keeps the rate; one that changes it must say so itself.
func (p processor) axis(t *testing.T, in signal.Chunk, got *output) {
	labels := func(events []signal.Event) (l []string) {
		for _, e := range events {
			l = append(l, e.Label)
		}
		return l
	}
	if !slices.Equal(labels(got.events), labels(in.Events)) {
		t.Errorf("%s: the events %v come out as %v", p.name, labels(in.Events), labels(got.events))
	}
	if got.info.Rate != rate {
		return
	}
	if got.start != in.Start || got.len() != in.Len() {
		t.Errorf("%s: the samples [%d, +%d) come out as [%d, +%d)", p.name, in.Start, in.Len(), got.start, got.len())
	}
	for i, at := range got.times {
		if want := in.TimeAt(got.start + int64(i)); at != want {
			t.Fatalf("%s: sample %d was measured at %d, comes out with the time %d", p.name, got.start+int64(i), want, at)
		}
	}
	if !slices.Equal(got.events, in.Events) {
		t.Errorf("%s: the events %v come out as %v", p.name, in.Events, got.events)
	}
}

// renumbers checks that a step which changes the rate says at which sample of its output an event of the past is.
func (p processor) renumbers(t *testing.T, in signal.Chunk) {
	step := p.construct()
	out := p.start(t, step, in.Info)
	r, ok := step.(preprocess.Renumberer)
	if !ok {
		if out.Rate != in.Info.Rate {
			t.Errorf("%s changes the rate, must be a preprocess.Renumberer", p.name)
		}
		return
	}
	got, err := step.Process(in)
	if err != nil {
		t.Fatalf("%s: Process: %v", p.name, err)
	}
	if len(got.Events) == 0 {
		t.Fatalf("%s: no event comes out", p.name)
	}
	for i, e := range got.Events {
		if was := in.Events[i]; r.Renumber(was.Sample) != e.Sample {
			t.Errorf("%s: the event at sample %d comes out at %d, Renumber says %d", p.name, was.Sample, e.Sample, r.Renumber(was.Sample))
		}
	}
}

// allocations checks that a chunk as long as one before needs no memory.
func (p processor) allocations(t *testing.T) {
	info := Info()
	step := p.construct()
	p.start(t, step, info)
	c := play(info, 3)
	c = c.Slice(c.Start, c.Start+32)
	push := func() {
		if _, err := step.Process(c); err != nil {
			t.Fatalf("%s: Process: %v", p.name, err)
		}
		forward(&c)
	}
	for range 64 {
		push()
	}
	if n := testing.AllocsPerRun(200, push); n > 0 {
		t.Errorf("%s: %g allocations per chunk, must be 0", p.name, n)
	}
}

// forward makes c the chunk behind itself.
func forward(c *signal.Chunk) {
	n := int64(c.Len())
	c.Start += n
	c.Time += n * tick
	for i := range c.Events {
		c.Events[i].Sample += n
	}
}

func clone(info *signal.Info) *signal.Info {
	out := *info
	out.Channels = slices.Clone(info.Channels)
	return &out
}

func equal(a, b signal.Chunk) bool {
	return a.Start == b.Start && a.Time == b.Time && slices.Equal(a.Events, b.Events) &&
		slices.EqualFunc(a.X, b.X, func(x, y []float64) bool { return slices.EqualFunc(x, y, same) })
}
