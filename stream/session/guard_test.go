package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

// post is a guard that stands before a decoder without a session.
type post struct {
	t     *testing.T
	b     *bus.Bus
	w     *bus.CommandWriter
	g     *Guard
	ctl   *bus.Ctl
	clock bus.Clock
	said  said
	ended bool
}

// guarding begins a decoder of the session s; file keeps what holds it back, "" for nothing.
func guarding(t *testing.T, b *bus.Bus, name, file string) *post {
	t.Helper()
	p := &post{t: t, b: b, clock: bus.NewClock()}
	var err error
	if p.w, err = bus.NewCommandWriter(b, "s", name, time.Second, p.clock); err != nil {
		t.Fatal(err)
	}
	if p.g, err = NewGuard(GuardOptions{Commands: p.w, Clock: p.clock, Stops: b, File: file, Note: p.said.note}); err != nil {
		t.Fatal(err)
	}
	if p.ctl, err = bus.NewCtl(b, "s", name, p.w.Run(), p.clock, nil); err != nil {
		t.Fatal(err)
	}
	p.ctl.Handle(p.g.Verbs()...)
	t.Cleanup(p.end)
	return p
}

func (p *post) end() {
	p.t.Helper()
	if p.ended {
		return
	}
	p.ended = true
	if err := errors.Join(p.ctl.Close(), p.g.Close(), p.w.Close()); err != nil {
		p.t.Error(err)
	}
}

// call asks for a verb from here, and decodes what it answers.
func (p *post) call(verb string) (s standing) {
	p.t.Helper()
	p.read()
	now := p.clock.Now()
	r := p.ctl.Call(p.t.Context(), bus.Request{Verb: verb, Sent: now, Seen: now, Run: p.w.Run()})
	if !r.OK {
		p.t.Fatalf("%s: %s", verb, r.Error)
	}
	if err := json.Unmarshal(r.Result, &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// read makes what is in force as old here as it must be before it may be lifted: somebody has had the time to read it.
func (p *post) read() {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	if time.Since(p.g.known) <= leastShown {
		p.g.known = p.g.known.Add(-leastShown)
	}
}

// resume asks for it from here, as somebody who was shown how things were at the given time.
func (p *post) resume(sent int64) bus.Reply {
	return p.ctl.Call(p.t.Context(), bus.Request{Verb: "resume", Sent: sent, Seen: sent, Run: p.w.Run()})
}

// holds waits until words hold the decoder back, "" for nothing at all.
func (p *post) holds(words string) {
	p.t.Helper()
	var got string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var holds bool
		if got, holds = p.g.holding(); holds == (words != "") && strings.Contains(got, words) {
			return
		}
	}
	p.t.Fatalf("%q holds it back, want %q", got, words)
}

// soon waits for ok.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// beats waits for so many more heartbeats of a decoder: what is answered to each has come then.
func (p *post) beats(n uint64) {
	p.t.Helper()
	want := p.w.Stats().Heartbeats + n
	soon(p.t, "heartbeats", func() bool { return p.w.Stats().Heartbeats >= want })
}

// onRecord waits until a file holds text, or nothing that holds the decoder back for "".
func onRecord(t *testing.T, file, text string) {
	t.Helper()
	soon(t, text+" in "+file, func() bool {
		if data, err := os.ReadFile(file); text != "" || err != nil {
			return text == "" && errors.Is(err, os.ErrNotExist) || text != "" && err == nil && strings.Contains(string(data), text)
		}
		h, err := readHeld(file, "s", "d")
		return err == nil && h.what() == ""
	})
}

// TestMetricsWhileItWaits: a session that waits for its stream is seen by Prometheus, and the probes say what it waits for.
func TestMetricsWhileItWaits(t *testing.T) {
	m := serving(t)
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	m.Attach(p.g)
	_, found := p.g.Waiting(t.Context(), "lsl://?name=late", time.Minute)
	defer found()
	body := scraped(t, m)
	for _, want := range []string{
		"gyrus_session_phase{phase=\"resolving\"} 1", "gyrus_session_phase{phase=\"decoding\"} 0", "gyrus_stream_state{state=\"resolving\",stream=\"lsl://?name=late\"} 1",
		"gyrus_bus_connected 1", "gyrus_shadow 0", "gyrus_commands_total{outcome=\"sent\"} 0", "gyrus_samples_lost_total{kind=\"known\"} 0",
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("/metrics lacks %q: %s", want, body)
		}
	}
	if why := m.healthy(); why != "" {
		t.Errorf("not healthy: %s", why)
	}
	if why := m.ready(); why != "the session is resolving: waiting for lsl://?name=late" {
		t.Errorf("ready: %q", why)
	}
	p.call("shadow")
	if body := scraped(t, m); !strings.Contains(body, "gyrus_shadow 1\n") {
		t.Errorf("the shadow is not seen: %s", body)
	}
}

// TestStopWhileItWaits: a stop that comes while the session waits for its stream holds it back when the stream is there, and
// operators are answered meanwhile.
func TestStopWhileItWaits(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	var g *Guard
	var looks []bus.Telemetry
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		b := o.Echo
		seen := make(chan bus.Telemetry, 100)
		var err error
		if g, err = NewGuard(GuardOptions{Commands: o.Commands, Clock: o.Clock, Stops: b, OnLook: func(l bus.Telemetry) { seen <- l }}); err != nil {
			t.Fatal(err)
		}
		o.Guard = g
		o.Ctl.Handle(g.Verbs()...)
		ctx, found := g.Waiting(t.Context(), "lsl://?name=late", 90*time.Second)
		for _, c := range []struct{ verb, want string }{ // in this order: the shadow shows in each answer behind it
			{"status", `"phase":"resolving"`},
			{"pause", `{"phase":"resolving","state":"actuate","held":"paused by an operator"}`},
			{"shadow", `"state":"shadow"`},
		} {
			reply, err := b.Ask(t.Context(), "s", "d", c.verb)
			if err != nil || !strings.Contains(string(reply.Result), c.want) {
				t.Errorf("%s: %s, %v; want %s", c.verb, reply.Result, err, c.want)
			}
		}
		for _, verb := range []string{"actuate", "resume"} {
			if _, err := b.Ask(t.Context(), "s", "d", verb); err != nil {
				t.Error(err)
			}
		}
		if words, holds := g.holding(); holds || o.Commands.Intent() != bus.Actuate {
			t.Errorf("held by %q, %s", words, o.Commands.Intent())
		}
		if err := sendStop(b, bus.Stop{Source: "button", Why: "early"}); err != nil {
			t.Fatal(err)
		}
		for l := range seen {
			if looks = append(looks, l); l.Detail == "EMERGENCY STOP by button: early" && l.HeldBy == l.Detail {
				break
			}
		}
		if ctx.Err() != nil {
			t.Error("the wait is over")
		}
		found()
	})
	if l := looks[0]; l.Phase != bus.PhaseResolving || l.Detail != "waiting for lsl://?name=late" || l.Streams[0].Name != "lsl://?name=late" || l.Streams[0].Detail != "the session ends where it has not come within 90 s" || l.HeldBy != "" {
		t.Errorf("%+v", l)
	}
	r.paused("EMERGENCY STOP by button: early")
	r.resume()
	r.decoding()
	if err := r.ask(nil, "stop"); err != nil {
		t.Fatal(err)
	}
	if rep, err := r.over(); err != nil || rep.Stops != 1 {
		t.Errorf("%v, %d stops", err, rep.Stops)
	}
	if err := r.ask(nil, "pause"); err == nil || !strings.Contains(err.Error(), "the session has ended") {
		t.Errorf("behind the end: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// TestEndWhileItWaits: an operator who asks for the end while a session waits for its stream ends that.
func TestEndWhileItWaits(t *testing.T) {
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	ctx, found := p.g.Waiting(t.Context(), "eeg", 0)
	defer found()
	p.call("stop")
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), ErrAsked) {
		t.Error(context.Cause(ctx))
	}
}

// TestResumeOfBeforeTheStop: a request that was sent before a stop, or a pause, and comes behind it lifts nothing, nor does one to leave
// the shadow that was sent before somebody asked for it.
func TestResumeOfBeforeTheStop(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	p := guarding(t, b, "d", "")
	nc, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ask := func(id, verb string, sent int64) bus.Reply {
		t.Helper()
		data, err := json.Marshal(bus.Request{V: bus.Version, Session: "s", Decoder: "d", ID: id, Verb: verb, Sent: sent, Seen: sent, Run: p.w.Run()})
		if err != nil {
			t.Fatal(err)
		}
		m, err := nc.Request(bus.CtlSubject("s"), data, patience)
		if err != nil {
			t.Fatal(err)
		}
		r, err := bus.ParseReply(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	before := p.clock.Now()
	if err := sendStop(b, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
		t.Fatal(err)
	}
	p.holds("smoke")
	if r := ask("1", "resume", before); r.OK || !strings.Contains(r.Error, "before the newest word of an emergency stop came here (EMERGENCY STOP: smoke)") {
		t.Errorf("%+v", r)
	}
	p.holds("smoke")
	between := p.clock.Now()
	if err := sendStop(b, bus.Stop{ID: "x", Why: "smoke"}); err != nil { // the same, which is being repeated
		t.Fatal(err)
	}
	soon(t, "the repetition", func() bool { p.g.mu.Lock(); defer p.g.mu.Unlock(); return p.clock.At(p.g.known) > between })
	if r := ask("2", "resume", between); r.OK || p.g.stopCount() != 1 {
		t.Errorf("%+v, %d stops", r, p.g.stopCount())
	}
	p.read()
	if r := ask("3", "resume", p.clock.Now()); !r.OK {
		t.Errorf("%+v", r)
	}
	p.holds("")

	before = p.clock.Now()
	p.call("pause")
	if r := ask("4", "resume", before); r.OK || !strings.Contains(r.Error, "before the newest request to pause") {
		t.Errorf("%+v", r)
	}
	p.call("resume")
	before = p.clock.Now()
	p.call("shadow")
	if r := ask("5", "actuate", before); r.OK || !strings.Contains(r.Error, "before the newest request to go into shadow") || p.w.Intent() != bus.Shadow {
		t.Errorf("%+v", r)
	}
	if r := ask("6", "actuate", p.clock.Now()); !r.OK || p.w.Intent() != bus.Actuate {
		t.Errorf("%+v", r)
	}
}

// TestResumeOfBeforeItWasKnownHere: a stop that came long before a request for resume was sent, and of which this decoder learned behind
// that, is not lifted by it: nobody was shown it. Nor is one that was older than another in force.
func TestResumeOfBeforeItWasKnownHere(t *testing.T) {
	for name, before := range map[string]func(p *post){
		"a pause":      func(p *post) { p.call("pause") },
		"a newer stop": func(p *post) { p.g.hear(bus.Stop{ID: "a", Source: "page", Why: "lunch"}, time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
			before(p)
			sent := p.clock.Now()
			jam := bus.StopAnswer{Decoder: "d", Controller: "arm", StandingStop: bus.StandingStop{ID: "b", Why: "the arm jams", SinceMS: 60e3}}
			p.g.told(jam, time.Now())
			if r := p.resume(sent); r.OK || !strings.Contains(r.Error, "before the newest word of an emergency stop came here") {
				t.Errorf("%+v", r)
			}
			p.holds("EMERGENCY STOP")
			sent = p.clock.Now()
			p.g.told(jam, time.Now()) // it says so to each heartbeat
			p.read()
			if r := p.resume(sent); !r.OK {
				t.Errorf("%+v", r)
			}
			p.holds("")
			p.g.told(jam, time.Now())
			p.holds("")
		})
	}
}

// TestResumeLiftsWhatWasSeen: a request of now from somebody who has not seen the stop lifts nothing, and nor does one that does not say
// what was seen; one that has seen all says what it has lifted.
func TestResumeLiftsWhatWasSeen(t *testing.T) {
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	p.call("pause")
	ask := func(seen int64) bus.Reply {
		t.Helper()
		return p.ctl.Call(t.Context(), bus.Request{Verb: "resume", Sent: p.clock.Now(), Seen: seen, Run: p.w.Run()})
	}
	look := p.g.telemetry()
	if look.HeldBy != "paused by an operator" {
		t.Fatalf("shown: %+v", look)
	}
	p.g.hear(bus.Stop{ID: "a", Source: "page", Why: "lunch"}, time.Now())
	p.g.hear(bus.Stop{ID: "b", Why: "the arm jams"}, time.Now())
	if r := ask(look.TPublish); r.OK || !strings.Contains(r.Error, "before the newest word of an emergency stop came here (EMERGENCY STOP: the arm jams (and 1 more))") {
		t.Errorf("shown was a pause: %+v", r)
	}
	if r := ask(0); r.OK || !strings.Contains(r.Error, "does not say in t_seen_ns") || !strings.Contains(r.Error, "the arm jams") {
		t.Errorf("without what was seen: %+v", r)
	}
	p.holds("the arm jams (and 1 more)")
	look = p.g.telemetry()
	p.call("shadow") // is no reason to ask again
	p.read()
	r := ask(look.TPublish)
	var s standing
	if err := json.Unmarshal(r.Result, &s); err != nil || !r.OK || len(s.Lifted) != 2 || s.Lifted[0].ID != "a" || s.Lifted[1].ID != "b" || s.Lifted[1].Why != "the arm jams" {
		t.Errorf("%+v, %s, %v", r, r.Result, err)
	}
	p.holds("")
	p.call("pause")
	if r := ask(0); !r.OK || strings.Contains(string(r.Result), "lifted") { // t_sent_ns says it of a pause, as before
		t.Errorf("a pause alone: %+v %s", r, r.Result)
	}
}

// TestResumeOfWhatHasOnlyJustCome: who asks for resume when a stop has only just come, or came again, meant something else, whatever look
// it says to have seen: it is refused for a second, and the refusal says what to ask with. A pause is lifted at once.
func TestResumeOfWhatHasOnlyJustCome(t *testing.T) {
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	p.call("pause")
	if r := p.resume(p.clock.Now()); !r.OK {
		t.Errorf("a pause alone: %+v", r)
	}
	for range 2 {
		p.g.hear(bus.Stop{ID: "a", Why: "the arm jams"}, time.Now())
		came := time.Now()
		before := p.clock.Now()
		r := p.resume(before)
		if r.OK || !strings.Contains(r.Error, "and must have been there for 1 s") || !strings.Contains(r.Error, "the arm jams") || r.Seen < before || r.Seen > r.TPublish {
			t.Errorf("at once: %+v", r)
		}
		p.holds("the arm jams")
		ask := func(sent int64) bus.Reply {
			return p.ctl.Call(t.Context(), bus.Request{Verb: "resume", Sent: sent, Seen: r.Seen, Run: p.w.Run()})
		}
		if r := ask(p.clock.At(came.Add(leastShown - 50*time.Millisecond))); r.OK && time.Since(came) < leastShown {
			t.Errorf("of 0.95 s behind it: %+v", r)
		}
		p.read()
		if r := ask(p.clock.Now()); !r.OK || !strings.Contains(string(r.Result), `"id":"a"`) {
			t.Errorf("later, by what the refusal says: %+v %s", r, r.Result)
		}
		p.holds("")
	}
}

// TestResumeByARefusal: what comes behind a refusal is not lifted by somebody who has read that, a stop, another pause, or the shadow.
func TestResumeByARefusal(t *testing.T) {
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	p.g.hear(bus.Stop{ID: "a", Why: "the arm jams"}, time.Now())
	ask := func(verb string, seen int64) bus.Reply {
		p.read()
		return p.ctl.Call(t.Context(), bus.Request{Verb: verb, Sent: p.clock.Now(), Seen: seen, Run: p.w.Run()})
	}
	first := ask("resume", 0)
	if first.OK || first.Seen == 0 || !strings.Contains(first.Error, "this is in force: EMERGENCY STOP: the arm jams;") || strings.Contains(first.Error, "all that is in force") {
		t.Fatalf("%+v", first)
	}
	p.g.hear(bus.Stop{ID: "b", Why: "smoke"}, time.Now())
	if r := p.resume(first.Seen); r.OK || !strings.Contains(r.Error, "before the newest word of an emergency stop came here (EMERGENCY STOP: smoke (and 1 more))") || r.Seen <= first.Seen {
		t.Errorf("%+v", r)
	}
	second := ask("resume", 0)
	p.call("pause")
	third := ask("resume", second.Seen)
	if third.OK || !strings.Contains(third.Error, "before the newest request to pause came") || third.Seen <= second.Seen {
		t.Errorf("%+v", third)
	}
	p.holds("smoke")
	if r := ask("resume", 0); !strings.HasSuffix(r.Error, "; all that is in force: EMERGENCY STOP: smoke; EMERGENCY STOP: the arm jams; paused by an operator") {
		t.Errorf("%+v", r)
	}
	if r := ask("resume", third.Seen); !r.OK {
		t.Errorf("%+v", r)
	}
	p.holds("")
	p.call("shadow")
	r := ask("actuate", third.Seen)
	if r.OK || r.Seen <= third.Seen {
		t.Errorf("%+v", r)
	}
	if r := ask("actuate", r.Seen); !r.OK || p.w.Intent() != bus.Actuate {
		t.Errorf("%+v, %s", r, p.w.Intent())
	}
}

// TestWhatIsDoneIsNotRefused: where whoever asked has gone before the session has seen what was done, the answer, which the log shows,
// says that it is done; what had not begun is refused, and not done later.
func TestWhatIsDoneIsNotRefused(t *testing.T) {
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", "")
	e := &engine{opt: Options{Commands: p.w}, ops: make(chan func()), over: make(chan struct{})} // it stands still
	p.g.attach(e)
	defer close(e.over)
	ask := func(verb string) (bus.Reply, standing) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		now := p.clock.Now()
		r := p.ctl.Call(ctx, bus.Request{Verb: verb, Sent: now, Seen: now, Run: p.w.Run()})
		var s standing
		if r.OK {
			if err := json.Unmarshal(r.Result, &s); err != nil {
				t.Fatal(err)
			}
		}
		return r, s
	}
	for _, c := range []struct{ verb, held string }{{"pause", "paused by an operator"}, {"resume", ""}} {
		r, s := ask(c.verb)
		if !r.OK || s.Held != c.held || !strings.Contains(s.Unseen, "it is done") || s.Phase != "" {
			t.Errorf("%s: %+v, %+v", c.verb, r, s)
		}
		p.holds(c.held)
	}
	for _, verb := range []string{"stop", "accept"} { // the session does these itself
		if r, _ := ask(verb); r.OK || !strings.Contains(r.Error, "whoever asked has gone before the session could begin with it, and nothing was done") {
			t.Errorf("%s: %+v", verb, r)
		}
	}
	select {
	case <-e.ops:
		t.Error("something is done later")
	case <-time.After(20 * time.Millisecond):
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.do(gone, func() error { t.Error("done"); return nil }); err == nil {
		t.Error("no error")
	}
}

// TestAllStopsAreShownAndKept: of all stops in force the newest is shown with how many others there are, each was told when it became
// known, all are on record, and are there again behind a new start.
func TestAllStopsAreShownAndKept(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p := guarding(t, b, "d", file)
	p.g.hear(bus.Stop{ID: "a", Source: "page", Why: "lunch"}, time.Now())
	answer := func(id, why string) {
		p.g.told(bus.StopAnswer{Decoder: "d", Controller: "arm", StandingStop: bus.StandingStop{ID: id, Why: why, SinceMS: 60e3}}, time.Now())
	}
	answer("b", "the arm jams")
	p.holds("EMERGENCY STOP by page: lunch (and 1 more)")
	answer("c", "smoke")
	answer("c", "smoke")
	p.holds("EMERGENCY STOP by page: lunch (and 2 more)")
	if n := p.said.count("EMERGENCY STOP: the arm jams (60.0 s before, says arm of decoder d): no commands are sent"); n != 1 {
		t.Errorf("told %d times of the older one", n)
	}
	onRecord(t, file, "smoke")
	p.end()
	p = guarding(t, b, "d", file)
	p.holds("EMERGENCY STOP by page: lunch (on record since ")
	p.holds(" (and 2 more)")
	for _, why := range []string{"the arm jams", "smoke", "by page: lunch"} {
		if n := p.said.count("EMERGENCY STOP: " + why + " (on record"); n != 1 && why != "by page: lunch" {
			t.Errorf("told %d times of %s", n, why)
		}
	}
	p.call("resume")
	p.holds("")
	onRecord(t, file, "")
	for _, id := range []string{"a", "b", "c"} {
		answer(id, "known")
	}
	p.holds("")
	if p.g.stopCount() != 3 {
		t.Errorf("%d stops", p.g.stopCount())
	}
}

// TestAllStopsAreTold: a decoder that was not there when stops came learns of all of them from another that they hold back, not of the
// newest alone: who lifts them is shown how many there are.
func TestAllStopsAreTold(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	p := guarding(t, b, "d", "")
	for k, s := range []bus.Stop{{ID: "a", Why: "the arm jams"}, {ID: "b", Why: "smoke"}, {ID: "c", Why: "lunch"}} {
		p.g.hear(s, time.Now().Add(time.Duration(k-2)*time.Minute))
	}
	other := guarding(t, b, "other", "")
	other.holds("EMERGENCY STOP: lunch (")
	other.holds("(and 2 more)")
	if s := other.call("resume"); len(s.Lifted) != 3 || s.Lifted[0].ID != "a" || s.Lifted[2].ID != "c" {
		t.Errorf("%+v", s)
	}
	other.beats(10) // the first says so to each
	other.holds("")
	p.holds("(and 2 more)")
}

// TestPauseAndShadowSurviveRestart: each is recalled until an operator ends it, and a stop with them.
func TestPauseAndShadowSurviveRestart(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p := guarding(t, b, "d", file)
	p.call("pause")
	p.call("shadow")
	if err := sendStop(b, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
		t.Fatal(err)
	}
	p.holds("smoke")
	again := func() {
		p.end()
		p = guarding(t, b, "d", file)
	}
	again()
	p.holds("EMERGENCY STOP: smoke (on record since ")
	if n := p.said.count("in SHADOW, as an operator asked (on record since "); n != 1 || p.w.Intent() != bus.Shadow {
		t.Errorf("told %d times, %s", n, p.w.Intent())
	}
	if n := p.said.count("paused by an operator (on record since "); n != 1 {
		t.Errorf("told %d times that it is paused", n)
	}
	p.call("resume")
	p.holds("")
	onRecord(t, file, `"shadow"`)
	again()
	p.holds("")
	if p.w.Intent() != bus.Shadow {
		t.Error("out of the shadow")
	}
	if s := p.call("pause"); s.Held != "paused by an operator" || s.State != bus.Shadow {
		t.Errorf("%+v", s)
	}
	p.call("actuate")
	again()
	p.holds("paused by an operator (on record since ")
	if p.w.Intent() != bus.Actuate {
		t.Error("in shadow")
	}
	p.call("resume")
	onRecord(t, file, "")
	again()
	p.holds("")
	if n := p.said.count("no emergency stop is on record in " + file); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// TestNewestStopCounts: what people read, what is on record and what others are told is the newest stop, in whichever order they are
// heard of; one that is sent again and again is one.
func TestNewestStopCounts(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p := guarding(t, b, "d", file)
	other, err := bus.NewCommandWriter(b, "s", "other", time.Second, bus.NewClock())
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan bus.StopAnswer, 1000)
	asks, err := other.AskStopped(func(a bus.StopAnswer, _ time.Time) { answers <- a })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(asks.Close(), other.Close()); err != nil {
			t.Error(err)
		}
	}()
	is := func(id, why string, count int64) {
		t.Helper()
		p.holds(why)
		onRecord(t, file, why)
		for len(answers) > 0 {
			<-answers
		}
		soon(t, "the answer about "+why, func() bool { a := <-answers; return a.ID == id && a.Why == why })
		if n := p.g.stopCount(); n != count {
			t.Errorf("%d stops, want %d", n, count)
		}
	}
	answer := func(id, why string, ago time.Duration) {
		p.g.told(bus.StopAnswer{Decoder: "d", Controller: "c1", StandingStop: bus.StandingStop{ID: id, Why: why, SinceMS: ago.Seconds() * 1e3}}, time.Now())
	}
	answer("2", "second", time.Minute)
	is("2", "second", 1)
	answer("1", "first", time.Hour)
	is("2", "second", 2)
	answer("", "without an ID", time.Hour)
	answer("2", "second", time.Second) // known, whatever it says of its age
	is("2", "second", 2)
	answer("3", "third", 10*time.Second)
	is("3", "third", 3)
	for range 3 {
		for _, s := range []bus.Stop{{ID: "4", Why: "fourth"}, {ID: "4", Why: "fourth"}} {
			if err := sendStop(b, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	is("4", "fourth", 4)
	for now, k := time.Now(), 0; k < 3; k++ {
		p.g.hear(bus.Stop{Why: "fifth"}, now.Add(time.Duration(k-3)*100*time.Millisecond))
	}
	is("", "fifth", 5)
	p.call("resume")
	for _, id := range []string{"1", "2", "3", "4"} {
		answer(id, "known", 0)
	}
	answer("", "without an ID", time.Hour)
	p.holds("")
	answer("6", "one that nobody has seen", time.Hour)
	p.holds("one that nobody has seen (3600.0 s before, says c1 of decoder d)")
	p.call("resume")
	if err := sendStop(b, bus.Stop{ID: "4", Why: "meant again"}); err != nil { // a message is a stop, whatever was lifted
		t.Fatal(err)
	}
	p.holds("meant again")
}

// TestStopIsPutOnRecordLater: where the drive takes nothing it is tried again until it does, and said once each.
func TestStopIsPutOnRecordLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "full")
	file := filepath.Join(dir, "held.json")
	var notes said
	k := newKeeper(file, 10*time.Millisecond, notes.note)
	h := heldBack{V: bus.Version, Session: "s", Decoder: "d", Stop: &heldStop{ID: "x", Time: time.Now(), Why: "smoke"}}
	k.keep(h)
	soon(t, "the first try", func() bool { return notes.count("THE EMERGENCY STOP COULD NOT BE PUT ON RECORD") == 1 })
	time.Sleep(50 * time.Millisecond) // further tries
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	soon(t, "that it is on record", func() bool { return notes.count("the EMERGENCY STOP is on record now, in "+file) == 1 })
	if got, err := readHeld(file, "s", "d"); err != nil || got.Stop == nil || got.Stop.ID != "x" || got.Stop.Why != "smoke" {
		t.Errorf("%+v, %v", got, err)
	}
	if n := notes.count(""); n != 2 {
		t.Errorf("%d lines: %q", n, notes.lines)
	}
	// Nothing is in force, and the file cannot go: a folder has taken its place.
	if err := errors.Join(os.Remove(file), os.MkdirAll(filepath.Join(file, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	k.keep(heldBack{})
	soon(t, "that it cannot be removed", func() bool { return notes.count("could not be taken back") == 1 })
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	soon(t, "that it is gone", func() bool { return notes.count("nothing that holds the decoder back is on record any more") == 1 })
	if err := k.close(); err != nil {
		t.Error(err)
	}
}

// TestRecordOfOneHoldsOthersOnce: a decoder whose record has a time that has not come yet tells others of its stop, and they know it
// again when an operator has lifted it there; a decoder that only doubts holds nobody else back.
func TestRecordOfOneHoldsOthersOnce(t *testing.T) {
	for name, text := range map[string]string{
		"with an ID": `{"v":1,"session":"s","decoder":"b","stop":{"id":"x","time":"2999-01-01T00:00:00Z","why":"smoke"}}`,
		"without":    `{"v":1,"session":"s","decoder":"b","stop":{"time":"2999-01-01T00:00:00Z","why":"smoke"}}`,
		"damaged":    `{"v":1,"sess`,
	} {
		t.Run(name, func(t *testing.T) {
			bu := bustest.Open(t, bus.Options{})
			file := filepath.Join(t.TempDir(), "s.b.held.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			a := guarding(t, bu, "a", "")
			b := guarding(t, bu, "b", file)
			if name == "damaged" {
				b.holds("it is not known whether an emergency stop is in force: " + file)
				a.beats(5)
				a.holds("")
				return
			}
			b.holds("EMERGENCY STOP: smoke (on record with the time 2999-01-01 ")
			a.holds("EMERGENCY STOP: smoke (0.")
			if words, _ := a.g.holding(); !strings.Contains(words, "says decoder b, which it holds back too)") {
				t.Errorf("held by %q", words)
			}
			a.call("resume")
			a.beats(10) // b says so to each
			a.holds("")
			if n := a.g.stopCount(); n != 1 {
				t.Errorf("%d stops", n)
			}
			b.holds("smoke")
			onRecord(t, file, time.Now().UTC().Format("2006-"))
		})
	}
}

// TestDoubtIsKept: what is asked for while it is not known whether a stop is in force does not make that forgotten.
func TestDoubtIsKept(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := guarding(t, b, "d", file)
	p.call("shadow")
	onRecord(t, file, `"shadow"`)
	p.end()
	p = guarding(t, b, "d", file)
	p.holds("it is not known whether an emergency stop is in force")
	p.call("actuate")
	p.call("resume")
	onRecord(t, file, "")
	p.holds("")
}

// TestLiftedStopsSurviveRestart: a decoder that is started again behind its resumption is not held back once more by others who still
// stand by the stop that was lifted; by one that was not seen here it is, and by a message.
func TestLiftedStopsSurviveRestart(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	p := guarding(t, b, "d", file)
	other := guarding(t, b, "other", "") // nobody resumes it
	if err := sendStop(b, bus.Stop{ID: "x", Why: "smoke"}); err != nil {
		t.Fatal(err)
	}
	p.holds("smoke")
	other.holds("smoke")
	onRecord(t, file, `"stop"`)
	p.call("resume")
	onRecord(t, file, "")
	for range 2 { // and again
		p.end()
		p = guarding(t, b, "d", file)
		p.beats(10) // the other says so to each
		p.holds("")
		if n := p.said.count("no emergency stop is on record in " + file); n != 1 {
			t.Errorf("told %d times", n)
		}
	}
	p.call("pause") // keeps what it does not know of
	onRecord(t, file, `"paused"`)
	onRecord(t, file, `"lifted"`)
	p.call("resume")
	other.end()

	answer := func(id, why string) {
		p.g.told(bus.StopAnswer{Decoder: "d", Controller: "c1", StandingStop: bus.StandingStop{ID: id, Why: why}}, time.Now())
	}
	for k := range keptLifted + 3 {
		answer(fmt.Sprint("y", k), "another")
		p.holds("another")
		p.call("resume")
	}
	p.end()
	kept, err := readHeld(file, "s", "d")
	if err != nil || len(kept.Lifted) != keptLifted || kept.Lifted[0] != "y3" || kept.Lifted[keptLifted-1] != fmt.Sprint("y", keptLifted+2) {
		t.Errorf("kept %v, %v", kept.Lifted, err)
	}
	p = guarding(t, b, "d", file)
	answer("y40", "another")
	p.holds("")
	answer("x", "smoke") // is forgotten, since many came behind it
	p.holds("smoke (")
	p.call("resume")
	if err := sendStop(b, bus.Stop{ID: "y40", Why: "meant again"}); err != nil {
		t.Fatal(err)
	}
	p.holds("meant again")
	onRecord(t, file, "meant again")
	p.end()
	if kept, err = readHeld(file, "s", "d"); err != nil || kept.Stop == nil || slices.Contains(kept.Lifted, "y40") || !slices.Contains(kept.Lifted, "x") {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

// TestStopInForceCounts: a record that names one stop as in force and as lifted, as no decoder writes it, holds the decoder back.
func TestStopInForceCounts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.d.held.json")
	if err := os.WriteFile(file, []byte(`{"v":1,"session":"s","decoder":"d","stop":{"id":"x","time":"2026-01-02T03:04:05Z","why":"smoke"},"lifted":["w","x"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := guarding(t, bustest.Open(t, bus.Options{}), "d", file)
	p.holds("EMERGENCY STOP: smoke (on record since ")
}
