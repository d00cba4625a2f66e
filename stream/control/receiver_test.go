package control

import (
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// rig is a receiver on a fake link with a decoder that sends a heartbeat every 100 ms. It lives in a synctest bubble,
// where time stands still while anything runs, so that every moment is exact.
type rig struct {
	*Receiver
	t     *testing.T
	link  *fakeLink
	dec   sender
	begin time.Time

	mu    sync.Mutex
	safes []safeCall
}

type safeCall struct {
	at  time.Duration
	why Reason
}

func (g *rig) clock() time.Duration { return time.Since(g.begin) }

func newRig(t *testing.T, opt Options) *rig {
	t.Helper()
	g := &rig{t: t, link: &fakeLink{}, begin: time.Now()}
	g.dec = sender{run: 1_700_000_000e9, ahead: 1_700_000_001e9, clock: g.clock}
	opt.Session, opt.Decoder = "s1", "mi"
	if onSafe := opt.OnSafe; onSafe != nil {
		opt.OnSafe = func(why Reason) error {
			g.mu.Lock()
			g.safes = append(g.safes, safeCall{g.clock(), why})
			g.mu.Unlock()
			return onSafe(why)
		}
	}
	var err error
	if g.Receiver, err = New(g.link, opt); err != nil {
		t.Fatal(err)
	}
	return g
}

// beats sends n heartbeats, each at the end of 100 ms.
func (g *rig) beats(n int) {
	for range n {
		time.Sleep(100 * ms) // of the bubble's clock
		g.beat(bus.StateDecoding)
	}
}

// beat sends one heartbeat now, and hears what is said to it.
func (g *rig) beat(state bus.State) {
	g.dec.hear(g.link.onStatus(g.dec.makeBeat(state), time.Now(), true).Nonce)
}

func (g *rig) send(label string, valid time.Duration) {
	g.link.onCommand(g.dec.makeCommand(label, valid))
}

func (l *fakeLink) onCommand(c bus.Command) { l.onCmd(c, time.Now()) }

// wantSafes compares all calls of OnSafe so far.
func (g *rig) wantSafes(want ...safeCall) {
	g.t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.safes) != len(want) {
		g.t.Fatalf("OnSafe calls: %v, want %v", g.safes, want)
	}
	for i := range want {
		if g.safes[i] != want[i] {
			g.t.Fatalf("OnSafe calls: %v, want %v", g.safes, want)
		}
	}
}

func (g *rig) wants(want Reason) {
	g.t.Helper()
	if a, ok := g.Current(); a.Reason != want || ok != (want == ReasonNone) {
		g.t.Fatalf("at %v: reason %q, ok %v; want %q", g.clock(), a.Reason, ok, want)
	}
}

func (g *rig) close() {
	g.t.Helper()
	if err := g.Close(); err != nil {
		g.t.Error(err)
	}
	if g.link.open != 0 {
		g.t.Errorf("%d subscriptions are left", g.link.open)
	}
}

func confirmed(Reason) error { return nil }

func TestStopOnExpiryWithoutAnybodyAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{OnSafe: confirmed})
		defer g.close()
		g.wantSafes(safeCall{0, ReasonNever})
		g.beats(4)
		g.send("left", 120*ms)
		g.wants(ReasonNone)
		g.beats(1)
		g.wantSafes(safeCall{0, ReasonNever})
		time.Sleep(20 * ms)
		g.wantSafes(safeCall{0, ReasonNever}) // 120 ms old, the last moment
		time.Sleep(time.Nanosecond)
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{520*ms + 1, ReasonExpired})
		g.beats(20)
		g.wants(ReasonExpired)
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{520*ms + 1, ReasonExpired}) // once per entry
		g.send("right", 120*ms)
		g.wants(ReasonNone)
		time.Sleep(time.Second)
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{520*ms + 1, ReasonExpired}, safeCall{2520*ms + 1 + 120*ms + 1, ReasonExpired})
		g.wants(ReasonWatchdog)
	})
}

func TestStopOnWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{OnSafe: confirmed, Watchdog: 300 * ms})
		defer g.close()
		g.beats(4)
		g.send("left", 5*time.Second)
		time.Sleep(100 * ms)
		g.send("left", 5*time.Second)
		time.Sleep(10 * time.Second)
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{800*ms + 1, ReasonWatchdog})
		g.wants(ReasonWatchdog)
	})
}

// TestShorterCommandComesLater: the newest command counts, also when it expires before the older one would have.
func TestShorterCommandComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{OnSafe: confirmed})
		defer g.close()
		g.beats(4)
		g.send("left", 240*ms)
		g.send("right", 30*ms)
		time.Sleep(time.Second)
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{430*ms + 1, ReasonExpired})
	})
}

func TestStopAtOnce(t *testing.T) {
	for why, act := range map[Reason]func(*rig){
		ReasonEnded: func(g *rig) { g.beat(bus.StateEnded) },
		ReasonLink:  func(g *rig) { g.link.onLink(false); g.link.onLink(true) },
		ReasonRestarted: func(g *rig) {
			g.dec.run, g.dec.seq, g.dec.beats = g.dec.run+1, 0, 0
			g.beat(bus.StateWaiting)
		},
	} {
		t.Run(string(why), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, Options{OnSafe: confirmed})
				defer g.close()
				g.beats(4)
				g.send("left", 200*ms)
				g.wants(ReasonNone)
				time.Sleep(7 * ms)
				act(g)
				g.wants(why)
				g.wantSafes(safeCall{0, ReasonNever}, safeCall{407 * ms, why})
			})
		})
	}
}

func TestStopIsRetriedUntilConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left atomic.Int64
		g := newRig(t, Options{RetryStop: 30 * ms, OnSafe: func(Reason) error {
			if left.Add(-1) >= 0 {
				return errors.New("the hand does not answer")
			}
			return nil
		}})
		defer g.close()
		g.beats(4)
		g.send("left", 50*ms)
		synctest.Wait()
		left.Store(3)
		g.beats(1)
		g.send("left", 200*ms) // good, but the stop is not confirmed
		g.wants(ReasonExpired)
		g.beats(1)
		g.wantSafes(
			safeCall{0, ReasonNever}, safeCall{450*ms + 1, ReasonExpired}, safeCall{480*ms + 1, ReasonExpired},
			safeCall{510*ms + 1, ReasonExpired}, safeCall{540*ms + 1, ReasonExpired},
		)
		g.send("left", 200*ms)
		g.wants(ReasonNone)
		n := g.Counters()
		if n.Blocked != 1 || n.StopRetries != 3 || n.SafeEntries != 1 {
			t.Errorf("blocked %d, retries %d, entries %d; want 1, 3, 1", n.Blocked, n.StopRetries, n.SafeEntries)
		}
	})
}

func TestLatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{OnSafe: confirmed, Latch: true})
		defer g.close()
		g.beats(4)
		g.send("left", 50*ms)
		g.wants(ReasonNone)
		for range 10 {
			g.beats(1)
			g.send("left", 200*ms)
			g.wants(ReasonExpired)
		}
		if err := g.Rearm(); err != nil {
			t.Fatal(err)
		}
		g.wants(ReasonExpired)
		g.send("left", 200*ms)
		g.wants(ReasonNone)
	})
}

// TestStopPathIsIsolated: neither a callback that hangs nor a stop that hangs keeps Current from telling the truth.
func TestStopPathIsIsolated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		g := newRig(t, Options{OnSafe: confirmed, OnCommand: func(c bus.Command, _ time.Time, _ Verdict) {
			if c.Label == "hang" {
				<-hold
			}
		}})
		defer g.close()
		g.beats(4)
		done := make(chan struct{})
		go func() {
			g.send("hang", 100*ms)
			close(done)
		}()
		synctest.Wait()
		g.wants(ReasonNone)
		time.Sleep(200 * ms)
		g.wants(ReasonExpired)
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{500*ms + 1, ReasonExpired})
		close(hold)
		<-done
	})
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		g := newRig(t, Options{OnSafe: func(why Reason) error {
			if why != ReasonNever {
				<-hold
			}
			return nil
		}})
		g.beats(4)
		g.send("left", 100*ms)
		g.beats(2)
		g.wants(ReasonExpired)
		g.send("left", 100*ms)
		g.wants(ReasonExpired)
		begin := time.Now()
		err := g.Close()
		if err == nil || !strings.Contains(err.Error(), "not confirmed") || !strings.Contains(err.Error(), "has not returned") {
			t.Errorf("Close says %v", err)
		}
		if d := time.Since(begin); d != closeWait {
			t.Errorf("Close took %v, want %v", d, closeWait)
		}
		close(hold)
	})
}

func TestCloseStopsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{OnSafe: confirmed})
		g.beats(4)
		g.send("left", 200*ms)
		g.wants(ReasonNone)
		g.close()
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{400 * ms, ReasonStopped})
		g.wants(ReasonStopped)
		if err := g.Rearm(); err == nil {
			t.Error("a closed receiver was re-armed")
		}

		before := g.Counters()
		g.link.onLink(false) // messages that were under way
		g.send("left", 200*ms)
		g.beats(1)
		g.wants(ReasonStopped)
		if n := g.Counters(); n != before {
			t.Errorf("counters changed behind Close: %+v", n)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseReportsAStopThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jammed := errors.New("jammed")
		g := newRig(t, Options{OnSafe: func(why Reason) error {
			if why == ReasonStopped {
				return jammed
			}
			return nil
		}})
		g.beats(4)
		g.send("left", 200*ms)
		g.link.failSub = errors.New("no link")
		err := g.Close()
		if !errors.Is(err, jammed) || !errors.Is(err, g.link.failSub) {
			t.Errorf("Close says %v", err)
		}
		if n := g.Counters().StopRetries; n < 90 || n > 101 { // every 20 ms for 2 s
			t.Errorf("%d tries, want about 100", n)
		}
	})
}

func TestWithoutOnSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{})
		g.beats(4)
		g.send("left", 50*ms)
		g.wants(ReasonNone)
		time.Sleep(50*ms + 1)
		g.wants(ReasonExpired)
		g.beats(1)
		g.send("left", 50*ms)
		g.wants(ReasonNone)
		g.close()
	})
}

func TestOnCommandAndStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Verdict
		g := newRig(t, Options{OnCommand: func(_ bus.Command, at time.Time, v Verdict) {
			if !at.Equal(time.Now()) {
				t.Errorf("arrival %v, want now", at)
			}
			got = append(got, v)
		}})
		defer g.close()
		g.send("left", 200*ms)
		g.beats(4)
		for _, way := range []time.Duration{10 * ms, 20 * ms, 30 * ms} {
			c := g.dec.makeCommand("left", 25*ms)
			time.Sleep(way)
			g.link.onCommand(c)
		}
		want := []Verdict{RefusedUnproven, Accepted, Accepted, RefusedExpired}
		for i := range want {
			if len(got) != len(want) || got[i] != want[i] {
				t.Fatalf("verdicts %v, want %v", got, want)
			}
		}
		s := g.Stats()
		if s.Transit != (Summary{N: 2, P50: 10, P99: 20, P999: 20, Max: 20}) || s.Age != (Summary{N: 2, P50: 15, P99: 25, P999: 25, Max: 25}) {
			t.Errorf("transit %+v, age %+v", s.Transit, s.Age)
		}
		if s.Received != 4 || s.Expired != 1 || s.Unproven != 1 {
			t.Errorf("counters %+v", s.Counters)
		}
	})
}

// TestArrivalIsNeverInTheFuture: a link that stamps wrongly must not feed the watchdog in advance.
func TestArrivalIsNeverInTheFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{})
		defer g.close()
		g.beats(4)
		g.link.onCmd(g.dec.makeCommand("left", 5*time.Second), time.Now().Add(time.Hour))
		g.wants(ReasonNone)
		time.Sleep(250*ms + 1)
		g.wants(ReasonWatchdog)
	})
}

func TestNewRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		opt  Options
		says string
	}{
		"session":       {Options{Session: "a b", Decoder: "mi"}, "session"},
		"decoder":       {Options{Session: "s1", Decoder: "*"}, "decoder"},
		"watchdog low":  {Options{Session: "s1", Decoder: "mi", Watchdog: 100 * ms}, "Watchdog is 100ms, must be between 240ms and 3s"},
		"watchdog high": {Options{Session: "s1", Decoder: "mi", Watchdog: 4 * time.Second}, "Watchdog"},
		"valid":         {Options{Session: "s1", Decoder: "mi", MaxValid: time.Hour}, "MaxValid"},
		"sample age":    {Options{Session: "s1", Decoder: "mi", MaxSampleAge: -1}, "MaxSampleAge"},
		"dead man":      {Options{Session: "s1", Decoder: "mi", DeadMan: 10 * ms}, "DeadMan is 10ms, must be 0 (no such switch) or 50ms to 5s"},
		"dead man long": {Options{Session: "s1", Decoder: "mi", DeadMan: time.Hour}, "DeadMan"},
		"limit":         {Options{Session: "s1", Decoder: "mi", Limits: Limits{ChangePerS: math.NaN()}}, "Limits.ChangePerS is NaN"},
		"limit below 0": {Options{Session: "s1", Decoder: "mi", Limits: Limits{Commands: -1}}, "Limits.Commands is -1"},
		"retry":         {Options{Session: "s1", Decoder: "mi", RetryStop: 1}, "RetryStop"},
	} {
		if _, err := New(&fakeLink{}, tc.opt); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v, want one about %q", name, err, tc.says)
		}
	}
	broken := &fakeLink{failCmd: errors.New("no such bus")}
	_, err := New(broken, Options{Session: "s1", Decoder: "mi", OnSafe: confirmed})
	if !errors.Is(err, broken.failCmd) || broken.open != 0 {
		t.Errorf("error %v, %d subscriptions left", err, broken.open)
	}
}

func TestCurrentDoesNotAllocate(t *testing.T) {
	g := newRig(t, Options{})
	defer g.close()
	if n := testing.AllocsPerRun(100, func() { g.Current() }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkCurrent(b *testing.B) {
	l := &fakeLink{}
	r, err := New(l, Options{Session: "s1", Decoder: "mi"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Current()
	}
	if err := r.Close(); err != nil {
		b.Error(err)
	}
}
