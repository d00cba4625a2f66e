package spd

import (
	"errors"
	"fmt"
	"math"
)

// MaxCondition is the condition number above which a reference is not used: whitening would blow the weakest direction
// up by ten thousand.
const MaxCondition = 1e8

// Tracker follows the mean of a run's covariances as they come, from a prior: what a live session can know, while the
// mean of a whole run is known only behind its end.
//
//	euclid:  R_i = R_{i−1} + w·(C_i − R_{i−1})                    = (n0·R_prior + Σ_{j≤i} C_j) / (n0+i+1)
//	riemann: R_i = R_{i−1}^½·(R_{i−1}^−½·C_i·R_{i−1}^−½)^w·R_{i−1}^½
//
// with w = 1/(n0+i+1), or w = forget where that is above 0. Without a prior the first reference would be the first
// covariance, which takes all information from the first window, and most from the next few.
//
// No update moves the reference by more than maxStep·√n in affine-invariant distance: a larger one is cut short on the
// geodesic, and counted.
type Tracker struct {
	metric          Metric
	n0, forget      float64
	maxStep         float64
	prior           *Matrix
	ref, next, cand *Matrix
	root, white     *Matrix // ref^½, ref^−½
	root0, white0   *Matrix // of the prior
	seen, cut       int
	s               *Solver
}

// TrackerOptions are the parameters of a Tracker.
type TrackerOptions struct {
	Metric       Metric  // Riemann or Euclid
	PriorWindows float64 // n0, how many windows the prior counts for; above 0
	Forget       float64 // weight of each window, 0 (every window counts the same) up to, not including, 1
	MaxStep      float64 // largest step per window, in affine-invariant distance over √n; 0 for no limit
}

// Check is an error where an option is out of range.
func (o TrackerOptions) Check() error {
	switch {
	case o.Metric != Riemann && o.Metric != Euclid:
		return fmt.Errorf("metric is %q, must be %q or %q", string(o.Metric), Riemann, Euclid)
	case !(o.PriorWindows > 0) || math.IsInf(o.PriorWindows, 0):
		return fmt.Errorf("prior_windows is %g, must be above 0 and finite: without a prior the first window would lose all information", o.PriorWindows)
	case !(o.Forget >= 0 && o.Forget < 1):
		return fmt.Errorf("forget is %g, must be from 0 up to, not including, 1", o.Forget)
	case !(o.MaxStep >= 0) || math.IsInf(o.MaxStep, 0):
		return fmt.Errorf("max_step is %g, must be at least 0 (no limit) and finite", o.MaxStep)
	}
	return nil
}

// NewTracker begins at prior. It is an error where an option is out of range or prior's condition is above MaxCondition.
func NewTracker(prior *Matrix, o TrackerOptions) (*Tracker, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	n := prior.N
	t := &Tracker{metric: o.Metric, n0: o.PriorWindows, forget: o.Forget, maxStep: o.MaxStep, s: NewSolver(n)}
	for _, m := range []**Matrix{&t.prior, &t.ref, &t.next, &t.cand, &t.root, &t.white, &t.root0, &t.white0} {
		*m = NewMatrix(n)
	}
	t.prior.CopyFrom(prior)
	if err := t.s.wellConditioned(t.prior); err != nil {
		return nil, err
	}
	if err := t.s.Roots(t.root0, t.white0, t.prior); err != nil {
		return nil, err
	}
	t.Reset()
	return t, nil
}

// Reset goes back to the prior.
func (t *Tracker) Reset() {
	t.ref.CopyFrom(t.prior)
	t.root.CopyFrom(t.root0)
	t.white.CopyFrom(t.white0)
	t.seen, t.cut = 0, 0
}

// Update takes in the positive definite covariance of one window. On an error the reference stays as it was.
func (t *Tracker) Update(c *Matrix) error {
	if i, j, bad := c.notFinite(); bad {
		return fmt.Errorf("entry (%d, %d) of the covariance is %g, must be finite", i, j, c.At(i, j))
	}
	w := t.forget
	if w == 0 {
		w = 1 / (t.n0 + float64(t.seen) + 1)
	}
	if t.metric == Euclid {
		for i, v := range t.ref.Data {
			t.next.Data[i] = v + w*(c.Data[i]-v)
		}
	} else if err := t.along(t.next, c, w); err != nil {
		return err
	}
	cut := false
	if t.maxStep > 0 {
		t.s.Congruence(t.s.t3, t.white, t.next)
		d, err := t.s.DistanceToIdentity(t.s.t3)
		if err != nil {
			return err
		}
		if limit := t.maxStep * math.Sqrt(float64(t.ref.N)); d > limit {
			cut = true
			t.cand.CopyFrom(t.next)
			if err := t.along(t.next, t.cand, limit/d); err != nil {
				return err
			}
		}
	}
	if err := t.s.wellConditioned(t.next); err != nil {
		return err
	}
	if err := t.s.Roots(t.cand, t.s.t2, t.next); err != nil {
		return err
	}
	t.root.CopyFrom(t.cand)
	t.white.CopyFrom(t.s.t2)
	t.ref.CopyFrom(t.next)
	t.seen++
	if cut {
		t.cut++
	}
	return nil
}

// along fills dst with the point at w on the geodesic from the reference to c.
func (t *Tracker) along(dst, c *Matrix, w float64) error {
	t.s.Congruence(t.s.t3, t.white, c)
	if err := t.s.Pow(t.s.t3, t.s.t3, w); err != nil {
		return err
	}
	t.s.Congruence(dst, t.root, t.s.t3)
	dst.mirror()
	return nil
}

// Reference is the mean so far. It must not be written to.
func (t *Tracker) Reference() *Matrix { return t.ref }

// White is the inverse square root of Reference. It must not be written to.
func (t *Tracker) White() *Matrix { return t.white }

// Seen is the number of windows taken in since Reset, and how many of their steps were cut short.
func (t *Tracker) Seen() (windows, cut int) { return t.seen, t.cut }

// wellConditioned is an error where the condition number of a is above MaxCondition.
func (s *Solver) wellConditioned(a *Matrix) error {
	if err := s.decompose(a, false); err != nil {
		return err
	}
	lo, hi := s.values[0], s.values[0]
	for _, v := range s.values[1:s.n] {
		lo, hi = min(lo, v), max(hi, v)
	}
	if hi <= 0 {
		return errors.New("reference is zero or negative: no channel changes; check the electrodes")
	}
	if !(lo*MaxCondition >= hi) {
		return fmt.Errorf("reference has eigenvalues from %.3g to %.3g: a condition number above %g, which whitening does not survive; use the estimator oas, longer windows, or leave out flat, doubled or interpolated channels", lo, hi, MaxCondition)
	}
	return nil
}

// Whitener checks that the condition of the mean r is at most MaxCondition and fills dst with its inverse square root.
func (s *Solver) Whitener(dst, r *Matrix) error {
	if err := s.wellConditioned(r); err != nil {
		return err
	}
	return s.InvSqrt(dst, r)
}
