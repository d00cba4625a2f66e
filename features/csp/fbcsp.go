package csp

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/csp/bank"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	features.Register("fbcsp", func() features.Step { return &FBCSP{Components: 4, Select: 8} })
}

// FBCSP turns a window [channels, samples] that comes out of a filter bank into Select numbers: common spatial patterns
// in every band, the natural logarithm of the variance of each filtered signal, and of these the features that say most
// about the class (Ang, Chin, Wang, Guan and Zhang 2012, doi:10.3389/fnins.2012.00039).
//
// The bands come from the preprocess step filterbank, whose channels are called "C3@8-12". In each, the filters are those
// of the step "csp" with the same Components and Shrinkage. Features are ranked by their mutual information with the
// class in the training windows, the paper's MIBIF with Parzen windows (see mutualInformation); unlike there the class
// label has all its values at once where there are more than two, and the partner of a chosen filter is not added, so
// that a row always has Select numbers. The chosen ones stand in the order of bands and filters.
type FBCSP struct {
	Components int     `json:"components" doc:"spatial filters in each band: in total for two classes, for each class when there are more; 1 up to the rank of the data"`
	Select     int     `json:"select" doc:"number of features to keep, those with the most mutual information with the class; 1 up to all"`
	Shrinkage  float64 `json:"shrinkage" doc:"how far covariances are drawn towards a multiple of the identity, 0 (not at all) up to, not including, 1"`
	Bands      int     `json:"bands" doc:"number of bands the filterbank step makes; 0: as many as there are, at least 2; 1: no filterbank step"`

	// Filters is one chosen filter per row [select, channels of a band] in 1/µV, nil until fitted.
	Filters [][]float64 `json:"-"`
	// Band is the position of the band that the row's filter works on.
	Band []int `json:"-"`
	// Information is the row's mutual information with the class in the training windows, in bits.
	Information []float64 `json:"-"`

	classes []string
	in      features.Format // Len is 0 before Start
	bands   []bank.Band
	rows    [][]float64 // of one band
	out     [][]float64 // one filtered signal
	notes   []signal.Note
}

// SetClasses tells the classes, in the order of the labels to come. What was learned about others is forgotten.
func (c *FBCSP) SetClasses(classes []string) {
	if !slices.Equal(classes, c.classes) {
		c.Filters, c.Band, c.Information = nil, nil, nil
	}
	c.classes = slices.Clone(classes)
}

// Start checks the parameters. The numbers are called "fbcsp1", "fbcsp2", …: which band and filter they come from is known
// after the fit only (Band, Filters).
func (c *FBCSP) Start(in features.Format) (features.Format, error) {
	c.in = features.Format{}
	bands, err := bank.Group(in.Names, c.Bands)
	if err != nil {
		return features.Format{}, fmt.Errorf("fbcsp: %w", err)
	}
	chs := len(bands[0].At)
	one := c.csp()
	if _, err := one.Start(c.format(in, bands[0])); err != nil {
		return features.Format{}, fmt.Errorf("fbcsp: every band: %w", err)
	}
	all := len(bands) * one.rows()
	switch {
	case c.Select < 1 || c.Select > all:
		return features.Format{}, fmt.Errorf("fbcsp: select is %d, must be from 1 to the %d features that %d bands give", c.Select, all, len(bands))
	case c.Filters != nil && len(c.Filters[0]) != chs:
		return features.Format{}, fmt.Errorf("fbcsp: was fitted on %d channels in each band, now gets %d; use the channels of the training data", len(c.Filters[0]), chs)
	case c.Filters != nil && (len(c.Filters) != c.Select || slices.Max(c.Band) >= len(bands)):
		return features.Format{}, errors.New("fbcsp: was fitted with another select or another filter bank; fit again")
	}
	c.in, c.bands = in, bands
	c.rows, c.out = make([][]float64, chs), [][]float64{make([]float64, in.Len)}
	out := features.Format{Names: make([]string, c.Select)}
	for i := range out.Names {
		out.Names[i] = fmt.Sprintf("fbcsp%d", i+1)
	}
	return out, nil
}

// csp is the step for one band.
func (c *FBCSP) csp() *CSP {
	one := &CSP{Components: c.Components, Shrinkage: c.Shrinkage}
	one.SetClasses(c.classes)
	return one
}

// format is that of the windows of one band.
func (c *FBCSP) format(in features.Format, band bank.Band) features.Format {
	f := features.Format{Len: in.Len, Rate: in.Rate}
	for _, ch := range band.At {
		f.Names = append(f.Names, in.Names[ch])
	}
	return f
}

// FitWindows learns the filters of every band from the training windows x [windows][channels][samples], and chooses among
// them. It is an error where "csp" could not be fitted in some band. What was fitted before is then kept.
func (c *FBCSP) FitWindows(x [][][]float64, y signal.Labels) error {
	if c.in.Len == 0 {
		return errors.New("fbcsp: FitWindows before Start")
	}
	for i, window := range x {
		if err := c.check(window); err != nil {
			return fmt.Errorf("fbcsp: training window %d %w", i, err)
		}
	}
	var found FBCSP
	var notes []signal.Note
	part := make([][][]float64, len(x))
	for i := range part {
		part[i] = make([][]float64, len(c.rows))
	}
	feature := make([]float64, len(x))
	for b, band := range c.bands {
		one := c.csp()
		if _, err := one.Start(c.format(c.in, band)); err != nil {
			return fmt.Errorf("fbcsp: band %q: %w", band.Name, err)
		}
		for i := range x {
			band.Pick(part[i], x[i])
		}
		if err := one.FitWindows(part, y); err != nil {
			return fmt.Errorf("fbcsp: band %q: %w", band.Name, err)
		}
		notes = append(notes, one.Notes()...)
		for k, w := range one.Filters {
			for i := range part {
				v, err := c.logVar(w, part[i])
				if err != nil {
					return fmt.Errorf("fbcsp: training window %d, band %q, filter %d: %w", i, band.Name, k+1, err)
				}
				feature[i] = v
			}
			found.Filters, found.Band = append(found.Filters, w), append(found.Band, b)
			found.Information = append(found.Information, mutualInformation(feature, y))
		}
	}
	best := make([]int, len(found.Filters))
	for i := range best {
		best[i] = i
	}
	slices.SortStableFunc(best, func(i, j int) int { return cmp.Compare(found.Information[j], found.Information[i]) })
	best = best[:c.Select]
	slices.Sort(best)
	c.notes = signal.MergeNotes(notes)
	c.Filters, c.Band, c.Information = make([][]float64, c.Select), make([]int, c.Select), make([]float64, c.Select)
	for i, k := range best {
		c.Filters[i], c.Band[i], c.Information[i] = found.Filters[k], found.Band[k], found.Information[k]
	}
	return nil
}

// logVar is the natural logarithm of the variance of w [channels] times x [channels, samples].
func (c *FBCSP) logVar(w []float64, x [][]float64) (float64, error) {
	y := c.out[0]
	filters := [1][]float64{w}
	project(c.out, filters[:], x)
	floats.AddConst(-y[0], y)
	floats.AddConst(-floats.Sum(y)/float64(len(y)), y)
	v := floats.Dot(y, y) / float64(len(y))
	if !(v > 0) || math.IsInf(v, 0) { // also catches NaN
		return 0, fmt.Errorf("the variance is %g, must be above 0 and finite: a dead stream, or samples that are not finite", v)
	}
	return math.Log(v), nil
}

// Extract fills dst [select] with the chosen log-variances of x [channels, samples].
func (c *FBCSP) Extract(dst []float64, x [][]float64) error {
	switch {
	case c.in.Len == 0:
		return errors.New("fbcsp: used before Start")
	case c.Filters == nil:
		return errors.New("fbcsp: not fitted; train the pipeline or load a bundle first")
	case len(dst) != len(c.Filters):
		return fmt.Errorf("fbcsp: output has %d numbers, must have %d", len(dst), len(c.Filters))
	}
	if err := c.check(x); err != nil {
		return fmt.Errorf("fbcsp: window %w", err)
	}
	for i, w := range c.Filters {
		band := c.bands[c.Band[i]]
		band.Pick(c.rows, x)
		v, err := c.logVar(w, c.rows)
		if err != nil {
			return fmt.Errorf("fbcsp: number %d, band %q: %w", i+1, band.Name, err)
		}
		dst[i] = v
	}
	return nil
}

func (c *FBCSP) check(x [][]float64) error { return checkShape(c.in, x) }

// Notes is what the spatial filters of the bands say of the last fit, as in the step csp.
func (c *FBCSP) Notes() []signal.Note { return c.notes }

// State is "filters" [select, channels of a band], "band" [select] and "information" [select].
func (c *FBCSP) State() signal.State {
	if c.Filters == nil {
		return nil
	}
	band := make([]float64, len(c.Band))
	for i, b := range c.Band {
		band[i] = float64(b)
	}
	return signal.State{
		"filters":     signal.Matrix(c.Filters),
		"band":        signal.NewArray(band, len(band)),
		"information": signal.NewArray(slices.Clone(c.Information), len(c.Information)),
	}
}

// SetState puts back what State returned. It is called after SetClasses and Start.
func (c *FBCSP) SetState(s signal.State) error {
	if c.in.Len == 0 {
		return errors.New("fbcsp: SetState before Start")
	}
	filters, err := s.Get("filters", c.Select, len(c.rows))
	if err != nil {
		return fmt.Errorf("fbcsp: %w", err)
	}
	band, err := s.Get("band", c.Select)
	if err != nil {
		return fmt.Errorf("fbcsp: %w", err)
	}
	information, err := s.Get("information", c.Select)
	if err != nil {
		return fmt.Errorf("fbcsp: %w", err)
	}
	at := make([]int, c.Select)
	for i, b := range band.Data {
		if b != math.Trunc(b) || !(b >= 0 && b < float64(len(c.bands))) {
			return fmt.Errorf("fbcsp: band of number %d is %g, must be a whole number from 0 to %d", i+1, b, len(c.bands)-1)
		}
		at[i] = int(b)
	}
	c.Filters, c.Band, c.Information, c.notes = filters.Rows(), at, slices.Clone(information.Data), nil
	return nil
}
