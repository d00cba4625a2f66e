package segment_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/segment"
)

type epochs struct {
	Program string  `json:"program"`
	Rate    float64 `json:"rate"`
	Samples int     `json:"samples"`
	Events  []int64 `json:"events"`
	Cases   []struct {
		TMin     float64       `json:"tmin"`
		TMax     float64       `json:"tmax"`
		Baseline []float64     `json:"baseline"`
		Detrend  string        `json:"detrend"`
		Epochs   [][][]float64 `json:"epochs"`
	} `json:"cases"`
}

// signals makes what stream in testdata/epochs.py makes: noise on an offset and a drift.
func (e epochs) signals() signal.Chunk {
	state := uint64(11)
	info := &signal.Info{Rate: e.Rate, Channels: []signal.Channel{
		{Name: "Fp1", Kind: signal.EEG}, {Name: "Cz", Kind: signal.EEG}, {Name: "STI", Kind: signal.Trigger},
	}}
	c := signal.NewChunk(info, 0, e.Samples)
	for ch, x := range c.X {
		for t := range x {
			state = state*6364136223846793005 + 1442695040888963407
			x[t] = 20*(float64(state>>11)*0x1p-53-0.5) + 1000*float64(ch+1) + 0.3*float64(ch+1)*float64(t)
		}
	}
	for _, s := range e.Events {
		c.Events = append(c.Events, signal.Event{Sample: s, Label: "T1"})
	}
	return c
}

// TestAgainstMNE compares trend and baseline with mne.Epochs, whose values went through volts: 1e-13 of offsets of 2000.
func TestAgainstMNE(t *testing.T) {
	raw, err := os.ReadFile("testdata/epochs.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden epochs
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	c := golden.signals()
	worst := 0.0
	var all, theirs []float64
	for _, tc := range golden.Cases {
		seg := &segment.Events{Map: map[string]string{"T1": "go"}, TMin: tc.TMin, TMax: tc.TMax, Baseline: tc.Baseline, Detrend: tc.Detrend}
		if _, err := seg.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		windows, err := seg.Push(c)
		if err != nil || len(windows) != len(tc.Epochs) {
			t.Fatalf("%d windows (%v), must be %d", len(windows), err, len(tc.Epochs))
		}
		for i, w := range windows {
			for ch, want := range tc.Epochs[i] {
				if len(w.X[ch]) != len(want) {
					t.Fatalf("windows of %d samples, %s has %d", len(w.X[ch]), golden.Program, len(want))
				}
				all, theirs = append(all, w.X[ch]...), append(theirs, want...)
				for s := range want {
					worst = max(worst, math.Abs(w.X[ch][s]-want[s]))
				}
			}
		}
		if worst > 1e-9 {
			t.Fatalf("tmin %g, tmax %g, baseline %v, detrend %s: differs from %s by %g µV", tc.TMin, tc.TMax, tc.Baseline, tc.Detrend, golden.Program, worst)
		}
	}
	peer := strings.Replace(golden.Program, "mne", "MNE", 1)
	paritytest.Within(t, "epochs with trend or baseline removed", peer+" Epochs", "generated", all, theirs, 1e-9)
}

// Corrected windows are the same bits however the stream was cut, wherever the baseline lies, and the definition says
// what they are.
func TestCorrectedWindowsAreTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyRecording(t)
		for ch := range c.X {
			for i := range c.X[ch] {
				c.X[ch][i] = 1e4*float64(ch) + math.Sin(float64(i*i+ch))
			}
		}
		rate := c.Info.Rate
		offset, length := rapid.Int64Range(-50, 50).Draw(t, "offset"), rapid.Int64Range(1, 60).Draw(t, "length")
		base, baseEnd := rapid.Int64Range(-60, 60).Draw(t, "baseline"), int64(0)
		baseEnd = base + rapid.Int64Range(0, 40).Draw(t, "baseline length")
		how := rapid.SampledFrom([]string{"none", "constant"}).Draw(t, "detrend")
		construct := func() preprocess.Segmenter {
			return &segment.Events{
				Map: map[string]string{"T1": "fists"}, TMin: float64(offset) / rate, TMax: float64(offset+length) / rate,
				Baseline: []float64{float64(base) / rate, float64(baseEnd) / rate}, Detrend: how,
			}
		}
		want := play(t, construct(), c, false)
		got := play(t, construct(), c, true)
		if len(got) != len(want) {
			t.Fatalf("%d windows in chunks, %d in one", len(got), len(want))
		}
		n, lo, hi := 0, min(offset, base), max(offset+length, baseEnd+1)
		for _, e := range c.Events {
			if e.Label != "T1" || e.Sample+lo < c.Start || e.Sample+hi > c.End() {
				continue
			}
			g, w := got[n], want[n]
			n++
			for ch, x := range c.X {
				level := 0.0
				for s := e.Sample + base; s <= e.Sample+baseEnd; s++ {
					level += x[s-c.Start] / float64(baseEnd+1-base)
				}
				for i := range g.X[ch] {
					if g.X[ch][i] != w.X[ch][i] {
						t.Fatalf("cuts show: %v and %v", g.X[ch], w.X[ch])
					}
					if d := math.Abs(g.X[ch][i] - (x[g.Start-c.Start+int64(i)] - level)); d > 1e-9 {
						t.Fatalf("sample %d differs from the definition by %g", i, d)
					}
				}
			}
		}
		if n != len(got) {
			t.Fatalf("%d windows, the definition gives %d", len(got), n)
		}
	})
}

// play returns copies of the windows of c, cut at random or not at all.
func play(t *rapid.T, seg preprocess.Segmenter, c signal.Chunk, cut bool) []signal.Window {
	if _, err := seg.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	var got []signal.Window
	for at := c.Start; at < c.End(); {
		n := c.End() - at
		if cut {
			n = min(n, rapid.Int64Range(0, 150).Draw(t, "chunk"))
		}
		windows, err := seg.Push(c.Slice(at, at+n))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range windows {
			got = append(got, w.Clone())
		}
		at += n
	}
	return got
}

// Windows that slide lose the same trend as those around events.
func TestSlidingDetrend(t *testing.T) {
	c := (epochs{Rate: 100, Samples: 600, Events: []int64{137}}).signals()
	for _, how := range []string{"constant", "linear"} {
		slide := &segment.Sliding{Length: 1, Step: 0.37, Detrend: how}
		if _, err := slide.Start(c.Info); err != nil {
			t.Fatal(err)
		}
		windows, err := slide.Push(c)
		if err != nil || len(windows) < 10 {
			t.Fatalf("%d windows (%v)", len(windows), err)
		}
		for _, w := range windows {
			cued := &segment.Events{Map: map[string]string{"T1": "go"}, TMin: float64(w.Start-137) / 100, TMax: float64(w.End()-137) / 100, Detrend: how}
			if _, err := cued.Start(c.Info); err != nil {
				t.Fatal(err)
			}
			other, err := cued.Push(c)
			if err != nil || len(other) != 1 || other[0].Start != w.Start {
				t.Fatalf("windows around the event: %v, %v", other, err)
			}
			for ch := range w.X {
				if !slices.Equal(w.X[ch], other[0].X[ch]) {
					t.Fatalf("%s: the window at %d differs between sliding and events in channel %d", how, w.Start, ch)
				}
			}
			if trigger := c.X[2][w.Start]; w.X[2][0] != trigger {
				t.Fatalf("%s: the trigger channel is %g, was %g: it has no trend to lose", how, w.X[2][0], trigger)
			}
		}
	}
}

func TestBaselineErrors(t *testing.T) {
	cues := map[string]string{"T1": "fists"}
	for _, tc := range []struct {
		seg  preprocess.Segmenter
		want string
	}{
		{&segment.Events{Map: cues, TMax: 1, Detrend: "liner"}, `events: detrend: unknown trend "liner": did you mean "linear"?`},
		{&segment.Sliding{Length: 1, Step: 1, Detrend: "mean"}, `sliding: detrend: unknown trend "mean"`},
		{&segment.Events{Map: cues, TMax: 1, Baseline: []float64{-1}}, "events: baseline_s has 1 values, must have 2"},
		{&segment.Events{Map: cues, TMax: 1, Baseline: []float64{0, -1}}, "events: baseline_s is from 0 to -1, must not end before it starts"},
		{&segment.Events{Map: cues, TMax: 1, Baseline: []float64{0, math.NaN()}}, "events: baseline_s is NaN"},
		{&segment.Events{Map: cues, TMax: 1, Baseline: []float64{-0.5, 0}, Detrend: "linear"}, "events: baseline_s [-0.5, 0] lies outside the window [0, 1)"},
	} {
		if _, err := tc.seg.Start(recording(160, 0, 1).Info); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error is %v, must contain %q", err, tc.want)
		}
	}
}

// A baseline outside the data is a miss that says so.
func TestBaselineMisses(t *testing.T) {
	c := recording(10, 0, 100)
	c.Events = []signal.Event{{Sample: 3, Label: "T1"}, {Sample: 50, Label: "T1"}}
	seg := &segment.Events{Map: map[string]string{"T1": "fists"}, TMax: 1, Baseline: []float64{-0.5, 0}}
	if _, err := seg.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	w, err := seg.Push(c)
	if err != nil || len(w) != 1 || w[0].Start != 50 {
		t.Fatalf("windows %v (%v), must be one at 50", w, err)
	}
	if m := seg.End(); len(m) != 1 || m[0].Why != "the baseline starts at sample -2, the data at 0" {
		t.Errorf("misses %v", m)
	}
}

// Corrected windows need no memory per chunk either.
func TestCorrectionDoesNotAllocate(t *testing.T) {
	for name, seg := range map[string]preprocess.Segmenter{
		"events":  &segment.Events{Map: map[string]string{"T1": "a"}, TMin: -0.2, TMax: 0.5, Baseline: []float64{-0.2, 0}, Detrend: "linear"},
		"sliding": &segment.Sliding{Length: 0.5, Step: 0.1, Detrend: "linear"},
	} {
		info := preprocesstest.Info()
		if _, err := seg.Start(info); err != nil {
			t.Fatal(err)
		}
		c := signal.NewChunk(info, 0, 50)
		c.Events = []signal.Event{{Sample: 7, Label: "T1"}}
		lent := 0
		push := func() {
			w, err := seg.Push(c)
			if err != nil {
				t.Fatal(err)
			}
			lent += len(w)
			c.Start += 50
			c.Events[0].Sample += 50
		}
		for range 30 {
			push()
		}
		if n := testing.AllocsPerRun(100, push); n > 0 || lent < 100 {
			t.Errorf("%s: %g allocations per chunk, must be 0 (%d windows)", name, n, lent)
		}
	}
}
