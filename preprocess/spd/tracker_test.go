package spd_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// TestTrackerAgainstTheSum: the Euclidean form is (n0·prior + Σ C) / (n0 + count).
func TestTrackerAgainstTheSum(t *testing.T) {
	const n, n0 = 5, 10.0
	rows := wishart(30, n, 1)
	prior, c := spd.NewMatrix(n), spd.NewMatrix(n)
	prior.Unpack(rows[0])
	tr, err := spd.NewTracker(prior, spd.TrackerOptions{Metric: spd.Euclid, PriorWindows: n0})
	if err != nil {
		t.Fatal(err)
	}
	sum := append([]float64(nil), prior.Data...)
	for i := range sum {
		sum[i] *= n0
	}
	for k, row := range rows[1:] {
		c.Unpack(row)
		if err := tr.Update(c); err != nil {
			t.Fatal(err)
		}
		for i, v := range c.Data {
			sum[i] += v
			if want := sum[i] / (n0 + float64(k) + 1); math.Abs(tr.Reference().Data[i]-want) > 1e-12*(1+math.Abs(want)) {
				t.Fatalf("window %d: reference %g at %d, want %g", k, tr.Reference().Data[i], i, want)
			}
		}
		checkWhite(t, tr)
	}
	if seen, cut := tr.Seen(); seen != len(rows)-1 || cut != 0 {
		t.Errorf("seen %d, cut %d", seen, cut)
	}
	tr.Reset()
	if seen, _ := tr.Seen(); seen != 0 || spd.DistanceEuclid(tr.Reference(), prior) != 0 {
		t.Error("Reset does not go back to the prior")
	}
	checkWhite(t, tr)
}

// checkWhite: W·R·W is the identity.
func checkWhite(t *testing.T, tr *spd.Tracker) {
	t.Helper()
	n := tr.Reference().N
	out := spd.NewMatrix(n)
	spd.NewSolver(n).Congruence(out, tr.White(), tr.Reference())
	for i := range n {
		for j := range n {
			want := 0.0
			if i == j {
				want = 1
			}
			if math.Abs(out.At(i, j)-want) > 1e-10 {
				t.Fatalf("whitened reference has %g at (%d, %d)", out.At(i, j), i, j)
			}
		}
	}
}

// TestTrackerOnDiagonals: for matrices that commute the geodesic step is the step of the logarithms.
func TestTrackerOnDiagonals(t *testing.T) {
	prior := diagonal([]float64{1, 4})
	tr, err := spd.NewTracker(prior, spd.TrackerOptions{Metric: spd.Riemann, PriorWindows: 1, Forget: 0.25})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Update(diagonal([]float64{16, 4})); err != nil {
		t.Fatal(err)
	}
	if r := tr.Reference(); math.Abs(r.At(0, 0)-2) > 1e-12 || math.Abs(r.At(1, 1)-4) > 1e-12 {
		t.Errorf("a quarter of the way from 1 to 16 is %g, want 2; from 4 to 4 it is %g", r.At(0, 0), r.At(1, 1))
	}

	// ‖log(16/1)‖/√2 = 1.96 would be the whole way; with w = 1/2 the step is 0.98, with a limit of 0.1 it is that.
	tr, err = spd.NewTracker(prior, spd.TrackerOptions{Metric: spd.Riemann, PriorWindows: 1, MaxStep: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Update(diagonal([]float64{16, 4})); err != nil {
		t.Fatal(err)
	}
	d, err := spd.NewSolver(2).DistanceRiemann(prior, tr.Reference())
	if err != nil {
		t.Fatal(err)
	}
	if want := 0.1 * math.Sqrt2; math.Abs(d-want) > 1e-12 {
		t.Errorf("cut step is %g long, want %g", d, want)
	}
	if seen, cut := tr.Seen(); seen != 1 || cut != 1 {
		t.Errorf("seen %d, cut %d; want 1, 1", seen, cut)
	}
}

func TestTrackerRefuses(t *testing.T) {
	good := diagonal([]float64{1, 2})
	for _, tc := range []struct {
		prior *spd.Matrix
		o     spd.TrackerOptions
		want  string
	}{
		{good, spd.TrackerOptions{Metric: "logeuclid", PriorWindows: 1}, "metric"},
		{good, spd.TrackerOptions{Metric: spd.Euclid}, "first window would lose all information"},
		{good, spd.TrackerOptions{Metric: spd.Euclid, PriorWindows: math.NaN()}, "prior_windows"},
		{good, spd.TrackerOptions{Metric: spd.Euclid, PriorWindows: 1, Forget: 1}, "forget"},
		{good, spd.TrackerOptions{Metric: spd.Euclid, PriorWindows: 1, MaxStep: -1}, "max_step"},
		{diagonal([]float64{1, 1e-9}), spd.TrackerOptions{Metric: spd.Euclid, PriorWindows: 1}, "condition number above 1e+08"},
	} {
		if _, err := spd.NewTracker(tc.prior, tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: error is %v, must contain %q", tc.o, err, tc.want)
		}
	}
	for _, metric := range []spd.Metric{spd.Euclid, spd.Riemann} {
		tr, err := spd.NewTracker(good, spd.TrackerOptions{Metric: metric, PriorWindows: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []*spd.Matrix{diagonal([]float64{math.NaN(), 1}), diagonal([]float64{1, math.Inf(1)}), diagonal([]float64{1e12, 1})} {
			if err := tr.Update(bad); err == nil && metric == spd.Euclid {
				t.Errorf("%s: %v is no error", metric, bad.Data)
			}
		}
		if metric == spd.Euclid && spd.DistanceEuclid(tr.Reference(), good) != 0 {
			t.Error("a refused window moved the reference")
		}
		checkWhite(t, tr)
	}
}
