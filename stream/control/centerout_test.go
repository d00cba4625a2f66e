package control

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

// toTarget is a user without error: it asks for the direction of the target at full speed.
func toTarget(o *CenterOut) Action {
	v := o.View().(*CursorView)
	a := Action{Command: bus.Command{Kind: bus.KindNone, Run: 1, Seq: 1}}
	if v.Target == nil {
		return a
	}
	d := [2]float64{v.Target[0] - v.Position[0], v.Target[1] - v.Position[1]}
	n := max(math.Hypot(d[0], d[1])*10, 1) // slower at the end, so that it can be held
	a.Command.Kind, a.Command.Value = bus.KindContinuous, []float64{d[0] * 10 / n, d[1] * 10 / n}
	return a
}

func TestCenterOutWithoutError(t *testing.T) {
	for _, targets := range []int{2, 4, 8} {
		o := NewCenterOut(NewCursor("left", "right"), targets)
		o.Hold, o.Count = 300*ms, 3*targets
		if err := o.Validate(); err != nil {
			t.Fatal(err)
		}
		goals := map[int]int{}
		for range 100_000 {
			o.Step(10*ms, toTarget(o), true)
			if out, ended := o.Outcome(); ended {
				goals[out.Goal]++
				if out.Result != Hit {
					t.Fatalf("%d targets: %+v", targets, out)
				}
			}
			if o.Done() {
				break
			}
		}
		for k := range targets {
			if goals[k] != 3 {
				t.Errorf("%d targets: goal %d came %d times in 3 blocks", targets, k, goals[k])
			}
		}
		s := o.Score()
		// 0.7 at 0.5 per second, then 0.3 s held, after a pause of 0.5 s; the rest of the way is inside the target.
		if s.Hits != 3*targets || math.Abs(s.TimeToHit-1.7) > 0.05 || math.Abs(s.Seconds-2.2) > 0.05 || *s.PathEfficiency < 0.87 {
			t.Errorf("%d targets: %+v, efficiency %g", targets, s, *s.PathEfficiency)
		}
		if want := math.Log2(float64(targets)) * 60 / s.Seconds; math.Abs(s.ITR-want) > 1e-9 {
			t.Errorf("%d targets: %g bits/min, want %g", targets, s.ITR, want)
		}
	}
}

// TestTrials plays trials by hand: the results, and what stops their clock.
func TestTrials(t *testing.T) {
	begin := func() *CenterOut {
		o := NewCenterOut(NewCursor("left", "right"), 2)
		o.Pause, o.Hold, o.Timeout = 0, 100*ms, time.Second
		o.Cued = true
		o.Cue([2]float64{1, 0})
		return o
	}
	steps := func(o *CenterOut, n int, a Action, ok bool) (ended int) {
		for range n {
			o.Step(10*ms, a, ok)
			if _, e := o.Outcome(); e {
				ended++
			}
		}
		return ended
	}
	none := Action{Command: bus.Command{Kind: bus.KindNone}}
	place := func(o *CenterOut, x float64) { o.Cursor.Position = [2]float64{x, 0} }

	o := begin()
	if n := steps(o, 99, none, true); n != 0 {
		t.Error("it ends before its time")
	}
	if n := steps(o, 200, none, false); n != 0 || o.Score().Trials != 0 {
		t.Error("the clock goes on in a safe state")
	}
	if n := steps(o, 1, none, true); n != 1 || o.outcome.Result != Timeout || o.outcome.Run != 0 || o.outcome.Elapsed != time.Second {
		t.Errorf("outcome %+v, want a timeout without a command", o.outcome)
	}
	if _, ok := o.outcome.Feedback("s1", "mi", FeedbackReward); ok {
		t.Error("feedback on no command")
	}

	o = begin()
	place(o, -0.8)
	steps(o, 12, none, true)
	if o.Score().Misses != 1 {
		t.Errorf("held at the other target: %+v", o.Score())
	}

	o = begin()
	place(o, 0.8)
	steps(o, 10, none, true)
	steps(o, 1, none, false) // breaks the hold
	if n := steps(o, 10, none, true); n != 0 {
		t.Error("what was held before the safe state counts")
	}
	if n := steps(o, 2, none, true); n != 1 || o.outcome.Result != Hit {
		t.Errorf("%d ends, %+v", n, o.outcome)
	}

	o = begin()
	o.Cue([2]float64{-1, 0}) // the next cue comes first
	if o.Score().Timeouts != 1 || o.goal != 1 || o.phase != PhaseGo {
		t.Errorf("goal %d, %+v", o.goal, o.Score())
	}
}

func TestOutcomeFeedback(t *testing.T) {
	o := Outcome{Result: Miss, Meant: "left", Run: 3, Seq: 4, Delay: 12500 * time.Microsecond}
	want := bus.Feedback{Session: "s1", Decoder: "mi", Run: 3, Seq: 4, Reward: -1, Source: "task", Outcome: "miss", DelayMS: 12.5}
	if f, ok := o.Feedback("s1", "mi", FeedbackReward); !ok || f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
	o.Result, want.Outcome, want.Reward, want.Label = Hit, "hit", 1, "left"
	if f, ok := o.Feedback("s1", "mi", FeedbackLabel); !ok || f != want {
		t.Errorf("%+v, want %+v", f, want)
	}
}

// TestFeedbackSender sends over a bus, and counts what a link that hangs does not take.
func TestFeedbackSender(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	got := make(chan bus.Feedback, 3)
	sub, err := b.SubscribeFeedback("s1", "mi", func(f bus.Feedback, _ time.Time) { got <- f })
	if err != nil {
		t.Fatal(err)
	}
	s := NewFeedbackSender(b.SendFeedback)
	o := Outcome{Result: Hit, Run: 3, Seq: 4}
	f, _ := o.Feedback("s1", "mi", FeedbackReward)
	s.Send(f)
	f.V = bus.Version
	if g := <-got; g != f {
		t.Errorf("%+v came, want %+v", g, f)
	}
	s.Close()
	if n := s.Stats(); n != (SentStats{Sent: 1}) {
		t.Errorf("%+v", n)
	}
	if err := sub.Close(); err != nil {
		t.Error(err)
	}

	hang := make(chan struct{})
	s = NewFeedbackSender(func(bus.Feedback) error { <-hang; return bus.ErrNotSent })
	for range feedbackQueue + 10 {
		s.Send(f)
	}
	close(hang)
	s.Close()
	if n := s.Stats(); n.Sent != 0 || n.NotSent != feedbackQueue+10 {
		t.Errorf("%+v, want all %d lost", n, feedbackQueue+10)
	}
}

func TestCenterOutIsDeterministic(t *testing.T) {
	play := func() (frames []View) {
		o := NewCenterOut(NewCursor("left", "right"), 8)
		o.Seed = 7
		for range 3000 {
			o.Step(10*ms, toTarget(o), true)
			frames = append(frames, o.View())
		}
		return frames
	}
	if !reflect.DeepEqual(play(), play()) {
		t.Error("two plays of the same steps differ")
	}
}

func TestCenterOutValidate(t *testing.T) {
	for want, spoil := range map[string]func(*CenterOut){
		"3 targets":      func(o *CenterOut) { o.Targets = 3 },
		"distance is 2":  func(o *CenterOut) { o.Distance = 2 },
		"radius is 0.4":  func(o *CenterOut) { o.Radius = 0.4 },
		"radius is NaN":  func(o *CenterOut) { o.Radius = math.NaN() },
		"hold is -1":     func(o *CenterOut) { o.Hold = -1 },
		"timeout is 0s":  func(o *CenterOut) { o.Timeout = 0 },
		"pause is 2h":    func(o *CenterOut) { o.Pause = 2 * time.Hour },
		"number of tria": func(o *CenterOut) { o.Count = -1 },
		"speed_per_s":    func(o *CenterOut) { o.Cursor.Speed = 0 },
	} {
		o := NewCenterOut(NewCursor("left", "right"), 8)
		spoil(o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
