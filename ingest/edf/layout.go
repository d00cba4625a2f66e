package edf

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// layout is how the data are cut into records.
type layout struct {
	durationText string
	duration     float64
	per          []int64 // samples of each group in a record
	segments     []outSegment
	inexact      []float64 // the rate in the file of each group whose own the header cannot hold, 0 where it can
	moved        float64   // s: by how much segments begin elsewhere than they did, at most
}

// outSegment is records without a gap between them.
type outSegment struct {
	onset   float64 // s from sample 0 of the recording
	records int64
	begin   []int64 // the sample of each group
}

func (l *layout) records() (n int64) {
	for _, s := range l.segments {
		n += s.records
	}
	return n
}

const (
	advisedBytes = 61440   // a record has no more, unless it is one of a second or longer that cannot be cut (EDF, 1992)
	longest      = 60      // s
	clockBytes   = 24      // of the list that keeps the time of a record, about
	maxGrowth    = 4       // of a file by these lists: shorter records would be little but annotations
	manyRecords  = 1 << 20 // more are slow to read for other programs
	maxDrift     = 0.1     // samples: how far from its time a rate may lead over a run without a gap, where the header cannot hold the true one
)

// stretch is a run of samples of any group.
type stretch struct {
	from, to float64 // s
	begin    []int64 // the sample of each group that is nearest to from
	end      []int64 // behind the last sample of each group, 0 of one that has none
	have     []int64 // samples of each group
}

// plan chooses the duration of a record: see cost. Where it does not suit every run, the last record of a run is filled up.
func (o *output) plan() error {
	l := &o.lay
	if len(o.groups) == 0 { // annotations only
		l.durationText = "0"
		l.segments = []outSegment{{records: 1}}
		return nil
	}
	for _, g := range o.groups {
		if !(g.rec.Info.Rate > 0) || math.IsInf(g.rec.Info.Rate, 0) {
			return fmt.Errorf("the sampling rate is %g Hz, must be above 0", g.rec.Info.Rate)
		}
	}
	stretches := o.stretches()
	if len(stretches) == 0 {
		return errors.New("there is no sample to write")
	}
	o.shift = stretches[0].from
	best := cost{math.Inf(1)}
	main := o.groups[0].rec
	seconds := 0.0
	for _, s := range stretches {
		seconds += s.to - s.from
	}
	for n := int64(1); float64(n) <= max(longest*main.Info.Rate, 1); n++ {
		text := number8(float64(n) / main.Info.Rate)
		d, err := strconv.ParseFloat(text, 64)
		if err != nil || !(d > 0) {
			continue
		}
		if cost := o.cost(d, seconds, stretches, best); slices.Compare(cost[:], best[:]) < 0 {
			best, l.durationText, l.duration = cost, text, d
		}
	}
	if math.IsInf(best[0], 1) {
		return fmt.Errorf("no duration of a data record suits a sampling rate of %g Hz", main.Info.Rate)
	}
	l.per, l.inexact = make([]int64, len(o.groups)), make([]float64, len(o.groups))
	for i, g := range o.groups {
		l.per[i] = samplesIn(l.duration, g.rec.Info.Rate)
		if rate := float64(l.per[i]) / l.duration; rate != g.rec.Info.Rate {
			l.inexact[i] = rate
		}
	}
	o.cut(stretches)
	if n := l.records(); n > maxCount {
		return fmt.Errorf("%d data records of %s s, the header has room for %d", n, l.durationText, maxCount)
	}
	return o.check()
}

func samplesIn(duration, rate float64) int64 { return max(1, int64(math.Round(duration*rate))) }

// cost is how bad a duration is, the worst first:
//   - records that are little but annotations, or too many;
//   - the rate of the first group, the EEG: not exact, or even too far from the times of its samples, by how much;
//   - a rate of others that leads too far from the times of the samples, by how much;
//   - rates that are not exact, how many;
//   - seconds that are filled;
//   - records of more than the advised size;
//   - how far from a second, and from exact rates.
type cost [7]float64

// cost is that of records of d seconds. seconds is how long the recording is. What comes behind a part that is worse than in best is left out.
func (o *output) cost(d, seconds float64, stretches []stretch, best cost) (c cost) {
	size, drift := int64(0), 0.0
	per := make([]int64, len(o.groups))
	for i, g := range o.groups {
		rate, n := g.rec.Info.Rate, samplesIn(d, g.rec.Info.Rate)
		per[i] = n
		size += n * int64(len(g.rec.Info.Channels)*o.v.bytes)
		if got := float64(n) / d; got != rate {
			c[3]++
			off := g.drift(got)
			if drift = max(drift, off); off <= maxDrift {
				off = 0
			}
			if i == 0 {
				c[1] = 1 + off
			} else {
				c[2] = max(c[2], off)
			}
		}
	}
	if size*(maxGrowth-1) < clockBytes || seconds/d > manyRecords {
		c[0] = 1
	}
	before := slices.Compare(c[:4], best[:4])
	if before > 0 {
		return c
	}
	for _, s := range stretches {
		records := s.records(s.begin, per)
		for i, g := range o.groups {
			c[4] += float64(records*per[i]-s.have[i]) / g.rec.Info.Rate
		}
		if before == 0 && c[4] > best[4] {
			return c
		}
	}
	if size > advisedBytes {
		c[5] = 1
	}
	c[6] = math.Abs(math.Log(d)) + min(drift/maxDrift, 1)
	return c
}

// drift is how many samples a rate leads away from the times of the longest run.
func (g *outGroup) drift(rate float64) float64 {
	own := g.rec.Info.Rate
	return math.Abs(rate-own) / own * float64(g.longest)
}

// stretches is where any group has data, in seconds, put together where less than a sample of the slowest lies between.
func (o *output) stretches() []stretch {
	var all []stretch
	slack := 0.0
	for _, g := range o.groups {
		slack = max(slack, 0.5/g.rec.Info.Rate)
		for _, run := range g.rec.Runs() {
			if run.Len > 0 {
				all = append(all, stretch{from: float64(run.Start) / g.rec.Info.Rate, to: float64(run.End()) / g.rec.Info.Rate})
			}
		}
	}
	if len(o.groups) == 1 {
		slack = 0 // every gap counts
	}
	slices.SortFunc(all, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	var merged []stretch
	for _, s := range all {
		if n := len(merged); n > 0 && s.from <= merged[n-1].to+slack {
			merged[n-1].to = max(merged[n-1].to, s.to)
		} else {
			s.begin, s.end, s.have = make([]int64, len(o.groups)), make([]int64, len(o.groups)), make([]int64, len(o.groups))
			for i, g := range o.groups {
				s.begin[i] = int64(math.Round(s.from * g.rec.Info.Rate))
			}
			merged = append(merged, s)
		}
	}
	for i, g := range o.groups {
		k := 0
		for _, run := range g.rec.Runs() {
			for k+1 < len(merged) && merged[k+1].from <= float64(run.Start)/g.rec.Info.Rate {
				k++
			}
			if run.Len > 0 {
				merged[k].end[i] = run.End()
				merged[k].have[i] += run.Len
			}
		}
	}
	return merged
}

// records is how many records from begin on, with per samples of each group, hold all samples of s.
func (s *stretch) records(begin, per []int64) int64 {
	n := int64(1)
	for i, end := range s.end {
		n = max(n, (end-begin[i]+per[i]-1)/per[i])
	}
	return n
}

// cut makes the segments. Where filling up the last record of one reaches into the next, or so near to it that the reader sees no gap, the
// two are one: records that lie over each other would hide samples.
func (o *output) cut(stretches []stretch) {
	l := &o.lay
	near := (0.5 + offGrid) * l.duration / float64(slices.Max(l.per)) // half a sample of the fastest, as timeline has it
	for _, s := range stretches {
		seg := outSegment{onset: s.from, begin: s.begin, records: s.records(s.begin, l.per)}
		if rate := l.inexact[0]; rate != 0 { // so that they begin on the grid of the samples
			seg.onset = o.shift + math.Round((s.from-o.shift)*rate)/rate
		}
		if n := len(l.segments); n > 0 {
			if last := &l.segments[n-1]; seg.onset < l.end(last)+near || l.overlap(last, &seg) >= 0 {
				last.records = max(last.records, s.records(last.begin, l.per))
				continue
			}
		}
		l.moved = max(l.moved, math.Abs(seg.onset-s.from))
		l.segments = append(l.segments, seg)
	}
}

// end is where the last record of s ends, in s from sample 0 of the recording.
func (l *layout) end(s *outSegment) float64 { return s.onset + float64(s.records)*l.duration }

// overlap is the first group of which next begins before s has ended, -1 where there is none.
func (l *layout) overlap(s, next *outSegment) int {
	for i, per := range l.per {
		if next.begin[i] < s.begin[i]+s.records*per {
			return i
		}
	}
	return -1
}

// check makes sure that the records hold all samples of the recording, each once: none begins before the one before has ended, and what is
// not measured in them is all that is to be filled. It fails only if cut is wrong.
func (o *output) check() error {
	l := &o.lay
	for i := 1; i < len(l.segments); i++ {
		last, seg := &l.segments[i-1], &l.segments[i]
		if end := l.end(last); seg.onset < end || l.overlap(last, seg) >= 0 {
			return fmt.Errorf("a data record would begin at %.9g s, before the one before has ended at %.9g s: nothing is written; this is a fault of gyrus, please report it", seg.onset, end)
		}
	}
	for i, g := range o.groups {
		want, have := int64(0), l.records()*l.per[i]
		for _, run := range g.rec.Runs() {
			want += run.Len
		}
		for _, span := range o.missing(i) {
			have -= span.Len
		}
		if have != want {
			return fmt.Errorf("the data records would hold %d of %d samples at %g Hz: nothing is written; this is a fault of gyrus, please report it", have, want, g.rec.Info.Rate)
		}
	}
	return nil
}

// list lists what the layout loses.
func (l *layout) list(o *output) {
	for i, rate := range l.inexact {
		if rate == 0 {
			continue
		}
		assumed := fmt.Sprintf("%d samples in %s s, which is %.17g Hz", l.per[i], l.durationText, rate)
		if off := o.groups[i].drift(rate); off > maxDrift {
			assumed += fmt.Sprintf(", %.2g samples from their times at the end of the longest run", off)
		}
		if i == 0 && l.moved > 0 {
			assumed += fmt.Sprintf("; behind a gap they begin at the nearest of its samples, up to %.2g s away", l.moved)
		}
		o.lose(fmt.Sprintf("sampling rate of %d channels", len(o.groups[i].rec.Info.Channels)), "a whole number of samples in a duration of eight characters",
			fmt.Sprintf("%.17g Hz", o.groups[i].rec.Info.Rate), assumed)
	}
}
