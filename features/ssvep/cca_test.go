package ssvep_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/features/ssvep"
)

// suiteFreqs are those of the effect that featurestest plants.
var suiteFreqs = map[string]float64{"left_hand": 8, "right_hand": 14, "feet": 20}

// TestConformance runs what is not run with all registered steps, in features/all.
func TestConformance(t *testing.T) {
	featurestest.Run(t, "cca", func() features.Step { return &ssvep.CCA{Freqs: suiteFreqs, Harmonics: 3} })
	featurestest.Run(t, "trca", func() features.Step { return &ssvep.TRCA{Bands: 1} })
}

func normal(rng *rand.Rand, rows, cols int) [][]float64 {
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, cols)
		for j := range x[i] {
			x[i][j] = rng.NormFloat64()
		}
	}
	return x
}

// BenchmarkFBCCA is the job of benchmarks/speed/peers/fbcca.py: one window of 5 bands.
func BenchmarkFBCCA(b *testing.B) {
	step := &ssvep.FBCCA{Freqs: map[string]float64{}, Harmonics: 5, Power: 1.25, Offset: 0.25}
	for k := range 40 {
		step.Freqs[fmt.Sprintf("%02d", k)] = 8 + 0.2*float64(k)
	}
	in := features.Format{Len: 250, Rate: 250}
	for band := range 5 {
		for ch := range 9 {
			in.Names = append(in.Names, fmt.Sprintf("%d@%d", ch, band))
		}
	}
	out, err := step.Start(in)
	if err != nil {
		b.Fatal(err)
	}
	x, dst := normal(rand.New(rand.NewPCG(1, 1)), len(in.Names), in.Len), make([]float64, len(out.Names))
	b.ReportAllocs()
	for b.Loop() {
		if err := step.Extract(dst, x); err != nil {
			b.Fatal(err)
		}
	}
}
