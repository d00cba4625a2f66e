package ssvep

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/csp/bank"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	features.Register("trca", func() features.Step { return &TRCA{Ensemble: true, Bands: 1} })
}

// TRCA turns a window [channels, samples] into one number per class: how well it correlates with the mean training
// window of the class, both seen through the spatial filter that makes training windows of one class most alike (task
// related component analysis; Nakanishi et al. 2018, doi:10.1109/TBME.2017.2694818). Windows must start at the same phase
// of the flicker: cut them from the onset.
//
// For class k, with windows X_i that have lost their channels' means, the filter of length 1 is
//
//	w_k = argmax wᵀS w / wᵀQ w,   S = Σ_{i≠j} X_i X_jᵀ,   Q = Σ_i X_i X_iᵀ
//
// and the number r_k is the correlation of the filtered window with the filtered mean of the class, −1 to 1. With
// Ensemble the filters of all classes are used for every class, and r_k is the correlation of all filtered samples
// together. With a filter bank it is Σ_n (n^−1.25 + 0.25) r_{k,n} over its bands.
//
// The numbers stand in the order of the classes, so the decoder "argmax" can read them. Filters are sought within the
// range of Q, so an average reference or a flat channel does no harm. A class needs at least two training windows.
type TRCA struct {
	Ensemble bool `json:"ensemble" doc:"true: the filters of all classes for every class (ensemble TRCA); false: of each class its own"`
	Bands    int  `json:"bands" doc:"number of bands the filterbank step makes; 0: as many as there are, at least 2; 1: no filterbank step"`

	// Filters is [bands, classes, channels], of length 1; nil until fitted.
	Filters []float64 `json:"-"`
	// Templates is what the training windows of a class look like on average through the filters of its number
	// [bands, classes, filters, samples], without their mean; filters is the number of classes with Ensemble, else 1.
	Templates []float64 `json:"-"`

	classes []string
	in      features.Format // Len is 0 before Start
	bands   []bank.Band
	weights []float64
	rows    [][]float64 // of one band
	out     []float64   // through all filters [classes, samples]
	rank    [2]int      // of the covariances of the last fit, smallest and largest; 0 where they are not known
}

// SetClasses tells the classes, whose order the numbers have. What was learned about other classes is forgotten.
func (c *TRCA) SetClasses(classes []string) {
	if !slices.Equal(classes, c.classes) {
		c.Filters, c.Templates = nil, nil
	}
	c.classes = slices.Clone(classes)
}

// Start checks the parameters. The numbers are called "<class>.trca".
func (c *TRCA) Start(in features.Format) (features.Format, error) {
	c.in = features.Format{}
	bands, err := bank.Group(in.Names, c.Bands)
	if err != nil {
		return features.Format{}, fmt.Errorf("trca: %w", err)
	}
	chs := len(bands[0].At)
	switch {
	case in.Len < 2:
		return features.Format{}, fmt.Errorf("trca: gets %v, needs windows of at least 2 samples", in)
	case len(c.classes) < 2:
		return features.Format{}, fmt.Errorf("trca: needs at least 2 classes to tell apart, got %d %q; name them among the events", len(c.classes), c.classes)
	case c.Filters != nil && len(c.Filters) != len(bands)*len(c.classes)*chs:
		return features.Format{}, fmt.Errorf("trca: was fitted on another number of channels or bands than the %d × %d it gets now; use those of the training data", chs, len(bands))
	case c.Filters != nil && len(c.Templates) != len(bands)*len(c.classes)*c.seen()*in.Len:
		return features.Format{}, fmt.Errorf("trca: was fitted on windows of another length than %d samples, or with another ensemble; fit again", in.Len)
	}
	c.in, c.bands = in, bands
	c.weights = []float64{1}
	if len(bands) > 1 {
		c.weights = bandWeights(len(bands), 1.25, 0.25)
	}
	c.rows, c.out = make([][]float64, chs), make([]float64, len(c.classes)*in.Len)
	out := features.Format{Names: make([]string, len(c.classes))}
	for k, class := range c.classes {
		out.Names[k] = class + ".trca"
	}
	return out, nil
}

// seen is how many filters a class is looked at with.
func (c *TRCA) seen() int {
	if c.Ensemble {
		return len(c.classes)
	}
	return 1
}

// FitWindows learns the filters and templates from the training windows x [windows][channels][samples]. It is an error
// where a window has another shape than Start was told or a sample that is not finite, where a class has fewer than two
// windows, and where nothing ever changes in them. What was fitted before is then kept.
func (c *TRCA) FitWindows(x [][][]float64, y signal.Labels) error {
	if c.in.Len == 0 {
		return errors.New("trca: FitWindows before Start")
	}
	if err := c.checkTraining(x, y); err != nil {
		return fmt.Errorf("trca: %w", err)
	}
	chs, classes, n := len(c.rows), len(c.classes), c.in.Len
	var filters, templates []float64
	ranks := [2]int{chs, 0}
	for _, band := range c.bands {
		means := make([][][]float64, classes)
		from := len(filters)
		for k, class := range c.classes {
			w, mean, rank, err := c.fitClass(x, y, band, k)
			if err != nil {
				return fmt.Errorf("trca: class %q, band %q: %w", class, band.Name, err)
			}
			ranks = [2]int{min(ranks[0], rank), max(ranks[1], rank)}
			filters, means[k] = append(filters, w...), mean
		}
		for k, mean := range means {
			for i := range classes {
				if !c.Ensemble && i != k {
					continue
				}
				templates = append(templates, make([]float64, n)...)
				filter(templates[len(templates)-n:], filters[from+i*chs:from+(i+1)*chs], mean)
			}
		}
	}
	c.Filters, c.Templates, c.rank = filters, templates, ranks
	return nil
}

// fitClass is the filter of class k in one band, the mean of its windows, and the rank of their covariance.
func (c *TRCA) fitClass(x [][][]float64, y signal.Labels, band bank.Band, k int) (w []float64, mean [][]float64, rank int, err error) {
	chs, n := len(band.At), c.in.Len
	mean = make([][]float64, chs)
	for i := range mean {
		mean[i] = make([]float64, n)
	}
	own, cov, total := mat.NewSymDense(chs, nil), mat.NewSymDense(chs, nil), mat.NewSymDense(chs, nil)
	rows, count := make([][]float64, chs), 0.0
	var work spd.Workspace
	for i, window := range x {
		if y.Y[i] != k {
			continue
		}
		band.Pick(rows, window)
		work.Covariance(cov, rows)
		own.AddSym(own, cov)
		for ch, row := range rows {
			pivot := row[0]
			for t, v := range row {
				mean[ch][t] += v - pivot
			}
		}
		count++
	}
	for _, row := range mean {
		floats.AddConst(-floats.Sum(row)/float64(n), row) // still the sum over windows
	}
	work.Covariance(total, mean) // of the sum: S + Q
	total.AddSym(total, scaled(-1, own))
	values, vectors, err := spd.GeneralEigen(total, own)
	if err != nil {
		return nil, nil, 0, err
	}
	w = mat.Row(nil, len(values)-1, vectors)
	floats.Scale(1/floats.Norm(w, 2), w)
	for _, row := range mean {
		floats.Scale(1/count, row)
	}
	return w, mean, len(values), nil
}

func scaled(f float64, s *mat.SymDense) *mat.SymDense {
	out := mat.NewSymDense(s.SymmetricDim(), nil)
	out.ScaleSym(f, s)
	return out
}

// filter fills dst [samples] with w [channels] times x [channels, samples], without its mean.
func filter(dst, w []float64, x [][]float64) {
	clear(dst)
	for ch, row := range x {
		floats.AddScaled(dst, w[ch], row)
	}
	pivot := dst[0]
	floats.AddConst(-pivot, dst)
	floats.AddConst(-floats.Sum(dst)/float64(len(dst)), dst)
}

func (c *TRCA) checkTraining(x [][][]float64, y signal.Labels) error {
	if !slices.Equal(y.Classes, c.classes) {
		return fmt.Errorf("labels have the classes %q, SetClasses was told %q", y.Classes, c.classes)
	}
	if len(x) != len(y.Y) {
		return fmt.Errorf("got %d training windows and %d labels, must be as many", len(x), len(y.Y))
	}
	for i, window := range x {
		if k := y.Y[i]; k < 0 || k >= len(y.Classes) {
			return fmt.Errorf("label of training window %d is %d, must be from 0 to %d", i, k, len(y.Classes)-1)
		}
		if err := checkWindow(c.in, window); err != nil {
			return fmt.Errorf("training %w (number %d)", err, i)
		}
		for ch, row := range window {
			if power := floats.Dot(row, row); math.IsNaN(power) || math.IsInf(power, 0) {
				return fmt.Errorf("training window %d: channel %q holds samples that are not finite, or too large to square; leave the window out or repair the channel", i, c.in.Names[ch])
			}
		}
	}
	for k, n := range y.Counts() {
		if n < 2 {
			return fmt.Errorf("class %q has %d training windows, needs at least 2 to see what they have in common; record more, or leave the class out", y.Classes[k], n)
		}
	}
	return nil
}

// Extract fills dst [classes] with the correlations of x [channels, samples].
func (c *TRCA) Extract(dst []float64, x [][]float64) error {
	switch {
	case c.in.Len == 0:
		return errors.New("trca: used before Start")
	case c.Filters == nil:
		return errors.New("trca: not fitted; train the pipeline or load a bundle first")
	case len(dst) != len(c.classes):
		return fmt.Errorf("trca: output has %d numbers, must have %d", len(dst), len(c.classes))
	}
	if err := checkWindow(c.in, x); err != nil {
		return fmt.Errorf("trca: %w", err)
	}
	n, classes, chs := c.in.Len, len(c.classes), len(c.rows)
	clear(dst)
	for b, band := range c.bands {
		band.Pick(c.rows, x)
		for i := range classes {
			filter(c.out[i*n:(i+1)*n], c.Filters[(b*classes+i)*chs:(b*classes+i+1)*chs], c.rows)
		}
		size := c.seen() * n
		for k := range classes {
			template := c.Templates[(b*classes+k)*size : (b*classes+k+1)*size]
			seen := c.out
			if !c.Ensemble {
				seen = c.out[k*n : (k+1)*n]
			}
			power := floats.Dot(seen, seen)
			if !(power > 0) || math.IsInf(power, 0) { // also catches NaN
				return fmt.Errorf("trca: the window through the filter of class %q, band %q has the power %g, must be above 0 and finite: a lost electrode, a dead stream, or samples that are not finite", c.classes[k], band.Name, power)
			}
			dst[k] += c.weights[b] * floats.Dot(seen, template) / math.Sqrt(power*floats.Dot(template, template))
		}
	}
	return nil
}

// Notes says so where the training windows do not have full rank.
func (c *TRCA) Notes() []signal.Note { return signal.RankNote(c.rank[0], c.rank[1], len(c.rows)) }

// State is "filters" [bands, classes, channels] and "templates" [bands, classes, filters, samples].
func (c *TRCA) State() signal.State {
	if c.Filters == nil {
		return nil
	}
	classes, seen := len(c.classes), c.seen()
	bands := max(len(c.bands), 1)
	return signal.State{
		"filters":   signal.NewArray(slices.Clone(c.Filters), bands, classes, len(c.Filters)/(bands*classes)),
		"templates": signal.NewArray(slices.Clone(c.Templates), bands, classes, seen, len(c.Templates)/(bands*classes*seen)),
	}
}

// SetState puts back what State returned. It is called after SetClasses and Start.
func (c *TRCA) SetState(s signal.State) error {
	if c.in.Len == 0 {
		return errors.New("trca: SetState before Start")
	}
	bands, classes := len(c.bands), len(c.classes)
	filters, err := s.Get("filters", bands, classes, len(c.rows))
	if err != nil {
		return fmt.Errorf("trca: %w", err)
	}
	templates, err := s.Get("templates", bands, classes, c.seen(), c.in.Len)
	if err != nil {
		return fmt.Errorf("trca: %w", err)
	}
	c.Filters, c.Templates, c.rank = slices.Clone(filters.Data), slices.Clone(templates.Data), [2]int{}
	return nil
}
