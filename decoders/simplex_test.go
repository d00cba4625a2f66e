package decoders_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
)

// TestSimplex compares with τ found by halving.
func TestSimplex(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 2000 {
		v := make([]float64, 1+rng.IntN(6))
		for k := range v {
			v[k] = rng.NormFloat64() * math.Pow(10, float64(i%5)-2)
		}
		low, high := -1e4, 1e4
		for range 200 {
			tau, sum := (low+high)/2, 0.0
			for _, x := range v {
				sum += max(x-tau, 0)
			}
			if sum > 1 {
				low = tau
			} else {
				high = tau
			}
		}
		got := append([]float64(nil), v...)
		if !decoders.Simplex(got) {
			t.Fatalf("%v is refused", v)
		}
		sum := 0.0
		for k, p := range got {
			sum += p
			if want := max(v[k]-low, 0); math.Abs(p-want) > 1e-9 {
				t.Fatalf("%v gives %v, number %d must be %g", v, got, k, want)
			}
		}
		if math.Abs(sum-1) > 1e-15*float64(len(v)) {
			t.Fatalf("%v gives the sum %.17g", v, sum)
		}
	}
	same := []float64{0.2, 0.5, 0.3}
	if decoders.Simplex(same); math.Abs(same[0]-0.2)+math.Abs(same[1]-0.5)+math.Abs(same[2]-0.3) > 1e-15 {
		t.Errorf("probabilities become %v", same)
	}
	for _, bad := range [][]float64{{math.NaN(), 1}, {1, math.Inf(1)}, {math.Inf(-1), 0}} {
		if decoders.Simplex(bad) {
			t.Errorf("%v is taken", bad)
		}
	}
}
