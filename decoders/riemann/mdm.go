// Package riemann holds classifiers of covariance matrices. A matrix comes as a row: its upper triangle, row by row, as
// the step covariance gives it.
package riemann

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	decoders.Register("mdm", func() decoders.Fitter { return &MDM{Metric: Riemann} })
}

// Metric is the geometry of means and distances.
type Metric spd.Metric

// The metrics that exist.
const (
	Riemann   = Metric(spd.Riemann)
	LogEuclid = Metric(spd.LogEuclid)
	Euclid    = Metric(spd.Euclid)
)

// UnmarshalJSON accepts the names above.
func (m *Metric) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || Metric(word).check() != nil {
		return fmt.Errorf(`key "metric": is %s, must be "riemann", "logeuclid" or "euclid"`, strings.TrimSpace(string(data)))
	}
	*m = Metric(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Metric) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(Riemann), string(LogEuclid), string(Euclid)}}
}

func (m Metric) check() error {
	if m != Riemann && m != LogEuclid && m != Euclid {
		return fmt.Errorf(`metric is %q, must be "riemann", "logeuclid" or "euclid"`, string(m))
	}
	return nil
}

// MDM is the minimum distance to mean: every class has the mean of its training covariances, and a covariance belongs to
// the class whose mean is nearest (Barachant et al. 2012, doi:10.1109/TBME.2011.2172210). The scores are the softmax of
// −distance², as pyRiemann's predict_proba; distances grow with the number of channels, so they are far too confident to
// be taken for probabilities without calibration.
//
// Covariances must be positive definite for "riemann" and "logeuclid": a singular one is an error that names the remedy,
// as is a mean that does not converge.
type MDM struct {
	Metric Metric `json:"metric" doc:"geometry of means and distances: riemann (affine-invariant), logeuclid or euclid"`

	// Means is the mean of each class, nil until fitted.
	Means []*spd.Matrix `json:"-"`

	classes []string
	solver  *spd.Solver
	seen    []*spd.Matrix // of each class: M^−½ for riemann, log M for logeuclid, M for euclid
	x, y    *spd.Matrix
}

// TakesCovariances says that rows are upper triangles.
func (*MDM) TakesCovariances() {}

// Outputs is the classes, or nil before the fit.
func (d *MDM) Outputs() []string {
	if d.Means == nil {
		return nil
	}
	return slices.Clone(d.classes)
}

// SetClasses tells the classes before SetState. What was learned about other classes is forgotten.
func (d *MDM) SetClasses(classes []string) {
	if !slices.Equal(classes, d.classes) {
		d.Means = nil
	}
	d.classes = slices.Clone(classes)
}

// Fit takes the mean of each class's rows x [rows][n·(n+1)/2]. It is an error where rows differ in length, are no upper
// triangles, hold a number that is not finite or are not positive definite, where a class has no row, where there are
// fewer than 2 classes, and where a mean does not converge. What was fitted before is then kept.
func (d *MDM) Fit(x [][]float64, y signal.Labels) error {
	if err := d.Metric.check(); err != nil {
		return fmt.Errorf("mdm: %w", err)
	}
	groups, err := byClass(x, y)
	if err != nil {
		return fmt.Errorf("mdm: %w", err)
	}
	fitted := &MDM{Metric: d.Metric, classes: slices.Clone(y.Classes)}
	if err := fitted.learn(groups); err != nil {
		return fmt.Errorf("mdm: %w", err)
	}
	*d = *fitted
	return nil
}

func (d *MDM) learn(groups [][][]float64) error {
	n := spd.Unpacked(len(groups[0][0]))
	s := spd.NewSolver(n)
	means := make([]*spd.Matrix, len(groups))
	for k, rows := range groups {
		means[k] = spd.NewMatrix(n)
		if err := s.Mean(means[k], rows, spd.Metric(d.Metric)); err != nil {
			return fmt.Errorf("class %q: %w", d.classes[k], err)
		}
	}
	return d.set(means, s)
}

// set prepares for predictions.
func (d *MDM) set(means []*spd.Matrix, s *spd.Solver) error {
	n := s.Size()
	seen := make([]*spd.Matrix, len(means))
	for k, m := range means {
		seen[k] = spd.NewMatrix(n)
		var err error
		switch d.Metric {
		case Riemann:
			err = s.InvSqrt(seen[k], m)
		case LogEuclid:
			err = s.Log(seen[k], m)
		case Euclid:
			seen[k].CopyFrom(m)
		}
		if err != nil {
			return fmt.Errorf("mean of class %q: %w", d.classes[k], err)
		}
	}
	d.Means, d.seen, d.solver = means, seen, s
	d.x, d.y = spd.NewMatrix(n), spd.NewMatrix(n)
	return nil
}

// byClass sorts the rows by class and checks both.
func byClass(x [][]float64, y signal.Labels) ([][][]float64, error) {
	switch {
	case len(y.Classes) < 2:
		return nil, fmt.Errorf("needs at least 2 classes to tell apart, got %d %q", len(y.Classes), y.Classes)
	case len(x) != len(y.Y):
		return nil, fmt.Errorf("got %d training rows and %d labels, must be as many", len(x), len(y.Y))
	case len(x) == 0:
		return nil, errors.New("got no training rows")
	case spd.Unpacked(len(x[0])) == 0:
		return nil, fmt.Errorf("rows have %d numbers, must be upper triangles of covariance matrices (n·(n+1)/2 numbers); put the step covariance before", len(x[0]))
	}
	groups := make([][][]float64, len(y.Classes))
	for i, row := range x {
		k := y.Y[i]
		if k < 0 || k >= len(y.Classes) {
			return nil, fmt.Errorf("label of training row %d is %d, must be from 0 to %d", i, k, len(y.Classes)-1)
		}
		if err := checkRow(row, len(x[0])); err != nil {
			return nil, fmt.Errorf("training row %d %w; leave the row out or repair the data", i, err)
		}
		groups[k] = append(groups[k], row)
	}
	for k, rows := range groups {
		if len(rows) == 0 {
			return nil, fmt.Errorf("class %q has no training row; record some, or leave the class out", y.Classes[k])
		}
	}
	return groups, nil
}

func checkRow(x []float64, want int) error {
	if len(x) != want {
		return fmt.Errorf("has %d numbers, must have %d", len(x), want)
	}
	for j, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("has %g as number %d (from 0), must be finite", v, j)
		}
	}
	return nil
}

// Distances fills dst [classes] with the distance of the covariance x to each mean.
func (d *MDM) Distances(dst, x []float64) error {
	if err := d.distances(dst, x); err != nil {
		return fmt.Errorf("mdm: %w", err)
	}
	return nil
}

func (d *MDM) distances(dst, x []float64) error {
	switch {
	case d.Means == nil:
		return errors.New("not fitted; train the pipeline or load a bundle first")
	case len(dst) != len(d.Means):
		return fmt.Errorf("output has %d scores, must have %d", len(dst), len(d.Means))
	}
	if err := checkRow(x, spd.Packed(d.x.N)); err != nil {
		return fmt.Errorf("row %w", err)
	}
	d.x.Unpack(x)
	if d.Metric == LogEuclid {
		if err := d.solver.Log(d.x, d.x); err != nil {
			return err
		}
	}
	for k, m := range d.seen {
		if d.Metric != Riemann {
			dst[k] = spd.DistanceEuclid(d.x, m)
			continue
		}
		d.solver.Congruence(d.y, m, d.x)
		var err error
		if dst[k], err = d.solver.DistanceToIdentity(d.y); err != nil {
			return err
		}
	}
	return nil
}

// Predict fills dst [classes] with the softmax of the negative squared distances of the covariance x.
func (d *MDM) Predict(dst, x []float64) error {
	if err := d.distances(dst, x); err != nil {
		return fmt.Errorf("mdm: %w", err)
	}
	softmax(dst)
	return nil
}

// softmax turns distances into the softmax of their negative squares.
func softmax(d []float64) {
	least, sum := slices.Min(d), 0.0
	for k, v := range d {
		d[k] = math.Exp((least - v) * (least + v)) // the largest becomes 1, so that nothing overflows
		sum += d[k]
	}
	for k := range d {
		d[k] /= sum
	}
}

// State is "means" [classes, n, n].
func (d *MDM) State() signal.State {
	if d.Means == nil {
		return nil
	}
	return signal.State{"means": packMeans(d.Means)}
}

func packMeans(means []*spd.Matrix) signal.Array {
	n := means[0].N
	data := make([]float64, 0, len(means)*n*n)
	for _, m := range means {
		for i := range n {
			data = append(data, m.Row(i)...)
		}
	}
	return signal.NewArray(data, len(means), n, n)
}

// SetState puts back what State returned. It is called after SetClasses.
func (d *MDM) SetState(s signal.State) error {
	if err := d.restore(s); err != nil {
		return fmt.Errorf("mdm: %w", err)
	}
	return nil
}

func (d *MDM) restore(s signal.State) error {
	if len(d.classes) < 2 {
		return fmt.Errorf("SetState with %d classes, must be told at least 2 by SetClasses before", len(d.classes))
	}
	a, err := s.Get("means", len(d.classes), -1, -1)
	if err != nil {
		return err
	}
	n := a.Shape[1]
	if n == 0 || a.Shape[2] != n {
		return fmt.Errorf(`array "means" has the shape %v, must hold square matrices`, a.Shape)
	}
	means := make([]*spd.Matrix, len(d.classes))
	for k := range means {
		means[k] = spd.NewMatrix(n)
		for i := range n {
			copy(means[k].Row(i), a.Data[(k*n+i)*n:(k*n+i+1)*n])
		}
	}
	return d.set(means, spd.NewSolver(n))
}
