// Package csp holds common spatial patterns: spatial filters that make the power of two classes differ most.
package csp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	features.Register("csp", func() features.Step {
		return &CSP{Components: 6, Method: OneVersusRest, CovEst: PerWindow, Regularise: Unregularised}
	})
}

// CSP maps a window [channels, samples] to CSP space [filters, samples]; time is kept, the unit is that of a variable
// with variance around 1 (Ramoser, Müller-Gerking and Pfurtscheller 2000, doi:10.1109/86.895946; Blankertz et al. 2008,
// doi:10.1109/MSP.2008.4408441).
//
// Σ_k is the mean over the training windows of class k of the window's covariance (each channel without its mean,
// divided by the number of samples), Σ_¬k the same over all other windows. The filters solve
//
//	Σ_k w = λ (Σ_k + Σ_¬k) w,   wᵀ (Σ_k + Σ_¬k) w = 1
//
// and the Components with the largest |λ − 1/2| are kept, in this order. With two classes that is done once, for
// the first class against the second; with more, once per class against the rest, and the filters are stacked
// class by class: Components × classes rows. The same filters are applied to every window, whatever its class.
//
// Method "ajd" finds one set of filters for more than two classes instead, by approximate joint diagonalisation of all
// Σ_k (Pham 2001, doi:10.1137/S089547980035689X), scaled to wᵀ Σ w = 1 for the mean Σ of the classes. The Components with
// the largest mutual information with the class are kept, in this order; it is estimated as in Grosse-Wentrup and Buss
// 2008 (doi:10.1109/TBME.2008.921154), an expansion for small differences between classes: a filter whose output has
// nine times the power in one of four classes already gets a value below 0, behind filters without information. So
// "ajd" is for weak effects, as in imagined movement; compare it with "ovr". With two classes both are the same.
//
// Data need not have full rank: filters are sought within the range of Σ_k + Σ_¬k, so an average reference, a removed
// component or a flat channel does no harm. Directions whose power is below 1e-12 of the strongest one's count as
// absent (spd.RankTol).
//
// With Shrinkage s, every covariance becomes (1−s)·Σ + s·(trace Σ / r)·P, where P projects on the r dimensions that
// the data have. For data of full rank P is the identity. Shrinking towards the identity of rank-deficient data, as is
// common, would put power where there is no signal, and a filter could end up there. Regularise takes s from the data
// instead: of every window (CovEst "epoch") or of all windows of a class, or of the rest, joined ("concat"), as
// mne.decoding.CSP does with reg and cov_est. Without Regularise both estimates agree up to a factor n/(n−1), which
// "concat" has for the n samples of each class; for "ajd" a class counts by the number of its windows with "epoch", and
// as one of equals with "concat".
type CSP struct {
	Components int     `json:"components" doc:"number of spatial filters: in total for two classes, for each class when there are more; 1 up to the rank of the data"`
	Shrinkage  float64 `json:"shrinkage" doc:"how far covariances are drawn towards a multiple of the identity, 0 (not at all) up to, not including, 1"`

	Method     Method     `json:"method" doc:"with more than two classes: ovr (each class against the rest, components of each) or ajd (one joint diagonalisation, components in total)"`
	CovEst     CovEst     `json:"cov_est" doc:"covariance of a class: epoch (mean of its windows' covariances) or concat (of its windows joined)"`
	Regularise Regularise `json:"regularise" doc:"shrinkage taken from the data: none, ledoit_wolf or oas; not together with shrinkage"`

	// Filters is one filter per row [filters, channels] in 1/µV, nil until fitted.
	Filters [][]float64 `json:"-"`
	// Eigenvalues is λ of each filter: the part of the filtered power that the row's class has, 0 to 1. With joint
	// diagonalisation it is the estimate of the mutual information with the class, in nats.
	Eigenvalues []float64 `json:"-"`

	classes []string
	in      features.Format
	rank    [2]int     // of the covariances that the last fit solved, smallest and largest
	amounts [2]float64 // of automatic shrinkage in the last fit, smallest and largest
}

// SetClasses tells the classes, in the order of the labels to come. Filters of other classes are forgotten.
func (c *CSP) SetClasses(classes []string) {
	if !slices.Equal(classes, c.classes) {
		c.Filters, c.Eigenvalues = nil, nil
	}
	c.classes = slices.Clone(classes)
}

// Start checks the parameters. What comes out has the channels "csp1", "csp2", … with two classes, and
// "<class>.csp1", … with more.
func (c *CSP) Start(in features.Format) (features.Format, error) {
	c.in = features.Format{}
	if err := c.checkParams(); err != nil {
		return features.Format{}, fmt.Errorf("csp: %w", err)
	}
	chs := len(in.Names)
	switch {
	case in.Len < 2:
		return features.Format{}, fmt.Errorf("csp: gets %v, needs windows of at least 2 samples; put it before the step that turns windows into rows", in)
	case len(c.classes) < 2:
		return features.Format{}, fmt.Errorf("csp: needs at least 2 classes to tell apart, got %d %q; name them among the events", len(c.classes), c.classes)
	case c.Components > chs:
		return features.Format{}, fmt.Errorf("csp: components is %d, but there are only %d channels; set components to at most %d", c.Components, chs, chs)
	case c.Filters != nil && len(c.Filters[0]) != chs:
		return features.Format{}, fmt.Errorf("csp: was fitted on %d channels, now gets %d; use the channels of the training data", len(c.Filters[0]), chs)
	case c.Filters != nil && len(c.Filters) != c.rows():
		return features.Format{}, fmt.Errorf("csp: was fitted with %d filters, components now asks for %d; fit again", len(c.Filters), c.rows())
	}
	c.in = in
	return features.Format{Names: c.names(), Len: in.Len, Rate: in.Rate}, nil
}

// joint says whether one set of filters serves all classes.
func (c *CSP) joint() bool { return c.Method == JointDiagonalisation && len(c.classes) > 2 }

// rows is the number of filters.
func (c *CSP) rows() int {
	if len(c.classes) == 2 || c.joint() {
		return c.Components
	}
	return c.Components * len(c.classes)
}

func (c *CSP) names() []string {
	names := make([]string, c.rows())
	for i := range names {
		names[i] = fmt.Sprintf("csp%d", i%c.Components+1)
		if len(names) > c.Components {
			names[i] = c.classes[i/c.Components] + "." + names[i]
		}
	}
	return names
}

// Map fills dst [filters, samples] with the filtered window x [channels, samples]. dst must not share memory with x.
// Each output sample depends on the samples of that moment only, so a NaN spreads over the filters but not over time.
func (c *CSP) Map(dst, x [][]float64) error {
	switch {
	case c.in.Len == 0:
		return errors.New("csp: used before Start")
	case c.Filters == nil:
		return errors.New("csp: not fitted; train the pipeline or load a bundle first")
	case len(dst) != len(c.Filters):
		return fmt.Errorf("csp: output has %d rows, must have %d", len(dst), len(c.Filters))
	}
	if err := c.check(x); err != nil {
		return fmt.Errorf("csp: window %w", err)
	}
	for i, y := range dst {
		if len(y) != c.in.Len {
			return fmt.Errorf("csp: output row %d has %d samples, must have %d", i, len(y), c.in.Len)
		}
	}
	project(dst, c.Filters, x)
	return nil
}

func (c *CSP) check(x [][]float64) error { return checkShape(c.in, x) }

// checkShape reports where x has another shape than in says.
func checkShape(in features.Format, x [][]float64) error {
	if len(x) != len(in.Names) {
		return fmt.Errorf("has %d channels, must have %d", len(x), len(in.Names))
	}
	for ch, row := range x {
		if len(row) != in.Len {
			return fmt.Errorf("has %d samples in channel %q, must have %d", len(row), in.Names[ch], in.Len)
		}
	}
	return nil
}

// Notes says so where the data do not have full rank, and how far covariances were shrunk by a fixed amount.
func (c *CSP) Notes() (notes []signal.Note) {
	notes = signal.RankNote(c.rank[0], c.rank[1], len(c.in.Names))
	switch {
	case c.rank[0] == 0:
	case c.Shrinkage > 0:
		notes = append(notes, signal.Note{Text: "shrinkage %s (fixed)", Low: c.Shrinkage, High: c.Shrinkage})
	case c.amounts[1] > 0:
		notes = append(notes, signal.Note{Text: fmt.Sprintf("shrinkage %%s (%s)", c.Regularise), Low: c.amounts[0], High: c.amounts[1]})
	}
	return notes
}

// State is "filters" [filters, channels] and "eigenvalues" [filters].
func (c *CSP) State() signal.State {
	if c.Filters == nil {
		return nil
	}
	return signal.State{
		"filters":     signal.Matrix(c.Filters),
		"eigenvalues": signal.NewArray(slices.Clone(c.Eigenvalues), len(c.Eigenvalues)),
	}
}

// SetState puts back what State returned. It is called after SetClasses and Start.
func (c *CSP) SetState(s signal.State) error {
	if c.in.Len == 0 {
		return errors.New("csp: SetState before Start")
	}
	filters, err := s.Get("filters", c.rows(), len(c.in.Names))
	if err != nil {
		return fmt.Errorf("csp: %w", err)
	}
	eigenvalues, err := s.Get("eigenvalues", c.rows())
	if err != nil {
		return fmt.Errorf("csp: %w", err)
	}
	c.Filters, c.Eigenvalues, c.rank = filters.Rows(), slices.Clone(eigenvalues.Data), [2]int{}
	return nil
}
