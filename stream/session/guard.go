package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// GuardOptions say what a Guard stands before.
type GuardOptions struct {
	Commands *bus.CommandWriter
	Clock    bus.Clock // the one that Commands stamps with
	// Stops, if not nil, is a bus on which emergency stops of the session are heard, and others are asked for those in force.
	Stops *bus.Bus
	// File, if not "", is where what holds the decoder back is kept for one that is started again, see HeldFile.
	File string
	// GoOnUnheard goes on behind a broken link to the bus also where nobody knows whether an emergency stop came meanwhile. Without it an
	// operator has to resume the session then.
	GoOnUnheard bool
	// Telemetry and OnLook, if not nil, are told how the session is while it waits for its stream.
	Telemetry *bus.TelemetryWriter
	OnLook    func(bus.Telemetry)
	// Note, if not nil, is told in one line what people should know. Whoever hears emergency stops calls it: it must not wait, such as
	// for a terminal that stands still, and may be called from any goroutine.
	Note func(text string)
}

// Guard is what holds a decoder back: emergency stops, a pause, the shadow. It is there as soon as the bus is, and hears stops and
// operators while the session waits for its stream, which Run then goes on with. All methods may be called from any goroutine.
type Guard struct {
	opt    GuardOptions
	stops  *bus.Subscription
	asks   io.Closer
	unlink func()        // nil where no link is looked at
	keeper *keeper       // nil where nothing is kept
	kick   chan struct{} // something is to be looked at
	ended  chan struct{} // closed when an operator asks for the end before there is a session

	mu      sync.Mutex
	ledger  bus.StopLedger
	said    string    // of the newest stop that is in force
	known   time.Time // when a stop, or a doubt, last became known here, or a message of one came again
	lifted  lifts     // by the verb that is being done
	doubt   string    // why it is not known whether a stop is in force
	unheard unheard   // what came while the link was broken
	paused  time.Time // when an operator asked for it, the zero time where none did
	asked   time.Time // when somebody last did
	words   string    // of the pause
	shadow  time.Time // when an operator asked for it
	dimmed  time.Time // when somebody last did
	count   int64     // stops
	changes []change  // that the session has not seen
	waits   *link     // what the session waits for
	engine  *engine   // the session at work
	over    bool      // the session has ended
	closed  bool

	connection  uint64        // of the link to the bus, the newest that was told of
	connections func() uint64 // the newest that there is
}

// change is something for the log of the session.
type change struct {
	kind record.Kind
	why  string
}

// maxChanges is how many lines for the log a Guard keeps for a session that does not take them: the newest.
const maxChanges = 1024

// NewGuard listens, and recalls what is on record. What it says of stops that are in force elsewhere comes a moment later.
func NewGuard(opt GuardOptions) (*Guard, error) {
	if opt.Note == nil {
		opt.Note = func(string) {}
	}
	g := &Guard{opt: opt, kick: make(chan struct{}, 1), ended: make(chan struct{}), connections: opt.Commands.Connection}
	g.connection = g.connections()
	var (
		kept  heldBack
		wrong error
	)
	if opt.File != "" {
		g.keeper = newKeeper(opt.File, keepAgain, g.note)
		if kept, wrong = readHeld(opt.File, opt.Commands.Session(), opt.Commands.Decoder()); wrong == nil {
			g.ledger.Recall(kept.Lifted) // before anybody answers
		}
	}
	if opt.Stops != nil {
		var err error
		if g.stops, err = opt.Stops.SubscribeStop(opt.Commands.Session(), func(s bus.Stop, at time.Time, _ func(bus.StopAnswer) error) { g.hear(s, at) }); err != nil {
			return nil, errors.Join(err, g.Close())
		}
		if g.asks, err = opt.Commands.AskStopped(g.told); err != nil {
			return nil, errors.Join(err, g.Close())
		}
		g.unlink = opt.Stops.OnLink(g.linked)
	}
	g.recall(kept, wrong)
	return g, nil
}

// Close stops listening and waits until all is on record. It must come behind the end of Run and of the Ctl.
func (g *Guard) Close() error {
	var err error
	if g.unlink != nil {
		g.unlink()
	}
	if g.asks != nil {
		err = g.asks.Close()
	}
	if g.stops != nil {
		err = errors.Join(err, g.stops.Close())
	}
	g.mu.Lock()
	closed := g.closed
	g.closed = true
	g.unheard.end()
	g.opt.Commands.Heard(g.connection)
	g.mu.Unlock()
	if g.keeper != nil && !closed {
		err = errors.Join(err, g.keeper.close())
	}
	return err
}

// do runs fn with the lock.
func (g *Guard) do(fn func()) {
	g.mu.Lock()
	fn()
	g.mu.Unlock()
	select {
	case g.kick <- struct{}{}:
	default: // it is going to be looked at
	}
}

// note tells people, and waits for nobody who reads slowly.
func (g *Guard) note(text string) { g.opt.Note(text) }

// changed leaves a line for the log of the session.
func (g *Guard) changed(kind record.Kind, why string) {
	if len(g.changes) == maxChanges {
		g.changes = slices.Delete(g.changes, 0, 1)
	}
	g.changes = append(g.changes, change{kind, why})
}

// hear obeys a stop on the bus: whatever is in force already, and whether it was lifted before.
func (g *Guard) hear(s bus.Stop, at time.Time) {
	g.do(func() {
		if g.ledger.Hear(s, at) {
			g.force(s, stopWords(s.Source, s.Why))
		} else if newest, _, _ := g.ledger.InForce(); newest == s { // it is sent again and again
			g.opt.Commands.Stopped(g.ledger.All())
		}
		g.learn()
	})
}

// Stop holds the decoder back by an emergency stop that somebody asks for in this process, at its web page say, whether there is a link to
// the bus or not: heartbeats tell controllers of it, and others who ask, as soon as there is one. It is the same stop as what is sent on the
// bus with its ID.
func (g *Guard) Stop(s bus.Stop) { g.hear(s, time.Now()) }

// told obeys what a controller that stands, or a decoder that is held back, says of a stop.
func (g *Guard) told(a bus.StopAnswer, at time.Time) {
	s, since := a.Came(at)
	g.do(func() {
		if !g.ledger.Told(s, since) {
			return
		}
		who := "says " + a.Controller + " of decoder " + a.Decoder
		if a.Controller == a.Decoder {
			who = "says decoder " + a.Decoder + ", which it holds back too"
		}
		g.force(s, fmt.Sprintf("%s (%.1f s before, %s)", stopWords(s.Source, s.Why), a.SinceMS/1e3, who))
		g.learn()
	})
}

// learn notes that something that holds commands back has become known, or came again, and is told from now on: who asks for resume and
// has seen nothing newer does not know of it.
func (g *Guard) learn() { g.known = time.Now() }

// force holds commands back by one more stop.
func (g *Guard) force(s bus.Stop, words string) {
	if newest, _, _ := g.ledger.InForce(); newest == s {
		g.said = words
	}
	g.unheard.end() // what may have come has: an operator has to look in any case
	g.opt.Commands.Heard(g.connection)
	g.count++
	g.opt.Commands.Stopped(g.ledger.All())
	g.changed(record.KindStop, words)
	g.note(words + ": no commands are sent until an operator resumes the session")
	g.keep()
}

// inForce are the stops that are in force, the newest last.
func (g *Guard) inForce() (all []heldStop) {
	for _, s := range g.ledger.All() {
		all = append(all, heldStop{ID: s.ID, Time: s.Since.UTC().Round(0), Source: inLine(s.Source), Why: inLine(s.Why)})
	}
	return all
}

// keep puts what is in force on record.
func (g *Guard) keep() {
	if g.keeper == nil || g.closed {
		return
	}
	h := heldBack{V: bus.Version, Session: g.opt.Commands.Session(), Decoder: g.opt.Commands.Decoder(), Doubt: cmp.Or(g.doubt, g.unheard.lasting()), Lifted: g.ledger.Lifted(keptLifted)}
	if all := g.inForce(); len(all) > 0 {
		h.More, h.Stop = all[:len(all)-1], &all[len(all)-1]
	}
	wall := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.UTC().Round(0)
		return &t
	}
	h.Paused, h.Shadow = wall(g.paused), wall(g.shadow)
	g.keeper.keep(h)
}

// recall holds the decoder back by what is on record, or by the doubt where that could not be read, and says what cannot be known.
func (g *Guard) recall(h heldBack, err error) {
	if g.keeper == nil {
		return
	}
	g.do(func() {
		if err != nil { // others are not told: nobody knows that there is one
			g.doubtful("it is not known whether an emergency stop is in force: " + err.Error())
			g.note("nor whether the decoder was in shadow: ask for shadow before you resume it, where it should be")
			return
		}
		now := time.Now()
		since := func(t time.Time) (time.Time, string) {
			if t.After(now) { // from now on it is as old as that, for others too
				return now, fmt.Sprintf("on record with the time %s, to which this clock has not come: was it set back?", t.Local().Format(time.DateTime))
			}
			return t, "on record since " + t.Local().Format(time.DateTime)
		}
		if h.Doubt != "" {
			g.doubtful(inLine(h.Doubt))
		}
		for _, kept := range h.stops() {
			at, said := since(kept.Time)
			if s := (bus.Stop{V: bus.Version, ID: kept.ID, Source: kept.Source, Why: kept.Why}); g.ledger.Told(s, at) { // one that was heard meanwhile is known
				g.force(s, fmt.Sprintf("%s (%s)", stopWords(s.Source, s.Why), said))
				g.learn()
			}
		}
		if h.Paused != nil && g.paused.IsZero() {
			at, said := since(*h.Paused)
			g.paused, g.words = at, "paused by an operator ("+said+")"
			g.changed(record.KindPause, g.words)
			g.note(g.words + ": no commands are sent until an operator resumes the session")
		}
		if h.Shadow != nil && g.shadow.IsZero() {
			at, said := since(*h.Shadow)
			g.shadow = at
			_ = g.opt.Commands.SetShadow(true) // what is not sent is counted there; the next heartbeat, and each command, says it again
			g.note("in SHADOW, as an operator asked (" + said + "): no controller may act on the commands until one asks for actuate")
		}
		if h.what() == "" {
			if err := tryWrite(g.opt.File); err != nil {
				g.note(fmt.Sprintf("an emergency stop, a pause or the shadow cannot be put on record for a decoder that is started again: %v", err))
			}
			g.note(fmt.Sprintf("no emergency stop is on record in %s; controllers that still stand by one say so", g.opt.File))
		}
		if g.alarmed() != "" || !g.paused.IsZero() || !g.shadow.IsZero() {
			g.keep() // with what was heard meanwhile, and without times that lie ahead
		}
	})
}

// doubtful holds commands back because a stop may be in force.
func (g *Guard) doubtful(words string) {
	g.doubt, g.count = words, g.count+1
	g.learn()
	g.changed(record.KindStop, words)
	g.note(words + ": no commands are sent until an operator resumes the session")
}

// alarm is the stop that is in force, or may be, "" for none.
func (g *Guard) alarm() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.alarmed()
}

// alarmed is the newest stop, and how many others are in force.
func (g *Guard) alarmed() string {
	all := len(g.ledger.All())
	if all == 0 {
		return cmp.Or(g.doubt, g.unheard.words)
	}
	more := all - 1
	if g.doubt != "" || g.unheard.words != "" {
		more++
	}
	if more == 0 {
		return g.said
	}
	return fmt.Sprintf("%s (and %d more)", g.said, more)
}

// holding says whether commands are held back, and by what.
func (g *Guard) holding() (words string, holds bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if words = g.alarmed(); words == "" && !g.paused.IsZero() {
		words = g.words
	}
	return words, words != ""
}

// stopCount is how many stops held the decoder back.
func (g *Guard) stopCount() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// take is what has changed since it was asked for.
func (g *Guard) take() []change {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.changes
	g.changes = nil
	return c
}

// attach says that e is the session at work, and whether it begins in shadow.
func (g *Guard) attach(e *engine) (shadow bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.engine = e
	select {
	case <-g.ended:
		e.end = true
	default:
	}
	return g.opt.Commands.Intent() == bus.Shadow
}

// detach says that the session has ended.
func (g *Guard) detach() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.engine, g.over = nil, true
}

// ErrAsked is why a wait for a stream ends: an operator asked for the end of the session.
var ErrAsked = errors.New("an operator asked for the end of the session, which waited for its stream")

// Waiting is a context for the wait for a stream: an operator who asks for the end ends it, with the cause ErrAsked. Until done is
// called telemetry says, twice a second and at each change, what is waited for, since when, for how long (whoever waits gives up behind
// limit; 0 says nothing of it), and what holds the decoder back.
func (g *Guard) Waiting(ctx context.Context, stream string, limit time.Duration) (wait context.Context, done func()) {
	g.mu.Lock()
	g.waits = newLink(stream, WatchDefaults(), time.Now(), g.opt.Clock.At)
	if limit > 0 {
		g.waits.detail = fmt.Sprintf("the session ends where it has not come within %g s", limit.Seconds())
	}
	g.mu.Unlock()
	wait, cancel := context.WithCancelCause(ctx)
	quit, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		ended := g.ended
		for {
			t := g.telemetry()
			if g.opt.OnLook != nil {
				g.opt.OnLook(t)
			}
			if g.opt.Telemetry != nil {
				_ = g.opt.Telemetry.Write(t) // counted there: who looks on misses a look
			}
			select {
			case <-tick.C:
			case <-g.kick:
			case <-ended:
				cancel(ErrAsked)
				ended = nil
			case <-quit:
				return
			}
		}
	}()
	return wait, func() { close(quit); <-over; cancel(nil) }
}

// telemetry is how the session is before it begins.
func (g *Guard) telemetry() bus.Telemetry {
	published := g.opt.Clock.Now() // before the look: what it shows is not older
	words, _ := g.holding()
	w := g.opt.Commands
	t := bus.Telemetry{
		V: bus.Version, Session: w.Session(), Decoder: w.Decoder(), Run: w.Run(), TPublish: published,
		Phase: bus.PhaseResolving, Shadow: w.Intent() == bus.Shadow, Detail: words, HeldBy: words,
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waits != nil {
		t.Detail = cmp.Or(words, "waiting for "+g.waits.name)
		t.Streams = []bus.StreamHealth{g.waits.health(nil)}
	}
	return t
}
