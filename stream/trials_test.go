package stream_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// TestWindowsOfOneEventStayTogether: blocks of 4 s with random labels and a spectrum of their own each, cut into windows that overlap. Folds
// that keep events together and permuted labels score at chance; folds that do not are refused.
func TestWindowsOfOneEventStayTogether(t *testing.T) {
	const spec = `{"segment": {"use": "events", "events": {"a": "a", "b": "b"}, "tmin_s": 0, "tmax_s": 1, "every_s": 0.25}, "features": [{"use": "logvar"}], "decoder": {"use": "lda"}}`
	parsed, err := pipeline.Parse("test.yaml", []byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	var right, permuted, n float64
	for seed := range uint64(6) {
		rec := blocks(seed, 30)
		p, err := pipeline.Build(parsed, pipeline.Cued)
		if err != nil {
			t.Fatal(err)
		}
		set, err := stream.Collect(context.Background(), []*signal.Recording{rec}, p, stream.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		y, err := set.Labels()
		if err != nil {
			t.Fatal(err)
		}
		trials, err := set.Trials()
		if err != nil || trials.N != 30 || len(set.Windows) != 30*13 {
			t.Fatalf("%d windows of %d events, %v; want 13 of each of 30", len(set.Windows), trials.N, err)
		}
		for _, shuffled := range []bool{false, true} {
			if shuffled {
				if y, err = set.Permute(seed); err != nil {
					t.Fatal(err)
				}
			}
			folds, err := set.Split(split.KFold{K: 5, Seed: seed}, y)
			if err != nil {
				t.Fatal(err)
			}
			tested, err := stream.CrossValidate(context.Background(), parsed, []*signal.Recording{rec}, set, y, folds, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range tested {
				switch {
				case r.Truth != r.Label:
				case shuffled:
					permuted++
				default:
					right++
				}
			}
		}
		n += float64(len(set.Windows))
		for _, s := range []split.Splitter{split.KFold{K: 5, Seed: seed}, split.BlockedKFold{K: 7}} {
			apart, err := s.Split(y, set.Group)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.CrossValidate(context.Background(), parsed, []*signal.Recording{rec}, set, y, apart, nil); err == nil || !strings.Contains(err.Error(), "are in training and test, and windows of one event are alike: make the folds with Set.Split") {
				t.Errorf("folds that part events: the error is %v", err)
			}
		}
	}
	// 180 events: a deviation of 0.037.
	if a, b := right/n, permuted/n; math.Abs(a-0.5) > 0.12 || math.Abs(b-0.5) > 0.12 {
		t.Errorf("random labels are decided with an accuracy of %.3f, permuted ones with %.3f, want 0.5", a, b)
	}
}

// blocks is a recording of n events of 4 s, half of each class in random order, each with amplitudes of its own.
func blocks(seed uint64, n int) *signal.Recording {
	const rate = 100
	rng := rand.New(rand.NewPCG(seed, 5))
	info := &signal.Info{Rate: rate}
	for _, name := range []string{"F3", "F4", "C3", "C4", "P3", "P4"} {
		info.Channels = append(info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	c := signal.NewChunk(info, 0, n*4*rate)
	for e, k := range rng.Perm(n) {
		c.Events = append(c.Events, signal.Event{Sample: int64(e * 4 * rate), Onset: float64(4 * e), Duration: 4, Label: string("ab"[k%2])})
		for ch := range c.X {
			scale := 10 * math.Exp(rng.NormFloat64())
			for i := range 4 * rate {
				c.X[ch][e*4*rate+i] = scale * rng.NormFloat64()
			}
		}
	}
	return &signal.Recording{Name: "blocks", Info: info, Events: c.Events, Len: int64(c.Len()), Data: signal.Memory(c.X)}
}
