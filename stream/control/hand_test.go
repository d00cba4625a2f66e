package control

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// grasping is a hand in a trial that does not end; goal 0 is power.
func grasping(set func(*Hand)) *Hand {
	h := NewHand()
	h.Cued, h.Timeout, h.Hold = true, time.Hour, time.Minute
	if set != nil {
		set(h)
	}
	h.init()
	h.cue(0)
	return h
}

func (h *Hand) steps(n int, a Action, ok bool) (last State) {
	for range n {
		last = h.Step(10*ms, a, ok)
	}
	return last
}

func (h *Hand) shown() *HandView { return h.View().(*HandView) }

// TestHandGrasps: each class closes to its posture where there is no object, and stops at the grip where there is one.
func TestHandGrasps(t *testing.T) {
	for _, g := range graspList {
		h := grasping(func(h *Hand) { h.Object = nil })
		if s := h.steps(1, class(g.name), true); g.name != GraspOpen && s != StateMoves {
			t.Errorf("%s: state %s", g.name, s)
		}
		h.steps(300, class(g.name), true)
		if v := h.shown(); v.Grasp != g.name || v.Object != ObjectNone {
			t.Errorf("%+v", v)
		}
		for j, want := range g.deg {
			if got := h.angle(j); math.Abs(got-want) > 1e-9 {
				t.Errorf("%s: %s at %g°, want %g°", g.name, jointNames[j], got, want)
			}
		}
		if s := h.steps(1, class(g.name), true); s != StateHolds {
			t.Errorf("%s: state %s where it is reached", g.name, s)
		}

		h = grasping(nil)
		h.steps(300, class(g.name), true)
		v := h.shown()
		if want := map[bool]ObjectState{true: ObjectHeld, false: ObjectFree}[g.holds]; v.Object != want {
			t.Errorf("%s: the cup is %s, want %s", g.name, v.Object, want)
		}
		if g.holds && !(v.Grip >= h.Grip && v.Grip <= h.Grip+4*0.45+1e-9) { // one step of 0.9° on 4 fingers at 0.5 N/°
			t.Errorf("%s: grip %g N, want %g", g.name, v.Grip, h.Grip)
		}
		for j, deg := range g.deg {
			if touched := g.holds && h.force(j) > 0; touched && math.Abs(h.angle(j)-0.6*deg) > 1e-9 {
				t.Errorf("%s: %s at %g°, want %g°, where it touches the cup", g.name, jointNames[j], h.angle(j), 0.6*deg)
			}
		}
	}
}

func TestHandLetsGoBeforeAnotherGrasp(t *testing.T) {
	h := grasping(nil)
	h.steps(200, class(GraspPower), true)
	h.steps(200, class(GraspPinch), true)
	if v := h.shown(); v.Object != ObjectDropped || v.Result != "" || h.outcome.Result != Miss {
		t.Errorf("the cup is %s, outcome %+v; want it dropped, and a miss", v.Object, h.outcome)
	}

	h = grasping(nil)
	h.steps(50, class(GraspPower), true)
	closed := h.angle(index) // further than where pinch would touch the cup: it opens first
	if h.steps(1, class(GraspPinch), true); h.angle(index) >= closed || h.shape.name != GraspPower || h.state != ObjectFree {
		t.Errorf("index at %g° from %g°, grasp %s, the cup is %s", h.angle(index), closed, h.shape.name, h.state)
	}
	h.steps(200, class(GraspPinch), true)
	if v := h.shown(); v.Grasp != GraspPinch || v.Object != ObjectHeld {
		t.Errorf("grasp %s, the cup is %s", v.Grasp, v.Object)
	}
}

func TestHandContinuous(t *testing.T) {
	h := grasping(nil)
	h.steps(200, continuous(1), true) // closes with all its force
	if v := h.shown(); v.Object != ObjectCrushed {
		t.Errorf("4 fingers at 10 N leave the cup %s, want it crushed above 25 N", v.Object)
	}

	h = grasping(func(h *Hand) { h.Object.Crush = 100 })
	h.steps(300, continuous(1), true)
	if v := h.shown(); v.Object != ObjectHeld || math.Abs(v.Grip-40) > 1e-9 {
		t.Errorf("grip %g N, want 4 fingers at their limit of 10 N", v.Grip)
	}
	h.steps(10, continuous(-0.5), true) // 4.25° (85/90 of half the speed: the thumb turns 90°) at 0.5 N/° on 4 fingers
	if v := h.shown(); math.Abs(v.Grip-31.5) > 1e-9 {
		t.Errorf("grip %g N, want 31.5 N", v.Grip)
	}
	h.steps(300, continuous(-1), true)
	if v := h.shown(); v.Object != ObjectDropped || v.Grasp != GraspPower {
		t.Errorf("the cup is %s, grasp %s", v.Object, v.Grasp)
	}

	h = grasping(func(h *Hand) { h.Object = nil })
	h.steps(50, continuous(0, 1, 0, 0, 0.5), true) // digits from the thumb on
	want := [joints]float64{index: 45, little: 22.5}
	near := func() {
		t.Helper()
		for j := range joints {
			if math.Abs(h.set[j]-want[j]) > 1e-9 {
				t.Errorf("joints %v, want %v", h.set, want)
			}
		}
	}
	near()
	h.steps(50, continuous(1, 0, -1, 0, 0, 0), true) // with the thumb's rotation first
	want[thumbRotation], want[index] = 45, 0
	near()
	h.steps(400, continuous(1, 1, 1, 1, 1, 1), true)
	if h.set != jointMax {
		t.Errorf("joints %v, want them at their limits", h.set)
	}
}

func TestHandUnknown(t *testing.T) {
	h := grasping(nil)
	h.steps(20, class(GraspPower), true)
	before := h.set
	for _, a := range []Action{class("tongue"), continuous(1, 1), continuous(1, 1, 1, 1, 1, 1, 1), {}} {
		if s := h.steps(1, a, true); s != StateUnknown || h.Knows(&a.Command) {
			t.Errorf("%+v: state %s", a.Command, s)
		}
	}
	for _, a := range []Action{class(GraspPower), continuous(1), continuous(1, 1, 1, 1, 1), continuous(1, 1, 1, 1, 1, 1), {Command: bus.Command{Kind: bus.KindNone}}} {
		if !h.Knows(&a.Command) {
			t.Errorf("%+v: no movement", a.Command)
		}
	}
	if s := h.steps(1, Action{Command: bus.Command{Kind: bus.KindNone}}, true); s != StateHolds || h.set != before || h.Unknown != 4 {
		t.Errorf("state %s, moved %v, %d unknown", s, h.set != before, h.Unknown)
	}
}

// TestHandSafe: what the hand does without a command, with and without a cup in it.
func TestHandSafe(t *testing.T) {
	for _, tc := range []struct {
		safe         SafeHand
		why          Reason
		held, freeze bool
	}{
		{SafeAuto, ReasonExpired, true, true},
		{SafeAuto, ReasonExpired, false, false},
		{SafeHold, ReasonLink, true, true},
		{SafeHold, ReasonLink, false, true},
		{SafeOpen, ReasonWatchdog, true, false},
		{SafeOpen, ReasonWatchdog, false, false},
		{SafeAuto, ReasonEmergency, true, true},
		{SafeAuto, ReasonEmergency, false, true},
		{SafeOpen, ReasonEmergency, true, true},
		{SafeOpen, ReasonStopped, false, true},
	} {
		h := grasping(func(h *Hand) {
			h.Safe = tc.safe
			if !tc.held {
				h.Object = nil
			}
		})
		h.steps(200, class(GraspPower), true)
		before := *h
		if s := h.steps(1, Action{Reason: tc.why}, false); s != StateSafe {
			t.Errorf("%+v: state %s", tc, s)
		}
		h.steps(99, Action{Reason: tc.why}, false)
		if frozen := h.set == before.set; frozen != tc.freeze {
			t.Errorf("%+v: frozen %v", tc, frozen)
		}
		if tc.freeze && h.state != before.state {
			t.Errorf("%+v: the cup is %s", tc, h.state)
		}
		if !tc.freeze { // at half the speed
			if got, want := h.set[ring], max(0, before.set[ring]-45); math.Abs(got-want) > 1 { // what pressed on the cup is gone with it
				t.Errorf("%+v: ring at %g° after a second, want %g°", tc, got, want)
			}
		}
	}
}

// TestHandTask: hits, a wrong grasp, a crushed cup; and whom the outcome names.
func TestHandTask(t *testing.T) {
	for name, tc := range map[string]struct {
		a    Action
		want Result
	}{
		"right grasp":   {class(GraspPower), Hit},
		"other grasp":   {class(GraspTripod), Miss},
		"crushed":       {continuous(1), Miss},
		"nothing":       {Action{Command: bus.Command{Kind: bus.KindNone}}, Timeout},
		"one that none": {class(GraspPoint), Timeout},
	} {
		h := grasping(func(h *Hand) { h.Hold, h.Timeout = 500*ms, 5*time.Second })
		tc.a.Command.Run, tc.a.Command.Seq = 3, 7
		for range 1000 {
			h.Step(10*ms, tc.a, true)
			if h.ended {
				break
			}
		}
		if o := h.outcome; !h.ended || o.Result != tc.want || o.Meant != GraspPower {
			t.Errorf("%s: %+v, want %s", name, o, tc.want)
		}
	}
}

// TestHandLimits draws commands, interruptions and parameters: whatever comes, joints keep their limits, speed and force,
// nothing is NaN, and a frozen hand is frozen.
func TestHandLimits(t *testing.T) {
	seen := map[ObjectState]int{}
	rapid.Check(t, func(rt *rapid.T) {
		h := NewHand()
		h.Speed = rapid.Float64Range(10, 360).Draw(rt, "speed")
		h.Force = rapid.Float64Range(0.5, 50).Draw(rt, "force")
		h.Safe = rapid.SampledFrom([]SafeHand{SafeAuto, SafeHold, SafeOpen}).Draw(rt, "safe")
		h.Hold, h.Timeout, h.Pause = 300*ms, 4*time.Second, 100*ms
		if rapid.IntRange(0, 4).Draw(rt, "object") == 0 {
			h.Object = nil
		}
		if err := h.Validate(); err != nil {
			rt.Fatal(err)
		}
		a, ok := Action{}, false
		before, trial := h.shown(), 0
		for range rapid.IntRange(200, 800).Draw(rt, "steps") {
			if rapid.IntRange(0, 29).Draw(rt, "new") == 0 {
				ok = rapid.IntRange(0, 4).Draw(rt, "ok") > 0
				switch rapid.IntRange(0, 4).Draw(rt, "kind") {
				case 0:
					a = Action{Command: bus.Command{Kind: bus.KindNone}}
				case 1:
					a = continuous(rapid.SliceOfN(rapid.Float64Range(-10, 10), 1, 7).Draw(rt, "value")...)
				case 2:
					a = continuous(1) // squeezes
				default:
					a = class(rapid.SampledFrom(append(GraspNames(), "tongue")).Draw(rt, "label"))
				}
				if !ok {
					a = Action{Reason: rapid.SampledFrom([]Reason{ReasonExpired, ReasonEmergency}).Draw(rt, "why")}
				}
			}
			dt := time.Duration(rapid.IntRange(0, 80).Draw(rt, "dt")) * ms
			held := h.state == ObjectHeld
			h.Step(dt, a, ok)
			now := h.shown()
			seen[now.Object]++
			step := h.Speed*min(dt, maxStep).Seconds() + 1e-9
			for j := range joints {
				v, w := now.Joints[j], before.Joints[j]
				if !(v.Deg >= 0 && v.Deg <= jointMax[j]) || !(v.Force >= 0 && v.Force <= h.Force) {
					rt.Fatalf("%+v is out of its limits", v)
				}
				if now.Trial == trial && math.Abs(v.Deg-w.Deg) > step {
					rt.Fatalf("%s moved from %g to %g in %v at %g per second", v.Name, w.Deg, v.Deg, dt, h.Speed)
				}
			}
			frozen := !ok && (h.Safe == SafeHold || a.Reason == ReasonEmergency || h.Safe == SafeAuto && held)
			if frozen && now.Trial == trial && !reflect.DeepEqual(now.Joints, before.Joints) {
				rt.Fatalf("frozen, and moved from %v to %v", before.Joints, now.Joints)
			}
			before, trial = now, now.Trial
		}
	})
	for _, s := range []ObjectState{ObjectNone, ObjectFree, ObjectHeld, ObjectDropped, ObjectCrushed} {
		if seen[s] == 0 {
			t.Errorf("no hand was ever in the state %s: the property held for less than it says", s)
		}
	}
}

func TestHandIsDeterministic(t *testing.T) {
	play := func() (frames []View) {
		h := NewHand()
		h.Seed, h.Timeout = 3, 3*time.Second
		for k := range 4000 {
			h.Step(10*ms, class(GraspNames()[k/170%len(graspList)]), k%50 > 3)
			frames = append(frames, h.View())
		}
		return frames
	}
	if !reflect.DeepEqual(play(), play()) {
		t.Error("two plays of the same steps differ")
	}
}

func TestHandValidate(t *testing.T) {
	if err := NewHand().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Hand){
		"the grasp \"fist\"": func(h *Hand) { h.Grasps["left"] = "fist" },
		"speed_deg_per_s":    func(h *Hand) { h.Speed = math.NaN() },
		"force_n":            func(h *Hand) { h.Force = 0 },
		"grip_n":             func(h *Hand) { h.Grip = -1 },
		"safe is \"fall\"":   func(h *Hand) { h.Safe = "fall" },
		"fewer than 2 goals": func(h *Hand) { h.Goals = h.Goals[:1] },
		"goal 1 is \"open\"": func(h *Hand) { h.Goals[0] = GraspOpen },
		"there once":         func(h *Hand) { h.Goals[1] = h.Goals[0] },
		"contact is 1":       func(h *Hand) { h.Object.Contact = 1 },
		"stiffness":          func(h *Hand) { h.Object.Stiffness = 0 },
		"weight_n is 0":      func(h *Hand) { h.Object.Weight = 0 },
		"crush_n is 1":       func(h *Hand) { h.Object.Crush = 1 },
		"hold is":            func(h *Hand) { h.Hold = -1 },
	} {
		h := NewHand()
		spoil(h)
		if err := h.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
