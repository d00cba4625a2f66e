package linear

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	decoders.Register("logistic", func() decoders.Fitter {
		return &Logistic{Penalty: L2, C: 1, L1Ratio: 0.5, Tol: 1e-8, MaxIter: 200}
	})
}

// Penalty says what keeps the weights of a logistic regression small.
type Penalty string

// The penalties that exist.
const (
	L2         Penalty = "l2"         // half the sum of squares
	ElasticNet Penalty = "elasticnet" // a mix of half the sum of squares and the sum of absolute values
	None       Penalty = "none"
)

// UnmarshalJSON accepts the names above.
func (p *Penalty) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || Penalty(word).check() != nil {
		return fmt.Errorf(`key "penalty": is %s, must be "l2", "elasticnet" or "none"`, strings.TrimSpace(string(data)))
	}
	*p = Penalty(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Penalty) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(L2), string(ElasticNet), string(None)}}
}

func (p Penalty) check() error {
	if p != L2 && p != ElasticNet && p != None {
		return fmt.Errorf(`penalty is %q, must be "l2", "elasticnet" or "none"`, string(p))
	}
	return nil
}

// Logistic is multinomial logistic regression: the probabilities of the classes are the softmax of w_kᵀx + b_k, and the
// weights minimise
//
//	C·Σ_i −ln p(class of row i | x_i) + (1−ρ)/2·Σ w² + ρ·Σ |w|
//
// with ρ = 0 for "l2", l1_ratio for "elasticnet", and no sums at all, nor C, for "none". The intercepts b are free. With
// two classes there is one weight vector, w of the second class, and that of the first is 0. It is what scikit-learn's
// LogisticRegression minimises; of solutions that differ by a constant for all classes it is the one whose intercepts
// (and, with "none", weights) add up to 0.
//
// "l2" and "none" are solved by Newton's method with conjugate gradients (Lin, Weng and Keerthi 2008, "Trust region Newton
// method for large-scale logistic regression", jmlr.org/papers/v9/lin08b.html), "elasticnet" by proximal Newton with
// coordinate descent (Friedman, Hastie and Tibshirani 2010, doi:10.18637/jss.v033.i01; Yuan, Ho and Lin 2012,
// jmlr.org/papers/v13/yuan12a.html). The result does not depend on the order of the rows but for rounding.
//
// The penalty weighs all features alike, so put them on one scale first (step "standardise"). A fit that does not
// converge is an error, as are, with "none", classes that can be told apart without error: the weights would be infinite.
type Logistic struct {
	Penalty Penalty `json:"penalty" doc:"what keeps the weights small: l2, elasticnet (a mix of l1 and l2) or none"`
	C       float64 `json:"c" doc:"weight of the training rows against the penalty, above 0; small values keep the weights small" only:"penalty!=none"`
	L1Ratio float64 `json:"l1_ratio" doc:"part of the l1 penalty, from 0 (l2 only) to 1 (l1 only: few features are used)" only:"penalty=elasticnet"`
	Tol     float64 `json:"tol" doc:"converged when the next step would lower the objective by less than this part of it, between 0 and 1; the weights are then right to about its square root, or better"`
	MaxIter int     `json:"max_iter" doc:"Newton steps after which a fit that has not converged is an error, at least 1"`

	model
}

func (d *Logistic) check() error {
	err := d.Penalty.check()
	switch {
	case err != nil:
		return err
	case !(d.C > 0) || math.IsInf(d.C, 0):
		return fmt.Errorf("c is %g, must be above 0 and finite", d.C)
	case !(d.L1Ratio >= 0 && d.L1Ratio <= 1):
		return fmt.Errorf("l1_ratio is %g, must be from 0 to 1", d.L1Ratio)
	case !(d.Tol > 0 && d.Tol < 1):
		return fmt.Errorf("tol is %g, must be between 0 and 1", d.Tol)
	case d.MaxIter < 1:
		return fmt.Errorf("max_iter is %d, must be at least 1", d.MaxIter)
	}
	return nil
}

// Notes says how the weights were kept small.
func (d *Logistic) Notes() []signal.Note {
	if d.Penalty == None {
		return nil
	}
	return []signal.Note{{Text: "penalty " + string(d.Penalty) + ", C %s", Low: d.C, High: d.C}}
}

// Fit learns from the rows x [rows][features]. It is an error where rows differ in length or hold a number that is not
// finite, where a class has no row, where there are fewer than 2 classes, and where the fit does not converge. What was
// fitted before is then kept.
func (d *Logistic) Fit(x [][]float64, y signal.Labels) error {
	if err := d.check(); err != nil {
		return fmt.Errorf("logistic: %w", err)
	}
	if _, err := byClass(x, y); err != nil {
		return fmt.Errorf("logistic: %w", err)
	}
	l, err := newLoss(x, y)
	if err != nil {
		return fmt.Errorf("logistic: %w", err)
	}
	l.c, l.l2 = d.C, 1
	switch d.Penalty {
	case None:
		l.c, l.l2 = 1, 0
	case ElasticNet:
		l.l1, l.l2 = d.L1Ratio, 1-d.L1Ratio
	}
	l.value = l.evaluate()
	if l.l1 > 0 {
		err = l.proximalNewton(d.Tol, d.MaxIter)
	} else {
		err = l.newton(d.Tol, d.MaxIter)
	}
	if err != nil {
		return fmt.Errorf("logistic: %w", err)
	}
	d.classes = slices.Clone(y.Classes)
	d.Coef, d.Intercept = l.solution(d.Penalty == None)
	return nil
}

// Predict fills dst [classes] with the probability of each class for the row x [features].
func (d *Logistic) Predict(dst, x []float64) error {
	if err := d.predict(dst, x); err != nil {
		return fmt.Errorf("logistic: %w", err)
	}
	return nil
}

// SetState puts back what State returned. It is called after SetClasses.
func (d *Logistic) SetState(s signal.State) error {
	if err := d.setState(s); err != nil {
		return fmt.Errorf("logistic: %w", err)
	}
	return nil
}

var errSeparable = errors.New(`a weighted sum of the features tells some classes apart without error, so without a penalty the weights grow without end; set penalty to "l2", or use fewer features or more rows`)
