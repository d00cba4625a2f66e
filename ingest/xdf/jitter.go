package xdf

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// steady is a clock whose stamps scatter about even times: each is off by something of its own, and what comes behind does not inherit it.
// The stamps of a program that sleeps from one sample to the next do: they are regular from step to step, and wander. So do, by little, those of
// amplifiers whose samples are counted by one clock and stamped by another.
type steady struct {
	s        *stream
	from, to int64   // samples
	dt       float64 // step, in seconds
	sd       float64 // by which stamps scatter, in seconds
	wander   bool    // they do not come back, but are off by little over a while
	own      float64 // step of samples that have no stamp of their own, in seconds
	apart    int64   // samples from one stamp to the next
	while    int64   // samples whose stamps tell a level of lateness, together
	work     []float64
}

const (
	lagsLong    = 16                  // stamps, over which a wandering clock is off by four times as much as from one to the next
	wanders     = 2                   // times as much, from which on it does
	slightly    = 8                   // a wandering clock may be off by this part of a step over a while: what is lost is seen all the same
	partWhole   = 0.2                 // of a step, within which losses are whole ones
	mostParts   = 8                   // of losses one may be none of whole steps
	fewLags     = 64                  // steps that do not tell
	mostLags    = 8192                // steps that are looked at, at most
	ofMedian    = 1.4826 / math.Sqrt2 // of differences of two normal numbers: their standard deviation
	enough      = 24                  // stamps in a while make the level exact to 1/14 of a step where they scatter by a step: the square of it
	fewLevel    = 16                  // stamps in a while, at least
	mostWhile   = 4096                // samples: the rate may be off over more
	ownSlope    = 16                  // the square of it is the stamps of a run that tell of its slope where they scatter by a step: to an eighth of a step at its ends
	leastShift  = 0.5                 // of a step, that is a loss: half of the shortest
	fewBeside   = 3                   // stamps at either end of the stream, at least, that tell of a loss: one may be late by anything
	significant = 4.5                 // standard errors, by which a shift must differ from none
)

// steadyClock is that of the stamps of samples [from, to), nil where there is none, which why is a reason for. A while has at least base
// samples.
func (s *stream) steadyClock(from, to, base int64) (c *steady, why string) {
	steps := s.uneven(from, to, 0)
	if steps.n == 0 {
		return nil, "they are all the same"
	}
	own := s.median(from, to, 0, steps)
	apart := max(1, (to-from)/(s.uneven(from, to, own).n+1))
	step, long := s.spreadOver(from, to, lagsLong*apart, 0)
	if !(step > 0) {
		return nil, "they are too few to tell"
	}
	dt := step / float64(lagsLong*apart)
	_, short := s.spreadOver(from, to, apart, dt*float64(apart))
	sd := ofMedian * short
	wander := long > wanders*short
	if wander {
		over := int64(lagsLong)
		if n := max(base/apart, fewLevel); n > over {
			if _, far := s.spreadOver(from, to, n*apart, 0); far > long {
				over, long = n, far
			}
		}
		if sd = ofMedian * long; sd > dt/slightly {
			return nil, fmt.Sprintf("they wander, as those of a program do that sleeps from one sample to the next: over %d of them they are off by about %.2g s, from one to the next by %.2g s", over, long, short)
		}
	}
	if sd > dt {
		return nil, fmt.Sprintf("they scatter by about %.2g s, which is more than the %.2g s from one sample to the next", sd, dt)
	}
	// the nominal rate is better known than the one of the stamps, unless they say that it is another
	if err := 1.25 * math.Sqrt2 * sd / math.Sqrt(float64((to-from)/apart)/2*lagsLong) / float64(apart); math.Abs(dt-1/s.info.rate) < 4*err {
		dt = 1 / s.info.rate
	}
	c = &steady{s: s, from: from, to: to, dt: dt, sd: sd, wander: wander, own: own, apart: apart}
	if c.while = max(base, c.samples(enough, fewLevel)); c.while > mostWhile {
		return nil, fmt.Sprintf("only one sample of about %d has a stamp, and they scatter by about %.2g s", apart, sd)
	}
	return c, ""
}

// losses finds all, with the step of the runs between them; not ok where stamps wander and losses are any time instead of whole samples: then
// they say when a program woke up.
func (c *steady) losses(l *losses) (ok bool) {
	l.dt = c.s.refine(c.from, c.to, c.dt, c.eachLoss)
	l.short = c.samples(ownSlope, 1)
	parts := 0
	c.eachLoss(l.dt, func(i int64, lost float64) {
		l.add(i, lost)
		if n := lost / l.dt; math.Abs(n-math.Round(n)) > partWhole {
			parts++
		}
	})
	return !c.wander || parts <= l.n/mostParts
}

// samples is how many have as many stamps as the square of what stamps scatter by, root times, in steps; or least stamps.
func (c *steady) samples(root float64, least int64) int64 {
	steps := root * c.sd / c.dt
	return c.apart * max(least, int64(math.Ceil(steps*steps)))
}

// spreadOver is the median step from a sample of [from, to) to the one so many further on, and the median by which these steps are off
// from usual, or from that median where usual is 0.
func (s *stream) spreadOver(from, to, lag int64, usual float64) (step, spread float64) {
	n := to - from - lag
	if n < max(fewLags, lag) {
		return 0, 0
	}
	by := (n + mostLags - 1) / mostLags
	d := make([]float64, 0, n/by+1)
	for i := from; i+lag < to; i += by {
		d = append(d, s.stamps.at(i+lag)-s.stamps.at(i))
	}
	slices.Sort(d)
	step = d[len(d)/2]
	usual = cmp.Or(usual, step)
	for i := range d {
		d[i] = math.Abs(d[i] - usual)
	}
	slices.Sort(d)
	return step, d[len(d)/2]
}

// late is by how much sample i is late for the first one.
func (c *steady) late(i int64) float64 { return c.s.stamps.at(i) - float64(i-c.from)*c.dt }

// eachLoss calls f with the samples in front of which others are missing, and the time that is: from there on stamps stay later than
// before by more than they scatter. That they do is asked where a cumulative sum (Page 1954, doi:10.1093/biomet/41.1-2.100) has seen some
// later ones together.
func (c *steady) eachLoss(dt float64, f func(i int64, lost float64)) {
	c.dt = dt
	var level, sum float64
	begin, seen := c.from, int64(0) // of the run, and samples of it
	rise := c.from                  // the first sample behind the last one at which the sum was 0
	look, ask := c.from, c.from     // the samples whose lateness has not been looked at, and where it will be
	alarm := 2 * dt
	if c.sd < dt/8 { // one stamp is enough to ask
		alarm = dt / 4
	}
	most := max(dt/2, 3*c.sd) // by which a late stamp counts towards the level
	few := c.samples(4, 1)
	for i := c.from; i < c.to; i++ {
		if seen == 0 {
			level, _ = c.levels(i, min(i+few, c.to))
		}
		seen++
		d := c.late(i) - level
		sum = max(0, sum+min(d, dt)-dt/2)
		if sum == 0 {
			rise, look, ask = i+1, i+1, i+1
		}
		if sum < dt/4 || i < c.to-1 && (sum < alarm || i < ask) {
			level += min(d, most) / float64(min(seen+1, c.while))
			continue
		}
		sum = alarm
		if at, lost := c.loss(begin, rise, look, i); lost > 0 {
			f(at, lost)
			begin, seen, sum, i = at, 0, 0, at-1
			rise, look, ask = at, at, at
			continue
		}
		look, ask = i, i+max(c.while, int64(min(d/dt, mostWhile)))/4
	}
}

// loss looks for one behind sample begin, and before last: stamps from sample rise on seem to be later, and those from behind on tell
// whether they stay so. It is 0 where there is none.
func (c *steady) loss(begin, rise, behind, last int64) (at int64, lost float64) {
	if begin == rise || min(rise-c.from, c.to-behind) < fewBeside*c.apart {
		return 0, 0
	}
	mid, lost, err := c.shift(begin, rise, behind)
	if lost < leastShift*c.dt || lost < significant*err {
		return 0, 0
	}
	from := max(begin, rise-c.while)
	if c.sd >= c.dt/8 { // stamps that were late by chance may have been asked about
		last = min(last+c.while, c.to-1)
	}
	at = c.turn(from, last, mid+lost/2, lost/2)
	if mid, more, _ := c.shift(begin, at, at); more > lost { // on both sides of that place alone
		lost = more
		at = c.turn(from, last, mid+lost/2, lost/2)
	}
	return at, lost
}

// shift is by how much samples of a while from behind on are later than those of one before sample rise, whose lateness is mid, and the
// standard error of it.
func (c *steady) shift(begin, rise, behind int64) (mid, lost, err float64) {
	from := max(begin, rise-c.while)
	mid, low := c.levels(from, rise)
	to := c.while // those that wait for a late one are late themselves, and catch up
	if n := (c.late(behind) - mid) / c.dt; n > 0 {
		to += int64(min(n, mostWhile))
	}
	to = min(behind+to, c.to)
	midBehind, lowBehind := c.levels(behind, to)
	stamps := func(n int64) float64 { return float64((n + c.apart - 1) / c.apart) }
	return mid, min(midBehind-mid, lowBehind-low), 1.25 * c.sd * math.Sqrt(1/stamps(rise-from)+1/stamps(to-behind))
}

// turn is the sample of those behind from, up to last, before which the sum of how much later stamps are than half is least, none counting
// for more than most.
func (c *steady) turn(from, last int64, half, most float64) (at int64) {
	sum, lowest := 0.0, math.Inf(1)
	at = last
	for i := from; i <= last; i++ {
		if i > from && sum < lowest && math.Abs(c.s.stamps.at(i)-c.s.stamps.at(i-1)-c.own) > 1e-6*c.dt {
			at, lowest = i, sum
		}
		sum += min(max(c.late(i)-half, -most), most)
	}
	return at
}

// levels is the median lateness of samples [from, to), and an early one: stamps can be late for long, but not all of them.
func (c *steady) levels(from, to int64) (mid, low float64) {
	x := c.work[:0]
	for i := from; i < to; i++ {
		x = append(x, c.late(i))
	}
	slices.Sort(x)
	c.work = x
	return x[len(x)/2], x[len(x)/16]
}
