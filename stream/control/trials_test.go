package control

import (
	"slices"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestSafeBetweenTrials: an emergency stop, or a lost link, in the pause between two trials leaves hand and cursor as they are for as long
// as it lasts, and the next trial waits for its end.
func TestSafeBetweenTrials(t *testing.T) {
	for _, why := range []Reason{ReasonEmergency, ReasonStopped, ReasonLink} {
		for _, form := range []SafeHand{SafeAuto, SafeHold} {
			h := NewHand()
			h.Goals, h.Hold, h.Pause, h.Safe = []string{GraspPower, GraspTripod}, 100*ms, 500*ms, form
			none := Action{Command: bus.Command{Kind: bus.KindNone}}
			h.steps(51, none, true) // the pause
			for i := 0; i < 300 && !h.ended; i++ {
				h.steps(1, class(h.Goals[h.goal]), true)
			}
			before := h.shown()
			if before.Object != ObjectHeld || h.outcome.Result != Hit {
				t.Fatalf("%s: the trial ended as %s with a cup that is %s", form, h.outcome.Result, before.Object)
			}
			h.steps(500, Action{Reason: why}, false)
			if after := h.shown(); !slices.Equal(after.Joints, before.Joints) || after.Grip != before.Grip || after.Object != ObjectHeld {
				t.Errorf("%s, %s: %+v became %+v", why, form, before, after)
			}
			if h.trial != 1 || h.phase != PhasePause {
				t.Errorf("%s, %s: trial %d, %s", why, form, h.trial, h.phase)
			}
			h.steps(51, none, true)
			if after := h.shown(); h.trial != 2 || h.phase != PhaseGo || after.Object != ObjectFree {
				t.Errorf("%s, %s: behind it trial %d, %s, %+v", why, form, h.trial, h.phase, after)
			}
		}
	}

	o := NewCenterOut(NewCursor("left", "right"), 2)
	o.Pause, o.Hold, o.Timeout = 100*ms, 0, time.Second
	step := func(n int, label string, ok bool) {
		for range n {
			o.Step(10*ms, class(label), ok)
		}
	}
	step(11, "left", true)
	for i := 0; i < 200 && !o.ended; i++ {
		o.Step(10*ms, class("left"), true)
	}
	there := o.Cursor.Position
	if there[0] >= 0 {
		t.Fatalf("the trial ended at %v", there)
	}
	step(100, "left", false)
	if o.Cursor.Position != there || o.trial != 1 {
		t.Errorf("from %v to %v, trial %d", there, o.Cursor.Position, o.trial)
	}
	o.Cue([2]float64{1, 0}) // which comes in the safe state
	if o.Cursor.Position != there || o.phase != PhaseGo {
		t.Errorf("a cue took it from %v to %v, %s", there, o.Cursor.Position, o.phase)
	}
	step(100, "left", false)
	if o.Cursor.Position != there || o.elapsed != 0 {
		t.Errorf("behind a cue from %v to %v in %v of the trial", there, o.Cursor.Position, o.elapsed)
	}
	step(1, "", true)
	if o.Cursor.Position != [2]float64{} || o.trial != 2 {
		t.Errorf("the trial begins at %v, number %d", o.Cursor.Position, o.trial)
	}
}
