package control

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Link is what a Receiver needs of the bus; *bus.Bus is one, with S = *bus.Subscription. The time given to fn is when
// the message arrived, as time.Now gave it: with its monotonic reading. OnLink's fn is told that the connection broke
// (false) or is back (true), until stop is called.
type Link[S io.Closer] interface {
	SubscribeCommands(session, decoder string, fn func(bus.Command, time.Time)) (S, error)
	AnswerStatus(session string, fn func(s bus.Status, at time.Time, asks bool) bus.StatusAnswer) (S, error)
	SubscribeStop(session string, fn func(s bus.Stop, at time.Time, answer func(bus.StopAnswer) error)) (S, error)
	OnLink(fn func(up bool)) (stop func())
}

// Options tune a Receiver. Session and Decoder must be given; the zero value of the others asks for the default.
type Options struct {
	Session string // whose commands
	Decoder string // of which decoder

	// Watchdog is the longest silence of the decoder, 240 ms to 3 s; 0 means 250 ms. Heartbeats come every 80 ms.
	Watchdog time.Duration
	// MaxValid is the largest valid_for_ms that is believed, up to 1 min; 0 means 10 s.
	MaxValid time.Duration
	// MaxSampleAge is the largest age of the newest sample behind a command at the moment of use; 0 means no limit.
	MaxSampleAge time.Duration
	// Latch keeps the safe state until Rearm is called. Without it, the next good command ends the safe state.
	Latch bool
	// DeadMan is the longest time between two calls of Hold, 50 ms to 5 s; 0 means that there is no such switch. With one
	// nothing is acted on but while it is held.
	DeadMan time.Duration
	Limits  Limits // how fast what is acted on may change

	// OnSafe stops the actuator. It is called once at the start (ReasonNever: whoever moved it before may have died) and
	// once per safe state, from a goroutine that does nothing else, and again every RetryStop until it returns nil; until
	// then no command is accepted. It must do no harm to an actuator that stands, must return, and must not call Close. Whoever moves the
	// actuator by Current holds a lock from the question to the act that OnSafe takes too: else an answer of before moves it behind the stop.
	OnSafe func(Reason) error
	// RetryStop is the time between two tries of OnSafe; 0 means 20 ms.
	RetryStop time.Duration
	// OnCommand, if not nil, is called for every received command, whatever became of it, on the bus's goroutine: it
	// must not block. It is for measuring; act on Current.
	OnCommand func(c bus.Command, arrival time.Time, v Verdict)
	// OnEmergency, if not nil, is called for every emergency stop that arrives on the bus, and for one that a heartbeat tells of first,
	// on the bus's goroutine: it must not block. It is for showing who stops; the receiver stops on its own.
	OnEmergency func(bus.Stop)
}

// Validate reports the first option that is out of its range.
func (o Options) Validate() error {
	_, err := o.withDefaults()
	return err
}

// withDefaults checks o and fills in the defaults.
func (o Options) withDefaults() (Options, error) {
	if err := bus.CheckToken("session", o.Session); err != nil {
		return o, fmt.Errorf("control: %w", err)
	}
	if err := bus.CheckToken("decoder", o.Decoder); err != nil {
		return o, fmt.Errorf("control: %w", err)
	}
	for _, d := range []struct {
		name            string
		v               *time.Duration
		def, least, max time.Duration
	}{
		{"Watchdog", &o.Watchdog, 250 * time.Millisecond, 3 * bus.HeartbeatInterval, 3 * time.Second},
		{"MaxValid", &o.MaxValid, 10 * time.Second, time.Millisecond, time.Minute},
		{"MaxSampleAge", &o.MaxSampleAge, 0, 0, time.Hour},
		{"DeadMan", &o.DeadMan, 0, 0, 5 * time.Second},
		{"RetryStop", &o.RetryStop, 20 * time.Millisecond, time.Millisecond, time.Second},
	} {
		if *d.v == 0 {
			*d.v = d.def
		}
		if *d.v < d.least || *d.v > d.max {
			return o, fmt.Errorf("control: %s is %v, must be between %v and %v", d.name, *d.v, d.least, d.max)
		}
	}
	if o.DeadMan > 0 && o.DeadMan < minDeadMan {
		return o, fmt.Errorf("control: DeadMan is %v, must be 0 (no such switch) or %v to 5s", o.DeadMan, minDeadMan)
	}
	return o, o.Limits.validate()
}

// minDeadMan is what a switch that is read in the control loop can do.
const minDeadMan = 50 * time.Millisecond

// closeWait is how long Close waits for the stop to be confirmed.
const closeWait = 2 * time.Second

// Receiver hands out the one command that may be acted on now. Its methods may be called from any goroutine.
type Receiver struct {
	opt      Options
	begin    time.Time // the zero of the steady clock
	commands io.Closer
	status   io.Closer
	stops    io.Closer
	name     string // in answers to stops
	unlink   func()

	mu      sync.Mutex
	judge   judge
	closed  bool
	armed   time.Duration // when the watch will wake; 0: when told
	age     Quantiles
	transit Quantiles
	slew    slew
	answers []func(bus.StopAnswer) error // to be told when the stop is confirmed
	ledger  bus.StopLedger               // the emergency stops of the bus
	stopErr error                        // of the newest try of OnSafe; nil once confirmed

	wake     chan struct{}  // for the watch: the deadline is earlier now
	stop     chan stopOrder // for the stopper
	quit     chan struct{}  // closed by Close
	giveUp   chan struct{}  // closed by Close when the stop was not confirmed in time
	watched  chan struct{}  // closed when the watch has ended
	stopped  chan struct{}  // closed when the stopper has ended
	stopping uint64         // the newest safe state handed to the stopper
}

// New subscribes. The caller must Close the receiver.
func New[S io.Closer](link Link[S], opt Options) (*Receiver, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Receiver{
		opt:   opt,
		begin: time.Now(),
		name:  rand.Text(),
		slew:  slew{perS: opt.Limits.ChangePerS, perCommand: opt.Limits.ChangePerCommand},
		judge: judge{
			session: opt.Session, decoder: opt.Decoder, watchdog: opt.Watchdog, maxValid: opt.MaxValid,
			nonce: rand.Text, maxSampleAge: opt.MaxSampleAge, latch: opt.Latch, stops: opt.OnSafe != nil,
			deadMan: opt.DeadMan, pace: pace{command: period(opt.Limits.Commands), change: period(opt.Limits.ClassChanges)},
		},
		wake: make(chan struct{}, 1), stop: make(chan stopOrder, 2), quit: make(chan struct{}), giveUp: make(chan struct{}),
		watched: make(chan struct{}), stopped: make(chan struct{}),
	}
	r.judge.start()
	r.settle()
	go r.watch()
	go r.stopper()

	// Stops first, then heartbeats: a command without them is refused.
	stops, err := link.SubscribeStop(opt.Session, r.onStop)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control: emergency stops of session %s: %w", opt.Session, err), r.Close())
	}
	r.stops = stops
	status, err := link.AnswerStatus(opt.Session, r.onStatus)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control: heartbeats of session %s: %w", opt.Session, err), r.Close())
	}
	r.status = status
	commands, err := link.SubscribeCommands(opt.Session, opt.Decoder, r.onCommand)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control: commands of %s in session %s: %w", opt.Decoder, opt.Session, err), r.Close())
	}
	r.commands = commands
	r.unlink = link.OnLink(r.onLink)
	return r, nil
}

// now is the steady clock.
func (r *Receiver) now() time.Duration { return time.Since(r.begin) }

// arrived is at on the steady clock, never in the future.
func (r *Receiver) arrived(at time.Time, now time.Duration) time.Duration {
	return min(at.Sub(r.begin), now)
}

// settle hands on what the judge decided: a stop to the stopper, an earlier deadline to the watch. r.mu is held.
func (r *Receiver) settle() {
	if r.judge.stopping && r.judge.entries != r.stopping {
		r.stopping = r.judge.entries
		// There is room: the one before was confirmed, or this is an emergency behind one that was not, and none follows that.
		r.stop <- stopOrder{r.judge.entries, r.judge.entered}
	}
	if at, ok := r.judge.deadline(); ok && (r.armed == 0 || at < r.armed) {
		select {
		case r.wake <- struct{}{}:
		default: // it is being woken already
		}
	}
}

// onStatus takes a heartbeat. One that asks (any decoder of the session may) is told of an emergency stop that is in force here, and a
// decoder that has not shown that it is alive is asked to. One that says that a stop holds the decoder back, which was not lifted here,
// counts as that stop.
func (r *Receiver) onStatus(s bus.Status, at time.Time, asks bool) bus.StatusAnswer {
	a, told := r.beat(s, at, asks)
	if told != nil && r.opt.OnEmergency != nil {
		r.opt.OnEmergency(*told)
	}
	return a
}

// beat is onStatus with the lock. told is a stop that nobody has heard of here before.
func (r *Receiver) beat(s bus.Status, at time.Time, asks bool) (a bus.StatusAnswer, told *bus.Stop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return a, nil
	}
	now := r.now()
	if taken := r.judge.beat(now, r.arrived(at, now), s); taken && s.Stop != nil {
		if stop, since := s.Stop.Came(at); r.ledger.Told(stop, since) {
			r.judge.emergencyStop(now)
			told = &stop
		}
	}
	if asks {
		a.Nonce = r.judge.challenge(now, &s)
		if stop, since, stands := r.ledger.InTurn(s.Seq); stands {
			answer := stop.Answer(r.name, r.opt.Decoder, at.Sub(since))
			a.Stop = &answer
		} else if s.Unheard && !r.judge.emergency {
			a.Clear = &bus.Clear{Decoder: r.opt.Decoder, Controller: r.name}
		}
	}
	r.settle()
	return a, told
}

func (r *Receiver) onCommand(c bus.Command, at time.Time) {
	v, closed := r.take(c, at)
	if !closed && r.opt.OnCommand != nil {
		r.opt.OnCommand(c, at, v)
	}
}

func (r *Receiver) take(c bus.Command, at time.Time) (v Verdict, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return "", true
	}
	now := r.now()
	arrival := r.arrived(at, now)
	v = r.judge.command(now, arrival, c)
	if v == Accepted {
		excess := r.judge.transit.excess(delayOf(arrival, c.TPublish)).Seconds() * 1e3
		r.transit.Add(excess)
		r.age.Add(c.AgeMS + excess)
	}
	r.settle()
	return v, false
}

func (r *Receiver) onLink(up bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || up { // heartbeats, not the connection, show that there is a decoder again
		return
	}
	r.judge.unlink(r.now())
	r.settle()
}

// Name is the word that tells this receiver from others in answers to stops. It is new with each receiver.
func (r *Receiver) Name() string { return r.name }

// Current is what to do now; ok false means the safe state, and the action's Reason says why. Ask at every turn of the
// control loop and never keep the answer: the same command may be too old at the next turn. It
// does not allocate, but where a limit changes a value.
func (r *Receiver) Current() (a Action, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	a, ok = r.judge.current(now)
	switch {
	case !ok:
		r.slew.off()
	case r.slew.limit(now, &a):
		r.judge.n.Slewed++
	}
	r.settle()
	return a, ok
}

// EmergencyStop enters the safe state and keeps it until Rearm is called: OnSafe is called at once and again until it
// works, also where nothing was acted on. A message on the session's stop subject does the same. It does not wait.
func (r *Receiver) EmergencyStop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.judge.emergencyStop(r.now())
	r.settle()
}

// onStop is an emergency stop on the bus. It is answered when the actuator stands, and told to each decoder that asks until it
// is lifted here.
func (r *Receiver) onStop(s bus.Stop, at time.Time, answer func(bus.StopAnswer) error) {
	r.mu.Lock()
	if !r.closed {
		r.judge.emergencyStop(r.now())
		r.settle()
		r.ledger.Hear(s, at)
		if len(r.answers) < maxAnswers { // who asks asks again
			r.answers = append(r.answers, answer)
		}
	}
	r.mu.Unlock()
	r.reply()
	if r.opt.OnEmergency != nil {
		r.opt.OnEmergency(s)
	}
}

// maxAnswers may wait for a stop that is not confirmed.
const maxAnswers = 64

// reply answers who asked for a stop, once it is confirmed.
func (r *Receiver) reply() {
	r.mu.Lock()
	var answers []func(bus.StopAnswer) error
	if !r.judge.stopping {
		answers, r.answers = r.answers, nil
	}
	r.mu.Unlock()
	for _, answer := range answers {
		_ = answer(bus.StopAnswer{Decoder: r.opt.Decoder, Controller: r.name}) // without a link it is asked again
	}
}

// Hold says that the dead man's switch is held now; it must be called again within Options.DeadMan. Commands that arrive
// from now on are acted on. Without such a switch it does nothing.
func (r *Receiver) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.opt.DeadMan == 0 {
		return
	}
	r.judge.hold(r.now())
	r.settle()
}

// Release says that the dead man's switch was let go: the safe state begins at once.
func (r *Receiver) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.opt.DeadMan == 0 {
		return
	}
	r.judge.advance(r.now())
	r.judge.release()
	r.settle()
}

// Rearm lifts the latch: from now on a good command ends the safe state. Where the reason shown is ReasonOlderRun, it follows that
// run: see that it is your decoder before you call it. It fails while the stop is not confirmed, and within 0.5 s of the newest
// emergency stop: whoever asks then has not seen that one.
func (r *Receiver) Rearm() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("control: cannot re-arm: the receiver is closed")
	}
	defer r.settle()
	if err := r.judge.rearm(r.now()); err != nil {
		return err
	}
	r.ledger.Lift(time.Now())
	return nil
}

// Counters is what happened so far.
func (r *Receiver) Counters() Counters {
	r.mu.Lock()
	n := r.judge.n
	r.mu.Unlock()
	return r.withBus(n)
}

// withBus adds to n what the bus did not hand over, where the subscriptions tell.
func (r *Receiver) withBus(n Counters) Counters {
	type teller interface{ Stats() bus.SubscriptionStats }
	if t, ok := r.commands.(teller); ok {
		s := t.Stats()
		n.Received += s.Malformed
		n.Malformed += s.Malformed
		n.Dropped += s.Dropped
	}
	if t, ok := r.status.(teller); ok {
		s := t.Stats()
		n.HeartbeatsRefused += s.Malformed
		n.Dropped += s.Dropped
	}
	return n
}

// Stats is what a session reports at its end.
type Stats struct {
	Counters `json:"commands"`
	// Age is the age of the newest sample behind each accepted command, on its arrival: age_ms + Transit.
	Age Summary `json:"age_ms"`
	// Transit is how much longer than the fastest message each accepted command was on its way.
	Transit Summary `json:"transit_ms"`
}

// Stats sums up. It sorts up to 65536 samples: call it now and then, not in the control loop.
func (r *Receiver) Stats() Stats {
	r.mu.Lock()
	s, age, transit := Stats{Counters: r.judge.n}, r.age.Clone(), r.transit.Clone()
	r.mu.Unlock() // sorting takes milliseconds, for which no command may wait
	s.Counters = r.withBus(s.Counters)
	s.Age, s.Transit = age.Summary(), transit.Summary()
	return s
}
