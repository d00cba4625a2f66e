package flatfile

import (
	"cmp"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Piece is samples that follow each other in time: From is the number of its first in the file, Span is what the recording
// calls them. There may be one for each sample: it has no room for what can be worked out.
type Piece struct {
	From int64
	signal.Span
}

// Timeline places the samples of a file, in order and without rest.
type Timeline []Piece

// Whole is n samples without a gap.
func Whole(n int64) Timeline { return Timeline{{0, signal.Span{Len: n}}} }

// Break says that gap samples, at least 1, are missing before sample k of the file, which lies in the last piece. It does
// nothing where that begins with k, or ends before.
func (l *Timeline) Break(k, gap int64) bool {
	last := &(*l)[len(*l)-1]
	if k <= last.From || k >= last.From+last.Len {
		return false
	}
	rest := last.From + last.Len - k
	last.Len -= rest
	*l = append(*l, Piece{k, signal.Span{Start: last.End() + max(1, gap), Len: rest}})
	return true
}

// Without is l less samples of the file that were not measured, and how many those are. There is no piece where
// all were. Events are placed by l, which has time in what is left out.
func (l Timeline) Without(skips []signal.Span) (left Timeline, out int64) {
	runs := make([]signal.Span, len(l)) // in samples of the file
	for i, p := range l {
		runs[i] = signal.Span{Start: p.From, Len: p.Len}
	}
	runs, out = signal.Without(runs, skips)
	if out == 0 {
		return l, 0
	}
	left = make(Timeline, len(runs))
	for i, r := range runs {
		left[i] = Piece{r.Start, signal.Span{Start: l.Sample(r.Start), Len: r.Len}}
	}
	return left, out
}

// Runs is where there are samples, gaps counted.
func (l Timeline) Runs() []signal.Span {
	var all signal.Recording
	all.Spans, all.Len = (&Layout{Runs: l}).Spans()
	return all.Runs()
}

// Sample is what the recording calls sample k of the file, which may lie outside.
func (l Timeline) Sample(k int64) int64 {
	i, _ := l.Piece(k)
	return l[i].Start + k - l[i].From
}

// Piece is the number of the one that sample k of the file lies in, the first or last where it lies outside, and whether that begins with it.
func (l Timeline) Piece(k int64) (i int, begins bool) {
	i, begins = slices.BinarySearchFunc(l, k, func(p Piece, k int64) int { return cmp.Compare(p.From, k) })
	if !begins {
		i = max(i-1, 0)
	}
	return i, begins
}
