package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// Verbs are what operators can ask for. What holds the decoder back is done from when the bus is open, whether there is a session yet
// or not; the rest is refused until there is.
func (g *Guard) Verbs() []bus.Verb {
	asked := func(fn func(seen, sent int64) error) func(context.Context, []string) (any, error) {
		return func(ctx context.Context, _ []string) (any, error) { return g.ask(ctx, fn) }
	}
	list := []bus.Verb{
		{Name: "status", Urgent: true, Doc: "how the session and its streams are", Do: g.status},
		{Name: "pause", Urgent: true, Doc: "send no commands, and keep everything else running", Do: asked(g.pause)},
		{Name: "resume", Fresh: true, Doc: "send commands again, also behind an emergency stop", Do: asked(g.resume)},
		{Name: "shadow", Urgent: true, Doc: "send commands that no controller may act on, from now on", Do: asked(g.shade)},
		{Name: "actuate", Fresh: true, Doc: "send commands that controllers may act on", Do: asked(g.actuate)},
		{Name: "stop", Urgent: true, Doc: "end the session", Do: func(ctx context.Context, _ []string) (any, error) { return g.finish(ctx) }},
	}
	for _, v := range sessionVerbs() {
		v.Do = func(ctx context.Context, args []string) (any, error) {
			e, err := g.at()
			if err == nil && e == nil {
				err = errors.New("the session waits for its stream (gyrus ctl SESSION status says for which): ask again when that is there")
			}
			if err != nil {
				return nil, err
			}
			return v.do(e, ctx, args)
		}
		list = append(list, v.Verb)
	}
	return list
}

// standing is the answer to a verb of a Guard.
type standing struct {
	Phase bus.Phase  `json:"phase,omitempty"`
	State bus.Intent `json:"state"`
	Held  string     `json:"held,omitempty"` // by what commands are held back
	// Unseen says why the session has not said yet that it has seen what was done; Phase is not known then.
	Unseen string `json:"unseen,omitempty"`
	lifts
}

// lifts is what resume has ended.
type lifts struct {
	Lifted  []heldStop `json:"lifted,omitempty"`       // emergency stops, the newest last
	Doubted string     `json:"lifted_doubt,omitempty"` // why it was not known whether one was in force
}

// at is the session at work, nil before it begins.
func (g *Guard) at() (*engine, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return nil, errOver
	}
	return g.engine, nil
}

// ask does fn, at once, and answers when the session has seen it: what it sends then is as was asked. sent is when it was asked for,
// on the decoder's clock, and seen up to when whoever asked had seen how things are, 0 where that is not said.
func (g *Guard) ask(ctx context.Context, fn func(seen, sent int64) error) (any, error) {
	if _, err := g.at(); err != nil {
		return nil, err
	}
	var (
		err    error
		lifted lifts
	)
	g.do(func() {
		err = fn(bus.SeenAt(ctx), bus.SentAt(ctx))
		lifted, g.lifted = g.lifted, lifts{}
	})
	if err != nil {
		return nil, err
	}
	s, err := g.stands(ctx, func(*engine) {})
	s.lifts = lifted
	return done(s, err), nil
}

// stands is how things are when the session has done fn and seen what changed; err says that it has done nothing.
func (g *Guard) stands(ctx context.Context, fn func(*engine)) (s standing, err error) {
	e, err := g.at()
	if e != nil {
		err = e.do(ctx, func() error { fn(e); e.obey(); s.Phase = e.shown(); return nil })
	} else if err == nil {
		s.Phase = bus.PhaseResolving
	}
	s.State = g.opt.Commands.Intent()
	s.Held, _ = g.holding()
	return s, err
}

// done is the answer to what is done already, whether the session could say that it has seen it or not: that it did not is no refusal.
func done(s standing, err error) standing {
	if err != nil {
		s.Unseen = "it is done, and the session has not said yet that it has seen it: " + err.Error()
	}
	return s
}

func (g *Guard) status(ctx context.Context, _ []string) (any, error) {
	e, err := g.at()
	if err != nil {
		return nil, err
	}
	if e == nil {
		return g.telemetry(), nil
	}
	var t bus.Telemetry
	err = e.do(ctx, func() error { t = e.telemetry(); return nil })
	return t, err
}

func (g *Guard) pause(int64, int64) error {
	g.asked = time.Now()
	if !g.paused.IsZero() {
		return nil // asked twice is no mistake
	}
	g.paused, g.words = g.asked, "paused by an operator"
	g.note("paused: no commands are sent")
	g.changed(record.KindPause, "an operator asked for it")
	g.keep()
	return nil
}

// leastShown is how long people must have been able to read the newest word of a stop, or of a doubt, before they may lift it: who presses
// a button when it has just come meant something else.
const leastShown = time.Second

// resume ends what holds commands back, where whoever asked for it had seen all of it: what came since was not meant.
func (g *Guard) resume(seen, sent int64) error {
	words := g.alarmed()
	if words != "" {
		if err := g.unseen(words, seen, sent); err != nil {
			if all := g.allWords(); len(all) > 1 {
				err = fmt.Errorf("%w; all that is in force: %s", err, strings.Join(all, "; "))
			}
			return g.shows(err)
		}
	}
	seen = cmp.Or(seen, sent)
	if g.paused.IsZero() && words == "" {
		return nil // asked twice is no mistake
	}
	if ago := g.opt.Clock.At(g.asked) - seen; !g.asked.IsZero() && ago >= 0 {
		return g.shows(fmt.Errorf("whoever asked had seen how the decoder was %.3f s before the newest request to pause came: ask again", float64(ago)/1e9))
	}
	g.lifted = lifts{g.inForce(), cmp.Or(g.doubt, g.unheard.words)}
	g.unheard.end()
	g.opt.Commands.Heard(g.connection)
	g.ledger.Lift(time.Now())
	g.said, g.doubt, g.paused, g.asked, g.words = "", "", time.Time{}, time.Time{}, ""
	g.opt.Commands.Stopped(nil)
	g.note("resumed")
	g.changed(record.KindResume, "an operator asked for it")
	g.keep()
	return nil
}

// toldAtOnce is how many stops a refusal names, the newest first: an operator who lifts them has been told of the others, each at its time.
const toldAtOnce = 8

// allWords are those of everything that holds the decoder back.
func (g *Guard) allWords() (all []string) {
	stops := g.inForce()
	for i := len(stops) - 1; i >= max(0, len(stops)-toldAtOnce); i-- {
		all = append(all, stopWords(stops[i].Source, stops[i].Why))
	}
	if more := len(stops) - toldAtOnce; more > 0 {
		all = append(all, fmt.Sprintf("%d older stops", more))
	}
	for _, words := range []string{g.doubt, g.unheard.words, g.words} {
		if words != "" {
			all = append(all, words)
		}
	}
	return all
}

// shows makes err, of which the words are of now, one that whoever reads it can refer to: what comes next waits for the lock.
func (g *Guard) shows(err error) error { return &bus.UnseenError{Seen: g.opt.Clock.Now(), Err: err} }

// unseen says why whoever asked cannot mean what words say.
func (g *Guard) unseen(words string, seen, sent int64) error {
	known := g.opt.Clock.At(g.known)
	if seen == 0 {
		return fmt.Errorf("this is in force: %s; the request does not say in t_seen_ns that whoever asked was shown it: look whether all may move, and ask again, with t_seen_ns of this answer", words)
	}
	if seen <= known {
		return fmt.Errorf("whoever asked had seen how the decoder was %.3f s before the newest word of an emergency stop came here (%s): look whether all may move, and ask again", float64(known-seen)/1e9, words)
	}
	if shown := time.Duration(sent - known); shown < leastShown {
		return fmt.Errorf("the newest word of an emergency stop (%s) had come only %.3f s before this was asked for, and must have been there for %g s: look whether all may move, and ask again", words, shown.Seconds(), leastShown.Seconds())
	}
	return nil
}

// shade sends commands in shadow. A session that is paused stays so.
func (g *Guard) shade(int64, int64) error {
	g.dimmed = time.Now()
	if g.shadow.IsZero() { // also where the session file asks for it: what an operator wants outlives that
		g.shadow = g.dimmed
		g.keep()
	}
	g.dim(true)
	return nil
}

// actuate ends the shadow, where whoever asked for it had seen that.
func (g *Guard) actuate(seen, sent int64) error {
	if ago := g.opt.Clock.At(g.dimmed) - cmp.Or(seen, sent); !g.dimmed.IsZero() && ago >= 0 {
		return g.shows(fmt.Errorf("whoever asked had seen how the decoder was %.3f s before the newest request to go into shadow came: ask again", float64(ago)/1e9))
	}
	if !g.shadow.IsZero() {
		g.shadow, g.dimmed = time.Time{}, time.Time{}
		g.keep()
	}
	g.dim(false)
	return nil
}

// dim says it to the receivers.
func (g *Guard) dim(on bool) {
	if on == (g.opt.Commands.Intent() == bus.Shadow) {
		return // asked twice is no mistake
	}
	_ = g.opt.Commands.SetShadow(on) // what is not sent is counted there; the next heartbeat, and each command, says it again
	kind, said := record.KindActuate, "no longer in shadow: controllers may act on the commands"
	if on {
		kind, said = record.KindShadow, "in shadow: no controller may act on the commands"
	}
	g.note(said)
	if g.engine != nil { // its log says itself how it begins
		g.changed(kind, "an operator asked for it")
	}
}

// finish ends the session, or the wait for its stream.
func (g *Guard) finish(ctx context.Context) (any, error) {
	var err error
	waited := false // the end of the wait is all that there is to do
	g.do(func() {
		if g.over {
			err = errOver
			return
		}
		if g.engine != nil {
			return
		}
		waited = true
		select {
		case <-g.ended:
		default:
			close(g.ended)
		}
	})
	if err != nil {
		return nil, err
	}
	s, err := g.stands(ctx, func(e *engine) { e.end = true })
	if waited {
		return done(s, err), nil
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}
