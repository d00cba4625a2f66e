package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Probabilities are probabilities of classes and what was true. All measures of it are means over trials, so Bootstrap and
// Interval apply.
type Probabilities struct {
	p     [][]float64
	truth []int
}

// NewProbabilities takes p [trials][classes] and the class of each trial. Rows must be distributions: numbers from 0 to 1
// with the sum 1.
func NewProbabilities(p [][]float64, truth []int) (*Probabilities, error) {
	if err := checkProbabilities(p, truth); err != nil {
		return nil, err
	}
	for i, row := range p {
		sum := 0.0
		for _, v := range row {
			sum += v
		}
		if math.Abs(sum-1) > 1e-6 {
			return nil, fmt.Errorf("metrics: the probabilities of trial %d add up to %g, must be 1", i, sum)
		}
	}
	return &Probabilities{p, truth}, nil
}

// floor is the least probability that LogLoss takes a row to hold, as scikit-learn's log_loss: the spacing of float64 at 1.
const floor = 0x1p-52

// LogLoss is the mean of −ln p of the true class, in nats; 0 is best. Probabilities below 2.2e-16 count as that.
func (q *Probabilities) LogLoss() float64 {
	return q.mean(func(i int) float64 { return -math.Log(max(q.p[i][q.truth[i]], floor)) })
}

// LogLossChance is the chance level of LogLoss: its exact mean over all permutations of the true classes.
func (q *Probabilities) LogLossChance() float64 {
	part := q.parts()
	return q.mean(func(i int) float64 {
		sum := 0.0
		for k, v := range q.p[i] {
			if part[k] > 0 {
				sum -= part[k] * math.Log(max(v, floor))
			}
		}
		return sum
	})
}

// Brier is the mean of Σ_k (p_k − [k is true])², from 0, the best, to 2 (Brier 1950,
// doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2). With two classes it is twice the form that counts one class only.
func (q *Probabilities) Brier() float64 {
	return q.mean(func(i int) float64 {
		sum := 0.0
		for k, v := range q.p[i] {
			if k == q.truth[i] {
				v--
			}
			sum += v * v
		}
		return sum
	})
}

// BrierChance is the chance level of Brier: its exact mean over all permutations of the true classes.
func (q *Probabilities) BrierChance() float64 {
	part := q.parts()
	return q.mean(func(i int) float64 {
		sum := 1.0
		for k, v := range q.p[i] {
			sum += v * (v - 2*part[k])
		}
		return sum
	})
}

// ECE is the expected calibration error (Guo et al. 2017, arxiv.org/abs/1706.04599): trials are sorted into bins of equal
// width by the probability of the class decided for (the first of the most probable ones); it is the mean over trials of
// the distance, in their bin, between the part decided right and the mean of that probability. A bin is open below and
// closed above. bins must be at least 1; 10 and 15 are usual.
//
// It has no chance level: a decoder that always gives the parts of the classes is perfectly calibrated. It is above 0 even
// for true probabilities, the more so the fewer trials there are in a bin: ECECalibrated says how far.
func (q *Probabilities) ECE(bins int) float64 {
	if bins < 1 {
		panic(fmt.Sprintf("metrics: %d bins, must be at least 1", bins))
	}
	off := make([]float64, bins) // Σ right − probability
	for i, row := range q.p {
		k := slices.Index(row, slices.Max(row))
		b := int(math.Ceil(row[k]*float64(bins))) - 1
		b = min(max(b, 0), bins-1)
		off[b] -= row[k]
		if k == q.truth[i] {
			off[b]++
		}
	}
	sum := 0.0
	for _, v := range off {
		sum += math.Abs(v)
	}
	return sum / float64(len(q.p))
}

func (q *Probabilities) mean(of func(i int) float64) float64 {
	sum := 0.0
	for i := range q.p {
		sum += of(i)
	}
	return sum / float64(len(q.p))
}

// parts is the part of the trials that is of each class.
func (q *Probabilities) parts() []float64 {
	part := make([]float64, len(q.p[0]))
	for _, k := range q.truth {
		part[k] += 1 / float64(len(q.truth))
	}
	return part
}

// Interval is the bootstrap confidence interval of a measure of q, such as (*Probabilities).Brier. See Bootstrap.
func (q *Probabilities) Interval(measure func(*Probabilities) float64, level float64, draws int, seed uint64) (low, high float64) {
	r := &Probabilities{make([][]float64, len(q.p)), make([]int, len(q.p))}
	low, high, err := Bootstrap(len(q.p), func(trials []int) (float64, bool) {
		for i, t := range trials {
			r.p[i], r.truth[i] = q.p[t], q.truth[t]
		}
		return measure(r), true
	}, level, draws, seed)
	if err != nil {
		panic(err) // every draw counts
	}
	return low, high
}

// Bootstrap is the percentile interval of a measure of n trials (Efron 1979, doi:10.1214/aos/1176344552): trials are drawn
// with replacement, draws times, at least 100, in an order that seed decides. measure is given the positions of trials,
// n of them, and says false where it is not defined for them (a class without trials); it is an error where that is so
// for more than half of the draws. level must be between 0 and 1. Trials are taken for independent draws.
func Bootstrap(n int, measure func(trials []int) (float64, bool), level float64, draws int, seed uint64) (low, high float64, err error) {
	checkLevel(level)
	if n < 1 || draws < 100 {
		return 0, 0, fmt.Errorf("metrics: bootstrap of %d trials with %d draws, must be at least 1 and 100", n, draws)
	}
	rng := rand.New(rand.NewPCG(seed, 2))
	trials := make([]int, n)
	values := make([]float64, 0, draws)
	for range draws {
		for i := range trials {
			trials[i] = rng.IntN(n)
		}
		if v, ok := measure(trials); ok && !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if 2*len(values) < draws {
		return 0, 0, fmt.Errorf("metrics: the measure is defined for %d of %d draws only; record more trials of every class", len(values), draws)
	}
	slices.Sort(values)
	low, high = Percentiles(values, level)
	return low, high, nil
}
