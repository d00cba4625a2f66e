package control

import (
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

func TestProofNeedsSpanOnBothClocks(t *testing.T) {
	for name, tc := range map[string]struct {
		arrive, publish, way0 time.Duration // between two heartbeats, on each clock
		n                     int
		want                  bool
	}{
		"3 heartbeats":                  {100 * ms, 100 * ms, 0, 3, false},
		"4 heartbeats":                  {100 * ms, 100 * ms, 0, 4, true},
		"4 heartbeats in 240 ms":        {80 * ms, 80 * ms, 0, 4, false},
		"5 heartbeats in 320 ms":        {80 * ms, 80 * ms, 0, 5, true},
		"burst: no time between":        {0, 100 * ms, 10 * time.Second, 100, false},
		"backlog at 10 times the speed": {10 * ms, 100 * ms, 10 * time.Second, 100, false},
		"backlog at 1.25 times":         {80 * ms, 100 * ms, 10 * time.Second, 400, false},
		"the sender's clock stands":     {100 * ms, ms, 0, 200, false},
	} {
		t.Run(name, func(t *testing.T) {
			var tr transit
			arrival := time.Minute
			publish := int64(1_700_000_000e9)
			for i := range tc.n {
				tr.beat(arrival, publish)
				if tr.even && !tc.want {
					t.Fatalf("proven after %d heartbeats", i+1)
				}
				arrival += tc.arrive
				publish += int64(tc.publish)
			}
			if tr.even != tc.want {
				t.Errorf("proven %v after %d heartbeats, want %v", tr.even, tc.n, tc.want)
			}
		})
	}
}

func TestProofIsLostByAFall(t *testing.T) {
	b := newBench()
	for range 4 {
		b.t += 50 * ms
		b.sendBeat(50 * ms) // all of them slow
	}
	b.verdict(t, b.sendCommand(200*ms, 50*ms), Accepted)
	b.sendBeat(ms) // shows that the base was 49 ms too high
	b.wants(t, ReasonNone)
	if a, _ := b.current(b.t); a.Age != 50*ms {
		t.Errorf("age %v, want 50ms: 49 ms of excess, 1 ms since", a.Age)
	}
	b.verdict(t, b.sendCommand(200*ms, ms), RefusedUnproven)
}

func TestJitterKeepsTheProof(t *testing.T) {
	b := newBench()
	b.prove(t)
	for i := range 100 { // one way in four is 60 ms longer
		way := ms
		if i%4 == 0 {
			way = 61 * ms
		}
		b.sendBeat(way)
		if !b.transit.proven() {
			t.Fatalf("the proof is lost at heartbeat %d", i)
		}
		b.t += 100*ms - way
	}
}

func TestBaseFollowsDrift(t *testing.T) {
	for _, ppm := range []float64{-100, -20, 20, 100, 400} {
		b := newBench()
		b.prove(t)
		start := b.t
		zero := b.dec.ahead
		var worst time.Duration
		for range 36_000 { // an hour
			b.t += 100 * ms
			b.dec.ahead = zero + int64(ppm*1e-6*float64(b.t-start))
			b.sendBeat(0)
			c := b.dec.makeCommand("left", 200*ms)
			b.t += ms
			b.verdict(t, b.command(b.t, b.t, c), Accepted)
			a, _ := b.current(b.t)
			worst = max(worst, a.Age)
		}
		// A clock that loses time on the other raises the delay by up to 40 µs between heartbeats, and the base follows.
		if worst > 2*ms {
			t.Errorf("%g ppm: after an hour a command of 1 ms has the age %v", ppm, worst)
		}
	}
}

// TestOutage is the trap that this package exists for: what was stuck in buffers for 10 s comes in one burst.
func TestOutage(t *testing.T) {
	b := newBench()
	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)

	var beats []bus.Status
	var commands []bus.Command
	for range 100 { // 10 s
		beats = append(beats, b.dec.makeBeat(bus.StateDecoding))
		commands = append(commands, b.dec.makeCommand("right", 5*time.Second))
		b.t += 100 * ms
	}
	b.wants(t, ReasonWatchdog)
	for i := range beats {
		b.beat(b.t, b.t, beats[i])
		b.verdict(t, b.command(b.t, b.t, commands[i]), RefusedUnproven)
		b.wants(t, ReasonWatchdog)
		b.t += 50 * time.Microsecond
	}
	b.prove(t)
	b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
	if a, _ := b.current(b.t); a.Age > 10*ms {
		t.Errorf("age %v after the outage, want at most the drift allowed in 10 s", a.Age)
	}
}

// TestLagThatStays is an outage behind which the link is for ever 3 s late: the base is from before, so that it shows.
func TestLagThatStays(t *testing.T) {
	b := newBench()
	b.prove(t)
	const lag = int64(3 * time.Second)
	b.t += 3 * time.Second
	for range 200 {
		s, c := b.dec.makeBeat(bus.StateDecoding), b.dec.makeCommand("left", time.Second)
		s.TPublish -= lag
		c.TPublish -= lag
		b.beat(b.t, b.t, s)
		if v := b.command(b.t, b.t, c); v == Accepted {
			t.Fatal("a command of 3 s was accepted")
		}
		b.t += 100 * ms
	}
}
