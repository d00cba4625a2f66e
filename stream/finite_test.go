package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// spoiled is rec with samples [from, to) of a channel replaced by v.
func spoiled(rec *signal.Recording, channel string, v float64, from, to int64) *signal.Recording {
	s := *rec
	s.Data = spoiledSamples{rec.Data, rec.Info.Index(channel), v, from, to}
	return &s
}

type spoiledSamples struct {
	signal.SampleReader
	ch       int
	v        float64
	from, to int64
}

func (s spoiledSamples) ReadSamples(dst [][]float64, start int64) error {
	if err := s.SampleReader.ReadSamples(dst, start); err != nil {
		return err
	}
	for t := range dst[s.ch] {
		if at := start + int64(t); s.from <= at && at < s.to {
			dst[s.ch][t] = s.v
		}
	}
	return nil
}

// variants are pipelines whose steps keep nothing, remember for ever (IIR), and hold samples back (resample).
func variants(t *testing.T) map[string]*pipeline.Spec {
	t.Helper()
	specs := map[string]*pipeline.Spec{"iir": cspLDA(t)}
	for name, steps := range map[string]string{"held back": "{use: bandpass}, {use: resample, rate_hz: 100}", "mixed": "{use: car}, {use: dc}"} {
		spec, err := pipeline.Parse(name, []byte(`preprocess: [`+steps+`]
segment: {use: events, events: {T1: fists, T2: feet}}
live: {use: sliding, length_s: 3, step_s: 0.1}
features: [{use: logvar}]
decoder: {use: lda}`))
		if err != nil {
			t.Fatal(err)
		}
		specs[name] = spec
	}
	return specs
}

// TestNotFiniteIsAGap: samples that are NaN or infinite do what a gap does in their place, to the bit, in every way to cut
// the stream; they are counted, and the events that lose their window are told.
func TestNotFiniteIsAGap(t *testing.T) {
	for name, spec := range variants(t) {
		t.Run(name, func(t *testing.T) {
			_, p := loaded(t, spec, simulated(t, 0), simulated(t, 1))
			rec := simulated(t, 2)
			var cues []signal.Event
			for _, e := range rec.Events {
				if e.Label != "T0" && e.Sample > 2000 {
					cues = append(cues, e)
				}
			}
			// in the window of one cue; on another cue, in two channels one behind the other; from the first sample on; to the last
			a, b := cues[1].Sample+200, cues[3].Sample-5
			bad := spoiled(rec, "Cz", math.NaN(), a, a+7)
			bad = spoiled(spoiled(bad, "O1", math.Inf(1), b, b+10), "Fp1", math.Inf(-1), b+10, b+20)
			bad = spoiled(spoiled(bad, "C3", math.NaN(), 0, 31), "C3", math.NaN(), rec.Len-3, rec.Len)
			holes := *rec
			holes.Spans = []signal.Span{{Start: 31, Len: a - 31}, {Start: a + 7, Len: b - a - 7}, {Start: b + 20, Len: rec.Len - 3 - b - 20}}

			want, gaps := decode(t, ingest.Play(&holes, ingest.PlayOptions{}), p, stream.Options{})
			got, stats := decode(t, ingest.Play(bad, ingest.PlayOptions{}), p, stream.Options{})
			sameBits(t, "in place of gaps", got, want)
			for seed := range uint64(4) {
				again, s := decode(t, ingest.Play(bad, ingest.PlayOptions{Sizes: randomSizes(seed)}), p, stream.Options{Queue: int(seed)})
				sameBits(t, "random chunks", again, want)
				s.Chunks, s.Misses = stats.Chunks, slices.Clone(s.Misses)
				if a, b := fmt.Sprintf("%+v", s), fmt.Sprintf("%+v", stats); a != b {
					t.Errorf("in random chunks the stream was %s, want %s", a, b)
				}
			}
			sameBits(t, "through NATS", throughNATS(t, p, ingest.Play(bad, ingest.PlayOptions{Sizes: randomSizes(9)})), want)

			// The end is one more place where the stream breaks off, and the event that lies on such samples is told.
			if stats.NotFinite != 7+20+31+3 || stats.Lost != 0 || stats.Gaps != gaps.Gaps+1 || stats.Samples != rec.Len {
				t.Errorf("%+v, want %d samples not finite and %d gaps", stats, 7+20+31+3, gaps.Gaps+1)
			}
			wantBad := []pipeline.NotFinite{
				{Channel: "Fp1", Samples: 10, Times: 1, FromS: float64(b+10) / 160, ToS: float64(b+20) / 160},
				{Channel: "C3", Samples: 34, Times: 2, FromS: 0, ToS: float64(rec.Len) / 160},
				{Channel: "Cz", Samples: 7, Times: 1, FromS: float64(a) / 160, ToS: float64(a+7) / 160},
				{Channel: "O1", Samples: 10, Times: 1, FromS: float64(b) / 160, ToS: float64(b+10) / 160},
			}
			if !slices.Equal(stats.Channels, wantBad) {
				t.Errorf("channels %v, want %v", stats.Channels, wantBad)
			}
			missed := func(e signal.Event) bool {
				for _, m := range stats.Misses {
					if m.Event.Onset == e.Onset {
						return true
					}
				}
				return false
			}
			if !missed(cues[1]) || !missed(cues[3]) || missed(cues[2]) {
				t.Errorf("misses %v, want the cues at %g and %g s among them", stats.Misses, cues[1].Onset, cues[3].Onset)
			}
			for _, text := range []string{"61 samples", "Cz: 7 samples", "C3: 34 samples in 2 stretches", "use: pick", "bad_channels"} {
				if !strings.Contains(stats.Spoilt(), text) {
					t.Errorf("%q does not hold %q", stats.Spoilt(), text)
				}
			}
		})
	}
}

// TestNotFiniteLeftOut: a channel that is not used, because it is left out or replaced, costs nothing, whatever filter
// stands before.
func TestNotFiniteLeftOut(t *testing.T) {
	for name, steps := range map[string]string{
		"pick":              "{use: pick, exclude: [Cz]}, {use: bandpass}",
		"filter, pick":      "{use: bandpass}, {use: pick, exclude: [Cz]}, {use: car}",
		"bad channels":      "{use: highpass, cutoff_hz: 1}, {use: bad_channels, methods: [flat]}, {use: car}",
		"interpolated":      "{use: highpass, cutoff_hz: 1}, {use: bad_channels, methods: [flat], action: interpolate}, {use: car}",
		"bad channels, ica": "{use: highpass, cutoff_hz: 1}, {use: bad_channels, methods: [flat]}, {use: ssd, components: 5}",
		"interpolate":       "{use: interpolate, bads: [Cz]}, {use: bandpass}",
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := pipeline.Parse(name, []byte(`preprocess: [`+steps+`]
segment: {use: events, events: {T1: fists, T2: feet}}
live: {use: sliding, length_s: 3, step_s: 0.5}
features: [{use: covariance}, {use: tangent_space}]
decoder: {use: logistic}`))
			if err != nil {
				t.Fatal(err)
			}
			nan := func(run uint64) *signal.Recording {
				rec := simulated(t, run)
				return spoiled(rec, "Cz", math.NaN(), 0, rec.Len)
			}
			_, p := loaded(t, spec, nan(0), nan(1))
			got, stats := decode(t, ingest.Play(nan(2), ingest.PlayOptions{}), p, stream.Options{})
			if stats.NotFinite != 0 || stats.Gaps != 0 || len(got) < 200 {
				t.Errorf("%d predictions, %+v", len(got), stats)
			}
		})
	}
}

// TestNotFiniteBeforeOffline: the steps offline see stretches without such samples, and what was taken out is counted.
func TestNotFiniteBeforeOffline(t *testing.T) {
	spec, err := pipeline.Load("csp-lda-zero-phase")
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Segment.Set(map[string]any{"events": map[string]string{"T1": "fists", "T2": "feet"}}); err != nil {
		t.Fatal(err)
	}
	p := build(t, spec, pipeline.Cued)
	rec := simulated(t, 0)
	cue := rec.Events[slices.IndexFunc(rec.Events, func(e signal.Event) bool { return e.Label != "T0" && e.Sample > 3000 })]
	var col []stream.Collected
	set, err := stream.Collect(context.Background(), []*signal.Recording{spoiled(rec, "Cz", math.NaN(), cue.Sample-2, cue.Sample+3), simulated(t, 1)}, p,
		stream.Watch{Done: func(c stream.Collected) { col = append(col, c) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range set.Windows {
		for ch, x := range w.X {
			if slices.ContainsFunc(x, func(v float64) bool { return v-v != 0 }) {
				t.Fatalf("window %d, channel %d is not finite", w.Start, ch)
			}
		}
	}
	first := col[0].Stats
	want := []pipeline.NotFinite{{Channel: "Cz", Samples: 5, Times: 1, FromS: float64(cue.Sample-2) / 160, ToS: float64(cue.Sample+3) / 160}}
	if first.NotFinite != 5 || !slices.Equal(first.Channels, want) || first.Gaps != 1 || len(col[0].Misses) != 1 || col[0].Misses[0].Event != cue {
		t.Errorf("%+v, misses %v", first, col[0].Misses)
	}
	if second := col[1].Stats; second.NotFinite != 0 || len(second.Channels) != 0 || len(col[1].Misses) != 0 {
		t.Errorf("the recording behind it: %+v", second)
	}
}

// TestNothingFinite: where no window is left the error says why and what to do.
func TestNothingFinite(t *testing.T) {
	for _, steps := range []string{"{use: bandpass}", "{use: asr}"} {
		spec, err := pipeline.Parse("test.yaml", []byte(definition("preprocess", "car")))
		if err != nil {
			t.Fatal(err)
		}
		if steps == "{use: asr}" {
			if spec, err = pipeline.Parse("test.yaml", []byte(definition("preprocess", "asr"))); err != nil {
				t.Fatal(err)
			}
		}
		rec := simulated(t, 0)
		var input *pipeline.InputError
		_, err = stream.Collect(context.Background(), []*signal.Recording{spoiled(rec, "Cz", math.NaN(), 0, rec.Len)}, build(t, spec, pipeline.Cued), stream.Watch{})
		if !errors.As(err, &input) || !strings.Contains(err.Error(), "Cz") || !strings.Contains(err.Error(), "bad_channels") {
			t.Errorf("%s: %v", steps, err)
		}
	}
}

// TestNotFiniteSteadyState: samples that are lost allocate nothing, once the stream has broken off.
func TestNotFiniteSteadyState(t *testing.T) {
	p := trainedOn(t, simulated(t, 0), simulated(t, 1))
	rec := simulated(t, 2)
	if err := p.Start(rec.Info); err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	push := func() {
		c := signal.Chunk{Info: rec.Info, Start: next, X: samplesOf(rec, next)}
		if _, err := p.Push(c); err != nil {
			t.Fatal(err)
		}
		next += 16
	}
	push()
	bad := samplesOf(rec, 16)
	bad[3][5] = math.NaN()
	allLost := make([][]float64, len(bad))
	for ch := range allLost {
		allLost[ch] = slices.Repeat([]float64{math.NaN()}, 16)
	}
	lost := func() {
		if _, err := p.Push(signal.Chunk{Info: rec.Info, Start: next, X: allLost}); err != nil {
			t.Fatal(err)
		}
		next += 16
	}
	lost()
	if got := testing.AllocsPerRun(50, lost); got != 0 {
		t.Errorf("%g allocations per chunk, want none", got)
	}
}

// samplesOf reads 16 samples.
func samplesOf(rec *signal.Recording, from int64) [][]float64 {
	c := signal.NewChunk(rec.Info, from, 16)
	if err := rec.Data.ReadSamples(c.X, from); err != nil {
		panic(err)
	}
	return c.X
}
