package kalman

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	decoders.RegisterContinuous("wiener", func() decoders.Continuous { return &Wiener{Lags: 10, Alpha: 1} })
}

// Wiener is the linear filter that reads the quantities off the last rows of features (Carmena et al. 2003,
// doi:10.1371/journal.pbio.0000042): with features z,
//
//	y_t = b + Σ_{l=0}^{lags−1} W_l·z_{t−l}
//
// fitted by ridge regression (linear.RidgeWeights) to the training rows that have all their lags within their run. In the
// first rows of a run, what lies before it counts as the training mean of the features.
type Wiener struct {
	Lags  int     `json:"lags" doc:"rows that count, the present one among them, at least 1"`
	Alpha float64 `json:"alpha" doc:"strength of the penalty on the squared weights, at least 0; 0 needs features that do not depend on each other"`

	names []string
	mean  []float64   // of the features; nil until fitted
	w     [][]float64 // [outputs][lags·features], the present row first
	b     []float64   // [outputs], for features without their mean

	past []float64 // [lags·features], a ring of rows without their mean
	next int       // where the next row goes
}

// Notes says how the weights were kept small.
func (f *Wiener) Notes() []signal.Note {
	if f.Alpha == 0 {
		return nil
	}
	return []signal.Note{{Text: "penalty on the squared weights, alpha %s", Low: f.Alpha, High: f.Alpha}}
}

// SetOutputs names the quantities. What was learned about others is forgotten.
func (f *Wiener) SetOutputs(names []string) {
	if !slices.Equal(names, f.names) {
		f.mean = nil
	}
	f.names = slices.Clone(names)
}

// Outputs is the quantities, or nil before the fit.
func (f *Wiener) Outputs() []string {
	if f.mean == nil {
		return nil
	}
	return slices.Clone(f.names)
}

// FitContinuous learns from one run; see FitRuns.
func (f *Wiener) FitContinuous(x, y [][]float64) error {
	return f.FitRuns([][][]float64{x}, [][][]float64{y})
}

// FitRuns learns from runs x [runs][rows][features] and y [runs][rows][outputs]; no lag reaches from one run into the one
// before. It is an error where rows differ in length or hold a number that is not finite, where no run is longer than the
// lags, and where alpha is 0 and the features depend on each other. What was fitted before is then kept.
func (f *Wiener) FitRuns(x, y [][][]float64) error {
	if err := f.learn(x, y); err != nil {
		return fmt.Errorf("wiener: %w", err)
	}
	return nil
}

func (f *Wiener) learn(x, y [][][]float64) error {
	if f.Lags < 1 {
		return fmt.Errorf("lags is %d, must be at least 1", f.Lags)
	}
	if err := checkRuns(x, y, f.names); err != nil {
		return err
	}
	all := centred(x)
	p := len(all.mean)
	var rows, targets [][]float64
	from := 0
	for r := range x {
		for t := f.Lags - 1; t < len(x[r]); t++ {
			row := make([]float64, 0, f.Lags*p)
			for l := range f.Lags {
				row = append(row, all.x.RawRowView(from+t-l)...)
			}
			rows, targets = append(rows, row), append(targets, y[r][t])
		}
		from += len(x[r])
	}
	if len(rows) == 0 {
		return fmt.Errorf("no run has %d rows, as many as lags; set lags lower, or record longer runs", f.Lags)
	}
	w, b, err := linear.RidgeWeights(rows, targets, f.Alpha)
	if err != nil {
		return err
	}
	f.mean, f.w, f.b = all.mean, w, b
	f.past = make([]float64, f.Lags*p)
	f.Reset()
	return nil
}

// Reset begins a new run.
func (f *Wiener) Reset() {
	clear(f.past)
	f.next = 0
}

// Predict takes in the row x [features] and fills dst [outputs]. On an error the row counts as not seen.
func (f *Wiener) Predict(dst, x []float64) error {
	if f.mean == nil {
		return errors.New("wiener: not fitted; train the pipeline or load a bundle first")
	}
	p := len(f.mean)
	if err := checkRow(dst, x, len(f.w), p); err != nil {
		return fmt.Errorf("wiener: %w", err)
	}
	for j, v := range x {
		f.past[f.next*p+j] = v - f.mean[j]
	}
	for k, w := range f.w {
		sum := f.b[k]
		for l := range f.Lags {
			at := f.next - l
			if at < 0 {
				at += f.Lags
			}
			for j, v := range f.past[at*p : (at+1)*p] {
				sum += float64(w[l*p+j] * v)
			}
		}
		dst[k] = sum
	}
	if i := slices.IndexFunc(dst, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }); i >= 0 {
		clear(f.past[f.next*p : (f.next+1)*p])
		return errors.New("wiener: the row is so far from the training rows that the estimate overflows a float64")
	}
	if f.next++; f.next == f.Lags {
		f.next = 0
	}
	return nil
}

// State is "mean" [features], "weights" [outputs, lags·features] and "offset" [outputs].
func (f *Wiener) State() signal.State {
	if f.mean == nil {
		return nil
	}
	return signal.State{
		"mean":    signal.NewArray(slices.Clone(f.mean), len(f.mean)),
		"weights": signal.Matrix(f.w),
		"offset":  signal.NewArray(slices.Clone(f.b), len(f.b)),
	}
}

// SetState puts back what State returned. It is called after SetOutputs, and begins a run.
func (f *Wiener) SetState(s signal.State) error {
	if len(f.names) == 0 {
		return errors.New("wiener: SetState without outputs, must be told them by SetOutputs before")
	}
	if f.Lags < 1 {
		return fmt.Errorf("wiener: lags is %d, must be at least 1", f.Lags)
	}
	mean, err := s.Get("mean", -1)
	if err != nil {
		return fmt.Errorf("wiener: %w", err)
	}
	w, err := s.Get("weights", len(f.names), f.Lags*len(mean.Data))
	if err != nil {
		return fmt.Errorf("wiener: %w", err)
	}
	b, err := s.Get("offset", len(f.names))
	if err != nil {
		return fmt.Errorf("wiener: %w", err)
	}
	if len(mean.Data) == 0 {
		return errors.New(`wiener: array "mean" has no features`)
	}
	f.mean, f.w, f.b = slices.Clone(mean.Data), w.Rows(), slices.Clone(b.Data)
	f.past = make([]float64, f.Lags*len(mean.Data))
	f.Reset()
	return nil
}
