package text

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

const (
	stretch  = 512   // rows over which the rate is measured
	nearby   = 64    // rows before and behind a step that say whether it is a gap
	shortest = 8     // rows of a run that tells of the rate
	longest  = 86400 // s, of a gap; beyond it the clock was set
	maxRate  = 1e6   // Hz
	passes   = 8     // in which gaps are looked for, each with the rate that the ones found before leave, at most; two or three are the rule
	ofDevice = 5e-3  // how far, relative, a measured rate may be from that of the device
	ofStated = 5e-2  // from that which the table names
	ofWhole  = 1e-3  // and from a whole number
)

// jump is a place where the stamps do not go on evenly.
type jump struct {
	row     int     // the first one behind it
	seconds float64 // by which its stamp is later than it should be
	missing int64   // samples
	set     bool    // the clock was set: nobody knows how many are missing
}

// clock is what stamps tell.
type clock struct {
	measured float64 // Hz
	rate     float64 // Hz, taken for the true one
	jumps    []jump
	jitter   float64 // s, the farthest of a stamp from even spacing at the measured rate, in the longest run
	off      float64 // s, the same at the rate that was taken

	uncounted error // why the counter is of no use, nil where it is or there is none
}

// newClock works out rate and gaps from the stamps of all rows, in seconds, and their counter, if any.
func newClock(stamps, index []float64, lay *layout) (*clock, error) {
	c := &clock{}
	step, err := c.settle(stamps, lay)
	if err != nil {
		return nil, err
	}
	if len(index) > 0 {
		var jumps []jump
		if jumps, c.uncounted = counted(index, stamps, step, lay, c.jumps); c.uncounted == nil {
			c.jumps = jumps
			step = cmp.Or(pooled(stamps, c.jumps, true), step)
		}
	}
	from, to := c.longestRun(len(stamps))
	c.measured = 1 / step
	if !(step > 0) || c.measured > maxRate {
		return nil, fmt.Errorf("the stamps of rows %d to %d, the longest run without a gap, make a rate of %g Hz, must be above 0 and at most %g", from+1, to, c.measured, float64(maxRate))
	}
	c.rate = c.measured
	near := func(rate, within float64) bool { return math.Abs(c.measured-rate) <= within*rate }
	if i := slices.IndexFunc(lay.nominal, func(r float64) bool { return near(r, lay.within) }); i >= 0 {
		c.rate = lay.nominal[i]
	} else if whole := math.Round(c.measured); near(whole, ofWhole) {
		c.rate = whole
	}
	c.jitter = spread(stamps[from:to], 1/c.measured)
	c.off = spread(stamps[from:to], 1/c.rate)
	return c, nil
}

// settle finds the jumps, and the time from row to row in the runs between them: each tells of the other. It begins with the
// usual step, where there is one, else with the rates of the device or those that the table names, as long as the runs bear them out,
// else with the median over stretches, in which gaps may be.
func (c *clock) settle(stamps []float64, lay *layout) (step float64, err error) {
	median, steps, err := medianStep(stamps)
	if err != nil {
		return 0, err
	}
	if single, tested := singleStep(stamps, steps); single > 0 && lay.bears(single, median, tested) {
		return c.refine(stamps, single), nil
	}
	for _, rate := range lay.nominal {
		if rate*median < 1-lay.within || 1/rate < median/2 { // gaps make the median longer, not shorter
			continue
		}
		if step := c.refine(stamps, 1/rate); math.Abs(step*rate-1) <= lay.within && c.whole(step) {
			return step, nil
		}
	}
	return c.refine(stamps, median), nil
}

// bears says whether single, the usual step from row to row, is the time from sample to sample, where median is that over stretches of rows,
// and tested says that the longer steps are a whole number of it. Rows that come in bursts have a step too, far shorter than that of their
// samples: most of the time then passes between bursts, and there are no more rows than the rate of the device or of the table makes.
func (l *layout) bears(single, median float64, tested bool) bool {
	if slices.ContainsFunc(l.nominal, func(rate float64) bool { return math.Abs(single*rate-1) <= l.within }) {
		return true
	}
	bursts := single < median/2
	for _, rate := range l.nominal {
		due := median * rate // samples at that rate to a row
		if due >= 1-l.within && (bursts || due <= 1+l.within) {
			return false
		}
	}
	return tested || !bursts
}

// whole says whether most jumps are about a whole number of steps, as they are where rows are missing.
func (c *clock) whole(step float64) bool {
	parts := 0
	for _, j := range c.jumps {
		if n := j.seconds / step; !j.set && math.Abs(n-math.Round(n)) > 0.25 {
			parts++
		}
	}
	return parts <= len(c.jumps)/4
}

// refine finds the jumps anew with the step of the runs between them, until that stays. Where all are short, they do not tell of it.
func (c *clock) refine(stamps []float64, step float64) float64 {
	for range passes {
		c.jumps = findJumps(c.jumps[:0], stamps, step)
		from, to := c.longestRun(len(stamps))
		if to-from < shortest {
			break
		}
		again := pooled(stamps, c.jumps, false)
		if !(again > 0) || again == step {
			break
		}
		step = again
	}
	return step
}

// findJumps lists the steps that rows which come late cannot explain: no row soon behind the step is as early, against
// an even spacing, as some row before, and the other way round where the clock goes back.
func findJumps(jumps []jump, stamps []float64, step float64) []jump {
	late := func(i, of int) float64 { return (stamps[i] - stamps[of]) - float64(i-of)*step } // against row of

	begin := 0 // of the run
	for i := 1; i < len(stamps); i++ {
		d := stamps[i] - stamps[i-1]
		if d > -step/2 && d < 1.5*step { // by half a sample no row is missing
			continue
		}
		before, behind := extent{math.Inf(1), math.Inf(-1)}, extent{math.Inf(1), math.Inf(-1)}
		for j := max(begin, i-nearby); j < i; j++ {
			before.add(late(j, i-1))
		}
		for j := i; j < min(len(stamps), i+nearby); j++ {
			behind.add(late(j, i-1))
		}
		forward := behind.low-before.high > step/2
		back := behind.high-before.low < -step/2
		if !forward && !back {
			continue
		}
		j := jump{row: i, seconds: behind.low - before.low, missing: 1, set: true}
		if back {
			j.seconds = behind.high - before.high
		}
		if forward && j.seconds <= longest {
			j.missing, j.set = max(1, int64(math.Round(j.seconds/step))), false
		}
		jumps = append(jumps, j)
		begin = i
	}
	return jumps
}

type extent struct{ low, high float64 }

func (e *extent) add(v float64) { e.low, e.high = min(e.low, v), max(e.high, v) }

// longestRun is the rows [from, to) of the longest run without a jump among n.
func (c *clock) longestRun(n int) (from, to int) {
	begin := 0
	for k := range len(c.jumps) + 1 {
		end := n
		if k < len(c.jumps) {
			end = c.jumps[k].row
		}
		if end-begin > to-from {
			from, to = begin, end
		}
		begin = end
	}
	return from, to
}

// spread is how far stamps are at most from an even spacing that starts where it fits best.
func spread(stamps []float64, step float64) float64 {
	e := extent{math.Inf(1), math.Inf(-1)}
	for i, t := range stamps {
		e.add(t - stamps[0] - float64(i)*step)
	}
	return (e.high - e.low) / 2
}
