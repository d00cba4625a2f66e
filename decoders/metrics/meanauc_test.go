package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
)

// normals is n trials, every second one positive, with scores that are normal around 0 and shift.
func normals(t *testing.T, rng *rand.Rand, n int, shift float64) *metrics.Ranking {
	t.Helper()
	score, positive := make([]float64, n), make([]bool, n)
	for i := range n {
		score[i], positive[i] = rng.NormFloat64(), i%2 == 0
		if positive[i] {
			score[i] += shift
		}
	}
	r, err := metrics.NewRanking(score, positive)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMeanAUC: worked out by hand, 3 of 4 pairs and all pairs in order.
func TestMeanAUC(t *testing.T) {
	var folds []*metrics.Ranking
	for _, score := range [][]float64{{1, 3, 2, 4}, {1, 2, 3, 4}} {
		r, err := metrics.NewRanking(score, []bool{false, false, true, true})
		if err != nil {
			t.Fatal(err)
		}
		folds = append(folds, r)
	}
	if got := metrics.MeanAUC(folds); got != 0.875 {
		t.Errorf("the mean AUC is %g, want 7/8", got)
	}
	if _, _, err := metrics.MeanAUCInterval(nil, 0.95); err == nil {
		t.Error("the interval of no rankings must be an error")
	}
}

// TestMeanAUCIntervalCovers simulates three folds of different size and known AUC: the 95 % interval of the mean must hold
// the truth about as often. With 4000 repeats three standard errors are 1 %.
func TestMeanAUCIntervalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	shifts, sizes := []float64{0.5, 1, 1.5}, []int{60, 120, 200}
	truth := 0.0
	for _, d := range shifts {
		truth += math.Erfc(-d/2) / 2 / float64(len(shifts)) // Φ(d/√2)
	}
	const repeats = 4000
	held := 0
	for range repeats {
		var folds []*metrics.Ranking
		for k := range shifts {
			folds = append(folds, normals(t, rng, sizes[k], shifts[k]))
		}
		low, high, err := metrics.MeanAUCInterval(folds, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if low <= truth && truth <= high {
			held++
		}
	}
	if part := float64(held) / repeats; part < 0.935 || part > 0.965 {
		t.Errorf("the 95 %% interval holds the true mean in %.1f %% of the repeats", 100*part)
	}
}

// TestMeanAUCIntervalOfOne is that of the ranking itself.
func TestMeanAUCIntervalOfOne(t *testing.T) {
	r := normals(t, rand.New(rand.NewPCG(5, 1)), 80, 1)
	l, h, err := r.AUCInterval(0.9)
	if err != nil {
		t.Fatal(err)
	}
	low, high, err := metrics.MeanAUCInterval([]*metrics.Ranking{r}, 0.9)
	if err != nil || math.Abs(low-l) > 1e-15 || math.Abs(high-h) > 1e-15 {
		t.Errorf("the interval is [%g, %g], %v, want [%g, %g]", low, high, err, l, h)
	}
}
