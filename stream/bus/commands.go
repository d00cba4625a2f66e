package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// HeartbeatInterval is the time between two heartbeats of a CommandWriter: three fit into the shortest watchdog, so that two
// may be lost. Those at a change of state come in between.
const HeartbeatInterval = 80 * time.Millisecond

// CommandWriter publishes the commands of one decoder, and its heartbeats from a goroutine of its own. It listens to the
// heartbeats of the session: a newer run of the same decoder takes the receivers over, see OnRival. Its heartbeats have a
// reply subject, and send back the nonces of controllers that ask for it there, see Challenge. All methods may be called from
// any goroutine.
type CommandWriter struct {
	bus              *Bus
	clock            Clock
	session, decoder string
	valid            time.Duration
	run              int64
	heard            *Subscription              // to the heartbeats of the session
	answers          *Subscription              // to heartbeats that ask
	replies          *Subscription              // to ours
	stopped          atomic.Pointer[[]CameStop] // the newest last
	unheard          atomic.Pointer[func(c Clear, asked, at time.Time)]
	began            time.Time

	mu         sync.Mutex // held while publishing, so that numbers leave in order
	state      State
	shadow     bool   // commands are not to be acted on
	seq        uint64 // of commands
	beat       uint64 // of heartbeats
	sent       sentBeats
	back       time.Time // when the newest heartbeat that came back was sent
	deaf       time.Time // HeardUntil of a connection that was lost, the zero time where none was
	connection uint64    // on which the newest heartbeat came back
	rival      int64     // the newest run of this decoder that was heard and is newer than ours, 0 where none was
	onRival    func(run int64)
	stats      CommandStats
	closed     bool
	inbox      string // where answers to heartbeats go
	echoes     echoes
	quit       chan struct{}
	done       chan struct{}

	askMu     sync.Mutex // held while onStopped runs
	onStopped func(a StopAnswer, at time.Time)
}

// CommandStats counts what a CommandWriter did.
type CommandStats struct {
	Sent              uint64 `json:"sent"`                // commands handed to the link
	Shadow            uint64 `json:"shadow"`              // of these: in shadow
	NotSent           uint64 `json:"not_sent"`            // commands lost because there was no link
	Refused           uint64 `json:"refused"`             // commands that break the schema
	Heartbeats        uint64 `json:"heartbeats"`          // handed to the link
	HeartbeatsNotSent uint64 `json:"heartbeats_not_sent"` // lost because there was no link
	Rivals            uint64 `json:"rivals"`              // newer runs of the same session and decoder, see OnRival
	LastError         string `json:"last_error"`          // "" where there was none
}

// NewCommandWriter begins a run of a decoder: state waiting, first heartbeat at once. Commands are valid for the given
// time unless they say otherwise. clock is the one that stamps the samples; the zero Clock asks for a new one.
func NewCommandWriter(b *Bus, session, decoder string, valid time.Duration, clock Clock) (*CommandWriter, error) {
	if err := errors.Join(CheckToken("session", session), CheckToken("decoder", decoder)); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	if valid <= 0 {
		return nil, fmt.Errorf("bus: commands are valid for %s, must be above 0", valid)
	}
	if clock.start.IsZero() {
		clock = NewClock()
	}
	w := &CommandWriter{
		bus: b, clock: clock, session: session, decoder: decoder, valid: valid, run: clock.Now(), began: time.Now(),
		connection: b.nc.Stats().Reconnects, state: StateWaiting, quit: make(chan struct{}), done: make(chan struct{}),
	}
	var err error
	if w.heard, err = subscribeStatus(b, session, w.hear); err != nil {
		return nil, err
	}
	if w.answers, err = b.answerStops(session, w.answerStop); err != nil {
		return nil, errors.Join(err, w.heard.Close())
	}
	inbox := b.newInbox(inboxHeld)
	if w.replies, err = subscribe(b, inbox, parseHeldAnswer, func(a heldAnswer) string {
		if a.session() != w.session {
			return StatusSubject(a.session())
		}
		return inbox
	}, w.answered); err != nil {
		return nil, errors.Join(err, w.heard.Close(), w.answers.Close())
	}
	w.mu.Lock() // whoever answers may be faster than this goroutine
	w.inbox = inbox
	_ = w.sendStatus() // counted and noted there
	w.mu.Unlock()
	if b.seed != "" {
		if err := w.checkRole(); err != nil {
			return nil, errors.Join(err, w.heard.Close(), w.answers.Close(), w.replies.Close())
		}
	}
	go w.heartbeats()
	return w, nil
}

// checkRole waits for the server to say whether the role of this client may decode: refused commands would be lost
// without a word.
func (w *CommandWriter) checkRole() error {
	if err := w.bus.settle(); err != nil {
		return err
	}
	return errors.Join(w.bus.refusedBy(StatusSubject(w.session)), w.bus.refusedBy(w.inbox))
}

// answered takes what was said to a heartbeat of ours.
func (w *CommandWriter) answered(a heldAnswer, at time.Time) {
	if c := a.challenge; c != nil {
		if c.Decoder == w.decoder {
			w.mu.Lock()
			w.echoes.add(c.Nonce)
			w.mu.Unlock()
		}
		return
	}
	if a.clear != nil {
		if fn := w.unheard.Load(); fn != nil {
			w.mu.Lock()
			asked := w.sent.when(a.clear.Seq)
			w.mu.Unlock()
			(*fn)(*a.clear, asked, at)
		}
		return
	}
	w.askMu.Lock()
	defer w.askMu.Unlock()
	if w.onStopped != nil {
		w.onStopped(*a.stop, at)
	}
}

// AskStopped says from now on until it is closed whether an emergency stop of the session is in force, which each heartbeat asks: fn is
// called with what controllers that latched, and other decoders, say of it, as SubscribeCommands does. Nobody answers where
// there is none. A decoder that was started behind the stop, or whose link was broken then, learns of it this way.
func (w *CommandWriter) AskStopped(fn func(a StopAnswer, at time.Time)) (io.Closer, error) {
	w.setOnStopped(fn)
	if err := w.bus.settle(); err != nil {
		w.setOnStopped(nil)
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		_ = w.sendStatus() // the first question leaves at once; counted and noted there
	}
	return askStopped{w}, nil
}

func (w *CommandWriter) setOnStopped(fn func(a StopAnswer, at time.Time)) {
	w.askMu.Lock()
	defer w.askMu.Unlock()
	w.onStopped = fn
}

type askStopped struct{ w *CommandWriter }

// Close ends the calls; none runs any more when it returns.
func (a askStopped) Close() error {
	a.w.setOnStopped(nil)
	return nil
}

// Stopped says which emergency stops hold the decoder back, the newest last, and none where there is none: heartbeats tell of the newest,
// and other decoders of the session that ask are told of each in turn. It keeps all.
func (w *CommandWriter) Stopped(all []CameStop) {
	if len(all) == 0 {
		w.stopped.Store(nil)
		return
	}
	w.stopped.Store(&all)
}

// Unheard says that an emergency stop may have come which was not heard, because the link was broken: heartbeats ask controllers that
// know of none to say so, until Heard is called. fn is told who does, when the heartbeat was sent that this answers, the zero time where
// that is not known (any more), and when the answer came. It runs on a goroutine of the client, and must not block.
func (w *CommandWriter) Unheard(fn func(c Clear, asked, at time.Time)) { w.unheard.Store(&fn) }

// Heard ends what Unheard began. connection is the newest of which whoever calls was told: what was not heard before a newer one is not
// made up for, and HeardUntil goes on to say so.
func (w *CommandWriter) Heard(connection uint64) {
	w.unheard.Store(nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.connection <= connection {
		w.deaf = time.Time{}
	}
}

// answerStop tells another decoder of a stop.
func (w *CommandWriter) answerStop(s Status, at time.Time) (StopAnswer, bool) {
	all := w.stopped.Load()
	if all == nil || s.Run == w.run {
		return StopAnswer{}, false
	}
	one, ok := inTurn(*all, s.Seq)
	return one.Answer(w.decoder, w.decoder, at.Sub(one.Since)), ok
}

// hear looks for a second writer with our name, and for our own heartbeats, which show that we hear.
func (w *CommandWriter) hear(s Status, _ time.Time) {
	if s.Decoder == w.decoder && s.Run == w.run {
		w.heardBack(s.Seq)
	}
	if s.Decoder != w.decoder || s.Run <= w.run {
		return // another decoder, ourselves, or an older run, which receivers leave for ours
	}
	w.mu.Lock()
	if s.Run <= w.rival {
		w.mu.Unlock()
		return
	}
	w.rival = s.Run
	w.stats.Rivals++
	_ = w.note(fmt.Errorf("bus: decoder %s of session %s was started again elsewhere, as run %d after our %d: receivers follow that one alone; stop one of them, or give it another name",
		w.decoder, w.session, s.Run, w.run))
	fn := w.onRival
	w.mu.Unlock()
	if fn != nil {
		fn(s.Run)
	}
}

// OnRival calls fn once for each newer run of the same session and decoder: another process (or writer) has the same
// name, receivers follow the newest run and refuse ours. It is called at once where one was heard before, and
// otherwise on a goroutine of the client: fn must not block, nor call Close. A later call replaces fn; nil ends it.
//
// A writer that finds an older run at work takes over without a sign of its own: the older one has the rival.
func (w *CommandWriter) OnRival(fn func(run int64)) {
	w.mu.Lock()
	w.onRival = fn
	run := w.rival
	w.mu.Unlock()
	if fn != nil && run > 0 {
		fn(run)
	}
}

// Publish sends c now or never. The caller sets TSample, Kind and what belongs to it, maybe ValidForMS; the rest is
// filled in. It does not wait for the server. An error that wraps ErrNotSent means that the command is lost, and its
// number with it, so that receivers see the hole; any other error means that c breaks the schema. Whether c may be acted on
// is said by SetShadow, not by c.
//
// A command in the state waiting sets it to decoding, and a heartbeat behind the command says so.
func (w *CommandWriter) Publish(c Command) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	c.V, c.Session, c.Decoder, c.Run, c.Seq = Version, w.session, w.decoder, w.run, w.seq+1
	if c.ValidForMS == 0 {
		c.ValidForMS = float64(w.valid) / 1e6
	}
	if c.State = Actuate; w.shadow {
		c.State, c.ValidForMS = Shadow, 0
	}
	c.TPublish = w.clock.Now()
	c.AgeMS = float64(c.TPublish-c.TSample) / 1e6
	data, err := encode(&c)
	if err != nil {
		w.stats.Refused++
		return w.note(fmt.Errorf("bus: command of %s: %w", w.decoder, err))
	}
	w.seq++
	if err = w.bus.publish(&nats.Msg{Subject: CommandSubject(w.session, w.decoder), Data: data}); err != nil {
		w.stats.NotSent++
		err = w.note(err)
	} else {
		w.stats.Sent++
		if w.shadow {
			w.stats.Shadow++
		}
	}
	if w.state == StateWaiting {
		w.state = StateDecoding
		_ = w.sendStatus() // counted and noted there; the next comes in less than a tenth of a second
	}
	return err
}

// encode is the JSON of a command or a heartbeat that its receiver will accept.
func encode(v interface{ Validate() error }) ([]byte, error) {
	if err := v.Validate(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(v)
	if err == nil && len(data) > MaxMessageBytes {
		err = fmt.Errorf("%d bytes of JSON, must be at most %d", len(data), MaxMessageBytes)
	}
	return data, err
}

// SetState tells the receivers what the decoder is doing, at once. StateEnded is for Close alone.
func (w *CommandWriter) SetState(s State) error {
	if s != StateWaiting && s != StateDecoding {
		return fmt.Errorf("bus: state %q, must be %q or %q (Close sends %q)", s, StateWaiting, StateDecoding, StateEnded)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	w.state = s
	return w.sendStatus()
}

// SetShadow says from now on that commands are not to be acted on (true), or that they are. Receivers are told by a heartbeat at once,
// so that they stop without waiting for a command; each command says it too, and counts alone where the heartbeat is lost. A new writer is not in shadow.
func (w *CommandWriter) SetShadow(on bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	if w.shadow == on {
		return nil
	}
	w.shadow = on
	return w.sendStatus()
}

// Intent says whether commands of now may be acted on.
func (w *CommandWriter) Intent() Intent {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shadow {
		return Shadow
	}
	return Actuate
}

// heartbeats sends the state every HeartbeatInterval. What does not leave is counted: receivers notice it by the silence.
func (w *CommandWriter) heartbeats() {
	defer close(w.done)
	tick := time.NewTicker(HeartbeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-w.quit:
			return
		case <-w.bus.done:
			return
		}
		w.mu.Lock()
		_ = w.sendStatus() // counted and noted there
		w.mu.Unlock()
	}
}

// sendStatus is called with w.mu held.
func (w *CommandWriter) sendStatus() error {
	at := time.Now()
	s := Status{
		V: Version, Session: w.session, Decoder: w.decoder, Run: w.run,
		Seq: w.beat + 1, CmdSeq: w.seq, TPublish: w.clock.Now(), State: w.state, Shadow: w.shadow, Nonces: w.echoes.next(), Unheard: w.unheard.Load() != nil,
	}
	if all := w.stopped.Load(); all != nil {
		newest := (*all)[len(*all)-1]
		told := newest.Standing(time.Since(newest.Since))
		s.Stop = &told
	}
	data, err := encode(&s)
	if err != nil {
		return w.note(fmt.Errorf("bus: status of %s: %w", w.decoder, err))
	}
	w.beat++
	w.sent.put(w.beat, at)
	if err := w.bus.publish(&nats.Msg{Subject: StatusSubject(w.session), Reply: w.inbox, Data: data}); err != nil {
		w.stats.HeartbeatsNotSent++
		return w.note(err)
	}
	w.stats.Heartbeats++
	return nil
}

// note keeps err for Stats and returns it; called with w.mu held.
func (w *CommandWriter) note(err error) error {
	w.stats.LastError = err.Error()
	return err
}

// Stats counts what was published so far.
func (w *CommandWriter) Stats() CommandStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Seq is the number of the newest command, 0 before the first.
func (w *CommandWriter) Seq() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seq
}

// ValidFor is for how long a command counts that does not say so itself.
func (w *CommandWriter) ValidFor() time.Duration { return w.valid }

// Session is the name of the session.
func (w *CommandWriter) Session() string { return w.session }

// Decoder is the name of the decoder.
func (w *CommandWriter) Decoder() string { return w.decoder }

// Connected says whether there is a link to the bus now.
func (w *CommandWriter) Connected() bool { return w.bus.Connected() }

// Run is the number that tells this run from others, see Command.
func (w *CommandWriter) Run() int64 { return w.run }

// Close stops the heartbeats and sends the last one, state ended. The error says that it could not be sent: receivers
// then find out by the silence. It must not be called from a callback.
func (w *CommandWriter) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.mu.Unlock()
	close(w.quit)
	<-w.done
	err := w.sendEnd() // first: receivers stop on it
	return errors.Join(err, w.heard.Close(), w.answers.Close(), w.replies.Close())
}

func (w *CommandWriter) sendEnd() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = StateEnded
	if err := w.sendStatus(); err != nil {
		return err
	}
	if err := w.bus.flush(flushTimeout); err != nil {
		return fmt.Errorf("bus: the end of %s: %w: %w", w.decoder, ErrNotSent, err)
	}
	return nil
}
