package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// BrierPrior is Brier of who gives the part of each class in every trial, 1 − Σ_k π_k², 1 − 1/K with equal parts: the best that
// is possible without looking. It is below BrierChance, which keeps the probabilities as they are.
func (q *Probabilities) BrierPrior() float64 {
	sum := 1.0
	for _, v := range q.parts() {
		sum -= v * v
	}
	return sum
}

// LogLossPrior is LogLoss of who gives the part of each class in every trial, the entropy −Σ_k π_k·ln π_k, ln K with equal parts.
func (q *Probabilities) LogLossPrior() float64 {
	sum := 0.0
	for _, v := range q.parts() {
		if v > 0 {
			sum -= v * math.Log(v)
		}
	}
	return sum
}

// ECECalibrated is what ECE says on average of a perfectly calibrated decoder with these very probabilities, and so few
// trials: the class of each trial is drawn from its own probabilities, draws times, at least 1, in an order that seed decides.
// A decoder whose ECE is not above it shows no miscalibration. It is the level to compare with in place of chance, which ECE
// has none of: who gives the parts of the classes knows nothing and is calibrated.
func (q *Probabilities) ECECalibrated(bins, draws int, seed uint64) float64 {
	return mean(q.calibrated(bins, each(len(q.p)), draws, seed))
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// calibrated is the draws of ECECalibrated, sorted. Trials of one group have their chance in common.
func (q *Probabilities) calibrated(bins int, group []int, draws int, seed uint64) []float64 {
	if draws < 1 {
		panic(fmt.Sprintf("metrics: %d draws, must be at least 1", draws))
	}
	rng := rand.New(rand.NewPCG(seed, 5))
	r := &Probabilities{q.p, slices.Clone(q.truth)}
	drawn := make([]float64, draws)
	chance := map[int]float64{}
	for d := range drawn {
		clear(chance)
		for i, row := range q.p {
			if _, known := chance[group[i]]; !known {
				chance[group[i]] = rng.Float64()
			}
			u, k := chance[group[i]], 0
			for u >= row[k] && k < len(row)-1 {
				u -= row[k]
				k++
			}
			r.truth[i] = k
		}
		drawn[d] = r.ECE(bins)
	}
	slices.Sort(drawn)
	return drawn
}

// ECEInterval is an interval of the expected calibration error of the decoder, which that of few trials lies above: the lower
// limit is 0 where a calibrated decoder with these probabilities (ECECalibrated) reaches this ECE with a probability of
// (1 − level)/2, else that of Reflected; the upper limit is that of Percentiles. Trials are drawn within each stratum.
func (q *Probabilities) ECEInterval(bins int, stratum []int, level float64, draws int, seed uint64) (low, high float64, err error) {
	return q.eceInterval(bins, stratum, each(len(q.p)), level, draws, seed)
}

// eceInterval is ECEInterval that draws groups.
func (q *Probabilities) eceInterval(bins int, stratum, group []int, level float64, draws int, seed uint64) (low, high float64, err error) {
	value := q.ECE(bins)
	drawn, err := q.draws(stratum, group, func(r *Probabilities) float64 { return r.ECE(bins) }, draws, seed)
	if err != nil {
		return 0, 0, err
	}
	low, _ = Reflected(value, drawn, level)
	_, high = Percentiles(drawn, level)
	if value <= quantile(q.calibrated(bins, group, draws, seed), (1+level)/2) {
		low = 0
	}
	return max(low, 0), max(high, value), nil
}

// draws is the distribution of a measure of q over draws of groups of trials.
func (q *Probabilities) draws(stratum, group []int, measure func(*Probabilities) float64, draws int, seed uint64) ([]float64, error) {
	if len(stratum) != len(q.p) {
		return nil, fmt.Errorf("metrics: the strata of %d trials of %d", len(stratum), len(q.p))
	}
	r := &Probabilities{}
	return grouped(stratum, group, func(trials []int) float64 {
		r.p, r.truth = r.p[:0], r.truth[:0]
		for _, k := range trials {
			r.p, r.truth = append(r.p, q.p[k]), append(r.truth, q.truth[k])
		}
		return measure(r)
	}, draws, seed)
}
