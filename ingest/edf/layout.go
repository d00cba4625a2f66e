package edf

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// layout is how the data are cut into records.
type layout struct {
	durationText string
	duration     float64
	per          []int64 // samples of each group in a record
	segments     []outSegment
	inexact      []float64 // the rate of each group that the header cannot hold, 0 where it can
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
	advisedBytes = 61440 // a record has no more, unless it is one of a second or longer that cannot be cut (EDF, 1992)
	shortest     = 1e-3  // s: shorter records would be little but annotations
	longest      = 60    // s
)

// stretch is a run of samples in seconds.
type stretch struct{ from, to float64 }

// plan chooses the duration of a record. The rate of each group must be a whole number of samples in a duration that has
// eight characters, and every run a whole number of records, if any duration does that; of those that do, the one nearest
// to a second that keeps to the advised size. Otherwise the last record of a run is filled up.
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
	best := math.Inf(1)
	main := o.groups[0].rec
	for n := int64(1); float64(n) <= max(longest*main.Info.Rate, 1); n++ {
		text := number8(float64(n) / main.Info.Rate)
		d, err := strconv.ParseFloat(text, 64)
		if err != nil || d < shortest {
			continue
		}
		if cost := o.cost(d); cost < best {
			best, l.durationText, l.duration = cost, text, d
		}
	}
	if math.IsInf(best, 1) {
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
	return nil
}

func samplesIn(duration, rate float64) int64 { return max(1, int64(math.Round(duration*rate))) }

// cost is how bad a duration is: inexact rates come first, then runs that are no whole number of records, then the size.
func (o *output) cost(d float64) float64 {
	cost, size := math.Abs(math.Log(d)), int64(0)
	for _, g := range o.groups {
		rate := g.rec.Info.Rate
		n := samplesIn(d, rate)
		if got := float64(n) / d; got != rate {
			cost += 1e6 * (1 + 1e6*math.Abs(got-rate)/rate)
		}
		missing := int64(0)
		for _, run := range g.rec.Runs() {
			missing += (n - run.Len%n) % n
		}
		if missing > 0 {
			cost += 1e3 + 100*float64(missing)/rate
		}
		size += n * int64(len(g.rec.Info.Channels)*o.v.bytes)
	}
	if size > advisedBytes {
		cost += 10
	}
	return cost
}

// stretches is where any group has data, in seconds, put together where less than a sample of the slowest lies between.
func (o *output) stretches() []stretch {
	var all []stretch
	slack := 0.0
	for _, g := range o.groups {
		slack = max(slack, 0.5/g.rec.Info.Rate)
		for _, run := range g.rec.Runs() {
			if run.Len > 0 {
				all = append(all, stretch{float64(run.Start) / g.rec.Info.Rate, float64(run.End()) / g.rec.Info.Rate})
			}
		}
	}
	if len(o.groups) == 1 {
		slack = 0 // every gap counts
	}
	slices.SortFunc(all, func(a, b stretch) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0
	})
	var merged []stretch
	for _, s := range all {
		if n := len(merged); n > 0 && s.from <= merged[n-1].to+slack {
			merged[n-1].to = max(merged[n-1].to, s.to)
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// cut makes the segments. Where filling up the last record of one reaches into the next, the two are one.
func (o *output) cut(stretches []stretch) {
	l := &o.lay
	for _, s := range stretches {
		if n := len(l.segments); n > 0 {
			if last := &l.segments[n-1]; s.from < last.onset+float64(last.records)*l.duration-0.25/o.groups[0].rec.Info.Rate {
				last.records = max(last.records, o.recordsTo(last.begin, s.to))
				continue
			}
		}
		seg := outSegment{onset: s.from}
		for _, g := range o.groups {
			seg.begin = append(seg.begin, int64(math.Round(s.from*g.rec.Info.Rate)))
		}
		seg.records = o.recordsTo(seg.begin, s.to)
		l.segments = append(l.segments, seg)
	}
}

// recordsTo is how many records from begin on hold all samples up to second to.
func (o *output) recordsTo(begin []int64, to float64) int64 {
	n := int64(1)
	for i, g := range o.groups {
		for _, run := range g.rec.Runs() {
			end := run.End()
			if end > begin[i] && float64(run.Start)/g.rec.Info.Rate < to {
				n = max(n, (end-begin[i]+o.lay.per[i]-1)/o.lay.per[i])
			}
		}
	}
	return n
}

// list lists what the layout loses.
func (l *layout) list(o *output) {
	for i, rate := range l.inexact {
		if rate != 0 {
			o.lose(fmt.Sprintf("sampling rate of %d channels", len(o.groups[i].rec.Info.Channels)), "a whole number of samples in a duration of eight characters",
				fmt.Sprintf("%.17g Hz", o.groups[i].rec.Info.Rate), fmt.Sprintf("%d samples in %s s, which is %.17g Hz", l.per[i], l.durationText, rate))
		}
	}
	for i, g := range o.groups {
		want := slices.DeleteFunc(slices.Clone(g.rec.Runs()), func(s signal.Span) bool { return s.Len == 0 })
		if len(want) != len(l.segments) {
			o.lose(fmt.Sprintf("gaps of %d channels", len(o.groups[i].rec.Info.Channels)), "all channels have the same gaps, in whole records",
				fmt.Sprintf("%d runs of samples", len(want)), fmt.Sprintf("%d, the others filled up", len(l.segments)))
		}
	}
}
