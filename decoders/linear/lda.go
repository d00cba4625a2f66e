// Package linear holds linear classifiers of rows.
package linear

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	decoders.Register("lda", func() decoders.Fitter {
		return &LDA{Shrinkage: Shrinkage{Auto: true}, Priors: Empirical, Solver: LSQR}
	})
}

// maxCondition is the condition number of the correlation matrix of the features above which it counts as singular:
// four digits of the weights would be left.
const maxCondition = 1e12

// LDA is Fisher's linear discriminant analysis with a shrunk covariance, the classifier of first choice behind CSP and
// for event-related potentials (Blankertz et al. 2011, doi:10.1016/j.neuroimage.2010.06.048). It gives what scikit-learn's
// LinearDiscriminantAnalysis gives with the same solver.
//
// Every class k has the mean m_k, the prior π_k and the shrunk covariance Σ_k of its training rows (divided by their
// number). With Σ = Σ_k π_k Σ_k the scores are the posterior probabilities
//
//	p_k ∝ exp(w_kᵀx + b_k),   w_k = Σ⁻¹ m_k,   b_k = −½ w_kᵀm_k + ln π_k
//
// Shrinkage s turns Σ_k into (1−s)·Σ_k + s·(trace Σ_k / p)·I, p the number of features. "auto" takes s from the data
// (Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4), for features divided by their standard deviation within the
// class, so their units do not matter; with a number they do.
//
// Fewer rows than features are no problem with shrinkage. Features that leave Σ singular, constant ones among them, are
// an error, with the remedy: the weights would be arbitrary.
//
// The solver "svd" does not shrink. It leaves out the directions in which the rows, with their class means taken out and
// every feature divided by its standard deviation, hardly vary: singular values, over √n, of at most 1e-4. So it copes
// with features that depend on each other and with fewer rows than features, though "lsqr" with "auto" is then the better
// choice.
type LDA struct {
	Shrinkage Shrinkage `json:"shrinkage" doc:"how far the covariance is drawn towards a multiple of the identity: auto (from the data) or a number from 0 to 1"`
	Priors    Priors    `json:"priors" doc:"how probable classes are beforehand: empirical (as in the training data) or equal"`

	Solver Solver `json:"solver" doc:"lsqr (with shrinkage) or svd (without: shrinkage must be 0; features that depend on each other are merged)"`

	model
	shrunk [2]float64 // the smallest and largest shrinkage of a class in the last fit
	rank   int        // directions that counted in the last fit with the solver svd
}

// Notes says how far the classes' covariances were shrunk, or how many directions the solver svd left out.
func (d *LDA) Notes() []signal.Note {
	if d.Solver == SVD {
		if d.Coef == nil || d.rank == 0 || d.rank == len(d.Coef[0]) {
			return nil
		}
		return []signal.Note{{Text: fmt.Sprintf("%%s of %d directions vary within the classes: the others are left out", len(d.Coef[0])), Low: float64(d.rank), High: float64(d.rank)}}
	}
	how := "Ledoit-Wolf"
	if !d.Shrinkage.Auto {
		how = "fixed"
	}
	if d.shrunk[1] == 0 {
		return nil
	}
	return []signal.Note{{Text: "shrinkage %s (" + how + ")", Low: d.shrunk[0], High: d.shrunk[1]}}
}

// Fit learns from the rows x [rows][features]. It is an error where rows differ in length or hold a number that is not
// finite, where a class has no row, where there are fewer than 2 classes, and where the covariance is singular. What was
// fitted before is then kept.
func (d *LDA) Fit(x [][]float64, y signal.Labels) error {
	if err := errors.Join(d.Shrinkage.check(), d.Priors.check(), d.Solver.check(d.Shrinkage)); err != nil {
		return fmt.Errorf("lda: %w", err)
	}
	groups, err := byClass(x, y)
	if err != nil {
		return fmt.Errorf("lda: %w", err)
	}
	if len(x) == len(groups) {
		return errors.New("lda: got one training row of each class, so nothing says how rows vary within one; record more, or lower the number of folds")
	}
	p := len(x[0])
	prior := d.Priors.of(y.Counts())
	if d.Solver == SVD {
		coef, intercept, rank, err := solveSVD(groups, prior, len(x))
		if err != nil {
			return fmt.Errorf("lda: %w", err)
		}
		d.classes, d.Coef, d.Intercept, d.rank = slices.Clone(y.Classes), coef, intercept, rank
		return nil
	}
	means := mat.NewDense(p, len(groups), nil)
	within, cov := mat.NewSymDense(p, nil), mat.NewSymDense(p, nil)
	for k, rows := range groups {
		mean, c, amount := classStats(rows, d.Shrinkage)
		if k == 0 {
			d.shrunk = [2]float64{amount, amount}
		}
		d.shrunk = [2]float64{min(d.shrunk[0], amount), max(d.shrunk[1], amount)}
		means.SetCol(k, mean)
		cov.ScaleSym(prior[k], c)
		within.AddSym(within, cov)
	}
	w, err := d.solve(within, means, len(x))
	if err != nil {
		return fmt.Errorf("lda: %w", err)
	}
	d.classes = slices.Clone(y.Classes)
	d.Coef, d.Intercept = make([][]float64, len(groups)), make([]float64, len(groups))
	for k := range groups {
		d.Coef[k] = mat.Col(nil, k, w)
		d.Intercept[k] = -mat.Dot(w.ColView(k), means.ColView(k))/2 + math.Log(prior[k])
	}
	return nil
}

// byClass sorts the rows by class and checks both.
func byClass(x [][]float64, y signal.Labels) ([][][]float64, error) {
	switch {
	case len(y.Classes) < 2:
		return nil, fmt.Errorf("needs at least 2 classes to tell apart, got %d %q", len(y.Classes), y.Classes)
	case len(x) != len(y.Y):
		return nil, fmt.Errorf("got %d training rows and %d labels, must be as many", len(x), len(y.Y))
	case len(x) == 0 || len(x[0]) == 0:
		return nil, errors.New("got no training rows, or rows without features")
	}
	groups := make([][][]float64, len(y.Classes))
	for i, row := range x {
		k := y.Y[i]
		switch {
		case k < 0 || k >= len(y.Classes):
			return nil, fmt.Errorf("label of training row %d is %d, must be from 0 to %d", i, k, len(y.Classes)-1)
		case len(row) != len(x[0]):
			return nil, fmt.Errorf("training row %d has %d features, row 0 has %d", i, len(row), len(x[0]))
		}
		if j := firstBad(row); j >= 0 {
			return nil, fmt.Errorf("training row %d: feature %d (from 0) is %g, must be finite; leave the row out or repair the data", i, j, row[j])
		}
		groups[k] = append(groups[k], row)
	}
	for k, rows := range groups {
		if len(rows) == 0 {
			return nil, fmt.Errorf("class %q has no training row; record some, or leave the class out", y.Classes[k])
		}
	}
	return groups, nil
}

// solve is Σ⁻¹ times the columns of means. Features are put on one scale first, so that only their correlations decide
// whether Σ counts as singular.
func (d *LDA) solve(within *mat.SymDense, means *mat.Dense, rows int) (*mat.Dense, error) {
	p, classes := means.Dims()
	scale := make([]float64, p)
	for j := range p {
		v := within.At(j, j)
		switch {
		case math.IsInf(v, 0) || math.IsNaN(v):
			return nil, fmt.Errorf("the variance of a feature within the classes is %g: its values are too large to square in a float64; scale the features down", v)
		case v == 0:
			remedy := `leave it out, or set shrinkage to "auto"`
			if d.Shrinkage.Auto {
				remedy = "and the data ask for no shrinkage; leave it out, or set shrinkage to a number above 0, such as 0.1"
			}
			return nil, fmt.Errorf("feature %d (from 0) is the same in all training rows of each class, with shrinkage %v; %s", j, d.Shrinkage, remedy)
		}
		scale[j] = 1 / math.Sqrt(v)
	}
	scaled := mat.NewSymDense(p, nil)
	w := mat.NewDense(p, classes, nil)
	for i := range p {
		for j := i; j < p; j++ {
			scaled.SetSym(i, j, within.At(i, j)*scale[i]*scale[j])
		}
		for k := range classes {
			w.Set(i, k, means.At(i, k)*scale[i])
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(scaled) || !(chol.Cond() < maxCondition) {
		remedy := `set shrinkage to "auto" or a larger number`
		if d.Shrinkage.Auto {
			remedy = "set shrinkage to a number, such as 0.1"
		}
		return nil, fmt.Errorf("the covariance of the %d features from %d training rows is singular with shrinkage %v (features that depend on each other, or too few rows); %s, or use fewer features",
			p, rows, d.Shrinkage, remedy)
	}
	if err := chol.SolveTo(w, w); err != nil {
		return nil, err
	}
	for i := range p {
		for k := range classes {
			w.Set(i, k, w.At(i, k)*scale[i])
		}
	}
	return w, nil
}

// Predict fills dst [classes] with the probability of each class for the row x [features].
func (d *LDA) Predict(dst, x []float64) error {
	if err := d.predict(dst, x); err != nil {
		return fmt.Errorf("lda: %w", err)
	}
	return nil
}

// SetState puts back what State returned. It is called after SetClasses.
func (d *LDA) SetState(s signal.State) error {
	if err := d.setState(s); err != nil {
		return fmt.Errorf("lda: %w", err)
	}
	return nil
}
