package metrics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Stratified is the distribution of a measure over bootstrap samples (Efron 1979, doi:10.1214/aos/1176344552) that keep
// the number of trials of every stratum, such as those of one class in one fold: the trials of each are drawn from it with
// replacement, draws times, at least 100, in an order that seed decides. measure is given the positions of trials, as many
// as stratum has. The values come sorted. Where every class is a stratum each draw has all of them, so a measure that is
// defined for the trials is defined for every draw.
func Stratified(stratum []int, measure func(trials []int) float64, draws int, seed uint64) ([]float64, error) {
	return grouped(stratum, each(len(stratum)), measure, draws, seed)
}

// grouped is Stratified that draws groups of trials, whole, within each stratum; a group that is in two strata counts as one in each. measure
// is given more or fewer trials then than there are. Where trials are grouped, a stratum of a single group is an error: nothing
// says how it varies.
func grouped(stratum, group []int, measure func(trials []int) float64, draws int, seed uint64) ([]float64, error) {
	if len(stratum) == 0 || draws < 100 || len(group) != len(stratum) {
		return nil, fmt.Errorf("metrics: bootstrap of %d trials in the groups of %d with %d draws, must be at least 1, as many, and 100", len(stratum), len(group), draws)
	}
	type key struct{ stratum, group int }
	at := map[key]int{}
	var groups [][]int // trials of each, in the order in which they first occur
	var of []int       // stratum of each
	members := map[int][]int{}
	for i, s := range stratum {
		k := key{s, group[i]}
		if _, known := at[k]; !known {
			at[k] = len(groups)
			members[s] = append(members[s], len(groups))
			groups, of = append(groups, nil), append(of, s)
		}
		groups[at[k]] = append(groups[at[k]], i)
	}
	if len(groups) < len(stratum) {
		for _, s := range of {
			if len(members[s]) < 2 {
				return nil, errSingle
			}
		}
	}
	rng := rand.New(rand.NewPCG(seed, 3))
	trials, values := make([]int, 0, len(stratum)), make([]float64, draws)
	for d := range values {
		trials = trials[:0]
		for _, s := range of {
			m := members[s]
			trials = append(trials, groups[m[rng.IntN(len(m))]]...)
		}
		v := measure(trials)
		if math.IsNaN(v) {
			return nil, errors.New("metrics: the measure is not defined for a draw of trials, though it keeps the number of every stratum")
		}
		values[d] = v
	}
	slices.Sort(values)
	return values, nil
}

// errSingle is that of an interval that cannot be.
var errSingle = errors.New("no interval: all trials of a class are of one group, such as windows of one event, and nothing says how groups differ; record more")

// quantile is that of sorted values, by straight lines between them.
func quantile(sorted []float64, q float64) float64 {
	x := q * float64(len(sorted)-1)
	i := min(int(x), len(sorted)-2)
	return sorted[i] + (x-float64(i))*(sorted[i+1]-sorted[i])
}

// Percentiles is the percentile interval of the sorted values of Stratified.
func Percentiles(sorted []float64, level float64) (low, high float64) {
	checkLevel(level)
	return quantile(sorted, (1-level)/2), quantile(sorted, (1+level)/2)
}

// Reflected is the basic bootstrap interval (Davison and Hinkley 1997, doi:10.1017/CBO9780511802843, section 5.2): the
// percentiles of Stratified reflected at the value. It is for measures that few trials push to one side, as they do the
// expected calibration error: a resample pushes once more, and the reflection takes it back.
func Reflected(value float64, sorted []float64, level float64) (low, high float64) {
	low, high = Percentiles(sorted, level)
	return 2*value - high, 2*value - low
}

// KappaInterval is an interval of Kappa, and WeightedF1Interval one of WeightedF1. What becomes of the trials of each class is
// drawn from its posterior, a Dirichlet distribution with the counts of the class's row plus 1/K each (the Bayesian bootstrap,
// Rubin 1981, doi:10.1214/aos/1176345338, with one trial more in every class that is spread evenly; Jeffreys' prior with two
// classes), draws times in an order that seed decides; the limits are the percentiles or, where these are wider, the percentiles moved by
// as much as the mean of the draws is from the value, up to 1. The number of trials of each class is kept. Unlike resampling of
// trials it does not end at a width of 0 where all decisions are right.
func (c *Confusion) KappaInterval(level float64, draws int, seed uint64) (low, high float64, err error) {
	return c.posterior(c.Kappa(), kappa, level, draws, seed)
}

// WeightedF1Interval is an interval of WeightedF1; see KappaInterval.
func (c *Confusion) WeightedF1Interval(level float64, draws int, seed uint64) (low, high float64, err error) {
	return c.posterior(c.WeightedF1(), weightedF1, level, draws, seed)
}

func (c *Confusion) posterior(value float64, measure func(n [][]float64) float64, level float64, draws int, seed uint64) (low, high float64, err error) {
	checkLevel(level)
	if draws < 100 {
		return 0, 0, fmt.Errorf("metrics: %d draws, must be at least 100", draws)
	}
	src := rand.NewPCG(seed, 4)
	drawn := c.counts()
	var values []float64
	for range draws {
		for k, row := range c.N {
			n, sum := float64(c.trials(k)), 0.0
			for d, m := range row {
				drawn[k][d] = distuv.Gamma{Alpha: float64(m)/c.perTrial(k) + 1/float64(len(row)), Beta: 1, Src: src}.Rand()
				sum += drawn[k][d]
			}
			for d := range row {
				drawn[k][d] *= n / sum
			}
		}
		if v := measure(drawn); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	if len(values) < draws || math.IsNaN(value) {
		return 0, 0, errors.New("metrics: the measure is not defined: truth and decisions are of one class")
	}
	slices.Sort(values)
	off := value // what the trial more in every class takes away
	for _, v := range values {
		off -= v / float64(len(values))
	}
	low, high = Percentiles(values, level)
	return min(low, low+off), max(high, min(high+off, 1)), nil
}
