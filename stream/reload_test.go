package stream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// reloaded are, for the steps whose defaults cannot run on the recordings of simulated, or would take long, the parameters
// that TestEveryStepReloads gives them. A new step whose defaults fail there fails the test until it has a line here.
var reloaded = map[string]string{
	"ica": `eog: [Fp1], max_iter: 20, tol: 0.5`, "interpolate": `bads: [C1]`, "montage": `channels: [FC3, FCz, FC4, C3, Cz, C4, CP3, CPz, CP4], min_coverage: 0.2, max_neighbour_m: 0.2`, "reference": `channels: [Cz], drop: true`, "linked_ears": `channels: [C3, C4]`,
	"bipolar": `pairs: [[C3, C1], [C4, C2]]`, "fir": `low_hz: 8, high_hz: 30`, "bessel": `low_hz: 8, high_hz: 30`, "ellip": `high_hz: 40`,
	"cheby1": `low_hz: 8, high_hz: 30`, "cheby2": `low_hz: 1`, "pick": `exclude: [O1]`, "comb": `freq_hz: 20`, "ssp": `eog: [Fp1], events: [T1]`, "eog_regression": `eog: [Fp1]`,
	"bad_channels": `action: interpolate, methods: [noisy], noise_z: 1.5, max_bad: 0.9`, "amplitude": `peak_to_peak_uv: 1000`,
	"filterbank": `bands: [[8, 12], [12, 30]]`, "filterbank_zero_phase": `bands: [[8, 12], [12, 30]]`,
	"cca": `freqs_hz: {fists: 10, feet: 20}`, "fbcca": `freqs_hz: {fists: 10, feet: 20}, harmonics: 2, bands: 1`, "fbcsp": `bands: 1, select: 4`,
	"dqn": `decisions: 60, warmup: 32`, "dqn_sequential": `decisions: 60, warmup: 32`,
}

// before is what a step needs before it: a step on rows needs rows.
var before = map[string]string{
	"recentre": "{use: covariance}", "tangent_space": "{use: covariance}", "standardise": "{use: logvar}",
}

// with is a step as YAML, with the parameters of reloaded.
func with(name string) string {
	if p := reloaded[name]; p != "" {
		return fmt.Sprintf("{use: %s, %s}", name, p)
	}
	return fmt.Sprintf("{use: %s}", name)
}

// definition is a pipeline around one step.
func definition(section, name string) (yaml string) {
	part := map[string]string{
		"offline": "", "preprocess": "", "reject": "", "features": "{use: logvar}", "decoder": "{use: lda}",
	}
	part[section] = with(name)
	switch section {
	case "features":
		step, err := features.Steps().New(name, nil)
		if err != nil {
			panic(err)
		}
		if b := before[name]; b != "" {
			part[section] = b + ", " + part[section]
		}
		if _, maps := step.(features.Mapper); maps {
			part[section] += ", {use: logvar}"
		}
	case "decoder":
		d, err := decoders.Decoders().New(name, nil)
		if err != nil {
			panic(err)
		}
		if _, windowed := decoders.AsWindowed(d); windowed {
			part["features"] = ""
			if !strings.HasPrefix(name, "dqn") {
				part["decoder"] = fmt.Sprintf("{use: %s, epochs: 1, workers: 1}", name)
			}
		}
		switch name {
		case "mdm", "fgmdm":
			part["features"] = "{use: covariance}"
		case "argmax":
			part["features"] = "{use: cca, " + reloaded["cca"] + "}"
		}
	}
	return fmt.Sprintf("offline: [%s]\npreprocess: [%s]\nsegment: {use: events, events: {T1: fists, T2: feet}}\nlive: {use: sliding, length_s: 3, step_s: 5}\nreject: [%s]\nfeatures: [%s]\ndecoder: %s\n",
		part["offline"], part["preprocess"], part["reject"], part["features"], part["decoder"])
}

// registered are the names of one registry, without those that other tests of this package add.
func registered(names []string) (list []string) {
	for _, n := range names {
		if !strings.HasPrefix(n, "test_") {
			list = append(list, n)
		}
	}
	return list
}

// TestEveryStepReloads: a pipeline around each step that is registered is trained, written and read back, and the one that
// was read gives the bits of the one that was trained.
func TestEveryStepReloads(t *testing.T) {
	var recs []*signal.Recording
	for run := range uint64(3) {
		recs = append(recs, simulated(t, run))
	}
	for section, names := range map[string][]string{
		"offline": preprocess.Offlines().Names(), "preprocess": preprocess.Processors().Names(), "reject": preprocess.Checkers().Names(),
		"features": features.Steps().Names(), "decoder": decoders.Decoders().Names(),
	} {
		if len(registered(names)) == 0 {
			t.Fatalf("nothing is registered for the section %s", section)
		}
		for _, name := range registered(names) {
			t.Run(section+"/"+name, func(t *testing.T) {
				spec, err := pipeline.Parse("test.yaml", []byte(definition(section, name)))
				if err != nil {
					t.Fatal(err)
				}
				fitted := build(t, spec, pipeline.Cued)
				set, y := collect(t, fitted, recs[:2]...)
				if err := fitted.Fit(set, y); err != nil {
					t.Fatal(err)
				}
				b, err := fitted.Bundle("test")
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
				restored, err := pipeline.FromBundle("test.gyrus", b, pipeline.Cued)
				if err != nil {
					t.Fatal(err)
				}
				cued := func(p *pipeline.Pipeline) []answer {
					rec, err := p.Prepare(recs[2])
					if err != nil {
						t.Fatal(err)
					}
					all, _ := decode(t, ingest.Play(rec, ingest.PlayOptions{}), p, stream.Options{})
					return all
				}
				want := cued(fitted)
				if len(want) < 10 {
					t.Fatalf("only %d predictions", len(want))
				}
				sameBits(t, "out of its bundle", cued(restored), want)
			})
		}
	}
}

// TestOldBundleWithoutPositions: a bundle that was written before they were kept loads as far as no step asks for them.
func TestOldBundleWithoutPositions(t *testing.T) {
	for step, loads := range map[string]bool{"car": true, "laplacian": false} {
		spec, err := pipeline.Parse("test.yaml", []byte(definition("preprocess", step)))
		if err != nil {
			t.Fatal(err)
		}
		p := build(t, spec, pipeline.Cued)
		set, y := collect(t, p, simulated(t, 0))
		if err := p.Fit(set, y); err != nil {
			t.Fatal(err)
		}
		b, err := p.Bundle("test")
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Manifest.Input.Channels {
			if b.Manifest.Input.Channels[i].Pos == nil {
				t.Fatalf("%s: no position is in the bundle", b.Manifest.Input.Channels[i].Name)
			}
			b.Manifest.Input.Channels[i].Pos = nil
		}
		_, err = pipeline.FromBundle("old.gyrus", b, pipeline.All)
		if (err == nil) != loads {
			t.Errorf("%s: %v", step, err)
		}
		if err != nil && !strings.Contains(err.Error(), "train again") {
			t.Errorf("%s: %q does not say what to do", step, err)
		}
	}
}
