package riemann

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	features.Register("tangent_space", func() features.Step { return &TangentSpace{Metric: Riemann} })
}

// Metric is the geometry of a step.
type Metric spd.Metric

// The metrics that exist. Which of them a step takes, its documentation says.
const (
	Riemann   = Metric(spd.Riemann)
	LogEuclid = Metric(spd.LogEuclid)
	Euclid    = Metric(spd.Euclid)
)

// UnmarshalJSON accepts the names above.
func (m *Metric) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || (Metric(word) != Riemann && Metric(word) != LogEuclid && Metric(word) != Euclid) {
		return fmt.Errorf(`key "metric": is %s, must be "riemann", "logeuclid" or "euclid"`, strings.TrimSpace(string(data)))
	}
	*m = Metric(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Metric) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(Riemann), string(LogEuclid), string(Euclid)}}
}

// TangentSpace maps a covariance to the tangent space at the mean of the training covariances, in the metric, where
// straight lines make sense and a linear classifier works (Barachant et al. 2012, doi:10.1109/TBME.2011.2172210; see
// spd.Tangent for the formulas). The numbers have no unit with "riemann". It gives what pyRiemann's TangentSpace gives.
//
// Covariances must be positive definite: a singular one is an error that names the remedy, as is a mean that does not
// converge.
//
// A covariance of n channels goes in as its n·(n+1)/2 numbers, row by row; as many come out.
type TangentSpace struct {
	Metric Metric `json:"metric" doc:"geometry of the mean and of the map: riemann (affine-invariant) or logeuclid"`

	// Reference is the mean of the training covariances [n, n], nil until fitted.
	Reference *spd.Matrix `json:"-"`

	entries int // of a row; 0 before Start
	solver  *spd.Solver
	tangent *spd.Tangent
}

// TakesCovariances says that rows are upper triangles.
func (*TangentSpace) TakesCovariances() {}

// Start needs rows of n·(n+1)/2 numbers. What comes out has as many: "ts(C3,C3)", "ts(C3,C4)", ….
func (t *TangentSpace) Start(in features.Format) (features.Format, error) {
	t.entries = 0
	if t.Metric != Riemann && t.Metric != LogEuclid {
		return features.Format{}, fmt.Errorf("tangent_space: metric is %q, must be %q or %q", string(t.Metric), Riemann, LogEuclid)
	}
	n, err := matrixSize(in)
	if err != nil {
		return features.Format{}, fmt.Errorf("tangent_space: %w", err)
	}
	if t.Reference != nil && t.Reference.N != n {
		return features.Format{}, fmt.Errorf("tangent_space: was fitted on matrices of size %d, now gets %d; use the channels of the training data", t.Reference.N, n)
	}
	t.entries = len(in.Names)
	if t.solver == nil || t.tangent == nil {
		t.solver = spd.NewSolver(n)
	}
	return features.Format{Names: rename("ts", in.Names)}, nil
}

// FitRows takes the mean of the training rows. The labels are not looked at.
func (t *TangentSpace) FitRows(x [][]float64, _ signal.Labels) error {
	if t.entries == 0 {
		return errors.New("tangent_space: FitRows before Start")
	}
	for i, row := range x {
		if err := checkRow(row, row, t.entries); err != nil {
			return fmt.Errorf("tangent_space: training row %d: %w", i, err)
		}
	}
	ref := spd.NewMatrix(t.solver.Size())
	if err := t.solver.Mean(ref, x, spd.Metric(t.Metric)); err != nil {
		return fmt.Errorf("tangent_space: %w", err)
	}
	return t.set(ref)
}

func (t *TangentSpace) set(ref *spd.Matrix) error {
	tangent, err := t.solver.NewTangent(ref, spd.Metric(t.Metric))
	if err != nil {
		return fmt.Errorf("tangent_space: reference: %w", err)
	}
	t.Reference, t.tangent = ref, tangent
	return nil
}

// Transform fills dst with the tangent vector of the covariance x, both of n·(n+1)/2 numbers.
func (t *TangentSpace) Transform(dst, x []float64) error {
	if err := checkRow(dst, x, t.entries); err != nil {
		return fmt.Errorf("tangent_space: %w", err)
	}
	if t.tangent == nil {
		return errors.New("tangent_space: not fitted; train the pipeline or load a bundle first")
	}
	if err := t.solver.Tangent(dst, x, t.tangent); err != nil {
		return fmt.Errorf("tangent_space: %w", err)
	}
	return nil
}

// State is "reference" [n, n].
func (t *TangentSpace) State() signal.State {
	if t.Reference == nil {
		return nil
	}
	return signal.State{"reference": matrixArray(t.Reference)}
}

// SetState puts back what State returned. It is called after Start.
func (t *TangentSpace) SetState(s signal.State) error {
	if t.entries == 0 {
		return errors.New("tangent_space: SetState before Start")
	}
	ref, err := arrayMatrix(s, "reference", t.solver.Size())
	if err != nil {
		return fmt.Errorf("tangent_space: %w", err)
	}
	return t.set(ref)
}

func matrixArray(m *spd.Matrix) signal.Array {
	data := make([]float64, 0, m.N*m.N)
	for i := range m.N {
		data = append(data, m.Row(i)...)
	}
	return signal.NewArray(data, m.N, m.N)
}

func arrayMatrix(s signal.State, name string, n int) (*spd.Matrix, error) {
	a, err := s.Get(name, n, n)
	if err != nil {
		return nil, err
	}
	m := spd.NewMatrix(n)
	for i := range n {
		copy(m.Row(i), a.Data[i*n:(i+1)*n])
	}
	return m, nil
}
