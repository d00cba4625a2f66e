// Package rows holds steps from a row of numbers to a row.
package rows

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	features.Register("standardise", func() features.Step { return &Standardise{} })
}

// Standardise brings every number of a row to the mean 0 and the variance 1 over the training rows:
//
//	(x − m) / s,   s² = Σ (x − m)² / rows
//
// as scikit-learn's StandardScaler. Logistic regression, support vector machines and ridge regression need it where the
// numbers differ in unit or size. A number that is the same in all training rows, but for rounding, is only centred: s is
// then 1.
//
// Row in, row out, of the same length and without unit
// (https://scikit-learn.org/stable/modules/generated/sklearn.preprocessing.StandardScaler.html).
type Standardise struct {
	Mean  []float64 `json:"-"` // m, in the number's unit; nil until fitted
	Scale []float64 `json:"-"` // s, in the number's unit

	names []string // nil before Start
	still int      // numbers that did not vary in the last fit
}

// Start needs rows. The numbers keep their names.
func (s *Standardise) Start(in features.Format) (features.Format, error) {
	s.names = nil
	if in.Len != 0 || len(in.Names) == 0 {
		return features.Format{}, fmt.Errorf("standardise: gets %v, needs rows of at least one number", in)
	}
	if s.Mean != nil && len(s.Mean) != len(in.Names) {
		return features.Format{}, fmt.Errorf("standardise: was fitted to rows of %d numbers, gets %d", len(s.Mean), len(in.Names))
	}
	s.names = slices.Clone(in.Names)
	return features.Format{Names: slices.Clone(in.Names)}, nil
}

// FitRows learns mean and scale from the rows x [rows][numbers]; the labels do not matter. It is an error where rows
// differ in length or hold a number that is not finite or too large to square. What was fitted before is then kept.
func (s *Standardise) FitRows(x [][]float64, _ signal.Labels) error {
	switch {
	case s.names == nil:
		return errors.New("standardise: fitted before Start")
	case len(x) == 0:
		return errors.New("standardise: got no training rows")
	}
	p, n := len(s.names), float64(len(x))
	mean, scale, still := make([]float64, p), make([]float64, p), 0
	for i, row := range x {
		if len(row) != p {
			return fmt.Errorf("standardise: training row %d has %d numbers, must have %d", i, len(row), p)
		}
		for j, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("standardise: training row %d: %s is %g, must be finite; leave the row out or repair the data", i, s.names[j], v)
			}
			mean[j] += (v - x[0][j]) / n // measured from the first row: a constant gives exactly 0
		}
	}
	for j := range p {
		mean[j] += x[0][j]
		power := 0.0
		for _, row := range x {
			power += (row[j] - mean[j]) * (row[j] - mean[j]) / n
		}
		if math.IsInf(power, 0) || math.IsNaN(power) {
			return fmt.Errorf("standardise: the variance of %s is %g: its values are too large to square in a float64; scale it down", s.names[j], power)
		}
		// The bound of rounding is that of Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115.
		const eps = 0x1p-52
		scale[j] = 1
		if rounding := n * mean[j] * eps; power > n*eps*power+rounding*rounding {
			scale[j] = math.Sqrt(power)
		} else {
			still++
		}
	}
	s.Mean, s.Scale, s.still = mean, scale, still
	return nil
}

// Transform fills dst [numbers] from x [numbers].
func (s *Standardise) Transform(dst, x []float64) error {
	switch {
	case s.names == nil:
		return errors.New("standardise: used before Start")
	case s.Mean == nil:
		return errors.New("standardise: not fitted; train the pipeline or load a bundle first")
	case len(x) != len(s.Mean):
		return fmt.Errorf("standardise: row has %d numbers, must have %d", len(x), len(s.Mean))
	case len(dst) != len(s.Mean):
		return fmt.Errorf("standardise: output has %d numbers, must have %d", len(dst), len(s.Mean))
	}
	for j, v := range x {
		dst[j] = (v - s.Mean[j]) / s.Scale[j]
	}
	return nil
}

// Notes says so where numbers are the same in all training rows.
func (s *Standardise) Notes() []signal.Note {
	if s.still == 0 {
		return nil
	}
	return []signal.Note{{Text: fmt.Sprintf("%%s of %d numbers never vary in the training rows: only centred", len(s.Mean)), Low: float64(s.still), High: float64(s.still)}}
}

// State is "mean" [numbers] and "scale" [numbers].
func (s *Standardise) State() signal.State {
	if s.Mean == nil {
		return nil
	}
	return signal.State{
		"mean":  signal.NewArray(slices.Clone(s.Mean), len(s.Mean)),
		"scale": signal.NewArray(slices.Clone(s.Scale), len(s.Scale)),
	}
}

// SetState puts back what State returned. It is called after Start.
func (s *Standardise) SetState(state signal.State) error {
	if s.names == nil {
		return errors.New("standardise: SetState before Start")
	}
	mean, err := state.Get("mean", len(s.names))
	if err != nil {
		return fmt.Errorf("standardise: %w", err)
	}
	scale, err := state.Get("scale", len(s.names))
	if err != nil {
		return fmt.Errorf("standardise: %w", err)
	}
	for j, v := range scale.Data {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("standardise: scale of %s is %g, must be above 0 and finite", s.names[j], v)
		}
	}
	s.Mean, s.Scale, s.still = slices.Clone(mean.Data), slices.Clone(scale.Data), 0
	return nil
}
