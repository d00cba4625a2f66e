package pipeline

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// front takes chunks to windows: the steps on samples, then the segmenters. At a gap it flushes and starts anew.
type front struct {
	steps []preprocess.Processor
	segs  []preprocess.Segmenter // the first cuts the windows to train on
	names []string               // of steps, then of segs, for messages

	in      *signal.Info   // what comes in
	outs    []*signal.Info // behind each step
	length  int            // samples of a window
	next    int64          // the sample that continues the stream; meaningless until running
	running bool
	ready   []signal.Window // what one Push completes
	stats   Stats
}

// Stats counts what a pipeline has seen since Start.
type Stats struct {
	Samples int64             `json:"samples"` // taken in
	Gaps    int64             `json:"gaps"`    // jumps in the sample number
	Lost    int64             `json:"lost"`    // samples that the gaps lack
	Windows int64             `json:"windows"` // completed
	Misses  []preprocess.Miss `json:"-"`       // events that got no window
}

// start prepares for a stream described by in and says how windows will look.
func (f *front) start(in *signal.Info) (out *signal.Info, length int, err error) {
	f.in, f.running, f.stats = in, false, Stats{}
	return f.restart()
}

// restart clears every step.
func (f *front) restart() (out *signal.Info, length int, err error) {
	info := f.in
	f.outs = f.outs[:0]
	for i, s := range f.steps {
		if info, err = s.Start(info); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", f.names[i], err)
		}
		if err := info.Validate(); err != nil {
			return nil, 0, fmt.Errorf("%s: what comes out: %w", f.names[i], err)
		}
		f.outs = append(f.outs, info)
	}
	for i, s := range f.segs {
		n, err := s.Start(info)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", f.names[len(f.steps)+i], err)
		}
		if i > 0 && n != length {
			return nil, 0, fmt.Errorf("%s: windows of %d samples, %s cuts %d: both must be equally long",
				f.names[len(f.steps)+i], n, f.names[len(f.steps)], length)
		}
		length = n
	}
	f.length = length
	return info, length, nil
}

// push takes one chunk. The windows are valid until the next call.
func (f *front) push(c signal.Chunk) ([]signal.Window, error) {
	f.ready = f.ready[:0]
	if len(c.X) != len(f.in.Channels) {
		return nil, fmt.Errorf("a chunk with %d channels, the stream began with %d", len(c.X), len(f.in.Channels))
	}
	if c.Len() == 0 && len(c.Events) == 0 {
		return nil, nil
	}
	switch {
	case f.running && c.Start < f.next:
		return nil, fmt.Errorf("sample %d comes again: the stream was at %d already", c.Start, f.next)
	case f.running && c.Start > f.next:
		f.stats.Gaps++
		f.stats.Lost += c.Start - f.next
		if err := f.finish(); err != nil {
			return nil, err
		}
		if _, _, err := f.restart(); err != nil {
			return nil, fmt.Errorf("behind the gap at sample %d: %w", f.next, err)
		}
	}
	f.running, f.next = true, c.End()
	f.stats.Samples += int64(c.Len())
	if err := f.through(0, c); err != nil {
		return nil, err
	}
	return f.ready, nil
}

// flush ends the stream. The windows are valid until the next call.
func (f *front) flush() ([]signal.Window, error) {
	f.ready = f.ready[:0]
	if !f.running {
		return nil, nil
	}
	f.running = false
	err := f.finish()
	return f.ready, err
}

// finish takes out what the steps hold back and asks for the events that are left.
func (f *front) finish() error {
	for i, s := range f.steps {
		c, err := s.Flush()
		if err != nil {
			return fmt.Errorf("%s: %w", f.names[i], err)
		}
		if c.Len() > 0 {
			if err := f.through(i+1, c); err != nil {
				return err
			}
		}
	}
	for i, s := range f.segs {
		if misses := s.End(); i == 0 { // a window that slides waits for nothing
			f.stats.Misses = append(f.stats.Misses, misses...)
		}
	}
	return nil
}

// through takes a chunk from step i to the end. Windows that two segmenters cut alike are kept once: the one with the
// event.
func (f *front) through(i int, c signal.Chunk) error {
	var err error
	for ; i < len(f.steps); i++ {
		if c, err = f.steps[i].Process(c); err != nil {
			return fmt.Errorf("%s: sample %d: %w", f.names[i], f.next, err)
		}
		if c.Len() == 0 && len(c.Events) == 0 {
			return nil
		}
	}
	from := len(f.ready)
	for k, s := range f.segs {
		ws, err := s.Push(c)
		if err != nil {
			return fmt.Errorf("%s: sample %d: %w", f.names[len(f.steps)+k], f.next, err)
		}
		f.ready = append(f.ready, ws...)
	}
	fresh := f.ready[from:]
	if len(f.segs) > 1 {
		slices.SortStableFunc(fresh, func(a, b signal.Window) int { return cmp.Compare(a.End(), b.End()) })
		fresh = slices.CompactFunc(fresh, func(a, b signal.Window) bool { return a.End() == b.End() && (a.Event == nil || b.Event == nil) })
	}
	f.ready = f.ready[:from+len(fresh)]
	f.stats.Windows += int64(len(fresh))
	return nil
}
