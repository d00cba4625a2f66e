// Package erp holds features of evoked responses.
package erp

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	features.Register("xdawn", func() features.Step { return &Xdawn{Components: 2, Centre: true} })
}

// Xdawn maps a window [channels, samples] to [filters, samples] by the spatial filters that make the average response to
// a class strongest over the whole signal (Rivet, Souloumiac, Attina & Gibert 2009, doi:10.1109/TBME.2009.2012869); time is
// kept, the unit stays µV.
//
// With E_k the average of the training windows of class k and X all training windows, the filters solve
//
//	(E_k·E_kᵀ/T) w = λ (X·Xᵀ/(N·T)) w
//
// for N windows of T samples. For each class those with the largest λ are kept, in this order, each of length 1 with its
// entry of largest magnitude positive, and the classes are stacked. With Centre, each channel of E_k and of X loses its
// mean first, so that an offset of the electrodes does not count as a response; that is pyRiemann's Xdawn. Without it is
// MNE's, and a highpass, or a baseline in the segmenter, must stand before. Windows that overlap are not told apart (MNE's
// correct_overlap).
//
// Data need not have full rank: filters are sought within the range of X·Xᵀ (see spd.RankTol).
type Xdawn struct {
	Components int      `json:"components" doc:"number of spatial filters for each class, 1 up to the rank of the data"`
	Classes    []string `json:"classes" doc:"classes whose response gets filters, such as [target]; none means all"`
	Centre     bool     `json:"centre" doc:"take each channel's mean off the responses and the signal before the fit, as pyRiemann does and MNE does not"`

	// Filters is one filter per row [filters, channels], Patterns the topography of each in µV per µV of the filter's output
	// [filters, channels], Ratios its λ, the power of the class's response over that of all windows; nil until fitted.
	Filters  [][]float64 `json:"-"`
	Patterns [][]float64 `json:"-"`
	Ratios   []float64   `json:"-"`

	classes []string
	in      features.Format
	rank    int // of the covariance of all windows in the last fit, 0 where it is not known
}

// SetClasses tells the classes, in the order of the labels to come. Filters of other classes are forgotten.
func (x *Xdawn) SetClasses(classes []string) {
	if !slices.Equal(classes, x.classes) {
		x.Filters, x.Patterns, x.Ratios = nil, nil, nil
	}
	x.classes = slices.Clone(classes)
}

// chosen are the classes that get filters.
func (x *Xdawn) chosen() []string {
	if len(x.Classes) > 0 {
		return x.Classes
	}
	return x.classes
}

// Start checks the parameters. What comes out has the channels "<class>.xdawn1", "<class>.xdawn2", ….
func (x *Xdawn) Start(in features.Format) (features.Format, error) {
	x.in = features.Format{}
	chs := len(in.Names)
	switch {
	case in.Len < 2:
		return features.Format{}, fmt.Errorf("xdawn: gets %v, needs windows of at least 2 samples; put it before the step that turns windows into rows", in)
	case len(x.classes) < 1:
		return features.Format{}, errors.New("xdawn: no class is known; name them among the events")
	case x.Components < 1 || x.Components > chs:
		return features.Format{}, fmt.Errorf("xdawn: components is %d, must be from 1 to %d, the number of channels", x.Components, chs)
	}
	for i, name := range x.Classes {
		if !slices.Contains(x.classes, name) {
			return features.Format{}, fmt.Errorf("xdawn: classes: %w", &registry.UnknownError{What: "class", Name: name, Known: x.classes})
		}
		if slices.Contains(x.Classes[:i], name) {
			return features.Format{}, fmt.Errorf("xdawn: classes: %q is listed twice", name)
		}
	}
	var names []string
	for _, class := range x.chosen() {
		for k := range x.Components {
			names = append(names, fmt.Sprintf("%s.xdawn%d", class, k+1))
		}
	}
	switch {
	case x.Filters != nil && len(x.Filters[0]) != chs:
		return features.Format{}, fmt.Errorf("xdawn: was fitted on %d channels, now gets %d; use the channels of the training data", len(x.Filters[0]), chs)
	case x.Filters != nil && len(x.Filters) != len(names):
		return features.Format{}, fmt.Errorf("xdawn: was fitted with %d filters, components and classes now ask for %d; fit again", len(x.Filters), len(names))
	}
	x.in = in
	return features.Format{Names: names, Len: in.Len, Rate: in.Rate}, nil
}

// Map fills dst [filters, samples] with the filtered window [channels, samples]. dst must not share memory with it. Each
// output sample depends on the samples of that moment only, so a NaN spreads over the filters but not over time.
func (x *Xdawn) Map(dst, window [][]float64) error {
	switch {
	case x.in.Len == 0:
		return errors.New("xdawn: used before Start")
	case x.Filters == nil:
		return errors.New("xdawn: not fitted; train the pipeline or load a bundle first")
	case len(dst) != len(x.Filters):
		return fmt.Errorf("xdawn: output has %d rows, must have %d", len(dst), len(x.Filters))
	}
	if err := x.check(window); err != nil {
		return fmt.Errorf("xdawn: window %w", err)
	}
	for i, y := range dst {
		if len(y) != x.in.Len {
			return fmt.Errorf("xdawn: output row %d has %d samples, must have %d", i, len(y), x.in.Len)
		}
		clear(y)
	}
	for ch, row := range window { // the window is read once; the output, which is small, stays in the cache
		for i, y := range dst {
			floats.AddScaled(y, x.Filters[i][ch], row)
		}
	}
	return nil
}

// check reports where the window has another shape than Start was told.
func (x *Xdawn) check(window [][]float64) error {
	if len(window) != len(x.in.Names) {
		return fmt.Errorf("has %d channels, must have %d", len(window), len(x.in.Names))
	}
	for ch, row := range window {
		if len(row) != x.in.Len {
			return fmt.Errorf("has %d samples in channel %q, must have %d", len(row), x.in.Names[ch], x.in.Len)
		}
	}
	return nil
}

// FitWindows learns the filters from the training windows [windows][channels][samples]. It is an error where a window has
// another shape than Start was told or a sample that is not finite, where a class has no window, and where Components is
// more than the rank of the data. What was fitted before is then kept.
func (x *Xdawn) FitWindows(windows [][][]float64, y signal.Labels) error {
	if x.in.Len == 0 {
		return errors.New("xdawn: FitWindows before Start")
	}
	all, mean, err := x.sums(windows, y)
	if err != nil {
		return fmt.Errorf("xdawn: %w", err)
	}
	var fitted Xdawn
	for _, class := range x.chosen() {
		evoked := mean[slices.Index(x.classes, class)]
		cov := mat.NewSymDense(len(evoked), nil)
		addProducts(cov, evoked, 1/float64(x.in.Len))
		values, w, err := spd.GeneralEigen(cov, all)
		if err != nil {
			return fmt.Errorf("xdawn: class %q: %w", class, err)
		}
		if len(values) < x.Components {
			return fmt.Errorf("xdawn: components is %d, but the %d training channels have rank %d (an average reference, removed components and flat channels each lower it); set components to at most %d",
				x.Components, len(x.in.Names), len(values), len(values))
		}
		fitted.rank = len(values)
		// The patterns of all filters are X·Xᵀ/(N·T)·Wᵀ: it inverts W on the range of X·Xᵀ, as W·(X·Xᵀ/(N·T))·Wᵀ = 1.
		var patterns mat.Dense
		patterns.Mul(all, w.T())
		for k := range x.Components {
			i := len(values) - 1 - k // values ascend
			filter, pattern := mat.Row(nil, i, w), mat.Col(nil, i, &patterns)
			norm := floats.Norm(filter, 2)
			floats.Scale(1/norm, filter)
			floats.Scale(norm, pattern)
			fitted.Filters, fitted.Patterns = append(fitted.Filters, filter), append(fitted.Patterns, pattern)
			fitted.Ratios = append(fitted.Ratios, values[i])
		}
	}
	x.Filters, x.Patterns, x.Ratios, x.rank = fitted.Filters, fitted.Patterns, fitted.Ratios, fitted.rank
	return nil
}

// sums is X·Xᵀ/(N·T) of all windows, and the average window of each class.
func (x *Xdawn) sums(windows [][][]float64, y signal.Labels) (*mat.SymDense, [][][]float64, error) {
	if !slices.Equal(y.Classes, x.classes) {
		return nil, nil, fmt.Errorf("labels have the classes %q, SetClasses was told %q", y.Classes, x.classes)
	}
	if len(windows) != len(y.Y) {
		return nil, nil, fmt.Errorf("got %d training windows and %d labels, must be as many", len(windows), len(y.Y))
	}
	for i, k := range y.Y {
		if k < 0 || k >= len(y.Classes) {
			return nil, nil, fmt.Errorf("label of training window %d is %d, must be from 0 to %d", i, k, len(y.Classes)-1)
		}
	}
	counts := y.Counts()
	for k, n := range counts {
		if n == 0 {
			return nil, nil, fmt.Errorf("class %q has no training window; record some, or leave the class out", y.Classes[k])
		}
	}
	offset := make([]float64, len(x.in.Names))
	mean := make([][][]float64, len(x.classes))
	for k := range mean {
		mean[k] = x.zeros()
	}
	for i, w := range windows {
		if err := x.check(w); err != nil {
			return nil, nil, fmt.Errorf("training window %d %w", i, err)
		}
		for ch, row := range w {
			for t, v := range row {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return nil, nil, fmt.Errorf("training window %d, channel %q: sample %d is %g, must be finite; leave the window out or repair the channel", i, x.in.Names[ch], t, v)
				}
			}
			floats.AddScaled(mean[y.Y[i]][ch], 1/float64(counts[y.Y[i]]), row)
			offset[ch] += floats.Sum(row) / (float64(x.in.Len) * float64(len(windows)))
		}
	}
	if !x.Centre {
		clear(offset)
	}
	all, shifted := mat.NewSymDense(len(offset), nil), x.zeros()
	for _, w := range windows { // the mean goes first: taken off the products it would leave its rounding error there
		for ch, row := range w {
			for t, v := range row {
				shifted[ch][t] = v - offset[ch]
			}
		}
		addProducts(all, shifted, 1/(float64(x.in.Len)*float64(len(windows))))
	}
	if x.Centre {
		for _, evoked := range mean {
			for _, row := range evoked {
				floats.AddConst(-floats.Sum(row)/float64(x.in.Len), row)
			}
		}
	}
	if !(mat.Trace(all) > 0) {
		return nil, nil, errors.New("no channel of any training window ever changes; check the recording")
	}
	return all, mean, nil
}

// zeros is an empty window.
func (x *Xdawn) zeros() [][]float64 {
	w := make([][]float64, len(x.in.Names))
	for ch := range w {
		w[ch] = make([]float64, x.in.Len)
	}
	return w
}

// addProducts adds scale·x·xᵀ to sum.
func addProducts(sum *mat.SymDense, x [][]float64, scale float64) {
	for i, a := range x {
		for j, b := range x[:i+1] {
			sum.SetSym(i, j, sum.At(i, j)+float64(scale*floats.Dot(a, b)))
		}
	}
}

// Notes says so where the data do not have full rank.
func (x *Xdawn) Notes() []signal.Note { return signal.RankNote(x.rank, x.rank, len(x.in.Names)) }

// State is "filters" and "patterns" [filters, channels] and "ratios" [filters].
func (x *Xdawn) State() signal.State {
	if x.Filters == nil {
		return nil
	}
	return signal.State{
		"filters": signal.Matrix(x.Filters), "patterns": signal.Matrix(x.Patterns),
		"ratios": signal.NewArray(slices.Clone(x.Ratios), len(x.Ratios)),
	}
}

// SetState puts back what State returned. It is called after SetClasses and Start.
func (x *Xdawn) SetState(s signal.State) error {
	if x.in.Len == 0 {
		return errors.New("xdawn: SetState before Start")
	}
	rows, chs := len(x.chosen())*x.Components, len(x.in.Names)
	filters, err := s.Get("filters", rows, chs)
	if err != nil {
		return fmt.Errorf("xdawn: %w", err)
	}
	patterns, err := s.Get("patterns", rows, chs)
	if err != nil {
		return fmt.Errorf("xdawn: %w", err)
	}
	ratios, err := s.Get("ratios", rows)
	if err != nil {
		return fmt.Errorf("xdawn: %w", err)
	}
	x.Filters, x.Patterns, x.Ratios, x.rank = filters.Rows(), patterns.Rows(), slices.Clone(ratios.Data), 0
	return nil
}
