package spd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// symmetric is a seeded symmetric matrix with the eigenvalues values.
func symmetric(values []float64, seed uint64) *spd.Matrix {
	n := len(values)
	rng := rand.New(rand.NewPCG(seed, 7))
	g := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			g.Set(i, j, rng.NormFloat64())
		}
	}
	var qr mat.QR
	qr.Factorize(g)
	var q, qd, a mat.Dense
	qr.QTo(&q)
	qd.Mul(&q, mat.NewDiagDense(n, values))
	a.Mul(&qd, q.T())
	m := spd.NewMatrix(n)
	for i := range n {
		for j := range n {
			m.Set(i, j, (a.At(i, j)+a.At(j, i))/2)
		}
	}
	return m
}

// spectrum is n values from 1/condition to 1, evenly spaced in their logarithm.
func spectrum(n int, condition float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
		if n > 1 {
			v[i] = math.Pow(condition, float64(i)/float64(n-1)-1)
		}
	}
	return v
}

// TestEigen checks the defining equations and gonum's eigenvalues, within some units in the last place of the largest.
func TestEigen(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 8, 13, 22, 33, 64, 70} {
		for name, a := range map[string]*spd.Matrix{
			"graded":   symmetric(spectrum(n, 1e8), uint64(n)),
			"repeated": symmetric(slices.Repeat([]float64{3}, n), uint64(n)),
			"clusters": symmetric(append(slices.Repeat([]float64{1}, n/2), slices.Repeat([]float64{1 + 1e-13}, n-n/2)...), uint64(n)),
			"rank 1":   symmetric(append(make([]float64, n-1), 5), uint64(n)),
			"signs":    symmetric(alternating(n), uint64(n)),
			"diagonal": diagonal(spectrum(n, 1e3)),
			"zero":     spd.NewMatrix(n),
			"tiny":     scaled(symmetric(spectrum(n, 10), 3), 1e-200),
			"huge":     scaled(symmetric(spectrum(n, 10), 3), 1e200),
		} {
			checkEigen(t, fmt.Sprintf("%s, n=%d", name, n), a)
		}
	}
}

func checkEigen(t *testing.T, name string, a *spd.Matrix) {
	t.Helper()
	n := a.N
	s := spd.NewSolver(n)
	values, vectors, only := make([]float64, n), spd.NewMatrix(n), make([]float64, n)
	if err := s.Eigen(values, vectors, a); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := s.Eigen(only, nil, a); err != nil || !slices.Equal(only, values) {
		t.Fatalf("%s: without vectors: %v, values %v, must be %v", name, err, only, values)
	}
	var ref mat.EigenSym
	if !ref.Factorize(dense(a), true) { // without vectors gonum panics on very small numbers
		t.Fatal("gonum did not converge")
	}
	want := ref.Values(nil)
	size := max(math.Abs(want[0]), math.Abs(want[n-1]))
	tol := 4e-16 * float64(n+10) * size
	if !slices.IsSorted(values) {
		t.Errorf("%s: values %v must ascend", name, values)
	}
	for i := range n {
		if d := math.Abs(values[i] - want[i]); d > tol {
			t.Errorf("%s: value %d is %g, gonum gives %g", name, i, values[i], want[i])
		}
		v := vectors.Row(i)
		for r := range n {
			av, dot := 0.0, 0.0
			for j := range n {
				av += a.At(r, j) * v[j]
				dot += vectors.Row(r)[j] * v[j]
			}
			if d := math.Abs(av - values[i]*v[r]); d > tol {
				t.Errorf("%s: A v − λ v is %g at %d for value %d, at most %g", name, d, r, i, tol)
			}
			want := 0.0
			if r == i {
				want = 1
			}
			if math.Abs(dot-want) > 4e-16*float64(n+10) {
				t.Errorf("%s: vectors %d and %d have the product %g", name, r, i, dot)
			}
		}
		big := slices.MaxFunc(v, func(x, y float64) int { return int(math.Copysign(1, math.Abs(x)-math.Abs(y))) })
		if big <= 0 {
			t.Errorf("%s: vector %d has %g as its entry of largest magnitude, must be positive", name, i, big)
		}
	}
}

func alternating(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i+1) * float64(1-2*(i%2))
	}
	return v
}

func diagonal(values []float64) *spd.Matrix {
	m := spd.NewMatrix(len(values))
	for i, v := range values {
		m.Set(i, i, v)
	}
	return m
}

func scaled(m *spd.Matrix, f float64) *spd.Matrix {
	for i := range m.Data {
		m.Data[i] *= f
	}
	return m
}

func dense(m *spd.Matrix) *mat.SymDense {
	d := mat.NewSymDense(m.N, nil)
	for i := range m.N {
		for j := i; j < m.N; j++ {
			d.SetSym(i, j, m.At(i, j))
		}
	}
	return d
}

func TestEigenRefusesNaN(t *testing.T) {
	a := symmetric(spectrum(3, 2), 1)
	a.Set(1, 2, math.NaN())
	if err := spd.NewSolver(3).Eigen(make([]float64, 3), nil, a); err == nil || !strings.Contains(err.Error(), "entry (1, 2) is NaN") {
		t.Errorf("error is %v", err)
	}
}

func BenchmarkEigen(b *testing.B) {
	for _, n := range []int{8, 22, 64} {
		for _, vectors := range []bool{true, false} {
			b.Run(fmt.Sprintf("n=%d/vectors=%t", n, vectors), func(b *testing.B) {
				a := symmetric(spectrum(n, 100), 1)
				s, values := spd.NewSolver(n), make([]float64, n)
				var z *spd.Matrix
				if vectors {
					z = spd.NewMatrix(n)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Eigen(values, z, a); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("n=%d/gonum", n), func(b *testing.B) {
			a := dense(symmetric(spectrum(n, 100), 1))
			for b.Loop() {
				var e mat.EigenSym
				if !e.Factorize(a, true) {
					b.Fatal("no")
				}
			}
		})
	}
}
