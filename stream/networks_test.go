package stream_test

import (
	"math"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// networks are the built-in pipelines that end in one.
var networks = []string{"eegnet", "shallow", "deep4", "conformer", "atcnet", "eegtcnet", "fbcnet", "cnn-lstm"}

// networkSpec is a built-in pipeline for fists and feet with other training.
func networkSpec(t testing.TB, name string, training map[string]any) *pipeline.Spec {
	t.Helper()
	spec, err := pipeline.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Segment.Set(map[string]any{"events": map[string]string{"T1": "fists", "T2": "feet"}}); err != nil {
		t.Fatal(err)
	}
	if err := spec.Decoder.Set(training); err != nil {
		t.Fatal(err)
	}
	return spec
}

// loaded is a pipeline that was fitted to recordings, and one that came back out of the bytes of its bundle, cutting all
// windows.
func loaded(t testing.TB, spec *pipeline.Spec, recs ...*signal.Recording) (p, q *pipeline.Pipeline) {
	t.Helper()
	p = build(t, spec, pipeline.Cued)
	set, y := collect(t, p, recs...)
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := bundle.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = bundle.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	if q, err = pipeline.FromBundle("test.gyrus", b, pipeline.All); err != nil {
		t.Fatal(err)
	}
	return p, q
}

// TestNetworkLiveEqualsOffline: a network is decoded live as offline, to the bit, in every way that a pipeline can get its
// samples.
func TestNetworkLiveEqualsOffline(t *testing.T) {
	spec := networkSpec(t, "eegnet", map[string]any{"epochs": 5})
	_, p := loaded(t, spec, simulated(t, 0), simulated(t, 1))
	liveEqualsOffline(t, p, simulated(t, 2))
}

// TestNetworksLiveEqualsOffline: each of them, with fewer windows, and its bundle has the bits of the pipeline that
// made it.
func TestNetworksLiveEqualsOffline(t *testing.T) {
	for _, name := range networks {
		t.Run(name, func(t *testing.T) {
			spec := networkSpec(t, name, map[string]any{"epochs": 1, "workers": 1})
			if err := spec.Live.Set(map[string]any{"step_s": 1}); err != nil {
				t.Fatal(err)
			}
			fitted, p := loaded(t, spec, simulated(t, 0), simulated(t, 1))
			rec := simulated(t, 2)
			want, _ := decode(t, ingest.Play(rec, ingest.PlayOptions{}), p, stream.Options{})
			if len(want) < 100 {
				t.Fatalf("only %d predictions", len(want))
			}
			got, _ := decode(t, ingest.Play(rec, ingest.PlayOptions{Sizes: randomSizes(3)}), p, stream.Options{Queue: 4})
			sameBits(t, "random chunks through a queue", got, want)

			var cued []answer
			for _, a := range want {
				if a.truth != "" {
					cued = append(cued, a)
				}
			}
			got, _ = decode(t, ingest.Play(rec, ingest.PlayOptions{}), fitted, stream.Options{})
			sameBits(t, "the pipeline that was fitted", got, cued)
		})
	}
}

// balanced is the balanced accuracy of two classes, leave one run out.
func balanced(t *testing.T, spec *pipeline.Spec, set *pipeline.Set, y signal.Labels) float64 {
	t.Helper()
	folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
	if err != nil {
		t.Fatal(err)
	}
	tested, err := pipeline.CrossValidate(spec, set, y, folds, nil)
	if err != nil {
		t.Fatal(err)
	}
	var right, all [2]float64
	for _, r := range tested {
		all[r.Truth]++
		if r.Label == r.Truth {
			right[r.Truth]++
		}
	}
	return (right[0]/all[0] + right[1]/all[1]) / 2
}

// TestNetworkFindsAnEffect: what the simulator plants is found, with the default training.
func TestNetworkFindsAnEffect(t *testing.T) {
	spec := networkSpec(t, "eegnet", nil)
	set, y := collect(t, build(t, spec, pipeline.Cued), simulated(t, 0), simulated(t, 1), simulated(t, 2))
	got := balanced(t, spec, set, y)
	t.Logf("balanced accuracy %.3f of %d windows", got, len(y.Y))
	// Guessing gets further in one of a thousand: 0.5 + 3.09/√(4n).
	if limit := 0.5 + 3.09/math.Sqrt(4*float64(len(y.Y))); got < limit {
		t.Errorf("balanced accuracy %.3f on a simulated person, want at least %.3f", got, limit)
	}
}

// TestNetworkPermuted: with labels that mean nothing, a network scores at chance on real signals.
func TestNetworkPermuted(t *testing.T) {
	if os.Getenv("GYRUS_SLOW_NETWORKS") != "1" { // not under the race detector, as the others that are slow
		t.Skip("skipped: takes minutes: GYRUS_SLOW_NETWORKS=1 (make test-slow)")
	}
	var recs []*signal.Recording
	for _, run := range fistsFeet {
		recs = append(recs, recorded(t, run))
	}
	spec := networkSpec(t, "eegnet", map[string]any{"epochs": 60})
	set, y := collect(t, build(t, spec, pipeline.Cued), recs...)
	var scores []float64
	for seed := range uint64(12) {
		p, err := split.Permute(y, set.Group, seed)
		if err != nil {
			t.Fatal(err)
		}
		scores = append(scores, balanced(t, spec, set, p))
	}
	atChance(t, "S001, EEGNet, permuted labels", scores)
}
