package session

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// unheardRig is a decoder whose cable can be cut, and a controller, where there is one, whose cable is whole.
func unheardRig(t *testing.T, file string, controls bool) (*post, *bustest.Cable, *bus.Bus, *control.Receiver) {
	t.Helper()
	server := bustest.Open(t, bus.Options{})
	c := bustest.NewCable(t, server.URL())
	b := c.Open(t)
	p := guarding(t, b, "d", file)
	if !controls {
		return p, c, server, nil
	}
	return p, c, server, p.controlled(server)
}

// controlled is a controller of the decoder that hears whatever may be lost to the decoder from now on.
func (p *post) controlled(b *bus.Bus) *control.Receiver {
	p.t.Helper()
	rec, err := control.New(b, control.Options{Session: "s", Decoder: "d", OnSafe: func(control.Reason) error { return nil }})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			p.t.Error(err)
		}
	})
	p.hears()
	return rec
}

// hears waits until the decoder has heard for sure whatever came until now, and for a second more: so long may an answer be on its way.
func (p *post) hears() {
	p.t.Helper()
	now := time.Now().Add(time.Second)
	soon(p.t, "the decoder to hear itself", func() bool { return p.w.HeardUntil().After(now) })
}

// unknown is what people are told where nobody knows.
const unknown = "it is not known whether an emergency stop came while the link to the bus was broken"

// missesStop is a stop that nobody hears, since the decoder's cable is cut when it comes and no controller is there.
func (p *post) missesStop(c *bustest.Cable, server *bus.Bus, file string) {
	p.t.Helper()
	c.Cut()
	p.holds("the link to the bus is broken")
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
		p.t.Fatal(err)
	}
	c.Mend()
	p.holds(unknown)
	onRecord(p.t, file, unknown)
}

// TestBrokenLinkHoldsUntilItIsClear: behind a broken link a decoder goes on by itself where a controller says that no stop is in force.
func TestBrokenLinkHoldsUntilItIsClear(t *testing.T) {
	t.Parallel() // it mostly waits
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
	if n := p.said.count(", which heard all that came since "); n != 2 || p.g.stopCount() != 0 {
		t.Errorf("told %d times, %d stops", n, p.g.stopCount())
	}
	onRecord(t, file, "")
}

// TestStopBehindABrokenLink: a stop that comes while the decoder does not hear holds it back when its link is whole again, by the word of
// a controller that stands by it.
func TestStopBehindABrokenLink(t *testing.T) {
	t.Parallel() // it mostly waits
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

// TestStopFromHereWithoutALink: a stop that is asked for in the decoder's process while its link is broken, by its page, is an emergency stop
// like any other: it is put on record, a controller and another decoder are told of it when the link is back, by its ID, its sending does
// not count as another, and an operator lifts it.
func TestStopFromHereWithoutALink(t *testing.T) {
	t.Parallel() // it mostly waits
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p, c, server, rec := unheardRig(t, file, true)
	other := guarding(t, server, "other", "")
	soon(t, "the controller to follow", func() bool { return rec.Counters().Heartbeats > 5 })
	c.Cut()
	p.holds("the link to the bus is broken")
	s := bus.NewStop("page", "smoke")
	p.g.Stop(s)
	p.holds("EMERGENCY STOP by page: smoke")
	onRecord(t, file, s.ID)
	if n := p.said.count("EMERGENCY STOP by page: smoke: no commands are sent until an operator resumes the session"); n != 1 {
		t.Errorf("told %d times", n)
	}
	other.holds("")
	c.Mend()
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
// also when it is started again. A controller that comes then cannot know.
func TestNobodySaysThatItIsClear(t *testing.T) {
	t.Parallel() // it mostly waits
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p, c, server, _ := unheardRig(t, file, false)
	look := p.g.telemetry()
	p.missesStop(c, server, file)
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
	p.beats(20)
	p.holds(unknown)
	onRecord(t, file, unknown)
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
}

// lostStop fails where the decoder, behind a link that is back, goes on or says that no stop came, though one did.
func (p *post) lostStop(why string) {
	p.t.Helper()
	p.holds(unknown)
	if words, _ := p.g.holding(); !strings.Contains(words, why) {
		p.t.Errorf("it is held back by %q, want it to say %q", words, why)
	}
	p.beats(30)
	p.holds(unknown)
	if p.said.count("no emergency stop is in force") != 0 {
		p.t.Errorf("people were told that no stop came: %q", p.said.lines)
	}
	if s := p.call("resume"); !strings.Contains(s.Doubted, unknown) {
		p.t.Errorf("%+v", s)
	}
	p.holds("")
}

// TestSameCable: decoder and controller behind the same break have both missed the stop, and the controller's word counts for nothing.
func TestSameCable(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, broken := range map[string]struct{ breaks, mends func(*bustest.Cable) }{
		"a cable that is cut":        {(*bustest.Cable).Cut, (*bustest.Cable).Mend},
		"a server that stands still": {(*bustest.Cable).Freeze, (*bustest.Cable).Thaw}, // each finds out by the silence, in its own time
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c, server, _ := unheardRig(t, "", false)
			b := c.Open(t)
			rec := p.controlled(b)
			down := make(chan struct{})
			defer b.OnLink(func(up bool) {
				if !up {
					close(down)
				}
			})()
			broken.breaks(c)
			p.holds("the link to the bus is broken")
			<-down
			if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
				t.Fatal(err)
			}
			broken.mends(c)
			p.lostStop("knows of none, and has heard all for ")
			if a, _ := rec.Current(); a.Reason == control.ReasonEmergency {
				t.Error("the controller has heard the stop, which is not what this test is about")
			}
		})
	}
}

// TestRestartedController: a controller that stood by the stop and was started again while the decoder heard nothing does not know of it.
func TestRestartedController(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, broken := range map[string]struct{ breaks, mends func(*bustest.Cable) }{
		"a cable that is cut":   {(*bustest.Cable).Cut, (*bustest.Cable).Mend},
		"a cable that is still": {(*bustest.Cable).Freeze, (*bustest.Cable).Thaw},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c, server, rec := unheardRig(t, "", true)
			broken.breaks(c)
			p.holds("the link to the bus is broken")
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			if stood, err := server.SendStop(ctx, "s", bus.NewStop("button", "smoke"), 1); err != nil || len(stood) != 1 {
				t.Fatalf("%+v, %v", stood, err)
			}
			if err := rec.Close(); err != nil {
				t.Fatal(err)
			}
			again, err := control.New(server, control.Options{Session: "s", Decoder: "d", OnSafe: func(control.Reason) error { return nil }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := again.Close(); err != nil {
					t.Error(err)
				}
			})
			broken.mends(c)
			p.lostStop(again.Name() + " of decoder d knows of none, and has heard all for ")
		})
	}
}

// TestOneUnbrokenControllerIsEnough: where one controller heard all, what others did not hear does not matter.
func TestOneUnbrokenControllerIsEnough(t *testing.T) {
	t.Parallel() // it mostly waits
	p, c, _, rec := unheardRig(t, "", true)
	b := c.Open(t)
	p.controlled(b)
	c.Cut()
	p.holds("the link to the bus is broken")
	c.Mend()
	p.holds("")
	if p.said.count("says "+rec.Name()+" of decoder d, which heard all that came since ") != 1 || p.said.count(unknown) != 0 {
		t.Errorf("%q", p.said.lines)
	}
}

// TestClearOfABreakBefore: what a controller said to a question of before a second break, and which comes behind it, says nothing of the stops
// that came during that one. Its link may have stood still meanwhile, for too short a time to be noticed.
func TestClearOfABreakBefore(t *testing.T) {
	t.Parallel() // it mostly waits
	p, c, server, _ := unheardRig(t, "", false)
	asked, release := make(chan struct{}), make(chan struct{})
	answer := sync.OnceFunc(func() { close(release) })
	var told, answers atomic.Bool // the first question was; others are answered
	arm, err := server.AnswerStatus("s", func(s bus.Status, _ time.Time, asks bool) (a bus.StatusAnswer) {
		if !asks || !s.Unheard {
			return a
		}
		if first := told.CompareAndSwap(false, true); first {
			close(asked)
			<-release // it knows of no stop now
		} else if !answers.Load() {
			return a
		}
		a.Clear = &bus.Clear{Decoder: "d", Controller: "arm"}
		return a
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := arm.Close(); err != nil {
			t.Error(err)
		}
	}()
	defer answer()
	p.hears()
	back := func() (t time.Time) {
		p.g.mu.Lock()
		defer p.g.mu.Unlock()
		return p.g.unheard.back
	}
	c.Cut()
	p.holds("the link to the bus is broken")
	c.Mend()
	<-asked
	c.Cut()
	soon(t, "the second break", func() bool { return back().IsZero() })
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil { // nobody hears it
		t.Fatal(err)
	}
	c.Mend()
	soon(t, "answers to count behind it", func() bool { b := back(); return !b.IsZero() && time.Since(b) > clearAfter })
	answer()
	p.beats(20)
	if words, holds := p.g.holding(); !holds || p.said.count("no emergency stop is in force") != 0 {
		t.Fatalf("held back: %t, by %q: people were told %q", holds, words, p.said.lines)
	}
	answers.Store(true)
	p.holds("")
}

// TestClearInAnyOrder: behind a break the link breaks once more. A controller's word counts where it answers a question that was asked over
// the connection of now, once the guard was told of that, in whatever order answers, connections and what is told of them come: the client
// tells of a connection later than messages may come over it.
func TestClearInAnyOrder(t *testing.T) {
	const (
		ask     = "a question leaves"
		connect = "the link is broken and back"
		broken  = "the guard is told that it is broken"
		back    = "the guard is told that it is back"
		old     = "the answer to that question comes"
		fresh   = "an answer to a question of the new connection comes"
	)
	before := [][2]string{{ask, old}, {ask, connect}, {connect, fresh}, {connect, back}, {broken, back}}
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	arm := bus.Clear{Controller: "arm", Decoder: "d", Clear: true, ListensMS: 1e9, Seq: 7}
	tried := 0
	inAnyOrder([]string{ask, connect, broken, back, old, fresh}, func(order []string) {
		for _, b := range before {
			if slices.Index(order, b[0]) > slices.Index(order, b[1]) {
				return
			}
		}
		tried++
		connection, at := uint64(1), time.Now()
		tell := func(up bool) {
			p.g.linked(up)
			if up {
				p.g.mu.Lock()
				p.g.unheard.back = at
				p.g.mu.Unlock()
			}
		}
		p.g.connections = func() uint64 { return connection }
		tell(false)
		tell(true)
		var question time.Time
		done := map[string]bool{}
		want := true // commands are held back
		for i, event := range order {
			at = at.Add(2 * clearAfter)
			switch event {
			case ask:
				question = at
			case connect:
				connection++
			case broken:
				tell(false)
				want = true
			case back:
				tell(true)
			case old:
				p.g.isClear(arm, question, at)
				want = want && (done[connect] || done[broken])
			case fresh:
				p.g.isClear(arm, at, at)
				want = want && !done[back]
			}
			done[event] = true
			if words, holds := p.g.holding(); holds != want {
				t.Fatalf("%s: held back: %t, by %q, want %t", strings.Join(order[:i+1], "; "), holds, words, want)
			}
		}
		p.g.do(func() { p.g.unheard.end() })
	})
	if tried != 33 {
		t.Errorf("%d orders can be, not 33", tried)
	}
}

// inAnyOrder calls fn with each order of list.
func inAnyOrder(list []string, fn func(order []string)) {
	var with func(order, left []string)
	with = func(order, left []string) {
		if len(left) == 0 {
			fn(order)
		}
		for i, x := range left {
			with(append(slices.Clone(order), x), slices.Delete(slices.Clone(left), i, i+1))
		}
	}
	with(nil, list)
}

// TestGoOnUnheard: a session whose file says so goes on where nobody knows, and says that nobody does; a controller that stands by a stop
// holds it back all the same.
func TestGoOnUnheard(t *testing.T) {
	t.Parallel() // it mostly waits
	p, c, server, _ := unheardRig(t, "", false)
	p.g.opt.GoOnUnheard = true
	c.Cut()
	p.holds("the link to the bus is broken")
	c.Mend()
	p.holds("")
	if p.said.count("; the session goes on all the same, as go_on_unheard asks for") != 1 || p.said.count("no emergency stop is in force") != 0 {
		t.Errorf("%q", p.said.lines)
	}
	p.controlled(server)
	c.Cut()
	p.holds("the link to the bus is broken")
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
		t.Fatal(err)
	}
	c.Mend()
	p.holds("EMERGENCY STOP: smoke (")
}

// TestDeafLongBeforeTheBreakIsSeen: what counts is when the decoder last heard itself, not when it sees the break, which is seconds later
// where it stood still; and what lay in its buffers meanwhile makes that no later.
func TestDeafLongBeforeTheBreakIsSeen(t *testing.T) {
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	p.hears()
	until, now := p.w.HeardUntil(), time.Now()
	if ago := now.Sub(until); ago < 1500*time.Millisecond {
		t.Errorf("it has surely heard all until %v ago, a break that is not seen yet may be 1.2 s old", ago)
	}
	p.g.linked(false)
	p.g.linked(true)
	arm := bus.Clear{Controller: "arm", Decoder: "d", Clear: true, Seq: 7}
	clears := func(listens, asked, behind time.Duration) bool {
		arm.ListensMS = listens.Seconds() * 1e3
		back := p.g.unheard.back
		p.g.isClear(arm, back.Add(asked), back.Add(behind))
		_, holds := p.g.holding()
		return !holds
	}
	p.g.mu.Lock()
	deaf := p.g.unheard.back.Sub(p.g.unheard.since)
	p.g.mu.Unlock()
	for _, c := range []struct{ listens, asked, behind time.Duration }{
		{0, 0, clearAfter}, // of before
		{deaf + clearAfter - time.Millisecond, 0, clearAfter}, // it came when nothing was heard here
		{deaf + time.Second, 0, clearAfter / 2},               // others have not had the time to say otherwise
		{deaf + time.Second, -1, clearAfter},                  // it was asked before the link was back
	} {
		if clears(c.listens, c.asked, c.behind) {
			t.Fatalf("%+v clears a decoder that was deaf for %v", c, deaf)
		}
	}
	arm.Seq = 0 // it does not say what it answers
	if clears(deaf+time.Second, 0, clearAfter) {
		t.Fatal("who does not say what it answers clears it")
	}
	p.g.mu.Lock()
	p.g.unsaid()
	p.g.mu.Unlock()
	if p.said.count("does not say which heartbeat it answers: update it") != 1 {
		t.Errorf("people were told %q", p.said.lines)
	}
	arm.Seq = 7
	if !clears(deaf+clearAfter+time.Millisecond, 0, clearAfter) {
		t.Errorf("who heard all that came does not clear it: %q", p.said.lines)
	}
}

// TestClearIsNoStop: the answer of a controller that knows of no stop is asked for before it is sent, says whose it is, and is not taken for
// a stop; one that is not asked for, or is malformed, does nothing.
func TestClearIsNoStop(t *testing.T) {
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	p.g.isClear(bus.Clear{Controller: "arm", Decoder: "d", ListensMS: 1e9, Seq: 7}, time.Now(), time.Now())
	p.holds("")
	for text, ok := range map[string]bool{
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":true}`:                         true, // of before, and clears nothing
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":true,"listens_ms":61250.5}`:    true,
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":true,"listens_ms":1,"seq":9}`:  true,
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":true,"listens_ms":1,"seq":-1}`: false,
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":true,"listens_ms":-1}`:         false,
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":true,"listens_ms":1e13}`:       false,
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":true,"listens_ms":"1"}`:        false,
		`{"v":1,"session":"s","decoder":"d","controller":"arm","clear":false}`:                        false,
		`{"v":1,"session":"s","decoder":"d","controller":"","clear":true}`:                            false,
		`{"v":2,"session":"s","decoder":"d","controller":"arm","clear":true}`:                         false,
	} {
		if _, err := bus.ParseClear([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	p.g.linked(false)
	p.g.isClear(bus.Clear{Controller: "arm", Decoder: "d", ListensMS: 1e9, Seq: 7}, time.Now(), time.Now()) // of before
	p.holds("the link to the bus is broken")
	data, err := json.Marshal(p.g.telemetry())
	if err != nil || !strings.Contains(string(data), `"held_by":"the link to the bus is broken`) {
		t.Errorf("%s, %v", data, err)
	}
	p.g.linked(true)
	p.holds("controllers are asked whether an emergency stop came")
}

// TestDoubtStaysOnRecord: a doubt that is on record stays there when the link breaks again, as it does where a computer is shut down with its
// broker first, and holds the decoder back that is started again.
func TestDoubtStaysOnRecord(t *testing.T) {
	t.Parallel() // it mostly waits
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p, c, server, _ := unheardRig(t, file, false)
	p.missesStop(c, server, file)
	c.Cut()
	p.holds("the link to the bus is broken")
	time.Sleep(500 * time.Millisecond)
	onRecord(t, file, unknown)
	c.Mend()
	p.holds("controllers are asked")
	onRecord(t, file, unknown)
	p.end()
	p = guarding(t, p.b, "d", file)
	p.holds(unknown)
}
