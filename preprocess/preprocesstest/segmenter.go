package preprocesstest

import (
	"cmp"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// RunSegmenter checks that the segmenter called name keeps the promises of preprocess.Segmenter on the stream of Info.
// Construct returns a new one each time, with parameters that give at least one window on that stream, which lasts 5 s.
func RunSegmenter(t *testing.T, name string, construct func() preprocess.Segmenter) {
	t.Helper()
	info := Info()
	in := play(info, 1)
	s := segmenter{name, construct}
	want := s.run(t, construct(), in, cuts(in.Len())[0])
	if len(want.windows) == 0 {
		t.Fatalf("%s: no window in %d samples with %d events", name, in.Len(), len(in.Events))
	}
	t.Run("chunks", func(t *testing.T) {
		for _, k := range cuts(in.Len())[1:] {
			s.compare(t, k.name, s.run(t, construct(), in, k), want)
		}
	})
	t.Run("start again", func(t *testing.T) {
		seg := construct()
		k := cuts(in.Len())[3]
		s.run(t, seg, play(info, 2), k)
		s.compare(t, "behind another stream", s.run(t, seg, in, k), want)
	})
	t.Run("late events", func(t *testing.T) { s.late(t, in, want) })
	t.Run("gap", func(t *testing.T) { s.gap(t, in) })
	t.Run("input untouched", func(t *testing.T) {
		seg := construct()
		s.start(t, seg, info)
		cuts(in.Len())[4].chunks(in, func(c signal.Chunk) {
			before := c.Clone()
			if _, err := seg.Push(c); err != nil {
				t.Fatalf("%s: Push: %v", name, err)
			}
			if !equal(c, before) {
				t.Fatalf("%s: Push writes to its input", name)
			}
		})
	})
	t.Run("allocations", func(t *testing.T) { s.allocations(t) })
	t.Run("empty stream", func(t *testing.T) {
		seg := construct()
		s.start(t, seg, info)
		if m := seg.End(); len(m) > 0 {
			t.Errorf("%s: End without a chunk returns %d misses", name, len(m))
		}
	})
}

type segmenter struct {
	name      string
	construct func() preprocess.Segmenter
}

type cutting struct {
	windows []signal.Window // copies
	misses  []preprocess.Miss
}

func (s segmenter) start(t *testing.T, seg preprocess.Segmenter, info *signal.Info) int {
	t.Helper()
	before := clone(info)
	n, err := seg.Start(info)
	if err != nil {
		t.Fatalf("%s: Start: %v", s.name, err)
	}
	if n < 1 {
		t.Fatalf("%s: Start says that windows have %d samples", s.name, n)
	}
	if !reflect.DeepEqual(info, before) {
		t.Fatalf("%s: Start changes its input", s.name)
	}
	return n
}

// run plays in through seg from Start to End. Every window must be the part of in that it says it is.
func (s segmenter) run(t *testing.T, seg preprocess.Segmenter, in signal.Chunk, k cut) cutting {
	t.Helper()
	n := s.start(t, seg, in.Info)
	var got cutting
	pushed := in.Start
	k.chunks(in, func(c signal.Chunk) {
		windows, err := seg.Push(c)
		if err != nil {
			t.Fatalf("%s: Push: %v", s.name, err)
		}
		before := pushed
		pushed += int64(c.Len())
		for ch := range c.X { // it belongs to others, who may use it again
			clear(c.X[ch])
		}
		for _, w := range windows {
			s.check(t, w, in, n, before, pushed)
			got.windows = append(got.windows, w.Clone())
		}
	})
	got.misses = seg.End()
	if again := seg.End(); len(again) > 0 {
		t.Fatalf("%s: End returns %d misses a second time", s.name, len(again))
	}
	if !slices.IsSortedFunc(got.windows, func(a, b signal.Window) int { return int(a.End() - b.End()) }) {
		t.Fatalf("%s: the windows are not in the order of their last sample", s.name)
	}
	for _, m := range got.misses {
		if m.Why == "" || !slices.Contains(in.Events, m.Event) {
			t.Fatalf("%s: the miss %+v must be one of the events and say why", s.name, m)
		}
	}
	return got
}

// check compares w, which came when the samples up to, not including, number end were there, with the stream.
func (s segmenter) check(t *testing.T, w signal.Window, in signal.Chunk, n int, before, end int64) {
	t.Helper()
	if w.Len() != n || len(w.X) != len(in.X) || w.Info != in.Info {
		t.Fatalf("%s: a window of %d channels × %d samples, must be %d × %d", s.name, len(w.X), w.Len(), len(in.X), n)
	}
	if w.Start < in.Start || w.End() > end {
		t.Fatalf("%s: the window [%d, %d), but there are the samples [%d, %d)", s.name, w.Start, w.End(), in.Start, end)
	}
	ready := w.End() // or when the event is known, where the window lies before it
	if w.Event != nil {
		ready = max(ready, w.Event.Sample+1)
	}
	if ready <= before {
		t.Fatalf("%s: the window [%d, %d) comes late, with the samples up to %d", s.name, w.Start, w.End(), end)
	}
	for ch, x := range in.Slice(w.Start, w.End()).X {
		if !slices.EqualFunc(w.X[ch], x, same) {
			t.Fatalf("%s: channel %d of the window [%d, %d) is not that part of the stream", s.name, ch, w.Start, w.End())
		}
	}
	if want := in.TimeAt(w.End() - 1); w.Time != want {
		t.Fatalf("%s: the window [%d, %d) has the time %d, its newest sample has %d", s.name, w.Start, w.End(), w.Time, want)
	}
	if (w.Event == nil) != (w.Label == "") {
		t.Fatalf("%s: a window with the event %v and the label %q, must have both or none", s.name, w.Event, w.Label)
	}
	if w.Event != nil && !slices.Contains(in.Events, *w.Event) {
		t.Fatalf("%s: the window's event %+v is none of the stream's", s.name, *w.Event)
	}
}

func (s segmenter) compare(t *testing.T, what string, got, want cutting) {
	t.Helper()
	if len(got.windows) != len(want.windows) {
		t.Errorf("%s: %s: %d windows, must be %d", s.name, what, len(got.windows), len(want.windows))
		return
	}
	for i, w := range want.windows {
		if g := got.windows[i]; g.Start != w.Start || g.Time != w.Time || g.Label != w.Label || !reflect.DeepEqual(g.Event, w.Event) {
			t.Errorf("%s: %s: window %d is at %d of %q, must be at %d of %q", s.name, what, i, g.Start, g.Label, w.Start, w.Label)
			return
		} // the samples have been compared with the stream
	}
	if !slices.Equal(got.misses, want.misses) {
		t.Errorf("%s: %s: the misses are %v, must be %v", s.name, what, got.misses, want.misses)
	}
}

// late compares a segmenter that is told of events up to a second behind their samples with what it did when they came in time.
func (s segmenter) late(t *testing.T, in signal.Chunk, want cutting) {
	seg := s.construct()
	r, ok := seg.(preprocess.Recaller)
	if !ok {
		return
	}
	n := s.start(t, seg, in.Info)
	rng := rand.New(rand.NewPCG(9, 9))
	told := make([]int64, len(in.Events)) // the sample from which each is known
	for i, e := range in.Events {
		told[i] = e.Sample + rng.Int64N(int64(signal.MaxLate*in.Info.Rate)+1)*int64(i%2)
	}
	var got cutting
	late := 0
	take := func(before, end int64) { // what is known from a sample in [before, end) on
		var past []signal.Event
		for i, e := range in.Events {
			if before <= told[i] && told[i] < end && e.Sample < before {
				past = append(past, e)
			}
		}
		if late += len(past); len(past) == 0 {
			return
		}
		ws, missed := r.Recall(past)
		for _, w := range ws {
			s.check(t, w, in, n, in.Start-1, before)
			got.windows = append(got.windows, w.Clone())
		}
		got.misses = append(got.misses, missed...)
	}
	for at := in.Start; at < in.End(); at += 23 {
		c := in.Slice(at, min(at+23, in.End()))
		take(c.Start, c.End())
		var events []signal.Event
		for i, e := range in.Events {
			if told[i] < c.End() && c.Start <= e.Sample && e.Sample < c.End() {
				events = append(events, e)
			}
		}
		c.Events = events
		ws, err := seg.Push(c)
		if err != nil {
			t.Fatalf("%s: Push: %v", s.name, err)
		}
		for _, w := range ws {
			s.check(t, w, in, n, in.Start-1, c.End())
			got.windows = append(got.windows, w.Clone())
		}
	}
	take(in.End(), math.MaxInt64)
	got.misses = append(got.misses, seg.End()...)
	if late < len(in.Events)/4 {
		t.Fatalf("%s: only %d of %d events were late", s.name, late, len(in.Events))
	}
	inOrder := func(c cutting) cutting {
		slices.SortStableFunc(c.windows, func(a, b signal.Window) int {
			return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Event.Label, b.Event.Label)) // of one sample those that were in time come first
		})
		slices.SortStableFunc(c.misses, func(a, b preprocess.Miss) int { return cmp.Compare(a.Event.Sample, b.Event.Sample) })
		return c
	}
	got, want = inOrder(got), inOrder(cutting{slices.Clone(want.windows), slices.Clone(want.misses)})
	s.compare(t, "with late events", cutting{windows: got.windows}, cutting{windows: want.windows})
	if len(got.misses) != len(want.misses) {
		t.Errorf("%s: with late events: the misses are %v, must be of the same events as %v", s.name, got.misses, want.misses)
		return
	}
	for i, m := range got.misses { // what is told of the data may be another number: how far they reach now
		if m.Event != want.misses[i].Event || m.Why == "" {
			t.Errorf("%s: with late events: miss %d is %+v, must be of %+v", s.name, i, m, want.misses[i].Event)
		}
	}
}

// gap compares a segmenter that is started again behind a gap with a new one. One that is not told must not cut over it.
func (s segmenter) gap(t *testing.T, in signal.Chunk) {
	middle := in.Start + int64(in.Len())/2
	before, after := in.Slice(in.Start, middle-13), in.Slice(middle, in.End())
	want := s.run(t, s.construct(), after, cuts(after.Len())[0])
	seg := s.construct()
	s.run(t, seg, before, cuts(before.Len())[4])
	s.compare(t, "behind a gap", s.run(t, seg, after, cuts(after.Len())[4]), want)

	s.start(t, seg, in.Info)
	if _, err := seg.Push(before); err != nil {
		t.Fatalf("%s: Push: %v", s.name, err)
	}
	if _, err := seg.Push(after); err == nil {
		t.Errorf("%s: Push takes a chunk behind a gap without a Start, must be an error", s.name)
	}
}

// allocations checks that a chunk as long as one before needs no memory.
func (s segmenter) allocations(t *testing.T) {
	info := Info()
	seg := s.construct()
	n := s.start(t, seg, info)
	c := play(info, 3)
	c = c.Slice(c.Start, c.Start+32).Clone()
	c.Events = []signal.Event{{Sample: c.Start + 5, Label: "T1"}, {Sample: c.Start + 9, Label: "T0"}}
	lent := 0
	push := func() {
		windows, err := seg.Push(c)
		if err != nil {
			t.Fatalf("%s: Push: %v", s.name, err)
		}
		lent += len(windows)
		forward(&c)
	}
	for range 8*n/32 + 64 {
		push()
	}
	lent = 0
	if a := testing.AllocsPerRun(8*n/32+200, push); a > 0 {
		t.Errorf("%s: %g allocations per chunk, must be 0", s.name, a)
	}
	if lent == 0 {
		t.Errorf("%s: no window while allocations were counted", s.name)
	}
}
