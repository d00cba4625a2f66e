package spd_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func TestSingularMatricesAreErrors(t *testing.T) {
	const n = 4
	s, out := spd.NewSolver(n), spd.NewMatrix(n)
	flat := symmetric([]float64{1, 2, 3, 0}, 1) // rank 3, as behind an average reference
	row := make([]float64, spd.Packed(n))
	flat.Pack(row)
	good := make([]float64, spd.Packed(n))
	symmetric([]float64{1, 2, 3, 4}, 1).Pack(good)
	for what, err := range map[string]error{
		"log":            s.Log(out, flat),
		"invsqrt":        s.InvSqrt(out, flat),
		"pow":            s.Pow(out, flat, 0.2),
		"roots":          s.Roots(out, spd.NewMatrix(n), flat),
		"mean logeuclid": s.MeanLogEuclid(out, [][]float64{good, row}),
		"mean harmonic":  s.MeanHarmonic(out, [][]float64{good, row}),
		"mean riemann":   second(s.MeanRiemann(out, [][]float64{good, row}, spd.MeanOptions{})),
		"geodesic":       s.GeodesicRiemann(out, symmetric([]float64{1, 1, 1, 1}, 1), flat, 0.5),
	} {
		var singular *spd.SingularError
		if !errors.As(err, &singular) {
			t.Errorf("%s: error is %v, must be a SingularError", what, err)
		} else if !strings.Contains(err.Error(), "oas") {
			t.Errorf("%s: error %q must name a remedy", what, err)
		}
		if strings.HasPrefix(what, "mean") && err != nil && !strings.Contains(err.Error(), "matrix 1") {
			t.Errorf("%s: error %q must name the matrix", what, err)
		}
	}
	if _, err := s.DistanceRiemann(symmetric([]float64{1, 1, 1, 1}, 1), flat); err == nil {
		t.Error("distance to a singular matrix is no error")
	}
	if _, err := s.DistanceRiemann(flat, symmetric([]float64{1, 1, 1, 1}, 1)); err == nil {
		t.Error("distance from a singular matrix is no error")
	}
	if err := s.Cholesky(out, flat); err == nil || !strings.Contains(err.Error(), "oas") {
		t.Errorf("cholesky: error is %v", err)
	}
	for what, err := range map[string]error{
		"mean euclid":    s.MeanEuclid(out, nil),
		"mean logeuclid": s.MeanLogEuclid(out, nil),
		"mean riemann":   second(s.MeanRiemann(out, nil, spd.MeanOptions{})),
	} {
		if err == nil {
			t.Errorf("%s of nothing is no error", what)
		}
	}
	good[3] = math.NaN()
	if err := s.MeanEuclid(out, [][]float64{good}); err == nil || !strings.Contains(err.Error(), "(0, 3)") {
		t.Errorf("NaN in a matrix: error is %v, must name the entry", err)
	}
}

func second(_ int, err error) error { return err }

// TestMeanSaysThatItDidNotConverge: never a matrix that is not the mean.
func TestMeanSaysThatItDidNotConverge(t *testing.T) {
	rows := wishart(20, 6, 3)
	s, m := spd.NewSolver(6), spd.NewMatrix(6)
	var stopped *spd.ConvergenceError
	if it, err := s.MeanRiemann(m, rows, spd.MeanOptions{MaxIter: 2}); !errors.As(err, &stopped) || it != 2 {
		t.Errorf("two iterations: %d, %v; must be a ConvergenceError", it, err)
	}
	if it, err := s.MeanRiemann(m, rows, spd.MeanOptions{}); err != nil || it > 8 {
		t.Errorf("%d iterations, %v", it, err)
	}
}

// TestMeanRiemannOfWildMatrices: condition numbers up to 1e9 and directions that have nothing to do with each other.
func TestMeanRiemannOfWildMatrices(t *testing.T) {
	for _, n := range []int{2, 3, 8, 22} {
		var rows [][]float64
		for i := range 9 {
			row := make([]float64, spd.Packed(n))
			scaled(symmetric(spectrum(n, math.Pow(10, float64(i))), uint64(i)), math.Pow(10, float64(i%5)-2)).Pack(row)
			rows = append(rows, row)
		}
		s, m, white, x, sum := spd.NewSolver(n), spd.NewMatrix(n), spd.NewMatrix(n), spd.NewMatrix(n), spd.NewMatrix(n)
		it, err := s.MeanRiemann(m, rows, spd.MeanOptions{})
		if err != nil {
			t.Errorf("n=%d: %v", n, err)
			continue
		}
		t.Logf("n=%d: %d iterations", n, it)
		if err := s.InvSqrt(white, m); err != nil { // the definition: the mean of the logarithms is 0
			t.Fatal(err)
		}
		for _, row := range rows {
			x.Unpack(row)
			y := spd.NewMatrix(n)
			s.Congruence(y, white, x)
			if err := s.Log(y, y); err != nil {
				t.Fatal(err)
			}
			for i, v := range y.Data {
				sum.Data[i] += v / float64(len(rows))
			}
		}
		if d := spd.DistanceEuclid(sum, spd.NewMatrix(n)); d > 1e-7 {
			t.Errorf("n=%d: gradient at the mean is %.2g, at most 1e-7 with these condition numbers", n, d)
		}
	}
}

func TestEstimatorsOnBadWindows(t *testing.T) {
	for _, how := range spd.Estimators() {
		c, m := spd.NewCovariances(3, 50), spd.NewMatrix(3)
		x := noise(3, 50, 1)
		x[1][7] = math.NaN()
		c.Load(x)
		var bad *spd.ChannelError
		if _, err := c.Estimate(m, how); !errors.As(err, &bad) || bad.Channel != 1 {
			t.Errorf("%s: NaN in channel 1: error is %v, must name it", how, err)
		}
		c.Load([][]float64{make([]float64, 50), make([]float64, 50), make([]float64, 50)})
		if _, err := c.Estimate(m, how); err == nil || !strings.Contains(err.Error(), "no channel changes") {
			t.Errorf("%s: flat window: error is %v", how, err)
		}
		x = noise(3, 50, 1)
		for i := range x[2] {
			x[2][i] = 0.1 + 1e6/3
		}
		c.Load(x)
		_, err := c.Estimate(m, how)
		switch how {
		case spd.OAS, spd.LedoitWolf:
			if err != nil || spd.NewSolver(3).Log(m, m) != nil {
				t.Errorf("%s: one flat channel must be made up for by the shrinkage: %v", how, err)
			}
		case spd.SCM:
			if err != nil || m.At(2, 2) != 0 || m.At(2, 0) != 0 {
				t.Errorf("scm: variance of a flat channel is %g, %v; must be 0", m.At(2, 2), err)
			}
		case spd.Tyler:
			if err == nil || !strings.Contains(err.Error(), "oas") {
				t.Errorf("tyler: one flat channel: error is %v, must name a remedy", err)
			}
		}
	}
	if _, err := spd.NewCovariances(1, 4).Estimate(spd.NewMatrix(1), "mcd"); err == nil {
		t.Error("unknown estimator is no error")
	}
}

func TestNothingAllocates(t *testing.T) {
	const n = 7
	rows := wishart(9, n, 1)
	s, m, a := spd.NewSolver(n), spd.NewMatrix(n), spd.NewMatrix(n)
	a.Unpack(rows[0])
	if err := s.MeanLogEuclid(m, rows); err != nil {
		t.Fatal(err)
	}
	tangent, err := s.NewTangent(m, spd.Riemann)
	if err != nil {
		t.Fatal(err)
	}
	tracker, err := spd.NewTracker(m, spd.TrackerOptions{Metric: spd.Riemann, PriorWindows: 3, MaxStep: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	vector, back := make([]float64, len(rows[0])), make([]float64, len(rows[0]))
	c, x, dst, values := spd.NewCovariances(n, 90), noise(n, 90, 1), make([]float64, len(rows[0])), make([]float64, n)
	for what, f := range map[string]func() error{
		"log":       func() error { return s.Log(m, a) },
		"exp":       func() error { return s.Exp(m, a) },
		"roots":     func() error { return s.Roots(m, spdScratch, a) },
		"tangent":   func() error { return s.Tangent(dst, rows[1], tangent) },
		"untangent": func() error { return s.Untangent(back, vector, tangent) },
		"distance":  func() error { _, err := s.DistanceRiemann(a, a); return err },
		"general":   func() error { return s.GeneralValues(values, a, a) },
		"tracker":   func() error { return tracker.Update(a) },
		"oas":       func() error { c.Load(x); _, err := c.Estimate(m, spd.OAS); return err },
		"lwf":       func() error { c.Load(x); _, err := c.Estimate(m, spd.LedoitWolf); return err },
		"tyler":     func() error { c.Load(x); _, err := c.Estimate(m, spd.Tyler); return err },
	} {
		var failed error
		if k := testing.AllocsPerRun(10, func() {
			if err := f(); err != nil {
				failed = err
			}
		}); k != 0 || failed != nil {
			t.Errorf("%s: %g allocations, must be 0; %v", what, k, failed)
		}
	}
}

var spdScratch = spd.NewMatrix(7)
