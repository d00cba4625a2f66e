package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// proc is a child at work.
type proc struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan []byte
	done  chan struct{}
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
	p := &proc{cmd: cmd, in: in, lines: make(chan []byte, 64), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		readLines(out, func(b []byte) {
			select {
			case p.lines <- bytes.Clone(b):
			default: // nobody reads: the newest is lost
			}
		})
		_ = cmd.Wait() // killed is how most of them end
	}()
	if _, err := p.line(ctx, 60*time.Second); err != nil {
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
	looks   *bus.Subscription

	bound atomic.Int64  // ns since 1970: a command that was published before is old, see struck
	old   atomic.Uint64 // of those: how many were accepted

	mu   sync.Mutex
	look bus.Telemetry
	heap []float64 // of decoders, a second apart, each from its 5th second on
	gors []float64
	age  int
}

func newRig(ctx context.Context) (r *rig, err error) {
	r = &rig{stream: fmt.Sprintf("gyrus-soak-%d", os.Getpid())}
	if r.port, err = freePort(ctx); err != nil {
		return nil, err
	}
	if r.broker, err = start(ctx, nil, "broker", "127.0.0.1", strconv.Itoa(r.port)); err != nil {
		return nil, err
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
	if r.looks, err = r.b.SubscribeTelemetry(soakSession, "*", func(t bus.Telemetry, _ time.Time) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.look = t
	}); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if err := r.startDecoder(ctx); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if err := r.active(ctx, true, 60*time.Second); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
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

func (r *rig) startDecoder(ctx context.Context) (err error) {
	if r.decoder, err = start(ctx, nil, "decoder", r.url, r.stream); err != nil {
		return err
	}
	r.mu.Lock()
	r.age = 0
	r.mu.Unlock()
	go func(p *proc) {
		for {
			select {
			case b := <-p.lines:
				r.pulse(b)
			case <-p.done:
				return
			}
		}
	}(r.decoder)
	return nil
}

// pulse takes what a decoder says of itself.
func (r *rig) pulse(b []byte) {
	var p pulse
	if json.Unmarshal(b, &p) != nil || p.Goroutines == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.age++; r.age > 5 {
		r.heap, r.gors = append(r.heap, p.HeapMB), append(r.gors, float64(p.Goroutines))
	}
}

func (r *rig) telemetry() bus.Telemetry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.look
}

// weigh counts commands of before a fault that were accepted behind it.
func (r *rig) weigh(c bus.Command, _ time.Time, v control.Verdict) {
	if v == control.Accepted && c.TPublish < r.bound.Load() { // one clock: this machine's
		r.old.Add(1)
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
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// struck makes a fault, waits for the safe state, mends it, and waits for commands, all of which must be new.
func (r *rig) struck(ctx context.Context, strike, mend func() error) (o outcome, err error) {
	o.BarMS = barMS
	if err := r.active(ctx, true, 60*time.Second); err != nil {
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
	if err := mend(); err != nil {
		return o, err
	}
	if unsafe != nil {
		o.Wrong = unsafe.Error()
		return o, ctx.Err()
	}
	back := time.Now()
	if stuck := r.active(ctx, true, 60*time.Second); stuck != nil {
		o.Wrong = stuck.Error()
		return o, ctx.Err()
	}
	o.BackS = time.Since(back).Seconds()
	o.Old = r.old.Load()
	return o, nil
}

// growth compares the first quarter of what decoders said of themselves with the last.
func (r *rig) growth() outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := outcome{Fault: "growth"}
	n := len(r.heap) / 4
	if n < 5 {
		o.Skipped = fmt.Sprintf("decoders lived for %d s only behind their beginning: run longer, or with fewer faults", len(r.heap))
		return o
	}
	first, last := median(r.heap[:n]), median(r.heap[len(r.heap)-n:])
	g0, g1 := median(r.gors[:n]), median(r.gors[len(r.gors)-n:])
	o.Notes = fmt.Sprintf("%d s of decoders: heap %.1f → %.1f MB, goroutines %.0f → %.0f", len(r.heap), first, last, g0, g1)
	if last > 1.5*first+4 || g1 > g0+3 {
		o.Wrong = "it grows"
	}
	return o
}

func median(x []float64) float64 { return slices.Sorted(slices.Values(x))[len(x)/2] }

func (r *rig) close() error {
	var err error
	if r.looks != nil {
		err = errors.Join(err, r.looks.Close())
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
	return err
}
