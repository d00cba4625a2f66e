package control

import (
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// sendShadow delivers a command in shadow that is otherwise as good as one can be.
func (b *bench) sendShadow(way time.Duration) Verdict {
	c := b.dec.makeCommand("left", 200*ms)
	c.State = bus.Shadow
	b.t += way
	return b.command(b.t, b.t, c)
}

// A command in shadow is refused and counted as such, whatever valid_for_ms says; the reason shown is its state, until the next one
// that may be acted on.
func TestRule13ShadowIsNotActedOn(t *testing.T) {
	b := newBench()
	b.prove(t)
	for _, valid := range []float64{0, 200} {
		c := b.dec.makeCommand("left", 200*ms)
		c.State, c.ValidForMS = bus.Shadow, valid
		b.verdict(t, b.command(b.t, b.t, c), RefusedShadow)
		b.wants(t, ReasonShadow)
	}
	if b.n.Shadow != 2 || b.n.Received != 2 || b.n.SafeEntries != 0 {
		t.Errorf("%+v", b.n)
	}
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
	b.wants(t, ReasonNone)
	if b.n.Gaps != 0 {
		t.Errorf("%d gaps: a refused command moves seq forward", b.n.Gaps)
	}
}

// What was acted on is taken back by the first command in shadow, long before it expires, and by a heartbeat that says so.
func TestRule13ShadowTakesBack(t *testing.T) {
	for name, shade := range map[string]func(b *bench){
		"a command": func(b *bench) { b.sendShadow(ms) },
		"an old one": func(b *bench) { // 1 s on its way: nobody asks how old what makes safe is
			c := b.dec.makeCommand("left", 200*ms)
			c.State, c.TPublish = bus.Shadow, c.TPublish-int64(time.Second)
			c.TSample = c.TPublish
			b.command(b.t, b.t, c)
		},
		"a heartbeat": func(b *bench) {
			s := b.dec.makeBeat(bus.StateDecoding)
			s.Shadow = true
			b.beat(b.t, b.t, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.stops = true
			b.prove(t)
			b.confirm(b.entries)
			b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
			entries := b.entries
			b.t += 20 * ms
			shade(b)
			b.wants(t, ReasonShadow)
			if b.n.SafeEntries != 1 || b.entries != entries+1 || b.entered != ReasonShadow || !b.stopping {
				t.Errorf("the actuator is not stopped: %+v", b.judge)
			}
		})
	}
}

// Neither what is a duplicate, of an old run, of another decoder or malformed says anything of now.
func TestRule13OldShadowTakesNothingBack(t *testing.T) {
	b := newBench()
	b.prove(t)
	old := b.dec.makeCommand("left", 200*ms)
	old.State = bus.Shadow
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	for want, spoil := range map[Verdict]func(*bus.Command){
		RefusedDuplicate: func(*bus.Command) {},
		RefusedOldRun:    func(c *bus.Command) { c.Run, c.Seq = c.Run-1, 1000 },
		RefusedForeign:   func(c *bus.Command) { c.Decoder = "other" },
		RefusedMalformed: func(c *bus.Command) { c.Seq, c.ValidForMS = 1000, -1 },
	} {
		c := old
		spoil(&c)
		b.verdict(t, b.command(b.t, b.t, c), want)
		b.wants(t, ReasonNone)
	}
}

// Shadow commands are no sign of life to act by: without heartbeats the watchdog barks, and what follows must be proven anew.
func TestRule13ShadowFeedsNoWatchdog(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(5*time.Second, ms), Accepted)
	heard := b.heard
	for range 3 {
		b.t += 100 * ms
		b.verdict(t, b.sendShadow(0), RefusedShadow)
	}
	if b.heard != heard {
		t.Errorf("the watchdog was fed %v later", b.heard-heard)
	}
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedUnproven)
	b.wants(t, ReasonShadow)
	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)

	b.verdict(t, b.sendShadow(ms), RefusedShadow)
	b.wants(t, ReasonShadow)
	b.t += 251 * ms
	b.wants(t, ReasonWatchdog) // not only in shadow: it is gone
}

// A command that does not say whether it may be acted on is malformed, and so is one that says anything else.
func TestRule13NoStateIsMalformed(t *testing.T) {
	for _, state := range []bus.Intent{"", "Actuate", "live"} {
		b := newBench()
		b.prove(t)
		c := b.dec.makeCommand("left", 200*ms)
		c.State = state
		b.verdict(t, b.command(b.t, b.t, c), RefusedMalformed)
		b.wants(t, ReasonNever)
	}
}

// A latched emergency stays what is shown, and an end too.
func TestRule13WhatAnOperatorMustDoComesFirst(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.emergencyStop(b.t)
	b.verdict(t, b.sendShadow(ms), RefusedShadow)
	b.wants(t, ReasonEmergency)
	for range 7 { // until somebody can have looked
		b.t += 80 * ms
		b.sendBeat(ms)
	}
	if err := b.rearm(b.t); err != nil {
		t.Fatal(err)
	}
	b.wants(t, ReasonShadow)
	s := b.dec.makeBeat(bus.StateEnded)
	s.Shadow = true
	b.beat(b.t, b.t, s)
	b.wants(t, ReasonEnded)
}
