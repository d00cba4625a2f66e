package spd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// noise is c channels × n samples of seeded normal numbers, each channel with its own offset.
func noise(c, n int, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := make([][]float64, c)
	for ch := range x {
		x[ch] = make([]float64, n)
		for t := range x[ch] {
			x[ch][t] = rng.NormFloat64() + 100*float64(ch)
		}
	}
	return x
}

// random is A Aᵀ for a seeded A [n, rank]: positive semi-definite, of that rank.
func random(n, rank int, seed uint64) *mat.SymDense {
	rng := rand.New(rand.NewPCG(seed, 1))
	a := mat.NewDense(n, rank, nil)
	for i := range n {
		for j := range rank {
			a.Set(i, j, rng.NormFloat64())
		}
	}
	s := mat.NewSymDense(n, nil)
	s.SymOuterK(1, a)
	return s
}

func TestCovariance(t *testing.T) {
	for _, tc := range []struct{ c, n int }{{1, 1}, {1, 7}, {3, 2}, {5, 101}, {22, 480}} {
		x := noise(tc.c, tc.n, 1)
		got := mat.NewSymDense(tc.c, nil)
		var w spd.Workspace
		w.Covariance(got, x)
		for i := range tc.c {
			for j := range tc.c {
				want := naiveCov(x[i], x[j])
				if d := math.Abs(got.At(i, j) - want); d > 1e-12*(1+math.Abs(want)) {
					t.Errorf("%d×%d: entry (%d, %d) is %g, the definition gives %g", tc.c, tc.n, i, j, got.At(i, j), want)
				}
			}
		}
	}
}

// naiveCov is the definition written out: means first, then the sum of products.
func naiveCov(x, y []float64) float64 {
	var mx, my, s float64
	for t := range x {
		mx += x[t] / float64(len(x))
		my += y[t] / float64(len(y))
	}
	for t := range x {
		s += (x[t] - mx) * (y[t] - my)
	}
	return s / float64(len(x))
}

func TestCovarianceOfAConstantChannelIsZero(t *testing.T) {
	x := noise(3, 333, 2)
	for i := range x[1] {
		x[1][i] = 0.1 + 1e6/3 // the mean of 333 copies is not this number
	}
	got := mat.NewSymDense(3, nil)
	var w spd.Workspace
	w.Covariance(got, x)
	for j := range 3 {
		if got.At(1, j) != 0 {
			t.Errorf("covariance of the constant channel with channel %d is %g, must be 0", j, got.At(1, j))
		}
	}
}

func TestCovarianceShowsBadSamples(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, at := range []int{0, 5} {
			x := noise(2, 9, 3)
			x[1][at] = bad
			got := mat.NewSymDense(2, nil)
			var w spd.Workspace
			w.Covariance(got, x)
			if v := got.At(1, 1); !math.IsNaN(v) && !math.IsInf(v, 0) {
				t.Errorf("%g at sample %d: variance is %g, must not be finite", bad, at, v)
			}
			if v := got.At(0, 0); math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%g at sample %d: variance of the other channel is %g, must be finite", bad, at, v)
			}
		}
	}
}

func TestCovarianceDoesNotAllocate(t *testing.T) {
	x, dst := noise(8, 100, 4), mat.NewSymDense(8, nil)
	var w spd.Workspace
	w.Covariance(dst, x)
	if n := testing.AllocsPerRun(20, func() { w.Covariance(dst, x) }); n != 0 {
		t.Errorf("%g allocations, must be 0", n)
	}
}

// TestGeneralEigen checks the defining equations: A w = λ B w within the range of B, Wᵀ B W = 1, the rank, the order and
// the sign.
func TestGeneralEigen(t *testing.T) {
	for _, tc := range []struct {
		n, rank int
		scale   float64
	}{{1, 1, 1}, {2, 2, 1}, {8, 8, 1}, {8, 7, 1e-6}, {22, 15, 1e6}, {64, 63, 1}, {64, 1, 1}} {
		t.Run(fmt.Sprintf("n=%d rank=%d", tc.n, tc.rank), func(t *testing.T) {
			// B = Σ1 + Σ2 spans what both span, as in CSP; A = Σ1 has fewer dimensions where that is possible.
			mix := mat.NewDense(tc.n, tc.rank, nil)
			rng := rand.New(rand.NewPCG(uint64(tc.n), uint64(tc.rank)))
			for i := range tc.n {
				for j := range tc.rank {
					mix.Set(i, j, tc.scale*rng.NormFloat64())
				}
			}
			within := func(seed uint64) *mat.SymDense {
				var half, full mat.Dense
				half.Mul(mix, random(tc.rank, tc.rank, seed))
				full.Mul(&half, mix.T())
				s := mat.NewSymDense(tc.n, nil)
				for i := range tc.n {
					for j := i; j < tc.n; j++ {
						s.SetSym(i, j, full.At(i, j))
					}
				}
				return s
			}
			a := within(1)
			b := mat.NewSymDense(tc.n, nil)
			b.AddSym(a, within(2))

			values, w, err := spd.GeneralEigen(a, b)
			if err != nil {
				t.Fatal(err)
			}
			if len(values) != tc.rank {
				t.Fatalf("rank is %d, must be %d", len(values), tc.rank)
			}
			var aw, bw, wbw mat.Dense
			aw.Mul(a, w.T())
			bw.Mul(b, w.T())
			wbw.Mul(w, &bw)
			for i, lambda := range values {
				if lambda < -1e-9 || lambda > 1+1e-9 || (i > 0 && lambda < values[i-1]) {
					t.Errorf("λ[%d] is %g behind %g, must ascend within [0, 1]", i, lambda, values[max(i-1, 0)])
				}
				for ch := range tc.n {
					if d := math.Abs(aw.At(ch, i) - lambda*bw.At(ch, i)); d > 1e-9*mat.Norm(&bw, 2) {
						t.Errorf("vector %d: A w − λ B w is %g at %d", i, d, ch)
					}
				}
				for j := range values {
					want := 0.0
					if i == j {
						want = 1
					}
					if d := math.Abs(wbw.At(i, j) - want); d > 1e-7 {
						t.Errorf("wᵀ B w of vectors %d and %d is %g, must be %g", i, j, wbw.At(i, j), want)
					}
				}
				row := mat.Row(nil, i, w)
				big := 0.0
				for _, v := range row {
					if math.Abs(v) > math.Abs(big) {
						big = v
					}
				}
				if big <= 0 {
					t.Errorf("vector %d: entry of largest magnitude is %g, must be positive", i, big)
				}
			}
		})
	}
}

// TestGeneralEigenByHand has a solution that can be worked out: diagonal matrices.
func TestGeneralEigenByHand(t *testing.T) {
	a := mat.NewSymDense(3, []float64{3, 0, 0, 0, 1, 0, 0, 0, 0})
	b := mat.NewSymDense(3, []float64{4, 0, 0, 0, 4, 0, 0, 0, 0})
	values, w, err := spd.GeneralEigen(a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := mat.NewDense(2, 3, []float64{0, 0.5, 0, 0.5, 0, 0})
	if !mat.EqualApprox(w, want, 1e-15) || len(values) != 2 || math.Abs(values[0]-0.25) > 1e-15 || math.Abs(values[1]-0.75) > 1e-15 {
		t.Errorf("λ = %v, W = %v; want λ = [0.25 0.75], W = %v", values, mat.Formatted(w), mat.Formatted(want))
	}
}

func TestEigenErrors(t *testing.T) {
	ok := random(3, 3, 1)
	nan := random(3, 3, 1)
	nan.SetSym(1, 2, math.NaN())
	indefinite := mat.NewSymDense(2, []float64{1, 0, 0, -0.5})
	for _, tc := range []struct {
		name string
		a, b mat.Symmetric
		want string
	}{
		{"zero", ok, mat.NewSymDense(3, nil), "matrix is zero"},
		{"NaN in b", ok, nan, "entry (1, 2) is NaN"},
		{"NaN in a", nan, ok, "entry (1, 2) is NaN"},
		{"indefinite", indefinite, indefinite, "must be positive semi-definite"},
		{"negative", mat.NewSymDense(1, []float64{1}), mat.NewSymDense(1, []float64{-1}), "must be positive semi-definite"},
	} {
		if _, _, err := spd.GeneralEigen(tc.a, tc.b); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
}

func TestRange(t *testing.T) {
	basis, values, err := spd.Range(random(9, 4, 7))
	if err != nil {
		t.Fatal(err)
	}
	if n, r := basis.Dims(); n != 9 || r != 4 || len(values) != 4 {
		t.Fatalf("basis is %d×%d with %d values, must be 9×4 with 4", n, r, len(values))
	}
	var gram, coords, projected mat.Dense
	gram.Mul(basis.T(), basis)
	if !mat.EqualApprox(&gram, mat.NewDiagDense(4, []float64{1, 1, 1, 1}), 1e-13) {
		t.Errorf("basis is not orthonormal: %v", mat.Formatted(&gram))
	}
	b := random(9, 4, 7)
	coords.Mul(basis.T(), b)
	projected.Mul(basis, &coords)
	if !mat.EqualApprox(&projected, b, 1e-12) {
		t.Error("the matrix changes when it is projected on its range")
	}
}

func BenchmarkCovariance(b *testing.B) {
	for _, c := range []int{8, 22, 64} {
		b.Run(fmt.Sprintf("ch=%d", c), func(b *testing.B) {
			x, dst := noise(c, 480, 1), mat.NewSymDense(c, nil)
			var w spd.Workspace
			b.ReportAllocs()
			for b.Loop() {
				w.Covariance(dst, x)
			}
			b.ReportMetric(480/160.*float64(b.N)/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}
