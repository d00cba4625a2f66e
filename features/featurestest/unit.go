package featurestest

import (
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// unit is a step of any kind behind one interface: an example is a window [channel][sample], or one row as [1][number].
type unit struct {
	step    features.Step
	in, out features.Format
	classes []string
	banked  bool
}

// unit is a new step that was told the classes and started.
func (s *suite) unit(t *testing.T) *unit {
	t.Helper()
	step := s.construct()
	u := &unit{step: step, classes: s.classes, banked: s.banked}
	_, row := step.(features.Transformer)
	switch {
	case takesCovariances(step):
		u.in = covarianceFormat()
	case row:
		u.in = features.Format{Names: channelNames}
	default:
		u.in = windowFormat()
		if s.banked {
			u.in.Names, u.in.Chans = bankedNames(), nil
		}
	}
	if c, ok := step.(features.Classed); ok {
		c.SetClasses(s.classes)
	}
	out, err := step.Start(u.in)
	if err != nil {
		t.Fatalf("Start(%v): %v", u.in, err)
	}
	u.out = out
	return u
}

// takesCovariances says whether the rows that step works on must be upper triangles of covariance matrices.
func takesCovariances(step features.Step) bool {
	_, ok := step.(interface{ TakesCovariances() })
	return ok
}

// learns says whether the step is fitted.
func (u *unit) learns() bool {
	_, ok := u.step.(signal.Stateful)
	return ok
}

// fit does nothing where the step does not learn.
func (u *unit) fit(x [][][]float64, y signal.Labels) error {
	switch step := u.step.(type) {
	case features.WindowFitter:
		return step.FitWindows(x, y)
	case features.RowFitter:
		return step.FitRows(rowsOf(x), y)
	case features.Aligner:
		return step.FitRuns(halves(x))
	case features.RowAligner:
		return step.FitRuns(halves(rowsOf(x)))
	}
	return nil
}

// halves makes two runs of training examples.
func halves[T any](x []T) [][]T { return [][]T{x[:len(x)/2], x[len(x)/2:]} }

func rowsOf(x [][][]float64) [][]float64 {
	rows := make([][]float64, len(x))
	for i := range x {
		rows[i] = x[i][0]
	}
	return rows
}

// follows says whether the step follows a run: its output depends on the examples before.
func (u *unit) follows() bool {
	_, ok := u.step.(interface{ Reset() })
	return ok
}

// reset begins a new run where that makes a difference.
func (u *unit) reset() {
	if r, ok := u.step.(interface{ Reset() }); ok {
		r.Reset()
	}
}

// mapRun is MapRun of a step that follows runs.
func (u *unit) mapRun(dst, x [][][]float64) error {
	if a, ok := u.step.(features.Aligner); ok {
		return a.MapRun(dst, x)
	}
	return u.step.(features.RowAligner).MapRun(rowsOf(dst), rowsOf(x))
}

// train is what the training examples become: each run by its own reference where the step follows runs.
func (u *unit) train(t *testing.T, x [][][]float64) [][][]float64 {
	t.Helper()
	if !u.follows() {
		return u.all(t, x)
	}
	out := make([][][]float64, len(x))
	for i := range out {
		out[i] = u.buffer()
	}
	for r, run := range halves(x) {
		if err := u.mapRun(halves(out)[r], run); err != nil {
			t.Fatalf("run %d: %v", r, err)
		}
	}
	return out
}

// apply is Map, Extract or Transform.
func (u *unit) apply(dst, x [][]float64) error {
	switch step := u.step.(type) {
	case features.Mapper:
		return step.Map(dst, x)
	case features.Extractor:
		return step.Extract(dst[0], x)
	case features.Transformer:
		return step.Transform(dst[0], x[0])
	}
	panic("featurestest: a step of no kind")
}

// all applies the step to every example, each into memory of its own; they are one new run.
func (u *unit) all(t *testing.T, x [][][]float64) [][][]float64 {
	t.Helper()
	u.reset()
	out := make([][][]float64, len(x))
	for i := range x {
		out[i] = u.buffer()
		if err := u.apply(out[i], x[i]); err != nil {
			t.Fatalf("example %d: %v", i, err)
		}
	}
	return out
}

// buffer has the size of the output.
func (u *unit) buffer() [][]float64 {
	if u.out.Len == 0 {
		return [][]float64{make([]float64, len(u.out.Names))}
	}
	x := make([][]float64, len(u.out.Names))
	for i := range x {
		x[i] = make([]float64, u.out.Len)
	}
	return x
}

func (u *unit) state() signal.State { return u.step.(signal.Stateful).State() }

// equalBits tells +0 from −0 and takes NaN for equal to itself.
func equalBits(a, b [][]float64) bool {
	return slices.EqualFunc(a, b, func(x, y []float64) bool {
		return slices.EqualFunc(x, y, func(v, w float64) bool { return math.Float64bits(v) == math.Float64bits(w) })
	})
}

func sameState(a, b signal.State) bool {
	if len(a) != len(b) || (a == nil) != (b == nil) {
		return false
	}
	for name, x := range a {
		y, ok := b[name]
		if !ok || !slices.Equal(x.Shape, y.Shape) || !equalBits([][]float64{x.Data}, [][]float64{y.Data}) {
			return false
		}
	}
	return true
}

func clone(x [][]float64) [][]float64 {
	out := make([][]float64, len(x))
	for i := range x {
		out[i] = slices.Clone(x[i])
	}
	return out
}

// shifted is x in memory that starts 8 bytes behind an allocation, so that it is aligned otherwise than x.
func shifted(x [][]float64) [][]float64 {
	out := make([][]float64, len(x))
	for i := range x {
		out[i] = append([]float64{0}, x[i]...)[1:]
	}
	return out
}

// cutLast is x with one number less in its last row.
func cutLast(x [][]float64) [][]float64 {
	out := slices.Clone(x)
	last := len(out) - 1
	out[last] = out[last][:len(out[last])-1]
	return out
}

func allFinite(x [][]float64) bool {
	for _, row := range x {
		for _, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}
