package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
)

// TestFollowByHand: truth 0 1 2 3 repeated, decoded 1 1 2 2: the sums are small enough to do on paper.
func TestFollowByHand(t *testing.T) {
	var d, y []float64
	for range 10 {
		d, y = append(d, 1, 1, 2, 2), append(y, 0, 1, 2, 3)
	}
	f, err := metrics.Follow(d, y, 0.1, 0.4, 1)
	if err != nil {
		t.Fatal(err)
	}
	// Per four rows: Σ(y−1.5)² = 5, Σ(d−1.5)² = 1, Σ(d−1.5)(y−1.5) = 2, Σ(d−y)² = 2.
	if math.Abs(f.R-2/math.Sqrt(5)) > 1e-12 || math.Abs(f.R2-(1-2.0/5)) > 1e-12 || f.Rows != 40 {
		t.Errorf("got %+v, want r %g and R² 0.6", f, 2/math.Sqrt(5))
	}
	for what, err := range map[string]error{
		"lengths": errOf(metrics.Follow(d[1:], y, 0.1, 0.4, 1)), "few": errOf(metrics.Follow(d[:8], y[:8], 0.1, 0.4, 1)),
		"step": errOf(metrics.Follow(d, y, 0, 0.4, 1)), "constant": errOf(metrics.Follow(d, make([]float64, 40), 0.1, 0.4, 1)),
		"NaN": errOf(metrics.Follow(append([]float64{math.NaN()}, d[1:]...), y, 0.1, 0.4, 1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

// TestFollowInterval: of autoregressive pairs with a known correlation, the 95 % interval holds the truth in about 95 % of
// the draws. Taken row by row, as if rows were independent, an interval of these data would hold it in about half.
func TestFollowInterval(t *testing.T) {
	const n, runs, phi, rho = 2400, 200, 0.9, 0.6
	inside := 0
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 9))
		d, y := make([]float64, n), make([]float64, n)
		a, b := rng.NormFloat64(), rng.NormFloat64()
		for i := range d {
			d[i], y[i] = a, rho*a+math.Sqrt(1-rho*rho)*b
			push := math.Sqrt(1 - phi*phi)
			a, b = phi*a+push*rng.NormFloat64(), phi*b+push*rng.NormFloat64()
		}
		f, err := metrics.Follow(d, y, 0.05, 10, seed)
		if err != nil {
			t.Fatal(err)
		}
		if f.RLow <= rho && rho <= f.RHigh {
			inside++
		}
	}
	t.Logf("%d of %d intervals hold the true correlation", inside, runs)
	if inside < 180 { // 190 expected of exact ones: fewer than 180 have the probability 0.3 %
		t.Errorf("%d of %d intervals hold the true correlation, must be at least 180", inside, runs)
	}
}

// TestProportion: all of n has the closed-form limit (α/2)^(1/n), none of n the mirrored one.
func TestProportion(t *testing.T) {
	want := math.Pow(0.025, 1.0/45)
	if low, high, err := metrics.Proportion(45, 45, 0.95); err != nil || math.Abs(low-want) > 1e-9 || high != 1 {
		t.Errorf("45 of 45: [%g, %g], %v; want [%g, 1]", low, high, err, want)
	}
	if low, high, err := metrics.Proportion(0, 45, 0.95); err != nil || low != 0 || math.Abs(high-(1-want)) > 1e-9 {
		t.Errorf("0 of 45: [%g, %g], %v; want [0, %g]", low, high, err, 1-want)
	}
	if _, _, err := metrics.Proportion(3, 2, 0.95); err == nil {
		t.Error("3 of 2 is no error")
	}
}
