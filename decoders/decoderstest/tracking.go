package decoderstest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
)

const (
	trackRows  = 400 // of a training run
	testRows   = 300
	trackSeeds = 8
	draws      = 20000 // of the null distribution
)

// tracking is a continuous decoder with what it is tested on.
type tracking struct {
	construct func() decoders.Continuous
	outputs   []string
	steered   bool
	scored    int     // the output whose correlation counts
	least     float64 // that it must have with the truth
}

func newTracking(construct func() decoders.Continuous, steered bool) *tracking {
	if steered {
		return &tracking{construct, []string{"x", "y", "vel_x", "vel_y"}, true, 2, 0.8}
	}
	return &tracking{construct, []string{"vel_x", "vel_y"}, false, 0, 0.9}
}

// simulate is one run: a smooth velocity, with the position that it moves where the decoder is steered, and features that
// follow them with noise and an offset. Runs of all seeds have the same tuning.
func (s *tracking) simulate(seed uint64, rows int) (x, y [][]float64) {
	rng, tuning := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(7, 7))
	h := make([][4]float64, numbers)
	for j := range h {
		h[j] = [4]float64{tuning.NormFloat64(), tuning.NormFloat64(), tuning.NormFloat64() / 2, tuning.NormFloat64() / 2}
	}
	var v, at [2]float64
	for range rows {
		for a := range v {
			if s.steered {
				at[a] += 0.05 * v[a]
				v[a] = 0.9*v[a] - 0.1*at[a] + 0.4*rng.NormFloat64()
			} else {
				v[a] = 0.95*v[a] + 0.3*rng.NormFloat64()
			}
		}
		row := make([]float64, numbers)
		for j := range row {
			row[j] = h[j][0]*v[0] + h[j][1]*v[1] + h[j][2]*at[0] + h[j][3]*at[1] + rng.NormFloat64() + 10
		}
		target := []float64{v[0] + 1, v[1] - 2}
		if s.steered {
			target = []float64{at[0], at[1], v[0], v[1]}
		}
		x, y = append(x, row), append(y, target)
	}
	return x, y
}

// noise fits to features of one movement with the quantities of another, and tests on the same: no feature knows anything
// of any quantity.
func (s *tracking) noise(t *testing.T) {
	_, below, above := s.experiment(t, false)
	if min(below, above) <= 0.0005 {
		t.Errorf("in noise the mean of Fisher's z over %d seeds is as low by chance with the probability %.2g, as high with %.2g", trackSeeds, below, above)
	}
}

// power: the planted velocity is found, and what noise is tested with sees it.
func (s *tracking) power(t *testing.T) {
	r, _, above := s.experiment(t, true)
	if !(r >= s.least) || above > 0.0005 {
		t.Errorf("the mean correlation with the planted velocity is %.3f, must be at least %g; as high by chance with the probability %.2g, must be at most 0.0005", r, s.least, above)
	}
}

// experiment fits and tests on new runs for every seed, in which the features follow the quantities or, where nothing is
// planted, another movement. It returns the mean correlation with the truth, and how probable so low and so high a mean of
// Fisher's z is by chance. Decoded and true movement are smooth, so that they go together by chance far more than independent
// rows would: what chance gives is the same with the truths turned round by any time, each by its own.
func (s *tracking) experiment(t *testing.T, planted bool) (r, below, above float64) {
	t.Helper()
	mean := 0.0
	null := make([][]float64, trackSeeds) // z of every turn
	for seed := range uint64(trackSeeds) {
		x, y := s.simulate(1000+4*seed, trackRows)
		test, truth := s.simulate(1001+4*seed, testRows)
		if !planted {
			x, _ = s.simulate(1002+4*seed, trackRows)
			test, _ = s.simulate(1003+4*seed, testRows)
		}
		d := s.fresh()
		if err := d.FitContinuous(x, y); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got := s.run(t, d, test)
		for turn := range testRows {
			c := correlation(got, slices.Concat(truth[turn:], truth[:turn]), s.scored)
			z := math.Atanh(c)
			if math.IsNaN(z) || math.IsInf(z, 0) {
				t.Fatalf("seed %d: the decoded quantity does not vary", seed)
			}
			if null[seed] = append(null[seed], z); turn == 0 {
				mean, r = mean+z/trackSeeds, r+c/trackSeeds
			}
		}
	}
	below, above = tails(mean, null)
	t.Logf("mean correlation %.3f, mean z %.3f; as low by chance with %.4f, as high with %.4f", r, mean, below, above)
	return r, below, above
}

// tails are the probabilities of a mean as low and as high as the given one, where each set gives one value at random.
func tails(mean float64, sets [][]float64) (below, above float64) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range draws {
		m := 0.0
		for _, set := range sets {
			m += set[rng.IntN(len(set))] / float64(len(sets))
		}
		if m <= mean {
			below += 1.0 / draws
		}
		if m >= mean {
			above += 1.0 / draws
		}
	}
	return below, above
}

// correlation of output k.
func correlation(a, b [][]float64, k int) float64 {
	n := float64(len(a))
	ma, mb, ab, aa, bb := 0.0, 0.0, 0.0, 0.0, 0.0
	for i := range a {
		ma, mb = ma+a[i][k]/n, mb+b[i][k]/n
	}
	for i := range a {
		ab += (a[i][k] - ma) * (b[i][k] - mb)
		aa += (a[i][k] - ma) * (a[i][k] - ma)
		bb += (b[i][k] - mb) * (b[i][k] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}
