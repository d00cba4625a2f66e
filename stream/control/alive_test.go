package control

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestReplayAtItsOwnPace: a session was recorded, heartbeats and commands, and is played again with its own stamps and at its own pace to a
// controller that has just begun. It knows of no run, and the delays are as even as those of a decoder that lives: what tells them apart
// is that the recording does not send its nonce back.
func TestReplayAtItsOwnPace(t *testing.T) {
	b := newBench()
	type entry struct {
		at   time.Duration
		beat *bus.Status
		cmd  *bus.Command
	}
	var tape []entry
	for range 50 {
		s, c := b.dec.makeBeat(bus.StateDecoding), b.dec.makeCommand("left", 5*time.Second)
		tape = append(tape, entry{b.t, &s, nil}, entry{b.t + ms, nil, &c})
		b.beat(b.t, b.t, s)
		b.t += 80 * ms
		if len(tape) > 20 {
			b.verdict(t, b.command(b.t, b.t, c), Accepted) // it was a good session
		}
	}
	if len(tape[len(tape)-2].beat.Nonces) == 0 {
		t.Fatal("the tape has no nonces of the controller that heard the session")
	}

	late := newBench()
	late.nonce = func() string { return "another" }
	late.dec.dead = true
	for _, e := range tape {
		late.t = time.Minute + e.at
		if e.beat != nil {
			late.beat(late.t, late.t, *e.beat)
			continue
		}
		late.verdict(t, late.command(late.t, late.t, *e.cmd), RefusedUnproven)
		if a, ok := late.current(late.t); ok || a.Reason != ReasonNever && a.Reason != ReasonUnanswered {
			t.Fatalf("ok %v, %q", ok, a.Reason)
		}
	}
	late.wants(t, ReasonUnanswered) // what people are told
	if late.n.Unproven != 50 || late.n.Received != 50 {
		t.Errorf("counters %+v", late.n)
	}
}

// TestNothingReplayedActs: the same for whatever two runs and a link may do, with operators who re-arm.
func TestNothingReplayedActs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		messages := world(rt, worldJitter, nil, true)
		for _, m := range messages {
			if m.beat != nil {
				m.beat.Nonces = []string{"of-another-controller"}
			}
		}
		asked := 0
		deaf := func(time.Duration, int64, string) { asked++ }
		var rearms []time.Duration
		for range rapid.IntRange(0, 6).Draw(rt, "rearms") {
			rearms = append(rearms, 10*ms*time.Duration(rapid.IntRange(0, int(worldSpan/(10*ms))).Draw(rt, "rearm")))
		}
		j := playTo(deaf, messages, func(now time.Duration, a Action, ok bool) {
			if ok || a.Reason == ReasonOlderRun {
				rt.Fatalf("at %v: ok %v, reason %q", now, ok, a.Reason)
			}
		}, func(message, Verdict) {}, rearms...)
		if j.n.Unproven == 0 || asked == 0 || asked > 2+2*int(worldSpan/echoWait) {
			rt.Fatalf("%d commands are unproven, the decoder was asked %d times", j.n.Unproven, asked)
		}
	})
}

// An older run that does not send the nonce back is a recording: it is not shown, so that no operator follows it.
func TestRule2ReplayedOlderRunIsNotShown(t *testing.T) {
	b, _ := setBack(t)
	b.dec.dead = true
	b.dec.nonces = nil
	for range 4 {
		if got := b.speak(time.Second); got[RefusedOldRun] == 0 || len(got) != 1 {
			t.Fatalf("an older run: %v", got)
		}
		b.wants(t, ReasonWatchdog)
		if err := b.rearm(b.t); err != nil {
			t.Fatal(err)
		}
	}
}

// A nonce counts once, for the run that it was sent to, until the proof is in doubt, and not for longer than the decoder may take.
func TestRule5Nonce(t *testing.T) {
	for name, tc := range map[string]struct {
		doubt func(b *bench)
		want  bool
	}{
		"it comes back":                     {func(*bench) {}, true},
		"behind a silence":                  {func(b *bench) { b.t += 251 * ms; b.advance(b.t) }, false},
		"behind a break of the link":        {func(b *bench) { b.unlink(b.t) }, false},
		"in another run":                    {func(b *bench) { b.dec.run++; b.dec.seq, b.dec.beats = 0, 0 }, false},
		"after half a second":               {func(b *bench) { b.transit.asked = b.t - echoWait }, true},
		"after more than half a second":     {func(b *bench) { b.transit.asked = b.t - echoWait - 1 }, false},
		"among those of other controllers":  {func(b *bench) { b.dec.nonces = append([]string{"a", "b"}, b.dec.nonces...) }, true},
		"it is one of other controllers":    {func(b *bench) { b.dec.nonces = []string{"nonce-0", "nonce-10", ""} }, false},
		"in a heartbeat that was there":     {func(b *bench) { b.dec.beats-- }, false},
		"in a heartbeat that is too old":    {func(b *bench) { b.dec.ahead -= int64(251 * ms) }, false},
		"in a heartbeat of another decoder": {func(b *bench) { b.decoder = "another" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.judge.beat(b.t, b.t, b.dec.makeBeat(bus.StateDecoding))
			s := bus.Status{Session: "s1", Decoder: "mi", Run: b.dec.run, State: bus.StateDecoding}
			b.dec.hear(b.challenge(b.t, &s))
			if len(b.dec.nonces) != 1 || b.challenge(b.t, &s) != "" {
				t.Fatal("the first heartbeat is not answered with a nonce, once")
			}
			tc.doubt(b)
			b.judge.beat(b.t, b.t, b.dec.makeBeat(bus.StateDecoding))
			if b.transit.alive != tc.want {
				t.Errorf("alive is %v, want %v", b.transit.alive, tc.want)
			}
		})
	}
}

// TestLagOfBefore: a link that has been late since before the controller began, by the same time for every message, looks like a difference of
// the clocks. The way of a nonce there and back does not.
func TestLagOfBefore(t *testing.T) {
	for lag, want := range map[time.Duration]bool{100 * ms: true, 2 * time.Second: false} {
		b := newBench()
		type late struct {
			at time.Duration
			s  bus.Status
			c  bus.Command
		}
		var under []late
		var asked []struct {
			at    time.Duration
			nonce string
		}
		for b.t = 0; b.t < 8*time.Second; b.t += 80 * ms {
			for len(asked) > 0 && asked[0].at <= b.t {
				b.dec.nonces, asked = append(b.dec.nonces, asked[0].nonce), asked[1:]
			}
			under = append(under, late{b.t + lag, b.dec.makeBeat(bus.StateDecoding), b.dec.makeCommand("left", 5*time.Second)})
			for len(under) > 0 && under[0].at <= b.t {
				m := under[0]
				under = under[1:]
				b.judge.beat(b.t, b.t, m.s)
				if n := b.challenge(b.t, &m.s); n != "" {
					asked = append(asked, struct {
						at    time.Duration
						nonce string
					}{b.t + lag, n})
				}
				b.command(b.t, b.t, m.c)
			}
		}
		if _, ok := b.current(b.t); ok != want || (b.n.Accepted > 0) != want {
			t.Errorf("late by %v: acts %v, want %v: %+v", lag, ok, want, b.n)
		}
	}
}

// alive is the naive form of the rule that the property tests hold the judge to: a heartbeat of the run of c has brought back, within half a
// second, a nonce that was sent to that run, not before the last silence.
func alive(messages []message, sent map[string]sentNonce, silence, now time.Duration, run int64) bool {
	return slices.ContainsFunc(messages, func(m message) bool {
		return m.beat != nil && m.arrives <= now && m.beat.Run == run && slices.ContainsFunc(m.beat.Nonces, func(n string) bool {
			q, ok := sent[n]
			return ok && q.run == run && q.at >= silence && m.arrives >= q.at && m.arrives-q.at <= 500*ms
		})
	})
}

type sentNonce struct {
	at  time.Duration
	run int64
}
