package session

import (
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// cable is an address that leads to a server, until it is cut.
type cable struct {
	l    net.Listener
	mu   sync.Mutex
	off  bool
	ends []net.Conn
	all  sync.WaitGroup
}

// cabled leads to the server at url.
func cabled(t *testing.T, url string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{l: l}
	c.all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
			if err != nil || !c.join(here, there) {
				_ = here.Close()
				continue
			}
			for _, p := range [][2]net.Conn{{here, there}, {there, here}} {
				c.all.Go(func() { _, _ = io.Copy(p[0], p[1]); _, _ = p[0].Close(), p[1].Close() })
			}
		}
	})
	t.Cleanup(func() { _ = l.Close(); c.cut(); c.all.Wait() })
	return c
}

func (c *cable) join(ends ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		_ = ends[1].Close()
		return false
	}
	c.ends = append(c.ends, ends...)
	return true
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	for _, e := range c.ends {
		_ = e.Close()
	}
	c.ends = nil
}

func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = false
}

func (c *cable) url() string { return "nats://" + c.l.Addr().String() }

// unheardRig is a decoder whose cable can be cut, and a controller, where there is one, whose cable is whole.
func unheardRig(t *testing.T, file string, controls bool) (*post, *cable, *bus.Bus, *control.Receiver) {
	t.Helper()
	server := open(t)
	c := cabled(t, server.URL())
	b, err := bus.Open(t.Context(), bus.Options{URL: c.url()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() }) // its last messages may be lost: the cable is cut here
	p := guarding(t, b, "d", file)
	if !controls {
		return p, c, server, nil
	}
	rec, err := control.New(server, control.Options{Session: "s", Decoder: "d", OnSafe: func(control.Reason) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, c, server, rec
}

// TestBrokenLinkHoldsUntilItIsClear: behind a broken link a decoder goes on by itself where a controller says that no stop is in force.
func TestBrokenLinkHoldsUntilItIsClear(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p, c, _, _ := unheardRig(t, file, true)
	for range 2 {
		p.holds("")
		c.cut()
		p.holds("the link to the bus is broken")
		c.mend()
		back := time.Now()
		p.holds("")
		if d := time.Since(back); d < clearAfter {
			t.Errorf("went on after %s, must ask for at least %s", d, clearAfter)
		}
	}
	if n := p.said.count("no emergency stop is in force behind a broken link to the bus, says "); n != 2 || p.g.stopCount() != 0 {
		t.Errorf("told %d times, %d stops", n, p.g.stopCount())
	}
	onRecord(t, file, "")
}

// TestStopBehindABrokenLink: a stop that comes while the decoder does not hear holds it back when its link is whole again, by the word of
// a controller that stands by it.
func TestStopBehindABrokenLink(t *testing.T) {
	p, c, server, rec := unheardRig(t, "", true)
	c.cut()
	p.holds("the link to the bus is broken")
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
		t.Fatal(err)
	}
	soon(t, "the controller to latch", func() bool { a, _ := rec.Current(); return a.Reason == control.ReasonEmergency })
	c.mend()
	p.holds("EMERGENCY STOP: smoke (")
	p.beats(10)
	if err := rec.Rearm(); err != nil { // lifts nothing here
		t.Fatal(err)
	}
	p.beats(10)
	p.holds("EMERGENCY STOP: smoke (")
	if words, _ := p.g.holding(); strings.Contains(words, "more") || p.g.stopCount() != 1 {
		t.Errorf("held by %q, %d stops", words, p.g.stopCount())
	}
	p.call("resume")
	p.holds("")
}

// TestStopFromHereWithoutALink: a stop that is asked for in the decoder's process while its link is broken, by its page, is an emergency stop
// like any other: it is put on record, a controller and another decoder are told of it when the link is back, by its ID, its sending does
// not count as another, and an operator lifts it.
func TestStopFromHereWithoutALink(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p, c, server, rec := unheardRig(t, file, true)
	other := guarding(t, server, "other", "")
	soon(t, "the controller to follow", func() bool { return rec.Counters().Heartbeats > 5 })
	c.cut()
	p.holds("the link to the bus is broken")
	s := bus.NewStop("page", "smoke")
	p.g.Stop(s)
	p.holds("EMERGENCY STOP by page: smoke")
	onRecord(t, file, s.ID)
	if n := p.said.count("EMERGENCY STOP by page: smoke: no commands are sent until an operator resumes the session"); n != 1 {
		t.Errorf("told %d times", n)
	}
	other.holds("")
	c.mend()
	soon(t, "the controller to latch", func() bool { a, _ := rec.Current(); return a.Reason == control.ReasonEmergency && a.Latched })
	other.holds("EMERGENCY STOP by page: smoke (")
	if err := sendStop(server, s); err != nil { // the page sends it until so many have confirmed
		t.Fatal(err)
	}
	p.beats(10)
	if p.g.stopCount() != 1 || other.g.stopCount() != 1 {
		t.Errorf("%d stops, %d of the other decoder", p.g.stopCount(), other.g.stopCount())
	}
	for _, d := range []*post{p, other} {
		if s := d.call("resume"); len(s.Lifted) != 1 || s.Lifted[0].Why != "smoke" || s.Lifted[0].Source != "page" {
			t.Errorf("lifted: %+v", s)
		}
	}
	p.beats(10) // the controller still says so
	p.holds("")
	other.holds("")
}

// TestNobodySaysThatItIsClear: where no controller answers behind a broken link, the decoder stays held back until an operator resumes it,
// also when it is started again, or until a controller comes that does.
func TestNobodySaysThatItIsClear(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p, c, server, _ := unheardRig(t, file, false)
	look := p.g.telemetry()
	c.cut()
	p.holds("the link to the bus is broken")
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil { // nobody hears it
		t.Fatal(err)
	}
	c.mend()
	unknown := "it is not known whether an emergency stop came while the link to the bus was broken"
	p.holds(unknown)
	onRecord(t, file, unknown)
	if n := p.said.count(unknown); n != 1 {
		t.Errorf("told %d times", n)
	}
	if r := p.ctl.Call(t.Context(), bus.Request{Verb: "resume", Sent: p.clock.Now(), Seen: look.TPublish, Run: p.w.Run()}); r.OK {
		t.Errorf("lifted by somebody who was shown nothing of it: %+v", r)
	}
	if s := p.call("resume"); !strings.Contains(s.Doubted, unknown) {
		t.Errorf("%+v", s)
	}
	p.holds("")
	onRecord(t, file, "")

	c.cut()
	p.holds("the link to the bus is broken")
	c.mend()
	p.holds(unknown)
	onRecord(t, file, unknown)
	b := p.g.opt.Stops
	p.end()
	p = guarding(t, b, "d", file)
	p.holds(unknown)
	p.call("resume")
	c.cut()
	p.holds("the link to the bus is broken")
	c.mend()
	p.holds(unknown)
	rec, err := control.New(server, control.Options{Session: "s", Decoder: "d", OnSafe: func(control.Reason) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	p.holds("")
	onRecord(t, file, "")
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
}

// TestClearIsNoStop: the answer of a controller that knows of no stop is asked for before it is sent, says whose it is, and is not taken for
// a stop; one that is not asked for, or is malformed, does nothing.
func TestClearIsNoStop(t *testing.T) {
	p := guarding(t, open(t), "d", "")
	p.g.isClear(bus.Clear{Controller: "arm", Decoder: "d"})
	p.holds("")
	for text, ok := range map[string]bool{
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":true}`:  true,
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":false}`: false,
		`{"v":1,"session":"s","decoder":"d","controller":"","clear":true}`:     false,
		`{"v":2,"session":"s","decoder":"d","controller":"arm","clear":true}`:  false,
	} {
		if _, err := bus.ParseClear([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	p.g.linked(false)
	p.g.isClear(bus.Clear{Controller: "arm", Decoder: "d"}) // of before
	p.holds("the link to the bus is broken")
	data, err := json.Marshal(p.g.telemetry())
	if err != nil || !strings.Contains(string(data), `"held_by":"the link to the bus is broken`) {
		t.Errorf("%s, %v", data, err)
	}
	p.g.linked(true)
	p.holds("controllers are asked whether an emergency stop came")
}
