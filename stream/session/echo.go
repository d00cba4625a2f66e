package session

import (
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// echo measures how long commands take to a subscriber: it is one.
type echo struct {
	sub *bus.Subscription
	run int64

	mu    sync.Mutex
	began [1024]time.Time // by the number of the command
	took  []time.Duration // since they were last collected
}

func newEcho(b *bus.Bus, w *bus.CommandWriter) (*echo, error) {
	e := &echo{run: w.Run()}
	var err error
	e.sub, err = b.SubscribeCommands(w.Session(), w.Decoder(), e.heard)
	return e, err
}

// sent notes when command seq leaves.
func (e *echo) sent(seq uint64, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.began[seq%uint64(len(e.began))] = at
}

func (e *echo) heard(c bus.Command, at time.Time) {
	if c.Run != e.run {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.took) < len(e.began) { // more than are collected in time: the rest is not measured
		e.took = append(e.took, at.Sub(e.began[c.Seq%uint64(len(e.began))]))
	}
}

// collect moves what was measured into s.
func (e *echo) collect(s *stages) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range e.took {
		s.add(stageSubscriber, d)
	}
	e.took = e.took[:0]
}

// close waits a moment for what is on its way.
func (e *echo) close(s *stages) error {
	err := e.sub.Close()
	e.collect(s)
	return err
}
