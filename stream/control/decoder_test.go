package control

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// decoderURL is the environment variable that makes the test binary a decoder; see TestMain.
const decoderURL = "GYRUS_TEST_DECODER_URL"

// The decoder of the tests on a real bus.
const (
	decoderPeriod = 20 * ms
	decoderValid  = 200 * ms
)

// decoderProcess publishes until its standard input ends, which happens at the latest when the test dies.
func decoderProcess(url string) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end as well
		cancel()
	}()
	b, err := bus.Open(ctx, bus.Options{URL: url})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return publish(ctx, b, nil)
}

// startDecoder starts a process that decodes, and ends it with the test.
func startDecoder(t *testing.T, url string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), decoderURL+"="+url)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // it may have been killed before
		_ = cmd.Wait()         // and then says so
	})
	return cmd
}

// publish is a decoder that always means "right", until ctx ends. A command without a link is lost, as it should be.
func publish(ctx context.Context, b *bus.Bus, clock *bus.Clock) error {
	c := bus.NewClock()
	if clock != nil {
		c = *clock
	}
	w, err := bus.NewCommandWriter(b, "s1", "mi", decoderValid, c)
	if err != nil {
		return err
	}
	tick := time.NewTicker(decoderPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := w.Close(); err != nil && !errors.Is(err, bus.ErrNotSent) {
				return err
			}
			return nil
		case <-tick.C:
			err := w.Publish(bus.Command{TSample: c.Now(), Kind: bus.KindClass, Label: "right", Confidence: 0.9})
			if err != nil && !errors.Is(err, bus.ErrNotSent) {
				return err
			}
		}
	}
}

// driver is a simulator that a receiver moves, as a controller would, with everything that happens written down.
type driver struct {
	*Receiver
	moving func(Frame) bool
	clock  bus.Clock // of the decoder too, where that is in this process

	mu    sync.Mutex
	moves bool
	turns chan struct{} // closed at the next change of moves or stops
	moved time.Time     // of the newest change of moves
	acted []acted
	came  []came
	stops []time.Time // calls of OnSafe
	frame Frame       // the newest
}

// came is one received command.
type came struct {
	at  time.Time
	cmd bus.Command
	v   Verdict
}

// acted is one turn of the control loop with a command.
type acted struct {
	now time.Time
	cmd bus.Command
}

// drive starts a cursor on b and stops it with the test.
func drive(t *testing.T, b *bus.Bus) *driver {
	t.Helper()
	o := roaming()
	o.Cursor.Speed = 0.01 // does not reach a target, where it would stand
	return driveSim(t, b, o, Limits{}, func(f Frame) bool { return f.View.(*CursorView).Velocity != [2]float64{} })
}

// driveHand does it with a hand that takes "right" for a power grasp. It counts as moving while it follows commands: a
// hand that holds its grasp stands still.
func driveHand(t *testing.T, b *bus.Bus, l Limits) *driver {
	t.Helper()
	h := NewHand()
	h.Grasps["right"] = GraspPower
	h.Pause, h.Timeout, h.Hold = 0, time.Hour, time.Minute // one trial, as long as the test
	return driveSim(t, b, h, l, func(f Frame) bool { return f.State != StateSafe })
}

func driveSim(t *testing.T, b *bus.Bus, sim Simulator, l Limits, moving func(Frame) bool) *driver {
	t.Helper()
	d := &driver{clock: bus.NewClock(), turns: make(chan struct{}), moving: moving}
	var err error
	d.Receiver, err = New(b, Options{
		Session: "s1", Decoder: "mi", Limits: l,
		OnSafe: func(Reason) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.stops = append(d.stops, time.Now())
			d.turn()
			return nil
		},
		OnCommand: func(c bus.Command, at time.Time, v Verdict) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.came = append(d.came, came{at, c, v})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, d, sim, LoopOptions{OnStep: d.step}) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, d.Close()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// Current notes what is acted on.
func (d *driver) Current() (Action, bool) {
	a, ok := d.Receiver.Current()
	if ok {
		d.mu.Lock()
		d.acted = append(d.acted, acted{time.Now(), a.Command})
		d.mu.Unlock()
	}
	return a, ok
}

func (d *driver) step(f Frame) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frame = f
	if moves := d.moving(f); moves != d.moves {
		d.moves, d.moved = moves, time.Now()
		d.turn()
	}
}

// turn wakes who waits. d.mu is held.
func (d *driver) turn() {
	close(d.turns)
	d.turns = make(chan struct{})
}

// wait returns when the cursor moves, or stands, and since when.
func (d *driver) wait(t *testing.T, moves bool) (since time.Time) {
	t.Helper()
	d.until(t, func() bool { since = d.moved; return d.moves == moves })
	return since
}

// stop returns when OnSafe was called for the n-th time, counted from 0, and when that was.
func (d *driver) stop(t *testing.T, n int) (at time.Time) {
	t.Helper()
	d.until(t, func() bool {
		if len(d.stops) <= n {
			return false
		}
		at = d.stops[n]
		return true
	})
	return at
}

// shown is the newest frame.
func (d *driver) shown() Frame {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.frame
}

// until waits for a state, which is looked at with d.mu held.
func (d *driver) until(t *testing.T, reached func() bool) {
	t.Helper()
	timeout := time.After(15 * time.Second)
	for {
		d.mu.Lock()
		ok, turn := reached(), d.turns
		d.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-turn:
		case <-timeout:
			a, _ := d.Receiver.Current()
			t.Fatalf("nothing happens for 15 s (reason %q): %+v", a.Reason, d.Counters())
		}
	}
}

// check holds every turn so far against the true age, which is known where the decoder is in this process.
func (d *driver) check(t *testing.T) []acted {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.acted) == 0 {
		t.Fatal("nothing was acted on")
	}
	worst := time.Duration(0)
	for _, a := range d.acted {
		age := time.Duration(d.clock.At(a.now) - a.cmd.TPublish)
		worst = max(worst, age)
		// 20 ms: the shortest way during the proof, on a machine that is busy with other tests, and 500 ppm of a minute
		if limit := time.Duration(a.cmd.ValidForMS)*ms + 20*ms; age > limit {
			t.Errorf("acted on command %d at the age %v, which was valid for %g ms", a.cmd.Seq, age, a.cmd.ValidForMS)
		}
	}
	t.Logf("%d turns with a command, the oldest was %v old (valid for %v)", len(d.acted), worst, decoderValid)
	return d.acted
}
