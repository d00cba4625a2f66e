// Package controllers has controllers in several languages, each in a folder of its own, and the test that all of them
// must pass. See README.md.
package controllers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

const (
	session, decoder = "s1", "mi"
	valid            = 200 * time.Millisecond
	watchdog         = 250 * time.Millisecond
	// slack is what a busy machine, a pipe and a garbage collector may add until a word is read here.
	slack = 150 * time.Millisecond

	// turns are some of a controller's loop: what it was sent before would have been acted on by then.
	turns = 40 * time.Millisecond

	decoderURL = "GYRUS_TEST_DECODER_URL" // makes the test binary a decoder
)

func TestMain(m *testing.M) {
	if url := os.Getenv(decoderURL); url != "" {
		if err := decode(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(withPrograms(m))
}

// programs is the folder of what is built once for all tests.
var programs string

// withPrograms runs the tests with an empty folder for programs, and removes it behind them.
func withPrograms(m *testing.M) int {
	var err error
	if programs, err = os.MkdirTemp("", "gyrus-controllers"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := os.RemoveAll(programs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// decode publishes "right" until its standard input ends.
func decode(url string) (err error) {
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
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, session, decoder, valid, clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			err := w.Publish(bus.Command{TSample: clock.Now(), Kind: bus.KindClass, Label: "right", Confidence: 0.9})
			if err != nil && !errors.Is(err, bus.ErrNotSent) {
				return err
			}
		}
	}
}

// startDecoder starts a decoder process and ends it with the test.
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

// word is a line of a controller.
type word struct {
	text string
	at   time.Time
}

// controller is a running example.
type controller struct {
	cmd  *exec.Cmd
	keys io.WriteCloser // its standard input

	mu    sync.Mutex
	words []word
	more  chan struct{} // closed at the next word
	ended chan struct{} // closed at the end of its output
}

func start(t *testing.T, args ...string) *controller {
	t.Helper()
	c := &controller{cmd: exec.Command(args[0], args[1:]...), more: make(chan struct{}), ended: make(chan struct{})}
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.keys, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.mu.Lock()
			c.words = append(c.words, word{lines.Text(), time.Now()})
			close(c.more)
			c.more = make(chan struct{})
			c.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it may have ended before
		<-c.ended
		_ = c.cmd.Wait()
	})
	return c
}

// end sends SIGTERM and waits.
func (c *controller) end(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end on SIGTERM")
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// all is what it has said.
func (c *controller) all() ([]word, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.words, c.more
}

// lookFirst is how long behind the newest stop a re-arming is refused.
const lookFirst = 500 * time.Millisecond

// rearm presses the key of an operator, who has seen the newest stop.
func (c *controller) rearm(t *testing.T) {
	t.Helper()
	words, _ := c.all()
	for k := len(words) - 1; k >= 0; k-- {
		if words[k].text == "safe emergency" {
			<-time.After(time.Until(words[k].at.Add(lookFirst + turns)))
			break
		}
	}
	c.press(t)
}

// press presses the key of an operator, whatever came just now.
func (c *controller) press(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(c.keys, "r\n"); err != nil {
		t.Fatal(err)
	}
	<-time.After(turns)
}

// mark is the number of words so far.
func (c *controller) mark() int {
	w, _ := c.all()
	return len(w)
}

// says waits for a word behind the mark that begins with the given text.
func (c *controller) says(t *testing.T, text string, mark int) word {
	t.Helper()
	for timeout := time.After(15 * time.Second); ; {
		words, more := c.all()
		for _, w := range words[mark:] {
			if strings.HasPrefix(w.text, text) {
				return w
			}
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("%q is not said within 15 s; last words: %v", text, words[max(0, len(words)-8):])
		}
	}
}

// quiet fails where a word behind the mark begins with "act" and is not among the allowed ones.
func (c *controller) quiet(t *testing.T, mark int, allowed ...string) {
	t.Helper()
	words, _ := c.all()
next:
	for _, w := range words[mark:] {
		for _, a := range allowed {
			if strings.HasSuffix(w.text, a) {
				continue next
			}
		}
		if strings.HasPrefix(w.text, "act") {
			t.Errorf("it says %q", w.text)
		}
	}
}

// hand makes messages by hand, good and bad ones.
type hand struct {
	t     *testing.T
	nc    *nats.Conn
	clock bus.Clock

	mu    sync.Mutex
	run   int64
	seq   uint64
	beats uint64
	quiet bool          // no heartbeats
	shade bool          // they say that commands are in shadow
	back  time.Duration // by how much the clock was set back

	inbox  string   // where its heartbeats are answered
	nonces []string // that controllers want back
	asked  int      // how often they did
	deaf   bool     // it sends none back, as a recording does
	mute   bool     // nor speaks of them, as a decoder of before there were any

	stop *bus.StandingStop // that holds it back
}

// now is the time on its clock. h.mu is held.
func (h *hand) now() int64 { return h.clock.Now() - int64(h.back) }

// restart begins another run, with the clock set back by so much.
func (h *hand) restart(back time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.back = back
	h.run, h.seq, h.beats = h.now(), 0, 0
}

func newHand(t *testing.T, url string) *hand {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	h := &hand{t: t, nc: nc, clock: bus.NewClock(), quiet: true, inbox: nats.NewInbox()}
	h.run = h.clock.Now()
	if _, err := nc.Subscribe(h.inbox, func(m *nats.Msg) {
		c, err := bus.ParseChallenge(m.Data)
		if err != nil {
			return // about a stop
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.asked++
		if h.nonces = append(h.nonces, c.Nonce); len(h.nonces) > bus.MaxNonces {
			h.nonces = h.nonces[1:]
		}
	}); err != nil {
		t.Fatal(err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(bus.HeartbeatInterval); ; {
			select {
			case <-quit:
				return
			case <-tick.C:
				h.mu.Lock()
				if !h.quiet {
					h.beat(h.now(), bus.StateDecoding)
				}
				h.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		close(quit)
		<-done
		nc.Close()
	})
	return h
}

func (h *hand) publish(subject string, v any) { h.t.Helper(); h.publishMsg(subject, "", v) }

func (h *hand) publishMsg(subject, reply string, v any) {
	h.t.Helper()
	data, ok := v.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(v); err != nil {
			h.t.Error(err)
			return
		}
	}
	if err := errors.Join(h.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data}), h.nc.Flush()); err != nil {
		h.t.Error(err)
	}
}

// beat sends a heartbeat. h.mu is held.
func (h *hand) beat(published int64, state bus.State) {
	h.beats++
	s := bus.Status{
		V: 1, Session: session, Decoder: decoder, Run: h.run, Seq: h.beats, CmdSeq: h.seq, TPublish: published, State: state, Shadow: h.shade, Stop: h.stop,
	}
	switch {
	case h.mute:
	case h.deaf:
		s.Nonces = []string{}
	default:
		s.Nonces = append([]string{}, h.nonces...)
	}
	h.publishMsg(bus.StatusSubject(session), h.inbox, s)
}

// asks sends a heartbeat of another decoder that asks whether an emergency stop is in force, and waits for the answer.
func (h *hand) asks(wait time.Duration) (bus.StopAnswer, error) {
	h.t.Helper()
	now := h.clock.Now()
	data, err := json.Marshal(bus.Status{V: 1, Session: session, Decoder: "another", Run: now, Seq: 1, TPublish: now, State: bus.StateWaiting})
	if err != nil {
		h.t.Fatal(err)
	}
	m, err := h.nc.Request(bus.StatusSubject(session), data, wait)
	if err != nil {
		return bus.StopAnswer{}, err
	}
	return bus.ParseStopAnswer(m.Data)
}

// makeCommand is a good one of now, with the next number.
func (h *hand) makeCommand(label string) bus.Command {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	now := h.now()
	return bus.Command{
		V: 1, Session: session, Decoder: decoder, Run: h.run, Seq: h.seq, TSample: now, TPublish: now, ValidForMS: valid.Seconds() * 1e3,
		State: bus.Actuate, Kind: bus.KindClass, Label: label, Scores: []bus.Score{{Label: label, P: 1}}, Confidence: 1,
	}
}

func (h *hand) send(c bus.Command) { h.t.Helper(); h.publish(bus.CommandSubject(session, decoder), c) }

// held says from now on what holds it back, nil for nothing.
func (h *hand) held(stop *bus.StandingStop) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stop = stop
}

// heartbeats turns them on or off.
func (h *hand) heartbeats(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.quiet = !on
}

// acts sends good commands until one is acted on.
func (h *hand) acts(c *controller) {
	h.t.Helper()
	mark := c.mark()
	for end := time.Now().Add(15 * time.Second); ; <-time.After(20 * time.Millisecond) {
		h.send(h.makeCommand("good"))
		words, _ := c.all()
		for _, w := range words[mark:] {
			if strings.HasPrefix(w.text, "act") && strings.HasSuffix(w.text, " good") {
				return
			}
		}
		if time.Now().After(end) {
			h.t.Fatalf("no good command is acted on: %v", words[mark:])
		}
	}
}

// once sends one good command, again where it is not acted on: a machine that is busy with other things delays heartbeats
// too, and what cannot be proven fresh is refused. It returns the mark before, and when it was sent.
func (h *hand) once(c *controller, validFor time.Duration) (mark int, sent time.Time) {
	h.t.Helper()
	for range 15 {
		cmd := h.makeCommand("good")
		cmd.ValidForMS = validFor.Seconds() * 1e3
		mark, sent = c.mark(), time.Now()
		h.send(cmd)
		for end := sent.Add(time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
			words, _ := c.all()
			for _, w := range words[mark:] {
				if strings.HasPrefix(w.text, "act") {
					return mark, sent
				}
			}
		}
	}
	h.t.Fatal("not one of 15 good commands is acted on")
	return 0, sent
}

// goController is the example in Go, built once.
var goController = sync.OnceValues(func() (string, error) {
	exe := filepath.Join(programs, "controller-go")
	if out, err := exec.Command("go", "build", "-o", exe, "./go").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return exe, nil
})

// examples make the command line of each example, or say why it cannot run here.
var examples = map[string]func(t *testing.T) []string{
	"go": func(t *testing.T) []string {
		exe, err := goController()
		if err != nil {
			t.Fatal(err)
		}
		return []string{exe}
	},
	"python": func(t *testing.T) []string {
		return []string{client(t, "python/bin/python"), "python/controller.py"}
	},
	"javascript": func(t *testing.T) []string {
		modules := client(t, "javascript/node_modules/@nats-io/transport-node")
		node, err := exec.LookPath("node")
		if err != nil {
			t.Skipf("no JavaScript: %v", err)
		}
		dir := t.TempDir() // a module is looked for beside the program
		for _, name := range []string{"controller.js", "package.json"} {
			data, err := os.ReadFile(filepath.Join("javascript", name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(filepath.Dir(filepath.Dir(modules)), filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
		return []string{node, filepath.Join(dir, "controller.js")}
	},
	"c": func(t *testing.T) []string {
		header := client(t, "c/usr/include/nats/nats.h")
		usr := filepath.Dir(filepath.Dir(filepath.Dir(header)))
		libs, err := filepath.Glob(filepath.Join(usr, "lib", "*", "libnats.so"))
		if err != nil || len(libs) != 1 {
			t.Skipf("no libnats.so below %s (%v): make controllers", usr, err)
		}
		cc, err := exec.LookPath("cc")
		if err != nil {
			t.Skipf("no C compiler: %v", err)
		}
		lib, exe := filepath.Dir(libs[0]), filepath.Join(t.TempDir(), "controller")
		out, err := exec.Command(cc, "-std=c99", "-O2", "-Wall", "-Wextra", "-Werror", "-isystem", filepath.Join(usr, "include"), "-isystem", filepath.Join(usr, "include", "nats"),
			"-o", exe, "c/controller.c", "-L"+lib, "-Wl,--disable-new-dtags", "-Wl,-rpath,"+lib, "-Wl,-rpath-link,"+lib, "-lnats", "-ljansson", "-lpthread").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return []string{exe}
	},
}

// client is a file that make controllers makes.
func client(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", "controllers", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the client is not installed (%v): make controllers", err)
	}
	return path
}

// TestExample puts each example through what hurts: it must act on what is fresh, on nothing else, and stop in time.
func TestExample(t *testing.T) {
	t.Parallel()
	for name, command := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := command(t)
			b := bustest.Open(t, bus.Options{})
			c := start(t, append(args, b.URL(), session, decoder)...)
			c.says(t, "safe never", 0)
			c.says(t, "ready", 0)

			oldRun := killed(t, b, c)
			h := newHand(t, b.URL())
			tape, recorded := record(t, b.URL())
			refuses(t, h, c, oldRun)
			recorded()
			shadow(t, h, c)
			waiting(t, h, c)
			safeInTime(t, h, c)
			burst(t, h, c)
			setBack(t, h, c)
			deaf(t, h, c)
			endings(t, b, h, c)
			h.heartbeats(false) // nothing decodes
			replayed(t, b.URL(), args, tape())
		})
	}
}

// TestExampleStartedBehindAStop: an example that is started while an emergency stop holds the decoder back learns of it from a heartbeat,
// stands latched also when the decoder goes on, and says so to decoders that ask, until it is re-armed. One that follows a decoder that
// does not speak of nonces, or sends none back, says that.
func TestExampleStartedBehindAStop(t *testing.T) {
	t.Parallel()
	for name, command := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := command(t)
			s := clustered(t, -1)
			h := newHand(t, s.ClientURL())
			for what, stop := range map[string]*bus.StandingStop{
				"with an ID": {ID: "x", SinceMS: 60e3, Source: "button", Why: "smoke"},
				"without":    {SinceMS: 60e3, Source: "button", Why: "smoke"},
			} {
				h.restart(0)
				h.held(stop)
				h.heartbeats(true)
				c := start(t, append(args, s.ClientURL(), session, decoder)...)
				c.says(t, "ready", 0)
				c.says(t, "safe emergency", 0)
				for range 10 {
					h.send(h.makeCommand("bad-behind-a-stop"))
					<-time.After(40 * time.Millisecond)
				}
				if a, err := h.asks(5 * time.Second); err != nil || a.ID != stop.ID || a.Why != "smoke" || !(a.SinceMS >= 60e3 && a.SinceMS < 120e3) {
					t.Errorf("%s: asked whether a stop is in force it says %+v, %v", what, a, err)
				}
				h.held(nil) // an operator has resumed the decoder
				for range 10 {
					h.send(h.makeCommand("bad-latched"))
					<-time.After(40 * time.Millisecond)
				}
				c.quiet(t, 0)
				words, _ := c.all()
				emergencies := 0
				for _, w := range words {
					if w.text == "safe emergency" {
						emergencies++
					}
				}
				if emergencies != 1 {
					t.Errorf("%s: it says %d times that it stops", what, emergencies)
				}
				c.rearm(t)
				mark := c.mark()
				h.acts(c)
				h.held(stop) // it is heard of late
				<-time.After(3 * bus.HeartbeatInterval)
				h.acts(c)
				h.held(&bus.StandingStop{ID: "y", Why: "another"})
				c.says(t, "safe emergency", mark)
				h.held(nil)
				c.rearm(t)
				h.acts(c)
				c.quiet(t, 0, " good")

				h.mu.Lock()
				h.deaf, h.mute, h.nonces = true, true, nil
				h.mu.Unlock()
				h.restart(0)
				mark = c.mark()
				c.says(t, "shows old_decoder", mark)
				h.send(h.makeCommand("bad-old-decoder"))
				h.mu.Lock()
				h.mute = false
				h.mu.Unlock()
				c.says(t, "shows unanswered", mark)
				h.send(h.makeCommand("bad-deaf"))
				<-time.After(turns)
				c.quiet(t, mark, " good") // one of before may be said late
				h.mu.Lock()
				h.deaf = false
				h.mu.Unlock()
				h.acts(c)
				h.heartbeats(false)
				c.end(t)
			}
		})
	}
}

// TestExampleStopsAtTheMoment: a stop that comes when a command expires, or when one comes, is carried out and said in each example, and
// nothing is acted on behind it.
func TestExampleStopsAtTheMoment(t *testing.T) {
	t.Parallel()
	const lasts = 60 * time.Millisecond
	for name, command := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := command(t)
			s := clustered(t, -1)
			h := newHand(t, s.ClientURL())
			h.heartbeats(true)
			c := start(t, append(args, s.ClientURL(), session, decoder)...)
			c.says(t, "ready", 0)
			h.acts(c)
			stops := func(what string) {
				t.Helper()
				mark := c.mark()
				h.publish(bus.StopSubject(session), bus.NewStop("test", what))
				c.says(t, "safe emergency", mark)
				<-time.After(turns)
				stopped := false
				words, _ := c.all()
				for _, w := range words[mark:] {
					if stopped && strings.HasPrefix(w.text, "act") {
						t.Errorf("%s: behind the stop it says %q: %v", what, w.text, words[mark:])
					}
					stopped = stopped || w.text == "safe emergency"
				}
				c.rearm(t)
			}
			for k := range 40 {
				_, sent := h.once(c, lasts)
				at := lasts + time.Duration(k%20-8)*500*time.Microsecond // before and behind the turn of its loop that sees the expiry
				<-time.After(at - time.Since(sent))
				stops(fmt.Sprintf("at the expiry, %v", at))
			}
			for k := range 40 {
				h.once(c, lasts) // it acts on what comes
				<-time.After(lasts)
				h.send(h.makeCommand("good"))
				<-time.After(time.Duration(k%12) * time.Millisecond) // a turn of its loop takes 10 ms
				stops("behind a command")
			}
			c.end(t)
		})
	}
}

// TestExamplePythonActsBeforeTheStop: a stop that comes in the moment between the look at the command and the act is behind the act, and not
// between both. The lock of the example tells when that is.
func TestExamplePythonActsBeforeTheStop(t *testing.T) {
	t.Parallel()
	const program = `
import sys, threading, time
sys.path.insert(0, "python")
import controller

class Lock:
    """Who waits for it gets it at once: a stop comes as soon as the control loop lets it go."""
    def __init__(self):
        self.lock = threading.Lock()
    def __enter__(self):
        self.lock.acquire()
    def __exit__(self, *_):
        self.lock.release()
        if not judge.latched:
            judge.emergency(time.monotonic_ns())

class Quit:
    turns = 0
    def wait(self, _):
        self.turns += 1
        return self.turns > 3

judge = controller.Judge("s1", "mi", controller.stop)
judge.held = {"command": {"run": 1, "seq": 7, "label": "left"}, "arrival": time.monotonic_ns(), "delay": 0, "excess": 0, "allowed": 10 * 10**9}
judge.lock = Lock()
controller.control_loop(judge, Quit())
`
	out, err := exec.Command(client(t, "python/bin/python"), "-c", program).CombinedOutput()
	if want := "safe never\nact 7 left\nsafe emergency\n"; err != nil || string(out) != want {
		t.Errorf("it says %q, %v; want %q", out, err, want)
	}
}

// TestExampleGossip: the server that an example was given tells it of another one of its cluster. When the first dies, the
// example waits for it: nobody gave it the other, and nobody has looked whether it may speak to that.
func TestExampleGossip(t *testing.T) {
	for name, command := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := command(t)
			given := clustered(t, -1)
			other := clustered(t, -1, &url.URL{Scheme: "nats", Host: given.ClusterAddr().String()})
			within(t, "the two servers to join", func() bool { return given.NumRoutes() > 0 && other.NumRoutes() > 0 })
			c := start(t, append(args, given.ClientURL(), session, decoder)...)
			c.says(t, "ready", 0)
			port := given.Addr().(*net.TCPAddr).Port
			given.Shutdown()
			given.WaitForShutdown()
			func() {
				knocks, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = knocks.Close() }() // its port is needed now
				if err := knocks.(*net.TCPListener).SetDeadline(time.Now().Add(15 * time.Second)); err != nil {
					t.Fatal(err)
				}
				for range 2 { // it would have gone to the other before
					knock, err := knocks.Accept()
					if err != nil {
						t.Errorf("it does not come back to the server that it was given: %v", err)
						break
					}
					_ = knock.Close() // it sees that
				}
			}()
			again := clustered(t, port)
			within(t, "it to be back", func() bool { return again.NumClients() == 1 || other.NumClients() > 0 })
			if v, err := other.Varz(nil); err != nil || v.TotalConnections != 0 {
				t.Errorf("it was %d times at the server that nobody gave to it (%v)", v.TotalConnections, err)
			}
		})
	}
}

// clustered is a server without keys that others may join, and that joins those at routes.
func clustered(t *testing.T, port int, routes ...*url.URL) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true, Routes: routes, Cluster: server.ClusterOpts{Name: "lab", Host: "127.0.0.1", Port: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(15 * time.Second) {
		t.Fatal("no server")
	}
	return s
}

// within waits until ok says so.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 15 s for %s", what)
		}
	}
}

// killed kills a decoder process with SIGKILL. It returns its run.
func killed(t *testing.T, b *bus.Bus, c *controller) (run int64) {
	runs := make(chan int64, 1)
	sub, err := b.SubscribeCommands(session, decoder, func(cmd bus.Command, _ time.Time) {
		select {
		case runs <- cmd.Run:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	d := startDecoder(t, b.URL())
	run = <-runs
	c.says(t, "act", 0)
	mark := c.mark()
	at := time.Now()
	if err := d.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	stood := c.says(t, "safe expired", mark).at.Sub(at)
	t.Logf("after SIGKILL of the decoder it stood at %v; allowed %v", stood, valid+slack)
	if stood > valid+slack {
		t.Errorf("it stood %v after the kill, want at most %v", stood, valid+slack)
	}
	if err := sub.Close(); err != nil {
		t.Error(err)
	}
	return run
}

// refuses sends what must not be acted on, all of it labelled "bad", and good commands between, which must.
func refuses(t *testing.T, h *hand, c *controller, oldRun int64) {
	mark := c.mark()
	for range 20 { // without a heartbeat of this run nobody can tell how old they are
		h.send(h.makeCommand("bad-unproven"))
		<-time.After(20 * time.Millisecond)
	}
	h.heartbeats(true)
	h.acts(c)
	old := h.makeCommand("bad-reordered")
	h.acts(c)
	for what, spoil := range map[string]func(*bus.Command){
		"stale":           func(c *bus.Command) { c.TPublish -= int64(time.Second) },
		"replayed":        func(c *bus.Command) { *c = old },
		"overtaken":       func(c *bus.Command) { c.Seq -= 2 }, // of now, and with a number that was there
		"twice":           func(c *bus.Command) { c.Seq-- },
		"number 0":        func(c *bus.Command) { c.Seq = 0 },
		"wrong session":   func(c *bus.Command) { c.Session = "s2" },
		"wrong decoder":   func(c *bus.Command) { c.Decoder = "other" },
		"old run":         func(c *bus.Command) { c.Run, c.Seq = oldRun, 1_000_000 },
		"before its run":  func(c *bus.Command) { c.TPublish = c.Run - 1 },
		"version 2":       func(c *bus.Command) { c.V = 2 },
		"valid for 0":     func(c *bus.Command) { c.ValidForMS = 0 },
		"valid for weeks": func(c *bus.Command) { c.ValidForMS = 1e9 },
		"age below 0":     func(c *bus.Command) { c.AgeMS = -1 },
		"confidence 2":    func(c *bus.Command) { c.Confidence = 2 },
		"score 2":         func(c *bus.Command) { c.Scores[0].P = 2 },
		"no such label":   func(c *bus.Command) { c.Scores[0].Label = "another" },
		"kind":            func(c *bus.Command) { c.Kind = "dance" },
		"no value":        func(c *bus.Command) { c.Kind = bus.KindContinuous },
		"no state":        func(c *bus.Command) { c.State = "" },
		"a state":         func(c *bus.Command) { c.State = "live" },
	} {
		cmd := h.makeCommand("bad-" + strings.ReplaceAll(what, " ", "-"))
		spoil(&cmd)
		h.send(cmd)
		<-time.After(turns)
		h.acts(c)
	}
	for _, data := range []string{
		"", "{", "null", "[]", "17", `"bad"`, `{"v":1}`, strings.Repeat("[", 30_000), "\xff\xfe",
		`{"v":1,"session":"s1","decoder":"mi","run":"bad","seq":1,"t_publish_ns":1,"valid_for_ms":100,"age_ms":0,"kind":"class","label":"bad"}`,
		fmt.Sprintf(`{"v":1,"session":"s1","decoder":"mi","run":%d,"seq":%d,"t_publish_ns":%d,"valid_for_ms":"100","age_ms":0,"kind":"class","label":"bad"}`, h.run, math.MaxInt32, h.clock.Now()),
		strings.Repeat(" ", 70_000) + "{}",
	} {
		h.publish(bus.CommandSubject(session, decoder), []byte(data))
		h.publish(bus.StatusSubject(session), []byte(data))
		<-time.After(turns)
		h.acts(c)
	}
	c.quiet(t, mark, " good")
}

// shadow sends commands that the decoder says nobody may act on, with every validity. They are shown; what was acted on before ends with
// the first, and with a heartbeat that says so; and they are no sign of life.
func shadow(t *testing.T, h *hand, c *controller) {
	shaded := func(validMS float64) bus.Command {
		cmd := h.makeCommand("bad-shadow")
		cmd.State, cmd.ValidForMS = bus.Shadow, validMS
		return cmd
	}
	mark, _ := h.once(c, 9*time.Second)
	sent := time.Now()
	h.send(shaded(0))
	if stood := c.says(t, "safe shadow", mark).at.Sub(sent); stood > slack {
		t.Errorf("it stood %v after a command in shadow", stood)
	}
	c.says(t, "shows shadow", mark)
	for range 10 {
		h.send(shaded(9000))
		<-time.After(20 * time.Millisecond)
	}
	c.quiet(t, mark, " good")

	mark, _ = h.once(c, 9*time.Second)
	h.mu.Lock()
	h.shade = true
	h.mu.Unlock()
	c.says(t, "safe shadow", mark)
	h.mu.Lock()
	h.shade = false
	h.mu.Unlock()

	h.heartbeats(false)
	for range 25 {
		h.send(shaded(0))
		<-time.After(20 * time.Millisecond)
	}
	mark = c.mark()
	h.send(h.makeCommand("bad-unproven"))
	<-time.After(turns)
	c.quiet(t, mark)
	h.heartbeats(true)
	h.acts(c)
	c.quiet(t, mark, " good")
}

// deaf is a decoder whose heartbeats are as they should be, and send no nonce back, as those of a recording do, and one that sends back those of
// others. Nothing of it is acted on, also where it is an older run and an operator re-arms: it is not shown.
func deaf(t *testing.T, h *hand, c *controller) {
	h.mu.Lock()
	h.deaf, h.asked = true, 0
	h.mu.Unlock()
	for _, back := range []time.Duration{0, 2 * time.Hour} {
		h.restart(back)
		mark := c.mark()
		length := time.Second
		if back > 0 {
			length = 3 * time.Second // the run that is followed is silent for 2 s then
		}
		for began := time.Now(); time.Since(began) < length; <-time.After(20 * time.Millisecond) {
			h.send(h.makeCommand("bad-deaf"))
		}
		c.rearm(t)
		h.send(h.makeCommand("bad-deaf"))
		<-time.After(turns)
		c.quiet(t, mark, " good") // one of before may be said late
		words, _ := c.all()
		for _, w := range words[mark:] {
			if w.text == "shows older_run" {
				t.Error("a run that sends no nonce back is shown as an older run")
			}
		}
	}
	h.mu.Lock()
	if h.asked < 4 || h.asked > 20 {
		t.Errorf("in 4 s it asked %d times for a nonce", h.asked)
	}
	h.deaf, h.nonces = false, nil
	h.mu.Unlock()
	h.restart(0)
	h.acts(c)
}

// taped is a message of a session that was recorded.
type taped struct {
	at      time.Time
	subject string
	data    []byte
}

// record takes down what a decoder sends until stop is called.
func record(t *testing.T, url string) (tape func() []taped, stop func()) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	var mu sync.Mutex
	var all []taped
	for _, subject := range []string{bus.StatusSubject(session), bus.CommandSubject(session, decoder)} {
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, taped{time.Now(), m.Subject, m.Data})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return func() []taped { mu.Lock(); defer mu.Unlock(); return all }, nc.Close
}

// replayed plays a recorded session, heartbeats and commands, with its own stamps and at its own pace, to a controller that has just begun
// and knows of no run. Whoever plays it hears what the controller says to the heartbeats.
func replayed(t *testing.T, url string, args []string, tape []taped) {
	c := start(t, append(args, url, session, decoder)...)
	c.says(t, "ready", 0)
	h := newHand(t, url)
	commands, beats := 0, 0
	begin := time.Now()
	for _, m := range tape {
		at := m.at.Sub(tape[0].at)
		if at > 3*time.Second {
			break
		}
		<-time.After(at - time.Since(begin))
		if m.subject == bus.StatusSubject(session) {
			beats++
		} else {
			commands++
		}
		h.publishMsg(m.subject, h.inbox, m.data)
	}
	<-time.After(turns)
	c.quiet(t, 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	if beats < 20 || commands < 50 || h.asked == 0 {
		t.Errorf("the tape had %d heartbeats and %d commands, the controller asked %d times: there was little to refuse", beats, commands, h.asked)
	}
}

// waiting is a decoder that was paused: its heartbeats go on and say that it waits, behind the newest command. One that was overtaken by a
// command says nothing of it.
func waiting(t *testing.T, h *hand, c *controller) {
	pause := func(behind uint64) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.beats++
		h.publish(bus.StatusSubject(session), bus.Status{
			V: 1, Session: session, Decoder: decoder, Run: h.run, Seq: h.beats, CmdSeq: behind, TPublish: h.now(), State: bus.StateWaiting,
		})
	}
	mark, _ := h.once(c, 9*time.Second)
	h.mu.Lock()
	newest := h.seq
	h.mu.Unlock()
	pause(newest - 1)
	<-time.After(turns)
	if words, _ := c.all(); len(words) > 0 && strings.HasPrefix(words[len(words)-1].text, "safe") {
		t.Errorf("a heartbeat of before the command makes it say %q", words[len(words)-1].text)
	}
	sent := time.Now()
	pause(newest)
	if stood := c.says(t, "safe waiting", mark).at.Sub(sent); stood > slack {
		t.Errorf("it stood %v after a heartbeat that says that the decoder waits", stood)
	}
	late := h.makeCommand("bad-late")
	h.mu.Lock()
	late.Seq, late.ValidForMS = newest+1, 9000 // it was sent before the pause, whose heartbeat overtakes it
	h.mu.Unlock()
	pause(newest + 1)
	<-time.After(turns) // commands and heartbeats may be read by two threads
	h.send(late)
	<-time.After(turns)
	c.quiet(t, mark, " good")
	h.acts(c)
}

// setBack is a decoder that is started anew with its clock set back by an hour: its run is older, and nothing of it is acted on, also
// where an operator re-arms too early. When it is alone to be alive the controller shows it, and follows it behind a re-arming: from the next command on, and
// no other run that is older than the newest.
func setBack(t *testing.T, h *hand, c *controller) {
	h.acts(c)
	h.heartbeats(false)
	h.mu.Lock()
	newest := h.run
	h.mu.Unlock()
	mark := c.mark()
	h.restart(time.Hour)
	h.heartbeats(true)
	began := time.Now()
	c.rearm(t)
	for time.Since(began) < 1500*time.Millisecond {
		h.send(h.makeCommand("bad-older"))
		<-time.After(20 * time.Millisecond)
	}
	c.rearm(t)
	h.send(h.makeCommand("bad-older"))
	c.says(t, "shows older_run", mark)
	if shown := time.Since(began); shown < 1900*time.Millisecond {
		t.Errorf("an older run was shown after %v, before the newest was silent for 2 s", shown)
	}
	h.send(h.makeCommand("bad-older"))
	before := h.makeCommand("bad-before-it-was-re-armed")
	h.send(before)
	<-time.After(turns)
	c.quiet(t, mark, " good")

	c.rearm(t)
	h.send(before) // again
	<-time.After(turns)
	c.quiet(t, mark, " good")
	h.acts(c)
	for _, run := range []int64{newest, newest - 1e6, before.Run - 1e6, before.Run + 1e6} {
		cmd := h.makeCommand("bad-other-run")
		cmd.Run, cmd.Seq = run, 1_000_000
		if cmd.TPublish < run {
			cmd.TPublish = run
		}
		h.send(cmd)
	}
	<-time.After(turns)
	h.acts(c)
	c.quiet(t, mark, " good")
}

// safeInTime looks at expiry while heartbeats go on, and at the watchdog while a command would be valid for long.
func safeInTime(t *testing.T, h *hand, c *controller) {
	h.acts(c)
	<-time.After(valid + slack) // all is expired
	mark, sent := h.once(c, 120*time.Millisecond)
	stood := c.says(t, "safe expired", mark).at.Sub(sent)
	t.Logf("a command for 120 ms was over at %v", stood)
	if stood > 120*time.Millisecond+slack || stood < 100*time.Millisecond {
		t.Errorf("a command for 120 ms was over after %v", stood)
	}

	mark, _ = h.once(c, 9*time.Second)
	h.heartbeats(false)
	silent := time.Now()
	stood = c.says(t, "safe watchdog", mark).at.Sub(silent)
	t.Logf("the watchdog barked %v after the last heartbeat at the latest", stood)
	if stood > watchdog+slack {
		t.Errorf("the watchdog barked after %v, want at most %v", stood, watchdog+slack)
	}
}

// burst is an outage: what was sent meanwhile comes at once behind it.
func burst(t *testing.T, h *hand, c *controller) {
	<-time.After(600 * time.Millisecond)
	mark := c.mark()
	h.mu.Lock()
	began := h.clock.Now() - int64(2*time.Second)
	h.mu.Unlock()
	for k := range 25 {
		at := began + int64(k)*int64(80*time.Millisecond)
		h.mu.Lock()
		h.beat(at, bus.StateDecoding)
		h.mu.Unlock()
		cmd := h.makeCommand("bad-burst")
		cmd.TPublish, cmd.TSample, cmd.ValidForMS = at, at, 3000
		h.send(cmd)
	}
	<-time.After(200 * time.Millisecond) // they are valid for seconds, and nothing proves how old they are
	c.quiet(t, mark)
	h.heartbeats(true)
	h.acts(c)
	c.quiet(t, mark, " good")
}

// endings: a decoder that ends, an emergency stop, a signal.
func endings(t *testing.T, b *bus.Bus, h *hand, c *controller) {
	h.acts(c)
	mark, _ := h.once(c, 5*time.Second)
	h.heartbeats(false)
	h.mu.Lock()
	h.beat(h.now(), bus.StateEnded)
	h.mu.Unlock()
	c.says(t, "safe ended", mark)
	mark = c.mark()
	h.send(h.makeCommand("bad-behind-the-end"))

	h.restart(0)
	h.heartbeats(true)
	h.acts(c)
	c.quiet(t, mark, " good")

	h.acts(c)
	if a, err := h.asks(200 * time.Millisecond); err == nil {
		t.Errorf("without a stop it says that one is in force: %+v", a)
	}
	mark = c.mark()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	stop := bus.NewStop("test", "")
	stood, err := b.SendStop(ctx, session, stop, 1)
	if err != nil || len(stood) != 1 || stood[0].Decoder != decoder {
		t.Errorf("%+v, %v", stood, err)
	}
	c.says(t, "safe emergency", mark)
	h.held(&bus.StandingStop{ID: stop.ID, Source: "test"}) // the decoder heard it too
	mark = c.mark()
	for range 20 {
		h.send(h.makeCommand("bad-latched"))
		<-time.After(20 * time.Millisecond)
	}
	c.quiet(t, mark)
	if a, err := h.asks(5 * time.Second); err != nil || a.Controller != stood[0].Controller || a.Decoder != decoder || a.ID != stop.ID || a.Source != "test" || !(a.SinceMS >= 350 && a.SinceMS < 60e3) {
		t.Errorf("asked by a heartbeat whether a stop is in force it says %+v, %v", a, err)
	}

	c.rearm(t) // an operator, who sees it
	h.acts(c)  // the decoder is not resumed yet, and says so: the stop was lifted here
	h.held(nil)
	c.quiet(t, mark, " good")
	if words, _ := c.all(); len(words) > mark && strings.HasPrefix(words[mark].text, "safe emergency") {
		t.Error("a heartbeat that tells of the stop that latched it stops it again")
	}
	if a, err := h.asks(200 * time.Millisecond); err == nil {
		t.Errorf("re-armed it says that a stop is in force: %+v", a)
	}
	h.acts(c) // the one before has expired meanwhile
	h.publish(bus.StopSubject(session), []byte{})
	c.says(t, "safe emergency", mark)

	c.end(t)
	if words, _ := c.all(); words[len(words)-1].text != "safe stopped" && words[len(words)-1].text != "safe emergency" {
		t.Errorf("its last word is %q", words[len(words)-1].text)
	}
}
