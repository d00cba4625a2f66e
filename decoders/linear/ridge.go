package linear

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	decoders.Register("ridge", func() decoders.Fitter { return &Ridge{Alpha: 1} })
	decoders.RegisterContinuous("ridge_regression", func() decoders.Continuous { return &RidgeRegression{Alpha: 1} })
}

// RidgeWeights are the weights [outputs][features] and intercepts of the ridge regression (Hoerl and Kennard 1970,
// doi:10.1080/00401706.1970.10488634) of the rows y [rows][outputs] on the rows x [rows][features]: they minimise
//
//	Σ_i |y_i − W·x_i − b|² + alpha·Σ W²
//
// as scikit-learn's Ridge does. The intercepts b are free. With fewer rows than features it solves the dual problem, so it
// is quick in both cases. It is an error where a number is not finite, where rows differ in length, and where alpha is 0
// and the features depend on each other.
func RidgeWeights(x, y [][]float64, alpha float64) (w [][]float64, b []float64, err error) {
	if err := checkAlpha(alpha); err != nil {
		return nil, nil, err
	}
	if len(x) != len(y) {
		return nil, nil, fmt.Errorf("got %d rows and %d targets, must be as many", len(x), len(y))
	}
	if err := errors.Join(checkRows("training row", "features", x), checkRows("target", "outputs", y)); err != nil {
		return nil, nil, err
	}
	n, p, q := len(x), len(x[0]), len(y[0])
	xm, ym := classMean(x), classMean(y)
	a, t := mat.NewDense(n, p, nil), mat.NewDense(n, q, nil)
	for i := range n {
		floats.SubTo(a.RawRowView(i), x[i], xm)
		floats.SubTo(t.RawRowView(i), y[i], ym)
	}
	weights := mat.NewDense(p, q, nil)
	if n < p && alpha > 0 { // W = Aᵀ (A·Aᵀ + alpha·I)⁻¹ T
		gram := mat.NewSymDense(n, nil)
		gram.SymOuterK(1, a)
		if err := solveRidge(t, gram, alpha, nil); err != nil {
			return nil, nil, err
		}
		weights.Mul(a.T(), t)
	} else { // W = (Aᵀ·A + alpha·I)⁻¹ Aᵀ T
		gram := mat.NewSymDense(p, nil)
		gram.SymOuterK(1, a.T())
		weights.Mul(a.T(), t)
		scale := make([]float64, p)
		for j := range scale {
			scale[j] = 1 / math.Sqrt(gram.At(j, j)+alpha)
		}
		if err := solveRidge(weights, gram, alpha, scale); err != nil {
			return nil, nil, err
		}
	}
	w, b = matrix(q, p), make([]float64, q)
	for k := range q {
		mat.Col(w[k], k, weights)
		b[k] = ym[k] - floats.Dot(w[k], xm)
		if firstBad(w[k]) >= 0 || math.IsNaN(b[k]) {
			return nil, nil, errors.New("the weights overflow a float64; scale the features down")
		}
	}
	return w, b, nil
}

// solveRidge replaces rhs by (gram + alpha·I)⁻¹·rhs. scale, if not nil, brings the unknowns to one scale first, so that only
// their correlations decide whether the matrix counts as singular.
func solveRidge(rhs *mat.Dense, gram *mat.SymDense, alpha float64, scale []float64) error {
	n, cols := rhs.Dims()
	for i := range n {
		gram.SetSym(i, i, gram.At(i, i)+alpha)
	}
	for i := 0; scale != nil && i < n; i++ {
		for j := i; j < n; j++ {
			gram.SetSym(i, j, gram.At(i, j)*scale[i]*scale[j])
		}
		for k := range cols {
			rhs.Set(i, k, rhs.At(i, k)*scale[i])
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(gram) || !(chol.Cond() < maxCondition*1e3) {
		return fmt.Errorf("the features depend on each other, or are constant, or there are too few rows: with alpha %g the weights are not defined; raise alpha, or scale the features to similar variance (step \"standardise\")", alpha)
	}
	if err := chol.SolveTo(rhs, rhs); err != nil {
		return err
	}
	for i := 0; scale != nil && i < n; i++ {
		for k := range cols {
			rhs.Set(i, k, rhs.At(i, k)*scale[i])
		}
	}
	return nil
}

func checkAlpha(alpha float64) error {
	if !(alpha >= 0) || math.IsInf(alpha, 0) {
		return fmt.Errorf("alpha is %g, must be at least 0 and finite", alpha)
	}
	return nil
}

// checkRows reports rows that are empty, of several lengths or not finite.
func checkRows(what, of string, x [][]float64) error {
	if len(x) == 0 || len(x[0]) == 0 {
		return fmt.Errorf("got no %s, or one without %s", what, of)
	}
	for i, row := range x {
		if len(row) != len(x[0]) {
			return fmt.Errorf("%s %d has %d %s, %s 0 has %d", what, i, len(row), of, what, len(x[0]))
		}
		if j := firstBad(row); j >= 0 {
			return fmt.Errorf("%s %d: number %d (from 0) is %g, must be finite; leave the row out or repair the data", what, i, j, row[j])
		}
	}
	return nil
}

// Ridge is the ridge classifier: for every class the regression of +1 (rows of the class) and −1 (all others) on the
// features, as scikit-learn's RidgeClassifier. It is quick to fit with many features.
//
// The scores are the softmax of the regressions' values. They order the classes as those do, but are not calibrated: the
// decoder "calibrated" around it makes them so.
//
// The regressions minimise Σ_i |y_i − W·x_i − b|² + alpha·Σ W² (Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634)
// over rows x [features]; alpha is in the squared units of the features.
type Ridge struct {
	Alpha float64 `json:"alpha" doc:"strength of the penalty on the squared weights, at least 0; 0 needs features that do not depend on each other"`

	model
}

// Notes says how the weights were kept small.
func (d *Ridge) Notes() []signal.Note { return penalty(d.Alpha) }

func penalty(alpha float64) []signal.Note {
	if alpha == 0 {
		return nil
	}
	return []signal.Note{{Text: "penalty on the squared weights, alpha %s", Low: alpha, High: alpha}}
}

// Fit learns from the rows x [rows][features]. It is an error where rows differ in length or hold a number that is not
// finite, where a class has no row, where there are fewer than 2 classes, and where alpha is 0 and the features depend
// on each other. What was fitted before is then kept.
func (d *Ridge) Fit(x [][]float64, y signal.Labels) error {
	if _, err := byClass(x, y); err != nil {
		return fmt.Errorf("ridge: %w", err)
	}
	target := matrix(len(x), len(y.Classes))
	for i, k := range y.Y {
		for c := range target[i] {
			target[i][c] = -1
		}
		target[i][k] = 1
	}
	w, b, err := RidgeWeights(x, target, d.Alpha)
	if err != nil {
		return fmt.Errorf("ridge: %w", err)
	}
	d.classes, d.Coef, d.Intercept = slices.Clone(y.Classes), w, b
	return nil
}

// Predict fills dst [classes] with the scores of the row x [features].
func (d *Ridge) Predict(dst, x []float64) error {
	if err := d.predict(dst, x); err != nil {
		return fmt.Errorf("ridge: %w", err)
	}
	return nil
}

// SetState puts back what State returned. It is called after SetClasses.
func (d *Ridge) SetState(s signal.State) error {
	if err := d.setState(s); err != nil {
		return fmt.Errorf("ridge: %w", err)
	}
	return nil
}

// RidgeRegression is the continuous decoder W·x + b of RidgeWeights: each row by itself, without memory. The Wiener
// filter (decoder "wiener") also looks at the rows before.
//
// W and b minimise Σ_i |y_i − W·x_i − b|² + alpha·Σ W² (Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634) over
// rows x [features] and quantities y [outputs], which keep their units.
type RidgeRegression struct {
	Alpha float64 `json:"alpha" doc:"strength of the penalty on the squared weights, at least 0; 0 needs features that do not depend on each other"`

	model
}

// Notes says how the weights were kept small.
func (d *RidgeRegression) Notes() []signal.Note { return penalty(d.Alpha) }

// SetOutputs names the numbers. What was learned about others is forgotten.
func (d *RidgeRegression) SetOutputs(names []string) { d.SetClasses(names) }

// FitContinuous learns from the rows x [rows][features] and what they stand for, y [rows][outputs].
func (d *RidgeRegression) FitContinuous(x, y [][]float64) error {
	if err := decoders.CheckContinuous(x, y, d.classes); err != nil {
		return fmt.Errorf("ridge_regression: %w", err)
	}
	w, b, err := RidgeWeights(x, y, d.Alpha)
	if err != nil {
		return fmt.Errorf("ridge_regression: %w", err)
	}
	d.Coef, d.Intercept = w, b
	return nil
}

// FitRuns learns from the rows of all runs: there is no memory, so it does not matter which run a row is from.
func (d *RidgeRegression) FitRuns(x, y [][][]float64) error {
	return d.FitContinuous(slices.Concat(x...), slices.Concat(y...))
}

// Predict fills dst [outputs] from the row x [features].
func (d *RidgeRegression) Predict(dst, x []float64) error {
	if d.Coef == nil {
		return fmt.Errorf("ridge_regression: %w", errNotFitted)
	}
	if err := checkRow(dst, x, len(d.Coef), len(d.Coef[0])); err != nil {
		return fmt.Errorf("ridge_regression: %w", err)
	}
	for k, w := range d.Coef {
		v := d.Intercept[k]
		for j := range x {
			v += w[j] * x[j]
		}
		dst[k] = v
	}
	return nil
}

// Reset does nothing: there is no memory.
func (*RidgeRegression) Reset() {}

// SetState puts back what State returned. It is called after SetOutputs.
func (d *RidgeRegression) SetState(s signal.State) error {
	if len(d.classes) == 0 {
		return errors.New("ridge_regression: SetState without outputs, must be told them by SetOutputs before")
	}
	if err := d.restore(s); err != nil {
		return fmt.Errorf("ridge_regression: %w", err)
	}
	return nil
}
