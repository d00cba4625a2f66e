package xdf

import (
	"math"
	"slices"
)

const (
	fewSteps  = 16  // do not tell whether a clock made them
	fewLosses = 4   // may be whole steps by chance
	nearWhole = 0.1 // of a step, within which one is a whole number of them, at most
)

// clockOf is the step of the clock that made the stamps of samples [from, to), 0 where no clock did: nearly all steps are one of its
// steps, or several of them, where samples are missing. They may scatter, as long as the longer ones are whole steps all the same: a
// program that wakes up late does so by any time. ticks says whether the longer ones are whole, and shorter ones rare: else they may
// be those of chunks, whose samples in between have stamps at a rate that is not quite theirs, or late. off is the other steps.
func (s *stream) clockOf(from, to int64) (dt float64, off unevenness, ticks bool) {
	all := s.uneven(from, to, 0)
	if all.n < fewSteps {
		return 0, off, false
	}
	dt = s.median(from, to, 0, all)
	c := s.count(from, to, dt, nearWhole/10)
	if off, ticks = c.off, c.ticks(); !ticks {
		off.n, off.large = off.n+c.whole, off.large+c.whole
	}
	if off.n <= (to-from)/100 || off.large <= off.n/50 {
		return dt, off, ticks
	}
	scatter := s.median(from, to, dt, s.uneven(from, to, dt)) / dt
	if 4*scatter > nearWhole {
		return 0, off, false
	}
	c = s.count(from, to, dt, max(4*scatter, nearWhole/10))
	if c.whole < fewLosses || !c.ticks() {
		return 0, off, false
	}
	return dt, c.off, true
}

// counts is what the steps of stamps are.
type counts struct {
	whole int64      // several steps of a clock
	off   unevenness // those that are neither whole nor one
	wide  int64      // of these, the ones that are far from one: longer, or shorter, as where late stamps catch up
}

// ticks says whether the steps that are far from one of the clock's are several of them.
func (c *counts) ticks() bool { return c.whole > 0 && c.wide <= c.whole/8 }

// count tells the steps between samples [from, to): dt is that of the clock, and within is how near whole ones must be, in steps.
func (s *stream) count(from, to int64, dt, within float64) (c counts) {
	s.eachStep(from, to, func(step float64) {
		if step > fewSamples*dt {
			n := math.Round(step / dt)
			if n > 1 && math.Abs(step/dt-n) <= min(within+1e-4*n, nearWhole) {
				c.whole++
				return
			}
		}
		d := math.Abs(step - dt)
		c.off.add(d, dt)
		if d > dt/4 {
			c.wide++
		}
	})
	return c
}

// unevenness is how many steps of the stamps are not the nominal one.
type unevenness struct{ n, large int64 } // all of them; those that are off by more than 1/1000

// add counts a step that is d away from dt, if that is not next to nothing.
func (u *unevenness) add(d, dt float64) {
	if d > 1e-6*dt {
		u.n++
	}
	if d > 1e-3*dt {
		u.large++
	}
}

// uneven finds the steps between samples [from, to) that are not dt.
func (s *stream) uneven(from, to int64, dt float64) (u unevenness) {
	s.eachStep(from, to, func(step float64) { u.add(math.Abs(step-dt), dt) })
	return u
}

// eachStep calls f with the steps between samples [from, to).
func (s *stream) eachStep(from, to int64, f func(step float64)) {
	last := s.stamps.at(from)
	for i := from + 1; i < to; {
		for _, t := range s.stamps.between(i, to) {
			f(t - last)
			last = t
			i++
		}
	}
}

// eachOff calls f with by how much each step between samples [from, to) is not dt, where it is not.
func (s *stream) eachOff(from, to int64, dt float64, f func(d float64)) {
	s.eachStep(from, to, func(step float64) {
		if d := math.Abs(step - dt); d > 1e-6*dt {
			f(d)
		}
	})
}

const (
	fewOff  = 1024 // steps are sorted to find their median; more are counted
	medBits = 13   // of a number that are found at a time
)

// median is that of u, of which there is one, the upper of two. What it takes does not grow with u.
func (s *stream) median(from, to int64, dt float64, u unevenness) float64 {
	if u.n <= fewOff {
		off := make([]float64, 0, fewOff)
		s.eachOff(from, to, dt, func(d float64) { off = append(off, d) })
		slices.Sort(off)
		return off[u.n/2]
	}
	// Positive numbers are sorted as their bits are.
	if s.counts == nil {
		s.counts = new([1 << medBits]int64)
	}
	var found uint64
	for rank, shift := u.n/2, 4*medBits; shift >= 0; shift -= medBits {
		clear(s.counts[:])
		s.eachOff(from, to, dt, func(d float64) {
			if b := math.Float64bits(d) >> shift; b>>medBits == found {
				s.counts[b&(1<<medBits-1)]++
			}
		})
		k := uint64(0)
		for ; rank >= s.counts[k]; k++ {
			rank -= s.counts[k]
		}
		found = found<<medBits | k
	}
	return math.Float64frombits(found)
}

// usual is the median time from one sample to the next, over whiles of so many samples of [from, to); 0 where there is none.
func (s *stream) usual(from, to, while int64) float64 {
	by := max(1, while/4)
	steps := make([]float64, 0, max(0, (to-from-while+by-1)/by))
	for i := from; i+while < to; i += by {
		steps = append(steps, (s.stamps.at(i+while)-s.stamps.at(i))/float64(while))
	}
	if len(steps) < 3 {
		return 0
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// fit is the least-squares line through the stamps of samples [from, to), of that step unless it is 0.
func (s *stream) fit(from, to int64, step float64) segment {
	g := segment{first: from, t0: s.stamps.at(from), dt: 1 / s.info.rate}
	if to-from == 1 || s.info.drops {
		return g
	}
	r := s.regress(from, to)
	if g.dt = step; step == 0 {
		g.dt = r.cov / r.vari
	}
	g.t0 += r.mean - float64(to-from-1)/2*g.dt
	return g
}

// regression is what the stamps of a run of samples make: their mean, from the first one on, and the sums of their products with the number
// of the sample, and of its squares, both from the middle.
type regression struct{ mean, cov, vari float64 }

// regress is that of samples [from, to).
func (s *stream) regress(from, to int64) (r regression) {
	n, first := to-from, s.stamps.at(from)
	for i := from; i < to; { // from the first stamp, so that nothing is lost to large numbers
		for _, t := range s.stamps.between(i, to) {
			r.mean += t - first
			i++
		}
	}
	r.mean /= float64(n)
	mid := float64(n-1) / 2
	for i := from; i < to; {
		for _, t := range s.stamps.between(i, to) {
			x := float64(i-from) - mid
			r.cov += x * (t - first - r.mean)
			r.vari += x * x
			i++
		}
	}
	return r
}
