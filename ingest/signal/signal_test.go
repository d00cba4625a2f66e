package signal

import (
	"math"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

func twoChannels() *Info {
	return &Info{Rate: 160, Channels: []Channel{{Name: "C3", Kind: EEG, Unit: Microvolt}, {Name: "C4", Kind: EEG, Unit: Microvolt}}}
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Info)
		want   string
	}{
		"good":       {func(*Info) {}, ""},
		"no rate":    {func(i *Info) { i.Rate = 0 }, "sampling rate is 0"},
		"NaN":        {func(i *Info) { i.Rate = math.NaN() }, "sampling rate is NaN"},
		"infinite":   {func(i *Info) { i.Rate = math.Inf(1) }, "sampling rate is +Inf"},
		"none":       {func(i *Info) { i.Channels = nil }, "no channels"},
		"nameless":   {func(i *Info) { i.Channels[1].Name = "" }, "channel 1 has no name"},
		"same names": {func(i *Info) { i.Channels[1].Name = "C3" }, `channels 0 and 1 are both named "C3"`},
	} {
		i := twoChannels()
		tc.change(i)
		if err := i.Validate(); (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
}

func TestSamplesRound(t *testing.T) {
	i := &Info{Rate: 250}
	for seconds, want := range map[float64]int64{0: 0, 0.5: 125, 0.0019: 0, 0.0021: 1, -0.5: -125, 3.5: 875} {
		if got := i.Samples(seconds); got != want {
			t.Errorf("%g s: %d samples, want %d", seconds, got, want)
		}
	}
}

// ramp is a chunk whose values say where they are: 1000·channel + sample number.
func ramp(info *Info, start int64, n int) Chunk {
	c := NewChunk(info, start, n)
	c.Time = 5e9 + start*1e9/160
	for ch := range c.X {
		for t := range c.X[ch] {
			c.X[ch][t] = float64(1000*ch) + float64(start) + float64(t)
		}
	}
	return c
}

func TestChunkSlice(t *testing.T) {
	c := ramp(twoChannels(), 100, 50)
	c.Events = []Event{{Sample: 100, Label: "a"}, {Sample: 110, Label: "b"}, {Sample: 110, Label: "c"}, {Sample: 149, Label: "d"}}
	s := c.Slice(110, 120)
	if s.Start != 110 || s.Len() != 10 || s.End() != 120 || s.X[1][0] != 1110 || s.X[0][9] != 119 {
		t.Errorf("got [%d, %d) with %v", s.Start, s.End(), s.X)
	}
	if len(s.Events) != 2 || s.Events[0].Label != "b" {
		t.Errorf("events %v", s.Events)
	}
	if want := c.Time + 62_500_000; s.Time != want { // 10 samples at 160 Hz
		t.Errorf("time %d, want %d", s.Time, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("a slice beyond the end did not panic")
		}
	}()
	c.Slice(110, 151)
}

func TestCloneSharesNothing(t *testing.T) {
	c := ramp(twoChannels(), 0, 4)
	c.Events, c.Anew = []Event{{Label: "a"}}, true
	d := c.Clone()
	if diff := cmp.Diff(c, d); diff != "" {
		t.Error(diff)
	}
	c.X[0][0], c.Events[0].Label = -1, "changed"
	if d.X[0][0] != 0 || d.Events[0].Label != "a" {
		t.Error("the clone changed with the original")
	}
	w := Window{Info: c.Info, X: c.X, Event: &c.Events[0]}
	v := w.Clone()
	c.X[1][1], c.Events[0].Label = -1, "again"
	if v.X[1][1] != 1001 || v.Event.Label != "changed" {
		t.Error("the cloned window changed with the original")
	}
}

func TestBufferIsUsedAgain(t *testing.T) {
	var b Buffer
	info := twoChannels()
	b.Chunk(info, 0, 64)
	if n := testing.AllocsPerRun(100, func() { b.Chunk(info, 0, 64); b.Chunk(info, 0, 3) }); n != 0 {
		t.Errorf("%g allocations for chunks that fit, want none", n)
	}
	c := b.Chunk(info, 0, 3)
	if cap(c.X[0]) != 3 || uintptr(unsafe.Pointer(&c.X[1][0]))-uintptr(unsafe.Pointer(&c.X[0][0])) != 3*8 {
		t.Error("the channels must lie one behind the other and not reach into each other")
	}
}

func TestGaps(t *testing.T) {
	r := &Recording{Len: 100}
	if len(r.Gaps()) != 0 || r.Runs()[0].Len != 100 {
		t.Errorf("whole: gaps %v, runs %v", r.Gaps(), r.Runs())
	}
	r.Spans = []Span{{10, 20}, {40, 60}}
	if d := cmp.Diff([]Span{{0, 10}, {30, 10}}, r.Gaps()); d != "" {
		t.Error(d)
	}
}

func TestStateGet(t *testing.T) {
	s := State{"w": Matrix([][]float64{{1, 2, 3}, {4, 5, 6}})}
	if a, err := s.Get("w", 2, -1); err != nil || a.Rows()[1][2] != 6 {
		t.Errorf("got %v, %v", a, err)
	}
	for want, call := range map[string]func() error{
		`"v" is missing`:         func() error { _, err := s.Get("v", 1); return err },
		"shape [2 3], must have": func() error { _, err := s.Get("w", 3, 2); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestOutside: an event is outside where no run has its sample.
func TestOutside(t *testing.T) {
	r := &Recording{Len: 40, Spans: []Span{{10, 10}, {30, 10}}}
	var want []Event
	for _, at := range []int64{-7, 0, 9, 10, 19, 20, 29, 30, 39, 40, 1000} {
		e := Event{Sample: at}
		r.Events = append(r.Events, e)
		if at < 10 || at >= 20 && at < 30 || at >= 40 {
			want = append(want, e)
		}
	}
	if d := cmp.Diff(want, r.Outside()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestPlace: 0 <= onset < n/rate is within n samples; so within each run, also in the last half sample of it.
func TestPlace(t *testing.T) {
	r := &Recording{Info: &Info{Rate: 10}, Len: 40, Spans: []Span{{0, 10}, {20, 5}, {25, 15}}}
	for onset, want := range map[float64]int64{
		0: 0, 0.04: 0, 0.06: 1, 0.94: 9, 0.95: 9, 0.999: 9, 1: 10, 1.04: 10, 1.06: 11, 1.96: 20, 2: 20, 2.46: 25, 3.94: 39, 3.96: 39, 3.9999: 39, 4: 40, 4.04: 40, 4.06: 41, -0.06: -1,
	} {
		if got := r.Place(onset); got != want {
			t.Errorf("what happened at %g s is at sample %d, want %d", onset, got, want)
		}
	}
	r.Events = []Event{{Sample: 9, Onset: 0.9}, {Sample: 10, Onset: 1}, {Sample: 10, Onset: 0.97}, {Sample: 40, Onset: 5, Label: "by another clock"}, {Sample: 40, Onset: 3.98}}
	r.PlaceEvents()
	want := []Event{{Sample: 9, Onset: 0.9}, {Sample: 9, Onset: 0.97}, {Sample: 10, Onset: 1}, {Sample: 39, Onset: 3.98}, {Sample: 40, Onset: 5, Label: "by another clock"}}
	if d := cmp.Diff(want, r.Events); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	// The end of a run as it is computed: n samples at a rate that is no binary fraction last n/rate, and what is said to happen then is behind.
	r = &Recording{Info: &Info{Rate: 999.41}}
	for n := int64(1); n < 5000; n++ {
		r.Len = n
		if got := r.Place(float64(n) / 999.41); got != n {
			t.Fatalf("the end of %d samples is placed at %d", n, got)
		}
	}
}
