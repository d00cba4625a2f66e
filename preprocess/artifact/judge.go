package artifact

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/preprocess/spatial/spline"
)

// Factors that make a robust spread that of a normal distribution's standard deviation, as PREP rounds them.
const (
	iqrToSD = 0.7413
	madToSD = 1.4826
)

// column is where a criterion stands in BadChannels.Bad.
func column(criterion string) int { return slices.Index(criteria, criterion) }

// judge applies the criteria to x [run][channel][sample].
func (s *BadChannels) judge(x [][][]float64) ([][]float64, error) {
	c := len(s.idx)
	bad := make([][]float64, c)
	whole := make([][]float64, c)
	var usable []int
	for k := range bad {
		bad[k] = make([]float64, len(criteria))
		for _, run := range x {
			whole[k] = append(whole[k], run[k]...)
		}
		flat := slices.Contains(s.Methods, byFlat)
		switch {
		case firstBad(whole[k]) >= 0:
			bad[k][column(byNaN)] = 1
		case flat && !(medianDeviation(whole[k]) >= s.Flat && deviation(whole[k]) >= s.Flat):
			bad[k][column(byFlat)] = 1
		default:
			usable = append(usable, k)
		}
	}
	if len(usable) < 2 {
		return bad, nil // the caller counts them
	}
	if slices.Contains(s.Methods, byDeviation) {
		for k, z := range pickEach(whole, usable, deviationScores) {
			if !(math.Abs(z) <= s.DeviationZ) {
				bad[usable[k]][column(byDeviation)] = 1
			}
		}
	}
	if !slices.ContainsFunc(s.Methods, func(m string) bool { return m == byNoise || m == byCorrelation || m == byRansac }) {
		return bad, nil
	}
	low, filtered := s.lowPass(x, usable)
	if s.in.Rate > 100 && slices.Contains(s.Methods, byNoise) {
		for k, z := range noiseScores(whole, filtered, usable) {
			if !(z <= s.NoiseZ) {
				bad[usable[k]][column(byNoise)] = 1
			}
		}
	}
	if slices.Contains(s.Methods, byCorrelation) {
		if err := s.correlate(bad, low, usable); err != nil {
			return nil, err
		}
	}
	if slices.Contains(s.Methods, byRansac) {
		return bad, s.ransac(bad, low, usable)
	}
	return bad, nil
}

// pickEach applies f to the chosen rows.
func pickEach(x [][]float64, idx []int, f func([][]float64) []float64) []float64 {
	rows := make([][]float64, len(idx))
	for i, k := range idx {
		rows[i] = x[k]
	}
	return f(rows)
}

// lowPass filters the usable channels of every run, and puts the runs together too [channel][sample].
func (s *BadChannels) lowPass(x [][][]float64, usable []int) (low [][][]float64, whole [][]float64) {
	g := lowPass50(s.in.Rate)
	whole = make([][]float64, len(usable))
	for _, run := range x {
		y := make([][]float64, len(usable))
		for i, k := range usable {
			y[i] = smooth(run[k], g)
			whole[i] = append(whole[i], y[i]...)
		}
		low = append(low, y)
	}
	return low, whole
}

// deviationScores is the robust z-score of every channel's amplitude.
func deviationScores(x [][]float64) []float64 {
	amplitude := make([]float64, len(x))
	for k := range x {
		amplitude[k] = interquartile(x[k]) * iqrToSD
	}
	middle, sd := medianInPlace(slices.Clone(amplitude)), interquartile(amplitude)*iqrToSD
	return scores(amplitude, middle, sd)
}

// noiseScores is the robust z-score of what the low-pass takes from each usable channel, over what it leaves.
func noiseScores(whole, filtered [][]float64, usable []int) []float64 {
	noise := make([]float64, len(usable))
	for i, k := range usable {
		rest := slices.Clone(whole[k])
		floats.Sub(rest, filtered[i])
		noise[i] = medianDeviation(rest) / medianDeviation(filtered[i])
	}
	if firstBad(noise) >= 0 { // a channel without anything below 50 Hz
		for i := range noise {
			if !finite(noise[i]) {
				noise[i] = math.MaxFloat64
			}
		}
	}
	return scores(noise, medianInPlace(slices.Clone(noise)), medianDeviation(noise)*madToSD)
}

// scores is (x − middle)/sd; where sd is 0, what equals the middle has 0 and the rest ±Inf.
func scores(x []float64, middle, sd float64) []float64 {
	z := make([]float64, len(x))
	for k, v := range x {
		if v != middle {
			z[k] = (v - middle) / sd
		}
	}
	return z
}

// correlate marks channels that are alone too often, or flat. low is [run][usable channel][sample].
func (s *BadChannels) correlate(bad [][]float64, low [][][]float64, usable []int) error {
	n := int(s.in.Samples(s.CorrelationWindow))
	alone, dropped, windows := make([]int, len(usable)), make([]int, len(usable)), 0
	for _, run := range low {
		for at := 0; at+n <= len(run[0]); at += n {
			windows++
			part := make([][]float64, len(usable))
			for i := range part {
				part[i] = run[i][at : at+n]
			}
			best, flat := closest(part)
			for i := range part {
				if flat[i] {
					dropped[i]++
				}
				if best[i] < s.Correlation {
					alone[i]++
				}
			}
		}
	}
	if windows == 0 {
		return fmt.Errorf("no training stretch is as long as correlation_window_s (%g s)", s.CorrelationWindow)
	}
	for i, k := range usable {
		if float64(alone[i])/float64(windows) > s.CorrelationBad {
			bad[k][column(byCorrelation)] = 1
		}
		if float64(dropped[i])/float64(windows) > s.CorrelationBad {
			bad[k][column(byDropout)] = 1
		}
	}
	return nil
}

// closest is the 98th percentile of the absolute correlations of every channel of a window with the others, 0 for those
// that are flat.
func closest(x [][]float64) (best []float64, flat []bool) {
	best, flat = make([]float64, len(x)), make([]bool, len(x))
	var rows [][]float64
	var which []int
	for i := range x {
		if flat[i] = medianDeviation(x[i]) == 0; !flat[i] {
			rows, which = append(rows, standard(x[i])), append(which, i)
		}
	}
	abs := make([]float64, len(rows))
	for a, i := range which {
		for b := range which {
			abs[b] = 0
			if b != a {
				abs[b] = math.Abs(floats.Dot(rows[a], rows[b]))
			}
		}
		best[i] = quantile(abs, 0.98)
	}
	return best, flat
}

// standard is x without its mean, with a length of 1.
func standard(x []float64) []float64 {
	y := slices.Clone(x)
	floats.AddConst(-floats.Sum(y)/float64(len(y)), y)
	if n := floats.Norm(y, 2); n > 0 {
		floats.Scale(1/n, y)
	}
	return y
}

// ransac marks channels that the others do not predict.
func (s *BadChannels) ransac(bad [][]float64, low [][][]float64, usable []int) error {
	var good []int // among the usable
	for i, k := range usable {
		if bad[k][column(byDeviation)]+bad[k][column(byCorrelation)]+bad[k][column(byDropout)] == 0 {
			good = append(good, i)
		}
	}
	chosen := int(math.RoundToEven(s.RansacPart * float64(len(usable))))
	switch {
	case chosen <= 3:
		return fmt.Errorf("ransac_part (%g) of %d channels are %d, must be at least 4: raise ransac_part, or leave ransac out of methods", s.RansacPart, len(usable), chosen)
	case len(good) <= chosen:
		return fmt.Errorf("%d channels are good by the other criteria, ransac needs more than %d to choose from: lower ransac_part, or leave ransac out of methods", len(good), chosen)
	}
	positions := make([]int, len(good))
	for i, g := range good {
		positions[i] = s.idx[usable[g]]
	}
	_, directions, err := spline.Locate(s.in, positions, nil)
	if err != nil {
		return fmt.Errorf("ransac: %w", err)
	}
	rng := rand.New(rand.NewPCG(s.Seed, 0))
	choices := make([][]int, s.RansacSamples)
	for i := range choices {
		choices[i] = rng.Perm(len(good))[:chosen]
		slices.Sort(choices[i])
	}
	n := int(s.in.Samples(s.RansacWindow))
	missed, windows := make([]int, len(good)), 0
	for _, run := range low {
		rows := make([][]float64, len(good))
		for i, g := range good {
			rows[i] = run[g]
		}
		correlations, err := ransacCorrelations(rows, directions, choices, n)
		if err != nil {
			return fmt.Errorf("ransac: %w", err)
		}
		for _, window := range correlations {
			windows++
			for i, r := range window {
				if !(r >= s.RansacCorrelation) {
					missed[i]++
				}
			}
		}
	}
	if windows == 0 {
		return fmt.Errorf("no training stretch is as long as ransac_window_s (%g s)", s.RansacWindow)
	}
	for i, g := range good {
		if float64(missed[i])/float64(windows) > s.RansacBad {
			bad[usable[g]][column(byRansac)] = 1
		}
	}
	return nil
}

// ransacCorrelations is the correlation of every channel of x [channel][sample] with the median of its predictions from
// the chosen channels, in windows of n samples [window][channel]. 0 where either is constant.
func ransacCorrelations(x [][]float64, directions [][3]float64, choices [][]int, n int) ([][]float64, error) {
	c := len(x)
	maps := make([]*mat.Dense, len(choices)) // [channels, chosen]
	for i, choice := range choices {
		from := make([][3]float64, len(choice))
		for j, k := range choice {
			from[j] = directions[k]
		}
		var err error
		if maps[i], err = spline.Interpolation(from, directions, 1e-5); err != nil {
			return nil, err
		}
	}
	var out [][]float64
	predicted := make([][]float64, len(choices))
	for i := range predicted {
		predicted[i] = make([]float64, n)
	}
	middle, values := make([]float64, n), make([]float64, len(choices))
	for at := 0; at+n <= len(x[0]); at += n {
		row := make([]float64, c)
		for ch := range c {
			for i, choice := range choices {
				clear(predicted[i])
				for j, k := range choice {
					floats.AddScaled(predicted[i], maps[i].At(ch, j), x[k][at:at+n])
				}
			}
			for t := range middle {
				for i := range predicted {
					values[i] = predicted[i][t]
				}
				middle[t] = medianInPlace(values)
			}
			row[ch] = floats.Dot(standard(x[ch][at:at+n]), standard(middle))
		}
		out = append(out, row)
	}
	return out, nil
}

// deviation is the standard deviation of x, over its number.
func deviation(x []float64) float64 {
	mean, sum := floats.Sum(x)/float64(len(x)), 0.0
	for _, v := range x {
		sum += float64((v - mean) * (v - mean))
	}
	return math.Sqrt(sum / float64(len(x)))
}

// medianDeviation is the median of the distances to the median.
func medianDeviation(x []float64) float64 {
	d := slices.Clone(x)
	m := medianInPlace(d)
	for i, v := range x {
		d[i] = math.Abs(v - m)
	}
	return medianInPlace(d)
}

func interquartile(x []float64) float64 {
	y := slices.Sorted(slices.Values(x))
	return sortedQuantile(y, 0.75) - sortedQuantile(y, 0.25)
}

func quantile(x []float64, q float64) float64 {
	return sortedQuantile(slices.Sorted(slices.Values(x)), q)
}

// sortedQuantile is a quantile as MATLAB defines it: value i of n is the quantile (i + 1/2)/n.
func sortedQuantile(x []float64, q float64) float64 {
	n := float64(len(x))
	at := min(max(q*n-0.5, 0), n-1)
	lo := math.Floor(at)
	hi := min(lo+1, n-1)
	return x[int(lo)] + (x[int(hi)]-x[int(lo)])*(at-lo)
}
