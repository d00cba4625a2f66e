package session

import (
	"fmt"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// LinkWatch follows a stream that is recorded, and the stream of marks beside it, as a session follows those that it decodes: it says
// when they stall, are lost, and are back. Its methods are for any goroutine.
type LinkWatch struct {
	mu    sync.Mutex
	link  *link
	marks *link // nil where there are none
}

// NewLinkWatch watches the source called name from now on, of which nothing has come yet.
func NewLinkWatch(name string, now time.Time) *LinkWatch {
	w := &LinkWatch{link: newLink(name, WatchDefaults(), now, time.Time.UnixNano)}
	w.link.again = "samples come again: those between are missing"
	return w
}

// Change is a new state of a stream.
type Change struct {
	Stream string
	bus.Transition
}

// String is the line for people.
func (c Change) String() string { return fmt.Sprintf("%s: %s: %s", c.Stream, c.To, c.Reason) }

// Entry is the line of the log, at a sample.
func (c Change) Entry(sample int64) record.Entry {
	return record.Entry{Time: c.Time, Sample: sample, Kind: record.KindStream, Detail: record.Detail{Stream: c.Stream, From: c.From, To: c.To, Why: c.Reason}}
}

// Chunk is told that c came at now, and what its source says of its own link, nil where it says nothing, and returns what changed.
func (w *LinkWatch) Chunk(now time.Time, c signal.Chunk, h *signal.Health) (all []Change) {
	if c.Len() == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Anew && w.link.missed(h) {
		all = append(all, *changeOf(w.link))
	}
	if _, changed := w.link.take(now, c); changed {
		all = append(all, *changeOf(w.link))
	}
	return all
}

// Lost is told that the source has ended at now with err, for good, and returns what changed: where it was lost before, the reason.
func (w *LinkWatch) Lost(now time.Time, err error) *Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.link.enter(signal.LinkLost, err.Error(), now) {
		lost := string(signal.LinkLost)
		return &Change{w.link.name, bus.Transition{From: lost, To: lost, Time: w.link.stamp(now), Reason: err.Error()}}
	}
	return changeOf(w.link)
}

// Look is told the time, and what src says of its own link, nil where it says nothing, and returns what changed.
func (w *LinkWatch) Look(now time.Time, src signal.Source, h *signal.Health) (all []Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.link.tick(now, h) {
		all = append(all, *changeOf(w.link))
	}
	if m, ok := marksOf(src); ok {
		if w.marks == nil {
			w.marks = newLink(w.link.name+" marks", WatchDefaults(), now, time.Time.UnixNano)
		}
		if w.marks.mark(now, m) {
			all = append(all, *changeOf(w.marks))
		}
	}
	return all
}

// changeOf is the newest change of l.
func changeOf(l *link) *Change { return &Change{l.name, l.newest[len(l.newest)-1]} }

// Health is how the samples are.
func (w *LinkWatch) Health() bus.StreamHealth {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.link.health(nil)
}
