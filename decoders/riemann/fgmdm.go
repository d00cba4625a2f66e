package riemann

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	decoders.Register("fgmdm", func() decoders.Fitter { return &FgMDM{Metric: Riemann} })
}

// FgMDM is MDM behind a filter along geodesics (Barachant et al. 2010, doi:10.1007/978-3-642-15995-4_78, section 3.4): a
// linear discriminant in the tangent space at the mean of all training covariances says which directions tell the classes
// apart, tangent vectors are projected on them and taken back to covariances, and those go to MDM. It gives what
// pyRiemann's FgMDM gives.
//
// The projection is on the span of the discriminant's weights, one vector per class, or with two classes their
// difference. The discriminant's covariance is shrunk automatically (linear.LDA with shrinkage "auto"). Entries of the
// tangent vectors that vary at rounding level only, as those between a flat or constant channel and the others, count as
// 0 there: their weights would be so large that the filter sees nothing else.
type FgMDM struct {
	Metric Metric `json:"metric" doc:"geometry of means, distances and the tangent space: riemann (affine-invariant) or logeuclid"`

	// Reference is the mean of the training covariances, nil until fitted.
	Reference *spd.Matrix `json:"-"`
	// Directions are orthonormal tangent vectors [directions][n·(n+1)/2] that span the filter.
	Directions [][]float64 `json:"-"`

	mdm     MDM
	solver  *spd.Solver
	tangent *spd.Tangent
	vector  []float64 // tangent vector of the row at hand
	row     []float64 // the same, projected
	x       *spd.Matrix
	notes   []signal.Note // of the fit
}

// TakesCovariances says that rows are upper triangles.
func (*FgMDM) TakesCovariances() {}

// Notes says how far the discriminant was shrunk, and how many entries it did not see.
func (d *FgMDM) Notes() []signal.Note { return d.notes }

// Outputs is the classes, or nil before the fit.
func (d *FgMDM) Outputs() []string { return d.mdm.Outputs() }

// SetClasses tells the classes before SetState. What was learned about other classes is forgotten.
func (d *FgMDM) SetClasses(classes []string) { d.mdm.SetClasses(classes) }

func (d *FgMDM) check() error {
	if d.Metric != Riemann && d.Metric != LogEuclid {
		return fmt.Errorf(`metric is %q, must be "riemann" or "logeuclid"`, string(d.Metric))
	}
	return nil
}

// Fit learns from the rows x [rows][n·(n+1)/2]. Errors are those of MDM.Fit and of linear.LDA. What was fitted before is
// then kept.
func (d *FgMDM) Fit(x [][]float64, y signal.Labels) error {
	fitted := &FgMDM{Metric: d.Metric}
	if err := fitted.learn(x, y); err != nil {
		return fmt.Errorf("fgmdm: %w", err)
	}
	*d = *fitted
	return nil
}

func (d *FgMDM) learn(x [][]float64, y signal.Labels) error {
	if err := d.check(); err != nil {
		return err
	}
	if _, err := byClass(x, y); err != nil {
		return err
	}
	n := spd.Unpacked(len(x[0]))
	ref := spd.NewMatrix(n)
	s := spd.NewSolver(n)
	if err := s.Mean(ref, x, spd.Metric(d.Metric)); err != nil {
		return err
	}
	if err := d.set(ref, s); err != nil {
		return err
	}
	vectors := make([][]float64, len(x))
	for i, row := range x {
		vectors[i] = make([]float64, len(row))
		if err := s.Tangent(vectors[i], row, d.tangent); err != nil {
			return fmt.Errorf("training row %d: %w", i, err)
		}
	}
	lda := linear.LDA{Solver: linear.LSQR, Shrinkage: linear.Shrinkage{Auto: true}, Priors: linear.Empirical}
	steady, left, err := withoutRounding(vectors, y)
	if err != nil {
		return err
	}
	if left > 0 {
		d.notes = append(d.notes, signal.Note{
			Text: fmt.Sprintf("%%s of %d entries of the tangent vectors vary at rounding level only (flat, constant or equal channels): they count as 0", len(vectors[0])),
			Low:  float64(left), High: float64(left),
		})
	}
	if err := lda.Fit(steady, y); err != nil {
		return fmt.Errorf("the discriminant in the tangent space cannot be fitted; give more training rows, or use mdm, which needs none: %w", err)
	}
	for _, n := range lda.Notes() {
		n.Text += " of the discriminant in the tangent space"
		d.notes = append(d.notes, n)
	}
	weights := lda.Coef
	if len(weights) == 2 {
		weights = [][]float64{difference(weights[1], weights[0])}
	}
	if d.Directions, err = span(weights); err != nil {
		return err
	}
	means, err := d.means(vectors, y)
	if err != nil {
		return err
	}
	d.mdm = MDM{Metric: d.Metric, classes: slices.Clone(y.Classes)}
	return d.mdm.set(means, spd.NewSolver(n))
}

// withoutRounding is a copy of the vectors with 0 for the entries whose variance within the classes is at most 2⁻⁵² of that
// of all entries, and how many are left out: those of a tangent vector share one unit, so that such are rounding errors. SciPy's least squares, with
// which scikit-learn's "lsqr" finds the weights, has the same cut-off.
func withoutRounding(vectors [][]float64, y signal.Labels) (steady [][]float64, left int, err error) {
	counts, within := y.Counts(), make([]float64, len(vectors[0]))
	total := 0.0
	for j := range within {
		mean := make([]float64, len(counts))
		for i, v := range vectors {
			mean[y.Y[i]] += v[j] / float64(counts[y.Y[i]])
		}
		for i, v := range vectors {
			d := v[j] - mean[y.Y[i]]
			within[j] += d * d
		}
		total += within[j]
	}
	if total == 0 {
		return nil, 0, errors.New("the covariances of each class are all the same, so nothing says which differences matter; give more training rows, or use mdm")
	}
	steady = make([][]float64, len(vectors))
	for i, v := range vectors {
		steady[i] = slices.Clone(v)
	}
	for j, w := range within {
		if w > 0x1p-52*total {
			continue
		}
		left++
		for _, v := range steady {
			v[j] = 0
		}
	}
	return steady, left, nil
}

// means are those of the filtered tangent vectors of each class.
func (d *FgMDM) means(vectors [][]float64, y signal.Labels) ([]*spd.Matrix, error) {
	n := d.Reference.N
	means := make([]*spd.Matrix, len(y.Classes))
	for k := range means {
		means[k] = spd.NewMatrix(n)
		var rows [][]float64
		count := 0.0
		for i, v := range vectors {
			if y.Y[i] != k {
				continue
			}
			d.project(v)
			count++
			if d.Metric == LogEuclid {
				d.solver.UntangentLog(d.x, d.row, d.tangent)
				for p, l := range d.x.Data {
					means[k].Data[p] += l
				}
				continue
			}
			row := make([]float64, len(v))
			if err := d.solver.Untangent(row, d.row, d.tangent); err != nil {
				return nil, fmt.Errorf("training row %d, filtered: %w", i, err)
			}
			rows = append(rows, row)
		}
		var err error
		if d.Metric == LogEuclid {
			for p := range means[k].Data {
				means[k].Data[p] /= count
			}
			err = d.solver.Exp(means[k], means[k])
		} else {
			err = d.solver.Mean(means[k], rows, spd.Riemann)
		}
		if err != nil {
			return nil, fmt.Errorf("class %q, filtered: %w", y.Classes[k], err)
		}
	}
	return means, nil
}

func difference(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i, v := range a {
		out[i] = v - b[i]
	}
	return out
}

// span is an orthonormal basis of the rows, which are fewer than their length; directions with less than 1e-15 of the
// strongest one's length count as absent, as NumPy's pinv has it.
func span(rows [][]float64) ([][]float64, error) {
	k := len(rows)
	gram := spd.NewMatrix(k)
	for i := range k {
		for j := range k {
			gram.Set(i, j, dot(rows[i], rows[j]))
		}
	}
	values, vectors := make([]float64, k), spd.NewMatrix(k)
	if err := spd.NewSolver(k).Eigen(values, vectors, gram); err != nil {
		return nil, err
	}
	var basis [][]float64
	for i := k - 1; i >= 0 && values[i] > 1e-15*values[k-1]; i-- {
		u := make([]float64, len(rows[0]))
		for j, f := range vectors.Row(i) {
			for p, v := range rows[j] {
				u[p] += f * v
			}
		}
		// Once more against those before, and to unit length: products of rows have half the digits.
		for _, b := range basis {
			f := dot(u, b)
			for p, v := range b {
				u[p] -= f * v
			}
		}
		if !normalise(u) {
			break
		}
		basis = append(basis, u)
	}
	if len(basis) == 0 {
		return nil, errors.New("no direction in the tangent space tells the classes apart")
	}
	return basis, nil
}

// project fills d.row with the tangent vector, projected.
func (d *FgMDM) project(vector []float64) {
	clear(d.row)
	for _, u := range d.Directions {
		f := dot(u, vector)
		for p, v := range u {
			d.row[p] += f * v
		}
	}
}

// set prepares for predictions.
func (d *FgMDM) set(ref *spd.Matrix, s *spd.Solver) error {
	tangent, err := s.NewTangent(ref, spd.Metric(d.Metric))
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	d.Reference, d.solver, d.tangent = ref, s, tangent
	d.x = spd.NewMatrix(ref.N)
	d.vector, d.row = make([]float64, spd.Packed(ref.N)), make([]float64, spd.Packed(ref.N))
	return nil
}

// Predict fills dst [classes] with the softmax of the negative squared distances of the filtered covariance.
func (d *FgMDM) Predict(dst, x []float64) error {
	if d.mdm.Means == nil {
		return errors.New("fgmdm: not fitted; train the pipeline or load a bundle first")
	}
	if err := checkRow(x, len(d.vector)); err != nil {
		return fmt.Errorf("fgmdm: row %w", err)
	}
	if err := d.solver.Tangent(d.vector, x, d.tangent); err != nil {
		return fmt.Errorf("fgmdm: %w", err)
	}
	d.project(d.vector)
	if err := d.distances(dst); err != nil {
		return fmt.Errorf("fgmdm: %w", err)
	}
	softmax(dst)
	return nil
}

// distances fills dst with those of the projected tangent vector.
func (d *FgMDM) distances(dst []float64) error {
	if d.Metric == Riemann {
		if err := d.solver.Untangent(d.vector, d.row, d.tangent); err != nil {
			return err
		}
		return d.mdm.distances(dst, d.vector)
	}
	if len(dst) != len(d.mdm.Means) {
		return fmt.Errorf("output has %d scores, must have %d", len(dst), len(d.mdm.Means))
	}
	d.solver.UntangentLog(d.x, d.row, d.tangent)
	for k, m := range d.mdm.seen {
		dst[k] = spd.DistanceEuclid(d.x, m)
	}
	return nil
}

// State is "means" [classes, n, n], "reference" [n, n] and "directions" [directions, n·(n+1)/2].
func (d *FgMDM) State() signal.State {
	s := d.mdm.State()
	if s == nil {
		return nil
	}
	ref := packMeans([]*spd.Matrix{d.Reference})
	s["reference"] = signal.NewArray(ref.Data, d.Reference.N, d.Reference.N)
	s["directions"] = signal.Matrix(d.Directions)
	return s
}

// SetState puts back what State returned. It is called after SetClasses.
func (d *FgMDM) SetState(s signal.State) error {
	fitted := &FgMDM{Metric: d.Metric, mdm: MDM{Metric: d.Metric, classes: slices.Clone(d.mdm.classes)}}
	if err := fitted.restore(s); err != nil {
		return fmt.Errorf("fgmdm: %w", err)
	}
	*d = *fitted
	return nil
}

func (d *FgMDM) restore(s signal.State) error {
	if err := d.check(); err != nil {
		return err
	}
	if err := d.mdm.restore(s); err != nil {
		return err
	}
	n := d.mdm.Means[0].N
	a, err := s.Get("reference", n, n)
	if err != nil {
		return err
	}
	directions, err := s.Get("directions", -1, spd.Packed(n))
	if err != nil {
		return err
	}
	if directions.Shape[0] == 0 {
		return errors.New(`array "directions" is empty`)
	}
	ref := spd.NewMatrix(n)
	for i := range n {
		copy(ref.Row(i), a.Data[i*n:(i+1)*n])
	}
	d.Directions = directions.Rows()
	return d.set(ref, spd.NewSolver(n))
}
