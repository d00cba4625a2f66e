package riemann

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	features.Register("recentre", func() features.Step {
		return &Recentre{Mode: features.Incremental, Metric: Riemann, PriorWindows: 10, MaxStep: 0.05}
	})
}

// Recentre moves the covariances of every run to the identity, so that what was learned from some subjects or sessions
// fits another one: C ← R^−½·C·R^−½ (Zanini et al. 2018, doi:10.1109/TBME.2017.2742541; pyRiemann's TLCenter). The labels
// are not looked at.
//
// A training run's R is the mean of all its covariances. A new run's R is not known before its end, so with the mode
// incremental it is followed (spd.Tracker): it begins as the mean of the training runs' R, which counts as PriorWindows windows, and takes in each
// covariance before that one is mapped. So the first windows keep what they say, and no window depends on a later one. The mode run takes
// the mean of the whole new run instead, which only works offline; the mode fixed keeps the training reference.
//
// A row that is not finite or singular is an error, and R does not learn from it; so is an R with a condition number
// above 1e8.
type Recentre struct {
	Mode         features.RunMode `json:"mode" doc:"what a new run is recentred by: incremental (its windows so far, for live use), run (all its windows, also later ones: offline only) or fixed (the training reference)"`
	Metric       Metric           `json:"metric" doc:"geometry of the mean: riemann or euclid"`
	PriorWindows float64          `json:"prior_windows" doc:"how many windows the training reference counts for in a new run, above 0" only:"mode=incremental"`
	Forget       float64          `json:"forget" doc:"weight of each window in a new run's reference, above 0 and below 1, so that old ones are forgotten; 0 weights all alike" only:"mode=incremental"`
	MaxStep      float64          `json:"max_step" doc:"largest change of a new run's reference per window, as affine-invariant distance over the square root of the number of channels; 0 for no limit" only:"mode=incremental"`

	// Reference is where a new run begins [n, n], nil until fitted.
	Reference *spd.Matrix `json:"-"`

	entries int
	solver  *spd.Solver
	tracker *spd.Tracker // of the run at hand
	in, out *spd.Matrix
	still   *spd.Matrix // R^−½ of the training reference or of SetRun; nil where it is not known or followed
}

// TakesCovariances says that rows are upper triangles.
func (*Recentre) TakesCovariances() {}

// Start needs rows of n·(n+1)/2 numbers; they keep their names.
func (r *Recentre) Start(in features.Format) (features.Format, error) {
	r.entries = 0
	if err := errors.Join(r.Mode.Check(), r.options().Check()); err != nil {
		return features.Format{}, fmt.Errorf("recentre: %w", err)
	}
	n, err := matrixSize(in)
	if err != nil {
		return features.Format{}, fmt.Errorf("recentre: %w", err)
	}
	if r.Reference != nil && r.Reference.N != n {
		return features.Format{}, fmt.Errorf("recentre: was fitted on matrices of size %d, now gets %d; use the channels of the training data", r.Reference.N, n)
	}
	if r.in == nil || r.in.N != n {
		r.solver, r.in, r.out = spd.NewSolver(n), spd.NewMatrix(n), spd.NewMatrix(n)
	}
	r.entries = len(in.Names)
	return features.Format{Names: in.Names}, nil
}

func (r *Recentre) options() spd.TrackerOptions {
	return spd.TrackerOptions{Metric: spd.Metric(r.Metric), PriorWindows: r.PriorWindows, Forget: r.Forget, MaxStep: r.MaxStep}
}

// FitRuns takes as the reference of a new run the mean of the training runs' means, all runs weighing the same.
func (r *Recentre) FitRuns(runs [][][]float64) error {
	if r.entries == 0 {
		return errors.New("recentre: FitRuns before Start")
	}
	var means [][]float64
	for i, run := range runs {
		if len(run) == 0 {
			continue
		}
		if err := r.mean(run); err != nil {
			return fmt.Errorf("recentre: training run %d: %w", i, err)
		}
		row := make([]float64, r.entries)
		r.out.Pack(row)
		means = append(means, row)
	}
	ref := spd.NewMatrix(r.in.N)
	if err := r.solver.Mean(ref, means, spd.Metric(r.Metric)); err != nil {
		return fmt.Errorf("recentre: mean of %d training runs: %w", len(means), err)
	}
	return r.set(ref)
}

// mean fills r.out with the mean of a run.
func (r *Recentre) mean(run [][]float64) error {
	for i, row := range run {
		if err := checkRow(row, row, r.entries); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return r.solver.Mean(r.out, run, spd.Metric(r.Metric))
}

func (r *Recentre) set(ref *spd.Matrix) error {
	tracker, err := spd.NewTracker(ref, r.options())
	if err != nil {
		return fmt.Errorf("recentre: %w", err)
	}
	r.Reference, r.tracker, r.still = ref, tracker, nil
	if r.Mode == features.Fixed {
		r.still = spd.NewMatrix(ref.N)
		if err := r.solver.Whitener(r.still, ref); err != nil {
			return fmt.Errorf("recentre: %w", err)
		}
	}
	return nil
}

// NeedsRun says that rows can only be mapped behind SetRun.
func (r *Recentre) NeedsRun() bool { return r.Mode == features.OfRun }

// SetRun takes all rows of the run that comes, for the mode run.
func (r *Recentre) SetRun(x [][]float64) error {
	if r.Reference == nil || r.Mode != features.OfRun {
		return errors.New("recentre: SetRun before the fit, or in another mode than run")
	}
	r.still = nil
	if err := r.mean(x); err != nil {
		return fmt.Errorf("recentre: %w", err)
	}
	white := spd.NewMatrix(r.in.N)
	if err := r.solver.Whitener(white, r.out); err != nil {
		return fmt.Errorf("recentre: %w", err)
	}
	r.still = white
	return nil
}

// MapRun maps all rows of one training run by the mean of that run. The run at hand is not touched.
func (r *Recentre) MapRun(dst, x [][]float64) error {
	if r.entries == 0 {
		return errors.New("recentre: MapRun before Start")
	}
	if err := r.mean(x); err != nil {
		return fmt.Errorf("recentre: %w", err)
	}
	white := spd.NewMatrix(r.in.N)
	if err := r.solver.Whitener(white, r.out); err != nil {
		return fmt.Errorf("recentre: %w", err)
	}
	for i, row := range x {
		if err := checkRow(dst[i], row, r.entries); err != nil {
			return fmt.Errorf("recentre: row %d: %w", i, err)
		}
		r.into(dst[i], row, white)
	}
	return nil
}

func (r *Recentre) into(dst, x []float64, white *spd.Matrix) {
	r.in.Unpack(x)
	r.solver.Congruence(r.out, white, r.in)
	r.out.Pack(dst)
}

// Transform takes the covariance x into the reference of the run at hand, then fills dst with x mapped by it.
func (r *Recentre) Transform(dst, x []float64) error {
	if err := checkRow(dst, x, r.entries); err != nil {
		return fmt.Errorf("recentre: %w", err)
	}
	if r.tracker == nil {
		return errors.New("recentre: not fitted; train the pipeline or load a bundle first")
	}
	if r.Mode != features.Incremental {
		if r.still == nil {
			return errors.New("recentre: with mode run all windows of the run must be there before the first is mapped: decode a recording as a whole, or use the mode incremental")
		}
		r.into(dst, x, r.still)
		return nil
	}
	r.in.Unpack(x)
	if err := r.tracker.Update(r.in); err != nil {
		return fmt.Errorf("recentre: %w", err)
	}
	r.into(dst, x, r.tracker.White())
	return nil
}

// Reset begins a new run.
func (r *Recentre) Reset() {
	if r.tracker != nil {
		r.tracker.Reset()
	}
}

// Tracker is the reference of the run at hand, for reports; nil until fitted.
func (r *Recentre) Tracker() *spd.Tracker { return r.tracker }

// State is "reference" [n, n].
func (r *Recentre) State() signal.State {
	if r.Reference == nil {
		return nil
	}
	return signal.State{"reference": matrixArray(r.Reference)}
}

// SetState puts back what State returned. It is called after Start.
func (r *Recentre) SetState(s signal.State) error {
	if r.entries == 0 {
		return errors.New("recentre: SetState before Start")
	}
	ref, err := arrayMatrix(s, "reference", r.in.N)
	if err != nil {
		return fmt.Errorf("recentre: %w", err)
	}
	return r.set(ref)
}
