package text

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// odd is how far, as a part of the rows, a counter may be from the number of samples that the time between first and last row has.
const odd = 0.01

// counted is the jumps in a counter of samples, which says exactly how many are missing, but for whole rounds of it:
// these the jumps of the stamps tell. It is an error where the numbers are no counter, or there is time for another number of samples,
// both at the rates that the table or the device names and with stamps that are step seconds apart. Where it finds samples missing, and not
// fewer than the stamps do, the true rate may be as far from the named one as that allows.
func counted(index, seconds []float64, step float64, lay *layout, byStamps []jump) ([]jump, error) {
	c, err := numberingOf(index)
	if err != nil {
		return nil, err
	}
	stamps, stamped := map[int]jump{}, 0.0
	for _, j := range byStamps {
		if j.set && math.Abs(j.seconds) < nearby*step {
			continue // rows that came early: the counter knows better
		}
		stamps[j.row] = j
		stamped += float64(j.missing)
	}
	var jumps []jump
	strange, total, set := 0, 0.0, false
	nth := c.last(index, 0)
	for i := 1; i < len(index); i++ {
		j, jumped := stamps[i]
		steps, now := c.next(index, i, nth)
		if nth = now; steps <= 0 && jumped && !j.set {
			steps += c.round // all are lost up to the same number
		}
		if steps != math.Round(steps) || steps < 1 || steps > 1e9 {
			return nil, fmt.Errorf("in row %d it goes from %g to %g, by steps of %g before", i+1, index[i-1], index[i], c.step)
		}
		missing := steps - 1
		if missing > 0 {
			strange++
		}
		switch {
		case jumped && j.set:
			j.missing = max(1, int64(missing))
		case jumped && c.round > 0:
			missing += c.round * max(0, math.Round((float64(j.missing)-missing)/c.round))
			j.missing = int64(missing)
		default:
			j = jump{row: i, missing: int64(missing)}
		}
		set = set || j.set
		total += float64(j.missing)
		if j.missing > 0 {
			jumps = append(jumps, j)
		}
	}
	if strange*c.each > len(index)/2 {
		return nil, fmt.Errorf("%d of %d of its steps are not %g", strange, len(index)-1, c.step)
	}
	n, took := float64(len(index)), seconds[len(index)-1]-seconds[0]
	slack := nearby + odd*n
	fits := func(step float64) bool { return math.Abs(total-(took/step-(n-1))) <= slack }
	near := func(rate float64) bool {
		return fits(1/rate) || strange > 0 && total+slack >= stamped && math.Abs((n-1+total)/took-rate) <= lay.within*rate
	}
	if !set && !fits(step) && !slices.ContainsFunc(lay.nominal, near) {
		return nil, fmt.Errorf("by its steps %.0f samples are missing, by the stamps %.0f", total, took/step-(n-1))
	}
	return jumps, nil
}

const (
	mostAlike = 8  // rows that a number may have
	rounds    = 8  // of a counter, after which many numbers on end that never came are none of its
	never     = 10 // how many, as a part of its numbers
)

// numbering is how a counter goes. A device that counts packets, such as OpenBCI's Ganglion, gives all samples of one the same number.
type numbering struct {
	low, step float64   // its lowest number, and from one to the next
	each      int       // samples that have the same number, as a rule
	before    []float64 // samples of a round before each number, and at its end; nil where each number has as many
	round     float64   // samples, after which it starts anew; 0 where it never does
}

// numberingOf works it out from the counter of all rows.
func numberingOf(index []float64) (*numbering, error) {
	steps := make([]float64, 0, len(index))
	var alike [mostAlike + 1]int // how often so many rows on end, at most, have the same number
	begun := 0.0
	for i := 0; i < len(index); {
		n := same(index, i, len(index))
		alike[min(n, mostAlike)]++
		if i += n; i < len(index) {
			d := index[i] - index[i-1]
			steps = append(steps, d)
			if d < 0 {
				begun++
			}
		}
	}
	slices.Sort(steps)
	c := &numbering{low: slices.Min(index)}
	if len(steps) > 0 {
		c.step = steps[len(steps)/2]
	}
	if !(c.step > 0) {
		return nil, fmt.Errorf("its usual step is %g, must be above 0", c.step)
	}
	for n, often := range alike {
		if often > alike[c.each] {
			c.each = n
		}
	}
	if begun == 0 {
		return c, nil
	}
	numbers := (slices.Max(index)-c.low)/c.step + 1
	c.round = numbers * float64(c.each)
	if c.each > 1 && numbers <= float64(len(index)) && numbers == math.Round(numbers) {
		c.before = make([]float64, int(numbers)+1)
		c.share(index, begun >= rounds)
		c.round = c.before[len(c.before)-1]
	}
	return c, nil
}

// share finds how many samples each number has: the most rows that it ever had, at most as many as is the rule. The Ganglion's first
// packet of a round has one sample in some versions, the others have two, and which numbers it has depends on the accelerometer.
func (c *numbering) share(index []float64, long bool) {
	samples := c.before[1:]
	for i := 0; i < len(index); {
		n := same(index, i, c.each)
		if k := (index[i] - c.low) / c.step; k == math.Round(k) {
			samples[int(k)] = max(samples[int(k)], float64(n))
		}
		i += n
	}
	for k := 0; k < len(samples); {
		n := same(samples, k, len(samples))
		if samples[k] == 0 && (!long || n*never < len(samples)) { // lost each time
			for m := range n {
				samples[k+m] = float64(c.each)
			}
		}
		k += n
	}
	for k := range samples {
		c.before[k+1] += c.before[k]
	}
}

// same is how many numbers from i on are the same, at most most.
func same(x []float64, i, most int) int {
	n := 1
	for n < most && i+n < len(x) && x[i+n] == x[i] {
		n++
	}
	return n
}

// begin is the sample of a round with which a number begins, NaN where it is none of the numbers, and how many it has.
func (c *numbering) begin(v float64) (at, samples float64) {
	k := (v - c.low) / c.step
	switch {
	case k != math.Round(k):
		return math.NaN(), 1
	case c.before == nil:
		return k * float64(c.each), float64(c.each)
	}
	return c.before[int(k)], c.before[int(k)+1] - c.before[int(k)]
}

// last is which of the samples of its number, from 0, row i is where it has the last ones: some are lost in front of it.
func (c *numbering) last(index []float64, i int) float64 {
	_, samples := c.begin(index[i])
	return samples - float64(same(index, i, int(samples)))
}

// next is how many samples row i is behind the one before, which is the nth of its number, from 0, and which one row i is. Where a number
// has too few rows, nobody knows which: its last ones are lost, unless what is in front of it is. What is not above 0 is the same number once more.
func (c *numbering) next(index []float64, i int, nth float64) (steps, now float64) {
	if c.each == 1 {
		if steps = (index[i] - index[i-1]) / c.step; c.round > 0 {
			steps = math.Mod(steps+c.round, c.round)
		}
		return steps, 0
	}
	at, _ := c.begin(index[i])
	before, samples := c.begin(index[i-1])
	switch steps = at - before - nth; {
	case at == before && nth+1 < samples:
		return 1, nth + 1
	case at == before:
		return steps, 0
	case steps < 0:
		steps += c.round
	}
	if steps > 1 {
		now = c.last(index, i)
	}
	return steps + now, now
}

// uncounted lists a counter that is of no use.
func uncounted(column string, why error) signal.Deviation {
	return signal.Deviation{Where: "column " + column, Rule: "counts the samples", Found: why.Error(), Assumed: "gaps are looked for in the stamps only"}
}
