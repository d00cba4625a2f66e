// Package align holds steps that bring the windows of every run to a common spatial reference, so that what was learned
// from some subjects or sessions fits another one.
package align

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	features.Register("euclidean_alignment", func() features.Step { return newAlignment("euclidean_alignment", spd.Euclid) })
	features.Register("riemannian_alignment", func() features.Step { return newAlignment("riemannian_alignment", spd.Riemann) })
}

func newAlignment(name string, metric spd.Metric) *Alignment {
	return &Alignment{Mode: features.Incremental, Estimator: spd.OAS, PriorWindows: 10, MaxStep: 0.05, name: name, metric: metric}
}

// Alignment whitens the windows of a run by its mean covariance R: a window X becomes R^−½·X, which has no unit. Behind it
// every run has the mean covariance 1. "euclidean_alignment" takes the arithmetic mean (He and Wu 2020,
// doi:10.1109/TBME.2019.2913914), "riemannian_alignment" the Riemannian one, which is not uniformly better.
//
// A training run's R is the mean of all its windows. A new run's R is not known before its end, so with the mode incremental
// it is followed (spd.Tracker): it begins as the mean of the training runs' R, which counts as PriorWindows windows, and takes in each
// window before that one is mapped, R_i = (n0·R_prior + Σ_{j≤i} C_j)/(n0+i+1), or moves on the geodesic towards each
// covariance by 1/(n0+i+1) of the way. Without a prior, as often published, R_0 is C_0 and the first windows lose what
// they say. No window depends on a later one, and labels are not looked at. The mode run takes the mean of the whole new
// run instead, as published, which only works offline (and looks at windows that come later); the mode fixed keeps the
// training reference.
//
// Where the training windows lack dimensions (an average reference, removed components, a flat channel), all is done in
// the range that they have, so that nothing is blown up where there is no signal: dimensions with less than 1e-12 of the
// strongest one's power count as absent (spd.RankTol). A window that is not finite or all flat is an error, and R does
// not learn from it; so is an R with a condition number above 1e8.
type Alignment struct {
	Mode         features.RunMode `json:"mode" doc:"what a new run is aligned by: incremental (its windows so far, for live use), run (all its windows, also later ones: offline only) or fixed (the training reference)"`
	Estimator    spd.Estimator    `json:"estimator" doc:"how a window's covariance is estimated: oas or lwf (shrunk, never singular) or scm"`
	PriorWindows float64          `json:"prior_windows" doc:"how many windows the training reference counts for in a new run, above 0" only:"mode=incremental"`
	Forget       float64          `json:"forget" doc:"weight of each window in a new run's reference, above 0 and below 1, so that old ones are forgotten; 0 weights all alike" only:"mode=incremental"`
	MaxStep      float64          `json:"max_step" doc:"largest change of a new run's reference per window, as affine-invariant distance over the square root of the number of channels; 0 for no limit" only:"mode=incremental"`

	// Reference is where a new run begins, in the range of the training windows [rank, rank]; nil until fitted.
	Reference *spd.Matrix `json:"-"`
	// Basis is that range, one unit vector per row [rank, channels]; the identity where all dimensions are there.
	Basis [][]float64 `json:"-"`

	name    string
	metric  spd.Metric
	in      features.Format // Len 0 before Start
	solver  *spd.Solver
	covs    *spd.Covariances
	cov     *spd.Matrix
	tracker *spd.Tracker // of the run at hand
	row     []float64    // a channel of the range
	filters [][]float64  // Basisᵀ·R^−½·Basis
	half    [][]float64  // R^−½·Basis
	still   bool         // filters stay: those of the training reference, or of SetRun
	used    [2]float64   // smallest and largest shrinkage of a window since the fit; the second is 0 where there was none
}

func (a *Alignment) options() spd.TrackerOptions {
	return spd.TrackerOptions{Metric: a.metric, PriorWindows: a.PriorWindows, Forget: a.Forget, MaxStep: a.MaxStep}
}

func (a *Alignment) fail(err error) error { return fmt.Errorf("%s: %w", a.name, err) }

// Start checks the parameters. Windows keep their shape and the names of their channels, which are no electrodes any
// more.
func (a *Alignment) Start(in features.Format) (features.Format, error) {
	a.in = features.Format{}
	err := errors.Join(a.Mode.Check(), a.Estimator.Check(), a.options().Check())
	switch {
	case err != nil:
	case a.Estimator == spd.Tyler:
		err = errors.New("estimator tyler has no scale, which alignment must keep; use oas, lwf or scm")
	case in.Len < 2:
		err = fmt.Errorf("gets %v, needs windows of at least 2 samples; put it before the step that turns windows into rows", in)
	case a.Basis != nil && len(a.Basis[0]) != len(in.Names):
		err = fmt.Errorf("was fitted on %d channels, now gets %d; use the channels of the training data", len(a.Basis[0]), len(in.Names))
	}
	if err != nil {
		return features.Format{}, a.fail(err)
	}
	a.in = in
	a.row = make([]float64, in.Len)
	if a.Basis != nil {
		a.room()
		if err := a.set(a.Reference); err != nil {
			return features.Format{}, err
		}
	}
	return features.Format{Names: in.Names, Len: in.Len, Rate: in.Rate}, nil
}

// room makes what depends on the rank.
func (a *Alignment) room() {
	rank := len(a.Basis)
	a.solver, a.cov = spd.NewSolver(rank), spd.NewMatrix(rank)
	a.covs = spd.NewCovariances(rank, a.in.Len)
	a.filters, a.half = zeros(len(a.in.Names), len(a.in.Names)), zeros(rank, len(a.in.Names))
}

func zeros(rows, cols int) [][]float64 {
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, cols)
	}
	return x
}

// check reports a window of another shape, or a sample that is not finite.
func (a *Alignment) check(x [][]float64) error {
	if len(x) != len(a.in.Names) {
		return fmt.Errorf("window has %d channels, must have %d", len(x), len(a.in.Names))
	}
	for ch, row := range x {
		if len(row) != a.in.Len {
			return fmt.Errorf("window has %d samples in channel %q, must have %d", len(row), a.in.Names[ch], a.in.Len)
		}
		for t, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("sample %d of channel %q is %g, must be finite; leave the window out or repair the channel", t, a.in.Names[ch], v)
			}
		}
	}
	return nil
}

// FitRuns learns the range of the training windows, and as the reference of a new run the mean of the training runs'
// references, all runs weighing the same.
func (a *Alignment) FitRuns(runs [][][][]float64) error {
	if a.in.Len == 0 {
		return a.fail(errors.New("FitRuns before Start"))
	}
	for r, run := range runs {
		for i, x := range run {
			if err := a.check(x); err != nil {
				return a.fail(fmt.Errorf("window %d of training run %d: %w", i, r, err))
			}
		}
	}
	fitted := *a
	fitted.Reference, fitted.tracker, fitted.used = nil, nil, [2]float64{}
	if err := fitted.span(runs); err != nil {
		return a.fail(err)
	}
	fitted.room()
	var means [][]float64
	mean := spd.NewMatrix(len(fitted.Basis))
	for r, run := range runs {
		if len(run) == 0 {
			continue
		}
		if err := fitted.mean(mean, run); err != nil {
			return a.fail(fmt.Errorf("training run %d: %w", r, err))
		}
		row := make([]float64, spd.Packed(mean.N))
		mean.Pack(row)
		means = append(means, row)
	}
	if err := fitted.solver.Mean(mean, means, a.metric); err != nil {
		return a.fail(fmt.Errorf("mean of %d training runs: %w", len(means), err))
	}
	if err := fitted.set(mean); err != nil {
		return err
	}
	*a = fitted
	return nil
}

func (a *Alignment) set(ref *spd.Matrix) error {
	tracker, err := spd.NewTracker(ref, a.options())
	if err != nil {
		return a.fail(err)
	}
	a.Reference, a.tracker, a.still = ref, tracker, false
	if a.Mode == features.Fixed {
		white := spd.NewMatrix(ref.N)
		if err := a.solver.Whitener(white, ref); err != nil {
			return a.fail(err)
		}
		a.design(white)
		a.still = true
	}
	return nil
}

// NeedsRun says that windows can only be mapped behind SetRun.
func (a *Alignment) NeedsRun() bool { return a.Mode == features.OfRun }

// SetRun takes all windows of the run that comes, for the mode run.
func (a *Alignment) SetRun(x [][][]float64) error {
	if a.Reference == nil || a.Mode != features.OfRun {
		return a.fail(errors.New("SetRun before the fit, or in another mode than run"))
	}
	a.still = false
	if err := a.designRun(x); err != nil {
		return err
	}
	a.still = true
	return nil
}

// span finds the range of all windows together.
func (a *Alignment) span(runs [][][][]float64) error {
	n := len(a.in.Names)
	covs, one, sum := spd.NewCovariances(n, a.in.Len), spd.NewMatrix(n), spd.NewMatrix(n)
	for r, run := range runs {
		for i, x := range run {
			covs.Load(x)
			if _, err := covs.Estimate(one, spd.SCM); err != nil {
				return fmt.Errorf("window %d of training run %d: %w", i, r, err)
			}
			for k, v := range one.Data {
				sum.Data[k] += v
			}
		}
	}
	values, vectors := make([]float64, n), spd.NewMatrix(n)
	if err := spd.NewSolver(n).Eigen(values, vectors, sum); err != nil {
		return err
	}
	if values[n-1] <= 0 {
		return errors.New("no training windows")
	}
	absent := 0
	for values[absent] <= spd.RankTol*values[n-1] {
		absent++
	}
	a.Basis = zeros(n-absent, n)
	for i, row := range a.Basis {
		if absent == 0 {
			row[i] = 1
		} else {
			copy(row, vectors.Row(absent+i))
		}
	}
	return nil
}

// mean fills dst with the reference of a whole run.
func (a *Alignment) mean(dst *spd.Matrix, run [][][]float64) error {
	rows := zeros(len(run), spd.Packed(dst.N))
	for i, x := range run {
		if err := a.covariance(x); err != nil {
			return fmt.Errorf("window %d: %w", i, err)
		}
		a.cov.Pack(rows[i])
	}
	return a.solver.Mean(dst, rows, a.metric)
}

// covariance fills a.cov from the window x, in the range.
func (a *Alignment) covariance(x [][]float64) error {
	if len(a.Basis) == len(x) {
		a.covs.Load(x)
	} else {
		for i, u := range a.Basis {
			combine(a.row, u, x)
			a.covs.LoadRow(i, a.row)
		}
	}
	amount, err := a.covs.Estimate(a.cov, a.Estimator)
	if err != nil || amount == 0 {
		return err
	}
	if a.used[1] == 0 {
		a.used[0] = amount
	}
	a.used = [2]float64{min(a.used[0], amount), max(a.used[1], amount)}
	return nil
}

// Notes says so where the training windows do not have full rank, and how far the covariances of windows were shrunk.
func (a *Alignment) Notes() []signal.Note {
	notes := signal.RankNote(len(a.Basis), len(a.Basis), len(a.in.Names))
	if a.used[1] > 0 {
		notes = append(notes, signal.Note{Text: fmt.Sprintf("shrinkage %%s of each window's covariance (%s)", a.Estimator), Low: a.used[0], High: a.used[1]})
	}
	return notes
}

// combine fills dst with Σ_ch u[ch]·x[ch].
func combine(dst, u []float64, x [][]float64) {
	clear(dst)
	for ch, row := range x {
		floats.AddScaled(dst, u[ch], row)
	}
}

// design fills a.filters from R^−½ in the range.
func (a *Alignment) design(white *spd.Matrix) {
	for i, row := range a.half {
		combine(row, white.Row(i), a.Basis)
	}
	for ch, f := range a.filters {
		clear(f)
		for i, u := range a.Basis {
			floats.AddScaled(f, u[ch], a.half[i])
		}
	}
}

// MapRun maps all windows of one training run by the mean of that run. The run at hand is not touched.
func (a *Alignment) MapRun(dst, x [][][]float64) error {
	if a.in.Len == 0 || a.Reference == nil {
		return a.fail(errors.New("MapRun before FitRuns"))
	}
	live := a.filters
	defer func() { a.filters = live }()
	a.filters = zeros(len(live), len(live))
	if err := a.designRun(x); err != nil {
		return err
	}
	for i := range x {
		if err := a.apply(dst[i], x[i]); err != nil {
			return a.fail(fmt.Errorf("window %d: %w", i, err))
		}
	}
	return nil
}

// designRun fills the filters from the mean of a run.
func (a *Alignment) designRun(x [][][]float64) error {
	for i := range x {
		if err := a.check(x[i]); err != nil {
			return a.fail(fmt.Errorf("window %d: %w", i, err))
		}
	}
	mean := spd.NewMatrix(len(a.Basis))
	if err := a.mean(mean, x); err != nil {
		return a.fail(err)
	}
	white := spd.NewMatrix(len(a.Basis))
	if err := a.solver.Whitener(white, mean); err != nil {
		return a.fail(err)
	}
	a.design(white)
	return nil
}

func (a *Alignment) apply(dst, x [][]float64) error {
	if len(dst) != len(a.filters) {
		return fmt.Errorf("output has %d rows, must have %d", len(dst), len(a.filters))
	}
	for i, y := range dst {
		if len(y) != a.in.Len {
			return fmt.Errorf("output row %d has %d samples, must have %d", i, len(y), a.in.Len)
		}
	}
	for i, y := range dst {
		combine(y, a.filters[i], x)
	}
	return nil
}

// Map takes the window x into the reference of the run at hand, then fills dst with x mapped by it. dst must not share
// memory with x.
func (a *Alignment) Map(dst, x [][]float64) error {
	if a.in.Len == 0 {
		return a.fail(errors.New("used before Start"))
	}
	if a.tracker == nil {
		return a.fail(errors.New("not fitted; train the pipeline or load a bundle first"))
	}
	if err := a.check(x); err != nil {
		return a.fail(err)
	}
	if a.Mode != features.Incremental {
		if !a.still {
			return a.fail(errors.New("with mode run all windows of the run must be there before the first is mapped: decode a recording as a whole, or use the mode incremental"))
		}
		if err := a.apply(dst, x); err != nil {
			return a.fail(err)
		}
		return nil
	}
	if err := a.covariance(x); err != nil {
		return a.fail(err)
	}
	if err := a.tracker.Update(a.cov); err != nil {
		return a.fail(err)
	}
	a.design(a.tracker.White())
	if err := a.apply(dst, x); err != nil {
		return a.fail(err)
	}
	return nil
}

// Reset begins a new run.
func (a *Alignment) Reset() {
	if a.tracker != nil {
		a.tracker.Reset()
	}
}

// Tracker is the reference of the run at hand, for reports; nil until fitted.
func (a *Alignment) Tracker() *spd.Tracker { return a.tracker }

// State is "reference" [rank, rank] and "basis" [rank, channels].
func (a *Alignment) State() signal.State {
	if a.Reference == nil {
		return nil
	}
	ref := make([][]float64, a.Reference.N)
	for i := range ref {
		ref[i] = a.Reference.Row(i)
	}
	return signal.State{"reference": signal.Matrix(ref), "basis": signal.Matrix(a.Basis)}
}

// SetState puts back what State returned. It is called after Start.
func (a *Alignment) SetState(s signal.State) error {
	if a.in.Len == 0 {
		return a.fail(errors.New("SetState before Start"))
	}
	basis, err := s.Get("basis", -1, len(a.in.Names))
	if err != nil {
		return a.fail(err)
	}
	rank := basis.Shape[0]
	if rank < 1 || rank > len(a.in.Names) {
		return a.fail(fmt.Errorf(`array "basis" has %d rows, must have 1 to %d`, rank, len(a.in.Names)))
	}
	ref, err := s.Get("reference", rank, rank)
	if err != nil {
		return a.fail(err)
	}
	m := spd.NewMatrix(rank)
	for i := range rank {
		copy(m.Row(i), ref.Data[i*rank:(i+1)*rank])
	}
	fitted := *a
	fitted.Basis = basis.Rows()
	fitted.room()
	if err := fitted.set(m); err != nil {
		return err
	}
	*a = fitted
	return nil
}
