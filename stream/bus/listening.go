package bus

import (
	"sync"
	"time"
)

const (
	// lookEvery is the time between two looks of a listening at the clocks.
	lookEvery = 250 * time.Millisecond

	// stoodStill is the time between two looks behind which the process, or the machine, stood still: servers have cut it off within three
	// seconds, and what was sent to it may be lost.
	stoodStill = 2 * time.Second
)

// moment is one on two clocks: one that goes on at an even pace, and stands while the machine sleeps, and the one on the wall, which may
// be set.
type moment struct{ even, wall time.Duration }

// moment is t, which has a monotonic reading, on both clocks of this listening.
func (l *listening) moment(t time.Time) moment {
	return moment{t.Sub(l.origin), t.Round(0).Sub(l.origin.Round(0))}
}

// listening is for how long a client has heard all that came. It begins anew with each connection to the server, and where the
// process stood still: only who was there all the time can say that nothing came.
type listening struct {
	bus    *Bus
	origin time.Time // of its clocks

	mu          sync.Mutex
	begun       bool
	since, last moment
	connection  uint64
}

func newListening(b *Bus) *listening { return &listening{bus: b, origin: time.Now()} }

// look is for how long it has lasted.
func (l *listening) look() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	connection := l.bus.nc.Stats().Reconnects // counted before a message can come over the new one, which a callback is told of later
	return l.lookAt(l.moment(time.Now()), connection)
}

// lookAt is for how long it has lasted, by the clock that says less.
func (l *listening) lookAt(now moment, connection uint64) time.Duration {
	since := func(m moment) (even, wall time.Duration) { return now.even - m.even, now.wall - m.wall }
	even, wall := since(l.last)
	if !l.begun || connection != l.connection || max(even, wall, even-wall) >= stoodStill {
		l.begun, l.since = true, now
	}
	l.last, l.connection = now, connection
	even, wall = since(l.since)
	return max(0, min(even, wall))
}

// run looks until done is closed.
func (l *listening) run(done <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.look()
		case <-done:
			return
		}
	}
}

// deafBefore is how long before the last sign that this process hears it may have been deaf already: a link that dies silently is noticed
// after 1.2 s.
const deafBefore = 1500 * time.Millisecond

// sentBeats are the newest heartbeats that were sent.
type sentBeats [64]struct {
	seq uint64
	at  time.Time
}

func (s *sentBeats) put(seq uint64, at time.Time) {
	e := &s[seq%uint64(len(s))]
	e.seq, e.at = seq, at
}

// when is when heartbeat seq was sent, the zero time where that is not known any more.
func (s *sentBeats) when(seq uint64) time.Time {
	if e := s[seq%uint64(len(s))]; e.seq == seq {
		return e.at
	}
	return time.Time{}
}

// HeardUntil is up to when this writer has surely heard whatever came on the bus: 1.5 s before the newest of its own heartbeats that came
// back was sent, but not before it began. Behind a new connection to the server it stays what it was for the one before, until Heard is
// called for that. The time has its monotonic reading.
func (w *CommandWriter) HeardUntil() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heardUntil()
}

func (w *CommandWriter) heardUntil() time.Time {
	if !w.deaf.IsZero() {
		return w.deaf
	}
	if until := w.back.Add(-deafBefore); until.After(w.began) {
		return until
	}
	return w.began
}

// Connection is the number of the connection to the server, 0 for the first. It counts before a message can come over a new one, of which
// callbacks are told in their time.
func (w *CommandWriter) Connection() uint64 { return w.bus.nc.Stats().Reconnects }

// heardBack is told of one of its own heartbeats. When it came does not count: it may have lain in a buffer while this process stood still.
func (w *CommandWriter) heardBack(seq uint64) {
	connection := w.Connection()
	w.mu.Lock()
	defer w.mu.Unlock()
	if connection != w.connection { // callbacks are told of it in their time
		w.deaf, w.connection = w.heardUntil(), connection
	}
	if at := w.sent.when(seq); at.After(w.back) {
		w.back = at
	}
}

// Since is the time from t to now on the clock that says more: the even one stands while the machine sleeps, and the one on the wall may
// be set. Both have their monotonic readings.
func Since(t, now time.Time) time.Duration {
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
