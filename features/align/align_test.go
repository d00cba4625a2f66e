package align_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/align"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func step(t testing.TB, name, params string) *align.Alignment {
	t.Helper()
	s, err := features.Steps().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return s.(*align.Alignment)
}

// TestConformance runs the suite with parameters other than the defaults, which features/all has.
func TestConformance(t *testing.T) {
	for _, tc := range []struct{ name, params string }{
		{"riemannian_alignment", `{"estimator":"lwf","forget":0.1}`},
	} {
		featurestest.Run(t, tc.name+" "+tc.params, func() features.Step { return step(t, tc.name, tc.params) })
	}
}

type golden struct {
	Program    string        `json:"program"`
	Rate       float64       `json:"rate"`
	X          [][][]float64 `json:"x"`
	Riemannian [][][]float64 `json:"riemannian_alignment"`
	Euclidean  [][][]float64 `json:"euclidean_alignment"`
}

func readGolden(t *testing.T) (golden, features.Format) {
	t.Helper()
	raw, err := os.ReadFile("../riemann/testdata/riemann.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g, features.Format{Names: []string{"C3", "Cz", "C4", "Pz"}, Len: len(g.X[0][0]), Rate: g.Rate}
}

func window(f features.Format) [][]float64 {
	x := make([][]float64, len(f.Names))
	for ch := range x {
		x[ch] = make([]float64, f.Len)
	}
	return x
}

func windows(n int, f features.Format) [][][]float64 {
	x := make([][][]float64, n)
	for i := range x {
		x[i] = window(f)
	}
	return x
}

// fitted is a step fitted on runs, started.
func fitted(t *testing.T, name, params string, f features.Format, runs ...[][][]float64) *align.Alignment {
	t.Helper()
	a := step(t, name, params)
	if _, err := a.Start(f); err != nil {
		t.Fatal(err)
	}
	if err := a.FitRuns(runs); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestWholeRunsAgainstPyRiemann: windows of a training run, 1e-9.
func TestWholeRunsAgainstPyRiemann(t *testing.T) {
	g, f := readGolden(t)
	for name, want := range map[string][][][]float64{"euclidean_alignment": g.Euclidean, "riemannian_alignment": g.Riemannian} {
		a := fitted(t, name, `{"estimator":"scm"}`, f, g.X)
		got := windows(len(g.X), f)
		if err := a.MapRun(got, g.X); err != nil {
			t.Fatal(err)
		}
		var ours, theirs []float64
		for i, w := range want {
			for ch, row := range w {
				ours, theirs = append(ours, got[i][ch]...), append(theirs, row...)
			}
		}
		peer, _, _ := strings.Cut(g.Program, ",")
		paritytest.Within(t, strings.ReplaceAll(name, "_", " ")+": windows", peer, "generated", ours, theirs, 1e-9)
	}
}

// TestNewRunAgainstTheFormula: R_i = (n0·R_prior + Σ_{j≤i} C_j)/(n0+i+1), X ← R_i^−½·X.
func TestNewRunAgainstTheFormula(t *testing.T) {
	g, f := readGolden(t)
	const n0 = 4.0
	n := len(f.Names)
	a := fitted(t, "euclidean_alignment", `{"estimator":"scm","prior_windows":4,"max_step":0}`, f, g.X[:10], g.X[10:])
	covs, c, white, solver := spd.NewCovariances(n, f.Len), spd.NewMatrix(n), spd.NewMatrix(n), spd.NewSolver(n)
	cov := func(x [][]float64) []float64 {
		covs.Load(x)
		if _, err := covs.Estimate(c, spd.SCM); err != nil {
			t.Fatal(err)
		}
		return append([]float64(nil), c.Data...)
	}
	prior := make([]float64, len(c.Data))
	for _, run := range [][][][]float64{g.X[:10], g.X[10:]} { // every run weighs the same
		for _, x := range run {
			for k, v := range cov(x) {
				prior[k] += v / float64(len(run)) / 2
			}
		}
	}
	dst := window(f)
	for i, x := range g.X {
		scaled := window(f)
		for ch, row := range x {
			for k, v := range row {
				scaled[ch][k] = v * float64(1+ch)
			}
		}
		for k, v := range cov(scaled) {
			prior[k] = (prior[k]*(n0+float64(i)) + v) / (n0 + float64(i) + 1)
		}
		copy(c.Data, prior)
		if err := solver.InvSqrt(white, c); err != nil {
			t.Fatal(err)
		}
		if err := a.Map(dst, scaled); err != nil {
			t.Fatal(err)
		}
		for ch := range dst {
			for k, got := range dst[ch] {
				want := 0.0
				for q := range n {
					want += white.At(ch, q) * scaled[q][k]
				}
				if math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
					t.Fatalf("window %d, channel %d, sample %d is %g, want %g", i, ch, k, got, want)
				}
			}
		}
	}
}

// TestMissingDimensions: behind an average reference, and with a flat channel, nothing is blown up, the run comes out
// white in the range that it has, and the channels still add up to 0.
func TestMissingDimensions(t *testing.T) {
	g, f := readGolden(t)
	for what, spoil := range map[string]func(x [][]float64){
		"average reference": func(x [][]float64) {
			for k := range x[0] {
				mean := (x[0][k] + x[1][k] + x[2][k] + x[3][k]) / 4
				for ch := range x {
					x[ch][k] -= mean
				}
			}
		},
		"flat channel":  func(x [][]float64) { clear(x[1]) },
		"equal channel": func(x [][]float64) { copy(x[3], x[0]) },
	} {
		for _, name := range []string{"euclidean_alignment", "riemannian_alignment"} {
			x := windows(len(g.X), f)
			for i := range x {
				for ch := range x[i] {
					copy(x[i][ch], g.X[i][ch])
				}
				spoil(x[i])
			}
			a := fitted(t, name, `{"estimator":"scm"}`, f, x)
			if len(a.Basis) != 3 {
				t.Errorf("%s, %s: rank %d, must be 3", name, what, len(a.Basis))
			}
			got := windows(len(x), f)
			if err := a.MapRun(got, x); err != nil {
				t.Fatal(err)
			}
			sum := spd.NewMatrix(4)
			covs, c := spd.NewCovariances(4, f.Len), spd.NewMatrix(4)
			for _, w := range got {
				covs.Load(w)
				if _, err := covs.Estimate(c, spd.SCM); err != nil {
					t.Fatal(err)
				}
				for k, v := range c.Data {
					sum.Data[k] += v / float64(len(got))
				}
			}
			values := make([]float64, 4)
			if err := spd.NewSolver(4).Eigen(values, nil, sum); err != nil {
				t.Fatal(err)
			}
			if math.Abs(values[0]) > 1e-9 {
				t.Errorf("%s, %s: the missing dimension has the power %g, must be 0", name, what, values[0])
			}
			for _, v := range values[1:] {
				if name == "euclidean_alignment" && math.Abs(v-1) > 1e-9 || v < 0.5 || v > 2 {
					t.Errorf("%s, %s: powers %v, must be 0 and 1", name, what, values)
				}
			}
			if err := a.Map(window(f), x[0]); err != nil {
				t.Errorf("%s, %s: new run: %v", name, what, err)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	g, f := readGolden(t)
	for _, tc := range []struct{ params, want string }{
		{`{"estimator":"tyler"}`, "no scale"},
		{`{"prior_windows":0}`, "first window would lose all information"},
		{`{"forget":1}`, "forget is 1"},
		{`{"max_step":-1}`, "max_step is -1"},
	} {
		if _, err := step(t, "euclidean_alignment", tc.params).Start(f); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.params, err, tc.want)
		}
	}
	if _, err := step(t, "euclidean_alignment", "").Start(features.Format{Names: f.Names}); err == nil || !strings.Contains(err.Error(), "needs windows") {
		t.Errorf("rows: error is %v", err)
	}
	a := step(t, "euclidean_alignment", `{"estimator":"scm"}`)
	if _, err := a.Start(f); err != nil {
		t.Fatal(err)
	}
	flat := windows(3, f)
	if err := a.FitRuns([][][][]float64{flat}); err == nil || !strings.Contains(err.Error(), "no channel changes") {
		t.Errorf("flat windows: error is %v", err)
	}
	weak := windows(3, f) // one channel ten thousand times as weak as the others: a condition number above 1e8
	for i := range weak {
		for ch := range weak[i] {
			for k, v := range g.X[i][ch] {
				weak[i][ch][k] = v
				if ch == 2 {
					weak[i][ch][k] = 2e-5 * v
				}
			}
		}
	}
	if err := a.FitRuns([][][][]float64{weak}); err == nil || !strings.Contains(err.Error(), "condition number") {
		t.Errorf("a condition number of 1e9: error is %v", err)
	}
	if err := a.FitRuns([][][][]float64{g.X, nil}); err != nil { // a run that lost all its windows
		t.Errorf("an empty run among others: %v", err)
	}
}

func BenchmarkMap(b *testing.B) {
	for _, n := range []int{8, 22, 64} {
		b.Run(fmt.Sprintf("ch=%d", n), func(b *testing.B) {
			f := features.Format{Names: make([]string, n), Len: 500, Rate: 250}
			x := windows(2*n, f)
			for i := range x {
				for ch := range x[i] {
					for k := range x[i][ch] {
						x[i][ch][k] = math.Sin(float64((k+7*i)*(ch+1)) * 0.37)
					}
				}
			}
			a := step(b, "euclidean_alignment", "")
			if _, err := a.Start(f); err != nil {
				b.Fatal(err)
			}
			if err := a.FitRuns([][][][]float64{x}); err != nil {
				b.Fatal(err)
			}
			dst := window(f)
			b.ReportAllocs()
			for b.Loop() {
				if err := a.Map(dst, x[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
