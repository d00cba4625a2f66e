package segment_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/segment"
)

// span is a window in the naive definitions.
type span struct {
	start int64
	event *signal.Event
	label string
}

// recording is one run of two channels whose samples say where they are.
func recording(rate float64, start int64, n int) signal.Chunk {
	info := &signal.Info{Rate: rate, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG}, {Name: "C4", Kind: signal.EEG}}}
	c := signal.NewChunk(info, start, n)
	c.Time = 5e17
	for t := range n {
		c.X[0][t], c.X[1][t] = float64(start)+float64(t), -float64(start)-float64(t)
	}
	return c
}

// anyRecording has a rate with whole nanoseconds per sample, so that times do not depend on the cutting.
func anyRecording(t *rapid.T) signal.Chunk {
	c := recording(rapid.SampledFrom([]float64{1, 10, 128, 160}).Draw(t, "rate"), rapid.Int64Range(-300, 300).Draw(t, "start"), rapid.IntRange(1, 400).Draw(t, "samples"))
	at := rapid.SliceOfN(rapid.Int64Range(c.Start, c.End()-1), 0, 12).Draw(t, "events at")
	slices.Sort(at)
	for i, s := range at {
		c.Events = append(c.Events, signal.Event{Sample: s, Onset: float64(i), Label: rapid.SampledFrom([]string{"T0", "T1", "T2"}).Draw(t, "label")})
	}
	return c
}

// check plays all of c through seg, in chunks of any length, and compares with want.
func check(t *rapid.T, seg preprocess.Segmenter, c signal.Chunk, length int64, want []span) {
	var got []signal.Window
	for at := c.Start; at < c.End(); {
		n := min(c.End()-at, rapid.Int64Range(0, 150).Draw(t, "chunk"))
		windows, err := seg.Push(c.Slice(at, at+n))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range windows {
			got = append(got, w.Clone())
		}
		at += n
	}
	if len(got) != len(want) {
		t.Fatalf("%d windows, the definition gives %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Start != w.start || g.Label != w.label || !reflect.DeepEqual(g.Event, w.event) || g.Time != c.TimeAt(w.start+length-1) {
			t.Fatalf("window %d is %+v, the definition gives %+v", i, g, w)
		}
		if part := c.Slice(w.start, w.start+length); !reflect.DeepEqual(g.X, part.X) {
			t.Fatalf("window %d at %d has the samples %v, must have %v", i, w.start, g.X, part.X)
		}
	}
}

// A window slides to wherever its end is a multiple of the step and its samples are there.
func TestSlidingIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyRecording(t)
		rate := c.Info.Rate
		length, step := rapid.Int64Range(1, 90).Draw(t, "length"), rapid.Int64Range(1, 90).Draw(t, "step")
		seg := &segment.Sliding{Length: float64(length) / rate, Step: float64(step) / rate}
		for range 2 { // the second time as behind a gap
			n, err := seg.Start(c.Info)
			if err != nil || int64(n) != length {
				t.Fatalf("windows of %d samples (%v), must have %d", n, err, length)
			}
			var want []span
			for end := c.Start; end <= c.End(); end++ {
				if end%step == 0 && end-length >= c.Start {
					want = append(want, span{start: end - length})
				}
			}
			check(t, seg, c, length, want)
			if m := seg.End(); m != nil {
				t.Fatalf("%d misses, must be none", len(m))
			}
		}
	})
}

// Every cue has its window, or is missed because a part of it is not there.
func TestEventsAreTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyRecording(t)
		rate := c.Info.Rate
		offset, length := rapid.Int64Range(-150, 150).Draw(t, "offset"), rapid.Int64Range(1, 90).Draw(t, "length")
		seg := &segment.Events{
			Map: map[string]string{"T1": "fists", "T2": "feet"}, TMin: float64(offset) / rate, TMax: float64(offset+length) / rate,
		}
		for range 2 { // the second time as behind a gap
			n, err := seg.Start(c.Info)
			if err != nil || int64(n) != length {
				t.Fatalf("windows of %d samples (%v), must have %d", n, err, length)
			}
			var want []span
			var missed []preprocess.Miss
			for i, e := range c.Events {
				from, to := e.Sample+offset, e.Sample+offset+length
				switch {
				case e.Label == "T0":
				case from < c.Start:
					missed = append(missed, preprocess.Miss{Event: e, Why: fmt.Sprintf("the window starts at sample %d, the data at %d", from, c.Start)})
				case to > c.End():
					missed = append(missed, preprocess.Miss{Event: e, Why: fmt.Sprintf("the window ends at sample %d, the data at %d", to, c.End())})
				default:
					want = append(want, span{from, &c.Events[i], map[string]string{"T1": "fists", "T2": "feet"}[e.Label]})
				}
			}
			check(t, seg, c, length, want)
			if got := seg.End(); !slices.Equal(got, missed) {
				t.Fatalf("the misses are %v, the definition gives %v", got, missed)
			}
		}
	})
}

// With every_s, an event that lasts has a window wherever one that begins a multiple of every_s behind the first one ends within it.
func TestEventsThatLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyRecording(t)
		rate := c.Info.Rate
		offset, length, every := rapid.Int64Range(-50, 50).Draw(t, "offset"), rapid.Int64Range(1, 60).Draw(t, "length"), rapid.Int64Range(1, 90).Draw(t, "every")
		seg := &segment.Events{Map: map[string]string{"T1": "fists", "T2": "feet"}, TMin: float64(offset) / rate, TMax: float64(offset+length) / rate, Every: float64(every) / rate}
		for i := range c.Events {
			c.Events[i].Duration = float64(rapid.Int64Range(0, 400).Draw(t, "lasts")) / rate
		}
		type cue struct {
			signal.Event
			order int // further windows come behind all events of their sample
		}
		var cues []cue
		for i, e := range c.Events {
			cues = append(cues, cue{e, i})
			for k := int64(1); e.Duration > 0 && e.Sample+k*every+offset+length <= e.Sample+int64(math.Round(e.Duration*rate)) && e.Sample+k*every < c.End(); k++ {
				f := e
				f.Sample += k * every
				f.Onset += float64(k*every) / rate
				f.Duration -= float64(k*every) / rate
				cues = append(cues, cue{f, len(c.Events) + i})
			}
		}
		slices.SortFunc(cues, func(a, b cue) int {
			return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.order, b.order))
		})
		for range 2 {
			if _, err := seg.Start(c.Info); err != nil {
				t.Fatal(err)
			}
			var want []span
			missed := 0
			for i, e := range cues {
				from := e.Sample + offset
				switch {
				case e.Label == "T0":
				case from < c.Start || from+length > c.End():
					missed++
				default:
					want = append(want, span{from, &cues[i].Event, map[string]string{"T1": "fists", "T2": "feet"}[e.Label]})
				}
			}
			check(t, seg, c, length, want)
			if got := seg.End(); len(got) != missed {
				t.Fatalf("%d misses, the definition gives %d", len(got), missed)
			}
		}
	})
}

// What a human would count by hand: a recording of 60 s at 10 Hz that is all rest has 15 windows of 4 s.
func TestWindowsOfAWholeRecording(t *testing.T) {
	c := recording(10, 0, 600)
	c.Events = []signal.Event{{Label: "rest", Duration: 60}}
	seg := &segment.Events{Map: map[string]string{"rest": "rest"}, TMax: 4, Every: 4}
	if _, err := seg.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	windows, err := seg.Push(c)
	if err != nil || len(windows) != 15 || windows[14].Start != 560 || windows[14].Event.Onset != 56 || len(seg.End()) != 0 {
		t.Errorf("%d windows, %v, want 15, the last at sample 560", len(windows), err)
	}
}

// Windows of one event have its sample as their origin, those of another one that of the other, also where the two alternate.
func TestOriginIsTheEvent(t *testing.T) {
	c := recording(10, 0, 600)
	c.Events = []signal.Event{{Sample: 20, Label: "rest", Duration: 30}, {Sample: 25, Label: "rest", Duration: 20}, {Sample: 400, Label: "rest"}}
	for _, every := range []float64{0, 1} {
		seg := &segment.Events{Map: map[string]string{"rest": "rest"}, TMax: 2, Every: every}
		if _, err := seg.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		count := map[int64]int{}
		for at := int64(0); at < 600; at += 7 {
			windows, err := seg.Push(c.Slice(at, min(at+7, 600)))
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range windows {
				count[w.Origin]++
				if (w.Start-w.Origin)%10 != 0 {
					t.Errorf("the window at sample %d is of the event at %d", w.Start, w.Origin)
				}
			}
		}
		want := map[int64]int{20: 1, 25: 1, 400: 1}
		if every > 0 { // windows of 2 s that begin at 0, 1, … 28 s of 30 s, and at 0, … 18 s of 20 s
			want = map[int64]int{20: 29, 25: 19, 400: 1}
		}
		if !maps.Equal(count, want) {
			t.Errorf("every %g s: the windows are of %v, want %v", every, count, want)
		}
	}
}

// TestSpanHasTheBaseline: the samples that a window is made of are its own and those of its baseline, wherever that lies.
func TestSpanHasTheBaseline(t *testing.T) {
	c := recording(10, 0, 600)
	c.Events = []signal.Event{{Sample: 100, Label: "cue"}}
	for _, tc := range []struct {
		baseline []float64
		want     signal.Span // both ends of a baseline are part of it
	}{
		{nil, signal.Span{Start: 105, Len: 20}},
		{[]float64{-1, 0}, signal.Span{Start: 90, Len: 35}},
		{[]float64{1, 2}, signal.Span{Start: 105, Len: 20}},
		{[]float64{2, 4}, signal.Span{Start: 105, Len: 36}},
	} {
		seg := &segment.Events{Map: map[string]string{"cue": "a"}, TMin: 0.5, TMax: 2.5, Baseline: tc.baseline}
		if _, err := seg.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		ws, err := seg.Push(c)
		if err != nil || len(ws) != 1 || ws[0].Span() != tc.want || ws[0].Clone().Span() != tc.want {
			t.Errorf("baseline %v: %d windows, %v; the samples are %+v, want %+v", tc.baseline, len(ws), err, ws[0].Span(), tc.want)
		}
	}
}

// What a human would count by hand: 2 s windows every 0.5 s at 10 Hz behind a gap that ends at sample 103.
func TestSlidingDoesNotDependOnTheGap(t *testing.T) {
	seg := &segment.Sliding{Length: 2, Step: 0.5}
	c := recording(10, 103, 40)
	if _, err := seg.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	windows, err := seg.Push(c)
	if err != nil {
		t.Fatal(err)
	}
	var ends []int64
	for _, w := range windows {
		ends = append(ends, w.End())
	}
	if want := []int64{125, 130, 135, 140}; !slices.Equal(ends, want) {
		t.Errorf("windows end behind the samples %v, must be %v", ends, want)
	}
}

func TestDefaults(t *testing.T) {
	for name, params := range map[string]string{"events": `{"events": {"T1": "fists"}}`, "sliding": ``} {
		seg, err := preprocess.Segmenters().New(name, []byte(params))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := seg.Start(recording(160, 0, 1).Info); err != nil || n != 480 {
			t.Errorf("%s: windows of %d samples (%v), must have 3 s: 480", name, n, err)
		}
	}
}

func TestClassesAndLabels(t *testing.T) {
	e := &segment.Events{Map: map[string]string{"left": "hand", "right": "hand", "T9": "feet", "A": "tongue"}}
	if got, want := e.Classes(), []string{"feet", "hand", "tongue"}; !slices.Equal(got, want) {
		t.Errorf("classes %v, must be %v", got, want)
	}
	if got, want := e.EventLabels(), []string{"A", "T9", "left", "right"}; !slices.Equal(got, want) {
		t.Errorf("labels %v, must be %v", got, want)
	}
}

func TestStartErrors(t *testing.T) {
	cues := map[string]string{"T1": "fists"}
	for _, tc := range []struct {
		seg  preprocess.Segmenter
		want string
	}{
		{&segment.Sliding{Length: 3, Step: 0}, "sliding: step_s is 0, must be at least one sample: 0.00625 s at 160 Hz; set it to length_s (3) for windows that do not overlap"},
		{&segment.Sliding{Length: 3, Step: -1}, "sliding: step_s is -1, must be at least one sample"},
		{&segment.Sliding{Length: 3, Step: 0.001}, "sliding: step_s is 0.001, must be at least one sample"},
		{&segment.Sliding{Length: 3, Step: math.NaN()}, "sliding: step_s is NaN, must be within a day (86400 s)"},
		{&segment.Sliding{Length: 0, Step: 1}, "sliding: length_s is 0, must be at least one sample: 0.00625 s at 160 Hz"},
		{&segment.Sliding{Length: 1e9, Step: 1}, "sliding: length_s is 1e+09, must be within a day (86400 s)"},
		{&segment.Events{TMax: 1}, "events: the map events is empty, must say which labels are cues, such as {T1: fists, T2: feet}"},
		{&segment.Events{Map: map[string]string{"T1": ""}, TMax: 1}, `events: the class of event "T1" is empty, must be a name`},
		{&segment.Events{Map: cues, TMin: 1, TMax: 1}, "events: tmin_s is 1 and tmax_s is 1, the second must be above the first by at least one sample (0.00625 s at 160 Hz)"},
		{&segment.Events{Map: cues, TMin: 1, TMax: 0.5}, "the second must be above the first"},
		{&segment.Events{Map: cues, TMin: math.NaN(), TMax: 0.5}, "events: tmin_s is NaN, must be"},
		{&segment.Events{Map: cues, TMin: 0, TMax: math.Inf(1)}, "events: tmax_s is +Inf, must be"},
		{&segment.Events{Map: cues, TMin: -1e6, TMax: 1}, "events: tmin_s is -1e+06, must be within a day"},
	} {
		_, err := tc.seg.Start(recording(160, 0, 1).Info)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: error is %v, must contain %q", tc.seg, err, tc.want)
		}
	}
}

func TestPushErrors(t *testing.T) {
	cues := map[string]string{"T1": "fists"}
	for _, construct := range []func() preprocess.Segmenter{
		func() preprocess.Segmenter { return &segment.Sliding{Length: 1, Step: 1} },
		func() preprocess.Segmenter { return &segment.Events{Map: cues, TMax: 1} },
	} {
		c := recording(10, 0, 10)
		seg := construct()
		if _, err := seg.Push(c); err == nil {
			t.Errorf("%T takes a chunk before Start", seg)
		}
		if _, err := seg.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		if _, err := seg.Push(signal.NewChunk(c.Info.Pick([]int{0}), 0, 10)); err == nil {
			t.Errorf("%T takes a chunk of 1 channel, was started for 2", seg)
		}
		if _, err := seg.Push(c); err != nil {
			t.Fatal(err)
		}
		if _, err := seg.Push(recording(10, 12, 10)); err == nil || !strings.Contains(err.Error(), "a chunk starts at sample 12, the one before ended at 10: call End and Start at a gap") {
			t.Errorf("%T: error at a gap is %v", seg, err)
		}
	}
	for name, events := range map[string][]signal.Event{
		"outside":  {{Sample: 10, Label: "T1"}},
		"unsorted": {{Sample: 5, Label: "T1"}, {Sample: 4, Label: "T0"}},
	} {
		c := recording(10, 0, 10)
		c.Events = events
		seg := &segment.Events{Map: cues, TMax: 1}
		if _, err := seg.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		if _, err := seg.Push(c); err == nil || !strings.Contains(err.Error(), "must be sorted and come with their chunk") {
			t.Errorf("%s event: error is %v", name, err)
		}
	}
}

// A chunk that is reused behind Push must not show in an event waiting for its samples.
func TestWindowOwnsItsEvent(t *testing.T) {
	seg := &segment.Events{Map: map[string]string{"T1": "fists"}, TMax: 1.5}
	c := recording(10, 0, 10)
	c.Events = []signal.Event{{Sample: 2, Label: "T1"}}
	if _, err := seg.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	if w, err := seg.Push(c); err != nil || len(w) != 0 {
		t.Fatalf("%d windows (%v), must be none yet", len(w), err)
	}
	c.Events[0] = signal.Event{}
	w, err := seg.Push(recording(10, 10, 10))
	if err != nil || len(w) != 1 {
		t.Fatalf("%d windows (%v), must be one", len(w), err)
	}
	if want := (signal.Event{Sample: 2, Label: "T1"}); *w[0].Event != want || w[0].Label != "fists" {
		t.Errorf("the window is of %+v as %q, must be of %+v as fists", *w[0].Event, w[0].Label, want)
	}
}

// Memory is bounded by the window and the chunk, however long the stream.
func TestMemoryIsBounded(t *testing.T) {
	seg := &segment.Sliding{Length: 1, Step: 0.1}
	c := recording(160, 0, 16)
	if _, err := seg.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		w, err := seg.Push(c)
		if err != nil {
			t.Fatal(err)
		}
		if i > 10 && len(w) != 1 {
			t.Fatalf("%d windows in chunk %d, must be one", len(w), i)
		}
		c.Start += 16
	}
	if n := segment.Room(seg); n > 2*(160+16) {
		t.Errorf("room for %d samples, must be at most %d", n, 2*(160+16))
	}
}

func BenchmarkSliding(b *testing.B) {
	for _, channels := range []int{8, 64, 256} {
		b.Run(fmt.Sprintf("ch=%d", channels), func(b *testing.B) {
			info := &signal.Info{Rate: 160}
			for ch := range channels {
				info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("E%d", ch)})
			}
			seg := &segment.Sliding{Length: 3, Step: 0.1}
			if _, err := seg.Start(info); err != nil {
				b.Fatal(err)
			}
			c := signal.NewChunk(info, 0, 160)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := seg.Push(c); err != nil {
					b.Fatal(err)
				}
				c.Start += 160
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}
