package ica

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// both runs f with and without the assembly.
func both(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	hadFast, hadWide := fast, wide
	t.Cleanup(func() { fast, wide = hadFast, hadWide })
	for _, v := range [][2]bool{{false, false}, {true, false}, {true, true}} {
		if v[0] && !hadFast || v[1] && !hadWide {
			t.Logf("this processor has no assembly of the kind %v", v)
			continue
		}
		fast, wide = v[0], v[1]
		t.Run(fmt.Sprintf("AVX2 %t, AVX-512 %t", fast, wide), f)
	}
}

func TestTanh(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x := []float64{0, math.Copysign(0, -1), 1e-300, -1e-300, 1e-20, 0.1, 0.17328, 0.17329, 1, 19.9, 20, 20.1, 710, -1e308, math.Inf(1), math.Inf(-1)}
	for range 100000 {
		x = append(x, r.NormFloat64()*math.Exp2(4*r.NormFloat64()))
	}
	x = append(x, math.NaN(), 0, 0, 0)
	both(t, func(t *testing.T) {
		got := make([]float64, len(x))
		tanh(got, x)
		for i, v := range x {
			want := math.Tanh(v) // itself good to some units in the last place
			if !(math.Abs(got[i]-want) <= 1e-15*math.Abs(want)) && !(math.IsNaN(v) && math.IsNaN(got[i])) {
				t.Fatalf("tanh(%g) is %g, want %g", v, got[i], want)
			}
			if math.Signbit(got[i]) != math.Signbit(v) && !math.IsNaN(v) {
				t.Fatalf("tanh(%g) is %g", v, got[i])
			}
		}
	})
}

func TestGemm(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	fill := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	both(t, func(t *testing.T) {
		for _, tc := range []struct{ m, n, k int }{{8, 8, 0}, {8, 8, 1}, {16, 24, 7}, {64, 64, 64}, {24, 40, 129}} {
			for _, transposed := range []bool{false, true} {
				am, ak := tc.k+3, 1
				if transposed {
					am, ak = 1, tc.m+5
				}
				cm, bk := tc.n+8, tc.n+16
				a, b, c := fill((tc.m+5)*(tc.k+3)+1), fill(max(1, tc.k)*bk), fill(tc.m*cm)
				want := append([]float64(nil), c...)
				for i := range tc.m {
					for j := range tc.n {
						for l := range tc.k {
							want[i*cm+j] += a[i*am+l*ak] * b[l*bk+j]
						}
					}
				}
				gemm(c, cm, a, am, ak, b, bk, tc.m, tc.n, tc.k)
				for i := range c {
					if math.Abs(c[i]-want[i]) > 1e-12 {
						t.Fatalf("%+v transposed %t: element %d is %g, want %g", tc, transposed, i, c[i], want[i])
					}
				}
			}
		}
	})
}

func BenchmarkTanh(b *testing.B) {
	x, y := make([]float64, 4096), make([]float64, 4096)
	for i := range x {
		x[i] = float64(i)/1000 - 2
	}
	for b.Loop() {
		tanh(y, x)
	}
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds()/1e6, "M/s")
}

func BenchmarkGemm(b *testing.B) {
	const m, n, k, s = 128, 64, 64, 72
	c, x, w := make([]float64, m*s), make([]float64, m*s), make([]float64, k*s)
	for b.Loop() {
		gemm(c, s, x, s, 1, w, s, m, n, k)
	}
	b.ReportMetric(float64(b.N)*2*m*n*k/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
