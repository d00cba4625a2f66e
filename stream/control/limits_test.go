package control

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

// paced is a bench with limits and a proven base.
func paced(t *testing.T, l Limits) *bench {
	b := newBench()
	b.pace = pace{command: period(l.Commands), change: period(l.ClassChanges)}
	b.prove(t)
	return b
}

// sendKind delivers a command at once.
func (b *bench) sendKind(kind bus.CommandKind, label string) Verdict {
	c := b.dec.makeCommand(label, 200*ms)
	c.Kind = kind
	return b.command(b.t, b.t, c)
}

func TestCommandRate(t *testing.T) {
	b := paced(t, Limits{Commands: 20}) // one every 50 ms
	b.verdict(t, b.sendKind(bus.KindClass, "left"), Accepted)
	b.t += 49 * ms
	b.verdict(t, b.sendKind(bus.KindClass, "left"), RefusedRate)
	if a, ok := b.current(b.t); !ok || a.Command.Seq != 1 {
		t.Errorf("acting on %d, want the first, which is valid still", a.Command.Seq)
	}
	b.verdict(t, b.sendKind(bus.KindNone, ""), Accepted) // to stop is always allowed
	b.verdict(t, b.sendKind(bus.KindClass, "left"), RefusedRate)
	b.t += ms
	b.verdict(t, b.sendKind(bus.KindClass, "left"), Accepted)
	if b.n.Rate != 2 || b.n.Received != 5 {
		t.Errorf("counters %+v", b.n)
	}
}

func TestClassChanges(t *testing.T) {
	b := paced(t, Limits{ClassChanges: 2}) // one every 500 ms
	b.verdict(t, b.sendKind(bus.KindClass, "left"), Accepted)
	for range 4 { // to 400 ms
		b.t += 100 * ms
		b.sendBeat(0)
		b.verdict(t, b.sendKind(bus.KindClass, "right"), RefusedChange)
	}
	b.wants(t, ReasonExpired) // nobody asked for "left" again: it is not acted on for ever
	b.verdict(t, b.sendKind(bus.KindNone, ""), Accepted)
	b.verdict(t, b.sendKind(bus.KindClass, "right"), RefusedChange) // a stop between does not make it a new class
	b.t += 100 * ms
	b.verdict(t, b.sendKind(bus.KindClass, "right"), Accepted)
	b.verdict(t, b.sendKind(bus.KindClass, "right"), Accepted)
	if b.n.Change != 5 {
		t.Errorf("counters %+v", b.n)
	}
}

// TestLimitsHold draws commands and limits: whatever comes, what is acted on keeps the limits, and stops at once.
func TestLimitsHold(t *testing.T) {
	changes, slewed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		l := Limits{
			Commands:         rapid.SampledFrom([]float64{0, 3, 20, 50}).Draw(rt, "commands"),
			ClassChanges:     rapid.SampledFrom([]float64{0, 0.7, 2, 10}).Draw(rt, "changes"),
			ChangePerS:       rapid.SampledFrom([]float64{0, 0.5, 3}).Draw(rt, "per s"),
			ChangePerCommand: rapid.SampledFrom([]float64{0, 0.05, 0.4}).Draw(rt, "per command"),
		}
		b := paced(t, l)
		s := slew{perS: l.ChangePerS, perCommand: l.ChangePerCommand}
		var (
			taken            []time.Duration // accepted, not none
			lastLabel        string
			changed          time.Duration
			some             bool
			out, atCommand   []float64
			seq              uint64
			nextBeat, before time.Duration
		)
		for range rapid.IntRange(20, 300).Draw(rt, "turns") {
			b.t += time.Duration(rapid.IntRange(1, 40).Draw(rt, "dt")) * ms
			if b.t >= nextBeat && rapid.IntRange(0, 30).Draw(rt, "silent") > 0 {
				b.sendBeat(0)
				nextBeat = b.t + 80*ms
			}
			c := b.dec.makeCommand(rapid.SampledFrom([]string{"left", "right", "up"}).Draw(rt, "label"), 200*ms)
			if rapid.Bool().Draw(rt, "continuous") {
				c.Kind = bus.KindContinuous
				c.Value = []float64{rapid.Float64Range(-1, 1).Draw(rt, "x"), rapid.Float64Range(-1, 1).Draw(rt, "y")}
			} else if rapid.IntRange(0, 9).Draw(rt, "none") == 0 {
				c.Kind = bus.KindNone
			}
			if b.command(b.t, b.t, c) == Accepted && c.Kind != bus.KindNone {
				if n := len(taken); n > 0 && l.Commands > 0 && (b.t-taken[n-1]).Seconds() < 1/l.Commands-1e-9 {
					rt.Fatalf("two commands %v apart at %g per second", b.t-taken[n-1], l.Commands)
				}
				taken = append(taken, b.t)
				if c.Kind == bus.KindClass && c.Label != lastLabel {
					if some && l.ClassChanges > 0 && (b.t-changed).Seconds() < 1/l.ClassChanges-1e-9 {
						rt.Fatalf("the class changed twice in %v at %g per second", b.t-changed, l.ClassChanges)
					}
					if some {
						changes++
					}
					lastLabel, changed, some = c.Label, b.t, true
				}
			}
			a, ok := b.current(b.t)
			if !ok {
				s.off()
				out, seq = nil, 0
				continue
			}
			if s.limit(b.t, &a) {
				slewed++
			}
			if a.Command.Kind != bus.KindContinuous {
				out, seq = nil, 0
				continue
			}
			v := a.Command.Value
			if out == nil {
				out, before = make([]float64, 2), b.t
			}
			if a.Command.Seq != seq {
				seq, atCommand = a.Command.Seq, slices.Clone(out)
			}
			for k := range v {
				if l.ChangePerS > 0 && math.Abs(v[k]-out[k]) > l.ChangePerS*(b.t-before).Seconds()+1e-12 {
					rt.Fatalf("from %g to %g in %v at %g per second", out[k], v[k], b.t-before, l.ChangePerS)
				}
				if l.ChangePerCommand > 0 && math.Abs(v[k]-atCommand[k]) > l.ChangePerCommand+1e-12 {
					rt.Fatalf("from %g to %g by one command, allowed %g", atCommand[k], v[k], l.ChangePerCommand)
				}
			}
			out, before = slices.Clone(v), b.t
		}
	})
	if changes == 0 || slewed == 0 {
		t.Fatalf("%d changes of class, %d values held back: the property held for nothing", changes, slewed)
	}
}

// TestSlewReaches: a limit delays a value, it does not keep it away; and what others hold is not overwritten.
func TestSlewReaches(t *testing.T) {
	s := slew{perS: 2, perCommand: 0.5}
	mine := []float64{1, -0.2}
	want := [][2]float64{{0, 0}, {0.2, -0.2}, {0.4, -0.2}, {0.5, -0.2}, {0.5, -0.2}} // 0.2 in 100 ms; 0.5 by this command
	for k, w := range want {
		a := Action{Command: bus.Command{Kind: bus.KindContinuous, Run: 1, Seq: 1, Value: mine}}
		first := s.limit(time.Duration(k)*100*ms, &a)
		if v := a.Command.Value; math.Abs(v[0]-w[0]) > 1e-12 || math.Abs(v[1]-w[1]) > 1e-12 || first != (k == 0) {
			t.Errorf("turn %d: %v, first %v; want %v", k, v, first, w)
		}
	}
	a := Action{Command: bus.Command{Kind: bus.KindContinuous, Run: 1, Seq: 2, Value: mine}}
	s.limit(time.Hour, &a) // the next command, after a pause of which 100 ms count
	if v := a.Command.Value[0]; math.Abs(v-0.7) > 1e-12 {
		t.Errorf("after a pause %g, want 0.7", v)
	}
	if mine[0] != 1 || mine[1] != -0.2 {
		t.Errorf("the command itself was changed: %v", mine)
	}
}

// TestSlewInReceiver: limits work through Current, and a safe state begins at 0 again.
func TestSlewInReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{Limits: Limits{ChangePerS: 1}})
		defer g.close()
		g.beats(4)
		send := func() {
			c := g.dec.makeCommand("", 60*ms)
			c.Kind, c.Value, c.Scores = bus.KindContinuous, []float64{1}, nil
			g.link.onCommand(c)
		}
		value := func(want float64) {
			t.Helper()
			if a, ok := g.Current(); !ok || math.Abs(a.Command.Value[0]-want) > 1e-12 {
				t.Fatalf("%v %v, want %g", a.Command.Value, ok, want)
			}
		}
		send()
		value(0)
		time.Sleep(50 * ms)
		value(0.05)
		time.Sleep(50 * ms)
		g.wants(ReasonExpired)
		g.beats(1)
		send()
		value(0)
		if n := g.Counters(); n.Slewed != 2 {
			t.Errorf("%d commands held back, want 2", n.Slewed)
		}
	})
}

func TestDeadMan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{OnSafe: confirmed, DeadMan: 150 * ms})
		defer g.close()
		g.beats(4)
		g.send("left", 200*ms)
		g.wants(ReasonReleased) // it was never held
		g.Hold()
		g.wants(ReasonNever) // a command from before the grip is not acted on
		g.send("left", time.Second)
		g.wants(ReasonNone)
		g.wantSafes(safeCall{0, ReasonNever})
		for range 5 { // renewed
			time.Sleep(80 * ms)
			g.beat(bus.StateDecoding)
			g.Hold()
			g.wants(ReasonNone)
		}
		time.Sleep(149 * ms)
		g.wants(ReasonNone)
		g.beat(bus.StateDecoding)
		time.Sleep(time.Second) // silent: the stop comes without anybody asking
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{950*ms + 1, ReasonReleased})
		g.wants(ReasonReleased)

		g.beats(4)
		g.Hold()
		g.send("left", time.Second)
		g.wants(ReasonNone)
		g.Release()
		g.wants(ReasonReleased)
		g.send("left", time.Second)
		g.wants(ReasonReleased)
		if n := g.Counters(); n.Blocked != 2 || n.SafeEntries != 2 {
			t.Errorf("counters %+v", n)
		}
	})
}

func TestHoldWithoutADeadMan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{})
		defer g.close()
		g.beats(4)
		g.send("left", time.Second)
		g.Hold()
		g.wants(ReasonNone)
		time.Sleep(200 * ms)
		g.Release()
		g.wants(ReasonNone)
	})
}

// TestEmergencyStop: latched whatever the options say, OnSafe again until it works, and only Rearm ends it.
func TestEmergencyStop(t *testing.T) {
	for name, stop := range map[string]func(*rig){
		"called":  func(g *rig) { g.EmergencyStop() },
		"message": func(g *rig) { g.link.onStop(bus.Stop{}, time.Now(), func(bus.StopAnswer) error { return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var left atomic.Int64
				g := newRig(t, Options{OnSafe: func(Reason) error {
					if left.Add(-1) >= 0 {
						return errors.New("the hand does not answer")
					}
					return nil
				}})
				defer g.close()
				g.beats(4)
				g.send("left", time.Second)
				g.wants(ReasonNone)
				synctest.Wait()
				left.Store(2)
				stop(g)
				g.wants(ReasonEmergency)
				if err := g.Rearm(); err == nil {
					t.Error("re-armed before the stop was confirmed")
				}
				g.beats(1)
				g.wantSafes(safeCall{0, ReasonNever}, safeCall{400 * ms, ReasonEmergency}, safeCall{420 * ms, ReasonEmergency}, safeCall{440 * ms, ReasonEmergency})
				for range 5 { // neither commands, nor a new run, nor the link lift it
					g.send("left", time.Second)
					g.wants(ReasonEmergency)
					g.link.onLink(false)
					g.dec.run, g.dec.seq, g.dec.beats = g.dec.run+int64(time.Second), 0, 0
					g.dec.ahead += int64(2 * time.Second)
					g.beats(4)
				}
				stop(g) // where nothing moves it stops again: whoever asks may see what we do not
				g.wantSafes(
					safeCall{0, ReasonNever}, safeCall{400 * ms, ReasonEmergency}, safeCall{420 * ms, ReasonEmergency}, safeCall{440 * ms, ReasonEmergency},
					safeCall{2500 * ms, ReasonEmergency},
				)
				if n := g.Counters(); n.EmergencyStops != 1 || n.SafeEntries != 1 || n.Blocked != 5 {
					t.Errorf("counters %+v", n)
				}
				if a, _ := g.Current(); !a.Latched {
					t.Error("not latched")
				}
				for range 2 { // whoever re-arms now has not seen it, though the one before was seen
					if err := g.Rearm(); err == nil || !strings.Contains(err.Error(), "came just now") {
						t.Errorf("re-armed at once: %v", err)
					}
					if a, _ := g.Current(); !a.Fresh || !a.Latched {
						t.Errorf("%+v", a)
					}
					g.beats(4) // 0.4 s
				}
				if a, _ := g.Current(); a.Fresh || !a.Latched {
					t.Errorf("%+v", a)
				}
				if err := g.Rearm(); err != nil {
					t.Fatal(err)
				}
				g.send("left", time.Second)
				g.wants(ReasonNone)
			})
		})
	}
}

// TestStopOverTheBus: two controllers, one of them slow to stop; the sender hears of both when both stand.
func TestStopOverTheBus(t *testing.T) {
	t.Parallel()
	b := bustest.Open(t, bus.Options{})
	var slow atomic.Int64
	slow.Store(5)
	var seen atomic.Value
	receivers := make([]*Receiver, 2)
	for k := range receivers {
		var err error
		receivers[k], err = New(b, Options{
			Session: "s1", Decoder: "mi",
			OnSafe: func(why Reason) error {
				if k == 1 && why == ReasonEmergency && slow.Add(-1) >= 0 {
					return errors.New("not yet")
				}
				return nil
			},
			OnEmergency: func(s bus.Stop) { seen.Store(s) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := receivers[k].Close(); err != nil {
				t.Error(err)
			}
		})
	}
	sender := bustest.Open(t, bus.Options{URL: b.URL()})
	got, err := sender.SendStop(t.Context(), "s1", bus.Stop{Source: "button"}, 2)
	if err != nil || len(got) != 2 || got[0].Controller == got[1].Controller || got[0].Decoder != "mi" {
		t.Fatalf("%+v, %v", got, err)
	}
	if n := slow.Load(); n > 0 {
		t.Errorf("the answer came with %d tries to go", n)
	}
	for _, r := range receivers {
		if a, ok := r.Current(); ok || a.Reason != ReasonEmergency || !a.Latched {
			t.Errorf("%+v", a)
		}
	}
	if s, _ := seen.Load().(bus.Stop); s.Source != "button" {
		t.Errorf("OnEmergency got %+v", s)
	}
}
