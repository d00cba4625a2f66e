package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// benchmark is one routine on benchmarkSize numbers: 88 rows of 200, which lie in the second cache.
type benchmark struct {
	name string
	f    func()
}

const benchmarkSize = 88 * 200

func benchmarks() []benchmark {
	const n = benchmarkSize
	r := rand.New(rand.NewPCG(1, 2))
	x := many(r, 5, n)
	for i := range x[4] {
		x[4][i] *= x[4][i]
	}
	bits := make([]uint8, n/8)
	rows := func(width int, f func(from, to int)) func() {
		return func() {
			for i := 0; i+width <= n; i += width {
				f(i, i+width)
			}
		}
	}
	keep := new(float32)
	return []benchmark{
		{"add", func() { Add(x[0], x[1], x[2]) }},
		{"axpy", func() { Axpy(x[0], 1e-9, x[2]) }},
		{"affine", func() { Affine(x[0], x[1], 2, 3) }},
		{"dot", func() { *keep += Dot(x[1], x[2]) }},
		{"sum", func() { *keep += Sum(x[1]) }},
		{"max", func() { *keep += Max(x[1]) }},
		{"finite", func() { Finite(x[1]) }},
		{"exp", func() { Exp(x[0], x[1]) }},
		{"log", func() { Log(x[0], x[4]) }},
		{"sqrt", func() { Sqrt(x[0], x[4]) }},
		{"relu", func() { ReLU(x[0], x[1]) }},
		{"elu", func() { ELU(x[0], x[1]) }},
		{"elu grad", func() { ELUGrad(x[0], x[1], x[2]) }},
		{"affine elu", func() { AffineELU(x[0], x[1], 2, 3) }},
		{"gelu", func() { GELU(x[0], x[1]) }},
		{"gelu grad", func() { GELUGrad(x[0], x[1], x[2]) }},
		{"silu", func() { SiLU(x[0], x[1]) }},
		{"silu grad", func() { SiLUGrad(x[0], x[1], x[2]) }},
		{"sigmoid", func() { Sigmoid(x[0], x[1]) }},
		{"tanh", func() { Tanh(x[0], x[1]) }},
		{"softmax 88", rows(88, func(i, j int) { Softmax(x[0][i:j], x[1][i:j]) })},
		{"softmax 125", rows(125, func(i, j int) { Softmax(x[0][i:j], x[1][i:j]) })},
		{"softmax grad 88", rows(88, func(i, j int) { SoftmaxGrad(x[0][i:j], x[1][i:j], x[2][i:j]) })},
		{"layernorm 200", rows(200, func(i, j int) { *keep += LayerNorm(x[0][i:j], x[3][i:j], x[1][i:j], x[2][:200], x[4][:200], 1e-5) })},
		{"layernorm grad 200", rows(200, func(i, j int) {
			LayerNormGrad(x[0][i:j], x[3][:200], x[3][200:400], x[1][i:j], x[2][i:j], x[4][:200], 1)
		})},
		{"adam", func() { Adam(x[0], x[1], x[3], x[4], 1e-3, 0.9, 0.999, 1e-8, 1e-2, 0.5, 0.5) }},
		{"pool 4", func() { MeanPool(x[0][:n/4], x[1], 4, 4) }},
		{"pool 8", func() { MeanPool(x[0][:n/8], x[1], 8, 8) }},
		{"pool 75-15", func() { MeanPool(x[0][:(n-75)/15+1], x[1], 75, 15) }},
		{"pool grad 4", func() { MeanPoolGrad(x[0], x[1][:n/4], 4, 4) }},
		{"pool grad 8", func() { MeanPoolGrad(x[0], x[1][:n/8], 8, 8) }},
		{"pool grad 75-15", func() { MeanPoolGrad(x[0], x[1][:(n-75)/15+1], 75, 15) }},
		{"mask", func() { Mask(bits, 1, 0, 0.9) }},
		{"mask scale", func() { MaskScale(x[0], x[1], bits, 2) }},
	}
}

// BenchmarkVec measures nanoseconds per number; testdata/vec_torch.py measures the same with PyTorch.
func BenchmarkVec(b *testing.B) {
	for _, bench := range benchmarks() {
		b.Run(fmt.Sprintf("%s/%s", bench.name, Name()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bench.f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchmarkSize, "ns/number")
		})
	}
}
