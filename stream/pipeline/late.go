package pipeline

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// recall takes the late events of c, before its samples: their windows are cut from the past, at the samples where they were, as they
// would have been had the events come in time. What the steps have not handed on yet waits in f.late. There is no window, and a miss,
// for those that are later than signal.MaxLate and for those of before a break in the stream, whose samples are gone.
func (f *front) recall(c signal.Chunk) {
	if !f.recalls {
		return
	}
	tooLate := c.TooLate()
	for i, e := range c.Late {
		switch {
		case !f.started:
			f.miss(e, "it is of before the first sample")
		case i < tooLate:
			f.unseen(e, fmt.Sprintf("it came %.3f s late, and %g s of the past are kept", float64(c.Start-e.Sample)/c.Info.Rate, signal.MaxLate))
		case c.Anew:
			f.unseen(e, "it came late, when the source had begun anew")
		case e.Sample >= f.at:
			f.miss(e, "it lies where the stream has no samples")
		case !f.running || e.Sample < f.from:
			f.unseen(e, "it came late, when the stream had broken off behind it")
		default:
			f.late = append(f.late, e)
		}
	}
	slices.SortStableFunc(f.late, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	past := f.arrived()
	if len(past) == 0 {
		return
	}
	from := len(f.ready)
	for k, s := range f.segs {
		r, ok := s.(preprocess.Recaller)
		if !ok {
			continue
		}
		ws, missed := r.Recall(past)
		f.completed(k, ws)
		if k == 0 {
			f.stats.Misses = append(f.stats.Misses, missed...)
		}
	}
	f.check(from)
}

// arrived takes out of f.late the events whose samples the steps have handed on, numbered as these are.
func (f *front) arrived() (past []signal.Event) {
	n := 0
	for ; f.flowed && n < len(f.late); n++ {
		e := f.late[n]
		for _, s := range f.steps {
			if r, ok := s.(preprocess.Renumberer); ok {
				e.Sample = r.Renumber(e.Sample)
			}
		}
		if e.Sample >= f.done {
			break
		}
		past = append(past, e)
	}
	f.late = slices.Delete(f.late, 0, n)
	return past
}

// joined is c, which comes out of the steps, with the events of f.late that lie in it.
func (f *front) joined(c signal.Chunk) signal.Chunk {
	f.flowed, f.done = true, c.End()
	if len(f.late) == 0 {
		return c
	}
	c.Events = slices.Concat(f.arrived(), c.Events)
	slices.SortStableFunc(c.Events, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	return c
}

// miss notes that e gets no window, and says whether windows are cut around events like it.
func (f *front) miss(e signal.Event, why string) bool {
	if !slices.Contains(f.labels, e.Label) {
		return false
	}
	f.stats.Misses = append(f.stats.Misses, preprocess.Miss{Event: e, Why: why})
	return true
}

// unseen is miss for an event that a recording of the stream may have a window of.
func (f *front) unseen(e signal.Event, why string) {
	if f.miss(e, why) {
		f.stats.Unseen++
		f.newest = preprocess.Miss{Event: e, Why: why}
	}
}
