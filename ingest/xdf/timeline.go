package xdf

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// segment is a run of samples without a break, evenly spaced on the clock of the recorder.
type segment struct {
	first int64   // number of its first sample in the stream
	n     int64   // samples
	t0    float64 // time of the first sample, in seconds
	dt    float64 // seconds from one sample to the next
	start int64   // Span.Start in the recording
}

// end is the time of the last sample.
func (g segment) end() float64 { return g.t0 + float64(g.n-1)*g.dt }

// smooth finds the segments of a regular stream and the rate at which its samples really came.
func (s *stream) smooth() (segments []segment, rate float64) {
	limit := max(1, 500/s.info.rate)
	if s.info.drops {
		limit = 1.5 / s.info.rate
	}
	from, uneven := int64(0), false
	few := fewSamples / s.info.rate
	last := s.stamps.at(0)
	for i := int64(1); i < s.n; {
		for _, t := range s.stamps.between(i, s.n) {
			step := t - last
			last = t
			uneven = uneven || step > few
			if i++; math.Abs(step) > limit {
				segments = s.split(segments, from, i-1, uneven)
				from, uneven = i-1, false
				break // what follows may have been overwritten
			}
		}
	}
	segments = s.split(segments, from, s.n, uneven)
	var steps, seconds float64
	for _, g := range segments {
		steps += float64(g.n - 1)
		seconds += g.end() - g.t0
	}
	if !(seconds > 0) { // one sample in each, or stamps that run backwards
		return segments, s.info.rate
	}
	return segments, steps / seconds
}

// split adds the segments of samples [from, to), between which there is no break that the limit tells of.
func (s *stream) split(segments []segment, from, to int64, uneven bool) []segment {
	if uneven && !s.info.drops {
		at, seconds, sure := s.losses(from, to)
		if !sure && len(at) > 0 {
			s.maybe = append(s.maybe, at...)
			s.maybeS = max(s.maybeS, seconds)
			at = nil
		}
		for _, lost := range at {
			segments = append(segments, s.fit(from, lost))
			from = lost
		}
	}
	return append(segments, s.fit(from, to))
}

// fewSamples is the step of the stamps, in samples, from which on it is asked whether samples are missing there: stamps of
// chunks and jitter make such steps too.
const fewSamples = 1.5

// losses are the samples among [from, to) in front of which others are missing: a stamp can be late, but what is behind it
// then catches up; where all stamps of a while are later than the earliest of the while before, samples are missing between.
// seconds is the longest time that is. sure says that the stamps are regular enough to tell: steps other than the nominal one are
// rare, or hardly differ from it.
func (s *stream) losses(from, to int64) (at []int64, seconds float64, sure bool) {
	dt := 1 / s.info.rate
	off := s.uneven(from, to, dt)
	scatter := 0.0
	if off.n > (to-from)/1000 {
		scatter = s.median(from, to, dt, off)
	}
	// Stamps of a program that sleeps between samples are regular, too, but it can wake up late and stay so: only the regularity
	// of a clock tells of losses.
	sure = off.n <= (to-from)/100 || off.large <= off.n/50
	// a while: some samples, and some of the chunks that have a stamp in common; not so long that a rate which is off by a
	// percent looks like a loss
	while := max(16, min(128, int64(s.info.rate/2)), 4*((to-from)/(off.n+1)+1))
	if while > 4096 {
		while = 128 // there are hardly any
	}
	// The clock may run at another rate than the nominal one: the usual time of a while tells.
	if slope := s.usual(from, to, while); slope > 0 {
		dt = slope
	}
	least := 0.75 * dt
	if !sure {
		least = max(3*dt, 3*scatter)
	}
	late := func(i int64) float64 { return s.stamps.at(i) - float64(i-from)*dt }
	begin := from
	for i := from + 1; i < to; i++ {
		if s.stamps.at(i)-s.stamps.at(i-1) <= fewSamples*dt {
			continue
		}
		before, behind := math.Inf(1), math.Inf(1)
		for k := max(begin, i-while); k < i; k++ {
			before = min(before, late(k))
		}
		for k := i; k < min(to, i+while); k++ {
			behind = min(behind, late(k))
		}
		if lost := behind - before; lost > least {
			at, seconds, begin = append(at, i), max(seconds, lost), i
		}
	}
	return at, seconds, sure
}

// unevenness is the steps of the stamps that are not the nominal one.
type unevenness struct {
	n, large int64     // all of them; those that are off by more than 1/1000
	off      []float64 // by how much, the first mostOff
}

// mostOff is how many steps are kept to find their median: 8 MB.
var mostOff = 1 << 20 // a variable for the test

// uneven finds the steps between samples [from, to) that are not dt.
func (s *stream) uneven(from, to int64, dt float64) (u unevenness) {
	s.eachOff(from, to, dt, func(d float64) {
		u.n++
		if d > 1e-3*dt {
			u.large++
		}
		if len(u.off) < mostOff {
			u.off = append(u.off, d)
		}
	})
	return u
}

// eachOff calls f with by how much each step between samples [from, to) is not dt, where it is not.
func (s *stream) eachOff(from, to int64, dt float64, f func(d float64)) {
	last := s.stamps.at(from)
	for i := from + 1; i < to; {
		for _, t := range s.stamps.between(i, to) {
			if d := math.Abs(t - last - dt); d > 1e-6*dt {
				f(d)
			}
			last = t
			i++
		}
	}
}

// median is that of u, of which there is one, the upper of two.
func (s *stream) median(from, to int64, dt float64, u unevenness) float64 {
	if u.n == int64(len(u.off)) {
		slices.Sort(u.off)
		return u.off[u.n/2]
	}
	// Too many to keep: positive numbers are sorted as their bits are, of which 16 are found at a time.
	var found uint64
	for rank, shift := u.n/2, 48; shift >= 0; shift -= 16 {
		counts := make([]int64, 1<<16)
		s.eachOff(from, to, dt, func(d float64) {
			if b := math.Float64bits(d) >> shift; b>>16 == found {
				counts[b&0xffff]++
			}
		})
		k := uint64(0)
		for ; rank >= counts[k]; k++ {
			rank -= counts[k]
		}
		found = found<<16 | k
	}
	return math.Float64frombits(found)
}

// usual is the median time from one sample to the next, over whiles of so many samples of [from, to); 0 where there is none.
func (s *stream) usual(from, to, while int64) float64 {
	var steps []float64
	for i := from; i+while < to; i += max(1, while/4) {
		steps = append(steps, (s.stamps.at(i+while)-s.stamps.at(i))/float64(while))
	}
	if len(steps) < 3 {
		return 0
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// fit is the least-squares line through the stamps of samples [from, to).
func (s *stream) fit(from, to int64) segment {
	g := segment{first: from, n: to - from, t0: s.stamps.at(from), dt: 1 / s.info.rate}
	if g.n == 1 || s.info.drops {
		return g
	}
	mid := float64(g.n-1) / 2
	var mean, cov, vari float64
	for i := from; i < to; { // from the first stamp, so that nothing is lost to large numbers
		for _, t := range s.stamps.between(i, to) {
			mean += t - g.t0
			i++
		}
	}
	mean /= float64(g.n)
	for i := from; i < to; {
		for _, t := range s.stamps.between(i, to) {
			x := float64(i-from) - mid
			cov += x * (t - g.t0 - mean)
			vari += x * x
			i++
		}
	}
	g.dt = cov / vari
	g.t0 += mean - mid*g.dt
	return g
}

// rateWithin is how far the measured rate may be from the nominal one for the nominal one to be the recording's.
const rateWithin = 1e-3

// timeline is where the samples of a stream lie in its recording.
type timeline struct {
	rate     float64
	segments []segment
}

// place gives every segment its samples, sample 0 being at time zero.
func (l *timeline) place(zero float64) {
	end := int64(-1)
	for k := range l.segments {
		g := &l.segments[k]
		g.start = max(end+1, int64(math.Round((g.t0-zero)*l.rate)))
		if end < 0 {
			g.start = max(0, g.start)
		}
		end = g.start + g.n
	}
}

// belowEnd is the part of a sample by which a time must lie before the end of a segment to be within it.
const belowEnd = 1e-6

// sample is the number of the sample that was measured at time t, or where it would be; zero is the time of sample 0.
func (l *timeline) sample(t, zero float64) int64 {
	k := sort.Search(len(l.segments), func(k int) bool { return l.segments[k].t0-l.segments[k].dt/2 > t }) - 1
	if k < 0 {
		at := int64(math.Round((t - zero) * l.rate))
		if len(l.segments) > 0 {
			at = min(at, l.segments[0].start-1)
		}
		return at
	}
	g := l.segments[k]
	if behind := (t - g.t0) / g.dt; behind < float64(g.n)-belowEnd { // the last sample lasts as long as the others
		return g.start + max(0, min(int64(math.Round(behind)), g.n-1))
	}
	at := g.start + g.n - 1 + max(1, int64(math.Round((t-g.end())*l.rate)))
	if k+1 < len(l.segments) {
		at = min(at, l.segments[k+1].start-1)
	}
	return at
}

// spans is nil where there is no gap.
func (l *timeline) spans() (spans []signal.Span, end int64) {
	for _, g := range l.segments {
		spans = append(spans, signal.Span{Start: g.start, Len: g.n})
		end = g.start + g.n
	}
	if len(spans) == 1 && spans[0].Start == 0 {
		spans = nil
	}
	return spans, end
}

// timeline makes the time of a regular stream out of its stamps, and lists what was found.
func (s *stream) timeline(src *source) *timeline {
	segments, measured := s.smooth()
	l := &timeline{rate: s.info.rate, segments: segments}
	off := measured/s.info.rate - 1
	var longest float64
	for _, g := range segments {
		longest = max(longest, g.end()-g.t0)
		if g.dt <= 0 {
			s.deviate(src, "back", "stamps grow", fmt.Sprintf("%d samples whose stamps run backwards, or stand still", g.n), "they follow each other at the nominal rate")
		}
	}
	for k := range l.segments {
		if g := &l.segments[k]; !(g.dt > 0) {
			g.dt = 1 / s.info.rate
		}
	}
	found := fmt.Sprintf("%.6g Hz by the clock of the recorder, nominal are %.6g Hz (%+.0f ppm)", measured, s.info.rate, off*1e6)
	switch {
	case math.Abs(off) > rateWithin:
		l.rate = measured
		s.deviate(src, "rate", "samples come at the nominal rate", found, fmt.Sprintf("the rate is %.6g Hz", l.rate))
	case math.Abs(off)*longest*s.info.rate > 0.5:
		s.deviate(src, "rate", "samples come at the nominal rate", found,
			fmt.Sprintf("the rate is the nominal one: over the longest run, sample numbers and the clock come %.3g s apart; events stand at their samples", math.Abs(off)*longest))
	}
	if n := len(s.maybe); n > 0 {
		s.deviate(src, "late", "stamps follow each other evenly", fmt.Sprintf("%d places from which on all stamps are later than before, the first at sample %d, by up to %.3g s: samples may be missing there, but the stamps scatter too much to tell",
			n, s.maybe[0], s.maybeS), fmt.Sprintf("no gaps: one line goes through all stamps, as pyxdf has it; samples and events near such a place may be up to %.3g s apart", s.maybeS))
	}
	if n := len(segments) - 1; n > 0 {
		s.deviate(src, "gap", "stamps follow each other evenly", fmt.Sprintf("%d breaks, the first by %.6g s behind sample %d", n,
			segments[1].t0-segments[0].end(), segments[1].first-1), "gaps")
	}
	return l
}

// deviate lists what is wrong with the stream, the first of a kind.
func (s *stream) deviate(src *source, kind, rule, found, assumed string) {
	where := fmt.Sprintf("byte %d: stream %d, %q", s.at, s.id, s.info.name)
	src.list(kind+where, where, rule, found, assumed)
}
