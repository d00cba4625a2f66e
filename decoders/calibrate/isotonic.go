package calibrate

import (
	"fmt"
	"math"
	"slices"
	"sort"
)

// Isotonic is a function that never falls: straight lines between its knots, constant beyond the first and the last.
type Isotonic struct {
	X, Y []float64 // knots; X ascends, Y does not fall
}

// FitIsotonic is the isotonic regression of y on x, both [trials]: of all functions that never fall it has the least squared
// error (pool adjacent violators; Barlow et al. 1972; Zadrozny and Elkan 2002, doi:10.1145/775047.775151). Trials with the
// same x count as one with their mean. weight [trials] may be nil. It gives what scikit-learn's IsotonicRegression gives
// with out_of_bounds="clip".
func FitIsotonic(x, y, weight []float64) (*Isotonic, error) {
	if len(x) == 0 || len(x) != len(y) || weight != nil && len(weight) != len(x) {
		return nil, fmt.Errorf("isotonic: got %d positions, %d values and %d weights; must be as many, at least one (or no weights)", len(x), len(y), len(weight))
	}
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
		w := 1.0
		if weight != nil {
			w = weight[i]
		}
		if s := x[i] + y[i] + w; math.IsNaN(s) || math.IsInf(s, 0) || !(w > 0) {
			return nil, fmt.Errorf("isotonic: trial %d has position %g, value %g and weight %g; must be finite, the weight above 0", i, x[i], y[i], w)
		}
	}
	sort.SliceStable(order, func(a, b int) bool { return x[order[a]] < x[order[b]] })
	// Blocks of neighbours that have one value: from and to are their first and last position.
	type block struct{ from, to, mean, weight float64 }
	var distinct, pooled []block
	for _, i := range order {
		w := 1.0
		if weight != nil {
			w = weight[i]
		}
		if n := len(distinct); n > 0 && distinct[n-1].from == x[i] {
			b := &distinct[n-1]
			b.weight += w
			b.mean += (y[i] - b.mean) * w / b.weight
			continue
		}
		distinct = append(distinct, block{x[i], x[i], y[i], w})
	}
	for _, b := range distinct {
		for n := len(pooled); n > 0 && pooled[n-1].mean >= b.mean; n-- {
			a := pooled[n-1]
			sum := a.weight + b.weight
			b = block{a.from, b.to, (a.mean*a.weight + b.mean*b.weight) / sum, sum}
			pooled = pooled[:n-1]
		}
		pooled = append(pooled, b)
	}
	f := &Isotonic{}
	for _, b := range pooled {
		f.X, f.Y = append(f.X, b.from), append(f.Y, b.mean)
		if b.to > b.from {
			f.X, f.Y = append(f.X, b.to), append(f.Y, b.mean)
		}
	}
	return f, nil
}

// At is the value at x.
func (f *Isotonic) At(x float64) float64 {
	n := len(f.X)
	switch {
	case x <= f.X[0]:
		return f.Y[0]
	case x >= f.X[n-1]:
		return f.Y[n-1]
	}
	i, _ := slices.BinarySearch(f.X, x) // X[i-1] < x <= X[i]
	part := (x - f.X[i-1]) / (f.X[i] - f.X[i-1])
	return f.Y[i-1] + part*(f.Y[i]-f.Y[i-1])
}

// FitIsotonics is one isotonic regression for each class, of "is of the class" on its score: p [trials][classes] are
// probabilities of trials that the decoder has not learned from, y [trials] their classes. With two classes, one of the
// second class.
func FitIsotonics(p [][]float64, y []int) ([]*Isotonic, error) {
	if err := checkScores(p, y); err != nil {
		return nil, fmt.Errorf("isotonic: %w", err)
	}
	first := 0
	if len(p[0]) == 2 {
		first = 1
	}
	var all []*Isotonic
	for k := first; k < len(p[0]); k++ {
		x, is := make([]float64, len(p)), make([]float64, len(p))
		for i, row := range p {
			x[i] = row[k]
			if y[i] == k {
				is[i] = 1
			}
		}
		f, err := FitIsotonic(x, is, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// Isotonics replaces the probabilities p [classes] by the values of f, divided by their sum; where all are 0 they become
// equal.
func Isotonics(p []float64, f []*Isotonic) {
	if len(f) == 1 {
		p[1] = f[0].At(p[1])
		p[0] = 1 - p[1]
		return
	}
	sum := 0.0
	for k := range p {
		p[k] = f[k].At(p[k])
		sum += p[k]
	}
	for k := range p {
		if sum == 0 {
			p[k] = 1 / float64(len(p))
		} else {
			p[k] /= sum
		}
	}
}
