package stream_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// bringing is a step that makes nine channels of what is there.
const bringing = `{use: montage, channels: [FC3, FCz, FC4, C3, Cz, C4, CP3, CPz, CP4], min_coverage: 0.5, max_neighbour_m: 0.06}`

// behind are the steps that see what bringing makes.
const behind = "{use: car}, {use: laplacian}"

// capSpec is a pipeline with these steps on samples.
func capSpec(t *testing.T, steps string) *pipeline.Spec {
	t.Helper()
	spec, err := pipeline.Parse("cap.yaml", []byte("preprocess: ["+steps+`]
segment: {use: events, events: {T1: fists, T2: feet}}
live: {use: sliding, length_s: 3, step_s: 0.5}
features: [{use: csp, components: 4}, {use: logvar}]
decoder: {use: lda}
`))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// fitted is spec, trained.
func fitted(t *testing.T, spec *pipeline.Spec, recs ...*signal.Recording) *pipeline.Pipeline {
	t.Helper()
	p := build(t, spec, pipeline.Cued)
	set, y := collect(t, p, recs...)
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	return p
}

// throughBundle is p, written and read.
func throughBundle(t *testing.T, p *pipeline.Pipeline) (*pipeline.Pipeline, *bundle.Bundle) {
	t.Helper()
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
	q, err := pipeline.FromBundle("test.gyrus", b, pipeline.All)
	if err != nil {
		t.Fatal(err)
	}
	return q, b
}

// wholeOf is all samples of rec.
func wholeOf(t *testing.T, rec *signal.Recording) [][]float64 {
	t.Helper()
	c := signal.NewChunk(rec.Info, 0, int(rec.Len))
	if err := rec.Data.ReadSamples(c.X, 0); err != nil {
		t.Fatal(err)
	}
	return c.X
}

// wearing is rec with other channels, in another order, some of them marked as bad.
func wearing(t *testing.T, rec *signal.Recording, bad string, names ...string) *signal.Recording {
	t.Helper()
	var idx []int
	for _, n := range names {
		idx = append(idx, rec.Info.Index(n))
	}
	out := *rec
	out.Info = rec.Info.Pick(idx)
	out.Info.Channels = slices.Clone(out.Info.Channels)
	if bad != "" {
		out.Info.Channels[out.Info.Index(bad)].Bad = true
	}
	all := wholeOf(t, rec)
	var x signal.Memory
	for _, k := range idx {
		x = append(x, all[k])
	}
	out.Data = x
	return &out
}

// brought is rec after the step montage alone, which is compared with MNE where it is.
func brought(t *testing.T, rec *signal.Recording) *signal.Recording {
	t.Helper()
	spec, err := pipeline.Parse("x.yaml", []byte("preprocess: ["+bringing+"]\nsegment: {use: events, events: {T1: a, T2: b}}\ndecoder: {use: lda}\n"))
	if err != nil {
		t.Fatal(err)
	}
	step, err := preprocess.Processors().New("montage", spec.Preprocess[0].Params)
	if err != nil {
		t.Fatal(err)
	}
	out := *rec
	if out.Info, err = step.Start(rec.Info); err != nil {
		t.Fatal(err)
	}
	y, err := step.Process(signal.Chunk{Info: rec.Info, X: wholeOf(t, rec)})
	if err != nil {
		t.Fatal(err)
	}
	out.Data = signal.Memory(y.Clone().X)
	return &out
}

// TestMontageTakesOtherCaps: a model that begins with the step montage decodes a cap with other channels as a model without that
// step, trained on the same nine channels, decodes the recording that was brought to them beforehand. Live and offline are the
// same, bit for bit.
func TestMontageTakesOtherCaps(t *testing.T) {
	train := []*signal.Recording{simulated(t, 0), simulated(t, 1)}
	p, b := throughBundle(t, fitted(t, capSpec(t, bringing+", "+behind), train...))
	plain, _ := throughBundle(t, fitted(t, capSpec(t, behind), brought(t, train[0]), brought(t, train[1])))
	if b.Manifest.Montage == nil || strings.Join(b.Manifest.Montage.Info().Names(), " ") != "FC3 FCz FC4 C3 Cz C4 CP3 CPz CP4" || len(b.Manifest.Input.Channels) != 13 {
		t.Errorf("the bundle needs %+v, want the nine channels", b.Manifest.Montage)
	}
	test := simulated(t, 2)
	for name, c := range map[string]struct {
		rec     *signal.Recording
		crosses string // what is said of it
	}{
		"the cap of training":            {test, ""},
		"among others, in another order": {wearing(t, test, "", "O1", "CP4", "CPz", "CP3", "C4", "C2", "Cz", "C1", "C3", "FC4", "FCz", "FC3", "Fp1"), ""},
		"fewer":                          {wearing(t, test, "", "CP4", "C2", "CP3", "FC4", "C1", "FC3", "C4"), "coverage 0.556: 5 of the 9 channels measured; interpolated, with an electrode within 52 mm: FCz, C3, Cz, CPz; left out: C2, C1"},
		"one is marked as bad":           {wearing(t, test, "Cz", test.Info.Names()...), "coverage 0.889: 8 of the 9 channels measured; interpolated, with an electrode within 38 mm: Cz; there, but marked as bad: Cz"},
		"the nine alone":                 {brought(t, test), "coverage 1: 9 of the 9"},
	} {
		t.Run(name, func(t *testing.T) {
			want, _ := decode(t, ingest.Play(brought(t, c.rec), ingest.PlayOptions{}), plain, stream.Options{})
			if len(want) < 50 {
				t.Fatalf("only %d predictions", len(want))
			}
			got, _ := decode(t, ingest.Play(c.rec, ingest.PlayOptions{}), p, stream.Options{})
			sameBits(t, "brought beforehand", got, want)
			if said := p.Crossing(); (said == "") != (c.crosses == "") || !strings.Contains(said, c.crosses) {
				t.Errorf("it says %q, want %q", said, c.crosses)
			}
			for _, n := range []int{1, 37, 1000} {
				got, _ := decode(t, ingest.Play(c.rec, ingest.PlayOptions{Chunk: n}), p, stream.Options{Queue: 4})
				sameBits(t, "live", got, want)
			}
		})
	}
}

// TestMontageRefusesOtherCaps: too few channels, a place that nothing is near to, and pipelines without the step. The one that
// refused takes the next stream.
func TestMontageRefusesOtherCaps(t *testing.T) {
	train := []*signal.Recording{simulated(t, 0), simulated(t, 1)}
	p, _ := throughBundle(t, fitted(t, capSpec(t, bringing+", "+behind), train...))
	plain, _ := throughBundle(t, fitted(t, capSpec(t, behind), train...))
	test := simulated(t, 2)
	nowhere := wearing(t, test, "", "FC3", "FC4", "C3", "C4", "CP3", "CP4")
	for i := range nowhere.Info.Channels {
		nowhere.Info.Channels[i].Pos = nil
	}
	volts := wearing(t, test, "", "FC3", "FC4", "C3", "C4", "CP3", "CP4")
	for i := range volts.Info.Channels {
		volts.Info.Channels[i].Unit = "n/a"
	}
	allBad := wearing(t, test, "", test.Info.Names()...)
	for i := range allBad.Info.Channels {
		allBad.Info.Channels[i].Bad = true
	}
	for name, c := range map[string]struct {
		p    *pipeline.Pipeline
		rec  *signal.Recording
		says []string
	}{
		"too few":            {p, wearing(t, test, "", "C3", "Cz", "C4", "O1"), []string{"channels Fp1, FC3, FCz, FC4, C1 and 4 more of the 13 that the pipeline is made for are not among", "preprocess[0] cannot make up for that: montage: coverage is 0.333: 3 of 9", "must be at least 0.5 (min_coverage)"}},
		"too far":            {p, wearing(t, test, "", "FC3", "C3", "CP3", "C4", "CP4"), []string{"the electrode nearest to FC", "must be within 60 mm (max_neighbour_m)"}},
		"nobody knows where": {p, nowhere, []string{"no EEG channel has a position", "--electrodes"}},
		"another unit":       {p, volts, []string{`"n/a"`}},
		"no step montage":    {plain, wearing(t, test, "", "FC3", "FC4", "C3", "C4", "CP3", "CP4"), []string{"use a recording with this montage, or train on this one"}},
		"all marked as bad":  {p, allBad, []string{"of the 13 that the pipeline is made for are marked as bad; preprocess[0] cannot"}},
	} {
		err := c.p.Accepts(c.rec.Info)
		var input *pipeline.InputError
		if !errors.As(err, &input) {
			t.Errorf("%s: %v is no InputError", name, err)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v, want %q", name, err, s)
			}
		}
		if err := c.p.Accepts(test.Info); err != nil || c.p.Crossing() != "" {
			t.Errorf("%s: the cap of training after it: %v, %q", name, err, c.p.Crossing())
		}
	}
}

// TestBundleKeepsBad: a channel that was marked in training is so in the bundle, and decoded as it was trained.
func TestBundleKeepsBad(t *testing.T) {
	all := simulated(t, 0).Info.Names()
	var recs []*signal.Recording
	for run := range uint64(3) {
		recs = append(recs, wearing(t, simulated(t, run), "Cz", all...))
	}
	for _, step := range []string{"{use: car}", bringing + ", " + behind, "{use: interpolate}, " + behind} {
		p := fitted(t, capSpec(t, step), recs[:2]...)
		_, b := throughBundle(t, p)
		q, err := pipeline.FromBundle("test.gyrus", b, pipeline.Cued)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := decode(t, ingest.Play(recs[2], ingest.PlayOptions{}), p, stream.Options{})
		got, _ := decode(t, ingest.Play(recs[2], ingest.PlayOptions{}), q, stream.Options{})
		sameBits(t, step, got, want)
	}
}
