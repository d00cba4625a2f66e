package control

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// held sends a heartbeat of a decoder that a stop holds back, and returns what is said to it.
func (g *rig) held(stop bus.StandingStop) bus.StatusAnswer {
	s := g.dec.makeBeat(bus.StateWaiting)
	s.Stop = &stop
	return g.link.onStatus(s, time.Now(), true)
}

// TestStartedBehindAStop: a controller that begins while an emergency stop holds its decoder back learns of it from a heartbeat, stands
// latched, and stands by the stop like one that heard it, until it is re-armed here: the decoder that goes on does not do that. The same
// stop does not latch it again then, whatever is said of its age, and another does.
func TestStartedBehindAStop(t *testing.T) {
	for name, stop := range map[string]bus.StandingStop{
		"with an ID": {ID: "x", SinceMS: 60_000, Source: "button", Why: "smoke"},
		"without":    {SinceMS: 60_000, Source: "button", Why: "smoke"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen []bus.Stop
				g := newRig(t, Options{OnSafe: confirmed, OnEmergency: func(s bus.Stop) { seen = append(seen, s) }})
				defer g.close()
				g.wantSafes(safeCall{0, ReasonNever})
				time.Sleep(100 * ms)
				a := g.held(stop)
				g.wantSafes(safeCall{0, ReasonNever}, safeCall{100 * ms, ReasonEmergency})
				g.wants(ReasonEmergency)
				if a.Stop == nil || a.Stop.ID != stop.ID || a.Stop.Why != "smoke" || a.Stop.SinceMS != 60_000 || a.Stop.Controller != g.Name() {
					t.Errorf("the decoder is told %+v", a.Stop)
				}
				aged := stop
				for k := range 5 { // it is one stop
					time.Sleep(80 * ms)
					aged.SinceMS = stop.SinceMS + float64(k+1)*80
					g.held(aged)
				}
				if len(seen) != 1 || seen[0].Source != "button" || seen[0].ID != stop.ID || g.Counters().EmergencyStops != 1 {
					t.Errorf("told of %+v, %+v", seen, g.Counters())
				}

				g.beats(4) // an operator has resumed the decoder
				g.send("left", time.Second)
				g.wants(ReasonEmergency)
				if n := g.Counters(); n.Blocked != 1 {
					t.Errorf("%+v", n)
				}
				if err := g.Rearm(); err != nil {
					t.Fatal(err)
				}
				aged.SinceMS += 400
				g.held(aged) // late
				g.send("left", time.Second)
				g.wants(ReasonNone)

				time.Sleep(20 * ms)
				g.held(bus.StandingStop{ID: "y", SinceMS: 1})
				g.wants(ReasonEmergency)
			})
		})
	}
}

// TestHeldBackElsewhere: a stop that holds back another decoder of the session, or an older run, latches nobody: this controller does not
// follow it, and an operator may have let its own go on.
func TestHeldBackElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, Options{OnSafe: confirmed})
		defer g.close()
		g.beats(4)
		for _, edit := range []func(*bus.Status){
			func(s *bus.Status) { s.Decoder = "another" },
			func(s *bus.Status) { s.Session = "another" },
			func(s *bus.Status) { s.Run-- },
			func(s *bus.Status) { s.Seq = 1 },
		} {
			s := g.dec.makeBeat(bus.StateWaiting)
			s.Stop = &bus.StandingStop{ID: "x"}
			edit(&s)
			if a := g.link.onStatus(s, time.Now(), true); a.Stop != nil {
				t.Errorf("%+v is answered with %+v", s, a.Stop)
			}
		}
		g.send("left", time.Second)
		g.wants(ReasonNone)
	})
}

// TestStopAtTheMomentOfExpiry: a stop that comes while the stop of another safe state is under way is asked for again behind it, and is
// answered only then: what is under way may have been carried out before whatever the operator saw.
func TestStopAtTheMomentOfExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered time.Duration
		g := newRig(t, Options{OnSafe: func(why Reason) error {
			if why != ReasonNever {
				time.Sleep(30 * ms) // a slow hand
			}
			return nil
		}})
		defer g.close()
		g.beats(4)
		g.send("left", 60*ms)
		g.wants(ReasonNone)
		time.Sleep(61 * ms)
		for range 3 { // it is repeated
			time.Sleep(5 * ms)
			g.link.onStop(bus.Stop{ID: "x"}, time.Now(), func(bus.StopAnswer) error { answered = g.clock(); return nil })
		}
		time.Sleep(time.Second)
		g.wantSafes(safeCall{0, ReasonNever}, safeCall{460*ms + 1, ReasonExpired}, safeCall{490*ms + 1, ReasonEmergency})
		if answered != 520*ms+1 {
			t.Errorf("answered at %v", answered)
		}
		g.wants(ReasonEmergency)
	})
}

// TestStopWhileAnotherFails: a stop that comes while the actuator does not take the one before is the one that is tried from then on.
func TestStopWhileAnotherFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		g := newRig(t, Options{RetryStop: 20 * ms, OnSafe: func(Reason) error {
			if fails.Load() {
				return errors.New("the hand does not answer")
			}
			return nil
		}})
		defer g.close()
		g.beats(4)
		g.send("left", 50*ms)
		g.wants(ReasonNone)
		fails.Store(true)
		time.Sleep(60 * ms)
		g.EmergencyStop()
		time.Sleep(30 * ms)
		fails.Store(false)
		time.Sleep(time.Second)
		g.mu.Lock()
		var whys []Reason
		for _, s := range g.safes {
			whys = append(whys, s.why)
		}
		g.mu.Unlock()
		if want := []Reason{ReasonNever, ReasonExpired, ReasonEmergency, ReasonEmergency, ReasonEmergency}; !slices.Equal(whys, want) {
			t.Errorf("OnSafe was asked for %v, want %v", whys, want)
		}
		if err := g.Rearm(); err != nil {
			t.Error(err)
		}
	})
}

// TestDecoderOfBefore: a decoder whose heartbeats are as they should be and do not speak of nonces is older than the controller, and is
// said to be; one whose heartbeats do, and send none back, is a recording, or is not reached. Neither is acted on, and neither is said of
// a decoder before it had the time, or of one that has ended or fallen silent.
func TestDecoderOfBefore(t *testing.T) {
	for name, tc := range map[string]struct {
		nonces []string
		want   Reason
	}{
		"it does not speak of them":   {nil, ReasonOldDecoder},
		"it sends those of others":    {[]string{"of-another"}, ReasonUnanswered},
		"it sends none, but it could": {[]string{}, ReasonUnanswered},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.dec.dead, b.dec.nonces = true, tc.nonces
			for k := range 40 {
				b.t += 80 * ms
				s := b.dec.makeBeat(bus.StateDecoding)
				if tc.nonces != nil && s.Nonces == nil {
					s.Nonces = []string{}
				}
				b.beat(b.t, b.t, s)
				b.verdict(t, b.sendCommand(200*ms, 0), RefusedUnproven)
				want := ReasonNever
				if since := b.t - 80*ms; since >= 320*ms+2*time.Second { // it is even from the fifth heartbeat on
					want = tc.want
				}
				if a, ok := b.current(b.t); ok || a.Reason != want {
					t.Fatalf("heartbeat %d, %v: ok %v, %q, want %q", k+1, b.t, ok, a.Reason, want)
				}
			}
			if tc.want.Words() == "" {
				t.Error("no words for it")
			}
			b.t += 251 * ms
			b.wants(t, ReasonNever)
			b.dec.run, b.dec.seq, b.dec.beats, b.dec.dead, b.dec.nonces = b.dec.run+1, 0, 0, false, nil // it is updated
			b.prove(t)
			b.verdict(t, b.sendCommand(200*ms, ms), Accepted)
		})
	}
}
