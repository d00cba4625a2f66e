package spd_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

type goldenSet struct {
	Program           string        `json:"program"` // of recorded.json alone
	Matrices          [][][]float64 `json:"matrices"`
	Values            []float64     `json:"values"`
	Sqrt              [][]float64   `json:"sqrt"`
	InvSqrt           [][]float64   `json:"invsqrt"`
	Log               [][]float64   `json:"log"`
	Exp               [][]float64   `json:"exp"`
	Pow               [][]float64   `json:"pow"`
	Cholesky          [][]float64   `json:"cholesky"`
	General           []float64     `json:"general"`
	MeanRiemann       [][]float64   `json:"mean_riemann"`
	MeanLogEuclid     [][]float64   `json:"mean_logeuclid"`
	MeanEuclid        [][]float64   `json:"mean_euclid"`
	MeanHarmonic      [][]float64   `json:"mean_harmonic"`
	DistanceRiemann   float64       `json:"distance_riemann"`
	DistanceLogEuclid float64       `json:"distance_logeuclid"`
	DistanceEuclid    float64       `json:"distance_euclid"`
	Geodesic          [][]float64   `json:"geodesic"`
	TangentRiemann    [][]float64   `json:"tangent_riemann"`
	TangentLogEuclid  [][]float64   `json:"tangent_logeuclid"`
}

type golden struct {
	Program string      `json:"program"`
	Sets    []goldenSet `json:"sets"`
	Windows []struct {
		X     [][]float64 `json:"x"`
		SCM   [][]float64 `json:"scm"`
		OAS   [][]float64 `json:"oas"`
		LWF   [][]float64 `json:"lwf"`
		Tyler [][]float64 `json:"tyler"`
	} `json:"windows"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/spd.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func matrixOf(x [][]float64) *spd.Matrix {
	m := spd.NewMatrix(len(x))
	for i, row := range x {
		copy(m.Row(i), row)
	}
	return m
}

// packAll is the upper triangles of matrices.
func packAll(x [][][]float64) [][]float64 {
	rows := make([][]float64, len(x))
	for i := range x {
		m := matrixOf(x[i])
		rows[i] = make([]float64, spd.Packed(m.N))
		m.Pack(rows[i])
	}
	return rows
}

func flat(m *spd.Matrix) []float64 {
	var out []float64
	for i := range m.N {
		out = append(out, m.Row(i)...)
	}
	return out
}

func flatRows(x [][]float64) []float64 {
	var out []float64
	for _, row := range x {
		out = append(out, row...)
	}
	return out
}

// relative is the norm of got − want over that of want.
func relative(t *testing.T, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, must be %d", len(got), len(want))
	}
	diff, size := 0.0, 0.0
	for i, w := range want {
		diff += (got[i] - w) * (got[i] - w)
		size += w * w
	}
	return math.Sqrt(diff / size)
}

// TestAgainstPyRiemann compares with LAPACK's eigenvectors behind NumPy. Both lose digits with the condition number, at
// most 1e5 here: 1e-9 relative for what divides by the smallest eigenvalue, 1e-12 for the rest.
func TestAgainstPyRiemann(t *testing.T) {
	g := readGolden(t)
	worst := map[string]float64{}
	for i, set := range g.Sets {
		n := len(set.Matrices[0])
		s, out := spd.NewSolver(n), spd.NewMatrix(n)
		a, b, rows := matrixOf(set.Matrices[0]), matrixOf(set.Matrices[1]), packAll(set.Matrices)
		check := func(what string, err error, got, want []float64, tol float64) {
			t.Helper()
			if err != nil {
				t.Fatalf("set %d, %s: %v", i, what, err)
			}
			d := relative(t, got, want)
			worst[what] = max(worst[what], d)
			if !(d <= tol) {
				t.Errorf("set %d, %s differs by %.2g, at most %g", i, what, d, tol)
			}
		}
		values := make([]float64, n)
		check("eigenvalues", s.Eigen(values, nil, a), values, set.Values, 1e-12)
		check("sqrt", s.Sqrt(out, a), flat(out), flatRows(set.Sqrt), 1e-12)
		check("invsqrt", s.InvSqrt(out, a), flat(out), flatRows(set.InvSqrt), 1e-9)
		check("log", s.Log(out, a), flat(out), flatRows(set.Log), 1e-9)
		check("pow", s.Pow(out, a, 0.3), flat(out), flatRows(set.Pow), 1e-12)
		unit := spd.NewMatrix(n)
		norm := spd.DistanceEuclid(a, unit)
		for k, v := range a.Data {
			unit.Data[k] = v / norm
		}
		check("exp", s.Exp(out, unit), flat(out), flatRows(set.Exp), 1e-12)
		check("cholesky", s.Cholesky(out, a), flat(out), flatRows(set.Cholesky), 1e-9)
		check("general", s.GeneralValues(values, a, b), values, set.General, 1e-9)

		it, err := s.MeanRiemann(out, rows, spd.MeanOptions{})
		check("mean riemann", err, flat(out), flatRows(set.MeanRiemann), 1e-9)
		t.Logf("set %d: Riemannian mean of %d matrices %d×%d in %d iterations, off by %.2g", i, len(rows), n, n, it, relative(t, flat(out), flatRows(set.MeanRiemann)))
		_, err = s.MeanRiemann(out, rows, spd.MeanOptions{Tol: 1e-10})
		check("mean riemann, tight", err, flat(out), flatRows(set.MeanRiemann), 1e-9)
		check("mean logeuclid", s.MeanLogEuclid(out, rows), flat(out), flatRows(set.MeanLogEuclid), 1e-9)
		check("mean euclid", s.MeanEuclid(out, rows), flat(out), flatRows(set.MeanEuclid), 1e-12)
		check("mean harmonic", s.MeanHarmonic(out, rows), flat(out), flatRows(set.MeanHarmonic), 1e-9)

		for metric, want := range map[spd.Metric]float64{spd.Riemann: set.DistanceRiemann, spd.LogEuclid: set.DistanceLogEuclid, spd.Euclid: set.DistanceEuclid} {
			d, err := s.Distance(a, b, metric)
			check("distance "+string(metric), err, []float64{d}, []float64{want}, 1e-9)
		}
		check("geodesic", s.GeodesicRiemann(out, a, b, 0.3), flat(out), flatRows(set.Geodesic), 1e-9)
		white, d := spd.NewMatrix(n), 0.0
		err = s.InvSqrt(white, b)
		s.Congruence(out, white, a)
		if err == nil {
			d, err = s.DistanceToIdentity(out)
		}
		check("distance to the identity", err, []float64{d}, []float64{set.DistanceRiemann}, 1e-9)

		for metric, c := range map[spd.Metric][2][][]float64{
			spd.Riemann: {set.MeanRiemann, set.TangentRiemann}, spd.LogEuclid: {set.MeanLogEuclid, set.TangentLogEuclid},
		} {
			tangent, err := s.NewTangent(matrixOf(c[0]), metric)
			if err != nil {
				t.Fatal(err)
			}
			for k, row := range rows {
				v, back := make([]float64, len(row)), make([]float64, len(row))
				check("tangent "+string(metric), s.Tangent(v, row, tangent), v, c[1][k], 1e-9)
				check("untangent "+string(metric), s.Untangent(back, v, tangent), back, row, 1e-9)
			}
		}
	}
	peers := strings.Split(g.Program, ", ")
	pyRiemann, sciPy, numPy := peers[0], peers[1], peers[3]
	for _, r := range []struct {
		key, what, peer string
		tol             float64
	}{
		{"eigenvalues", "symmetric matrices: eigenvalues", numPy, 1e-12},
		{"sqrt", "SPD matrices: square root", pyRiemann, 1e-12},
		{"invsqrt", "SPD matrices: inverse square root", pyRiemann, 1e-9},
		{"log", "SPD matrices: logarithm", pyRiemann, 1e-9},
		{"pow", "SPD matrices: power", pyRiemann, 1e-12},
		{"exp", "symmetric matrices: exponential", pyRiemann, 1e-12},
		{"cholesky", "SPD matrices: Cholesky factor", numPy, 1e-9},
		{"general", "pairs of SPD matrices: generalised eigenvalues", sciPy, 1e-9},
		{"mean riemann", "Riemannian mean", pyRiemann, 1e-9},
		{"mean riemann, tight", "Riemannian mean, iterated to 1e-10", pyRiemann, 1e-9},
		{"mean logeuclid", "log-Euclidean mean", pyRiemann, 1e-9},
		{"mean euclid", "arithmetic mean", pyRiemann, 1e-12},
		{"mean harmonic", "harmonic mean", pyRiemann, 1e-9},
		{"distance " + string(spd.Riemann), "Riemannian distance", pyRiemann, 1e-9},
		{"distance " + string(spd.LogEuclid), "log-Euclidean distance", pyRiemann, 1e-9},
		{"distance " + string(spd.Euclid), "Euclidean distance", pyRiemann, 1e-9},
		{"distance to the identity", "Riemannian distance, by whitening", pyRiemann, 1e-9},
		{"geodesic", "Riemannian geodesic", pyRiemann, 1e-9},
		{"tangent " + string(spd.Riemann), "tangent vectors, Riemannian", pyRiemann, 1e-9},
		{"tangent " + string(spd.LogEuclid), "tangent vectors, log-Euclidean", pyRiemann, 1e-9},
	} {
		d, ok := worst[r.key]
		if !ok {
			t.Fatalf("%s was not compared", r.key)
		}
		paritytest.Error(t, paritytest.Report{What: r.what, Peer: r.peer, Data: "generated", Err: d, Tol: r.tol})
	}
}

// TestEstimatorsAgainstScikitLearn: sums in another order, 1e-12.
func TestEstimatorsAgainstScikitLearn(t *testing.T) {
	g := readGolden(t)
	worst := map[spd.Estimator]float64{}
	for i, w := range g.Windows {
		p, n := len(w.X), len(w.X[0])
		c, m := spd.NewCovariances(p, n), spd.NewMatrix(p)
		c.Load(w.X)
		for how, want := range map[spd.Estimator][][]float64{spd.SCM: w.SCM, spd.OAS: w.OAS, spd.LedoitWolf: w.LWF, spd.Tyler: w.Tyler} {
			if want == nil {
				if _, err := c.Estimate(m, how); err == nil {
					t.Errorf("window %d: %s of %d samples of %d channels is no error", i, how, n, p)
				}
				continue
			}
			tol := 1e-12
			if how == spd.Tyler {
				tol = 1e-9 // where both stop
			}
			rho, err := c.Estimate(m, how)
			if err != nil {
				t.Fatalf("window %d, %s: %v", i, how, err)
			}
			d := relative(t, flat(m), flatRows(want))
			worst[how] = max(worst[how], d)
			if !(d <= tol) {
				t.Errorf("window %d, %s differs by %.2g", i, how, d)
			}
			if shrinks := how == spd.OAS || how == spd.LedoitWolf; shrinks && !(rho >= 0 && rho <= 1) || !shrinks && rho != 0 {
				t.Errorf("window %d, %s: shrinkage %g", i, how, rho)
			}
		}
	}
	peers := strings.Split(g.Program, ", ")
	for _, r := range []struct {
		how        spd.Estimator
		what, peer string
		tol        float64
	}{
		{spd.SCM, "sample covariance", peers[0], 1e-12},
		{spd.OAS, "covariance, oracle approximating shrinkage", peers[2], 1e-12},
		{spd.LedoitWolf, "covariance, Ledoit-Wolf", peers[2], 1e-12},
		{spd.Tyler, "covariance, Tyler's M-estimator", peers[0], 1e-9},
	} {
		d, ok := worst[r.how]
		if !ok {
			t.Fatalf("%s was not compared", r.how)
		}
		paritytest.Error(t, paritytest.Report{What: r.what, Peer: r.peer, Data: "generated", Err: d, Tol: r.tol})
	}
}

// TestOnRecordedTrials compares the means of 20 trials of imagery with pyRiemann's.
func TestOnRecordedTrials(t *testing.T) {
	cov := datasettest.Golden(t, "pyr_cov_oas")
	const count, n = 20, 22
	rows := make([][]float64, count)
	for i := range rows {
		m := spd.NewMatrix(n)
		for r := range n {
			copy(m.Row(r), cov[(i*n+r)*n:(i*n+r+1)*n])
		}
		rows[i] = make([]float64, spd.Packed(n))
		m.Pack(rows[i])
	}
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var want goldenSet
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	s, m := spd.NewSolver(n), spd.NewMatrix(n)
	it, err := s.MeanRiemann(m, rows, spd.MeanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d := relative(t, flat(m), flatRows(want.MeanRiemann))
	t.Logf("Riemannian mean in %d iterations, off by %.2g", it, d)
	peer, _, _ := strings.Cut(want.Program, ", ")
	paritytest.Error(t, paritytest.Report{What: "Riemannian mean", Peer: peer, Data: "golden/pyr_cov_oas", Err: d, Tol: 1e-9})
	if err := s.MeanLogEuclid(m, rows); err != nil {
		t.Fatal(err)
	}
	d = relative(t, flat(m), flatRows(want.MeanLogEuclid))
	paritytest.Error(t, paritytest.Report{What: "log-Euclidean mean", Peer: peer, Data: "golden/pyr_cov_oas", Err: d, Tol: 1e-9})
}
