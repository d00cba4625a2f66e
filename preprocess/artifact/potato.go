package artifact

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	preprocess.RegisterChecker("potato", func() preprocess.Checker {
		return &Potato{Threshold: 3, MaxIter: 100, Estimator: spd.SCM, Kinds: []signal.Kind{signal.EEG}}
	})
}

// Potato rejects windows whose covariance is too far from the centre of the training windows (Barachant, Andreev and
// Congedo 2013, "The Riemannian Potato", TOBI Workshop IV; Barthélemy et al. 2019, doi:10.1109/TNSRE.2019.2893113):
//
//	z = (ln d(Σ, centre) − mean) / deviation > threshold
//
// with the affine-invariant distance d, the Riemannian mean of the training covariances as their centre, and mean and
// deviation of ln d over them. Training windows beyond the threshold are left out and all is computed again, until
// nothing changes: pyRiemann's Potato.
//
// A window is nearer to a centre that it is itself a part of than the next window will be, the more so the more channels
// there are for the windows: of 64 channels and 90 windows nearly all new ones are then rejected. With Folds, mean and
// deviation are those of training windows that were left out of the centre, one part in turn, and new windows of the same
// kind get the z that the training windows had.
//
// The covariance must have full rank: channels that are flat or depend on others (an average reference, more channels
// than samples) need a shrinking estimator such as oas, or fewer channels. Training windows with a NaN, or whose
// covariance is singular, are left out; a window with either is rejected.
type Potato struct {
	Threshold float64       `json:"threshold" doc:"standard deviations of the log-distance above the mean that are too far, above 0"`
	MaxIter   int           `json:"max_iter" doc:"how often outliers are taken out at most, at least 1"`
	Estimator spd.Estimator `json:"estimator" doc:"of the covariance: scm, oas, lwf or tyler; a shrinking one where channels depend on one another"`
	Folds     int           `json:"folds" doc:"mean and deviation are those of training windows left out of the centre, that many parts in turn, at least 2; 0: of all windows to a centre that they are in, as pyRiemann has it"`
	Kinds     []signal.Kind `json:"kinds" doc:"kinds of channel that count: eeg, eog, ecg, emg, seeg, ecog, misc"`

	// Centre is the mean covariance [C, C] in µV²; nil until fitted.
	Centre [][]float64 `json:"-"`
	// Mean and Deviation are those of ln d over the training windows.
	Mean, Deviation float64 `json:"-"`

	info        *signal.Info
	idx         []int
	length      int
	solver      *spd.Solver
	covariances *spd.Covariances
	centre, cov *spd.Matrix
	x           [][]float64 // scratch: views
}

// Start checks the parameters.
func (p *Potato) Start(in *signal.Info, length int) error {
	p.info = nil
	switch {
	case !(p.Threshold > 0) || math.IsInf(p.Threshold, 0):
		return fmt.Errorf("potato: threshold is %g, must be above 0 and finite", p.Threshold)
	case p.Folds < 0 || p.Folds == 1:
		return fmt.Errorf("potato: folds is %d, must be 0 or at least 2", p.Folds)
	case p.MaxIter < 1:
		return fmt.Errorf("potato: max_iter is %d, must be at least 1", p.MaxIter)
	case length < 2:
		return fmt.Errorf("potato: windows of %d samples have no covariance, must have at least 2", length)
	}
	if err := p.Estimator.Check(); err != nil {
		return fmt.Errorf("potato: estimator: %w", err)
	}
	idx, err := channelsOf("potato", in, p.Kinds)
	switch {
	case err != nil:
		return err
	case p.Estimator == spd.SCM && length <= len(idx):
		return fmt.Errorf("potato: windows of %d samples have no covariance of full rank over %d channels: use a shrinking estimator (oas), longer windows or fewer channels", length, len(idx))
	case p.Centre != nil && len(p.Centre) != len(idx):
		return fmt.Errorf("potato: was fitted on %d channels, now gets %d; fit again", len(p.Centre), len(idx))
	}
	p.info, p.idx, p.length = in, idx, length
	c := len(idx)
	p.solver, p.covariances = spd.NewSolver(c), spd.NewCovariances(c, length)
	p.centre, p.cov, p.x = spd.NewMatrix(c), spd.NewMatrix(c), make([][]float64, c)
	p.place()
	return nil
}

// place brings Centre to where the distance needs it.
func (p *Potato) place() {
	for i, row := range p.Centre {
		copy(p.centre.Row(i), row)
	}
}

// covariance fills p.cov. The error says what is wrong with the window.
func (p *Potato) covariance(w signal.Window) error {
	for i, ch := range p.idx {
		x := w.X[ch]
		if len(x) != p.length {
			return fmt.Errorf("%d samples, must be %d", len(x), p.length)
		}
		if t := firstBad(x); t >= 0 {
			return fmt.Errorf("%g in %s at sample %d of the window", x[t], p.info.Channels[ch].Name, t)
		}
		p.x[i] = x
	}
	p.covariances.Load(p.x)
	_, err := p.covariances.Estimate(p.cov, p.Estimator)
	return err
}

// Check measures the distance.
func (p *Potato) Check(w signal.Window) string {
	switch {
	case p.info == nil || len(w.X) != len(p.info.Channels):
		return fmt.Sprintf("a window of %d channels, was not started for them", len(w.X))
	case p.Centre == nil:
		return "not fitted: the centre is not known yet"
	}
	z, err := p.Score(w)
	switch {
	case err != nil:
		return err.Error()
	case !(z < p.Threshold):
		return fmt.Sprintf("covariance %.3g standard deviations from the centre, at most %g", z, p.Threshold)
	}
	return ""
}

// Score is z of a window. It is an error where the window has no distance, because of a NaN or a covariance that is
// singular.
func (p *Potato) Score(w signal.Window) (float64, error) {
	if p.info == nil || p.Centre == nil {
		return 0, errors.New("potato: not fitted")
	}
	if err := p.covariance(w); err != nil {
		return 0, err
	}
	d, err := p.solver.DistanceRiemann(p.cov, p.centre)
	if err != nil {
		return 0, err
	}
	return (math.Log(d) - p.Mean) / p.Deviation, nil
}

// FitWindows finds the centre.
func (p *Potato) FitWindows(ws []signal.Window) error {
	p.Centre = nil
	if p.info == nil {
		return errors.New("potato: FitWindows before Start")
	}
	var rows [][]float64
	var why error
	for i, w := range ws {
		if len(w.X) != len(p.info.Channels) {
			return fmt.Errorf("potato: training window %d has %d channels, must have %d", i, len(w.X), len(p.info.Channels))
		}
		if err := p.usable(w); err != nil {
			why = err
			continue
		}
		row := make([]float64, spd.Packed(len(p.idx)))
		p.cov.Pack(row)
		rows = append(rows, row)
	}
	if len(rows) < 3 {
		if why != nil {
			return fmt.Errorf("potato: %d of %d training windows can be used, must be at least 3; the last that cannot: %w", len(rows), len(ws), why)
		}
		return fmt.Errorf("potato: %d training windows, must be at least 3", len(rows))
	}
	for range p.MaxIter {
		if _, err := p.solver.MeanRiemann(p.centre, rows, spd.MeanOptions{}); err != nil {
			return fmt.Errorf("potato: %w", err)
		}
		left, err := p.inside(rows)
		if err != nil {
			return fmt.Errorf("potato: %w", err)
		}
		if len(left) == len(rows) {
			break
		}
		if len(left) < 3 {
			return fmt.Errorf("potato: %d training windows are left within threshold %g, must be at least 3: choose a higher one", len(left), p.Threshold)
		}
		rows = left
	}
	if p.Folds > 0 {
		if err := p.heldOut(rows); err != nil {
			return fmt.Errorf("potato: %w", err)
		}
	}
	if !(p.Deviation > 0) || !finite(p.Mean) {
		return errors.New("potato: the training windows all have the same covariance: are the electrodes connected?")
	}
	centre := make([][]float64, len(p.idx))
	for i := range centre {
		centre[i] = append([]float64(nil), p.centre.Row(i)...)
	}
	p.Centre = centre
	return nil
}

// heldOut computes Mean and Deviation of ln d, each row's to the centre of the rows of the other folds, and puts the centre
// of all back.
func (p *Potato) heldOut(rows [][]float64) error {
	if len(rows) < 3*p.Folds {
		return fmt.Errorf("%d training windows for %d folds, must be at least 3 each: choose fewer folds", len(rows), p.Folds)
	}
	logs := make([]float64, 0, len(rows))
	for k := range p.Folds {
		from, to := k*len(rows)/p.Folds, (k+1)*len(rows)/p.Folds
		if _, err := p.solver.MeanRiemann(p.centre, slices.Concat(rows[:from], rows[to:]), spd.MeanOptions{}); err != nil {
			return err
		}
		held, err := p.logDistances(rows[from:to])
		if err != nil {
			return err
		}
		logs = append(logs, held...)
	}
	p.Mean, p.Deviation = meanAndDeviation(logs)
	_, err := p.solver.MeanRiemann(p.centre, rows, spd.MeanOptions{})
	return err
}

// usable fills p.cov with the covariance of w and says why it cannot be used.
func (p *Potato) usable(w signal.Window) error {
	if err := p.covariance(w); err != nil {
		return err
	}
	_, err := p.solver.DistanceRiemann(p.cov, p.cov)
	return err
}

// inside computes Mean and Deviation of ln d to the centre over all rows, and returns those within the threshold.
func (p *Potato) inside(rows [][]float64) ([][]float64, error) {
	logs, err := p.logDistances(rows)
	if err != nil {
		return nil, err
	}
	p.Mean, p.Deviation = meanAndDeviation(logs)
	var left [][]float64
	for i, row := range rows {
		if (logs[i]-p.Mean)/p.Deviation < p.Threshold {
			left = append(left, row)
		}
	}
	return left, nil
}

// logDistances is ln d of each row to the centre.
func (p *Potato) logDistances(rows [][]float64) ([]float64, error) {
	logs := make([]float64, len(rows))
	for i, row := range rows {
		p.cov.Unpack(row)
		d, err := p.solver.DistanceRiemann(p.cov, p.centre)
		if err != nil {
			return nil, err
		}
		logs[i] = math.Log(d)
	}
	return logs, nil
}

func meanAndDeviation(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += float64((v-mean)*(v-mean)) / float64(len(x))
	}
	return mean, math.Sqrt(deviation)
}

// State is "centre" [C, C] and "distance" [2]: mean and deviation of ln d.
func (p *Potato) State() signal.State {
	if p.Centre == nil {
		return nil
	}
	return signal.State{
		"centre":   signal.Matrix(p.Centre),
		"distance": signal.NewArray([]float64{p.Mean, p.Deviation}, 2),
	}
}

// SetState puts back what State returned.
func (p *Potato) SetState(s signal.State) error {
	if p.info == nil {
		return errors.New("potato: SetState before Start")
	}
	centre, err := s.Get("centre", len(p.idx), len(p.idx))
	if err != nil {
		return fmt.Errorf("potato: %w", err)
	}
	distance, err := s.Get("distance", 2)
	if err != nil {
		return fmt.Errorf("potato: %w", err)
	}
	p.Centre, p.Mean, p.Deviation = centre.Rows(), distance.Data[0], distance.Data[1]
	p.place()
	return nil
}
