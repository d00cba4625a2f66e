package ssvep_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/ssvep"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

type classed interface {
	features.Extractor
	features.Classed
}

var twoFreqs = map[string]float64{"a": 9, "b": 13.5}

func TestStartErrors(t *testing.T) {
	plain := golden{Channels: 4, Samples: 200, Rate: 200, Bands: 1}.format()
	banded := golden{Channels: 4, Samples: 200, Rate: 200, Bands: 2}.format()
	short, rows := plain, plain
	short.Len, rows.Len = 8, 0
	for _, tc := range []struct {
		name string
		step classed
		in   features.Format
		want string
	}{
		{"no frequencies", &ssvep.CCA{Harmonics: 2}, plain, "freqs_hz is empty"},
		{"class without one", &ssvep.CCA{Freqs: map[string]float64{"a": 9, "B": 13}, Harmonics: 2}, plain, `no frequency for the class "b"`},
		{"no class flickers", &ssvep.CCA{Freqs: map[string]float64{"a": 0, "b": 0}, Harmonics: 2}, plain, "0 for every class"},
		{"negative", &ssvep.CCA{Freqs: map[string]float64{"a": 9, "b": -9}, Harmonics: 2}, plain, "-9 Hz"},
		{"NaN", &ssvep.CCA{Freqs: map[string]float64{"a": 9, "b": math.NaN()}, Harmonics: 2}, plain, "NaN Hz"},
		{"harmonic too high", &ssvep.CCA{Freqs: twoFreqs, Harmonics: 8}, plain, "the highest, 108 Hz, below 100"},
		{"no harmonics", &ssvep.CCA{Freqs: twoFreqs}, plain, "harmonics is 0"},
		{"too short", &ssvep.CCA{Freqs: twoFreqs, Harmonics: 2}, short, "fit any 9 exactly; use longer windows"},
		{"slow flicker", &ssvep.CCA{Freqs: map[string]float64{"a": 1e-9, "b": 13}, Harmonics: 2}, plain, "cannot be told apart in 200 samples"},
		{"rows", &ssvep.CCA{Freqs: twoFreqs, Harmonics: 2}, rows, "rows of 4 numbers"},
		{"filter bank before cca", &ssvep.CCA{Freqs: twoFreqs, Harmonics: 2}, banded, "use fbcca"},
		{"no filter bank before fbcca", &ssvep.FBCCA{Freqs: twoFreqs, Harmonics: 2}, plain, "filterbank"},
		{"weights", &ssvep.FBCCA{Freqs: twoFreqs, Harmonics: 2, Power: -1}, banded, "weight_a is -1"},
		{"bands", &ssvep.TRCA{Bands: 3}, banded, "channels are of 2 bands, bands is 3"},
		{"trca on rows", &ssvep.TRCA{Bands: 1}, rows, "rows of 4 numbers"},
	} {
		tc.step.SetClasses([]string{"a", "b"})
		if _, err := tc.step.Start(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
}

// TestOrder: the numbers stand in the order of the classes, without those that do not flicker, then the others.
func TestOrder(t *testing.T) {
	step := &ssvep.CCA{Freqs: map[string]float64{"rest": 0, "z": 13, "b": 17, "a": 21, "off": 0}, Harmonics: 1}
	step.SetClasses([]string{"z", "rest", "b"})
	out, err := step.Start(golden{Channels: 2, Samples: 200, Rate: 200, Bands: 1}.format())
	if err != nil || strings.Join(out.Names, " ") != "z.cca b.cca a.cca" {
		t.Errorf("got %v, %v; want z, b, a", out.Names, err)
	}
}

// TestParameters are those of a pipeline file.
func TestParameters(t *testing.T) {
	for name, params := range map[string]string{
		"cca":   `{"freqs_hz":{"a":13,"rest":0},"harmonics":3}`,
		"fbcca": `{"freqs_hz":{"a":13},"harmonics":3,"weight_a":1,"weight_b":0,"bands":5}`,
		"trca":  `{"ensemble":false,"bands":0}`,
	} {
		if _, err := features.Steps().New(name, []byte(params)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := strings.Join(registry.Keys(ssvep.FBCCA{}), " "); got != "freqs_hz harmonics weight_a weight_b bands" {
		t.Errorf("keys of fbcca: %s", got)
	}
}

func TestWindowsWithoutSignal(t *testing.T) {
	in := golden{Channels: 3, Samples: 200, Rate: 200, Bands: 1}.format()
	step := &ssvep.CCA{Freqs: twoFreqs, Harmonics: 2}
	if _, err := step.Start(in); err != nil {
		t.Fatal(err)
	}
	x := normal(rand.New(rand.NewPCG(1, 2)), 3, 200)
	dst := make([]float64, 2)
	x[1][199] = math.Inf(1)
	if err := step.Extract(dst, x); err == nil || !strings.Contains(err.Error(), `"E2" holds samples that are not finite`) {
		t.Errorf("infinite sample: %v", err)
	}
	for _, row := range x {
		for s := range row {
			row[s] = 0.1 + 1e6/3
		}
	}
	if err := step.Extract(dst, x); err == nil || !strings.Contains(err.Error(), "no channel") {
		t.Errorf("dead stream: %v", err)
	}
}

func TestTRCANeedsTwoWindowsOfAClass(t *testing.T) {
	g := golden{Step: "trca", Windows: 3, Bands: 1, Channels: 3, Samples: 100, Rate: 200, Freqs: []float64{9, 13}, Seed: 3}
	step := g.step(t).(*ssvep.TRCA)
	err := step.FitWindows(g.signals(), signal.Labels{Classes: g.classes(), Y: []int{0, 1, 0}})
	if err == nil || !strings.Contains(err.Error(), `class "b" has 1 training windows, needs at least 2`) {
		t.Errorf("error is %v", err)
	}
	dead := make([][][]float64, 4)
	for i := range dead {
		dead[i] = [][]float64{make([]float64, 100), make([]float64, 100), make([]float64, 100)}
	}
	if err := step.FitWindows(dead, signal.Labels{Classes: g.classes(), Y: []int{0, 1, 0, 1}}); err == nil || !strings.Contains(err.Error(), `class "a"`) {
		t.Errorf("dead stream: error is %v", err)
	}
}

// TestTRCAWithoutFullRank: an average reference takes a dimension and a flat channel another; the numbers must be those
// of the channels that are left.
func TestTRCAWithoutFullRank(t *testing.T) {
	g := golden{
		Step: "trca", Windows: 12, Bands: 1, Channels: 5, Samples: 100, Rate: 200, Freqs: []float64{9, 13},
		Ensemble: false, AverageReference: true, Flat: []int{4}, Seed: 3,
	}
	x := g.signals()
	y := signal.Labels{Classes: g.classes()}
	for i := range x {
		y.Y = append(y.Y, i%2)
	}
	less := g
	less.Channels, less.Flat = 4, nil
	fewer := make([][][]float64, len(x))
	for i := range x {
		fewer[i] = x[i][:4]
	}
	a, b := g.step(t).(*ssvep.TRCA), less.step(t).(*ssvep.TRCA)
	if err := a.FitWindows(x, y); err != nil {
		t.Fatal(err)
	}
	if err := b.FitWindows(fewer, y); err != nil {
		t.Fatal(err)
	}
	got, want := make([]float64, 2), make([]float64, 2)
	for i := range x {
		if err := a.Extract(got, x[i]); err != nil {
			t.Fatal(err)
		}
		if err := b.Extract(want, fewer[i]); err != nil {
			t.Fatal(err)
		}
		for k := range want {
			if math.Abs(got[k]-want[k]) > 1e-9 {
				t.Errorf("window %d, class %d: %g, without the flat channel %g", i, k, got[k], want[k])
			}
		}
	}
}
