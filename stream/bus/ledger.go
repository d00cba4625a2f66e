package bus

import (
	"slices"
	"time"
)

// StopLedger knows of the emergency stops that somebody has heard of: those that are in force, and those that an operator has lifted.
// Decoders and controllers go by the same rules. The zero value knows of none; it is for one goroutine at a time.
type StopLedger struct {
	met    []met     // in force
	lifted []string  // IDs, the newest last
	free   time.Time // when an operator last lifted what was in force
}

// met is a stop that is in force.
type met struct {
	Stop
	first, last time.Time // when it came, and when a message of it last did
}

const (
	maxMet = 64

	// MaxLifted is how many IDs of lifted stops a StopLedger knows: the newest.
	MaxLifted = 1024

	// sameStop is the time within which stops without an ID are repetitions of one.
	sameStop = time.Second
)

// CameStop is a stop, and when it came.
type CameStop struct {
	Stop
	Since time.Time
}

// Hear is told of a message on the subject of the stops. It says whether that is another stop than those in force. It counts whatever
// was lifted before.
func (l *StopLedger) Hear(s Stop, at time.Time) (another bool) {
	if s.ID != "" {
		l.lifted = slices.DeleteFunc(l.lifted, func(id string) bool { return id == s.ID })
	}
	i := slices.IndexFunc(l.met, func(m met) bool { return m.ID == s.ID && (s.ID != "" || m.Stop == s) })
	if i >= 0 && (s.ID != "" || at.Sub(l.met[i].last) < sameStop) { // it is sent again and again
		l.met[i].last = at
		return false
	}
	if i >= 0 { // the same words for another one
		l.met = slices.Delete(l.met, i, i+1)
	}
	m := met{s, at, at}
	if newest := len(l.met) - 1; newest >= 0 && l.met[newest].first.After(at) { // whatever was said of the others
		m.first = l.met[newest].first
	}
	l.meet(m)
	return true
}

// Told is told what somebody says who stands by a stop that came at since. It says whether that is to be obeyed as another stop,
// however old it is. One that an operator has lifted here is not, whatever is said of its age; without an ID the age decides.
func (l *StopLedger) Told(s Stop, since time.Time) (obey bool) {
	if s.ID != "" && slices.Contains(l.lifted, s.ID) || s.ID == "" && !since.After(l.free) {
		return false // an operator has seen that one, and let all go on
	}
	if slices.ContainsFunc(l.met, func(m met) bool {
		return s.ID != "" && m.ID == s.ID || s.ID == "" && m.first.Sub(since) <= sameStop && since.Sub(m.last) <= sameStop
	}) {
		return false
	}
	l.meet(met{s, since, since})
	return true
}

// meet remembers m in the order of first: beyond maxMet the oldest is forgotten.
func (l *StopLedger) meet(m met) {
	i := len(l.met)
	for i > 0 && l.met[i-1].first.After(m.first) {
		i--
	}
	l.met = slices.Insert(l.met, i, m)
	l.met = slices.Delete(l.met, 0, max(0, len(l.met)-maxMet))
}

// InForce is the newest stop that is in force and when it, or its newest repetition, came; ok false where none is.
func (l *StopLedger) InForce() (s Stop, since time.Time, ok bool) {
	if len(l.met) == 0 {
		return Stop{}, time.Time{}, false
	}
	m := l.met[len(l.met)-1]
	return m.Stop, m.last, true
}

// All are the stops that are in force, the newest last: those of the newest 64 that somebody has heard of.
func (l *StopLedger) All() []CameStop {
	all := make([]CameStop, len(l.met))
	for i, m := range l.met {
		all[i] = CameStop{m.Stop, m.last}
	}
	return all
}

// InTurn is a stop that is in force, another one to each heartbeat of somebody who asks: all of them in turn, by its number.
func (l *StopLedger) InTurn(seq uint64) (s Stop, since time.Time, ok bool) {
	one, ok := inTurn(l.All(), seq)
	return one.Stop, one.Since, ok
}

// inTurn is InTurn of these stops.
func inTurn(all []CameStop, seq uint64) (s CameStop, ok bool) {
	if len(all) == 0 {
		return s, false
	}
	return all[seq%uint64(len(all))], true
}

// Lift ends what is in force: an operator has seen that all may go on, at the given time.
func (l *StopLedger) Lift(at time.Time) {
	ids := make([]string, 0, len(l.met))
	for _, m := range l.met {
		ids = append(ids, m.ID)
	}
	l.remember(ids)
	l.met, l.free = nil, at
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
