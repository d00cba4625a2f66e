package riemann

import (
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	features.Register("erp_covariance", func() features.Step { return &ERPCovariance{Estimator: spd.OAS} })
	features.Register("xdawn_covariance", func() features.Step {
		return &XdawnCovariance{Estimator: spd.OAS, XdawnEstimator: spd.SCM, Components: 4, ApplyFilters: true}
	})
}

// ERPCovariance is the covariance of a window stacked below the average responses of the classes (prototypes), as the
// upper triangle of the matrix: it holds how the window is laid out in time, which a plain covariance forgets (Barachant
// and Congedo 2014, arXiv:1409.0107). It gives what pyRiemann's ERPCovariances gives.
//
// The prototype of a class is the mean of its training windows, [channels, samples]. With Components r above 0 it is
// reduced to its r strongest principal components in space. The matrix has (classes+1)·channels rows, or
// classes·r + channels.
type ERPCovariance struct {
	Estimator  spd.Estimator `json:"estimator" doc:"how the covariance is estimated: oas or lwf (shrunk, never singular), scm or tyler"`
	Classes    []string      `json:"classes" doc:"classes that have a prototype; empty means all"`
	Components int           `json:"components" doc:"principal components that each prototype is reduced to, up to the number of channels; 0 keeps all channels"`

	// Prototypes is [rows, samples], nil until fitted.
	Prototypes [][]float64 `json:"-"`

	stack
}

// XdawnCovariance is ERPCovariance with spatial filters that make the average responses stand out from all activity
// (xDAWN, Rivet et al. 2009, doi:10.1109/TBME.2009.2012869). It gives what pyRiemann's XdawnCovariances gives.
//
// The filters of class k solve C_k·w = λ·C_x·w, C_k being the covariance of the class's average response and C_x that of
// all training windows in a row; the Components with the largest λ are kept, of unit length, with their entry of largest
// magnitude positive. They are sought in the range of C_x, so data need not have full rank. With ApplyFilters the window
// is filtered too, by the filters of all classes, and the matrix has 2·classes·Components rows; without, the window
// keeps its channels.
type XdawnCovariance struct {
	Estimator      spd.Estimator `json:"estimator" doc:"how the covariance is estimated: oas or lwf (shrunk, never singular), scm or tyler"`
	XdawnEstimator spd.Estimator `json:"xdawn_estimator" doc:"how the covariances that the filters come from are estimated: scm, oas, lwf or tyler"`
	Classes        []string      `json:"classes" doc:"classes that have filters and a prototype; empty means all"`
	Components     int           `json:"components" doc:"filters for each class, 1 up to the number of channels"`
	ApplyFilters   bool          `json:"applyfilters" doc:"whether the window is filtered like the prototypes: smaller matrices, less general across sessions"`

	// Filters is one filter per row [classes·components, channels] in 1/µV, nil until fitted.
	Filters [][]float64 `json:"-"`
	// Prototypes is [classes·components, samples], nil until fitted.
	Prototypes [][]float64 `json:"-"`

	notes []signal.Note // of the fit
	stack
}

// stack is what both have in common: prototypes above a window, and the covariance of both.
type stack struct {
	window
	known []string // told by SetClasses
	wear  []int    // positions in known that have a prototype
	ready bool     // the prototypes are loaded
	above int      // rows of the prototypes
	covs  *spd.Covariances
	m     *spd.Matrix
	row   []float64  // a filtered channel
	used  [2]float64 // smallest and largest shrinkage since Start; the second is -1 before the first window
}

// begin checks the parameters and makes room for above·classes rows of prototypes and the given rows below.
func (s *stack) begin(in features.Format, est spd.Estimator, classes []string) error {
	s.names = nil
	if err := est.Check(); err != nil {
		return err
	}
	if in.Len < 2 {
		return fmt.Errorf("gets %v, needs windows of at least 2 samples", in)
	}
	if len(s.known) < 2 {
		return fmt.Errorf("needs at least 2 classes, got %d %q; name them among the events", len(s.known), s.known)
	}
	s.wear = s.wear[:0]
	if len(classes) == 0 {
		classes = s.known
	}
	for i, c := range classes {
		k := slices.Index(s.known, c)
		if k < 0 || slices.Contains(classes[:i], c) {
			return fmt.Errorf("classes has %q, must be different ones of %q", c, s.known)
		}
		s.wear = append(s.wear, k)
	}
	return nil
}

func (s *stack) room(in features.Format, above, below int) {
	s.above, s.ready, s.used = above, false, [2]float64{1, -1}
	s.covs, s.m = spd.NewCovariances(above+below, in.Len), spd.NewMatrix(above+below)
	s.row = make([]float64, in.Len)
	s.window = window{names: slices.Clone(in.Names), len: in.Len}
}

// load puts the prototypes in place.
func (s *stack) load(p [][]float64) {
	for i, row := range p {
		s.covs.LoadRow(i, row)
	}
	s.ready = true
}

func (s *stack) estimate(dst []float64, how spd.Estimator) error {
	amount, err := s.covs.Estimate(s.m, how)
	if err != nil {
		return err
	}
	s.used = [2]float64{min(s.used[0], amount), max(s.used[1], amount)}
	s.m.Pack(dst)
	return nil
}

// shrunk says how far the covariances of the windows so far were shrunk.
func (s *stack) shrunk(how spd.Estimator) []signal.Note {
	return shrinkageNote(s.used, "each window's covariance", how)
}

// averages is the mean window of each class that has a prototype.
func (s *stack) averages(x [][][]float64, y signal.Labels) ([][][]float64, error) {
	if err := checkLabels(len(x), y, s.known); err != nil {
		return nil, err
	}
	for i, w := range x {
		if err := s.shape(w); err != nil {
			return nil, fmt.Errorf("training window %d: %w", i, err)
		}
		if err := s.finite(w); err != nil {
			return nil, fmt.Errorf("training window %d: %w", i, err)
		}
	}
	counts := y.Counts()
	out := make([][][]float64, len(s.wear))
	for j, k := range s.wear {
		out[j] = zeros(len(s.names), s.len)
		for i, w := range x {
			if y.Y[i] != k {
				continue
			}
			for ch, row := range w {
				for t, v := range row {
					out[j][ch][t] += v / float64(counts[k])
				}
			}
		}
	}
	return out, nil
}

func zeros(rows, cols int) [][]float64 {
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, cols)
	}
	return x
}

// apply fills dst with the filter w over the channels of x.
func apply(dst, w []float64, x [][]float64) {
	clear(dst)
	for ch, row := range x {
		f := w[ch]
		for t, v := range row {
			dst[t] += f * v
		}
	}
}

// SetClasses tells the classes, in the order of the labels to come. Prototypes of other classes are forgotten.
func (e *ERPCovariance) SetClasses(classes []string) {
	if !slices.Equal(classes, e.known) {
		e.Prototypes, e.ready = nil, false
	}
	e.known = slices.Clone(classes)
}

// Start checks the parameters. The numbers are called "cov(left_hand.C3,C3)": a prototype's row, a channel.
func (e *ERPCovariance) Start(in features.Format) (features.Format, error) {
	if err := e.begin(in, e.Estimator, e.Classes); err != nil {
		return features.Format{}, fmt.Errorf("erp_covariance: %w", err)
	}
	rows := e.Components
	if rows < 0 || rows > len(in.Names) {
		return features.Format{}, fmt.Errorf("erp_covariance: components is %d, must be from 1 to the number of channels, %d, or 0 for all of them", rows, len(in.Names))
	}
	if rows == 0 {
		rows = len(in.Names)
	}
	if err := fittedShape(e.Prototypes, rows*len(e.wear), in.Len); err != nil {
		return features.Format{}, fmt.Errorf("erp_covariance: %w", err)
	}
	var names []string
	for _, k := range e.wear {
		for i := range rows {
			if e.Components == 0 {
				names = append(names, e.known[k]+"."+in.Names[i])
			} else {
				names = append(names, fmt.Sprintf("%s.pc%d", e.known[k], i+1))
			}
		}
	}
	e.room(in, len(names), len(in.Names))
	if e.Prototypes != nil {
		e.load(e.Prototypes)
	}
	return features.Format{Names: pairs("cov", append(names, in.Names...))}, nil
}

func fittedShape(p [][]float64, rows, cols int) error {
	if p != nil && (len(p) != rows || len(p[0]) != cols) {
		return fmt.Errorf("was fitted with prototypes of %d rows and %d samples, now has %d and %d; use windows like the training data's", len(p), len(p[0]), rows, cols)
	}
	return nil
}

// FitWindows learns the prototypes from the training windows x [windows][channels][samples].
func (e *ERPCovariance) FitWindows(x [][][]float64, y signal.Labels) error {
	if e.names == nil {
		return errors.New("erp_covariance: FitWindows before Start")
	}
	means, err := e.averages(x, y)
	if err != nil {
		return fmt.Errorf("erp_covariance: %w", err)
	}
	var p [][]float64
	for _, mean := range means {
		if e.Components > 0 {
			if mean, err = principal(mean, e.Components); err != nil {
				return fmt.Errorf("erp_covariance: %w", err)
			}
		}
		p = append(p, mean...)
	}
	e.Prototypes = p
	e.load(p)
	return nil
}

// principal is x, whose mean stays in it, in the basis of its strongest left singular vectors.
func principal(x [][]float64, rows int) ([][]float64, error) {
	n := len(x)
	cov := spd.NewMatrix(n)
	for i := range n {
		for j := range n {
			sum := 0.0
			for t, v := range x[i] {
				sum += v * x[j][t]
			}
			cov.Set(i, j, sum)
		}
	}
	values, vectors := make([]float64, n), spd.NewMatrix(n)
	if err := spd.NewSolver(n).Eigen(values, vectors, cov); err != nil {
		return nil, err
	}
	out := zeros(rows, len(x[0]))
	for i := range out {
		apply(out[i], vectors.Row(n-1-i), x)
	}
	return out, nil
}

// Extract fills dst from x [channels, samples].
func (e *ERPCovariance) Extract(dst []float64, x [][]float64) error {
	if err := e.prepare(dst, x); err != nil {
		return fmt.Errorf("erp_covariance: %w", err)
	}
	for ch, row := range x {
		e.covs.LoadRow(e.above+ch, row)
	}
	if err := e.estimate(dst, e.Estimator); err != nil {
		return fmt.Errorf("erp_covariance: %w", err)
	}
	return nil
}

// prepare checks a window and that there are prototypes.
func (s *stack) prepare(dst []float64, x [][]float64) error {
	entries := 0
	if s.m != nil {
		entries = spd.Packed(s.m.N)
	}
	if err := s.check(dst, entries, x); err != nil {
		return err
	}
	if !s.ready {
		return errors.New("not fitted; train the pipeline or load a bundle first")
	}
	return s.finite(x)
}

// Notes says how far the covariances of the windows so far were shrunk.
func (e *ERPCovariance) Notes() []signal.Note { return e.shrunk(e.Estimator) }

// State is "prototypes" [rows, samples].
func (e *ERPCovariance) State() signal.State {
	if e.Prototypes == nil {
		return nil
	}
	return signal.State{"prototypes": signal.Matrix(e.Prototypes)}
}

// SetState puts back what State returned. It is called after SetClasses and Start.
func (e *ERPCovariance) SetState(s signal.State) error {
	if e.names == nil {
		return errors.New("erp_covariance: SetState before Start")
	}
	a, err := s.Get("prototypes", e.above, e.len)
	if err != nil {
		return fmt.Errorf("erp_covariance: %w", err)
	}
	e.Prototypes = a.Rows()
	e.load(e.Prototypes)
	return nil
}

// SetClasses tells the classes, in the order of the labels to come. Filters of other classes are forgotten.
func (d *XdawnCovariance) SetClasses(classes []string) {
	if !slices.Equal(classes, d.known) {
		d.Filters, d.Prototypes, d.ready = nil, nil, false
	}
	d.known = slices.Clone(classes)
}

// Start checks the parameters. The numbers are called "cov(target.xdawn1,C3)": a prototype's row, and a channel or, with
// ApplyFilters, a filtered channel such as "x.target.xdawn1".
func (d *XdawnCovariance) Start(in features.Format) (features.Format, error) {
	err := d.begin(in, d.Estimator, d.Classes)
	switch {
	case err != nil:
	case d.XdawnEstimator.Check() != nil:
		err = fmt.Errorf("xdawn_%w", d.XdawnEstimator.Check())
	case d.Components < 1 || d.Components > len(in.Names):
		err = fmt.Errorf("components is %d, must be from 1 to the number of channels, %d", d.Components, len(in.Names))
	default:
		err = fittedShape(d.Prototypes, d.Components*len(d.wear), in.Len)
	}
	if err == nil && d.Filters != nil && len(d.Filters[0]) != len(in.Names) {
		err = fmt.Errorf("was fitted on %d channels, now gets %d; use the channels of the training data", len(d.Filters[0]), len(in.Names))
	}
	if err != nil {
		return features.Format{}, fmt.Errorf("xdawn_covariance: %w", err)
	}
	var names, below []string
	for _, k := range d.wear {
		for i := range d.Components {
			names = append(names, fmt.Sprintf("%s.xdawn%d", d.known[k], i+1))
		}
	}
	if below = in.Names; d.ApplyFilters {
		below = nil
		for _, name := range names {
			below = append(below, "x."+name)
		}
	}
	d.room(in, len(names), len(below))
	if d.Prototypes != nil {
		d.load(d.Prototypes)
	}
	return features.Format{Names: pairs("cov", append(names, below...))}, nil
}

// FitWindows learns filters and prototypes from the training windows x [windows][channels][samples].
func (d *XdawnCovariance) FitWindows(x [][][]float64, y signal.Labels) error {
	if d.names == nil {
		return errors.New("xdawn_covariance: FitWindows before Start")
	}
	means, err := d.averages(x, y)
	if err != nil {
		return fmt.Errorf("xdawn_covariance: %w", err)
	}
	chs := len(d.names)
	all := spd.NewCovariances(chs, len(x)*d.len)
	joined := make([]float64, len(x)*d.len)
	for ch := range chs {
		for i, w := range x {
			copy(joined[i*d.len:], w[ch])
		}
		all.LoadRow(ch, joined)
	}
	noise, own, one := spd.NewMatrix(chs), spd.NewMatrix(chs), spd.NewCovariances(chs, d.len)
	amount, err := all.Estimate(noise, d.XdawnEstimator)
	if err != nil {
		return fmt.Errorf("xdawn_covariance: training windows: %w", named(err, d.names))
	}
	notes := shrinkageNote([2]float64{amount, amount}, "the covariance of all windows", d.XdawnEstimator)
	filters, prototypes := [][]float64(nil), [][]float64(nil)
	for j, mean := range means {
		class := d.known[d.wear[j]]
		one.Load(mean)
		amount, err := one.Estimate(own, d.XdawnEstimator)
		if err != nil {
			return fmt.Errorf("xdawn_covariance: average response of class %q: %w", class, named(err, d.names))
		}
		notes = append(notes, shrinkageNote([2]float64{amount, amount}, "the covariance of average responses", d.XdawnEstimator)...)
		values, w, err := spd.GeneralEigen(symDense(own), symDense(noise))
		if err != nil {
			return fmt.Errorf("xdawn_covariance: class %q: %w", class, err)
		}
		if len(values) < d.Components {
			return fmt.Errorf("xdawn_covariance: components is %d, but the %d training channels have rank %d (an average reference, removed components and flat channels each lower it); set components to at most %d",
				d.Components, chs, len(values), len(values))
		}
		notes = append(notes, signal.RankNote(len(values), len(values), chs)...)
		for i := range d.Components {
			f := mat.Row(nil, len(values)-1-i, w)
			length := mat.Norm(mat.NewVecDense(chs, f), 2)
			for ch := range f {
				f[ch] /= length
			}
			p := make([]float64, d.len)
			apply(p, f, mean)
			filters, prototypes = append(filters, f), append(prototypes, p)
		}
	}
	d.Filters, d.Prototypes, d.notes = filters, prototypes, signal.MergeNotes(notes)
	d.load(prototypes)
	return nil
}

func symDense(m *spd.Matrix) *mat.SymDense {
	out := mat.NewSymDense(m.N, nil)
	for i := range m.N {
		for j := i; j < m.N; j++ {
			out.SetSym(i, j, m.At(i, j))
		}
	}
	return out
}

// Extract fills dst from x [channels, samples].
func (d *XdawnCovariance) Extract(dst []float64, x [][]float64) error {
	if err := d.prepare(dst, x); err != nil {
		return fmt.Errorf("xdawn_covariance: %w", err)
	}
	if d.ApplyFilters {
		for i, w := range d.Filters {
			apply(d.row, w, x)
			d.covs.LoadRow(d.above+i, d.row)
		}
	} else {
		for ch, row := range x {
			d.covs.LoadRow(d.above+ch, row)
		}
	}
	if err := d.estimate(dst, d.Estimator); err != nil {
		return fmt.Errorf("xdawn_covariance: %w", err)
	}
	return nil
}

// Notes says so where the data do not have full rank, and how far covariances were shrunk.
func (d *XdawnCovariance) Notes() []signal.Note { return slices.Concat(d.notes, d.shrunk(d.Estimator)) }

// State is "filters" [filters, channels] and "prototypes" [filters, samples].
func (d *XdawnCovariance) State() signal.State {
	if d.Filters == nil {
		return nil
	}
	return signal.State{"filters": signal.Matrix(d.Filters), "prototypes": signal.Matrix(d.Prototypes)}
}

// SetState puts back what State returned. It is called after SetClasses and Start.
func (d *XdawnCovariance) SetState(s signal.State) error {
	if d.names == nil {
		return errors.New("xdawn_covariance: SetState before Start")
	}
	filters, err := s.Get("filters", d.above, len(d.names))
	if err != nil {
		return fmt.Errorf("xdawn_covariance: %w", err)
	}
	prototypes, err := s.Get("prototypes", d.above, d.len)
	if err != nil {
		return fmt.Errorf("xdawn_covariance: %w", err)
	}
	d.Filters, d.Prototypes = filters.Rows(), prototypes.Rows()
	d.load(d.Prototypes)
	return nil
}
