package stream_test

import (
	"context"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// decision is what a controller is told at one moment.
type decision struct {
	end  int64
	told string
}

// deciding is csp-lda with evidence gathered over sliding windows, fitted to two simulated runs.
func deciding(t *testing.T) *pipeline.Pipeline {
	t.Helper()
	spec, err := pipeline.Parse("deciding.yaml", []byte(`
preprocess: [{use: bandpass, low_hz: 8, high_hz: 30}]
segment: {use: events, tmin_s: 0.5, tmax_s: 3.5, events: {T1: fists, T2: feet}}
live: {use: sliding, length_s: 3, step_s: 0.1}
features: [{use: csp}, {use: logvar}]
decoder: {use: lda}
decide: {use: evidence, half_life_s: 0.5, enter_nats: 3, refractory_s: 1}
`))
	if err != nil {
		t.Fatal(err)
	}
	p := build(t, spec, pipeline.Cued)
	set, y := collect(t, p, simulated(t, 0), simulated(t, 1))
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	q, err := pipeline.FromBundle("x", b, pipeline.All)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestDecide: decisions come from the windows that slide, however the stream is cut and whatever its events are; windows
// around events keep their class for scoring, and a controller is told nothing of them.
func TestDecide(t *testing.T) {
	p := deciding(t)
	run := func(rec *signal.Recording, opt ingest.PlayOptions) (told []decision, cued int) {
		_, err := stream.Run(context.Background(), ingest.Play(rec, opt), p, stream.SinkFunc(func(_ context.Context, q *pipeline.Prediction) error {
			if q.Event != nil {
				if cued++; q.Label == "" {
					t.Errorf("the cued window at sample %d has no class", q.Start)
				}
			}
			if q.Silent && q.Decision != "" {
				t.Errorf("the window that ends at sample %d is silent and says %q", q.End, q.Decision)
			}
			if !q.Silent {
				told = append(told, decision{q.End, q.Decision})
			}
			return nil
		}), stream.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return told, cued
	}
	rec := simulated(t, 2)
	want, cued := run(rec, ingest.PlayOptions{})
	if cued < 14 {
		t.Fatalf("%d cued windows", cued)
	}
	none, some := 0, 0
	for _, d := range want {
		if d.told == "" {
			none++
		} else {
			some++
		}
	}
	if some < 5 || none < some {
		t.Errorf("%d decisions and %d times no control, want a few and many", some, none)
	}
	got, _ := run(rec, ingest.PlayOptions{Sizes: randomSizes(8)})
	if !slices.Equal(got, want) {
		t.Error("random chunks lead to other decisions")
	}
	unmarked := *rec
	unmarked.Events = nil
	got, cued = run(&unmarked, ingest.PlayOptions{})
	if cued != 0 || !slices.Equal(got, want) {
		t.Errorf("without events there are %d cued windows and other decisions", cued)
	}
}
