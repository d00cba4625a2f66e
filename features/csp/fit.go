package csp

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// FitWindows learns the filters from the training windows x [windows][channels][samples]. It is an error where a
// window has another shape than Start was told or a sample that is not finite, where a class has no window, and where
// Components is more than the rank of the data. What was fitted before is then kept.
func (c *CSP) FitWindows(x [][][]float64, y signal.Labels) error {
	if c.in.Len == 0 {
		return errors.New("csp: FitWindows before Start")
	}
	if err := c.checkLabels(x, y); err != nil {
		return fmt.Errorf("csp: %w", err)
	}
	sums, err := c.classSums(x, y)
	if err != nil {
		return fmt.Errorf("csp: %w", err)
	}
	fitted := *c
	fitted.Filters, fitted.Eigenvalues = nil, nil
	counts := y.Counts()
	for k, class := range c.classes {
		if k == 1 && len(c.classes) == 2 {
			break // the second class against the first gives the same filters with 1−λ
		}
		values, w, err := c.solve(contrast(sums, counts, k))
		if err != nil {
			return fmt.Errorf("csp: class %q against the rest: %w", class, err)
		}
		if len(values) < c.Components {
			return fmt.Errorf("csp: components is %d, but the %d training channels have rank %d (an average reference, removed components and flat channels each lower it); set components to at most %d",
				c.Components, len(c.in.Names), len(values), len(values))
		}
		fitted.keep(values, w)
	}
	c.Filters, c.Eigenvalues = fitted.Filters, fitted.Eigenvalues
	return nil
}

func (c *CSP) checkLabels(x [][][]float64, y signal.Labels) error {
	if !slices.Equal(y.Classes, c.classes) {
		return fmt.Errorf("labels have the classes %q, SetClasses was told %q", y.Classes, c.classes)
	}
	if len(x) != len(y.Y) {
		return fmt.Errorf("got %d training windows and %d labels, must be as many", len(x), len(y.Y))
	}
	for i, k := range y.Y {
		if k < 0 || k >= len(y.Classes) {
			return fmt.Errorf("label of training window %d is %d, must be from 0 to %d", i, k, len(y.Classes)-1)
		}
	}
	for k, n := range y.Counts() {
		if n == 0 {
			return fmt.Errorf("class %q has no training window; record some, or leave the class out", y.Classes[k])
		}
	}
	return nil
}

// classSums adds up the covariances of each class's windows, in the order of the windows.
func (c *CSP) classSums(x [][][]float64, y signal.Labels) ([]*mat.SymDense, error) {
	chs := len(c.in.Names)
	sums := make([]*mat.SymDense, len(c.classes))
	for k := range sums {
		sums[k] = mat.NewSymDense(chs, nil)
	}
	var work spd.Workspace
	cov := mat.NewSymDense(chs, nil)
	for i, window := range x {
		if err := c.check(window); err != nil {
			return nil, fmt.Errorf("training window %d %w", i, err)
		}
		work.Covariance(cov, window)
		for ch := range chs {
			if v := cov.At(ch, ch); math.IsNaN(v) || math.IsInf(v, 0) { // only then is a sample worth looking for
				return nil, fmt.Errorf("training window %d, channel %q: %s; leave the window out or repair the channel", i, c.in.Names[ch], firstBad(window[ch]))
			}
		}
		sums[y.Y[i]].AddSym(sums[y.Y[i]], cov)
	}
	return sums, nil
}

// firstBad describes what made the variance of x something else than a finite number.
func firstBad(x []float64) string {
	for t, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprintf("sample %d is %g, must be finite", t, v)
		}
	}
	return "the variance is too large for a float64"
}

// contrast is the mean covariance of class k and that of all other windows.
func contrast(sums []*mat.SymDense, counts []int, k int) (own, rest *mat.SymDense) {
	chs := sums[0].SymmetricDim()
	own, rest = mat.NewSymDense(chs, nil), mat.NewSymDense(chs, nil)
	others := 0
	for j, s := range sums {
		if j != k {
			rest.AddSym(rest, s)
			others += counts[j]
		}
	}
	own.ScaleSym(1/float64(counts[k]), sums[k])
	rest.ScaleSym(1/float64(others), rest)
	return own, rest
}

// solve is the shrunk generalised eigenproblem of one class against the rest.
func (c *CSP) solve(own, rest *mat.SymDense) ([]float64, *mat.Dense, error) {
	both := mat.NewSymDense(own.SymmetricDim(), nil)
	both.AddSym(own, rest)
	if trace := mat.Trace(both); trace == 0 {
		return nil, nil, errors.New("no channel of any training window ever changes; check the recording")
	}
	if c.Shrinkage > 0 {
		basis, _, err := spd.Range(both)
		if err != nil {
			return nil, nil, err
		}
		shrink(own, basis, c.Shrinkage)
		shrink(rest, basis, c.Shrinkage)
		both.AddSym(own, rest)
	}
	return spd.GeneralEigen(own, both)
}

// shrink draws cov by the part s towards its mean power times the projection on the columns of basis.
func shrink(cov *mat.SymDense, basis *mat.Dense, s float64) {
	_, rank := basis.Dims()
	power := mat.Trace(cov) / float64(rank)
	cov.ScaleSym(1-s, cov)
	cov.SymRankK(cov, s*power, basis)
}

// extremes sorts the positions of values by |λ − 1/2|, largest first; of equals the larger λ comes first.
func extremes(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = len(values) - 1 - i // values ascend
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(math.Abs(values[b]-0.5), math.Abs(values[a]-0.5))
	})
	return order
}
