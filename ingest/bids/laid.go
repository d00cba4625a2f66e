package bids

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// laid is the samples of an interrupted recording laid end to end, as they lie in its file. A sample of the recording is counted
// with the gaps, its index in the file without.
type laid struct {
	runs   []signal.Span // of which none is empty
	before []int64       // samples in front of each run
	n      int64         // in all
	rate   float64
}

// lay takes the runs of a file: what fills it lies there like all else.
func lay(runs []signal.Span, rate float64) laid {
	l := laid{rate: rate}
	for _, r := range runs {
		if r.Len > 0 {
			l.runs, l.before = append(l.runs, r), append(l.before, l.n)
			l.n += r.Len
		}
	}
	return l
}

// begin is when the first sample of the file was measured, in seconds from sample 0 of the recording.
func (l laid) begin() float64 {
	if len(l.runs) == 0 {
		return 0
	}
	return float64(l.runs[0].Start) / l.rate
}

// gaps are how many lie between the samples, and how long they are together, in seconds.
func (l laid) gaps() (n int, seconds float64) {
	if len(l.runs) < 2 {
		return 0, 0
	}
	last := len(l.runs) - 1
	return last, float64(l.runs[last].End()-l.runs[0].Start-l.n) / l.rate
}

// index is where a sample is in the file. One within a gap stands at the first sample behind it, and one outside of the recording as
// far outside of the file.
func (l laid) index(sample int64) int64 {
	i := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].End() > sample })
	if i == len(l.runs) {
		if i == 0 {
			return sample
		}
		return l.n + sample - l.runs[i-1].End()
	}
	if i == 0 {
		return sample - l.runs[0].Start
	}
	return l.before[i] + max(sample-l.runs[i].Start, 0)
}

// inGap says whether a sample lies between two runs.
func (l laid) inGap(sample int64) bool {
	i := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].End() > sample })
	return i > 0 && i < len(l.runs) && sample < l.runs[i].Start
}

// sample is the one at an index of the file.
func (l laid) sample(index int64) int64 {
	if len(l.runs) == 0 {
		return index
	}
	i := max(sort.Search(len(l.runs), func(i int) bool { return l.before[i] > index })-1, 0)
	return l.runs[i].Start + index - l.before[i]
}

// nearest is the index nearest to a time of the file; the later one where two are, as digits that were cut may have made it earlier.
func (l laid) nearest(seconds float64) int64 { return int64(math.Floor(seconds*l.rate + 0.5 + 1e-6)) }

// place is when and at which sample something happened, by its time in seconds from the first sample of the file on, gaps not counted.
func (l laid) place(seconds float64) (onset float64, sample int64) {
	index := l.nearest(seconds)
	sample = l.sample(index)
	onset = seconds + float64(sample-index)/l.rate
	if i, begins := slices.BinarySearch(l.before, index); begins && i > 0 && onset*l.rate < float64(sample) {
		onset = float64(sample) / l.rate // else it would be in the gap
	}
	return onset, sample
}

// time is what place undoes: seconds of the file.
func (l laid) time(onset float64, sample int64) float64 {
	index := l.index(sample)
	if l.inGap(sample) {
		return float64(index) / l.rate
	}
	part := onset*l.rate - float64(sample) // of a sample
	if math.Abs(part) < 1e-6 {
		part = 0 // else it would be seen in the last digits of the quotient
	}
	return (float64(index) + part) / l.rate
}

// removed moves the event e, which marks where samples were taken out, to the begin of the gap that it is in or beside: EEGLAB has it between the
// samples before and behind it. Others stay.
func (l laid) removed(e signal.Event) signal.Event {
	if !isBoundary(e.Label) {
		return e
	}
	i := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].Start >= e.Sample }) // the gap in front of it
	if i == 0 || i == len(l.runs) || e.Sample < l.runs[i-1].End()-1 || l.runs[i-1].End() == l.runs[i].Start {
		return e
	}
	e.Sample = l.runs[i-1].End()
	e.Onset = float64(e.Sample) / l.rate
	return e
}

// inFront says whether the event e of a file of this format is EEGLAB's mark over samples that were taken out in front of the first. It stands there,
// and takes no time.
func (l laid) inFront(e signal.Event, format string) bool {
	return len(l.runs) > 0 && e.Sample <= l.runs[0].Start && isBoundary(e.Label) && strings.HasPrefix(format, "EEGLAB")
}

// endToEnd says whether programs take the samples of a format as a whole, so that a table of events beside one counts no gaps: their
// gaps are markers (of new segments, of boundaries). Time goes on within the gaps of others.
func endToEnd(format string) bool {
	return strings.HasPrefix(format, "BrainVision") || strings.HasPrefix(format, "EEGLAB")
}

// reading is what the seconds of a table of events count in an interrupted recording.
type reading struct {
	laid bool   // the samples of the file, without the gaps
	moot bool   // both are the same
	why  string // "" where nothing tells
}

// rowAt is where a row of a table of events is, in the seconds that it says, and what its events are called.
type rowAt struct {
	seconds float64
	label   string
	sample  float64 // of the table, from 0; NaN for none
	skip    float64 // s that MNE's mark over samples that were not measured lasts; 0 of all others
	index   bool    // the seconds are those of that sample, as the table says none
}

// readingOf finds out what the seconds of rows count, by the events of the recording itself, then MNE's marks over the gaps, then the numbers
// of samples in the table, then the duration of the sidecar (0 for none).
func (l laid) readingOf(rows []rowAt, own []signal.Event, duration float64, whole bool) reading {
	n, gap := l.gaps()
	if n == 0 {
		return reading{moot: true}
	}
	first := l.runs[0].Start
	rows = slices.DeleteFunc(slices.Clone(rows), func(r rowAt) bool {
		at := l.nearest(r.seconds)
		return r.index || at < l.runs[0].Len || at == l.runs[0].Len && isBoundary(r.label) // where the first gap begins in both
	})
	if len(rows) == 0 {
		return reading{moot: true}
	}
	type labels map[string]bool
	behind, indexed := map[int64]labels{}, map[int64]labels{} // of the recording, by sample and by index
	add := func(to map[int64]labels, at int64, label string) {
		if to[at] == nil {
			to[at] = labels{}
		}
		to[at][words(label)] = true
	}
	events, interrupted := 0, false
	for _, e := range own {
		interrupted = interrupted || interruption(e.Label)
		if e.Sample >= l.runs[0].End() {
			add(behind, e.Sample, e.Label)
			add(indexed, l.index(e.Sample), e.Label)
			events++
		}
	}
	fit := func(at int64, label string, in map[int64]labels) (fits, points int) {
		for k := at - 1; k <= at+1; k++ {
			if len(in[k]) > 0 {
				fits, points = 1, max(points, 1)
			}
			if in[k][words(label)] {
				points = 2
			}
		}
		return fits, points
	}
	var counted, end2end, countedPoints, end2endPoints, marks int
	for _, r := range rows {
		if interruption(r.label) && !interrupted {
			continue // the recording has it as a gap
		}
		marks++
		fits, points := fit(first+int64(math.Round(r.seconds*l.rate)), r.label, behind)
		counted, countedPoints = counted+fits, countedPoints+points
		fits, points = fit(l.nearest(r.seconds), r.label, indexed)
		end2end, end2endPoints = end2end+fits, end2endPoints+points
	}
	if enough := (min(marks, events) + 1) / 2; countedPoints != end2endPoints && max(counted, end2end) >= enough {
		isLaid := end2endPoints > countedPoints
		return reading{laid: isLaid, why: fmt.Sprintf("%d of %d events behind the first gap are then where the recording has its own", map[bool]int{false: counted, true: end2end}[isLaid], marks)}
	}

	for _, r := range rows {
		if r.skip > 0 && l.overGap(l.over(first+int64(math.Round(r.seconds*l.rate)), r.skip, false)) {
			return reading{why: "then its " + signal.SkipLabel + " lie over gaps"}
		}
	}

	counted, end2end = 0, 0
	for _, r := range rows {
		asIndex, asTime := l.nearest(r.seconds), l.index(first+int64(math.Round(r.seconds*l.rate)))
		if r.sample-r.sample != 0 || math.Abs(float64(asIndex-asTime)) <= 2 {
			continue
		}
		switch {
		case math.Abs(r.sample-float64(asTime)) <= 1:
			counted++
		case math.Abs(r.sample-float64(asIndex)) <= 1 && r.sample >= float64(l.n):
			counted++ // the file has no such sample: the number counts gaps as well
		case math.Abs(r.sample-float64(asIndex)) <= 1:
			end2end++
		}
	}
	if counted > end2end {
		return reading{why: "that is what the numbers of samples say"}
	}
	if whole && end2end > counted {
		return reading{laid: true, why: "that is what the numbers of samples say"}
	}

	length, near := float64(l.n)/l.rate, min(1+2/l.rate, gap/4)
	if duration > 0 {
		switch {
		case math.Abs(duration-length-gap) <= near:
			return reading{why: "RecordingDuration counts the gaps"}
		case whole && math.Abs(duration-length) <= near:
			return reading{laid: true, why: "RecordingDuration does not count the gaps"}
		}
	}
	return reading{laid: whole}
}

// interruption says whether a label is that of a gap, and not of something that happened.
func interruption(label string) bool {
	label = strings.ToLower(label)
	return strings.HasPrefix(label, "new segment") || strings.Contains(label, "boundary") || isSkip(strings.ToUpper(label))
}

// isBoundary says whether a label is EEGLAB's mark where samples were taken out. A value may stand behind it.
func isBoundary(label string) bool {
	mark, _, _ := strings.Cut(label, "/")
	return strings.EqualFold(mark, "boundary")
}

// isSkip says whether a label is MNE's mark over samples that were not measured, which it writes into BrainVision as a comment. A value may stand
// behind it.
func isSkip(label string) bool {
	if len(label) > len(comment) && strings.EqualFold(label[:len(comment)], comment) {
		label = label[len(comment):]
	}
	mark, _, _ := strings.Cut(label, "/")
	return mark == signal.SkipLabel
}

const comment = "Comment/"

// over is the samples of the recording that a mark of so many seconds lies over: those of the file, where the table counts these, else the
// time that passed.
func (l laid) over(sample int64, seconds float64, inFile bool) signal.Span {
	n := int64(math.Round(min(seconds, maxOnset) * l.rate))
	if n < 1 || !inFile {
		return signal.Span{Start: sample, Len: max(n, 0)}
	}
	return signal.Span{Start: sample, Len: l.sample(l.index(sample)+n-1) + 1 - sample}
}

// overGap says whether a mark lies over a gap, and over nothing else.
func (l laid) overGap(mark signal.Span) bool {
	i := sort.Search(len(l.runs), func(i int) bool { return l.runs[i].Start > mark.Start })
	if i == 0 || i == len(l.runs) {
		return false
	}
	near := func(a, b int64) bool { return a-b <= 1 && b-a <= 1 }
	return near(mark.Start, l.runs[i-1].End()) && near(mark.End(), l.runs[i].Start)
}

// words is a label as it is compared: with one space where a format puts several.
func words(label string) string { return strings.Join(strings.Fields(label), " ") }
