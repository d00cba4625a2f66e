package decoders_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
)

// TestEmbedding: short values stay, signals are averaged over stretches, and folding keeps scalar products.
func TestEmbedding(t *testing.T) {
	for _, tc := range []struct {
		shape []int
		n     int
	}{{[]int{5}, 5}, {[]int{256}, 256}, {[]int{4, 6}, 24}, {[]int{16, 15}, 64}, {[]int{40, 27}, 40}, {[]int{200, 7}, 200}, {[]int{257}, 64}, {[]int{288, 4}, 64}, {[]int{2, 3, 100}, 60}} {
		if e := decoders.NewEmbedding(tc.shape); e.Len() != tc.n || e.Len() > decoders.MaxEmbed {
			t.Errorf("%v: %d values, want %d", tc.shape, e.Len(), tc.n)
		}
	}
	e := decoders.NewEmbedding([]int{40, 4}) // one stretch of four steps
	x, got := make([]float32, 160), make([]float64, e.Len())
	for i := range x {
		x[i] = float32(i)
	}
	if e.Fill(got, x); got[0] != 1.5 || got[39] != 157.5 {
		t.Errorf("means over time are %v", got)
	}
	e = decoders.NewEmbedding([]int{22, 5}) // two stretches: 2 and 3 steps
	got = make([]float64, e.Len())
	if e.Fill(got, x[:110]); len(got) != 44 || got[0] != 0.5 || got[1] != 3 || got[43] != 108 {
		t.Errorf("means over stretches are %v", got)
	}
	e = decoders.NewEmbedding([]int{1000})
	rng, sum, want := rand.New(rand.NewPCG(1, 2)), 0.0, 0.0
	a, b, fa, fb := make([]float32, 1000), make([]float32, 1000), make([]float64, 64), make([]float64, 64)
	const rounds = 400
	for range rounds {
		for i := range a {
			a[i] = float32(rng.NormFloat64())
			b[i] = a[i] + float32(rng.NormFloat64())
			want += float64(a[i]) * float64(b[i]) / rounds
		}
		e.Fill(fa, a)
		e.Fill(fb, b)
		for k := range fa {
			sum += fa[k] * fb[k] / rounds
		}
	}
	if math.Abs(sum/want-1) > 0.05 {
		t.Errorf("the scalar products of folded values are %.3f of the true ones in the mean, want 1", sum/want)
	}
}
