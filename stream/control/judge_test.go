package control

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// bench is a judge on a clock that the test sets, and a decoder that talks to it.
type bench struct {
	judge
	dec sender
	t   time.Duration
}

// newBench has a sender whose clock is decades ahead, as a wall clock is.
func newBench() *bench {
	b := &bench{judge: judge{session: "s1", decoder: "mi", watchdog: 250 * ms, maxValid: 10 * time.Second}}
	b.nonce = newNonces()
	b.dec = sender{run: 1_700_000_000e9, ahead: 1_700_000_001e9, clock: func() time.Duration { return b.t }}
	b.start()
	return b
}

// newNonces makes nonces.
func newNonces() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("nonce-%d", n) }
}

// beat delivers a heartbeat, and what is said to it.
func (b *bench) beat(now, arrival time.Duration, s bus.Status) {
	b.judge.beat(now, arrival, s)
	b.dec.hear(b.challenge(now, &s))
}

// sendBeat delivers a heartbeat after the given time on its way; the clock stays at the arrival.
func (b *bench) sendBeat(way time.Duration) {
	s := b.dec.makeBeat(bus.StateDecoding)
	b.t += way
	b.beat(b.t, b.t, s)
}

func (b *bench) sendCommand(valid, way time.Duration) Verdict {
	c := b.dec.makeCommand("left", valid)
	b.t += way
	return b.command(b.t, b.t, c)
}

// prove sends heartbeats, one every 100 ms and 1 ms on its way, until the base is proven.
func (b *bench) prove(t *testing.T) {
	t.Helper()
	for range 4 {
		b.t += 99 * ms
		b.sendBeat(ms)
	}
	if !b.transit.proven() {
		t.Fatal("4 even heartbeats over 300 ms prove nothing")
	}
}

func (b *bench) wants(t *testing.T, want Reason) {
	t.Helper()
	a, ok := b.current(b.t)
	if a.Reason != want || ok != (want == ReasonNone) {
		t.Fatalf("at %v: reason %q, ok %v; want %q", b.t, a.Reason, ok, want)
	}
	if !ok && (a.Age != 0 || a.Command.Seq != 0) {
		t.Fatalf("at %v: safe, but there is a command: %+v", b.t, a)
	}
}

func (b *bench) verdict(t *testing.T, got, want Verdict) {
	t.Helper()
	if got != want {
		t.Fatalf("at %v: verdict %q, want %q", b.t, got, want)
	}
}

func TestNothingBeforeFirstCommand(t *testing.T) {
	b := newBench()
	b.wants(t, ReasonNever)
	b.prove(t)
	b.wants(t, ReasonNever)
	b.t += time.Hour
	b.wants(t, ReasonNever)
	if b.n.SafeEntries != 0 {
		t.Errorf("%d safe entries without having acted", b.n.SafeEntries)
	}
}

func TestRule1Malformed(t *testing.T) {
	for name, spoil := range map[string]func(*bus.Command){
		"version":             func(c *bus.Command) { c.V = 2 },
		"run 0":               func(c *bus.Command) { c.Run = 0 },
		"run negative":        func(c *bus.Command) { c.Run = -5 },
		"seq 0":               func(c *bus.Command) { c.Seq = 0 },
		"published never":     func(c *bus.Command) { c.TPublish = 0 },
		"published negative":  func(c *bus.Command) { c.TPublish = math.MinInt64 },
		"published before":    func(c *bus.Command) { c.TPublish = c.Run - 1 },
		"valid never":         func(c *bus.Command) { c.ValidForMS = 0 },
		"valid negative":      func(c *bus.Command) { c.ValidForMS = -1 },
		"valid not a number":  func(c *bus.Command) { c.ValidForMS = math.NaN() },
		"valid for ever":      func(c *bus.Command) { c.ValidForMS = math.Inf(1) },
		"valid for 11 s":      func(c *bus.Command) { c.ValidForMS = 11e3 },
		"age negative":        func(c *bus.Command) { c.AgeMS = -1 },
		"age not a number":    func(c *bus.Command) { c.AgeMS = math.NaN() },
		"confidence above 1":  func(c *bus.Command) { c.Confidence = 1.5 },
		"confidence negative": func(c *bus.Command) { c.Confidence = -0.1 },
		"confidence NaN":      func(c *bus.Command) { c.Confidence = math.NaN() },
		"no label":            func(c *bus.Command) { c.Label = "" },
		"no kind":             func(c *bus.Command) { c.Kind = "" },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.prove(t)
			c := b.dec.makeCommand("left", 200*ms)
			spoil(&c)
			before := b.run
			b.verdict(t, b.command(b.t, b.t, c), RefusedMalformed)
			if b.n.Malformed != 1 || b.run != before || b.seq != 0 || !b.transit.proven() {
				t.Errorf("a malformed command left traces: %+v", b.n)
			}
			b.wants(t, ReasonNever)
		})
	}
}

func TestRule1Foreign(t *testing.T) {
	b := newBench()
	b.prove(t)
	c := b.dec.makeCommand("left", 200*ms)
	c.Session = "s2"
	b.verdict(t, b.command(b.t, b.t, c), RefusedForeign)
	c.Session, c.Decoder = "s1", "other"
	b.verdict(t, b.command(b.t, b.t, c), RefusedForeign)
	c.Decoder = "mi"
	b.verdict(t, b.command(b.t, b.t, c), Accepted)

	// Heartbeats of other decoders share the subject: they neither count nor feed the watchdog.
	before := b.n.Heartbeats
	s := b.dec.makeBeat(bus.StateEnded)
	s.Decoder = "other"
	b.beat(b.t, b.t, s)
	b.wants(t, ReasonNone)
	if b.n.Heartbeats != before || b.n.HeartbeatsRefused != 0 {
		t.Errorf("the heartbeat of another decoder was counted: %+v", b.n)
	}
}

func TestRule1MalformedHeartbeat(t *testing.T) {
	for name, spoil := range map[string]func(*bus.Status){
		"version":          func(s *bus.Status) { s.V = 0 },
		"run 0":            func(s *bus.Status) { s.Run = 0 },
		"seq 0":            func(s *bus.Status) { s.Seq = 0 },
		"published never":  func(s *bus.Status) { s.TPublish = 0 },
		"published before": func(s *bus.Status) { s.TPublish = s.Run - 1 },
		"no state":         func(s *bus.Status) { s.State = "" },
	} {
		b := newBench()
		s := b.dec.makeBeat(bus.StateDecoding)
		spoil(&s)
		b.beat(b.t, b.t, s)
		if b.n.Heartbeats != 0 || b.n.HeartbeatsRefused != 1 || b.transit.known || !b.silent {
			t.Errorf("%s: a malformed heartbeat left traces: %+v", name, b.n)
		}
	}
}

func TestRule2RunNeverGoesBack(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	old := b.dec

	b.dec.run += int64(time.Second)
	b.dec.seq, b.dec.beats = 0, 0
	b.sendBeat(ms)
	b.wants(t, ReasonRestarted) // the old run's command would have been valid for seconds
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedUnproven)

	b.verdict(t, b.command(b.t, b.t, old.makeCommand("right", 200*ms)), RefusedOldRun)
	refused := b.n.HeartbeatsRefused
	b.beat(b.t, b.t, old.makeBeat(bus.StateDecoding))
	if b.n.HeartbeatsRefused != refused+1 {
		t.Error("a heartbeat of an older run was taken")
	}

	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
	b.verdict(t, b.command(b.t, b.t, old.makeCommand("right", 200*ms)), RefusedOldRun)
	if a, ok := b.current(b.t); !ok || a.Command.Label != "left" {
		t.Errorf("an older run moved the controller: %+v", a)
	}
}

// setBack is a bench whose decoder died and was started anew behind its clock was set back by 20 s, and the run of before.
func setBack(t *testing.T) (*bench, sender) {
	t.Helper()
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
	old := b.dec
	b.dec.run -= int64(20 * time.Second)
	b.dec.ahead -= int64(20 * time.Second)
	b.dec.seq, b.dec.beats = 0, 0
	return b, old
}

// speak lets the decoder of the bench send for the given time, and says what became of its commands.
func (b *bench) speak(d time.Duration) map[Verdict]int {
	got := map[Verdict]int{}
	for end := b.t + d; b.t < end; {
		b.t += 79 * ms
		b.sendBeat(ms)
		got[b.sendCommand(200*ms, ms)]++
	}
	return got
}

// A decoder whose clock was set back is an older run: nothing of it is acted on, the reason says so, and it is followed when an
// operator re-arms, from its next command on. What it had before, and runs of before, stay refused.
func TestRule2ClockSetBackIsFollowedBehindRearm(t *testing.T) {
	b, old := setBack(t)
	if got := b.speak(1500 * ms); got[RefusedOldRun] == 0 || len(got) != 1 {
		t.Fatalf("an older run: %v", got)
	}
	b.wants(t, ReasonWatchdog) // the newest may come back yet
	if err := b.rearm(b.t); err != nil {
		t.Fatal(err)
	}
	if got := b.speak(1500 * ms); got[RefusedOldRun] == 0 || len(got) != 1 {
		t.Fatalf("behind a re-arming that was too early: %v", got)
	}
	b.wants(t, ReasonOlderRun)
	before := b.dec
	if err := b.rearm(b.t); err != nil {
		t.Fatal(err)
	}
	for before.seq = 0; before.seq < b.dec.seq; {
		b.verdict(t, b.command(b.t, b.t, before.makeCommand("right", 200*ms)), RefusedDuplicate)
	}
	gaps := b.n.Gaps
	if got := b.speak(time.Second); got[Accepted] == 0 || len(got) != 1 {
		t.Fatalf("behind the re-arming: %v", got)
	}
	if b.n.Gaps != gaps {
		t.Errorf("%d gaps where none was", b.n.Gaps-gaps)
	}
	b.wants(t, ReasonNone)
	b.verdict(t, b.command(b.t, b.t, old.makeCommand("right", 200*ms)), RefusedOldRun) // was the newest
	for _, at := range []int64{old.run - 1, b.dec.run + 1} {                           // any run up to it: it may be a recording
		between := old
		between.run = at
		b.verdict(t, b.command(b.t, b.t, between.makeCommand("right", 200*ms)), RefusedOldRun)
	}
	b.wants(t, ReasonNone)
	b.dec.run, b.dec.ahead, b.dec.seq, b.dec.beats = old.run+1, old.ahead, 0, 0 // and a run newer than all takes over, as ever
	b.sendBeat(ms)
	b.wants(t, ReasonRestarted)
}

// Re-arming follows no older run where commands were replayed without the heartbeats, in a burst with them, beside the newest
// run, where the recording has ended, or where an emergency stop hides that there is one.
func TestRule2RearmFollowsNoReplay(t *testing.T) {
	for name, play := range map[string]func(b *bench, old sender){
		"commands alone": func(b *bench, _ sender) {
			for range 40 {
				b.t += 100 * ms
				b.sendCommand(200*ms, ms)
			}
		},
		"a burst": func(b *bench, _ sender) {
			b.t += 3 * time.Second
			var tape []bus.Status
			clock := b.dec.clock
			for k := range 40 {
				b.dec.clock = func() time.Duration { return b.t + time.Duration(k-40)*80*ms }
				tape = append(tape, b.dec.makeBeat(bus.StateDecoding))
			}
			b.dec.clock = clock
			for _, s := range tape {
				b.t += ms
				b.beat(b.t, b.t, s)
			}
		},
		"beside the newest": func(b *bench, old sender) {
			for range 40 {
				b.t += 80 * ms
				b.sendBeat(0)
				b.beat(b.t, b.t, old.makeBeat(bus.StateDecoding))
			}
		},
		"it has stopped": func(b *bench, _ sender) {
			b.speak(4 * time.Second)
			b.t += 300 * ms
		},
		"it has ended": func(b *bench, _ sender) {
			b.speak(4 * time.Second)
			b.beat(b.t, b.t, b.dec.makeBeat(bus.StateEnded))
		},
		"an emergency": func(b *bench, _ sender) {
			b.speak(4 * time.Second)
			b.emergencyStop(b.t)
			b.speak(lookFirst)
		},
		"the link broke": func(b *bench, _ sender) {
			b.speak(4 * time.Second)
			b.unlink(b.t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, old := setBack(t)
			play(b, old)
			if a, ok := b.current(b.t); ok || a.Reason == ReasonOlderRun {
				t.Fatalf("ok %v, reason %q", ok, a.Reason)
			}
			if err := b.rearm(b.t); err != nil {
				t.Fatal(err)
			}
			b.verdict(t, b.sendCommand(200*ms, ms), RefusedOldRun)
		})
	}
}

// A decoder that ended well and was started anew with its clock set back is shown at once when it has proven to be alive.
func TestRule2ClockSetBackBehindAnEnd(t *testing.T) {
	b, old := setBack(t)
	b.beat(b.t, b.t, old.makeBeat(bus.StateEnded))
	b.speak(500 * ms)
	b.wants(t, ReasonOlderRun)
}

func TestRule2NewRunByCommand(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	b.dec.run += int64(time.Second)
	b.dec.seq, b.dec.beats = 2, 0
	b.verdict(t, b.sendCommand(5*time.Second, ms), RefusedUnproven)
	b.wants(t, ReasonRestarted)
	if b.n.Gaps != 2 {
		t.Errorf("%d gaps, want 2: the new run began with its third command", b.n.Gaps)
	}
}

func TestRule3Sequence(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.dec.seq = 56 // joined late: not a gap
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
	first := b.dec.makeCommand("right", 200*ms)  // 58
	second := b.dec.makeCommand("right", 200*ms) // 59
	third := b.dec.makeCommand("left", 200*ms)   // 60
	b.verdict(t, b.command(b.t, b.t, third), Accepted)
	b.verdict(t, b.command(b.t, b.t, third), RefusedDuplicate)
	b.verdict(t, b.command(b.t, b.t, second), RefusedDuplicate)
	b.verdict(t, b.command(b.t, b.t, first), RefusedDuplicate)
	if a, _ := b.current(b.t); a.Command.Label != "left" || a.Command.Seq != 60 {
		t.Errorf("an overtaken command is acted on: %+v", a.Command)
	}
	want := Counters{Received: 5, Accepted: 2, Duplicate: 3, Gaps: 2, Heartbeats: 4}
	if d := cmp.Diff(want, b.n); d != "" {
		t.Error(d)
	}
}

func TestRule3RefusedMovesSequence(t *testing.T) {
	b := newBench()
	b.prove(t)
	earlier, late := b.dec.makeCommand("left", 500*ms), b.dec.makeCommand("left", 20*ms)
	b.t += 30 * ms
	b.verdict(t, b.command(b.t, b.t, late), RefusedExpired)
	b.verdict(t, b.command(b.t, b.t, earlier), RefusedDuplicate)
}

func TestRule6AgeIsCountedFromPublication(t *testing.T) {
	b := newBench()
	b.prove(t) // 1 ms on the way
	b.verdict(t, b.sendCommand(100*ms, 41*ms), Accepted)
	if a, ok := b.current(b.t); !ok || a.Age != 40*ms {
		t.Fatalf("age %v, ok %v; want 40ms: 41 ms on the way, 1 ms is the fastest", a.Age, ok)
	}
	b.t += 60 * ms
	if a, ok := b.current(b.t); !ok || a.Age != 100*ms {
		t.Fatalf("age %v, ok %v; want 100ms, and the last moment counts", a.Age, ok)
	}
	b.t++
	b.wants(t, ReasonExpired)
	if b.n.SafeEntries != 1 {
		t.Errorf("%d safe entries, want 1", b.n.SafeEntries)
	}
	b.verdict(t, b.sendCommand(100*ms, 101*ms), Accepted)
	b.sendBeat(0)
	b.wants(t, ReasonExpired) // 101 ms old now that a message needed no time at all: the base was 1 ms too high
	b.verdict(t, b.sendCommand(100*ms, 101*ms), RefusedExpired)
}

func TestRule6FasterCommandLowersBase(t *testing.T) {
	b := newBench()
	for range 4 { // a way of 11 ms for heartbeats
		b.t += 89 * ms
		b.sendBeat(11 * ms)
	}
	b.verdict(t, b.sendCommand(200*ms, 31*ms), Accepted)
	if a, _ := b.current(b.t); a.Age != 20*ms {
		t.Fatalf("age %v, want 20ms", a.Age)
	}
	late := b.dec.makeCommand("left", 200*ms)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
	if b.transit.excess(delayOf(b.t, late.TPublish)) != 0 {
		t.Fatal("the fastest command has an excess")
	}
	b.verdict(t, b.sendCommand(200*ms, 31*ms), Accepted)
	if a, _ := b.current(b.t); a.Age != 30*ms {
		t.Errorf("age %v, want 30ms: a command of 1 ms was the fastest", a.Age)
	}

	// More than 20 ms faster than every heartbeat: who knows how far it still falls.
	b = newBench()
	for range 4 {
		b.t += 60 * ms
		b.sendBeat(40 * ms)
	}
	b.verdict(t, b.sendCommand(200*ms, 40*ms), Accepted)
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedUnproven)
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedUnproven)
	b.wants(t, ReasonNone)
}

func TestRule6SampleAge(t *testing.T) {
	b := newBench()
	b.maxSampleAge = 300 * ms
	b.prove(t)
	c := b.dec.makeCommand("left", time.Second)
	c.AgeMS = 200
	b.verdict(t, b.command(b.t, b.t, c), Accepted)
	b.t += 100 * ms
	b.wants(t, ReasonNone)
	b.t++
	b.wants(t, ReasonExpired) // valid for a second, but the sample is older than 300 ms

	for age, want := range map[float64]Verdict{299: Accepted, 301: RefusedExpired, 1e300: RefusedExpired} {
		c := b.dec.makeCommand("left", time.Second)
		c.AgeMS = age
		b.verdict(t, b.command(b.t, b.t, c), want)
	}
}

func TestRule8Watchdog(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	b.t += 150 * ms
	b.sendBeat(ms) // feeds it
	b.t += 250 * ms
	b.wants(t, ReasonNone)
	b.t++
	b.wants(t, ReasonWatchdog)
	if b.n.SafeEntries != 1 {
		t.Fatalf("%d safe entries, want 1", b.n.SafeEntries)
	}

	// The command would be valid for seconds more, but the safe state has forgotten it, and the proof is gone.
	b.sendBeat(ms)
	b.wants(t, ReasonWatchdog)
	b.verdict(t, b.sendCommand(5*time.Second, ms), RefusedUnproven)
	b.prove(t)
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	for range 10 { // commands alone feed it too
		b.t += 200 * ms
		b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	}
	b.wants(t, ReasonNone)
}

func TestRule8ExpiredThenWatchdog(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(100*ms, ms), Accepted)
	b.t += 101 * ms
	b.wants(t, ReasonExpired)
	b.t += 150 * ms
	b.wants(t, ReasonWatchdog) // what is to be seen; no second entry
	if b.n.SafeEntries != 1 {
		t.Errorf("%d safe entries, want 1", b.n.SafeEntries)
	}
}

func TestRule8EarlierDeadlineIsTheReason(t *testing.T) {
	for valid, want := range map[time.Duration]Reason{249 * ms: ReasonExpired, 260 * ms: ReasonWatchdog} {
		b := newBench()
		b.prove(t)
		b.verdict(t, b.sendCommand(valid, ms), Accepted)
		b.t += time.Hour // nobody looked meanwhile
		b.advance(b.t)
		if b.entered != want {
			t.Errorf("valid for %v: entered for %q, want %q", valid, b.entered, want)
		}
	}
}

func TestRule8Ended(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	b.beat(b.t, b.t, b.dec.makeBeat(bus.StateEnded))
	b.wants(t, ReasonEnded)
	b.verdict(t, b.sendCommand(5*time.Second, ms), RefusedOldRun)
	b.t += time.Hour
	b.wants(t, ReasonEnded)
	b.dec.run++
	b.dec.seq, b.dec.beats = 0, 0
	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
}

// A decoder that was paused goes on to send heartbeats, which say that it waits: the command ends with the first of them. One of before
// the command ends nothing, and a command that comes behind the heartbeat, but was sent before it, is not acted on.
func TestRule8Waiting(t *testing.T) {
	b := newBench()
	b.prove(t)
	before := b.dec.makeBeat(bus.StateWaiting) // before the first command
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	b.beat(b.t, b.t, before)
	b.wants(t, ReasonNone)

	late := b.dec.makeCommand("right", 5*time.Second)
	b.beat(b.t, b.t, b.dec.makeBeat(bus.StateWaiting))
	b.wants(t, ReasonWaiting)
	b.verdict(t, b.command(b.t, b.t, late), RefusedExpired)
	b.wants(t, ReasonWaiting)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted) // resumed: the proof was never lost

	b.beat(b.t, b.t, b.dec.makeBeat(bus.StateWaiting))
	b.t += 251 * ms
	b.wants(t, ReasonWatchdog) // what is to be seen: it does not wait, it is gone

	b.dec.run++
	b.dec.seq, b.dec.beats = 0, 0
	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted) // of another run, whose numbers begin anew
}

func TestRule8Link(t *testing.T) {
	b := newBench()
	b.unlink(b.t)
	b.wants(t, ReasonNever)
	b.prove(t)
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	b.unlink(b.t)
	b.wants(t, ReasonLink)
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedUnproven)
	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
}

func TestRule8OldHeartbeatDoesNotFeed(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	for range 5 { // the link delivers, but 400 ms late
		s := b.dec.makeBeat(bus.StateDecoding)
		s.TPublish -= int64(400 * ms)
		b.t += 100 * ms
		b.beat(b.t, b.t, s)
	}
	b.wants(t, ReasonWatchdog)
	b.verdict(t, b.sendCommand(5*time.Second, ms), RefusedUnproven)
}

func TestRule9StopAndLatch(t *testing.T) {
	b := newBench()
	b.stops, b.latch = true, true
	b.start()
	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedBlocked) // the stop at the start is not confirmed
	b.confirm(1)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
	b.t += 201 * ms
	b.wants(t, ReasonExpired)
	b.sendBeat(ms)
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedBlocked)
	if err := b.rearm(b.t); err == nil {
		t.Fatal("re-armed before the stop was confirmed")
	}
	b.confirm(1) // of an older safe state
	if !b.stopping {
		t.Fatal("the confirmation of an older safe state counted")
	}
	b.confirm(2)
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedBlocked)
	if a, _ := b.current(b.t); !a.Latched {
		t.Fatal("not latched")
	}
	if err := b.rearm(b.t); err != nil {
		t.Fatal(err)
	}
	b.wants(t, ReasonExpired) // what came while it was latched is not acted on
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
}
