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
	decoders.Register("svm", func() decoders.Fitter {
		return &SVM{Kernel: RBF, C: 1, Gamma: Gamma{Rule: GammaScale}, Tol: 1e-3}
	})
}

// maxSVMRows bounds the memory of a fit: the kernel of all pairs of rows of two classes is kept, 8·rows² bytes.
const maxSVMRows = 20000

// SVM is a support vector machine with soft margin (Cortes and Vapnik 1995, doi:10.1007/BF00994018), one against one, as
// libsvm and scikit-learn's SVC. For each pair of classes the decision value is
//
//	f(x) = Σ_i α_i s_i k(x_i, x) + b,   s_i = +1 for rows of the first class, −1 for those of the second
//
// with α of the dual problem, 0 ≤ α_i ≤ c, solved by sequential minimal optimisation with working sets by second-order
// information (Fan, Chen and Lin 2005, jmlr.org/papers/v6/fan05a.html).
//
// The scores are probabilities: for every pair a sigmoid 1/(1+exp(A·f+B)) (Platt 1999; Lin, Lin and Weng 2007,
// doi:10.1007/s10994-007-5018-6), fitted to decision values of a 5-fold cross-validation over blocks of rows, and the
// pairs coupled to one distribution (Wu, Lin and Weng 2004, jmlr.org/papers/v5/wu04a.html, second method). The blocks
// follow the order of the rows, so that nothing is random (libsvm draws its folds). The most probable class can differ from
// the one that most pairs vote for.
//
// Put the features on one scale first (step "standardise"): both kernels depend on it.
type SVM struct {
	Kernel Kernel  `json:"kernel" doc:"similarity of rows: linear, or rbf (exp(-gamma*squared distance))"`
	C      float64 `json:"c" doc:"weight of training rows within the margin, above 0; small values give a wider margin"`
	Gamma  Gamma   `json:"gamma" doc:"width of the kernel rbf: scale (1/(features*variance)), auto (1/features) or a number above 0" only:"kernel=rbf"`
	Tol    float64 `json:"tol" doc:"largest violation of the optimality conditions at which the fit stops, between 0 and 1; 1e-3 as libsvm"`

	fit  *machines
	work coupling

	classes []string
}

// machines is what an SVM has learned: one machine for each pair of classes, (0,1), (0,2) … (1,2) ….
type machines struct {
	gamma   float64     // 0 for the kernel linear
	support [][]float64 // rows [vectors][features]; for the kernel linear one weight vector per pair
	dual    [][]float64 // [pairs][vectors], α·s; nil for the kernel linear
	bias    []float64   // [pairs]
	sigmoid [][]float64 // [pairs][2], A and B
}

// Outputs is the classes, or nil before the fit.
func (d *SVM) Outputs() []string {
	if d.fit == nil {
		return nil
	}
	return slices.Clone(d.classes)
}

// SetClasses tells the classes before SetState. What was learned about other classes is forgotten.
func (d *SVM) SetClasses(classes []string) {
	if !slices.Equal(classes, d.classes) {
		d.fit = nil
	}
	d.classes = slices.Clone(classes)
}

func (d *SVM) check() error {
	err := d.Kernel.check()
	switch {
	case err != nil:
		return err
	case !(d.C > 0) || math.IsInf(d.C, 0):
		return fmt.Errorf("c is %g, must be above 0 and finite", d.C)
	case !(d.Tol > 0 && d.Tol < 1):
		return fmt.Errorf("tol is %g, must be between 0 and 1", d.Tol)
	}
	return nil
}

// Notes says how the weights were kept small.
func (d *SVM) Notes() []signal.Note {
	return []signal.Note{{Text: "C %s", Low: d.C, High: d.C}}
}

// Fit learns from the rows x [rows][features]. It is an error where rows differ in length or hold a number that is not
// finite, where a class has fewer than 2 rows, where there are fewer than 2 classes or more than 20000 rows of two
// classes, and where the fit does not converge. What was fitted before is then kept.
func (d *SVM) Fit(x [][]float64, y signal.Labels) error {
	m, err := d.learn(x, y)
	if err != nil {
		return fmt.Errorf("svm: %w", err)
	}
	d.classes = slices.Clone(y.Classes)
	d.set(m)
	return nil
}

func (d *SVM) learn(x [][]float64, y signal.Labels) (*machines, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	groups, err := byClass(x, y)
	if err != nil {
		return nil, err
	}
	for k, rows := range groups {
		if len(rows) < 2 {
			return nil, fmt.Errorf("class %q has one training row, must have at least 2, for probabilities; record more", y.Classes[k])
		}
	}
	m := &machines{}
	if d.Kernel == RBF {
		if m.gamma, err = d.Gamma.of(x); err != nil {
			return nil, err
		}
	}
	var all []machine
	for a := range groups {
		for b := a + 1; b < len(groups); b++ {
			if n := len(groups[a]) + len(groups[b]); n > maxSVMRows {
				return nil, fmt.Errorf("classes %q and %q have %d training rows, at most %d fit into memory; use fewer, or the decoder \"logistic\"", y.Classes[a], y.Classes[b], n, maxSVMRows)
			}
			p := newPair(groups[a], groups[b], m.gamma)
			one, err := p.solve(d.C, d.Tol)
			if err != nil {
				return nil, fmt.Errorf("classes %q and %q: %w", y.Classes[a], y.Classes[b], err)
			}
			s, err := p.platt(d.C, d.Tol)
			if err != nil {
				return nil, fmt.Errorf("classes %q and %q: %w", y.Classes[a], y.Classes[b], err)
			}
			all = append(all, one)
			m.bias, m.sigmoid = append(m.bias, one.bias), append(m.sigmoid, s)
		}
	}
	m.collect(groups, all)
	return m, nil
}

// collect turns the α of all pairs into what Predict needs.
func (m *machines) collect(groups [][][]float64, all []machine) {
	p := len(groups[0][0])
	if m.gamma == 0 {
		m.support = matrix(len(all), p)
	}
	number := map[*float64]int{} // of a support vector, by where its row lies
	var columns [][]float64      // [vectors][pairs]
	pair := 0
	for a := range groups {
		for b := a + 1; b < len(groups); b++ {
			for i, alpha := range all[pair].alpha {
				if alpha == 0 {
					continue
				}
				rows, at, sign := groups[a], i, 1.0
				if i >= len(groups[a]) {
					rows, at, sign = groups[b], i-len(groups[a]), -1
				}
				row := rows[at]
				if m.gamma == 0 {
					for j, v := range row {
						m.support[pair][j] += sign * alpha * v
					}
					continue
				}
				v, known := number[&row[0]]
				if !known {
					v = len(m.support)
					number[&row[0]] = v
					m.support, columns = append(m.support, slices.Clone(row)), append(columns, make([]float64, len(all)))
				}
				columns[v][pair] += sign * alpha
			}
			pair++
		}
	}
	if m.gamma == 0 {
		return
	}
	m.dual = matrix(len(all), len(m.support))
	for v, c := range columns {
		for pair := range c {
			m.dual[pair][v] = c[pair]
		}
	}
}

// set takes over what was learned, and the memory that Predict needs.
func (d *SVM) set(m *machines) {
	d.fit = m
	d.work = newCoupling(len(d.classes), len(m.support))
}

// Decision fills dst [classes·(classes−1)/2] with the decision values of the row x, above 0 for the first class of the
// pairs (0,1), (0,2) … (1,2) …. scikit-learn's have the other sign where there are two classes.
func (d *SVM) Decision(dst, x []float64) error {
	if d.fit == nil {
		return fmt.Errorf("svm: %w", errNotFitted)
	}
	if err := checkRow(dst, x, len(d.fit.bias), len(d.fit.support[0])); err != nil {
		return fmt.Errorf("svm: %w", err)
	}
	d.decide(dst, x)
	return nil
}

func (d *SVM) decide(dst, x []float64) {
	m := d.fit
	copy(dst, m.bias)
	if m.gamma == 0 {
		for pair, w := range m.support {
			for j, v := range x {
				dst[pair] += w[j] * v
			}
		}
		return
	}
	for v, row := range m.support {
		d.work.kernel[v] = math.Exp(-m.gamma * distance2(row, x))
	}
	for pair, dual := range m.dual {
		for v, k := range d.work.kernel {
			dst[pair] += dual[v] * k
		}
	}
}

// Predict fills dst [classes] with the probability of each class for the row x [features].
func (d *SVM) Predict(dst, x []float64) error {
	if d.fit == nil {
		return fmt.Errorf("svm: %w", errNotFitted)
	}
	if err := checkRow(dst, x, len(d.classes), len(d.fit.support[0])); err != nil {
		return fmt.Errorf("svm: %w", err)
	}
	d.decide(d.work.decision, x)
	for pair, f := range d.work.decision {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return errors.New("svm: the row is so far from the training rows that its decision values overflow a float64")
		}
		d.work.pairs[pair] = sigmoid(d.fit.sigmoid[pair], f)
	}
	d.work.couple(dst)
	return nil
}

// State is "gamma" [1], "support" [vectors, features], "dual" [pairs, vectors] (empty for the kernel linear), "bias"
// [pairs] and "sigmoid" [pairs, 2].
func (d *SVM) State() signal.State {
	if d.fit == nil {
		return nil
	}
	m := d.fit
	dual := signal.NewArray(nil, len(m.bias), 0)
	if m.gamma > 0 {
		dual = signal.Matrix(m.dual)
	}
	return signal.State{
		"gamma": signal.NewArray([]float64{m.gamma}, 1), "support": signal.Matrix(m.support), "dual": dual,
		"bias": signal.NewArray(slices.Clone(m.bias), len(m.bias)), "sigmoid": signal.Matrix(m.sigmoid),
	}
}

// SetState puts back what State returned. It is called after SetClasses.
func (d *SVM) SetState(s signal.State) error {
	m, err := restoreMachines(s, d.classes)
	if err != nil {
		return fmt.Errorf("svm: %w", err)
	}
	d.set(m)
	return nil
}

func restoreMachines(s signal.State, classes []string) (*machines, error) {
	if err := needClasses(classes); err != nil {
		return nil, err
	}
	pairs := len(classes) * (len(classes) - 1) / 2
	gamma, err := s.Get("gamma", 1)
	if err != nil {
		return nil, err
	}
	support, err := s.Get("support", -1, -1)
	if err != nil {
		return nil, err
	}
	vectors, features := support.Shape[0], support.Shape[1]
	columns := vectors
	switch linear := gamma.Data[0] == 0; {
	case !(gamma.Data[0] >= 0):
		return nil, fmt.Errorf(`array "gamma" is %g, must be at least 0`, gamma.Data[0])
	case features == 0 || vectors == 0:
		return nil, fmt.Errorf(`array "support" has shape %v, must have vectors and features`, support.Shape)
	case linear && vectors != pairs:
		return nil, fmt.Errorf(`array "support" has shape %v, must have %d rows, one for each pair of classes`, support.Shape, pairs)
	case linear:
		columns = 0
	}
	dual, err := s.Get("dual", pairs, columns)
	if err != nil {
		return nil, err
	}
	bias, err := s.Get("bias", pairs)
	if err != nil {
		return nil, err
	}
	sig, err := s.Get("sigmoid", pairs, 2)
	if err != nil {
		return nil, err
	}
	return &machines{gamma: gamma.Data[0], support: support.Rows(), dual: dual.Rows(), bias: slices.Clone(bias.Data), sigmoid: sig.Rows()}, nil
}
