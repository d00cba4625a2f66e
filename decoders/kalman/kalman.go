// Package kalman holds continuous decoders, which follow a quantity such as the velocity of a cursor from row to row: the
// Kalman filter and the Wiener filter, and the correction by intention that ReFIT trains with.
package kalman

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
	decoders.RegisterContinuous("kalman", func() decoders.Continuous { return &Filter{} })
}

// Filter is the Kalman filter for neural decoding (Wu et al. 2006, doi:10.1162/089976606774841585). The quantities y, such
// as the velocity, are the hidden state and the features z are what is observed, both without their training means:
//
//	y_t = A·y_{t−1} + w,   w ~ N(0, W)
//	z_t = H·y_t + q,       q ~ N(0, Q)
//
// A, W, H and Q are the least-squares estimates from the training rows; W and Q are the mean squares of what is left. A
// run begins with the training covariance of y around its mean.
//
// The gain is computed as P·HᵀQ⁻¹, P = (I + P⁻·HᵀQ⁻¹H)⁻¹·P⁻, which costs outputs·features operations per row, and copes
// with quantities without noise (W singular), such as a position that is the sum of a velocity. Features that depend on
// each other, or fewer rows than features, make Q singular: an error, with shrinkage as the remedy.
type Filter struct {
	SteadyState bool    `json:"steady_state" doc:"true: always use the gain that the filter settles at, which it otherwise reaches within some seconds"`
	Shrinkage   float64 `json:"shrinkage" doc:"how far the noise of the features is taken for independent, from 0 (as measured) to 1 (independent); needed with more features than rows"`

	names []string
	model *model

	y, prior, rate []float64 // running state: estimate, workspace
	p, pp, work    []float64 // [outputs²], covariance and workspace
	shift          []float64 // what HᵀQ⁻¹·z must lose for quantities that are known; nil where none is
	started        bool
}

// model is what has been learned. Matrices are in row-major order; d is the number of outputs, f that of features.
type model struct {
	d, f       int
	xm, ym     []float64 // means of features and quantities
	a, w       []float64 // [d, d]
	start      []float64 // [d, d], covariance of the quantities
	info       []float64 // [d, f], HᵀQ⁻¹
	precision  []float64 // [d, d], HᵀQ⁻¹H
	steadyGain []float64 // [d, d], P at rest; nil where it is not used
}

// Notes says how far the noise of the features was shrunk.
func (k *Filter) Notes() []signal.Note { return shrinkage(k.Shrinkage) }

func shrinkage(s float64) []signal.Note {
	if s == 0 {
		return nil
	}
	return []signal.Note{{Text: "shrinkage %s of the correlations in the noise of the features (fixed)", Low: s, High: s}}
}

// SetOutputs names the quantities. What was learned about others is forgotten.
func (k *Filter) SetOutputs(names []string) {
	if !slices.Equal(names, k.names) {
		k.model = nil
	}
	k.names = slices.Clone(names)
}

// Outputs is the quantities, or nil before the fit.
func (k *Filter) Outputs() []string {
	if k.model == nil {
		return nil
	}
	return slices.Clone(k.names)
}

// FitContinuous learns from one run; see FitRuns.
func (k *Filter) FitContinuous(x, y [][]float64) error {
	return k.FitRuns([][][]float64{x}, [][][]float64{y})
}

// FitRuns learns from runs x [runs][rows][features] and y [runs][rows][outputs]; no transition is taken from one run to
// the next. It is an error where rows differ in length or hold a number that is not finite, where a quantity does not
// vary or depends on the others, and where Q is singular. What was fitted before is then kept.
func (k *Filter) FitRuns(x, y [][][]float64) error {
	m, err := k.learn(x, y)
	if err != nil {
		return fmt.Errorf("kalman: %w", err)
	}
	k.set(m)
	return nil
}

// checkRuns checks each run, and that all have features alike.
func checkRuns(x, y [][][]float64, names []string) error {
	if len(x) != len(y) || len(x) == 0 {
		return fmt.Errorf("got %d runs of features and %d of quantities, must be as many, at least one", len(x), len(y))
	}
	for r := range x {
		if err := decoders.CheckContinuous(x[r], y[r], names); err != nil {
			return fmt.Errorf("run %d: %w", r, err)
		}
		if len(x[r][0]) != len(x[0][0]) {
			return fmt.Errorf("run %d has %d features, run 0 has %d", r, len(x[r][0]), len(x[0][0]))
		}
	}
	return nil
}

func (k *Filter) learn(x, y [][][]float64) (*model, error) {
	if !(k.Shrinkage >= 0 && k.Shrinkage <= 1) {
		return nil, fmt.Errorf("shrinkage is %g, must be from 0 to 1", k.Shrinkage)
	}
	if err := checkRuns(x, y, k.names); err != nil {
		return nil, err
	}
	m := &model{d: len(k.names), f: len(x[0][0])}
	all, quantities := centred(x), centred(y)
	m.xm, m.ym = all.mean, quantities.mean
	rows, steps := float64(all.rows), float64(all.rows-len(x))
	if steps < float64(m.d)+1 {
		return nil, fmt.Errorf("the runs have %d rows in all, too few to learn how %d quantities change; record more", all.rows, m.d)
	}

	// yy is Σ y·yᵀ over all rows, before and after over the steps within runs.
	var yy, yz, zz, before, cross, after mat.Dense
	outer(&yy, quantities.x, quantities.x)
	outer(&yz, quantities.x, all.x)
	outer(&zz, all.x, all.x)
	first, second := quantities.steps()
	outer(&before, first, first)
	outer(&cross, second, first)
	outer(&after, second, second)
	a, err := regress(&cross, &before, k.names)
	if err != nil {
		return nil, err
	}
	h, err := regress(mat.DenseCopyOf(yz.T()), &yy, k.names)
	if err != nil {
		return nil, err
	}
	m.a, m.w = data(a), residual(&after, &cross, a, steps)
	yy.Scale(1/rows, &yy)
	m.start = data(&yy)
	q := mat.NewDense(m.f, m.f, residual(&zz, mat.DenseCopyOf(yz.T()), h, rows))
	if err := k.observe(m, h, q); err != nil {
		return nil, err
	}
	return m, m.settle(k.SteadyState)
}

// observe fills in HᵀQ⁻¹ and HᵀQ⁻¹H. Features are put on one scale first, so that only their correlations decide whether
// Q counts as singular.
func (k *Filter) observe(m *model, h, q *mat.Dense) error {
	scale := make([]float64, m.f)
	for j := range scale {
		v := q.At(j, j)
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("what the quantities leave unexplained of feature %d (from 0) has the variance %g, must be above 0 and finite: the feature is constant, follows from the quantities, or is too large to square; leave it out", j, v)
		}
		scale[j] = 1 / math.Sqrt(v)
	}
	sym := mat.NewSymDense(m.f, nil)
	hs := mat.NewDense(m.f, m.d, nil)
	for i := range m.f {
		for j := i; j < m.f; j++ {
			c := q.At(i, j) * scale[i] * scale[j]
			if i != j {
				c *= 1 - k.Shrinkage
			}
			sym.SetSym(i, j, c)
		}
		for c := range m.d {
			hs.Set(i, c, h.At(i, c)*scale[i])
		}
	}
	const maxCondition = 1e12
	var chol mat.Cholesky
	if !chol.Factorize(sym) || !(chol.Cond() < maxCondition) {
		return fmt.Errorf("the noise of the %d features is singular with shrinkage %g (features that depend on each other, or too few rows); set shrinkage higher, such as 0.1, or use fewer features", m.f, k.Shrinkage)
	}
	var solved, precision mat.Dense
	if err := chol.SolveTo(&solved, hs); err != nil {
		return err
	}
	precision.Mul(hs.T(), &solved)
	m.precision = data(&precision)
	m.info = make([]float64, m.d*m.f)
	for c := range m.d {
		for j := range m.f {
			m.info[c*m.f+j] = solved.At(j, c) * scale[j]
		}
	}
	return nil
}

// set takes over what was learned, and begins a run.
func (k *Filter) set(m *model) {
	k.model = m
	k.y, k.prior, k.rate = make([]float64, m.d), make([]float64, m.d), make([]float64, m.d)
	k.p, k.pp, k.work = make([]float64, m.d*m.d), make([]float64, m.d*m.d), make([]float64, m.d*m.d)
	k.Reset()
}

// Reset begins a new run: the estimate is the mean of the training rows, as uncertain as they vary.
func (k *Filter) Reset() {
	k.started = false
	clear(k.y)
}

// Predict takes in the row x [features] and fills dst [outputs] with the estimate of the quantities at its time. On an
// error the row counts as not seen.
func (k *Filter) Predict(dst, x []float64) error {
	m := k.model
	if m == nil {
		return errors.New("kalman: not fitted; train the pipeline or load a bundle first")
	}
	if err := checkRow(dst, x, m.d, m.f); err != nil {
		return fmt.Errorf("kalman: %w", err)
	}
	d := m.d
	for i := range d { // HᵀQ⁻¹·z
		sum := 0.0
		for j, v := range m.info[i*m.f : (i+1)*m.f] {
			sum += float64(v * (x[j] - m.xm[j]))
		}
		if math.IsNaN(sum) || math.IsInf(sum, 0) {
			return errors.New("kalman: the row is so far from the training rows that the estimate overflows a float64")
		}
		k.rate[i] = sum
		if k.shift != nil {
			k.rate[i] -= k.shift[i]
		}
	}
	if k.started {
		for i := range d {
			k.prior[i] = 0
			for j := range d {
				k.prior[i] += float64(m.a[i*d+j] * k.y[j])
			}
		}
		if m.steadyGain == nil {
			m.advance(k.pp, k.p, k.work)
		}
	} else {
		clear(k.prior)
		copy(k.pp, m.start)
		k.started = true
	}
	p := m.steadyGain
	if p == nil {
		m.update(k.p, k.pp, k.work)
		p = k.p
	}
	for i := range d {
		for j := range d {
			k.rate[i] -= float64(m.precision[i*d+j] * k.prior[j])
		}
	}
	for i := range d {
		sum := k.prior[i]
		for j := range d {
			sum += float64(p[i*d+j] * k.rate[j])
		}
		k.y[i] = sum
		dst[i] = sum + m.ym[i]
	}
	return nil
}

// checkRow checks what Predict is given.
func checkRow(dst, x []float64, outputs, features int) error {
	switch {
	case len(dst) != outputs:
		return fmt.Errorf("output has %d numbers, must have %d", len(dst), outputs)
	case len(x) != features:
		return fmt.Errorf("row has %d features, must have %d", len(x), features)
	}
	for j, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("feature %d (from 0) is %g, must be finite", j, v)
		}
	}
	return nil
}

// State is, with d outputs and f features, "feature_mean" [f], "output_mean" [d], "transition" A [d, d], "drift" W [d, d],
// "start" [d, d], "information" HᵀQ⁻¹ [d, f] and "precision" HᵀQ⁻¹H [d, d].
func (k *Filter) State() signal.State {
	m := k.model
	if m == nil {
		return nil
	}
	matrix := func(x []float64, cols int) signal.Array { return signal.NewArray(slices.Clone(x), m.d, cols) }
	return signal.State{
		"feature_mean": signal.NewArray(slices.Clone(m.xm), m.f), "output_mean": signal.NewArray(slices.Clone(m.ym), m.d),
		"transition": matrix(m.a, m.d), "drift": matrix(m.w, m.d), "start": matrix(m.start, m.d),
		"information": matrix(m.info, m.f), "precision": matrix(m.precision, m.d),
	}
}

// SetState puts back what State returned. It is called after SetOutputs, and begins a run.
func (k *Filter) SetState(s signal.State) error {
	d := len(k.names)
	if d == 0 {
		return errors.New("kalman: SetState without outputs, must be told them by SetOutputs before")
	}
	m := &model{d: d}
	info, err := s.Get("information", d, -1)
	if err != nil {
		return fmt.Errorf("kalman: %w", err)
	}
	if m.f = info.Shape[1]; m.f == 0 {
		return errors.New(`kalman: array "information" has no features`)
	}
	m.info = slices.Clone(info.Data)
	for name, part := range map[string]struct {
		to    *[]float64
		shape []int
	}{
		"feature_mean": {&m.xm, []int{m.f}}, "output_mean": {&m.ym, []int{d}}, "transition": {&m.a, []int{d, d}},
		"drift": {&m.w, []int{d, d}}, "start": {&m.start, []int{d, d}}, "precision": {&m.precision, []int{d, d}},
	} {
		a, err := s.Get(name, part.shape...)
		if err != nil {
			return fmt.Errorf("kalman: %w", err)
		}
		*part.to = slices.Clone(a.Data)
	}
	if err := m.settle(k.SteadyState); err != nil {
		return fmt.Errorf("kalman: %w", err)
	}
	k.set(m)
	return nil
}
