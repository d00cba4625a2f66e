package session

import (
	"encoding/json"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

// stalled is a guard whose lines nobody takes while still is set, as behind Ctrl-S, or in a console in which somebody marks text.
func stalled(t *testing.T, b *bus.Bus) *post {
	t.Helper()
	p := &post{t: t, b: b, clock: bus.NewClock()}
	var still atomic.Bool
	still.Store(true)
	release := make(chan struct{})
	var err error
	if p.w, err = bus.NewCommandWriter(b, "s", "d", time.Second, p.clock); err != nil {
		t.Fatal(err)
	}
	if p.g, err = NewGuard(GuardOptions{Commands: p.w, Clock: p.clock, Stops: b, Note: func(string) {
		if still.Load() {
			<-release
		}
	}}); err != nil {
		t.Fatal(err)
	}
	if p.ctl, err = bus.NewCtl(b, "s", "d", p.w.Run(), p.clock, nil); err != nil {
		t.Fatal(err)
	}
	p.ctl.Handle(p.g.Verbs()...)
	t.Cleanup(p.end)
	t.Cleanup(func() { still.Store(false); close(release) })
	return p
}

// resumed asks for resume, as an operator does who has looked.
func (p *post) resumed() {
	p.t.Helper()
	time.Sleep(leastShown + 200*time.Millisecond)
	now := p.clock.Now()
	if a := p.ctl.Call(p.t.Context(), bus.Request{Verb: "resume", Sent: now, Seen: now, Run: p.w.Run()}); !a.OK {
		p.t.Fatalf("%+v", a)
	}
	p.holds("")
}

// TestStopBehindAStalledTerminal: that nobody takes what is said keeps no second stop from holding the decoder back.
func TestStopBehindAStalledTerminal(t *testing.T) {
	t.Parallel() // it mostly waits
	b := bustest.Open(t, bus.Options{})
	p := stalled(t, b)
	for _, id := range []string{"first", "second"} {
		if err := sendStop(b, bus.Stop{ID: id, Why: id}); err != nil {
			t.Fatal(err)
		}
		p.holds("EMERGENCY STOP: " + id)
		p.resumed()
	}
}

// TestBreakBehindAStalledTerminal: nor is the second break of the link missed, and a stop that came in it.
func TestBreakBehindAStalledTerminal(t *testing.T) {
	t.Parallel() // it mostly waits
	server := bustest.Open(t, bus.Options{})
	c := bustest.NewCable(t, server.URL())
	p := stalled(t, c.Open(t))
	c.Cut()
	p.holds("the link to the bus is broken")
	c.Mend()
	p.resumed()
	c.Cut()
	p.holds("the link to the bus is broken")
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
		t.Fatal(err)
	}
	c.Mend()
	p.holds(unknown)
}

// TestDoubtStaysOnRecord: a doubt that is on record stays there when the link breaks again, as it does where a computer is shut down with its
// broker first, and holds the decoder back that is started again.
func TestDoubtStaysOnRecord(t *testing.T) {
	t.Parallel() // it mostly waits
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	server := bustest.Open(t, bus.Options{})
	c := bustest.NewCable(t, server.URL())
	b := c.Open(t)
	p := guarding(t, b, "d", file)
	c.Cut()
	p.holds("the link to the bus is broken")
	if err := sendStop(server, bus.Stop{ID: "x", Why: "smoke"}); err != nil { // nobody hears it
		t.Fatal(err)
	}
	c.Mend()
	p.holds(unknown)
	onRecord(t, file, unknown)
	c.Cut()
	p.holds("the link to the bus is broken")
	time.Sleep(500 * time.Millisecond)
	onRecord(t, file, unknown)
	c.Mend()
	p.holds("controllers are asked")
	onRecord(t, file, unknown)
	p.end()
	p = guarding(t, b, "d", file)
	p.holds(unknown)
}

// TestOldRefuseLetsNothingMove: what begins to decode with the bundle is asked for now, and of this run.
func TestOldRefuseLetsNothingMove(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	r, _ := calibrated(t, func(c *Calibration, o *Options) {
		c.Classes = map[string]string{"T1": "left", "T2": "right"}
		with(load(t, a))(o, nil)
	})
	r.until("the question", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseAsking })
	nc, err := nats.Connect(r.b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	now := r.status()
	for _, verb := range []string{"accept", "refuse"} {
		day := int64(24 * time.Hour)
		text, err := json.Marshal(bus.Request{V: 1, Session: "s", Decoder: "d", ID: "old-" + verb, Verb: verb, Sent: now.TPublish - day, Seen: now.TPublish - day, Run: now.Run - day})
		if err != nil {
			t.Fatal(err)
		}
		m, err := nc.Request(bus.CtlSubject("s"), text, 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			OK    bool   `json:"ok"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil || answer.OK || answer.Error == "" {
			t.Errorf("%s of yesterday: %s, %v", verb, m.Data, err)
		}
	}
	r.mu.Lock()
	n := len(r.cmds)
	r.mu.Unlock()
	if n > 0 {
		t.Errorf("%d commands", n)
	}
	r.stop()
	_, _ = r.over()
}

// TestStepBeyondValidity: people are told where each command ends before the next one can come.
func TestStepBeyondValidity(t *testing.T) {
	t.Parallel() // it mostly waits
	for valid, want := range map[time.Duration]int{10 * time.Millisecond: 1, 10 * time.Second: 0} {
		b := bustest.Open(t, bus.Options{})
		clock := bus.NewClock()
		w, err := bus.NewCommandWriter(b, "s", "d", valid, clock)
		if err != nil {
			t.Fatal(err)
		}
		src, err := Playback(person(t), 50, 0.05, clock)
		if err != nil {
			t.Fatal(err)
		}
		var notes said
		if _, err := Run(t.Context(), Options{Source: src, Pipeline: trained(t), Commands: w, Clock: clock, Note: notes.note}); err != nil {
			t.Fatal(err)
		}
		if n := notes.count("safe state between any two of them; set valid_for_ms"); n != want {
			t.Errorf("valid for %s: %d such lines, want %d: %q", valid, n, want, notes.lines)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
