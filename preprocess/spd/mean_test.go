package spd_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// wishart is count covariances of 3·n samples, through one mixing, as rows.
func wishart(count, n int, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 5))
	mix := make([][]float64, n)
	for i := range mix {
		mix[i] = make([]float64, n)
		for j := range mix[i] {
			mix[i][j] = rng.NormFloat64()
		}
	}
	rows := make([][]float64, count)
	m := spd.NewMatrix(n)
	for r := range rows {
		clear(m.Data)
		for range 3 * n {
			x := make([]float64, n)
			for j := range n {
				v := rng.NormFloat64()
				for i := range n {
					x[i] += mix[i][j] * v
				}
			}
			for i := range n {
				for j := range n {
					m.Data[i*m.Stride+j] += x[i] * x[j] / float64(3*n)
				}
			}
		}
		rows[r] = make([]float64, spd.Packed(n))
		m.Pack(rows[r])
	}
	return rows
}

func BenchmarkMeanRiemann(b *testing.B) {
	rows := wishart(1000, 22, 1)
	s, m := spd.NewSolver(22), spd.NewMatrix(22)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.MeanRiemann(m, rows, spd.MeanOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTangent(b *testing.B) {
	rows := wishart(100, 22, 1)
	s, m := spd.NewSolver(22), spd.NewMatrix(22)
	if _, err := s.MeanRiemann(m, rows, spd.MeanOptions{}); err != nil {
		b.Fatal(err)
	}
	t, err := s.NewTangent(m, spd.Riemann)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]float64, len(rows[0]))
	for b.Loop() {
		if err := s.Tangent(dst, rows[0], t); err != nil {
			b.Fatal(err)
		}
	}
}
