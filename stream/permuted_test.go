package stream_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

const (
	permutedHead = `preprocess:
  - {use: pick, channels: [FC3, FCz, FC4, C3, C1, Cz, C2, C4, CP3, CPz, CP4, Pz]}
  - %s
segment: {use: events, tmin_s: 0.5, tmax_s: 3.5, events: {T1: fists, T2: feet}}
live: {use: sliding, length_s: 3, step_s: 0.1}
`
	oneBand  = "{use: bandpass, low_hz: 8, high_hz: 30, order: 4}"
	fourBand = "{use: filterbank, bands: [[8, 12], [12, 16], [16, 20], [20, 24]], order: 4}"
)

// supervised are pipelines, one for every registered feature step that learns from labels and for every registered decoder
// of rows, with the default parameters. Networks are those of TestNetworkPermuted.
func supervised(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range features.Steps().Names() {
		step, err := features.Steps().New(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, classed := step.(features.Classed)
		_, learns := step.(signal.Stateful)
		if !classed || !learns {
			continue
		}
		head := fmt.Sprintf(permutedHead, oneBand)
		if name == "fbcsp" { // works behind a filter bank
			head = fmt.Sprintf(permutedHead, fourBand)
		}
		chain := "[{use: " + name + "}]"
		switch step.(type) {
		case features.Mapper:
			chain = "[{use: " + name + "}, {use: logvar}]"
		case features.Transformer:
			chain = "[{use: covariance}, {use: " + name + "}]"
		}
		out["feature "+name] = head + "features: " + chain + "\ndecoder: {use: lda}"
	}
	for _, name := range decoders.Decoders().Names() {
		d, err := decoders.Decoders().New(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, network := decoders.AsWindowed(d); network {
			continue
		}
		head, chain := fmt.Sprintf(permutedHead, oneBand), "[{use: logvar}]"
		if _, ok := d.(interface{ TakesCovariances() }); ok {
			chain = "[{use: covariance}]"
		} else if name == "argmax" { // one feature for each class
			chain = "[{use: trca}]"
		}
		out["decoder "+name] = head + "features: " + chain + "\ndecoder: {use: " + name + "}"
	}
	if len(out) < 8 {
		t.Fatalf("only %d pipelines", len(out))
	}
	return out
}

// TestSupervisedPermuted: with labels that mean nothing, S001 scores at chance with every step that learns from them: the mean
// accuracy over permutations lies within what Student's t gives in 99.9 % of the cases, over all pipelines. GYRUS_SLOW=1 asks for 60
// permutations instead of 20.
func TestSupervisedPermuted(t *testing.T) {
	seeds := 20
	if os.Getenv("GYRUS_SLOW") != "" {
		seeds = 60
	}
	var recs []*signal.Recording
	for _, run := range fistsFeet {
		recs = append(recs, recorded(t, run))
	}
	sets := map[string]*pipeline.Set{} // by preprocessing
	pipelines := supervised(t)
	limit := distuv.StudentsT{Sigma: 1, Nu: float64(seeds - 1)}.Quantile(1 - 0.0005/float64(len(pipelines)))
	for name, yaml := range pipelines {
		spec, err := pipeline.Parse(name, []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		key, _, _ := strings.Cut(yaml, "segment")
		if sets[key] == nil {
			sets[key], _ = collect(t, build(t, spec, pipeline.Cued), recs...)
		}
		set := sets[key]
		y, err := set.Labels()
		if err != nil {
			t.Fatal(err)
		}
		folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
		if err != nil {
			t.Fatal(err)
		}
		var scores []float64
		for seed := range uint64(seeds) {
			p, err := split.Permute(y, set.Group, seed)
			if err != nil {
				t.Fatal(err)
			}
			tested, err := pipeline.CrossValidate(spec, set, p, folds, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			scores = append(scores, balancedOf(tested))
		}
		mean, se := meanAndError(scores)
		t.Logf("%s: balanced accuracy %.3f ± %.3f", name, mean, se)
		if math.Abs(mean-0.5) > limit*se || slices.Max(scores) == slices.Min(scores) && mean != 0.5 {
			t.Errorf("%s: balanced accuracy %.3f ± %.3f on %d permutations, must be within %.1f standard errors of 0.5: something leaks", name, mean, se, seeds, limit)
		}
	}
}

// balancedOf is the balanced accuracy of two classes.
func balancedOf(tested map[int]pipeline.Tested) float64 {
	var right, all [2]float64
	for _, r := range tested {
		all[r.Truth]++
		if r.Label == r.Truth {
			right[r.Truth]++
		}
	}
	return (right[0]/all[0] + right[1]/all[1]) / 2
}
