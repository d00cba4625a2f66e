package stream_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/session"
)

func aligned(t testing.TB, mode string) *pipeline.Spec {
	t.Helper()
	spec := cspLDA(t)
	step := pipeline.Step{Use: "euclidean_alignment"}
	if err := step.Set(map[string]any{"mode": mode}); err != nil {
		t.Fatal(err)
	}
	spec.Features = append([]pipeline.Step{step}, spec.Features...)
	return spec
}

// TestAlignmentModes: decoding a recording says of its cued windows, in each mode, what cross-validation said; the offline mode
// needs the whole recording before, and a live session refuses it.
func TestAlignmentModes(t *testing.T) {
	recs := []*signal.Recording{simulated(t, 0), simulated(t, 1), simulated(t, 2)}
	rows := map[string][]float64{}
	for _, mode := range []string{"incremental", "run", "fixed"} {
		spec := aligned(t, mode)
		cued := build(t, spec, pipeline.Cued)
		set, y := collect(t, cued, recs...)
		want := tested(t, spec, recs, set, y)

		p := build(t, spec, pipeline.Cued)
		train, labels := collect(t, p, recs[:2]...)
		if err := p.Fit(train, labels); err != nil {
			t.Fatal(err)
		}
		rec, err := p.Prepare(recs[2])
		if err != nil {
			t.Fatal(err)
		}
		got, _ := decode(t, ingest.Play(rec, ingest.PlayOptions{Sizes: randomSizes(7)}), p, stream.Options{})
		k, right := 0, 0
		for i := range set.Windows {
			if set.Group[i] != recs[2].Name {
				continue
			}
			if !slices.Equal(got[k].scores, want[i].Scores) {
				t.Fatalf("mode %s, trial %d: scores %v, in cross-validation %v", mode, k, got[k].scores, want[i].Scores)
			}
			if got[k].label == got[k].truth {
				right++
			}
			k++
		}
		if k != len(got) || right < 12 {
			t.Errorf("mode %s: %d of %d trials right, %d in the set", mode, right, len(got), k)
		}
		rows[mode] = got[0].row

		if mode != "run" {
			if p.Causal() != nil {
				t.Errorf("mode %s is refused for live use: %v", mode, p.Causal())
			}
			continue
		}
		// The run is known for one pass only.
		_, err = stream.Run(context.Background(), ingest.Play(recs[1], ingest.PlayOptions{}), p, stream.SinkFunc(func(context.Context, *pipeline.Prediction) error { return nil }), stream.Options{})
		if err == nil || !strings.Contains(err.Error(), "needs a whole run") {
			t.Errorf("a stream that was not looked at before: %v", err)
		}
		if _, err := session.Run(context.Background(), session.Options{Pipeline: p, Source: ingest.Play(recs[1], ingest.PlayOptions{})}); err == nil || !strings.Contains(err.Error(), "a live session does not have") {
			t.Errorf("a live session with the mode run: %v", err)
		}
		silent := *recs[2]
		silent.Events = nil
		if _, err := p.Prepare(&silent); err == nil || !strings.Contains(err.Error(), "there is none") {
			t.Errorf("a run without cued windows: %v", err)
		}
	}
	if slices.Equal(rows["run"], rows["incremental"]) || slices.Equal(rows["run"], rows["fixed"]) || slices.Equal(rows["fixed"], rows["incremental"]) {
		t.Error("two modes give the same rows")
	}
}
