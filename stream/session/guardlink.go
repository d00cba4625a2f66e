package session

import (
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// How long a decoder whose link to the bus was broken waits for others to say whether a stop came meanwhile.
const (
	clearAfter  = 500 * time.Millisecond // behind the link at least: who stands by a stop may be back later than who knows of none
	clearWithin = 2 * time.Second        // then people are told that nobody has said it
)

// unheard is a stop that may have come while the link was broken. The zero value knows of no break.
type unheard struct {
	words  string    // "" for none
	since  time.Time // when the link was lost
	back   time.Time // when it came back, the zero time while it has not
	clear  string    // who has said that no stop is in force
	late   bool      // nobody said it in time
	timers []*time.Timer
}

// end forgets it.
func (u *unheard) end() {
	for _, t := range u.timers {
		t.Stop()
	}
	*u = unheard{}
}

// lasting is what is put on record for a decoder that is started again: it would not be asked for there.
func (u *unheard) lasting() string {
	if u.late {
		return u.words
	}
	return ""
}

// linked is told that the link to the bus was lost, or is back. What came on it meanwhile is lost, an emergency stop too: commands are held
// back until a controller says that none is in force.
func (g *Guard) linked(up bool) {
	g.do(func() {
		if g.closed {
			return
		}
		now := time.Now()
		before := g.unheard
		g.unheard.end()
		u := &g.unheard
		if u.since = before.since; u.since.IsZero() {
			u.since = now
		}
		if u.words = "the link to the bus is broken: an emergency stop would not be heard"; up {
			u.back = now
			u.words = "controllers are asked whether an emergency stop came while the link to the bus was broken"
		}
		if before.words == "" {
			g.changed(record.KindPause, u.words)
			g.note(u.words + ": no commands are sent meanwhile")
		}
		g.learn()
		g.opt.Commands.Unheard(g.isClear)
		if before.late {
			g.keep()
		}
		if up {
			u.timers = []*time.Timer{g.laterOn(now, clearAfter, g.settle), g.laterOn(now, clearWithin, g.unsaid)}
		}
	})
}

// laterOn does fn with the lock, where the link that is back since then still is.
func (g *Guard) laterOn(back time.Time, after time.Duration, fn func()) *time.Timer {
	return time.AfterFunc(after, func() {
		g.do(func() {
			if g.unheard.back.Equal(back) && !g.closed {
				fn()
			}
		})
	})
}

// isClear is told that a controller knows of no stop.
func (g *Guard) isClear(c bus.Clear) {
	g.do(func() {
		if u := &g.unheard; !u.back.IsZero() {
			u.clear = c.Controller + " of decoder " + c.Decoder
			g.settle()
		}
	})
}

// settle goes on where a controller has said that no stop is in force, and others had the time to say otherwise.
func (g *Guard) settle() {
	u := &g.unheard
	if u.clear == "" || time.Since(u.back) < clearAfter {
		return
	}
	said, late := "no emergency stop is in force behind a broken link to the bus, says "+u.clear, u.late
	u.end()
	g.opt.Commands.Unheard(nil)
	g.note(said)
	g.changed(record.KindResume, said)
	if late {
		g.keep()
	}
}

// unsaid tells people that nobody has said it.
func (g *Guard) unsaid() {
	u := &g.unheard
	u.late = true
	u.words = "it is not known whether an emergency stop came while the link to the bus was broken, at " + u.since.Format(time.TimeOnly) + ": no controller says that none is in force"
	g.learn()
	g.changed(record.KindPause, u.words)
	g.note(u.words + ": no commands are sent until one does, or an operator resumes the session")
	g.keep()
}
