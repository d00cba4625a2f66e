package spd

import (
	"fmt"
	"math"
)

// MeanRiemann fills dst with the Riemannian (Karcher) mean of the positive definite rows, the matrix M with the least
// sum of squared affine-invariant distances to them (Moakher 2005, doi:10.1137/S0895479803436937), and returns the
// number of iterations. It is the one with
//
//	J(M) = mean_i L_i = 0,   L_i = log(M^−½·C_i·M^−½)
//
// reached from the arithmetic mean by Newton steps M ← M^½·exp(D)·M^½, H(D) = J. The curvature H is the mean over i of
// D ↦ D_ab·h((l_a−l_b)/2) in the basis in which L_i is diagonal with the entries l, h(x) = x·coth x. With h(x) ≈ 1 + g_i·x²,
// right in the root mean square of x, that is D + mean_i g_i/4·[L_i, [L_i, D]], so it takes products only; two steps of
// conjugate gradients solve it. That takes about half as many decompositions as steps of J. Where the gradient grows, the
// step is halved for good.
//
// It ends behind the step that takes the Frobenius norm of J, which bounds the distance to the mean, to at most Tol. That
// norm is foretold from the step before: it falls by the ratio of the last two steps, the larger of them, but by no more
// than a factor of 50. (pyRiemann takes the norm before the last step and so makes one more.) A *ConvergenceError says
// that it was not reached.
func (s *Solver) MeanRiemann(dst *Matrix, rows [][]float64, opt MeanOptions) (iterations int, err error) {
	const slowest = 0.02
	if opt.Tol == 0 {
		opt.Tol = 1e-8
	}
	if opt.MaxIter == 0 {
		opt.MaxIter = 50
	}
	if err := s.MeanEuclid(dst, rows); err != nil {
		return 0, err
	}
	k := newKarcher(s.n, len(rows))
	damping, before, last, crit := 1.0, math.Inf(1), 0.0, 0.0
	for it := 1; it <= opt.MaxIter; it++ {
		if err := s.Roots(k.root, k.inverse, dst); err != nil {
			return it, fmt.Errorf("mean: %w", err)
		}
		if err := s.gradient(k, rows); err != nil {
			return it, err
		}
		crit = k.j.norm()
		if crit > before {
			damping /= 2
		}
		ratio := crit / before
		expected := crit * min(1, max(ratio, last, slowest))
		if it == 1 {
			ratio, expected = 0, crit
		}
		before, last = crit, ratio
		k.newton()
		for i := range k.d.Data {
			k.d.Data[i] *= damping
		}
		if err := s.Exp(k.d, k.d); err != nil {
			return it, fmt.Errorf("step: %w", err)
		}
		s.Congruence(dst, k.root, k.d)
		dst.mirror()
		if expected <= opt.Tol {
			return it, nil
		}
	}
	return opt.MaxIter, &ConvergenceError{opt.MaxIter, crit, opt.Tol}
}

// karcher is the memory of one mean.
type karcher struct {
	root, inverse *Matrix   // M^½, M^−½
	j             *Matrix   // gradient
	logs          []*Matrix // L_i·√g_i/2
	squares       *Matrix   // mean of their squares
	d, r, p, hp   *Matrix   // step; residual, direction and its image in conjugate gradients
	t             *Matrix
}

func newKarcher(n, count int) *karcher {
	k := &karcher{logs: make([]*Matrix, count)}
	for _, m := range []**Matrix{&k.root, &k.inverse, &k.j, &k.squares, &k.d, &k.r, &k.p, &k.hp, &k.t} {
		*m = NewMatrix(n)
	}
	size := pad(n) * pad(n)
	slab := make([]float64, count*size)
	for i := range k.logs {
		k.logs[i] = &Matrix{N: n, Stride: pad(n), Data: slab[i*size : (i+1)*size : (i+1)*size]}
	}
	return k
}

// gradient fills k.j, k.logs and k.squares at the mean whose inverse root is k.inverse.
func (s *Solver) gradient(k *karcher, rows [][]float64) error {
	clear(k.j.Data)
	clear(k.squares.Data)
	for i := 0; i < len(rows); i += lanes {
		group := rows[i:min(i+lanes, len(rows))]
		for lane := range lanes {
			if lane < len(group) { // a lane that is left over does the last matrix again
				s.t2.Unpack(group[lane])
				s.Congruence(s.t3, k.inverse, s.t2)
			}
			if err := s.put(lane, s.t3); err != nil {
				return fmt.Errorf("matrix %d: %w", i+min(lane, len(group)-1), err)
			}
		}
		if err := s.ql4(); err != nil {
			return fmt.Errorf("matrices %d to %d: %w", i, i+len(group)-1, err)
		}
		for lane := range group {
			s.take(lane)
			if err := s.positive(); err != nil {
				return fmt.Errorf("matrix %d: %w", i+lane, err)
			}
			s.addLog(k, k.logs[i+lane])
		}
	}
	f := 1 / float64(len(rows))
	for i := range k.j.Data {
		k.j.Data[i] *= f
		k.squares.Data[i] *= f
	}
	return nil
}

// addLog adds the logarithm of the matrix decomposed last to k.j, and keeps it in l, weighted.
func (s *Solver) addLog(k *karcher, l *Matrix) {
	sum, squares := 0.0, 0.0
	for a, v := range s.values[:s.n] {
		v = math.Log(v)
		s.values[a] = v
		sum += v
		squares += v * v
	}
	s.compose(l)
	n := float64(s.n)
	x2 := max(0, n*squares-sum*sum) / (2 * max(1, n*(n-1))) // mean over the pairs of ((l_a−l_b)/2)²
	f := math.Sqrt(bend(x2)) / 2
	for i, v := range l.Data {
		k.j.Data[i] += v
		l.Data[i] = f * v
	}
	ld := l.Stride
	gemm(k.squares.Data, l.Data, l.Data, ld, ld, s.n, ld, 1, ld, ld, true)
}

// bend is (x·coth x − 1)/x² for x² given.
func bend(x2 float64) float64 {
	if x2 < 1e-4 {
		return 1.0/3 - x2/45
	}
	x := math.Sqrt(x2)
	return (x/math.Tanh(x) - 1) / x2
}

// newton fills k.d with the solution of H(d) = j after two steps of conjugate gradients.
func (k *karcher) newton() {
	clear(k.d.Data)
	k.r.CopyFrom(k.j)
	k.p.CopyFrom(k.j)
	norm2 := laneDot(k.r.Data, k.r.Data)
	for range 2 {
		k.curve()
		along := laneDot(k.p.Data, k.hp.Data)
		if !(along > 0) {
			return // the gradient is 0
		}
		alpha := norm2 / along
		for i, v := range k.p.Data {
			k.d.Data[i] += alpha * v
			k.r.Data[i] -= alpha * k.hp.Data[i]
		}
		next := laneDot(k.r.Data, k.r.Data)
		beta := next / norm2
		norm2 = next
		for i, v := range k.r.Data {
			k.p.Data[i] = v + beta*k.p.Data[i]
		}
	}
}

// curve fills k.hp with H(p) = p + squares·p + p·squares − 2·mean_i logs_i·p·logs_i.
func (k *karcher) curve() {
	n, ld := k.p.N, k.p.Stride
	clear(k.hp.Data)
	for _, l := range k.logs {
		k.t.mul(l, k.p)
		gemm(k.hp.Data, k.t.Data, l.Data, ld, ld, n, ld, 1, ld, ld, true)
	}
	k.t.mul(k.squares, k.p)
	f := 2 / float64(len(k.logs))
	for i := range n {
		for j := range n {
			at := i*ld + j
			k.hp.Data[at] = k.p.Data[at] + k.t.Data[at] + k.t.Data[j*ld+i] - f*k.hp.Data[at]
		}
	}
}
