package stream_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
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

// TestWindowsOfDenseCuesStayApart: cues every quarter of a second with windows of a second, random labels that last for eight cues, and
// noise. Folds of the set learn from no sample that they test and are at chance; those that do are refused. That they are above chance is
// seen where every window is said to be of a run of its own, so that nothing tells that they overlap.
func TestWindowsOfDenseCuesStayApart(t *testing.T) {
	const spec = `{"segment": {"use": "events", "events": {"a": "a", "b": "b"}, "tmin_s": 0, "tmax_s": 1}, "features": [{"use": "logvar"}], "decoder": {"use": "lda"}}`
	parsed, err := pipeline.Parse("test.yaml", []byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	var apart, leaking, n float64
	purged := 0
	for seed := range uint64(16) {
		rec := dense(seed, 160, 8)
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
		if err != nil || trials.N != 160 || len(set.Windows) != 160 {
			t.Fatalf("%d windows of %d events, %v; want 160 of as many", len(set.Windows), trials.N, err)
		}
		correct := func(set *pipeline.Set, folds []split.Fold, err error) (right float64) {
			if err != nil {
				t.Fatal(err)
			}
			tested, err := stream.CrossValidate(context.Background(), parsed, []*signal.Recording{rec}, set, y, folds, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(tested) != len(set.Windows) {
				t.Errorf("%d of %d windows are tested", len(tested), len(set.Windows))
			}
			for _, r := range tested {
				if r.Truth == r.Label {
					right++
				}
			}
			return right
		}
		by := split.KFold{K: 5, Seed: seed}
		folds, err := set.Split(by, y)
		apart += correct(set, folds, err)
		for _, f := range folds {
			purged += len(f.Purged)
		}
		folds, err = by.Split(y, set.Group)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.CrossValidate(context.Background(), parsed, []*signal.Recording{rec}, set, y, folds, nil); err == nil || !strings.Contains(err.Error(), "of dense share samples, and one is in training, the other in test: make the folds with Set.Split") {
			t.Errorf("folds that share samples: the error is %v", err)
		}
		hidden := *set
		hidden.Group = make([]string, len(set.Group))
		for i := range hidden.Group {
			hidden.Group[i] = strconv.Itoa(i)
		}
		folds, err = hidden.Split(by, y)
		leaking += correct(&hidden, folds, err)
		n += float64(len(set.Windows))
	}
	t.Logf("%.3f apart, %.3f where they are not; %d windows were left out of training", apart/n, leaking/n, purged)
	// 320 blocks with one label each: a deviation of 0.03.
	if a := apart / n; math.Abs(a-0.5) > 0.08 {
		t.Errorf("random labels are decided with an accuracy of %.3f, want 0.5", a)
	}
	if l := leaking / n; l < 0.65 {
		t.Errorf("with windows that share samples the accuracy is %.3f; the test shows nothing below 0.65", l)
	}
	if purged == 0 {
		t.Error("no window was left out")
	}
}

// dense is a recording of noise in 40 channels with n cues, one every quarter of a second, whose labels are random and each last for hold
// of them.
func dense(seed uint64, n, hold int) *signal.Recording {
	const rate = 100
	rng := rand.New(rand.NewPCG(seed, 6))
	info := &signal.Info{Rate: rate}
	for ch := range 40 {
		name := "E" + strconv.Itoa(ch+1)
		info.Channels = append(info.Channels, signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	c := signal.NewChunk(info, 0, (n+4)*rate/4)
	for ch := range c.X {
		for t := range c.X[ch] {
			c.X[ch][t] = 10 * rng.NormFloat64()
		}
	}
	labels := rng.Perm((n + hold - 1) / hold)
	for i := range n {
		c.Events = append(c.Events, signal.Event{Sample: int64(i * rate / 4), Onset: float64(i) / 4, Label: string("ab"[labels[i/hold]%2])})
	}
	return &signal.Recording{Name: "dense", Info: info, Events: c.Events, Len: int64(c.Len()), Data: signal.Memory(c.X)}
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
