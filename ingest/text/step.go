package text

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// medianStep is the time from row to row: the median of the means over stretches of k rows. steps is room for that many.
func medianStep(stamps []float64) (step float64, steps []float64, err error) {
	n := len(stamps)
	if n < 2 {
		return 0, nil, fmt.Errorf("there are %d rows, must be at least 2 for a rate", n)
	}
	k := max(1, min(stretch, n/8)) // in a short table a gap must not touch half of them
	steps = make([]float64, 0, n-1)
	for i := range n - k {
		steps = append(steps, (stamps[i+k]-stamps[i])/float64(k))
	}
	slices.Sort(steps)
	step = steps[len(steps)/2]
	if !(step > 0) || 1/step > maxRate {
		return 0, nil, fmt.Errorf("the stamps grow by %g s from row to row, so the rate would be %g Hz, must be above 0 and at most %g", step, 1/step, float64(maxRate))
	}
	if 1/step < 1/float64(longest) {
		return 0, nil, errors.New("the stamps are more than a day apart")
	}
	return step, steps, nil
}

// singleStep is the mean step from one row to the next, where nearly all are about the same, and the longer ones a whole number of it, since
// rows are missing: these are left out. It is 0 where they are not: rows that come in bursts have no such step, and the longer ones are no
// whole number from chunk to chunk, where the rows within a chunk have stamps at a rate that is not quite theirs. tested says that most of the
// longer ones are short enough to tell, or that there are none. steps is overwritten.
func singleStep(stamps, steps []float64) (step float64, tested bool) {
	steps = steps[:0]
	for i := 1; i < len(stamps); i++ {
		steps = append(steps, stamps[i]-stamps[i-1])
	}
	slices.Sort(steps)
	n := len(steps)
	step = steps[n/2]
	if !(step > 0) || 1/step > maxRate {
		return 0, false
	}
	short, _ := slices.BinarySearch(steps, 0.7*step) // 3 ms beside 4 ms are none: stamps may have few digits
	long, _ := slices.BinarySearch(steps, 1.5*step)
	if short > n/100 || long-short < n/2 {
		return 0, false
	}
	few := (long - short) / 20
	scatter := (steps[long-1-few] - steps[short+few]) / step
	whole, parts := 0, 0
	for _, s := range steps[long:] {
		many := math.Round(s / step)
		if many*scatter > 0.5 {
			break // they do not tell
		}
		if math.Abs(s/step-many) <= min(0.02+2*scatter, 0.25) {
			whole++
		} else {
			parts++
		}
	}
	if parts > whole/8 {
		return 0, false
	}
	sum := 0.0
	for _, s := range steps[short:long] {
		sum += s
	}
	return sum / float64(long-short), 2*whole >= n-long
}

// pooled is the time from row to row of the lines of least squares through all runs, which have the slope in common: bursts at both ends
// of a run weigh little in it. A run ends at each jump or, where it is counted how many samples are missing, where the clock was set. It
// is 0 where no run has two rows.
func pooled(stamps []float64, jumps []jump, counted bool) float64 {
	sum, squares := 0.0, 0.0
	for begin, k := 0, 0; begin < len(stamps); {
		inner := k // the first jump within the run
		for k < len(jumps) && counted && !jumps[k].set {
			k++
		}
		end := len(stamps)
		if k < len(jumps) {
			end = jumps[k].row
		}
		each := func(f func(i int, x float64)) {
			missing, j := int64(0), inner
			for i := begin; i < end; i++ {
				if j < k && jumps[j].row == i {
					missing += jumps[j].missing
					j++
				}
				f(i, float64(int64(i-begin)+missing))
			}
		}
		middle := 0.0
		each(func(_ int, x float64) { middle += x })
		middle /= float64(end - begin)
		each(func(i int, x float64) {
			sum += float64((x - middle) * (stamps[i] - stamps[begin]))
			squares += float64((x - middle) * (x - middle))
		})
		begin, k = end, k+1
	}
	if squares == 0 {
		return 0
	}
	return sum / squares
}
