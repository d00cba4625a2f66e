package preprocesstest

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// RunOffline checks that the step called name keeps the promises of preprocess.Offline on stretches of the stream of
// Info. Construct returns a new one each time, with parameters that fit that stream.
func RunOffline(t *testing.T, name string, construct func() preprocess.Offline) {
	t.Helper()
	info := Info()
	in := play(info, 1)
	o := offline{name, construct}
	mine := in.Clone()
	want := o.apply(t, construct(), mine)
	if !equal(mine, in) || !reflect.DeepEqual(info, Info()) {
		t.Fatalf("%s: Apply writes to its input", name)
	}
	if want.Len() == 0 {
		t.Fatalf("%s: %d samples in, none out", name, in.Len())
	}
	t.Run("again", func(t *testing.T) {
		step := construct()
		o.apply(t, step, play(info, 2))
		o.apply(t, step, in.Slice(in.Start+100, in.Start+777))
		o.same(t, "behind other stretches", o.apply(t, step, in), want)
		o.same(t, "by another one", o.apply(t, construct(), in), want)
	})
	t.Run("own memory", func(t *testing.T) { o.memory(t, in, want) })
	t.Run("numbers and times", func(t *testing.T) {
		o.axis(t, in, want)
		o.axis(t, in.Slice(in.Start+501, in.End()), o.apply(t, construct(), in.Slice(in.Start+501, in.End())))
	})
	t.Run("gap", func(t *testing.T) {
		before := o.apply(t, construct(), in.Slice(in.Start, in.Start+501))
		after := o.apply(t, construct(), in.Slice(in.Start+502, in.End()))
		if before.End() > after.Start {
			t.Errorf("%s: before a gap of one sample the output ends at sample %d, behind it it begins at %d", name, before.End(), after.Start)
		}
	})
	t.Run("NaN", func(t *testing.T) { o.nan(t, in, want) })
	t.Run("short", func(t *testing.T) { o.short(t, in) })
}

type offline struct {
	name      string
	construct func() preprocess.Offline
}

// apply runs step on c and checks what comes out by itself.
func (o offline) apply(t *testing.T, step preprocess.Offline, c signal.Chunk) signal.Chunk {
	t.Helper()
	out, err := step.Apply(c)
	if err != nil {
		t.Fatalf("%s: Apply to %d samples: %v", o.name, c.Len(), err)
	}
	o.valid(t, out)
	return out
}

func (o offline) valid(t *testing.T, out signal.Chunk) {
	t.Helper()
	if out.Info == nil || len(out.X) != len(out.Info.Channels) {
		t.Fatalf("%s: %d channels come out, described as %v", o.name, len(out.X), out.Info)
	}
	if err := out.Info.Validate(); err != nil {
		t.Fatalf("%s: Apply describes what no stream can be: %v", o.name, err)
	}
	for ch, x := range out.X {
		if len(x) != out.Len() {
			t.Fatalf("%s: channel %d has %d samples, channel 0 has %d", o.name, ch, len(x), out.Len())
		}
	}
	at := out.Start
	for _, e := range out.Events {
		if e.Sample < at || e.Sample >= out.End() {
			t.Fatalf("%s: an event at sample %d in the chunk [%d, %d), behind sample %d", o.name, e.Sample, out.Start, out.End(), at)
		}
		at = e.Sample
	}
}

func (o offline) same(t *testing.T, what string, got, want signal.Chunk) {
	t.Helper()
	if !reflect.DeepEqual(got.Info, want.Info) || !equal(got, want) {
		t.Errorf("%s: %s: another result for the same stretch", o.name, what)
	}
}

// memory checks that the input is not kept and that the output shares nothing with it.
func (o offline) memory(t *testing.T, in, want signal.Chunk) {
	step := o.construct()
	c := in.Clone()
	out := o.apply(t, step, c)
	for _, x := range c.X {
		for i := range x {
			x[i] = math.Inf(-1)
		}
	}
	for i := range c.Events {
		c.Events[i] = signal.Event{Sample: -1, Label: "gone"}
	}
	o.same(t, "when its input is overwritten", out, want)
	other := o.apply(t, step, play(in.Info, 2))
	o.same(t, "when it has seen another stretch", out, want)
	o.apply(t, step, in)
	for _, x := range out.X {
		clear(x)
	}
	o.same(t, "when another output is overwritten", other, o.apply(t, o.construct(), play(in.Info, 2)))
}

// axis checks sample numbers, times and events.
func (o offline) axis(t *testing.T, in, got signal.Chunk) {
	t.Helper()
	labels := func(events []signal.Event) (l []string) {
		for _, e := range events {
			l = append(l, e.Label)
		}
		return l
	}
	if !slices.Equal(labels(got.Events), labels(in.Events)) {
		t.Fatalf("%s: the events %v come out as %v", o.name, labels(in.Events), labels(got.Events))
	}
	if got.Info.Rate == in.Info.Rate {
		if got.Start != in.Start || got.Len() != in.Len() || got.Time != in.Time {
			t.Errorf("%s: the samples [%d, +%d) at %d come out as [%d, +%d) at %d", o.name, in.Start, in.Len(), in.Time, got.Start, got.Len(), got.Time)
		}
		if !slices.Equal(got.Events, in.Events) {
			t.Errorf("%s: the events %v come out as %v", o.name, in.Events, got.Events)
		}
		return
	}
	period := 1e9 / got.Info.Rate
	if off := got.TimeAt(0) - in.TimeAt(0); off < -1 || off > 1 {
		t.Errorf("%s: sample 0 of the stream would lie %d ns off its time", o.name, off)
	}
	if late := got.Time - in.Time; late < -1 || float64(late) > period {
		t.Errorf("%s: the output begins %d ns behind the input, must be at most a sample of %g ns", o.name, late, period)
	}
	if over := got.TimeAt(got.End()-1) - in.TimeAt(in.End()); over >= 0 || float64(over) < -2*period {
		t.Errorf("%s: the last sample of the output lies %d ns behind the end of the input, must be at most two samples of %g ns before it", o.name, over, period)
	}
	for i, e := range got.Events {
		was := in.Events[i]
		off := math.Abs(float64(got.TimeAt(e.Sample) - in.TimeAt(was.Sample)))
		allowed := period/2 + 1
		if e.Sample == got.Start || e.Sample == got.End()-1 { // there is no nearer one
			allowed = 1.5 * period
		}
		if off > allowed {
			t.Errorf("%s: the event at sample %d comes out at %d, %g ns off, a sample lasts %g", o.name, was.Sample, e.Sample, off, period)
		}
		e.Sample, was.Sample = 0, 0
		if e != was {
			t.Errorf("%s: the event %v comes out as %v", o.name, was, e)
		}
	}
}

// nan checks that a NaN is an error or stays in what becomes of its channel, where it shows.
func (o offline) nan(t *testing.T, in, clean signal.Chunk) {
	source := make([]int, len(clean.X)) // of which channel each output is, as far as is known
	for ch := range source {
		source[ch] = -1
		if len(clean.X) == len(in.X) {
			source[ch] = ch
		}
	}
	for bad, c := range in.Info.Channels {
		if c.Kind == signal.Trigger {
			continue
		}
		for _, v := range []float64{math.NaN(), math.Inf(1)} {
			spoilt := in.Clone()
			spoilt.X[bad][400] = v
			out, err := o.construct().Apply(spoilt)
			if err != nil {
				continue
			}
			o.valid(t, out)
			if len(out.X) != len(clean.X) {
				t.Fatalf("%s: takes a %g and returns %d channels, %d without: must be an error", o.name, v, len(out.X), len(clean.X))
			}
			for ch, x := range out.X {
				broken := slices.ContainsFunc(x, func(y float64) bool { return y-y != 0 })
				if source[ch] == -1 && broken {
					source[ch] = bad
				}
				switch {
				case source[ch] == bad && !broken:
					t.Errorf("%s: a %g in channel %d is hidden: must come out, or be an error", o.name, v, bad)
				case source[ch] != bad && !slices.EqualFunc(x, clean.X[ch], same):
					t.Errorf("%s: a %g in channel %d changes channel %d: must be an error", o.name, v, bad, ch)
				}
			}
		}
	}
}

// short checks that a stretch of a few samples is an error or becomes numbers.
func (o offline) short(t *testing.T, in signal.Chunk) {
	for _, n := range []int64{1, 2, 3, 10} {
		out, err := o.construct().Apply(in.Slice(in.Start, in.Start+n))
		if err != nil {
			continue
		}
		o.valid(t, out)
		for ch, x := range out.X {
			if i := slices.IndexFunc(x, func(y float64) bool { return y-y != 0 }); i >= 0 {
				t.Errorf("%s: %d samples: sample %d of channel %d is %g: must be a number, or all an error", o.name, n, i, ch, x[i])
			}
		}
	}
}
