package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
	sessions "github.com/gyrus-bci/gyrus/stream/session"
)

// How long a decoder whose link was broken waits for others to say whether a stop came meanwhile, see docs/protocol.md.
const (
	clearAfter  = 500 * time.Millisecond
	clearWithin = 2 * time.Second

	brokenLink = "the link to the bus is broken"
	unknown    = "it is not known whether an emergency stop came while the link to the bus was broken"
)

// guarded is a decoder that stops hold back, and whose cable can be cut.
type guarded struct {
	*bustest.Cable
	t     *testing.T
	w     *bus.CommandWriter
	ctl   *bus.Ctl
	clock bus.Clock

	mu    sync.Mutex
	notes []string // what people are told
}

func newGuarded(t *testing.T, url string) *guarded {
	t.Helper()
	d := &guarded{Cable: bustest.NewCable(t, url), t: t, clock: bus.NewClock()}
	b := d.Open(t)
	var err error
	if d.w, err = bus.NewCommandWriter(b, session, decoder, valid, d.clock); err != nil {
		t.Fatal(err)
	}
	g, err := sessions.NewGuard(sessions.GuardOptions{Commands: d.w, Clock: d.clock, Stops: b, Note: func(text string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.notes = append(d.notes, text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if d.ctl, err = bus.NewCtl(b, session, decoder, d.w.Run(), d.clock, nil); err != nil {
		t.Fatal(err)
	}
	d.ctl.Handle(g.Verbs()...)
	t.Cleanup(func() {
		if err := errors.Join(d.ctl.Close(), g.Close(), d.w.Close()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// back mends its cable and waits until it speaks to b: it hears then, too.
func (d *guarded) back(b *bus.Bus) {
	d.t.Helper()
	beats := make(chan struct{}, 1)
	sub, err := b.SubscribeStatus(session, func(bus.Status, time.Time) {
		select {
		case beats <- struct{}{}:
		default: // one is enough
		}
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.Mend()
	select {
	case <-beats:
	case <-time.After(15 * time.Second):
		d.t.Fatal("no heartbeat within 15 s behind the cut")
	}
	if err := sub.Close(); err != nil {
		d.t.Error(err)
	}
}

// call asks for a verb from where the decoder is, and decodes what it answers.
func (d *guarded) call(verb string, result any) {
	d.t.Helper()
	now := d.clock.Now()
	r := d.ctl.Call(d.t.Context(), bus.Request{Verb: verb, Sent: now, Seen: now, Run: d.w.Run()})
	if !r.OK {
		d.t.Fatalf("%s: %s", verb, r.Error)
	}
	if err := json.Unmarshal(r.Result, result); err != nil {
		d.t.Fatal(err)
	}
}

// held is what holds it back, "" for nothing.
func (d *guarded) held() string {
	d.t.Helper()
	var s bus.Telemetry
	d.call("status", &s)
	return s.HeldBy
}

// holds waits until words hold the decoder back, "" for nothing at all.
func (d *guarded) holds(words string) {
	d.t.Helper()
	var got string
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if got = d.held(); (got == "") == (words == "") && strings.Contains(got, words) {
			return
		}
	}
	d.t.Fatalf("%q holds it back, want %q", got, words)
}

// stays fails where other words hold the decoder back within the given time.
func (d *guarded) stays(words string, wait time.Duration) {
	d.t.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got := d.held(); got != words {
			d.t.Fatalf("%q holds it back, want %q for %v", got, words, wait)
		}
	}
}

// resume is what an operator does who sees how the decoder is, and has done so for a second. It returns the IDs of the stops that this lifts.
func (d *guarded) resume() (lifted []string) {
	d.t.Helper()
	d.stays(d.held(), time.Second+turns)
	var s struct {
		Lifted []struct{ ID string }
	}
	d.call("resume", &s)
	for _, l := range s.Lifted {
		lifted = append(lifted, l.ID)
	}
	return lifted
}

// told counts what people were told that begins with the words.
func (d *guarded) told(words string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, text := range d.notes {
		if strings.HasPrefix(text, words) {
			n++
		}
	}
	return n
}

// stops sends s from b until a controller stands. It returns the name of that.
func stops(t *testing.T, b *bus.Bus, s bus.Stop) (controller string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	stood, err := b.SendStop(ctx, session, s, 1)
	if err != nil || len(stood) != 1 {
		t.Fatalf("%+v, %v", stood, err)
	}
	return stood[0].Controller
}

// cutOff runs fn for each example that is ready: its cable, and that of a decoder, can be cut.
func cutOff(t *testing.T, fn func(t *testing.T, b *bus.Bus, c *controller, cable *bustest.Cable, d *guarded)) {
	for name, command := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := command(t)
			b := bustest.Open(t, bus.Options{})
			cable := bustest.NewCable(t, b.URL())
			c := start(t, append(args, cable.URL(), session, decoder)...)
			c.says(t, "ready", 0)
			d := newGuarded(t, b.URL())
			begun := time.Now().Add(time.Second) // so long may an answer be on its way
			within(t, "the decoder to hear itself", func() bool { return d.w.HeardUntil().After(begun) })
			d.holds("")
			fn(t, b, c, cable, d)
		})
	}
}

// TestExampleClearsADecoder: behind a broken link a decoder goes on by itself where an example says that no stop came.
func TestExampleClearsADecoder(t *testing.T) {
	t.Parallel()
	cutOff(t, func(t *testing.T, b *bus.Bus, c *controller, _ *bustest.Cable, d *guarded) {
		const said = "no emergency stop is in force behind a broken link to the bus, says "
		for range 2 {
			d.Cut()
			d.holds(brokenLink)
			mended := time.Now()
			d.back(b)
			d.holds("")
			if waited := time.Since(mended); waited < clearAfter {
				t.Errorf("it went on %v behind the link, must ask for at least %v", waited, clearAfter)
			}
		}
		name := stops(t, b, bus.NewStop("test", "")) // whose words the others were
		if n := d.told(said + name + " of decoder " + decoder); n != 2 || d.told(said) != 2 {
			t.Errorf("people were told %d times that %s says so, of %q", n, name, d.notes)
		}
		if d.told(unknown) != 0 {
			t.Errorf("people were told that nobody says so: %q", d.notes)
		}
	})
}

// TestExampleClearsOnlyWhatItHeard: an example that was cut off too, or was started again, says for how long it has listened, so that its
// word does not count for a decoder that missed a stop before.
func TestExampleClearsOnlyWhatItHeard(t *testing.T) {
	t.Parallel()
	for what, misses := range map[string]func(t *testing.T, b *bus.Bus, c *controller, cable *bustest.Cable){
		"behind the same break": func(t *testing.T, b *bus.Bus, c *controller, cable *bustest.Cable) {
			mark := c.mark()
			cable.Cut()
			if stood, err := b.SendStop(shortly(t), session, bus.NewStop("button", "smoke"), 1); err == nil || len(stood) != 0 {
				t.Fatalf("whoever stops is told %+v, %v", stood, err)
			}
			cable.Mend()
			c.quiet(t, mark, "safe link")
		},
		"started again": func(t *testing.T, b *bus.Bus, c *controller, _ *bustest.Cable) {
			stops(t, b, bus.NewStop("button", "smoke"))
			if err := c.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-c.ended
			start(t, c.cmd.Args...).says(t, "ready", 0)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cutOff(t, func(t *testing.T, b *bus.Bus, c *controller, cable *bustest.Cable, d *guarded) {
				d.Cut()
				d.holds(brokenLink)
				misses(t, b, c, cable)
				d.back(b)
				d.holds(unknown)
				words := d.held()
				if !strings.Contains(words, " knows of none, and has heard all for ") {
					t.Errorf("%q holds it back", words)
				}
				d.stays(words, clearWithin)
				if n := d.told("no emergency stop is in force"); n != 0 {
					t.Errorf("people were told that no stop came: %q", d.notes)
				}
				d.resume()
				d.holds("")
			})
		})
	}
}

// shortly ends in a second.
func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestExampleStopsADecoderThatWasCutOff: a stop that comes while the decoder does not hear holds it back when its link is whole again, by
// the word of the example that heard it, until an operator resumes the decoder.
func TestExampleStopsADecoderThatWasCutOff(t *testing.T) {
	t.Parallel()
	cutOff(t, func(t *testing.T, b *bus.Bus, c *controller, _ *bustest.Cable, d *guarded) {
		d.Cut()
		d.holds(brokenLink)
		stop := bus.NewStop("button", "smoke")
		name := stops(t, b, stop)
		c.says(t, "safe emergency", 0)
		d.back(b)
		d.holds("EMERGENCY STOP by button: smoke (")
		words := d.held()
		if want := "says " + name + " of decoder " + decoder + ")"; !strings.HasSuffix(words, want) {
			t.Errorf("%q holds it back, want it to end with %q", words, want)
		}
		d.stays(words, clearAfter+clearWithin)
		c.rearm(t) // lifts nothing there
		d.stays(words, clearAfter)
		if lifted := d.resume(); len(lifted) != 1 || lifted[0] != stop.ID {
			t.Errorf("lifted were %q, want %q", lifted, stop.ID)
		}
		d.stays("", clearAfter)
		if n := d.told("no emergency stop is in force"); n != 0 {
			t.Errorf("people were told that no stop came: %q", d.notes)
		}
	})
}

// TestExampleStandsByTwoStops: of two stops the decoder has heard of the second alone, which an operator lifts by resuming it. The example
// has heard of both, and of the second last: it tells of the first too, which holds the decoder back. When this one is resumed as well, the
// example, which is not re-armed, still stands by both, and neither stops the decoder again. Re-armed it says that no stop is in force.
func TestExampleStandsByTwoStops(t *testing.T) {
	t.Parallel()
	cutOff(t, func(t *testing.T, b *bus.Bus, c *controller, cable *bustest.Cable, d *guarded) {
		first, second := bus.NewStop("button", "smoke"), bus.NewStop("button", "fire")
		d.Cut()
		d.holds(brokenLink)
		stops(t, b, first)
		cable.Cut()
		d.back(b)
		if _, err := b.SendStop(t.Context(), session, second, 0); err != nil {
			t.Fatal(err)
		}
		d.holds("EMERGENCY STOP by button: fire")
		if lifted := d.resume(); len(lifted) != 1 || lifted[0] != second.ID {
			t.Fatalf("lifted were %q, want %q alone", lifted, second.ID)
		}
		d.holds("")

		d.Cut()
		d.holds(brokenLink)
		cable.Mend()
		stops(t, b, second) // whoever sends it sends it until the controller has heard it
		d.back(b)
		d.holds("EMERGENCY STOP by button: smoke (")
		words := d.held()
		d.stays(words, clearAfter+clearWithin)
		if strings.Contains(words, "more") {
			t.Errorf("%q holds it back, but the other stop was resumed", words)
		}
		if lifted := d.resume(); len(lifted) != 1 || lifted[0] != first.ID {
			t.Errorf("lifted were %q, want %q alone", lifted, first.ID)
		}
		d.stays("", time.Second)

		d.Cut()
		d.holds(brokenLink)
		d.back(b)
		d.holds(unknown) // the example stands by both, and does not say that there is none
		d.stays(d.held(), clearAfter)
		c.rearm(t)
		d.holds("")
	})
}

// asker sends heartbeats that ask whether a stop is in force, and whether none is: each is answered by the one or the other.
type asker struct {
	t       *testing.T
	nc      *nats.Conn
	inbox   string
	answers chan *nats.Msg
	clock   bus.Clock
	run     int64
	seq     uint64        // of the decoder that is followed
	listens time.Duration // what was said of it with the newest answer that none is in force
}

func newAsker(t *testing.T, url string) *asker {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	a := &asker{t: t, nc: nc, inbox: nats.NewInbox(), answers: make(chan *nats.Msg, 100), clock: bus.NewClock()}
	a.run = a.clock.Now()
	if _, err := nc.ChanSubscribe(a.inbox, a.answers); err != nil {
		t.Fatal(err)
	}
	return a
}

// asks sends a heartbeat and returns what is said to it: a stop, or nil where none is in force.
func (a *asker) asks(s bus.Status) *bus.StopAnswer {
	a.t.Helper()
	s.V, s.Session, s.Run, s.TPublish, s.State, s.Unheard, s.Nonces = 1, session, a.run, a.clock.Now(), bus.StateWaiting, true, []string{}
	a.sends(bus.StatusSubject(session), s)
	for timeout := time.After(15 * time.Second); ; {
		select {
		case m := <-a.answers:
			if c, err := bus.ParseClear(m.Data); err == nil && c.Session == session && c.Decoder == decoder {
				if c.Seq != s.Seq {
					a.t.Fatalf("%s answers heartbeat %d", m.Data, s.Seq)
				}
				a.listens = time.Duration(c.ListensMS * float64(time.Millisecond))
				return nil
			}
			if stop, err := bus.ParseStopAnswer(m.Data); err == nil && stop.Session == session && stop.Decoder == decoder {
				return &stop
			}
			if _, err := bus.ParseChallenge(m.Data); err != nil {
				a.t.Fatalf("%s answers a heartbeat", m.Data)
			}
		case <-timeout:
			a.t.Fatal("a heartbeat is not answered within 15 s")
		}
	}
}

// number is that number of a decoder that nobody follows.
func (a *asker) number(seq uint64) *bus.StopAnswer {
	a.t.Helper()
	return a.asks(bus.Status{Decoder: "another", Seq: seq})
}

// tells says that a stop holds back the decoder that is followed.
func (a *asker) tells(stop bus.StandingStop) {
	a.t.Helper()
	a.seq++
	a.asks(bus.Status{Decoder: decoder, Seq: a.seq, Stop: &stop})
}

// stops sends a stop and waits until the controller stands.
func (a *asker) stops(v any) {
	a.t.Helper()
	a.sends(bus.StopSubject(session), v)
	for timeout := time.After(15 * time.Second); ; {
		select {
		case m := <-a.answers:
			if _, err := bus.ParseChallenge(m.Data); err == nil {
				continue // the rest of what was said to a heartbeat
			}
			if _, err := bus.ParseStopAnswer(m.Data); err != nil {
				a.t.Fatal(err)
			}
			return
		case <-timeout:
			a.t.Fatal("a stop is not answered within 15 s")
		}
	}
}

func (a *asker) sends(subject string, v any) {
	a.t.Helper()
	data, ok := v.([]byte)
	if !ok {
		var err error
		if data, err = json.Marshal(v); err != nil {
			a.t.Fatal(err)
		}
	}
	if err := a.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: a.inbox, Data: data}); err != nil {
		a.t.Fatal(err)
	}
}

// beside is an example beside a bus.StopLedger that is told the same.
type beside struct {
	*asker
	c      *controller
	ledger bus.StopLedger
	begin  time.Time
}

// hears is told of a message.
func (b *beside) hears(s bus.Stop) {
	b.t.Helper()
	mark := b.c.mark()
	b.stops(s)
	b.ledger.Hear(s, time.Now())
	b.c.says(b.t, "safe emergency", mark)
}

// told is told by a heartbeat of a stop that came so long before the begin.
func (b *beside) told(s bus.Stop, before time.Duration) {
	b.t.Helper()
	mark, now := b.c.mark(), time.Now()
	b.tells(s.Standing(now.Sub(b.begin) + before))
	if b.ledger.Told(s, b.begin.Add(-before)) {
		b.c.says(b.t, "safe emergency", mark)
		return
	}
	<-time.After(turns)
	words, _ := b.c.all()
	for _, w := range words[mark:] {
		if w.text == "safe emergency" {
			b.t.Errorf("%+v, %v before the begin, stops it, and is known or was lifted", s, before)
		}
	}
}

// lifts re-arms, which the example does in its own time.
func (b *beside) lifts() {
	b.t.Helper()
	b.c.rearm(b.t)
	within(b.t, "it to be re-armed", func() bool { return b.number(1) == nil })
	b.ledger.Lift(time.Now())
}

// same compares what heartbeats are told with what the ledger says of them: all stops in turn, with their words and ages.
func (b *beside) same(what string) {
	b.t.Helper()
	for seq := range uint64(len(b.ledger.All()) + 2) {
		got := b.number(seq + 1)
		s, since, stands := b.ledger.InTurn(seq + 1)
		switch {
		case !stands && got == nil:
			continue
		case !stands || got == nil:
			b.t.Fatalf("%s: heartbeat %d is told %+v, want %+v, %v", what, seq+1, got, s, stands)
		}
		want := s.Standing(time.Since(since))
		if got.ID != want.ID || got.Source != want.Source || got.Why != want.Why || math.Abs(got.SinceMS-want.SinceMS) > 2000 {
			b.t.Fatalf("%s: heartbeat %d is told %+v, want %+v", what, seq+1, got.StandingStop, want)
		}
	}
}

// alongside runs fn for each example that is ready.
func alongside(t *testing.T, fn func(t *testing.T, b *beside)) {
	for name, command := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := command(t)
			s := clustered(t, -1)
			c := start(t, append(args, s.ClientURL(), session, decoder)...)
			c.says(t, "ready", 0)
			b := &beside{asker: newAsker(t, s.ClientURL()), c: c, begin: time.Now()}
			fn(t, b)
			c.end(t)
		})
	}
}

// TestExampleKeepsAllStops: what heartbeats are told of the stops that are in force is what bus.StopLedger makes of the same messages,
// heartbeats and re-armings.
func TestExampleKeepsAllStops(t *testing.T) {
	t.Parallel()
	alongside(t, func(t *testing.T, b *beside) {
		b.same("at the begin")
		for _, data := range []string{"", "{", "[1]", "null", "17"} { // within a second: they are one
			b.stops([]byte(data))
			b.ledger.Hear(bus.Stop{}, time.Now())
		}
		b.same("damaged messages")
		for range 2 {
			b.hears(bus.Stop{V: 1, Why: "smoke"})
			<-time.After(2 * time.Second)
		}
		b.same("the same words without an ID, behind a second")

		random := rand.New(rand.NewPCG(1, 2))
		slots := random.Perm(400) // ages: no two stops came within a second or so, but where one without an ID is told again
		for step := range 160 {
			id, fresh, again := "s"+strconv.Itoa(random.IntN(12)), slots[step], slots[random.IntN(step+1)]
			before := func(slot int) time.Duration { return time.Duration(1+slot) * 10 * time.Second }
			switch k := random.IntN(20); {
			case k < 6:
				b.hears(bus.Stop{V: 1, ID: id, Source: "button", Why: fmt.Sprint("heard ", step)})
			case k < 8:
				b.hears(bus.Stop{V: 1, Why: fmt.Sprint("without an ID ", step)})
			case k < 14:
				b.told(bus.Stop{V: 1, ID: id, Source: "page"}, before(fresh))
			case k < 16:
				b.told(bus.Stop{V: 1, Why: fmt.Sprint("told without an ID ", step)}, before(fresh))
			case k < 19:
				b.told(bus.Stop{V: 1, Why: fmt.Sprint("told again without an ID ", step)}, before(again))
			case step > 80: // before, without an ID the age decides
				b.lifts()
			}
			b.same(fmt.Sprint("step ", step))
		}

		b.lifts()
		b.told(bus.Stop{V: 1, Why: "before"}, time.Minute)
		b.same("without an ID, of before the re-arming")
		<-time.After(2 * time.Second)
		b.told(bus.Stop{V: 1, Why: "behind"}, time.Second-time.Since(b.begin))
		b.same("without an ID, of behind the re-arming")
	})
}

// TestExampleBoundsItsStops: floods of stops fill no memory: the newest 64 in force are told of, and the newest 1024 that were lifted are
// known. Long words are cut as bus.Stop does, and ages that are as large as can be are handed on.
func TestExampleBoundsItsStops(t *testing.T) {
	t.Parallel()
	alongside(t, func(t *testing.T, b *beside) {
		long := strings.Repeat("x", 999) + strings.Repeat("ö€", 200) // the cut is within a character
		b.hears(bus.Stop{V: 1, ID: strings.Repeat("ü", 32), Source: long[1:], Why: long})
		b.told(bus.Stop{V: 1, ID: "old"}, 30*365*24*time.Hour)
		b.tells(bus.StandingStop{ID: "oldest", SinceMS: 1e12})
		b.ledger.Told(bus.Stop{ID: "oldest"}, time.Now().Add(-1e12*time.Millisecond))
		b.stops(bus.Stop{V: 1, ID: strings.Repeat("ü", 32) + "x", Why: "an ID of 65 bytes is none"})
		b.ledger.Hear(bus.Stop{V: 1, Why: "an ID of 65 bytes is none"}, time.Now())
		b.same("words and ages")
		b.lifts()

		const flood = bus.MaxLifted + 80
		id := func(k int) string { return "f" + strconv.Itoa(k) }
		for k := range flood {
			b.stops(bus.Stop{V: 1, ID: id(k)})
			b.ledger.Hear(bus.Stop{V: 1, ID: id(k)}, time.Now())
			if k%60 == 59 {
				b.lifts()
			}
		}
		b.lifts()
		for k := range 70 {
			b.stops(bus.Stop{V: 1, ID: id(flood + k)})
			b.ledger.Hear(bus.Stop{V: 1, ID: id(flood + k)}, time.Now())
		}
		b.same("more than are kept")
		b.lifts()
		for k := range flood + 70 { // who still stands by them
			s := bus.Stop{V: 1, ID: id(k)}
			before := time.Duration(flood+70-k) * 10 * time.Second // in the order in which they came
			b.tells(s.Standing(time.Since(b.begin) + before))
			b.ledger.Told(s, b.begin.Add(-before))
		}
		b.same("what was lifted")
	})
}

// TestExampleAnswersWhoAsks: who does not ask whether no stop is in force is not told so, in which decoders of before would see a stop; what
// is no heartbeat of the session is not answered at all, and nothing is said on subjects below gyrus.
func TestExampleAnswersWhoAsks(t *testing.T) {
	t.Parallel()
	alongside(t, func(t *testing.T, b *beside) {
		now := b.clock.Now()
		beat := func(key string, v any) []byte {
			m := map[string]any{"v": 1, "session": session, "decoder": "another", "run": now, "seq": 3, "cmd_seq": 0, "t_publish_ns": now, "state": "waiting", "unheard": true}
			if m[key] = v; v == nil {
				delete(m, key)
			}
			data, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		inbox := nats.NewInbox()
		answers := make(chan *nats.Msg, 100)
		for _, subject := range []string{inbox + ".*", "gyrus.*.answers"} {
			if _, err := b.nc.ChanSubscribe(subject, answers); err != nil {
				t.Fatal(err)
			}
		}
		asks := func(reply string, data []byte) {
			if err := b.nc.PublishMsg(&nats.Msg{Subject: bus.StatusSubject(session), Reply: reply, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
		for _, stands := range []bool{false, true} {
			if stands {
				b.stops(bus.NewStop("test", ""))
			}
			asks("gyrus.s1.answers", beat("", nil))
			asks(inbox+".not-asked", beat("unheard", nil))
			asks(inbox+".not-asked", beat("unheard", false))
			for key, v := range map[string]any{"v": 2, "session": "s2", "run": 0, "seq": 0} {
				asks(inbox+".no-heartbeat", beat(key, v))
			}
			for _, text := range []string{"", "{", "[]", "null", `{"unheard":true}`} {
				asks(inbox+".no-heartbeat", []byte(text))
			}
			asks(inbox+".last", beat("", nil)) // they are answered in the order in which they come
			got := map[string]int{}
			for got["last"] == 0 {
				select {
				case m := <-answers:
					subject := strings.TrimPrefix(m.Subject, inbox+".")
					got[subject]++
					_, notCleared := bus.ParseClear(m.Data)
					_, notStopped := bus.ParseStopAnswer(m.Data) // to a decoder of before either is a stop
					if notStopped != nil || (notCleared != nil) != stands {
						t.Errorf("a stop stands: %v; %s is told %s", stands, subject, m.Data)
					}
				case <-time.After(15 * time.Second):
					t.Fatal("a heartbeat is not answered within 15 s")
				}
			}
			want := map[string]int{"last": 1}
			if stands {
				want["not-asked"] = 2
			}
			if !maps.Equal(got, want) {
				t.Errorf("a stop stands: %v; answered were %v, want %v", stands, got, want)
			}
		}
	})
}
