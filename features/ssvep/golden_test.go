package ssvep_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/ssvep"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// golden is one case of testdata/golden.py, and what another program made of it.
type golden struct {
	Name             string        `json:"name"`
	Step             string        `json:"step"`
	Program          string        `json:"program"`
	Windows          int           `json:"windows"`
	Bands            int           `json:"bands"`
	Channels         int           `json:"channels"`
	Samples          int           `json:"samples"`
	Rate             float64       `json:"rate"`
	Freqs            []float64     `json:"freqs"`
	Harmonics        int           `json:"harmonics"`
	AverageReference bool          `json:"average_reference"`
	Flat             []int         `json:"flat"`
	Ensemble         bool          `json:"ensemble"`
	Seed             uint64        `json:"seed"`
	Rows             [][]float64   `json:"rows"`
	Filters          [][][]float64 `json:"filters"`
}

// signals makes what signals in golden.py makes, [windows][bands × channels][samples].
func (g golden) signals() [][][]float64 {
	state := g.Seed
	next := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11)*0x1p-53 - 0.5
	}
	pattern := make([][]float64, len(g.Freqs))
	for k := range pattern {
		for range g.Channels {
			pattern[k] = append(pattern[k], next())
		}
	}
	x := make([][][]float64, g.Windows)
	for i := range x {
		k := i % len(g.Freqs)
		for b := range g.Bands {
			band := make([][]float64, g.Channels)
			for ch := range band {
				band[ch] = make([]float64, g.Samples)
				for t := range band[ch] {
					wave := math.Sin(2*math.Pi*g.Freqs[k]*float64(t)/g.Rate + 0.3*float64(b))
					band[ch][t] = 100*float64(ch) + 20*next() + 10*pattern[k][ch]*wave
				}
			}
			if g.AverageReference {
				averageReference(band)
			}
			for _, ch := range g.Flat {
				for t := range band[ch] {
					band[ch][t] = 7
				}
			}
			x[i] = append(x[i], band...)
		}
	}
	return x
}

func averageReference(x [][]float64) {
	for t := range x[0] {
		mean := 0.0
		for _, row := range x {
			mean += row[t] / float64(len(x))
		}
		for _, row := range x {
			row[t] -= mean
		}
	}
}

func (g golden) format() features.Format {
	f := features.Format{Len: g.Samples, Rate: g.Rate}
	for b := range g.Bands {
		for ch := range g.Channels {
			name := fmt.Sprintf("E%d", ch+1)
			if g.Bands > 1 {
				name += fmt.Sprintf("@band%d", b+1)
			}
			f.Names = append(f.Names, name)
		}
	}
	return f
}

func (g golden) classes() []string { return []string{"a", "b", "c", "d"}[:len(g.Freqs)] }

// step is a started step with the parameters of the case.
func (g golden) step(t *testing.T) features.Extractor {
	t.Helper()
	freqs := map[string]float64{}
	for k, class := range g.classes() {
		freqs[class] = g.Freqs[k]
	}
	var step features.Extractor
	switch {
	case g.Step == "trca":
		step = &ssvep.TRCA{Ensemble: g.Ensemble, Bands: g.Bands}
	case g.Bands == 1:
		step = &ssvep.CCA{Freqs: freqs, Harmonics: g.Harmonics}
	default:
		step = &ssvep.FBCCA{Freqs: freqs, Harmonics: g.Harmonics, Power: 1.25, Offset: 0.25}
	}
	step.(features.Classed).SetClasses(g.classes())
	if _, err := step.Start(g.format()); err != nil {
		t.Fatal(err)
	}
	return step
}

// TestAgainstOtherPrograms compares with scikit-learn's CCA, with SciPy's angles between subspaces and with meegkit's
// TRCA. What is left is rounding: 1e-12, but 1e-9 where a canonical correlation comes out of an iteration.
func TestAgainstOtherPrograms(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	worst := map[[2]string]float64{}
	for _, g := range cases {
		t.Run(g.Program+"/"+g.Name, func(t *testing.T) {
			const tol = 1e-9
			x, step := g.signals(), g.step(t)
			if trca, ok := step.(*ssvep.TRCA); ok {
				y := signal.Labels{Classes: g.classes()}
				for i := range g.Windows / 2 {
					y.Y = append(y.Y, i%len(g.Freqs))
				}
				if err := trca.FitWindows(x[:g.Windows/2], y); err != nil {
					t.Fatal(err)
				}
				var want []float64
				for _, band := range g.Filters {
					for _, w := range band {
						if at := len(want); slices.Max(w) < -slices.Min(w) != (slices.Max(trca.Filters[at:at+g.Channels]) < -slices.Min(trca.Filters[at:at+g.Channels])) {
							for ch := range w {
								w[ch] = -w[ch]
							}
						}
						want = append(want, w...)
					}
				}
				for i, v := range trca.Filters {
					d := math.Abs(v - want[i])
					worst[[2]string{g.Program, "trca filters"}] = max(worst[[2]string{g.Program, "trca filters"}], d)
					if d > tol {
						t.Errorf("entry %d of the filters is %g, want %g", i, v, want[i])
					}
				}
			}
			key := [2]string{g.Program, g.Step}
			if g.Step == "cca" && g.Bands > 1 {
				key[1] = "fbcca"
			}
			dst := make([]float64, len(g.Freqs))
			for i, want := range g.Rows {
				if err := step.Extract(dst, x[i]); err != nil {
					t.Fatal(err)
				}
				for k, v := range dst {
					d := math.Abs(v-want[k]) / math.Abs(want[k])
					worst[key] = max(worst[key], d)
					if d > tol {
						t.Errorf("window %d, class %d: %.15g, want %.15g", i, k, v, want[k])
					}
				}
			}
		})
	}
	for key, d := range worst {
		program, _, _ := strings.Cut(key[0], " ")
		what, ok := map[[2]string]string{
			{"scipy", "cca"}: "CCA: correlations, as angles between subspaces", {"scipy", "fbcca"}: "filter-bank CCA: scores, as angles between subspaces",
			{"scikit-learn", "cca"}: "CCA: correlations, by iteration", {"scikit-learn", "fbcca"}: "filter-bank CCA: scores, by iteration",
			{"meegkit", "trca"}: "TRCA: scores", {"meegkit", "trca filters"}: "TRCA: spatial filters",
		}[[2]string{program, key[1]}]
		if !ok {
			t.Fatalf("no name for %v", key)
		}
		paritytest.Error(t, paritytest.Report{What: what, Peer: key[0], Data: "generated", Err: d, Tol: 1e-9})
	}
}
