package kalman_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/decoders/kalman"
)

// steered is a position, the velocity that moves it, and features that follow both with noise and an offset.
func steered(seed uint64, rows, features int) (x, y [][]float64) {
	rng, tuning := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(3, 3))
	h := mat.NewDense(features, 4, nil)
	for j := range features {
		for c := range 4 {
			h.Set(j, c, tuning.NormFloat64()*[]float64{0.5, 0.5, 1, 1}[c])
		}
	}
	s := []float64{0.3, -0.2, 0, 0}
	for range rows {
		for a := range 2 {
			s[a] += 0.05 * s[2+a]
			s[2+a] = 0.9*s[2+a] - 0.1*s[a] + 0.4*rng.NormFloat64()
		}
		row := make([]float64, features)
		for j := range row {
			row[j] = 5 + rng.NormFloat64()
			for c := range 4 {
				row[j] += h.At(j, c) * s[c]
			}
		}
		x, y = append(x, row), append(y, append([]float64{}, s...))
	}
	return x, y
}

// naiveRefit is the textbook filter on the whole state, with inverses: the prior covariance loses its rows and columns of
// the position, then S = H·P·Hᵀ + Q, K = P·Hᵀ·S⁻¹, s += K·(z − H·s), P = (1 − K·H)·P.
func naiveRefit(x, y, test [][]float64) [][]float64 {
	f, rows := len(x[0]), len(x)
	mean := func(rows [][]float64) []float64 {
		m := make([]float64, len(rows[0]))
		for _, r := range rows {
			for j, v := range r {
				m[j] += v / float64(len(rows))
			}
		}
		return m
	}
	xm, ym := mean(x), mean(y)
	z, s := mat.NewDense(rows, f, nil), mat.NewDense(rows, 4, nil)
	low, high := []float64{math.Inf(1), math.Inf(1)}, []float64{math.Inf(-1), math.Inf(-1)}
	moved, squares := 0.0, 0.0
	for i := range rows {
		for j := range f {
			z.Set(i, j, x[i][j]-xm[j])
		}
		for c := range 4 {
			s.Set(i, c, y[i][c]-ym[c])
		}
		for a := range 2 {
			low[a], high[a] = min(low[a], y[i][a]), max(high[a], y[i][a])
			if i > 0 {
				moved += (y[i][a] - y[i-1][a]) * y[i-1][2+a]
				squares += y[i-1][2+a] * y[i-1][2+a]
			}
		}
	}
	solve := func(from, to mat.Matrix) *mat.Dense { // least squares: to ≈ from·B, as Bᵀ
		var b mat.Dense
		if err := b.Solve(from, to); err != nil {
			panic(err)
		}
		return mat.DenseCopyOf(b.T())
	}
	h := solve(s, z)
	var left, q mat.Dense
	left.Mul(s, h.T())
	left.Sub(z, &left)
	q.Mul(left.T(), &left)
	q.Scale(1/float64(rows), &q)
	v := mat.DenseCopyOf(s.Slice(0, rows, 2, 4))
	before, after := v.Slice(0, rows-1, 0, 2), v.Slice(1, rows, 0, 2)
	av := solve(before, after)
	var drift, w, cov mat.Dense
	drift.Mul(before, av.T())
	drift.Sub(after, &drift)
	w.Mul(drift.T(), &drift)
	w.Scale(1/float64(rows-1), &w)
	cov.Mul(v.T(), v)
	cov.Scale(1/float64(rows), &cov)

	var out [][]float64
	state := mat.NewVecDense(4, nil) // without its mean
	p := mat.NewDense(4, 4, nil)
	for i, row := range test {
		prior, pp := mat.NewVecDense(4, nil), mat.NewDense(4, 4, nil)
		if i == 0 {
			pp.Slice(2, 4, 2, 4).(*mat.Dense).Copy(&cov)
		} else {
			step := moved / squares
			a := mat.NewDense(4, 4, []float64{1, 0, step, 0, 0, 1, 0, step, 0, 0, av.At(0, 0), av.At(0, 1), 0, 0, av.At(1, 0), av.At(1, 1)})
			prior.MulVec(a, state)
			for ax := range 2 { // the mean of the velocity moves the cursor, too
				pos := prior.AtVec(ax) + step*ym[2+ax] + ym[ax]
				prior.SetVec(ax, min(max(pos, low[ax]), high[ax])-ym[ax])
			}
			var ap mat.Dense
			ap.Mul(a, p)
			pp.Mul(&ap, a.T())
			block := pp.Slice(2, 4, 2, 4).(*mat.Dense)
			block.Add(block, &w)
			for c := range 4 { // the position is known
				for _, k := range []int{0, 1} {
					pp.Set(k, c, 0)
					pp.Set(c, k, 0)
				}
			}
		}
		var hp, sum, inv, gain, kh mat.Dense
		hp.Mul(h, pp)
		sum.Mul(&hp, h.T())
		sum.Add(&sum, &q)
		if err := inv.Inverse(&sum); err != nil {
			panic(err)
		}
		gain.Mul(pp, h.T())
		gain.Mul(mat.DenseCopyOf(&gain), &inv)
		innovation := mat.NewVecDense(f, nil)
		innovation.MulVec(h, prior)
		for j := range f {
			innovation.SetVec(j, row[j]-xm[j]-innovation.AtVec(j))
		}
		state.MulVec(&gain, innovation)
		state.AddVec(prior, state)
		kh.Mul(&gain, h)
		kh.Scale(-1, &kh)
		for c := range 4 {
			kh.Set(c, c, 1+kh.At(c, c))
		}
		p.Mul(&kh, pp)
		est := make([]float64, 4)
		for c := range est {
			est[c] = state.AtVec(c) + ym[c]
		}
		out = append(out, est)
	}
	return out
}

func TestRefitAgainstDefinition(t *testing.T) {
	x, y := steered(1, 800, 8)
	test, truth := steered(2, 400, 8)
	k := &kalman.Refit{}
	k.SetOutputs([]string{"x", "y", "vx", "vy"})
	if err := k.FitContinuous(x, y); err != nil {
		t.Fatal(err)
	}
	got, want, worst := run(t, k, test), naiveRefit(x, y, test), 0.0
	for i := range got {
		for c := range got[i] {
			worst = max(worst, math.Abs(got[i][c]-want[i][c]))
		}
	}
	t.Logf("largest difference from the definition: %.2g; correlation of the velocity %.3f", worst, correlation(got, truth, 2))
	if worst > 1e-10 {
		t.Errorf("differs from the definition by %g, want at most 1e-10", worst)
	}
	if r := correlation(got, truth, 2); r < 0.8 {
		t.Errorf("correlation with the true velocity is %.2f", r)
	}
}

// TestRefitPositionIsKnown: features that say where the cursor is do not move it. A row that lies where the cursor stands
// still at a place reads no velocity; Filter takes the same features for news about the position.
func TestRefitPositionIsKnown(t *testing.T) {
	x, y := steered(1, 4000, 8)
	k := &kalman.Refit{}
	k.SetOutputs([]string{"x", "y", "vx", "vy"})
	if err := k.FitContinuous(x, y); err != nil {
		t.Fatal(err)
	}
	at := func(p float64) []float64 { // what the features are on average at (p, 0), by regression on the training rows
		n := len(x)
		z, s := mat.NewDense(n, 8, nil), mat.NewDense(n, 5, nil)
		for i := range n {
			z.SetRow(i, x[i])
			s.SetRow(i, append([]float64{1}, y[i]...))
		}
		var b mat.Dense
		if err := b.Solve(s, z); err != nil {
			t.Fatal(err)
		}
		row := make([]float64, 8)
		for j := range row {
			row[j] = b.At(0, j) + p*b.At(1, j)
		}
		return row
	}
	dst := make([]float64, 4)
	still := func(p float64) (vx float64) {
		k.Reset()
		for range 100 {
			if err := k.SetPosition([]float64{p, 0}); err != nil {
				t.Fatal(err)
			}
			if err := k.Predict(dst, at(p)); err != nil {
				t.Fatal(err)
			}
		}
		if dst[0] != p || dst[1] != 0 {
			t.Errorf("the cursor at %g is said to be at %v", p, dst[:2])
		}
		return dst[2]
	}
	if a, b := still(0.4), still(-0.4); math.Abs(a-b) > 1e-9 || math.Abs(a) > 0.05 {
		t.Errorf("a cursor that stands at 0.4 reads the velocity %g, at -0.4 %g; must be the same, about 0", a, b)
	}
	if k.SetPosition([]float64{1}) == nil || k.SetPosition([]float64{math.NaN(), 0}) == nil {
		t.Error("a bad position is no error")
	}
	odd := &kalman.Refit{}
	odd.SetOutputs([]string{"x", "y", "vx"})
	if odd.FitContinuous(x, y) == nil {
		t.Error("three outputs are no error")
	}
}
