package linear

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	decoders.Register("argmax", func() decoders.Fitter { return &ArgMax{} })
}

// ArgMax decides for the class whose feature is largest: feature k belongs to class k, as behind "cca", "fbcca" and
// "trca". Features beyond the number of classes, such as those of flickers that nobody is told to look at, do not count.
//
// The scores are the probabilities
//
//	p_k = exp(β x_k) / Σ_j exp(β x_j)
//
// Training changes no decision: it only finds the β that makes the training rows most probable (temperature scaling;
// Guo et al. 2017, arXiv:1706.04599), at least a millionth and at most a million over the standard deviation of the
// features. So that β stays finite where all training rows are decided rightly, a row's class counts (n+1)/(n+K) and
// each other class 1/(n+K), for n rows and K classes (Platt 2000).
//
// A row [features] goes in, one probability per class comes out; features and probabilities have no unit.
type ArgMax struct {
	Scale   float64 `json:"-"` // β; 0 until fitted
	Columns int     `json:"-"` // features in a row

	classes []string
}

// Outputs is the classes, or nil before the fit.
func (d *ArgMax) Outputs() []string {
	if d.Scale == 0 {
		return nil
	}
	return slices.Clone(d.classes)
}

// SetClasses tells the classes before SetState. What was learned about other classes is forgotten.
func (d *ArgMax) SetClasses(classes []string) {
	if !slices.Equal(classes, d.classes) {
		d.Scale, d.Columns = 0, 0
	}
	d.classes = slices.Clone(classes)
}

// Fit learns β from the rows x [rows][features]. It is an error where rows differ in length or hold a number that is not
// finite, where a class has no row, where there are fewer than 2 classes or more classes than features, and where the
// features are all the same. What was fitted before is then kept.
func (d *ArgMax) Fit(x [][]float64, y signal.Labels) error {
	if _, err := byClass(x, y); err != nil {
		return fmt.Errorf("argmax: %w", err)
	}
	k := len(y.Classes)
	if len(x[0]) < k {
		return fmt.Errorf("argmax: rows have %d features, needs one for each of the %d classes %q, in their order; use another decoder, such as lda", len(x[0]), k, y.Classes)
	}
	spread := 0.0
	for _, row := range x {
		mean := 0.0
		for _, v := range row[:k] {
			mean += v / float64(k)
		}
		for _, v := range row[:k] {
			spread += (v - mean) * (v - mean) / float64(len(x)*k)
		}
	}
	spread = math.Sqrt(spread)
	if !(spread > 0) || math.IsInf(spread, 0) {
		return fmt.Errorf("argmax: the standard deviation of the features within a row is %g, must be above 0 and finite: no class stands out in any row; check the channels and the step before", spread)
	}
	d.Scale, d.Columns, d.classes = temperature(x, y, spread), len(x[0]), slices.Clone(y.Classes)
	return nil
}

// temperature finds where the derivative of the log-likelihood, which falls with β, is 0, by halving an interval of
// its logarithm until that has no more digits.
func temperature(x [][]float64, y signal.Labels, spread float64) float64 {
	k := len(y.Classes)
	p := make([]float64, k)
	other := 1 / float64(len(x)+k)
	target := func(row []float64, class int) float64 { // mean feature under the smoothed label
		sum := 0.0
		for j, v := range row[:k] {
			sum += other * v
			if j == class {
				sum += float64(len(x)) * other * v
			}
		}
		return sum
	}
	slope := func(beta float64) float64 {
		sum := 0.0
		for i, row := range x {
			sharpen(p, row[:k], beta)
			sum += target(row, y.Y[i])
			for j, v := range row[:k] {
				sum -= p[j] * v
			}
		}
		return sum
	}
	low, high := math.Log(1e-6/spread), math.Log(1e6/spread)
	for range 60 {
		if middle := (low + high) / 2; slope(math.Exp(middle)) > 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return math.Exp(low)
}

// sharpen fills dst with exp(β x) divided by its sum.
func sharpen(dst, x []float64, beta float64) {
	top, sum := slices.Max(x), 0.0
	for k, v := range x {
		dst[k] = math.Exp(beta * (v - top)) // the largest becomes 1, so that nothing overflows
		sum += dst[k]
	}
	for k := range dst {
		dst[k] /= sum
	}
}

// Predict fills dst [classes] with the probability of each class for the row x [features].
func (d *ArgMax) Predict(dst, x []float64) error {
	if d.Scale == 0 {
		return fmt.Errorf("argmax: %w", errNotFitted)
	}
	if err := checkRow(dst, x, len(d.classes), d.Columns); err != nil {
		return fmt.Errorf("argmax: %w", err)
	}
	sharpen(dst, x[:len(dst)], d.Scale)
	return nil
}

// State is "scale", β, and "columns", the number of features, both [1].
func (d *ArgMax) State() signal.State {
	if d.Scale == 0 {
		return nil
	}
	return signal.State{
		"scale":   signal.NewArray([]float64{d.Scale}, 1),
		"columns": signal.NewArray([]float64{float64(d.Columns)}, 1),
	}
}

// SetState puts back what State returned. It is called after SetClasses.
func (d *ArgMax) SetState(s signal.State) error {
	if len(d.classes) < 2 {
		return errors.New("argmax: SetState before SetClasses")
	}
	scale, err := s.Get("scale", 1)
	if err != nil {
		return fmt.Errorf("argmax: %w", err)
	}
	columns, err := s.Get("columns", 1)
	if err != nil {
		return fmt.Errorf("argmax: %w", err)
	}
	beta, n := scale.Data[0], columns.Data[0]
	if !(beta > 0) || math.IsInf(beta, 0) || n != math.Trunc(n) || n < float64(len(d.classes)) || n > math.MaxInt32 {
		return fmt.Errorf("argmax: scale is %g and columns %g, must be above 0 and finite, and a whole number of at least %d", beta, n, len(d.classes))
	}
	d.Scale, d.Columns = beta, int(n)
	return nil
}
