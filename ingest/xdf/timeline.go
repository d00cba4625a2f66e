package xdf

import (
	"fmt"
	"math"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// segment is a run of samples without a break, evenly spaced on the clock of the recorder. It ends where the next one begins.
type segment struct {
	first int64   // number of its first sample in the stream
	t0    float64 // time of the first sample, in seconds
	dt    float64 // seconds from one sample to the next
}

// segments are those of a stream. There may be one for each sample, of which the file has ten bytes.
type segments struct {
	list pages.List[segment]
	n    int64 // samples
}

func (l *segments) len() int         { return l.list.Len() }
func (l *segments) at(k int) segment { return *l.list.At(k) }

// samples is how many segment k has.
func (l *segments) samples(k int) int64 {
	end := l.n
	if k+1 < l.len() {
		end = l.at(k + 1).first
	}
	return end - l.at(k).first
}

// end is the time of the last sample of segment k.
func (l *segments) end(k int) float64 {
	g := l.at(k)
	return g.t0 + float64(l.samples(k)-1)*g.dt
}

// smooth finds the segments of a regular stream and the rate at which its samples really came.
func (s *stream) smooth() (found segments, rate float64) {
	found.n = s.n
	limit := s.pyxdfBreak()
	if s.info.drops {
		limit = 1.5 / s.info.rate
	}
	from, uneven := int64(0), false
	few := leastStep / s.info.rate
	last := s.stamps.at(0)
	for i := int64(1); i < s.n; {
		for _, t := range s.stamps.between(i, s.n) {
			step := t - last
			last = t
			uneven = uneven || step > few
			if i++; math.Abs(step) > limit {
				s.split(&found, from, i-1, uneven)
				from, uneven = i-1, false
				break // what follows may have been overwritten
			}
		}
	}
	s.split(&found, from, s.n, uneven)
	var steps, seconds float64
	for k := range found.len() {
		steps += float64(found.samples(k) - 1)
		seconds += found.end(k) - found.at(k).t0
	}
	if !(seconds > 0) || math.IsInf(steps/seconds, 0) { // one sample in each, or stamps that run backwards or stand still
		return found, s.info.rate
	}
	return found, steps / seconds
}

// pyxdfBreak is the step of stamps, in seconds, above which pyxdf has a break.
func (s *stream) pyxdfBreak() float64 { return max(1, 500/s.info.rate) }

// split adds the segments of samples [from, to), between which there is no break that the limit tells of.
func (s *stream) split(found *segments, from, to int64, uneven bool) {
	if uneven && !s.info.drops && to-from > 1 {
		l := s.losses(from, to)
		if !l.sure && l.n > 0 {
			if s.maybe == 0 {
				s.maybeFirst, s.maybeWhy = l.first, l.why
			}
			s.maybe += l.n
			s.maybeS = max(s.maybeS, l.seconds)
		}
		for k := range l.at.Len() {
			lost := *l.at.At(k)
			found.list.Add(s.fit(from, lost, l.step(lost-from)))
			from = lost
		}
		found.list.Add(s.fit(from, to, l.step(to-from)))
		return
	}
	found.list.Add(s.fit(from, to, 0))
}

// Steps of the stamps, in samples: stamps of chunks and jitter make such steps too.
const (
	leastStep  = 1.25 // from which on a run is looked through for missing samples: jitter may make a step over one as short
	fewSamples = 1.5  // over which samples may be missing where a clock made the stamps
)

// losses are the samples in front of which others are missing.
type losses struct {
	n       int
	first   int64             // of them
	at      pages.List[int64] // all of them, where they are sure
	seconds float64           // the longest time that is missing
	sure    bool              // the stamps are regular enough to tell: see clockOf and steady
	why     string            // they are not
	dt      float64           // the step of runs of at most so many samples: what they scatter by tells no other
	short   int64
}

// step is the one of a run of n samples, 0 where its own stamps tell.
func (l *losses) step(n int64) float64 {
	if n <= l.short {
		return l.dt
	}
	return 0
}

// add counts a loss in front of sample i.
func (l *losses) add(i int64, lost float64) {
	if l.n++; l.n == 1 {
		l.first = i
	}
	if l.sure {
		l.at.Add(i)
	}
	l.seconds = max(l.seconds, lost)
}

// losses are those among samples [from, to): a stamp can be late, but what is behind it then catches up; where all stamps of a while
// are later than the earliest of the while before, samples are missing between.
func (s *stream) losses(from, to int64) (l losses) {
	dt, off, ticks := s.clockOf(from, to)
	// Stamps of a program that sleeps between samples are regular, too, but it can wake up late and stay so: only the regularity
	// of a clock tells of losses.
	l.sure = dt > 0
	// a while: some samples, and some of the chunks that have a stamp in common; not so long that a rate which is off by a
	// percent looks like a loss
	while := max(16, min(128, int64(s.info.rate/2)))
	scatter := 0.0
	if !l.sure {
		dt = 1 / s.info.rate
		off = s.uneven(from, to, dt)
		c, why := s.steadyClock(from, to, while)
		if c != nil {
			if found := (losses{sure: true}); c.losses(&found) {
				return found
			}
			why = "they wander, and what is missing there would be no whole samples: a program that sleeps from one sample to the next may wake up late, and stay so"
		}
		l.why = why
		if off.n > (to-from)/1000 {
			scatter = s.median(from, to, dt, off)
		}
	}
	if while = max(while, 4*((to-from)/(off.n+1)+1)); while > mostWhile {
		while = 128 // there are hardly any
	}
	find := func(least float64) func(dt float64, f func(i int64, lost float64)) {
		return func(dt float64, f func(i int64, lost float64)) { s.eachLoss(from, to, while, dt, least, f) }
	}
	if ticks {
		dt = s.refine(from, to, dt, find(leastSure))
	} else if slope := s.usual(from, to, while); slope > 0 { // the clock may run at another rate than the nominal one: a while tells
		dt = slope
	}
	least := leastSure
	if !l.sure {
		least = max(3, 3*scatter/dt)
	}
	find(least)(dt, l.add)
	return l
}

// leastSure is how many samples a loss has at least where the stamps are those of a clock.
const leastSure = 0.75

// mostPasses is how often losses are looked for with the step that the ones found before leave, at most. Two or three are the rule.
const mostPasses = 8

// refine is the step of a clock in the runs between the losses that find finds with dt, found again with that until nothing changes.
func (s *stream) refine(from, to int64, dt float64, find func(dt float64, f func(i int64, lost float64))) float64 {
	for range mostPasses {
		var cov, vari float64
		begin := from
		add := func(end int64) {
			r := s.regress(begin, end)
			cov, vari = cov+r.cov, vari+r.vari
			begin = end
		}
		find(dt, func(i int64, _ float64) { add(i) })
		add(to)
		again := cov / vari
		if !(again > 0) || again == dt { // also where each sample is alone
			break
		}
		dt = again
	}
	return dt
}

// eachLoss calls f with the samples of [from, to) in front of which others are missing, and the time that is, where stamps are dt
// apart. Only what lasts longer than least samples counts.
func (s *stream) eachLoss(from, to, while int64, dt, least float64, f func(i int64, lost float64)) {
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
		for k := i; k < min(to, i+while) && behind-before > least*dt; k++ {
			behind = min(behind, late(k))
		}
		if lost := behind - before; lost > least*dt {
			f(i, lost)
			begin = i
		}
	}
}

// rateWithin is how far the measured rate may be from the nominal one for the nominal one to be the recording's.
const rateWithin = 1e-3

// timeline is where the samples of a stream lie in its recording.
type timeline struct {
	rate     float64
	measured float64 // rate by the clock of the recorder
	limit    float64 // s; what leaves out more is a break to pyxdf
	segments segments
	spans    []signal.Span // of the segments
}

// place gives every segment its samples, sample 0 being at time zero. Behind a break it begins where the clock says; behind samples that
// are lost as many further on as are missing, whatever sample numbers and the clock have come apart by until there.
func (l *timeline) place(zero float64) {
	l.spans = make([]signal.Span, l.segments.len())
	end := int64(-1)
	for k := range l.spans {
		start := max(end+1, int64(math.Round((l.segments.at(k).t0-zero)*l.rate)))
		if end < 0 {
			start = max(0, start)
		} else if step := l.segments.at(k).t0 - l.segments.end(k-1); l.isLoss(step) {
			start = end + max(1, int64(math.Round(step*l.measured))-1)
		}
		l.spans[k] = signal.Span{Start: start, Len: l.segments.samples(k)}
		end = l.spans[k].End()
	}
}

// isLoss says of a step from one segment to the next whether pyxdf has no break there.
func (l *timeline) isLoss(step float64) bool { return step > 0 && step <= l.limit }

// belowEnd is the part of a sample by which a time must lie before the end of a segment to be within it.
const belowEnd = 1e-6

// sample is the number of the sample that was measured at time t, or where it would be; zero is the time of sample 0.
func (l *timeline) sample(t, zero float64) int64 {
	k := sort.Search(len(l.spans), func(k int) bool { g := l.segments.at(k); return g.t0-g.dt/2 > t }) - 1
	if k < 0 {
		at := int64(math.Round((t - zero) * l.rate))
		if len(l.spans) > 0 {
			at = min(at, l.spans[0].Start-1)
		}
		return at
	}
	g, span := l.segments.at(k), l.spans[k]
	if behind := (t - g.t0) / g.dt; behind < float64(span.Len)-belowEnd { // the last sample lasts as long as the others
		return span.Start + max(0, min(int64(math.Round(behind)), span.Len-1))
	}
	at := span.End() - 1 + max(1, int64(math.Round((t-l.segments.end(k))*l.rate)))
	if k+1 < len(l.spans) {
		at = min(at, l.spans[k+1].Start-1)
	}
	return at
}

// gaps is the spans, nil where there is no gap.
func (l *timeline) gaps() []signal.Span {
	if len(l.spans) == 1 && l.spans[0].Start == 0 {
		return nil
	}
	return l.spans
}

// timeline makes the time of a regular stream out of its stamps, and lists what was found.
func (s *stream) timeline(src *source) *timeline {
	segs, measured := s.smooth()
	off := measured/s.info.rate - 1
	var longest float64
	for k := range segs.len() {
		g := segs.list.At(k)
		longest = max(longest, segs.end(k)-g.t0)
		if g.dt <= 0 && !src.again(flaw{s, "back", ""}) {
			s.deviate(src, "back", "stamps grow", fmt.Sprintf("%d samples whose stamps run backwards, or stand still", segs.samples(k)), "they follow each other at the nominal rate")
		}
		if !(g.dt > 0) {
			g.dt = 1 / s.info.rate
		}
	}
	l := &timeline{rate: s.info.rate, measured: measured, limit: s.pyxdfBreak(), segments: segs}
	if s.info.drops { // to pyxdf, too, each is a break
		l.limit = 0
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
	if n := s.maybe; n > 0 {
		s.deviate(src, "late", "stamps follow each other evenly", fmt.Sprintf("%d places from which on all stamps are later than before, the first at sample %d, by up to %.3g s: samples may be missing there, but %s",
			n, s.maybeFirst, s.maybeS, s.maybeWhy), fmt.Sprintf("no gaps: one line goes through all stamps, as pyxdf has it, which counts that time into the rate; samples and events near such a place may be up to %.3g s apart", s.maybeS))
	}
	if n := segs.len() - 1; n > 0 {
		s.note(src, "stamps may leave time out", fmt.Sprintf("%d breaks, the first by %.6g s behind sample %d", n,
			segs.at(1).t0-segs.end(0), segs.at(1).first-1), "gaps"+l.besidePyxdf())
	}
	return l
}

// besidePyxdf says where the segments are not those of pyxdf.
func (l *timeline) besidePyxdf() string {
	n := 0
	for k := range l.segments.len() - 1 {
		if l.isLoss(l.segments.at(k+1).t0 - l.segments.end(k)) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; of these %d leave out less than what is a break to pyxdf (steps of more than %.3g s): it puts one line through both sides, so that its times are off there, and its rate has the time that is missing in it", n, l.limit)
}

// deviate lists what is wrong with the stream, the first of a kind.
func (s *stream) deviate(src *source, kind, rule, found, assumed string) {
	if f := (flaw{s, kind, ""}); !src.again(f) {
		src.list(f, s.place(), rule, found, assumed)
	}
}

// note lists what is no breach of the format.
func (s *stream) note(src *source, rule, found, assumed string) {
	src.notes = append(src.notes, signal.Deviation{Where: s.place(), Rule: rule, Found: found, Assumed: assumed})
}

// place is where the stream is, in messages.
func (s *stream) place() string {
	if s.where == "" {
		s.where = fmt.Sprintf("byte %d: stream %d, %q", s.at, s.id, s.info.name)
	}
	return s.where
}
