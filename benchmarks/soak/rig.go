package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// proc is a child at work.
type proc struct {
	name  string
	first []byte // its first line
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan []byte
	done  chan struct{}

	mu     sync.Mutex
	pulses []pulse
}

// life is what the process has said of itself.
func (p *proc) life() life {
	p.mu.Lock()
	defer p.mu.Unlock()
	return life{p.name, slices.Clone(p.pulses)}
}

func (p *proc) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// start begins a child and waits for its first line.
func start(ctx context.Context, prefix []string, role string, args ...string) (*proc, error) {
	line := append(slices.Clone(prefix), append([]string{os.Args[0]}, args...)...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &proc{name: role, cmd: cmd, in: in, lines: make(chan []byte, 64), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		readLines(out, func(b []byte) {
			if bytes.HasPrefix(b, []byte(pulseMark)) {
				var s spoken
				if json.Unmarshal(b, &s) == nil {
					p.mu.Lock()
					p.pulses = append(p.pulses, s.Pulse)
					p.mu.Unlock()
				}
				return
			}
			select {
			case p.lines <- bytes.Clone(b):
			default: // nobody reads: the newest is lost
			}
		})
		_ = cmd.Wait() // killed is how most of them end
	}()
	if p.first, err = p.line(ctx, 60*time.Second); err != nil {
		return nil, errors.Join(fmt.Errorf("%s does not begin: %w", role, err), p.kill())
	}
	return p, nil
}

func (p *proc) line(ctx context.Context, atMost time.Duration) ([]byte, error) {
	select {
	case b := <-p.lines:
		return b, nil
	case <-p.done:
		return nil, errors.New("it has ended")
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(atMost):
		return nil, fmt.Errorf("it said nothing for %s", atMost)
	}
}

// tell sends a line and returns the answer.
func (p *proc) tell(ctx context.Context, line string) ([]byte, error) {
	for len(p.lines) > 0 {
		<-p.lines
	}
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return nil, err
	}
	return p.line(ctx, 10*time.Second)
}

// kill is SIGKILL.
func (p *proc) kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return err
}

// rig is the session.
type rig struct {
	port    int
	stream  string
	url     string
	broker  *proc
	outlet  *proc
	decoder *proc
	b       *bus.Bus
	rec     *control.Receiver
	person  *bus.Bus // of who looks on, and resumes the session where somebody has to
	looks   *bus.Subscription
	dir     string // where the decoder keeps what holds it back

	bound atomic.Int64  // ns since 1970: a command that was published before is old, see struck
	old   atomic.Uint64 // of those: how many were accepted

	// grace is what a machine that does other things may add to every bar of time, and least the part of the windows that may
	// be decided which must be: 0 and 0.95 where nothing else runs. short asks for less of everything.
	grace  time.Duration
	least  float64
	short  bool
	skew   time.Duration // of the clock of the decoder's host
	newest int64         // of the runs of the decoder
	// running is the run at work, persons each time that somebody had to resume it, answered the newest look that they have answered.
	running  int64
	persons  []resumed
	answered sent
	rearms   []rearming // each time that a run was older than the newest
	quiet    *quiet
	lives    []life  // of processes that were killed
	rounds   uint64  // of losses: each has a seed of its own
	own      []pulse // of this process, one a round

	mu     sync.Mutex
	look   bus.Telemetry
	shown  []string // by what the decoder said that commands are held back
	recent []sent   // commands, the newest last
	moved  int      // commands that were sent while the decoder said that they are held back
	list   []seen   // commands since follow, nil where nobody asks
}

// seen is a command that arrived.
type seen struct {
	bus.Command
	v       control.Verdict
	arrived int64 // as TPublish
}

// follow begins to keep commands; the function returned ends it and returns them.
func (r *rig) follow() func() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = []seen{}
	return func() []seen {
		r.mu.Lock()
		defer r.mu.Unlock()
		l := r.list
		r.list = nil
		return l
	}
}

// newRig starts the sessions: the one to which things are done, and the quiet one.
func newRig(ctx context.Context, grace time.Duration, least float64, short bool) (r *rig, err error) {
	r = &rig{stream: fmt.Sprintf("gyrus-soak-%d", os.Getpid()), grace: grace, least: least, short: short}
	if r.quiet, err = newQuiet(ctx); err != nil {
		return nil, err
	}
	if r.dir, err = os.MkdirTemp("", "gyrus-soak-"); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if r.port, err = freePort(ctx); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if r.broker, err = start(ctx, nil, "broker", "127.0.0.1", strconv.Itoa(r.port)); err != nil {
		return nil, errors.Join(err, r.close())
	}
	r.url = fmt.Sprintf("nats://127.0.0.1:%d", r.port)
	if r.outlet, err = start(ctx, nil, "outlet", r.stream); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if r.b, err = bus.Open(ctx, bus.Options{URL: r.url}); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if r.rec, err = control.New(r.b, control.Options{
		Session: soakSession, Decoder: soakDecoder, Watchdog: watchdog, OnSafe: func(control.Reason) error { return nil }, OnCommand: r.weigh,
	}); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if err := r.lookOn(ctx, bus.Options{URL: r.url}); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if err := r.startDecoder(ctx); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if err := r.back(ctx); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// lookOn lets a person look on.
func (r *rig) lookOn(ctx context.Context, opt bus.Options) (err error) {
	if r.person, err = bus.Open(ctx, opt); err != nil {
		return err
	}
	r.looks, err = r.person.SubscribeTelemetry(soakSession, "*", func(t bus.Telemetry, _ time.Time) { r.saw(t) })
	return err
}

// startBroker begins the server again, behind a time in which what could be sent late piles up.
func (r *rig) startBroker(ctx context.Context) (err error) {
	if err = pause(ctx, 2*time.Second); err != nil {
		return err
	}
	r.broker, err = start(ctx, nil, "broker", "127.0.0.1", strconv.Itoa(r.port))
	return err
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	a, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("no TCP address")
	}
	return a.Port, nil
}

// startDecoder begins a run. One that is older than the newest, as its host's clock was set back, is followed behind a re-arming.
func (r *rig) startDecoder(ctx context.Context) (err error) {
	if r.decoder, err = start(ctx, nil, "decoder", "-clock", r.skew.String(), "-folder", r.dir, r.url, r.stream); err != nil {
		return err
	}
	is, err := r.runs(r.decoder)
	if err != nil {
		return err
	}
	if is.Run < r.newest {
		return r.rearm(ctx)
	}
	r.newest = is.Run
	return nil
}

// runs says what run a decoder is.
func (r *rig) runs(p *proc) (is begun, err error) {
	if err = json.Unmarshal(p.first, &is); err == nil {
		r.running = is.Run
	}
	return is, err
}

// shownS is how long behind its first heartbeats an older run must be shown as such: 2 s behind the end of the one before, and when
// four heartbeats have proven that it is alive.
const shownS = 2.5

// rearming is how the controller was brought to follow an older run.
type rearming struct{ notes, wrong string }

// rearm does what an operator does: waits until the controller says that only an older run is alive, and re-arms it. Until then
// the controller must have refused its commands, all of them.
func (r *rig) rearm(ctx context.Context) error {
	began, before := time.Now(), r.rec.Counters()
	shown, wrong := 0.0, ""
	for {
		a, ok := r.rec.Current()
		n := r.rec.Counters()
		took, refused := time.Since(began).Seconds(), n.OldRun-before.OldRun
		if shown == 0 && a.Reason == control.ReasonOlderRun {
			shown = took
		}
		done := shown > 0 && refused >= 5
		switch {
		case ok || n.Accepted > before.Accepted:
			done, wrong = true, "an older run is followed without a re-arming"
		case done && shown > shownS+r.grace.Seconds():
			wrong = fmt.Sprintf("an older run is shown behind %.1f s, at most %g are allowed", shown, shownS)
		case !done && took > 20:
			done, wrong = true, fmt.Sprintf("an older run is alive for 20 s, and the controller says %q and has refused %d commands", a.Reason, refused)
		}
		if done {
			r.rearms = append(r.rearms, rearming{fmt.Sprintf("an older run, shown behind %.1f s (at most %g), %d commands refused before the re-arming", shown, shownS, refused), wrong})
			return r.rec.Rearm()
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// end kills one of the processes and keeps what it said.
func (r *rig) end(p *proc) error {
	err := p.kill()
	r.lives = append(r.lives, p.life())
	return err
}

func (r *rig) telemetry() bus.Telemetry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.look
}

// weigh counts commands of before a fault that were accepted behind it.
func (r *rig) weigh(c bus.Command, at time.Time, v control.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v == control.Accepted && c.TPublish-int64(r.skew) < r.bound.Load() { // else one clock: this machine's
		r.old.Add(1)
	}
	if len(r.recent) == keptSent {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	r.recent = append(r.recent, sent{c.Run, c.TPublish})
	if r.list != nil {
		r.list = append(r.list, seen{c, v, at.UnixNano() + int64(r.skew)})
	}
}

// active waits until the actuator acts, or is safe.
func (r *rig) active(ctx context.Context, want bool, atMost time.Duration) error {
	began := time.Now()
	for {
		_, ok := r.rec.Current()
		if ok == want {
			return nil
		}
		if time.Since(began) > atMost {
			what := map[bool]string{true: "acts on no command", false: "still acts"}[want]
			return fmt.Errorf("the actuator %s behind %s", what, atMost)
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// struck makes a fault, waits for the safe state, mends it, and waits for commands, all of which must be new.
func (r *rig) struck(ctx context.Context, strike, mend func() error) (o outcome, err error) {
	o.BarMS = r.barMS()
	if err := r.back(ctx); err != nil {
		return o, err
	}
	at := time.Now()
	if err := strike(); err != nil {
		return o, err
	}
	unsafe := r.active(ctx, false, 10*time.Second)
	safe := time.Now()
	o.SafeMS = safe.Sub(at).Seconds() * 1e3
	r.bound.Store(safe.UnixNano())
	r.old.Store(0)
	armed := len(r.rearms)
	if err := mend(); err != nil {
		return o, err
	}
	for _, a := range r.rearms[armed:] {
		o.Notes, o.Wrong = a.notes, a.wrong
	}
	if unsafe != nil {
		o.Wrong = unsafe.Error()
		return o, ctx.Err()
	}
	back := time.Now()
	if stuck := r.back(ctx); stuck != nil {
		o.Wrong = stuck.Error()
		return o, ctx.Err()
	}
	o.BackS = time.Since(back).Seconds()
	o.Old = r.old.Load()
	return o, nil
}

// barMS is how long an actuator may act behind the end of new commands: they are valid for 250 ms, and so long is the watchdog.
func (r *rig) barMS() float64 { return 300 + r.grace.Seconds()*1e3 }

// growth says how every process went that lived long enough: those of the quiet session, which live all the time, this one,
// and those that were killed, from one kill to the next.
func (r *rig) growth(ctx context.Context) (o outcome, err error) {
	o.Fault = "growth"
	var wrong []string
	notes, bad, err := r.quiet.check(ctx)
	if err != nil {
		return o, err
	}
	o.Notes = notes
	if bad != "" {
		wrong = append(wrong, bad)
	}
	list := slices.Clone(r.lives)
	for _, p := range append([]*proc{r.broker, r.outlet, r.decoder}, r.quiet.procs...) {
		list = append(list, p.life())
	}
	list = append(list, life{"this process (pulses: rounds)", r.own})
	short := map[string]int{}
	for _, l := range list {
		notes, bad, ok := l.grown()
		if !ok {
			short[l.Name]++
			continue
		}
		o.Notes += "\n  " + notes
		if bad != "" {
			wrong = append(wrong, bad)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(short)) {
		o.Notes += fmt.Sprintf("\n  %s: %d lives of less than %d pulses say nothing", name, short[name], leastPulses)
		if strings.HasPrefix(name, quietSession) {
			wrong = append(wrong, name+" was watched for too short a time: run longer")
		}
	}
	o.Wrong = strings.Join(wrong, "; ")
	return o, nil
}

func (r *rig) close() error {
	var err error
	if r.looks != nil {
		err = errors.Join(err, r.looks.Close())
	}
	if r.person != nil {
		err = errors.Join(err, r.person.Close())
	}
	if r.rec != nil {
		err = errors.Join(err, r.rec.Close())
	}
	if r.b != nil {
		err = errors.Join(err, r.b.Close())
	}
	for _, p := range []*proc{r.decoder, r.outlet, r.broker} {
		if p != nil {
			err = errors.Join(err, p.kill())
		}
	}
	if r.quiet != nil {
		err = errors.Join(err, r.quiet.close())
	}
	if r.dir != "" {
		err = errors.Join(err, os.RemoveAll(r.dir))
	}
	return err
}
