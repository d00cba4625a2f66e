package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// gflops reports the speed of b, each of whose rounds has so many products.
func gflops(b *testing.B, products int) {
	b.ReportMetric(2*float64(products)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func random(n int) []float32 { return newMatrix(rand.New(rand.NewPCG(1, 1)), 1, n, 0).s }

// BenchmarkGemm has the shapes of one window of an encoder; benchmarks/speed has more, beside OpenBLAS.
func BenchmarkGemm(b *testing.B) {
	for _, s := range [][3]int{{64, 64, 64}, {88, 600, 200}, {88, 25, 88}, {16, 125, 16}} {
		b.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(b *testing.B) {
			m, n, k := s[0], s[1], s[2]
			x, y, z := random(m*k), random(k*n), random(m*n)
			var w Work
			b.ReportAllocs()
			for b.Loop() {
				w.Gemm(false, false, m, n, k, x, k, y, n, z, n, false)
			}
			gflops(b, m*n*k)
		})
	}
}

func BenchmarkGemmPacked(b *testing.B) {
	for _, m := range []int{1, 4, 88} {
		b.Run(fmt.Sprintf("%dx600x200", m), func(b *testing.B) {
			const n, k = 600, 200
			x, y, z := random(m*k), Pack(false, n, k, random(n*k), n), random(m*n)
			var w Work
			for b.Loop() {
				w.GemmPacked(m, x, k, y, z, n, false)
			}
			gflops(b, m*n*k)
		})
	}
}

func BenchmarkGemv(b *testing.B) {
	for _, s := range [][2]int{{800, 200}, {200, 800}, {4, 32}} {
		m, n := s[0], s[1]
		a, x, y := random(m*n), random(n), random(m)
		b.Run(fmt.Sprintf("%dx%d", m, n), func(b *testing.B) {
			for b.Loop() {
				Gemv(y, a, n, m, n, x, false)
			}
			gflops(b, m*n)
		})
		b.Run(fmt.Sprintf("T%dx%d", m, n), func(b *testing.B) {
			for b.Loop() {
				GemvT(x, a, n, m, n, y, false)
			}
			gflops(b, m*n)
		})
	}
}

// BenchmarkConv has the convolutions of networks for EEG: over time alone, of one of 22 rows; over time and all channels
// at once; over time with few taps, from many rows to many.
func BenchmarkConv(b *testing.B) {
	for _, s := range []struct {
		name                  string
		out, in, taps, dil, t int
	}{
		{"temporal", 8, 1, 64, 1, 500},
		{"combined", 40, 22, 25, 1, 976},
		{"stacked", 32, 32, 4, 2, 250},
	} {
		long := s.t + (s.taps-1)*s.dil
		x, wt, y := random(s.in*long), random(s.out*s.in*s.taps), random(s.out*s.t)
		var w Work
		b.Run(s.name+"/forward", func(b *testing.B) {
			for b.Loop() {
				w.Conv(y, s.t, x, long, wt, s.out, s.in, s.taps, s.dil, s.t, false)
			}
			gflops(b, s.out*s.in*s.taps*s.t)
		})
		b.Run(s.name+"/weights", func(b *testing.B) {
			for b.Loop() {
				w.ConvGradW(wt, y, s.t, x, long, s.out, s.in, s.taps, s.dil, s.t)
			}
			gflops(b, s.out*s.in*s.taps*s.t)
		})
		b.Run(s.name+"/inputs", func(b *testing.B) {
			for b.Loop() {
				w.ConvGradX(x, long, y, s.t, wt, s.out, s.in, s.taps, s.dil, s.t)
				x[0] = 0 // sums must not run away
			}
			gflops(b, s.out*s.in*s.taps*s.t)
		})
	}
}

func BenchmarkDepth(b *testing.B) {
	for _, s := range [][2]int{{16, 125}, {16, 500}, {64, 500}} {
		taps, t := s[0], s[1]
		x, wt, y := random(t+taps-1), random(taps), random(t)
		name := fmt.Sprintf("taps=%d/t=%d/", taps, t)
		b.Run(name+"forward", func(b *testing.B) {
			for b.Loop() {
				Depth(y, x, wt, 1, false)
			}
			gflops(b, taps*t)
		})
		b.Run(name+"weights", func(b *testing.B) {
			for b.Loop() {
				DepthGradW(wt, y, x, 1)
			}
			gflops(b, taps*t)
		})
		b.Run(name+"inputs", func(b *testing.B) {
			for b.Loop() {
				DepthGradX(x, y, wt, 1)
			}
			gflops(b, taps*t)
		})
	}
}
