package bus

import (
	"slices"
	"time"
)

// StopLedger knows of the emergency stops that somebody has heard of: the newest one that is in force, and those that an operator has
// lifted. Decoders and controllers go by the same rules. The zero value knows of none; it is for one goroutine at a time.
type StopLedger struct {
	stop   Stop      // the newest in force
	since  time.Time // when it came, the zero time where none is in force
	met    []met     // while one is in force
	lifted []string  // IDs, the newest last
	free   time.Time // when an operator last lifted what was in force
}

// met is a stop and when a message of it last came.
type met struct {
	Stop
	at time.Time
}

const (
	maxMet = 64

	// MaxLifted is how many IDs of lifted stops a StopLedger knows: the newest.
	MaxLifted = 1024

	// sameStop is the time within which stops without an ID are repetitions of one.
	sameStop = time.Second
)

// Hear is told of a message on the subject of the stops. It says whether that is another stop than those in force. It counts whatever
// was lifted before.
func (l *StopLedger) Hear(s Stop, at time.Time) (another bool) {
	if s.ID != "" {
		l.lifted = slices.DeleteFunc(l.lifted, func(id string) bool { return id == s.ID })
	}
	if known := l.meet(s, at); !known || l.since.IsZero() {
		l.stop, l.since = s, at
		return true
	}
	if l.stop == s { // it is sent again and again
		l.since = at
	}
	return false
}

// Told is told what somebody says who stands by a stop that came at since. It says whether that is to be obeyed as another stop. One
// that an operator has lifted here is not, whatever is said of its age; without an ID the age decides.
func (l *StopLedger) Told(s Stop, since time.Time) (obey bool) {
	if s.ID != "" && slices.Contains(l.lifted, s.ID) || s.ID == "" && !since.After(l.free) {
		return false // an operator has seen that one, and let all go on
	}
	stands := !l.since.IsZero()
	if s.ID != "" && l.meet(s, since) && stands || stands && !since.After(l.since.Add(sameStop)) {
		return false // it is known, or older than the one in force
	}
	l.stop, l.since = s, since
	return true
}

// InForce is the newest stop that is in force and when it came; ok false where none is.
func (l *StopLedger) InForce() (s Stop, since time.Time, ok bool) {
	return l.stop, l.since, !l.since.IsZero()
}

// Lift ends what is in force: an operator has seen that all may go on, at the given time.
func (l *StopLedger) Lift(at time.Time) {
	ids := make([]string, 0, len(l.met))
	for _, m := range l.met {
		ids = append(ids, m.ID)
	}
	l.remember(ids)
	l.stop, l.since, l.met, l.free = Stop{}, time.Time{}, nil, at
}

// Lifted are the IDs of the newest n stops that an operator has lifted, the newest last.
func (l *StopLedger) Lifted(n int) []string {
	return slices.Clone(l.lifted[max(0, len(l.lifted)-n):])
}

// Recall is told of stops that an operator had lifted before the ledger was there.
func (l *StopLedger) Recall(lifted []string) { l.remember(lifted) }

func (l *StopLedger) remember(ids []string) {
	for _, id := range ids {
		if id != "" && !slices.Contains(l.lifted, id) {
			l.lifted = append(l.lifted, id)
		}
	}
	l.lifted = slices.Delete(l.lifted, 0, max(0, len(l.lifted)-MaxLifted))
}

// meet says whether a stop was heard of before, and remembers it.
func (l *StopLedger) meet(s Stop, at time.Time) bool {
	i := slices.IndexFunc(l.met, func(m met) bool { return m.ID == s.ID && (s.ID != "" || m.Stop == s) })
	if i < 0 {
		if len(l.met) == maxMet {
			l.met = slices.Delete(l.met, 0, 1)
		}
		l.met = append(l.met, met{s, at})
		return false
	}
	known := s.ID != "" || at.Sub(l.met[i].at) < sameStop
	l.met[i].at = at
	return known
}
