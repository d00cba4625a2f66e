package control

import (
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestReport: what a page is told is what is drawn, and passes the schema.
func TestReport(t *testing.T) {
	cursor := NewCenterOut(NewCursor("left", "right"), 2)
	cursor.Pause = 0
	hand := NewHand()
	hand.Pause = 0
	for _, sim := range []Simulator{cursor, hand} {
		moved := false
		for _, label := range []string{"right", GraspPower} {
			for range 60 {
				a := Action{Command: bus.Command{Kind: bus.KindClass, Label: label}}
				f := frame(sim, 1, sim.Step(10*time.Millisecond, a, true), a, true, Counters{})
				got := Report(f)
				got.V, got.Session, got.Decoder, got.Controller, got.Seq = bus.Version, "s", "d", "c", 1
				if err := got.Validate(); err != nil {
					t.Fatal(err)
				}
				if got.Kind != f.Simulator || string(got.State) != string(f.State) || got.Label != label {
					t.Fatalf("%+v of %+v", got, f)
				}
				switch v := f.View.(type) {
				case *CursorView:
					if got.Position[0] != v.Position[0] || len(got.Targets) != 2 || len(got.Joints) != 0 {
						t.Fatalf("%+v of %+v", got, v)
					}
					moved = moved || v.Position[0] > 0.1 && got.Target != nil
				case *HandView:
					for k, j := range v.Joints {
						if math.Abs(got.Joints[k].Bend*j.Max-j.Deg) > 1e-9 {
							t.Fatalf("joint %s is bent %g of %g°, is at %g°", j.Name, got.Joints[k].Bend, j.Max, j.Deg)
						}
						moved = moved || got.Joints[k].Bend > 0.2
					}
				}
			}
		}
		if !moved {
			t.Errorf("the %s did not move", sim.View().Name())
		}
	}
}

// reports are what a Reporter sent.
type reports struct {
	mu   sync.Mutex
	all  []bus.Actuator
	fail bool
}

func (r *reports) send(a bus.Actuator) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail {
		return errors.New("no link")
	}
	r.all = append(r.all, a)
	return nil
}

// TestReporter: at most 20 messages a second however often the loop turns, one a second while nothing changes, and a last one.
func TestReporter(t *testing.T) {
	var got reports
	r := NewReporter(got.send, "s", "d", "me")
	sim := NewCenterOut(NewCursor("left", "right"), 2)
	begin := time.Now()
	for k := 0; time.Since(begin) < 300*time.Millisecond; k++ {
		sim.Cursor.Position[0] = float64(k%1000) / 1000
		r.Step(frame(sim, 0, StateMoves, Action{}, true, Counters{}))
		time.Sleep(time.Millisecond)
	}
	time.Sleep(1200 * time.Millisecond) // nothing changes
	r.Close()
	took := time.Since(begin)
	r.Close()
	if s := r.Stats(); s.Sent != uint64(len(got.all)) || s.NotSent != 0 {
		t.Errorf("%+v, %d came", s, len(got.all))
	}
	if n := len(got.all); n < 4 || n > 3+int(0.3/reportPeriod.Seconds())+int(took/time.Second) {
		t.Errorf("%d messages in %s: while it moved for 0.3 s, then once a second, then the last", n, took)
	}
	for k, a := range got.all {
		if a.Seq != uint64(k+1) || a.Controller != "me" || a.Session != "s" || a.Decoder != "d" {
			t.Errorf("message %d: %+v", k, a)
		}
		if want := map[bool]bus.ActuatorState{true: bus.ActuatorEnded, false: bus.ActuatorMoves}[k == len(got.all)-1]; a.State != want {
			t.Errorf("message %d: state %s, want %s", k, a.State, want)
		}
	}

	lost := reports{fail: true}
	r = NewReporter(lost.send, "s", "d", "me")
	r.Close() // nothing was seen: nothing is sent
	if s := r.Stats(); s != (SentStats{}) {
		t.Errorf("%+v", s)
	}
	r = NewReporter(lost.send, "s", "d", "me")
	r.Step(frame(sim, 0, StateMoves, Action{}, true, Counters{}))
	r.Close()
	if s := r.Stats(); s.NotSent == 0 || s.Sent != 0 {
		t.Errorf("without a link: %+v", s)
	}
}
