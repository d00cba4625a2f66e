package riemann_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/features/riemann"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func step(t testing.TB, name, params string) features.Step {
	t.Helper()
	s, err := features.Steps().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestConformance runs the suite with parameters other than the defaults, which features/all has.
func TestConformance(t *testing.T) {
	for _, tc := range []struct{ name, params string }{
		{"covariance", `{"estimator":"lwf","order":2,"lag_samples":4}`},
		{"tangent_space", `{"metric":"logeuclid"}`},
		{"recentre", `{"metric":"euclid","prior_windows":5,"max_step":0,"forget":0.1}`},
		{"xdawn_covariance", `{"applyfilters":false,"components":2,"xdawn_estimator":"oas"}`},
	} {
		featurestest.Run(t, tc.name+" "+tc.params, func() features.Step { return step(t, tc.name, tc.params) })
	}
}

type golden struct {
	Program      string                 `json:"program"`
	Rate         float64                `json:"rate"`
	X            [][][]float64          `json:"x"`
	Y            []int                  `json:"y"`
	Covariance   map[string][][]float64 `json:"covariance"`
	Augmented    [][]float64            `json:"augmented"`
	Cospectra    [][]float64            `json:"cospectra"`
	Coherence    map[string][][]float64 `json:"coherence"`
	ERP          [][]float64            `json:"erp"`
	ERPTwo       [][]float64            `json:"erp_two"`
	ERPSVD       [][]float64            `json:"erp_svd"`
	Xdawn        [][]float64            `json:"xdawn"`
	XdawnW       [][]float64            `json:"xdawn_filters"`
	Prototypes   [][]float64            `json:"xdawn_prototypes"`
	PrototypesW  [][]float64            `json:"xdawn_prototypes_filters"`
	TangentR     [][]float64            `json:"tangent_riemann"`
	TangentL     [][]float64            `json:"tangent_logeuclid"`
	RecentreR    [][]float64            `json:"recentre_riemann"`
	RecentreE    [][]float64            `json:"recentre_euclid"`
	labels       signal.Labels
	windowFormat features.Format
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/riemann.json")
	if err != nil {
		t.Fatal(err)
	}
	g := &golden{}
	if err := json.Unmarshal(raw, g); err != nil {
		t.Fatal(err)
	}
	g.labels = signal.Labels{Classes: []string{"a", "b", "c"}, Y: g.Y}
	g.windowFormat = features.Format{Names: []string{"C3", "Cz", "C4", "Pz"}, Len: len(g.X[0][0]), Rate: g.Rate}
	return g
}

// extract starts, fits and runs an Extractor on all windows.
func (g *golden) extract(t *testing.T, s features.Step) ([][]float64, []string) {
	t.Helper()
	if c, ok := s.(features.Classed); ok {
		c.SetClasses(g.labels.Classes)
	}
	format, err := s.Start(g.windowFormat)
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := s.(features.WindowFitter); ok {
		if err := f.FitWindows(g.X, g.labels); err != nil {
			t.Fatal(err)
		}
	}
	rows := make([][]float64, len(g.X))
	for i, x := range g.X {
		rows[i] = make([]float64, len(format.Names))
		if err := s.(features.Extractor).Extract(rows[i], x); err != nil {
			t.Fatal(err)
		}
	}
	return rows, format.Names
}

// differ is the largest relative difference of two sets of rows, each row by its norm.
func differ(t *testing.T, got, want [][]float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, must be %d", len(got), len(want))
	}
	worst := 0.0
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("row %d has %d numbers, must have %d", i, len(got[i]), len(want[i]))
		}
		d, size := 0.0, 0.0
		for j, w := range want[i] {
			d += (got[i][j] - w) * (got[i][j] - w)
			size += w * w
		}
		worst = max(worst, math.Sqrt(d/size))
	}
	return worst
}

// TestAgainstPyRiemann: sums in another order, 1e-10; eigenvectors and means, 1e-9.
func TestAgainstPyRiemann(t *testing.T) {
	g := readGolden(t)
	peer, _, _ := strings.Cut(g.Program, ",")
	check := func(what string, got, want [][]float64, tol float64) {
		t.Helper()
		paritytest.Error(t, paritytest.Report{What: what, Peer: peer, Data: "generated", Err: differ(t, got, want), Tol: tol})
	}
	rows := func(name, params string) [][]float64 {
		t.Helper()
		out, _ := g.extract(t, step(t, name, params))
		return out
	}
	for est, want := range g.Covariance {
		check("covariance "+est, rows("covariance", `{"estimator":"`+est+`"}`), want, 1e-10)
	}
	check("augmented covariance", rows("covariance", `{"order":3,"lag_samples":2}`), g.Augmented, 1e-10)
	const band = `"window_s":0.5,"overlap":0.75,"fmin_hz":4,"fmax_hz":20`
	check("cospectra", rows("cospectra", "{"+band+"}"), g.Cospectra, 1e-10)
	for kind, want := range g.Coherence {
		check("coherence "+kind, rows("coherence", `{`+band+`,"kind":"`+kind+`"}`), want, 1e-10)
	}
	check("erp covariance", rows("erp_covariance", `{}`), g.ERP, 1e-10)
	check("erp covariance, two classes", rows("erp_covariance", `{"estimator":"lwf","classes":["a","c"]}`), g.ERPTwo, 1e-10)
	check("erp covariance, components", magnitudes(rows("erp_covariance", `{"components":2}`)), magnitudes(g.ERPSVD), 1e-9)

	for _, tc := range []struct {
		apply         bool
		want, filters [][]float64
	}{{true, g.Xdawn, g.XdawnW}, {false, g.Prototypes, g.PrototypesW}} {
		x := step(t, "xdawn_covariance", fmt.Sprintf(`{"components":2,"xdawn_estimator":"lwf","applyfilters":%t}`, tc.apply)).(*riemann.XdawnCovariance)
		got, _ := g.extract(t, x)
		check(fmt.Sprintf("xDAWN covariance, applyfilters %t", tc.apply), magnitudes(got), magnitudes(tc.want), 1e-9)
		check(fmt.Sprintf("xDAWN covariance, applyfilters %t: filters", tc.apply), magnitudes(x.Filters), magnitudes(tc.filters), 1e-9)
	}

	cov, names := g.extract(t, step(t, "covariance", ""))
	for metric, want := range map[string][][]float64{"riemann": g.TangentR, "logeuclid": g.TangentL} {
		s := step(t, "tangent_space", `{"metric":"`+metric+`"}`).(*riemann.TangentSpace)
		if _, err := s.Start(features.Format{Names: names}); err != nil {
			t.Fatal(err)
		}
		if err := s.FitRows(cov[:14], signal.Labels{}); err != nil {
			t.Fatal(err)
		}
		got := make([][]float64, len(cov))
		for i, row := range cov {
			got[i] = make([]float64, len(row))
			if err := s.Transform(got[i], row); err != nil {
				t.Fatal(err)
			}
		}
		check("tangent space "+metric, got, want, 1e-7)
	}
	for metric, want := range map[string][][]float64{"riemann": g.RecentreR, "euclid": g.RecentreE} {
		s := step(t, "recentre", `{"metric":"`+metric+`"}`).(*riemann.Recentre)
		if _, err := s.Start(features.Format{Names: names}); err != nil {
			t.Fatal(err)
		}
		got := make([][]float64, len(cov))
		for i, row := range cov {
			got[i] = make([]float64, len(row))
		}
		if err := s.MapRun(got, cov); err != nil {
			t.Fatal(err)
		}
		check("recentre "+metric, got, want, 1e-9)
	}
}

// magnitudes are without signs: those of filters and components are arbitrary.
func magnitudes(x [][]float64) [][]float64 {
	out := make([][]float64, len(x))
	for i, row := range x {
		for _, v := range row {
			out[i] = append(out[i], math.Abs(v))
		}
	}
	return out
}

func TestNames(t *testing.T) {
	g := readGolden(t)
	for _, tc := range []struct{ step, params, first, last string }{
		{"covariance", "", "cov(C3,C3)", "cov(Pz,Pz)"},
		{"covariance", `{"order":2,"lag_samples":8}`, "cov(C3,C3)", "cov(Pz+8,Pz+8)"},
		{"cospectra", `{"window_s":0.5}`, "cospectrum(C3,C3)", "cospectrum(Pz,Pz)"},
		{"coherence", `{"window_s":0.5}`, "coherence(C3,C3)", "coherence(Pz,Pz)"},
		{"erp_covariance", "", "cov(a.C3,a.C3)", "cov(Pz,Pz)"},
		{"erp_covariance", `{"components":1}`, "cov(a.pc1,a.pc1)", "cov(Pz,Pz)"},
		{"xdawn_covariance", "", "cov(a.xdawn1,a.xdawn1)", "cov(x.c.xdawn4,x.c.xdawn4)"},
	} {
		_, names := g.extract(t, step(t, tc.step, tc.params))
		if names[0] != tc.first || names[len(names)-1] != tc.last {
			t.Errorf("%s %s: names from %q to %q, want %q to %q", tc.step, tc.params, names[0], names[len(names)-1], tc.first, tc.last)
		}
	}
	s := step(t, "tangent_space", "")
	out, err := s.Start(features.Format{Names: []string{"cov(C3,C3)", "cov(C3,C4)", "x"}})
	if err != nil || !slices.Equal(out.Names, []string{"ts(C3,C3)", "ts(C3,C4)", "ts(x)"}) {
		t.Errorf("tangent space names %q, %v", out.Names, err)
	}
}

func TestStartErrors(t *testing.T) {
	g := readGolden(t)
	rows := features.Format{Names: make([]string, 10)}
	one := features.Format{Names: g.windowFormat.Names[:1], Len: g.windowFormat.Len, Rate: g.windowFormat.Rate}
	for _, tc := range []struct {
		step, params string
		in           features.Format
		want         string
	}{
		{"covariance", `{"order":0}`, g.windowFormat, "order is 0"},
		{"covariance", `{"order":4,"lag_samples":30}`, g.windowFormat, "of the window's 96 samples"},
		{"covariance", `{"order":2,"lag_samples":0}`, g.windowFormat, "lag_samples is 0"},
		{"covariance", "", rows, "needs windows"},
		{"covariance", `{"estimator":"tyler"}`, one, `always the same; use more channels, or "oas"`},
		{"coherence", `{"window_s":0.5}`, one, "at least two channels"},
		{"cospectra", `{"window_s":2}`, g.windowFormat, "window_s is 2, but windows have 96 samples (1.5 s)"},
		{"cospectra", `{"window_s":0.5,"fmin_hz":9,"fmax_hz":9.5}`, g.windowFormat, "no bin"},
		{"cospectra", `{"window_s":0.5,"fmax_hz":40}`, g.windowFormat, "half the sampling rate"},
		{"cospectra", `{"window_s":0.5,"overlap":1}`, g.windowFormat, "overlap is 1"},
		{"coherence", `{"window_s":1.5}`, g.windowFormat, "one stretch"},
		{"coherence", `{"window_s":0.5,"kind":"lagged","fmin_hz":0}`, g.windowFormat, "lagged coherence does not exist"},
		{"erp_covariance", `{"components":5}`, g.windowFormat, "components is 5"},
		{"erp_covariance", `{"classes":["a","x"]}`, g.windowFormat, `classes has "x"`},
		{"xdawn_covariance", `{"components":0}`, g.windowFormat, "components is 0"},
		{"tangent_space", "", features.Format{Names: make([]string, 9)}, "put the step covariance before"},
		{"tangent_space", `{"metric":"euclid"}`, rows, "metric is"},
		{"tangent_space", "", g.windowFormat, "put the step covariance before"},
		{"recentre", `{"prior_windows":0}`, rows, "prior_windows is 0"},
		{"recentre", `{"metric":"logeuclid"}`, rows, "metric is"},
	} {
		s := step(t, tc.step, tc.params)
		if c, ok := s.(features.Classed); ok {
			c.SetClasses(g.labels.Classes)
		}
		if _, err := s.Start(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: error is %v, must contain %q", tc.step, tc.params, err, tc.want)
		}
	}
	for _, tc := range []struct{ step, params, want string }{
		{"covariance", `{"estimator":"OAS"}`, `must be "scm", "oas", "lwf" or "tyler"`},
		{"tangent_space", `{"metric":"x"}`, `must be "riemann", "logeuclid" or "euclid"`},
		{"coherence", `{"kind":"x"}`, `must be "ordinary"`},
		{"covariance", `{"estimater":"oas"}`, `did you mean "estimator"`},
	} {
		if _, err := features.Steps().New(tc.step, []byte(tc.params)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: error is %v, must contain %q", tc.step, tc.params, err, tc.want)
		}
	}
}

// TestBadWindows: a remedy or a clear error, never a silent NaN.
func TestBadWindows(t *testing.T) {
	g := readGolden(t)
	flat := append([][]float64{make([]float64, len(g.X[0][0]))}, g.X[0][1:]...)
	run := func(name, params string, x [][]float64) ([]float64, error) {
		t.Helper()
		s := step(t, name, params)
		if c, ok := s.(features.Classed); ok {
			c.SetClasses(g.labels.Classes)
		}
		format, err := s.Start(g.windowFormat)
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := s.(features.WindowFitter); ok {
			if err := f.FitWindows(g.X, g.labels); err != nil {
				t.Fatal(err)
			}
		}
		dst := make([]float64, len(format.Names))
		return dst, s.(features.Extractor).Extract(dst, x)
	}
	for _, level := range []float64{0, 0.1 + 1e5/3} { // a constant leaks out of its bin
		for i := range flat[0] {
			flat[0][i] = level
		}
		if _, err := run("coherence", `{"window_s":0.5}`, flat); err == nil || !strings.Contains(err.Error(), `channel "C3"`) {
			t.Errorf("coherence of a channel that is always %g: error is %v, must name it", level, err)
		}
	}
	clear(flat[0])
	nan := slices.Clone(g.X[0])
	nan[2] = slices.Clone(nan[2])
	nan[2][9] = math.NaN()
	for _, name := range []string{"covariance", "erp_covariance", "xdawn_covariance"} {
		if _, err := run(name, "", nan); err == nil || !strings.Contains(err.Error(), `"C4"`) {
			t.Errorf("%s of NaN: error is %v, must name the channel", name, err)
		}
	}
	// The tangent space of a singular covariance is an error with a remedy; of a shrunk one it exists.
	ts := step(t, "tangent_space", "").(*riemann.TangentSpace)
	cov, names := g.extract(t, step(t, "covariance", ""))
	if _, err := ts.Start(features.Format{Names: names}); err != nil {
		t.Fatal(err)
	}
	if err := ts.FitRows(cov, signal.Labels{}); err != nil {
		t.Fatal(err)
	}
	v := make([]float64, len(names))
	for est, bad := range map[string]bool{"scm": true, "oas": false} {
		row, err := run("covariance", `{"estimator":"`+est+`"}`, flat)
		if err != nil {
			t.Fatal(err)
		}
		if err := ts.Transform(v, row); (err != nil) != bad || bad && !strings.Contains(err.Error(), "oas") {
			t.Errorf("tangent space of a %s covariance with a flat channel: error is %v", est, err)
		}
	}
}

// TestRecentreKeepsTheFirstWindow: with the published form without a prior it would come out as the identity. A run whose
// channels are 3 times as large comes near the others as it goes on.
func TestRecentreKeepsTheFirstWindow(t *testing.T) {
	g := readGolden(t)
	cov, names := g.extract(t, step(t, "covariance", ""))
	s := step(t, "recentre", `{"max_step":0}`).(*riemann.Recentre)
	if _, err := s.Start(features.Format{Names: names}); err != nil {
		t.Fatal(err)
	}
	if err := s.FitRuns([][][]float64{cov[:10], cov[10:]}); err != nil {
		t.Fatal(err)
	}
	solver, m, one := spd.NewSolver(4), spd.NewMatrix(4), make([]float64, len(names))
	distance := func() float64 {
		m.Unpack(one)
		d, err := solver.DistanceToIdentity(m)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if err := s.Transform(one, cov[0]); err != nil {
		t.Fatal(err)
	}
	if d := distance(); d < 0.5 {
		t.Errorf("the first window lies %g from the identity: it lost what it says", d)
	}
	s.Reset()
	var first, last float64
	for k := range 10 * len(cov) {
		row := slices.Clone(cov[k%len(cov)])
		for j := range row {
			row[j] *= 9
		}
		if err := s.Transform(one, row); err != nil {
			t.Fatal(err)
		}
		m.Unpack(one)
		last = math.Log(m.Trace() / 4)
		if k == 0 {
			first = last
		}
	}
	if !(first > 1.5) || math.Abs(last) > 0.5 {
		t.Errorf("mean power of a run 9 times as strong: log is %g at first and %g at last, must come near 0", first, last)
	}
}

func BenchmarkCovariance(b *testing.B) {
	const chs, n = 22, 1000
	x := make([][]float64, chs)
	for ch := range x {
		x[ch] = make([]float64, n)
		for t := range x[ch] {
			x[ch][t] = math.Sin(float64(t*(ch+3)) * 0.7)
		}
	}
	c := step(b, "covariance", "").(*riemann.Covariance)
	format, err := c.Start(features.Format{Names: make([]string, chs), Len: n, Rate: 250})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]float64, len(format.Names))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Extract(dst, x); err != nil {
			b.Fatal(err)
		}
	}
}
