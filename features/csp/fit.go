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
	if err := checkLabels(x, y, c.classes); err != nil {
		return fmt.Errorf("csp: %w", err)
	}
	c.rank, c.amounts = [2]int{}, [2]float64{}
	pools, basis, err := c.pool(x, y)
	if err != nil {
		return fmt.Errorf("csp: %w", err)
	}
	learn := c.fitRest
	if c.joint() {
		learn = c.fitJoint
	}
	filters, values, err := learn(pools, basis)
	if err != nil {
		return fmt.Errorf("csp: %w", err)
	}
	c.Filters, c.Eigenvalues = filters, values
	return nil
}

// fitRest solves every class against the rest.
func (c *CSP) fitRest(pools []pool, basis *mat.Dense) (filters [][]float64, eigenvalues []float64, err error) {
	for k, class := range c.classes {
		if k == 1 && len(c.classes) == 2 {
			break // the second class against the first gives the same filters with 1−λ
		}
		own, rest := c.covariance(basis, pools[k]), c.covariance(basis, slices.Concat(pools[:k], pools[k+1:])...)
		both := mat.NewSymDense(own.SymmetricDim(), nil)
		both.AddSym(own, rest)
		values, w, err := spd.GeneralEigen(own, both)
		if err != nil {
			return nil, nil, fmt.Errorf("class %q against the rest: %w", class, err)
		}
		if err := c.checkRank(len(values)); err != nil {
			return nil, nil, err
		}
		for _, i := range extremes(values)[:c.Components] {
			filters = append(filters, mat.Row(nil, i, w))
			eigenvalues = append(eigenvalues, values[i])
		}
	}
	return filters, eigenvalues, nil
}

func (c *CSP) checkRank(rank int) error {
	if rank < c.Components {
		return fmt.Errorf("components is %d, but the %d training channels have rank %d (an average reference, removed components and flat channels each lower it); set components to at most %d",
			c.Components, len(c.in.Names), rank, rank)
	}
	if c.rank[0] == 0 {
		c.rank[0] = rank
	}
	c.rank = [2]int{min(c.rank[0], rank), max(c.rank[1], rank)}
	return nil
}

// shrunk remembers how far a covariance was shrunk by itself.
func (c *CSP) shrunk(amount float64) float64 {
	if c.amounts[1] == 0 {
		c.amounts[0] = amount
	}
	c.amounts = [2]float64{min(c.amounts[0], amount), max(c.amounts[1], amount)}
	return amount
}

// checkLabels checks the labels of the windows x against the classes that SetClasses was told.
func checkLabels(x [][][]float64, y signal.Labels, classes []string) error {
	if !slices.Equal(y.Classes, classes) {
		return fmt.Errorf("labels have the classes %q, SetClasses was told %q", y.Classes, classes)
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

// firstBad describes what made the variance of x something else than a finite number.
func firstBad(x []float64) string {
	for t, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprintf("sample %d is %g, must be finite", t, v)
		}
	}
	return "the variance is too large for a float64"
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
