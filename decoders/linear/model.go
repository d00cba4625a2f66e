package linear

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// model is what the linear classifiers have in common once they are fitted: a score w_kᵀx + b_k for every class, and
// the softmax of the scores as probabilities.
type model struct {
	Coef      [][]float64 `json:"-"` // w_k, one row per class [classes, features]; nil until fitted
	Intercept []float64   `json:"-"` // b_k [classes]

	classes []string
}

// Outputs is the classes, or nil before the fit.
func (m *model) Outputs() []string {
	if m.Coef == nil {
		return nil
	}
	return slices.Clone(m.classes)
}

// SetClasses tells the classes before SetState. What was learned about other classes is forgotten.
func (m *model) SetClasses(classes []string) {
	if !slices.Equal(classes, m.classes) {
		m.Coef, m.Intercept = nil, nil
	}
	m.classes = slices.Clone(classes)
}

// predict fills dst [classes] with the softmax of the scores of the row x [features].
func (m *model) predict(dst, x []float64) error {
	if m.Coef == nil {
		return errNotFitted
	}
	if err := checkRow(dst, x, len(m.Coef), len(m.Coef[0])); err != nil {
		return err
	}
	for k, w := range m.Coef {
		score := m.Intercept[k]
		for j, v := range x {
			score += w[j] * v
		}
		dst[k] = score
	}
	return softmax(dst)
}

var errNotFitted = errors.New("not fitted; train the pipeline or load a bundle first")

// checkRow checks what Predict is given.
func checkRow(dst, x []float64, scores, features int) error {
	switch {
	case len(dst) != scores:
		return fmt.Errorf("output has %d scores, must have %d", len(dst), scores)
	case len(x) != features:
		return fmt.Errorf("row has %d features, must have %d", len(x), features)
	}
	if j := firstBad(x); j >= 0 {
		return fmt.Errorf("feature %d (from 0) is %g, must be finite", j, x[j])
	}
	return nil
}

// softmax turns scores into probabilities, in place.
func softmax(dst []float64) error {
	top, sum := slices.Max(dst), 0.0
	for k, score := range dst {
		dst[k] = math.Exp(score - top) // the largest becomes 1, so that nothing overflows
		sum += dst[k]
	}
	for k := range dst {
		dst[k] /= sum
	}
	if math.IsNaN(sum) {
		return errors.New("the row is so far from the training rows that its scores overflow a float64")
	}
	return nil
}

// firstBad is the position of the first number that is not finite, or -1.
func firstBad(x []float64) int {
	return slices.IndexFunc(x, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// State is "coef" [classes, features] and "intercept" [classes].
func (m *model) State() signal.State {
	if m.Coef == nil {
		return nil
	}
	return signal.State{
		"coef":      signal.Matrix(m.Coef),
		"intercept": signal.NewArray(slices.Clone(m.Intercept), len(m.Intercept)),
	}
}

// setState puts back what State returned. It is called after SetClasses.
func (m *model) setState(s signal.State) error {
	if err := needClasses(m.classes); err != nil {
		return err
	}
	return m.restore(s)
}

// restore is setState for any number of outputs.
func (m *model) restore(s signal.State) error {
	coef, err := s.Get("coef", len(m.classes), -1)
	if err != nil {
		return err
	}
	intercept, err := s.Get("intercept", len(m.classes))
	if err != nil {
		return err
	}
	if coef.Shape[1] == 0 {
		return errors.New(`array "coef" has no features`)
	}
	m.Coef, m.Intercept = coef.Rows(), slices.Clone(intercept.Data)
	return nil
}

func needClasses(classes []string) error {
	if len(classes) < 2 {
		return fmt.Errorf("SetState with %d classes, must be told at least 2 by SetClasses before", len(classes))
	}
	return nil
}
