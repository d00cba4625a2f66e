package spline_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/spline"
)

type golden struct {
	Program       string            `json:"program"`
	Positions     []signal.Position `json:"positions"`
	Centre        signal.Position   `json:"centre"`
	Radius        float64           `json:"radius"`
	Bad           []int             `json:"bad"`
	Interpolation [][]float64       `json:"interpolation"`
	Laplacian     []struct {
		Lambda, Stiffness float64
		Matrix            [][]float64
	} `json:"laplacian"`
}

func read(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/spline.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Positions) != 22 || len(g.Laplacian) != 4 {
		t.Fatalf("%d positions and %d matrices", len(g.Positions), len(g.Laplacian))
	}
	return g
}

func (g golden) peer() string { return strings.Replace(g.Program, "mne", "MNE", 1) }

func TestFitMatchesMNE(t *testing.T) {
	g := read(t)
	s, err := spline.Fit(g.Positions)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 3 {
		if math.Abs(s.Centre[k]-g.Centre[k]) > 1e-12 {
			t.Errorf("the centre is %v, MNE has %v", s.Centre, g.Centre)
		}
	}
	if math.Abs(s.Radius-g.Radius) > 1e-12 {
		t.Errorf("the radius is %g, MNE has %g", s.Radius, g.Radius)
	}
	paritytest.Within(t, "sphere through electrodes: centre and radius", g.peer(), "standard_1005", append(s.Centre[:], s.Radius), append(g.Centre[:], g.Radius), 1e-11)
}

func TestFitRefusesWhatIsNoSphere(t *testing.T) {
	flat := []signal.Position{{0, 0, 0.1}, {0.1, 0, 0.1}, {0, 0.1, 0.1}, {0.1, 0.1, 0.1}, {0.05, 0.02, 0.1}}
	for _, points := range [][]signal.Position{nil, flat[:3], flat} {
		if s, err := spline.Fit(points); err == nil {
			t.Errorf("%d points in a plane fit the sphere %v", len(points), s)
		}
	}
}

// compare wants got within 1e-9 of the largest entry of want: the systems have conditions up to 1e6. It
// returns the error.
func compare(t *testing.T, what string, got *mat.Dense, want [][]float64) float64 {
	t.Helper()
	r, c := got.Dims()
	if r != len(want) || c != len(want[0]) {
		t.Fatalf("%s: %d x %d, want %d x %d", what, r, c, len(want), len(want[0]))
	}
	size, worst := 0.0, 0.0
	for i := range want {
		for j, w := range want[i] {
			size, worst = max(size, math.Abs(w)), max(worst, math.Abs(got.At(i, j)-w))
		}
	}
	if !(worst <= 1e-9*size) {
		t.Errorf("%s: differs from MNE's by %.2g of the largest entry, want at most 1e-9", what, worst/size)
	}
	return worst / size
}

func TestMatricesMatchMNE(t *testing.T) {
	g := read(t)
	u, err := spline.Sphere{Centre: g.Centre, Radius: g.Radius}.Directions(g.Positions)
	if err != nil {
		t.Fatal(err)
	}
	var from, to [][3]float64
	for i := range u {
		if !slices.Contains(g.Bad, i) {
			from = append(from, u[i])
		}
	}
	for _, i := range g.Bad {
		to = append(to, u[i])
	}
	m, err := spline.Interpolation(from, to, 1e-5)
	if err != nil {
		t.Fatal(err)
	}
	paritytest.Error(t, paritytest.Report{
		What: "spherical splines: interpolation matrix", Peer: g.peer(), Data: "standard_1005",
		Err: compare(t, "interpolation", m, g.Interpolation), Tol: 1e-9,
	})
	laplacian := 0.0
	for _, l := range g.Laplacian {
		m, err := spline.Laplacian(u, g.Radius, l.Lambda, l.Stiffness)
		if err != nil {
			t.Fatal(err)
		}
		laplacian = max(laplacian, compare(t, "Laplacian", m, l.Matrix))
	}
	paritytest.Error(t, paritytest.Report{What: "spherical splines: Laplacian matrices", Peer: g.peer(), Data: "standard_1005", Err: laplacian, Tol: 1e-9})
}

// TestLaplacianOfHarmonic: on the sphere the Laplacian of the spherical harmonic of degree n is −n(n+1)/r² times it. Of
// degree 1, the potential z, dense electrodes must give back 2·z/r².
func TestLaplacianOfHarmonic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	u := make([][3]float64, 300)
	for i := range u {
		v := [3]float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		n := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
		u[i] = [3]float64{v[0] / n, v[1] / n, v[2] / n}
	}
	const radius = 0.09
	m, err := spline.Laplacian(u, radius, 1e-8, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range u {
		got := 0.0
		for j := range u {
			got += m.At(i, j) * u[j][2]
		}
		if want := 2 * u[i][2] / (radius * radius); math.Abs(got-want) > 1e-3*2/(radius*radius) {
			t.Fatalf("at %v the density is %g, want %g", u[i], got, want)
		}
	}
}

// TestRowsAddUp: a potential that is everywhere the same stays in between, and has no Laplacian.
func TestRowsAddUp(t *testing.T) {
	g := read(t)
	u, err := spline.Sphere{Centre: g.Centre, Radius: g.Radius}.Directions(g.Positions)
	if err != nil {
		t.Fatal(err)
	}
	m, err := spline.Interpolation(u[3:], u[:3], 1e-5)
	if err != nil {
		t.Fatal(err)
	}
	l, err := spline.Laplacian(u, g.Radius, 1e-5, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if s := mat.Sum(m.RowView(i)); math.Abs(s-1) > 1e-9 {
			t.Errorf("row %d of the interpolation adds up to %g, want 1", i, s)
		}
		if s := mat.Sum(l.RowView(i)); math.Abs(s) > 1e-9*mat.Max(l) {
			t.Errorf("row %d of the Laplacian adds up to %g, want 0", i, s)
		}
	}
}

func TestErrors(t *testing.T) {
	if _, err := (spline.Sphere{}).Directions([]signal.Position{{0, 0, 1}, {}}); err == nil {
		t.Error("a point at the centre has a direction")
	}
	if _, err := (spline.Sphere{}).Directions([]signal.Position{{0, math.NaN(), 1}}); err == nil {
		t.Error("NaN has a direction")
	}
	twice := [][3]float64{{1, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	if _, err := spline.Laplacian(twice, 0.1, 0, 4); err == nil {
		t.Error("two electrodes at one place with lambda 0 are no error")
	}
	if _, err := spline.Interpolation(twice, [][3]float64{{0, 0, -1}}, 0); err == nil {
		t.Error("two electrodes at one place with lambda 0 are no error")
	}
}
