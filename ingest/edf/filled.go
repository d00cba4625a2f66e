package edf

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// filledText is the annotation over samples that nobody measured: they fill a record, which must be whole. MNE leaves out what an annotation
// that begins with BAD lies over. Behind it may stand the label of the one channel that it is about, see ofChannel.
const filledText = "BAD filled"

// filled is an annotation of this kind.
type filled struct {
	onset, duration float64 // in s, from the first record of the file
	signal          int32   // the first with the label that the annotation names, -1 for all
}

// fills are the annotations of a file, sorted by signal, onset and duration.
type fills struct {
	list    pages.List[filled]
	signals map[string]int32 // by label; nil before it is asked for

	skips   int     // how many of them MNE calls so
	skipped float64 // s: what these last in all
}

// isMark says whether an annotation is one of this kind. MNE's own lies over what nobody measured, be that a gap of its source or the rest of the last
// record. That of single channels is an event: others were measured, and MNE leaves out samples of all.
func isMark(text string, duration float64) bool {
	mark, _, _ := strings.Cut(text, ofChannel)
	return duration > 0 && (mark == filledText || text == signal.SkipLabel)
}

// add takes in an annotation; ok says that it is one of this kind, and that there is a channel that it is about.
func (f *fills) add(h *header, onset, duration float64, text string) (ok bool) {
	if !isMark(text, duration) {
		return false
	}
	of := int32(-1)
	_, label, named := strings.Cut(text, ofChannel)
	if named {
		if f.signals == nil {
			f.signals = map[string]int32{}
			for i := range h.signals {
				if s := &h.signals[i]; s.sampled() {
					if _, known := f.signals[s.label]; !known {
						f.signals[s.label] = s.index
					}
				}
			}
		}
		var known bool
		if of, known = f.signals[label]; !known {
			return false
		}
	}
	if text == signal.SkipLabel {
		f.skips, f.skipped = f.skips+1, f.skipped+duration
	}
	f.list.Add(filled{onset, duration, of})
	return true
}

// Len, Less and Swap sort it.
func (f *fills) Len() int      { return f.list.Len() }
func (f *fills) Swap(i, j int) { a, b := f.list.At(i), f.list.At(j); *a, *b = *b, *a }
func (f *fills) Less(i, j int) bool {
	a, b := f.list.At(i), f.list.At(j)
	return cmp.Or(cmp.Compare(a.signal, b.signal), cmp.Compare(a.onset, b.onset), cmp.Compare(a.duration, b.duration)) < 0
}

// of is the first and the one behind the last that names a signal, -1 for all signals.
func (f *fills) of(signal int32) (from, to int) {
	at := func(signal int32) int {
		return sort.Search(f.Len(), func(i int) bool { return f.list.At(i).signal >= signal })
	}
	return at(signal), at(signal + 1)
}

// named is those that name c.
func (f *fills) named(c *channel) (from, to int) {
	if first, known := f.signals[c.header.label]; known {
		return f.of(first)
	}
	return 0, 0
}

// hash is the same for channels of which the same samples are filled. There may be thousands of others.
func (f *fills) hash(c *channel) (h uint64) {
	for i, end := f.named(c); i < end; i++ {
		e := f.list.At(i)
		for _, v := range [2]float64{e.onset, e.duration} {
			h = (h ^ math.Float64bits(v)) * 0x9e3779b97f4a7c15 // 2⁶⁴ over the golden ratio, odd: it spreads the bits
			h ^= h >> 32
		}
	}
	return h
}

// alike says whether the same samples of a and b are filled.
func (f *fills) alike(a, b *channel) bool {
	i, aEnd := f.named(a)
	k, bEnd := f.named(b)
	if aEnd-i != bEnd-k {
		return false
	}
	for ; i < aEnd; i, k = i+1, k+1 {
		if x, y := f.list.At(i), f.list.At(k); x.onset != y.onset || x.duration != y.duration {
			return false
		}
	}
	return true
}

// any says whether one lies over c.
func (f *fills) any(c *channel) bool {
	i, end := f.of(-1)
	k, last := f.named(c)
	return i < end || k < last
}

// left is the parts of the runs of c that are not filled, in the form of timeline.runs. rate is that of the samples; at says at which of them
// something happened.
func (f *fills) left(all iter.Seq2[signal.Span, int64], c *channel, rate float64, at func(onset float64) int64) iter.Seq2[signal.Span, int64] {
	return func(yield func(signal.Span, int64) bool) {
		i, end := f.of(-1)
		k, last := f.named(c)
		next := func() (from, to int64) { // by onset
			for i < end || k < last {
				of := &k
				if k == last || i < end && f.list.At(i).onset <= f.list.At(k).onset {
					of = &i
				}
				e := f.list.At(*of)
				*of++
				if n := int64(math.Round(e.duration * rate)); n > 0 { // it may be less than half a sample of slow channels
					from = at(e.onset)
					return from, from + n
				}
			}
			return math.MaxInt64, math.MaxInt64
		}
		from, to := int64(math.MinInt64), int64(math.MinInt64) // filled
		for run, first := range all {
			for here := run.Start; here < run.End(); {
				for to <= here {
					from, to = next()
				}
				if end := min(from, run.End()); end > here {
					if !yield(signal.Span{Start: here, Len: end - here}, first+here-run.Start) {
						return
					}
					here = end
				}
				if from <= here {
					here = min(to, run.End())
				}
			}
		}
	}
}

// marks are the annotations over all samples of the file that the recording does not have. Where there are several groups of channels
// each names the channel that it is about.
func (o *output) marks() (marks []signal.Event) {
	owner := map[string]int{} // the group of a label, -1 of one that several have
	for i, g := range o.groups {
		for _, c := range g.chans {
			if of, known := owner[c.label]; known && of != i {
				owner[c.label] = -1
			} else {
				owner[c.label] = i
			}
		}
	}
	for i, g := range o.groups {
		texts := []string{filledText}
		if len(o.groups) > 1 {
			texts = nil
			for _, c := range g.chans {
				if label := strings.TrimSpace(c.label); owner[c.label] >= 0 {
					texts = append(texts, filledText+ofChannel+label)
				} else {
					o.lose("gaps of channel "+strconv.Quote(c.Name), "an annotation names the channel that it is about by its label", fmt.Sprintf("the label %q, which channels with other gaps have too", c.label), "samples that fill the gaps are not marked")
				}
			}
		}
		step := o.lay.duration / float64(o.lay.per[i])
		for seg, span := range o.missing(i) {
			for _, text := range texts {
				marks = append(marks, signal.Event{Onset: seg.onset - o.shift + float64(span.Start-seg.begin[i])*step, Duration: float64(span.Len) * step, Label: text})
			}
		}
	}
	return marks
}

// missing is the samples of group i that the file has and the recording has not, with their segment: a run lies in one.
func (o *output) missing(i int) iter.Seq2[*outSegment, signal.Span] {
	return func(yield func(*outSegment, signal.Span) bool) {
		runs := o.groups[i].rec.Runs()
		k := 0
		for s := range o.lay.segments {
			seg := &o.lay.segments[s]
			at, end := seg.begin[i], seg.begin[i]+seg.records*o.lay.per[i]
			for ; k < len(runs) && runs[k].Start < end; k++ {
				if from := runs[k].Start; from > at && !yield(seg, signal.Span{Start: at, Len: from - at}) {
					return
				}
				at = max(at, runs[k].End())
			}
			if at < end && !yield(seg, signal.Span{Start: at, Len: end - at}) {
				return
			}
		}
	}
}
