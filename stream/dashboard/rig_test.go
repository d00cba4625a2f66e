package dashboard_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// patience is how long a test waits for what must happen: other work may hold the cores.
const patience = 60 * time.Second

// rig is a real session with a page, and a controller with a simulated cursor on a connection of its own.
type rig struct {
	t        *testing.T
	page     *dashboard.Server
	bus      *bus.Bus
	ctl      *bus.Ctl
	run      int64
	clock    bus.Clock
	other    *bus.Bus // of the controller
	receiver *control.Receiver
	reporter *control.Reporter
	stop     context.CancelFunc
	done     chan struct{}
	rep      session.Report
	err      error

	mu    sync.Mutex
	looks []bus.Telemetry
}

// simulated is a run of a simulated person, trials of each class long.
func simulated(t *testing.T, run uint64, channels []string, trials int) *signal.Recording {
	t.Helper()
	opt := synth.Defaults()
	opt.Run, opt.Channels, opt.TrialsPerClass = run, channels, trials
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// trained is csp-lda fitted to a recording.
func trained(t *testing.T, rec *signal.Recording) *pipeline.Pipeline {
	t.Helper()
	spec, err := pipeline.Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	live, err := stream.FitLive(t.Context(), "test", spec, []*signal.Recording{rec})
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// start runs a session with a page, speed times real time, until the test ends; edit may change its options.
func start(t *testing.T, speed float64, channels []string, opt dashboard.Options, edit func(*session.Options)) *rig {
	t.Helper()
	r := &rig{t: t, done: make(chan struct{})}
	fail := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	clock := bus.NewClock()
	r.clock = clock
	src, err := session.Playback(simulated(t, 1, channels, 60), speed, 0.05, clock)
	fail(err)
	run := session.Options{Source: src, Stream: "eeg", Pipeline: trained(t, simulated(t, 0, channels, 10)), Clock: clock}
	if edit != nil {
		edit(&run)
	}
	r.page, err = dashboard.Serve(t.Context(), opt)
	fail(err)
	r.bus, err = bus.Open(t.Context(), bus.Options{})
	fail(err)
	other, err := bus.Open(t.Context(), bus.Options{URL: r.bus.URL()})
	fail(err)
	r.other = other
	r.receiver, err = control.New(other, control.Options{Session: "s", Decoder: "d"})
	fail(err)
	w, err := bus.NewCommandWriter(r.bus, "s", "d", time.Second, clock)
	fail(err)
	r.run = w.Run()
	r.ctl, err = bus.NewCtl(r.bus, "s", "d", w.Run(), clock, nil)
	fail(err)
	guard, err := session.NewGuard(session.GuardOptions{Commands: w, Clock: clock, Stops: r.bus})
	fail(err)
	r.ctl.Handle(guard.Verbs()...)
	run.Commands, run.Ctl, run.Guard = w, r.ctl, guard
	run.OnChunk = r.page.Chunk
	onDecision := run.OnDecision
	run.OnDecision = func(d session.Decided) {
		r.page.Decision(d.Command, d.Arrived)
		if onDecision != nil {
			onDecision(d)
		}
	}
	run.OnLook = func(l bus.Telemetry) {
		r.page.Look(l)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.looks = append(r.looks, l)
	}
	run.OnShow = r.page.Cue
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	task := control.NewCenterOut(control.NewCursor("left", "right"), 2)
	shown, err := r.bus.SubscribeActuators("s", "d", r.page.Actuator)
	fail(err)
	r.reporter = control.NewReporter(other.SendActuator, "s", "d", r.receiver.Name())
	var moving sync.WaitGroup
	moving.Go(func() {
		if err := control.Run(ctx, r.receiver, task, control.LoopOptions{OnStep: r.reporter.Step}); err != nil {
			t.Error(err)
		}
	})
	r.page.Start(dashboard.Session{Name: "s", Decoder: "d", Run: r.run, Version: "test", Clock: clock, Operator: r.ctl, Stopper: r.bus, Holder: guard}, src.Info())
	go func() {
		defer close(r.done)
		r.rep, r.err = session.Run(ctx, run)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.done
		moving.Wait()
		r.reporter.Close()
		var errs []error
		for _, c := range []io.Closer{shown, r.page, r.ctl, guard, w, r.receiver, other, r.bus} {
			errs = append(errs, c.Close())
		}
		if err := errors.Join(errs...); err != nil && !strings.Contains(err.Error(), "use of closed network connection") {
			t.Error(err)
		}
	})
	return r
}

// until waits for ok.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	r.t.Fatalf("waited in vain for %s", what)
}

// look is the newest look at the session.
func (r *rig) look() bus.Telemetry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.looks) == 0 {
		return bus.Telemetry{}
	}
	return r.looks[len(r.looks)-1]
}

func (r *rig) phase() bus.Phase { return r.look().Phase }

// rearm lets the controller and the session go on behind an emergency stop, which paused the session.
func (r *rig) rearm() {
	r.t.Helper()
	r.until("the re-arming, which is refused until somebody can have looked", func() bool { return r.receiver.Rearm() == nil })
	r.until("the stop to have been there for a second", func() bool {
		now := r.clock.Now()
		reply := r.ctl.Call(r.t.Context(), bus.Request{Verb: "resume", Sent: now, Seen: now, Run: r.run})
		if !reply.OK && !strings.Contains(reply.Error, "must have been there for 1 s") {
			r.t.Fatal(reply.Error)
		}
		return reply.OK
	})
	r.until("the resumption", func() bool { return r.phase() == bus.PhaseDecoding })
}

// waiting is a page of a session that waits for its stream: guarded, with operators, and without an engine.
type waiting struct {
	page     *dashboard.Server
	server   *bus.Bus
	clock    bus.Clock
	commands *bus.CommandWriter
	guard    *session.Guard
	ctl      *bus.Ctl
}

// waits makes one of decoder d of session s; it ends with the test.
func waits(t *testing.T, opt dashboard.Options) (r waiting) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r.page, err = dashboard.Serve(t.Context(), opt)
	must(err)
	r.server, err = bus.Open(t.Context(), bus.Options{})
	must(err)
	r.clock = bus.NewClock()
	r.commands, err = bus.NewCommandWriter(r.server, "s", "d", time.Second, r.clock)
	must(err)
	r.guard, err = session.NewGuard(session.GuardOptions{Commands: r.commands, Clock: r.clock, Stops: r.server, OnLook: r.page.Look})
	must(err)
	r.ctl, err = bus.NewCtl(r.server, "s", "d", r.commands.Run(), r.clock, nil)
	must(err)
	t.Cleanup(func() {
		var errs []error
		for _, c := range []io.Closer{r.ctl, r.guard, r.commands, r.page, r.server} {
			errs = append(errs, c.Close())
		}
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	})
	r.ctl.Handle(r.guard.Verbs()...)
	return r
}

// tokens puts both tokens on opt: one for those who operate, one for those who look on.
func tokens(t *testing.T, opt *dashboard.Options) {
	t.Helper()
	for file, text := range map[*string]string{&opt.Token: "a-secret-of-more-than-twenty-characters", &opt.ViewToken: "another-secret-for-those-who-look-on"} {
		*file = filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(*file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
