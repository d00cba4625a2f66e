package session

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// unheardRig is a decoder whose cable can be cut, and a controller, where there is one, whose cable is whole.
func unheardRig(t *testing.T, file string, controls bool) (*post, *bustest.Cable, *bus.Bus, *control.Receiver) {
	t.Helper()
	server := open(t)
	c := bustest.NewCable(t, server.URL())
	b, err := bus.Open(t.Context(), bus.Options{URL: c.URL()})
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
		c.Cut()
		p.holds("the link to the bus is broken")
		c.Mend()
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
	c.Cut()
	p.holds("the link to the bus is broken")
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
		t.Fatal(err)
	}
	soon(t, "the controller to latch", func() bool { a, _ := rec.Current(); return a.Reason == control.ReasonEmergency })
	c.Mend()
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

// TestNobodySaysThatItIsClear: where no controller answers behind a broken link, the decoder stays held back until an operator resumes it,
// also when it is started again, or until a controller comes that does.
func TestNobodySaysThatItIsClear(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p, c, server, _ := unheardRig(t, file, false)
	look := p.g.telemetry()
	c.Cut()
	p.holds("the link to the bus is broken")
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil { // nobody hears it
		t.Fatal(err)
	}
	c.Mend()
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

	c.Cut()
	p.holds("the link to the bus is broken")
	c.Mend()
	p.holds(unknown)
	onRecord(t, file, unknown)
	b := p.g.opt.Stops
	p.end()
	p = guarding(t, b, "d", file)
	p.holds(unknown)
	p.call("resume")
	c.Cut()
	p.holds("the link to the bus is broken")
	c.Mend()
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
