package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// cutter is a pipeline that cuts windows around T1 and T2 of what steps make.
func cutter(t *testing.T, steps, segment string) *Pipeline {
	t.Helper()
	spec, err := Parse("late.yaml", []byte("preprocess: ["+steps+"]\nsegment: {use: events, events: {T1: left, T2: right}, "+segment+"}\nfeatures: [{use: logvar}]\ndecoder: {use: lda}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(spec, Cued)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// windowsOf is what p cuts of chunks, in the order of the windows' first sample.
func windowsOf(t *testing.T, p *Pipeline, chunks []signal.Chunk) (all []signal.Window) {
	t.Helper()
	if err := p.Start(chunks[0].Info); err != nil {
		t.Fatal(err)
	}
	keep := func(ws []signal.Window, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range ws {
			all = append(all, w.Clone())
		}
	}
	for _, c := range chunks {
		keep(p.Windows(c))
	}
	keep(p.FlushWindows())
	slices.SortStableFunc(all, func(a, b signal.Window) int { return cmp.Compare(a.Start, b.Start) })
	return all
}

// told is c in chunks of n samples, as one hears of it whose events are known so many samples late.
func told(c signal.Chunk, n int64, late func(i int) int64) (chunks []signal.Chunk) {
	for at := c.Start; at < c.End(); at += n {
		part := c.Slice(at, min(at+n, c.End()))
		part.Events = nil
		for i, e := range c.Events {
			switch known := min(e.Sample+late(i), c.End()-1); {
			case known < part.Start || known >= part.End():
			case e.Sample < part.Start:
				part.Late = append(part.Late, e)
			default:
				part.Events = append(part.Events, e)
			}
		}
		chunks = append(chunks, part)
	}
	return chunks
}

// TestLateEventsAreCutWhereTheyWere: windows around events that a live source tells of up to a second late are, to the last bit, those
// that are cut of the recording, whatever the steps hold back or renumber, and at which sample the windows begin and end.
func TestLateEventsAreCutWhereTheyWere(t *testing.T) {
	c := recorded(t, 1) // 160 Hz
	rng := rand.New(rand.NewPCG(1, 2))
	late := make([]int64, len(c.Events))
	for i := range late {
		late[i] = rng.Int64N(int64(signal.MaxLate*c.Info.Rate) - 24) // and the rest of its chunk
	}
	for _, steps := range []string{
		"", "{use: bandpass, low_hz: 8, high_hz: 30, order: 4}", "{use: resample, rate_hz: 100}", "{use: resample, rate_hz: 250}",
		"{use: resample, rate_hz: 80}, {use: bandpass}, {use: resample, rate_hz: 128}", "{use: bin, width_s: 0.05}", "{use: ema_standardise}",
	} {
		for _, segment := range []string{
			"tmin_s: 0.5, tmax_s: 3.5", "tmin_s: -0.2, tmax_s: 0.8, baseline_s: [-0.2, 0]", "tmin_s: -1.5, tmax_s: -0.5", "tmin_s: 0, tmax_s: 1, every_s: 0.7",
		} {
			p := cutter(t, steps, segment)
			want := windowsOf(t, p, []signal.Chunk{c})
			if len(want) < 12 {
				t.Fatalf("%s: %d windows", steps, len(want))
			}
			for _, n := range []int64{1, 16, 23} {
				got := windowsOf(t, p, told(c, n, func(i int) int64 { return late[i] }))
				if unseen(p) != 0 || len(got) != len(want) {
					t.Errorf("%s: %s: chunks of %d: %d windows, %d unseen, want %d and 0", steps, segment, n, len(got), unseen(p), len(want))
					continue
				}
				for i, w := range want {
					g := got[i]
					if g.Start != w.Start || g.Label != w.Label || g.Origin != w.Origin || *g.Event != *w.Event || !reflect.DeepEqual(g.X, w.X) {
						t.Errorf("%s: %s: chunks of %d: window %d [%d, %d) of %+v, want [%d, %d) of %+v with the same samples", steps, segment, n, i, g.Start, g.End(), g.Event, w.Start, w.End(), w.Event)
						break
					}
				}
			}
		}
	}
}

// TestLateEventsWithoutSamples: an event whose samples are gone has no window, and is a miss that says why; no window is cut elsewhere.
func TestLateEventsWithoutSamples(t *testing.T) {
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG, Unit: signal.Microvolt}}}
	chunk := func(start int64, n int) signal.Chunk {
		c := signal.NewChunk(info, start, n)
		for i := range c.X[0] {
			c.X[0][i] = float64(start) + float64(i)
		}
		return c
	}
	mark := func(at int64) []signal.Event {
		return []signal.Event{{Sample: at, Onset: float64(at) / 100, Label: "T1"}, {Sample: at, Label: "no cue"}}
	}
	for name, tc := range map[string]struct {
		late   []signal.Event
		change func(*signal.Chunk) // of the chunk that brings them, which is at sample 1000 behind 1000 samples
		why    string              // "" for a window
		unseen int64
	}{
		"a second late":           {mark(900), func(*signal.Chunk) {}, "", 0},
		"later":                   {mark(899), func(*signal.Chunk) {}, "1.010 s late", 1},
		"behind a restart":        {mark(-40), func(c *signal.Chunk) { c.Start, c.Anew = 0, true }, "begun anew", 1},
		"before a gap":            {mark(990), func(c *signal.Chunk) { c.Start = 1050 }, "", 0},
		"in a gap":                {mark(1010), func(c *signal.Chunk) { c.Start = 1050 }, "no samples", 0},
		"before a gap, cut by it": {mark(995), func(c *signal.Chunk) { c.Start = 1050 }, "the window ends at sample 1005", 0},
	} {
		p := cutter(t, "", "tmin_s: -0.1, tmax_s: 0.1")
		if err := p.Start(info); err != nil {
			t.Fatal(err)
		}
		c := chunk(1000, 50)
		c.Late = tc.late
		tc.change(&c)
		var got []signal.Window
		for _, c := range []signal.Chunk{chunk(0, 1000), c, chunk(c.End(), 300)} {
			ws, err := p.Windows(c)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range ws {
				got = append(got, w.Clone())
			}
		}
		if _, err := p.FlushWindows(); err != nil {
			t.Fatal(err)
		}
		misses := p.Stats().Misses
		if unseen(p) != tc.unseen {
			t.Errorf("%s: %d unseen, want %d", name, unseen(p), tc.unseen)
		}
		if tc.why == "" {
			if at := tc.late[0].Sample; len(got) != 1 || len(misses) != 0 || got[0].Start != at-10 || got[0].X[0][0] != float64(at-10) {
				t.Errorf("%s: windows %+v, misses %+v, want one from sample %d on", name, got, misses, at-10)
			}
			continue
		}
		if len(got) != 0 || len(misses) != 1 || misses[0].Event != tc.late[0] || !strings.Contains(misses[0].Why, tc.why) {
			t.Errorf("%s: windows %+v, misses %+v, want none and one with %q", name, got, misses, tc.why)
		}
	}
}

// TestLateEventsBehindLostSamples: of before samples that are not finite there is nothing left.
func TestLateEventsBehindLostSamples(t *testing.T) {
	c := recorded(t, 1)
	e := c.Events[slices.IndexFunc(c.Events, func(e signal.Event) bool { return e.Label == "T1" })]
	c.Events = nil
	c.X[0][e.Sample+20] = math.NaN()
	p := cutter(t, "", "tmin_s: -0.1, tmax_s: 0.1")
	first, second := c.Slice(0, e.Sample+30), c.Slice(e.Sample+30, c.End())
	second.Late = []signal.Event{e}
	if got := windowsOf(t, p, []signal.Chunk{first, second}); len(got) != 0 || unseen(p) != 1 {
		t.Errorf("%d windows, %d unseen, want 0 and 1: %v", len(got), unseen(p), fmt.Sprint(p.Stats().Misses))
	}
}

func unseen(p *Pipeline) int64 {
	n, _ := p.Unseen()
	return n
}
