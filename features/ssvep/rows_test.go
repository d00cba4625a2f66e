package ssvep

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRowsAVX: the vector kernel gives the bits of the plain loop.
func TestRowsAVX(t *testing.T) {
	if !haveLanes {
		t.Skip("skipped: needs a processor with AVX")
	}
	defer func() { haveLanes = true }()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, width := range []int{8, 16, 24, 40, 72} {
		h, x := make([]float64, 13), make([]float64, 13*(width+8))
		for i := range h {
			h[i] = rng.NormFloat64()
		}
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		got, want := make([]float64, width), make([]float64, width)
		haveLanes = true
		sumRows(got, h, x, width+8)
		haveLanes = false
		sumRows(want, h, x, width+8)
		if !slices.Equal(got, want) {
			t.Errorf("width %d: %v, in plain Go %v", width, got, want)
		}
	}
}
