package session

import (
	"fmt"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// How long a decoder whose link to the bus was broken waits for others to say whether a stop came meanwhile.
const (
	clearAfter  = 500 * time.Millisecond // behind the link at least: who stands by a stop may be slower to say so than who knows of none
	clearWithin = 2 * time.Second        // then people are told that nobody knows
)

// unheard is a stop that may have come while the link was broken. The zero value knows of no break.
type unheard struct {
	words  string    // "" for none
	since  time.Time // up to when all was heard, long before the break is seen
	back   time.Time // when it came back, the zero time while it has not
	partly bus.Clear // who has said that no stop is in force, and cannot know: of these the one that heard most
	late   bool      // nobody who could know said it in time
	doubt  string    // what was on record of a break before, about which nobody has said anything either
	timer  *time.Timer
}

// end forgets it.
func (u *unheard) end() {
	if u.timer != nil {
		u.timer.Stop()
	}
	*u = unheard{}
}

// lasting is what is put on record for a decoder that is started again: it would not be asked for there.
func (u *unheard) lasting() string {
	if u.late {
		return u.words
	}
	return u.doubt
}

// linked is told that the link to the bus was lost, or is back. What came on it meanwhile is lost, an emergency stop too: commands are held
// back until a controller that heard all that came meanwhile says that none is in force. Only that one can know: the break may have been
// the controller's too, or the controller may have stood by a stop and been started again.
func (g *Guard) linked(up bool) {
	g.do(func() {
		if g.closed {
			return
		}
		now := time.Now()
		before := g.unheard
		g.unheard.end()
		u := &g.unheard
		u.doubt = before.lasting() // it stays on record: what is asked now is asked for both
		if u.since = before.since; u.since.IsZero() {
			u.since = g.opt.Commands.HeardUntil()
		}
		if up {
			g.connection = g.connections()
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
		if up {
			u.timer = time.AfterFunc(clearWithin, func() {
				g.do(func() {
					if g.unheard.back.Equal(now) && !g.closed {
						g.unsaid()
					}
				})
			})
		}
	})
}

// isClear is told that a controller knows of no stop, and for how long it has heard all that came. That counts where it is longer than
// nothing was heard here, and where it was asked when the link was back: an answer may be under way for longer than the link was whole, and
// its word says nothing of what came in the break behind it. It may come before this guard is told of that: nothing counts meanwhile.
func (g *Guard) isClear(c bus.Clear, asked, at time.Time) {
	g.do(func() {
		u := &g.unheard
		if u.back.IsZero() || at.Sub(u.back) < clearAfter || g.connections() != g.connection || c.Seq > 0 && asked.Before(u.back) {
			return // it is asked again
		}
		if deaf := bus.Since(u.since, at); c.Seq == 0 || c.ListensMS < deaf.Seconds()*1e3 {
			if u.partly.Controller == "" || c.ListensMS > u.partly.ListensMS {
				u.partly = c
			}
			return
		}
		said, late := fmt.Sprintf("no emergency stop is in force behind a broken link to the bus, says %s, which heard all that came since %s", whose(c), clockTime(u.since)), u.lasting() != ""
		u.end()
		g.opt.Commands.Heard(g.connection)
		g.note(said)
		g.changed(record.KindResume, said)
		if late {
			g.keep()
		}
	})
}

// unsaid tells people that nobody who could know has said it.
func (g *Guard) unsaid() {
	u := &g.unheard
	why := "no controller that heard all that came since then says that none is in force"
	switch c := u.partly; {
	case c.Controller == "":
	case c.ListensMS == 0:
		why += fmt.Sprintf(" (%s knows of none, and does not say for how long it has heard all: update it)", whose(c))
	case c.Seq == 0:
		why += fmt.Sprintf(" (%s knows of none, and does not say which heartbeat it answers: update it)", whose(c))
	default:
		why += fmt.Sprintf(" (%s knows of none, and has heard all for %.1f s only)", whose(c), c.ListensMS/1e3)
	}
	words := "it is not known whether an emergency stop came while the link to the bus was broken, after " + clockTime(u.since) + ": " + why
	if g.opt.GoOnUnheard {
		words += "; the session goes on all the same, as go_on_unheard asks for"
		u.end()
		g.opt.Commands.Heard(g.connection)
		g.note(words)
		g.changed(record.KindResume, words)
		return
	}
	u.late, u.words = true, words
	g.learn()
	g.changed(record.KindPause, u.words)
	g.note(u.words + ": no commands are sent until one does, or an operator resumes the session")
	g.keep()
}

func whose(c bus.Clear) string { return c.Controller + " of decoder " + c.Decoder }

// clockTime is when that was for people, who look at a clock on the wall.
func clockTime(t time.Time) string { return t.Format(time.TimeOnly) }
