package control

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// SafeHand is what the hand does while there is no command to act on.
type SafeHand string

// What the hand does in the safe state. An emergency stop, and the end of the controller, freeze every joint whatever is
// chosen: who stops a hand wants nothing to move.
const (
	// SafeAuto keeps the grip while an object is held and opens otherwise. A cup that falls because a decoder was restarted
	// hurts more than one that is held for some seconds longer; a hand that holds nothing is safest where it cannot
	// close on anybody.
	SafeAuto SafeHand = "auto"
	SafeHold SafeHand = "hold" // freezes: no joint moves, the grip stays
	SafeOpen SafeHand = "open" // opens, whatever is in the hand: for what must be let go, such as a rail
)

// Object is what the hand grasps: it yields like a spring, slips where the grip is too weak and is crushed where it is too
// strong. The friction of two sides carries the weight: it is held while 2·Friction·grip is at least Weight (Coulomb).
type Object struct {
	Contact   float64 `json:"contact" doc:"part of the way from open to closed at which the digits touch it; above 0, below 1"`
	Stiffness float64 `json:"stiffness_n_per_deg" doc:"force of a digit for each degree that it would go on; above 0"`
	Weight    float64 `json:"weight_n" doc:"above 0"`
	Friction  float64 `json:"friction" doc:"coefficient; above 0, at most 2"`
	Crush     float64 `json:"crush_n" doc:"grip that destroys it; above what holds it"`
}

// slips is the smallest grip that holds it.
func (o *Object) slips() float64 { return o.Weight / (2 * o.Friction) }

// ObjectState is what became of the object.
type ObjectState string

// The states of the object.
const (
	ObjectNone    ObjectState = "none"
	ObjectFree    ObjectState = "free" // within reach, not held
	ObjectHeld    ObjectState = "held"
	ObjectDropped ObjectState = "dropped" // it was held, and slipped
	ObjectCrushed ObjectState = "crushed"
)

// Hand is a simulated prosthetic hand with five fingers and six motors: the flexion of each finger, and the rotation of the
// thumb. It is a Simulator whose task is to grasp what is asked for. A class chooses a grasp, which the hand closes to; a
// continuous value gives velocities from -1 (opening) to 1 (closing): one number for the whole grasp, five for the digits
// from the thumb on, six with the thumb's rotation first; none freezes it.
//
// No joint is ever faster than Speed, further than its limits, or stronger than Force, whatever the commands are. Between
// two trials somebody puts the open hand to a new object; nothing else moves it without a command, but for SafeHand.
type Hand struct {
	Grasps map[string]string `json:"grasps" doc:"the grasp that each class asks for: open, power, pinch, tripod, lateral, hook or point"`
	Speed  float64           `json:"speed_deg_per_s" doc:"largest speed of a joint; above 0, at most 360"`
	Force  float64           `json:"force_n" doc:"largest force of a digit at its tip, where the motor stalls; above 0, at most 50"`
	Grip   float64           `json:"grip_n" doc:"grip at which a grasp that a class asked for stops closing; above 0"`
	Safe   SafeHand          `json:"safe" doc:"without a command: auto (hold an object, open otherwise), hold or open"`
	Object *Object           `json:"object" doc:"what there is to grasp; null: nothing, the posture counts"`
	Goals  []string          `json:"goals" doc:"the grasps of the task, at least two, none of them open"`
	Trials `json:"-"`

	Unknown int `json:"-"` // steps with a command that the hand has no movement for: it freezes

	shape  *grasp          // what the digits are in the posture of, and touch the object with
	set    [joints]float64 // where the motors want to be, in degrees; further than the joint by what presses
	moving bool
	state  ObjectState
	grasps []*grasp // of Goals
}

// NewHand is a hand whose classes are the names of the grasps, with a cup of 2 N.
func NewHand() *Hand {
	h := &Hand{
		Grasps: map[string]string{}, Speed: 90, Force: 10, Grip: 8, Safe: SafeAuto,
		Object: &Object{Contact: 0.6, Stiffness: 0.5, Weight: 2, Friction: 0.5, Crush: 25},
		Goals:  []string{GraspPower, GraspPinch, GraspTripod, GraspLateral}, Trials: DefaultTrials(),
	}
	h.Hold = time.Second
	for _, name := range GraspNames() {
		h.Grasps[name] = name
	}
	return h
}

// Validate reports the first parameter that is out of its range.
func (h *Hand) Validate() error {
	known := strings.Join(GraspNames(), ", ")
	for label, name := range h.Grasps {
		if graspOf(name) == nil {
			return fmt.Errorf("hand: class %q asks for the grasp %q, must be one of %s", label, name, known)
		}
	}
	for _, p := range []struct {
		name   string
		v, max float64
	}{{"speed_deg_per_s", h.Speed, 360}, {"force_n", h.Force, 50}, {"grip_n", h.Grip, 250}} {
		if !(p.v > 0 && p.v <= p.max) {
			return fmt.Errorf("hand: %s is %g, must be above 0 and at most %g", p.name, p.v, p.max)
		}
	}
	if h.Safe != SafeAuto && h.Safe != SafeHold && h.Safe != SafeOpen {
		return fmt.Errorf("hand: safe is %q, must be %s, %s or %s", h.Safe, SafeAuto, SafeHold, SafeOpen)
	}
	if len(h.Goals) < 2 {
		return errors.New("hand: the task has fewer than 2 goals, must have at least 2 grasps")
	}
	for k, name := range h.Goals {
		if g := graspOf(name); g == nil || name == GraspOpen || slices.Contains(h.Goals[:k], name) {
			return fmt.Errorf("hand: goal %d is %q, must be one of %s, not open, and there once", k+1, name, known)
		}
	}
	if o := h.Object; o != nil {
		switch {
		case !(o.Contact > 0 && o.Contact < 1):
			return fmt.Errorf("hand: contact is %g, must be above 0 and below 1", o.Contact)
		case !(o.Stiffness > 0 && o.Stiffness <= 100):
			return fmt.Errorf("hand: stiffness_n_per_deg is %g, must be above 0 and at most 100", o.Stiffness)
		case !(o.Weight > 0) || !(o.Friction > 0 && o.Friction <= 2):
			return fmt.Errorf("hand: weight_n is %g and friction %g, must be above 0, friction at most 2", o.Weight, o.Friction)
		case !(o.Crush > o.slips()) || math.IsInf(o.Crush, 0):
			return fmt.Errorf("hand: crush_n is %g, must be above %g, the grip that holds the object", o.Crush, o.slips())
		}
	}
	if err := h.validate(); err != nil {
		return fmt.Errorf("hand: %w", err)
	}
	return nil
}

// contact is the angle from which joint j presses on the object, +Inf where it does not touch it.
func (h *Hand) contact(g *grasp, j int) float64 {
	if h.state != ObjectFree && h.state != ObjectHeld || !g.holds || j == thumbRotation || g.deg[j] == 0 {
		return math.Inf(1)
	}
	return h.Object.Contact * g.deg[j]
}

// force is that of joint j.
func (h *Hand) force(j int) float64 {
	if c := h.contact(h.shape, j); h.set[j] > c {
		return min((h.set[j]-c)*h.Object.Stiffness, h.Force) // min for the last bit: the setpoint ends where the motor stalls
	}
	return 0
}

// angle is that of joint j.
func (h *Hand) angle(j int) float64 { return min(h.set[j], h.contact(h.shape, j)) }

// grip is the force that presses the object against the thumb or the palm.
func (h *Hand) grip() (n float64) {
	for j := range joints {
		if h.shape.press[j] {
			n += h.force(j)
		}
	}
	return n
}

// drive moves the setpoint of joint j towards deg by at most step degrees, within its limits and its force.
func (h *Hand) drive(j int, deg, step float64) {
	most := min(jointMax[j], h.contact(h.shape, j)+h.maxPress())
	deg = min(max(deg, 0), most)
	next := min(max(deg, h.set[j]-step), h.set[j]+step)
	h.moving = h.moving || next != h.set[j]
	h.set[j] = next
}

// maxPress is how far the setpoint may go on beyond the contact.
func (h *Hand) maxPress() float64 {
	if h.Object == nil {
		return 0
	}
	return h.Force / h.Object.Stiffness
}

// reset is the open hand with a new object.
func (h *Hand) reset() {
	h.shape, h.set, h.state = graspOf(GraspOpen), [joints]float64{}, ObjectNone
	if h.Object != nil {
		h.state = ObjectFree
	}
}

func (h *Hand) init() {
	if h.shape != nil {
		return
	}
	for _, name := range h.Goals {
		h.grasps = append(h.grasps, graspOf(name))
	}
	h.reset()
}

// Step moves the hand. Between trials it does not move, and a safe state puts off the next one, which begins with the open hand.
func (h *Hand) Step(dt time.Duration, a Action, ok bool) State {
	h.init()
	dt = max(dt, 0)
	h.moving = false
	if h.begins(dt, len(h.Goals), ok) {
		h.reset()
	}
	if h.phase != PhaseGo {
		if !ok {
			return StateSafe
		}
		return StateHolds
	}
	before := h.state
	step := h.Speed * min(dt, maxStep).Seconds()
	state := StateSafe
	if ok {
		state = StateHolds
		if !h.obey(&a.Command, step) {
			h.Unknown++
			state = StateUnknown
		} else if h.moving {
			state = StateMoves
		}
	} else {
		h.safe(a.Reason, step)
	}
	h.settle()
	at := -1
	for k, g := range h.grasps {
		if g == h.shape && h.formed(g) {
			at = k
		}
	}
	h.judge(dt, a, ok, at, h.state != before && (h.state == ObjectDropped || h.state == ObjectCrushed))
	if h.ended {
		h.outcome.Meant = h.meant(h.outcome.Goal)
	}
	return state
}

// safe is the movement without a command.
func (h *Hand) safe(why Reason, step float64) {
	freeze := h.Safe == SafeHold || h.Safe == SafeAuto && h.state == ObjectHeld ||
		why == ReasonEmergency || why == ReasonStopped
	if !freeze {
		h.open(step / 2) // slowly: nobody asked for it
	}
}

// open opens; where all is open, the shape is.
func (h *Hand) open(step float64) {
	for j := range joints {
		h.drive(j, 0, step)
	}
	if h.set == [joints]float64{} {
		h.shape = graspOf(GraspOpen)
	}
}

// Knows says whether there is a movement for c. Unlike the other methods it is for any goroutine.
func (h *Hand) Knows(c *bus.Command) bool {
	switch c.Kind {
	case bus.KindNone:
		return true
	case bus.KindClass:
		return graspOf(h.Grasps[c.Label]) != nil
	case bus.KindContinuous:
		n := len(c.Value)
		return n == 1 || n == joints-1 || n == joints
	default:
		return false
	}
}

// obey acts on a command, and reports false where the hand has no movement for it.
func (h *Hand) obey(c *bus.Command, step float64) bool {
	switch c.Kind {
	case bus.KindNone:
		return true
	case bus.KindClass:
		g := graspOf(h.Grasps[c.Label])
		if g == nil {
			return false
		}
		h.grasp(g, step)
		return true
	case bus.KindContinuous:
		return h.velocity(c.Value, step)
	default:
		return false
	}
}

// grasp closes to g.
func (h *Hand) grasp(g *grasp, step float64) {
	if g.name == GraspOpen {
		h.open(step)
		return
	}
	if h.shape != g && !h.fits(g) { // what another grasp holds, or would not fit, is let go first
		h.open(step)
		return
	}
	h.shape = g
	if h.grip() >= h.Grip {
		return
	}
	widest := slices.Max(g.deg[:])
	for j := range joints { // so that all arrive together
		h.drive(j, g.deg[j], step*max(g.deg[j], minPart*widest)/widest)
	}
}

// minPart of the speed is for joints that the grasp opens.
const minPart = 0.5

// fits says whether the digits can go over to g without a leap.
func (h *Hand) fits(g *grasp) bool {
	for j := range joints {
		if h.force(j) > 0 || h.set[j] > h.contact(g, j) {
			return false
		}
	}
	return true
}

// velocity moves by one number for all joints, or one for each.
func (h *Hand) velocity(v []float64, step float64) bool {
	first := 0
	switch len(v) {
	case 1, joints:
	case joints - 1:
		first = thumb
	default:
		return false
	}
	if h.shape.name == GraspOpen {
		h.shape = graspOf(GraspPower)
	}
	for j := first; j < joints; j++ {
		x, end := v[0], h.shape.deg[j]
		part := max(end, minPart*slices.Max(h.shape.deg[:])) / slices.Max(h.shape.deg[:])
		if len(v) > 1 {
			part = 1
			x, end = v[j-first], jointMax[j]
		}
		x = min(max(x, -1), 1)
		if x <= 0 {
			end = 0
		}
		h.drive(j, end, part*math.Abs(x)*step)
	}
	return true
}

// settle says what became of the object.
func (h *Hand) settle() {
	if h.state != ObjectFree && h.state != ObjectHeld {
		return
	}
	switch grip := h.grip(); {
	case grip > h.Object.Crush:
		h.lose(ObjectCrushed)
	case grip >= h.Object.slips():
		h.state = ObjectHeld
	case h.state == ObjectHeld:
		h.lose(ObjectDropped)
	}
}

// lose takes the object away: the digits stay where they are.
func (h *Hand) lose(s ObjectState) {
	for j := range joints {
		h.set[j] = h.angle(j)
	}
	h.state = s
}

// formed says whether g has done what it is for: the object is held, or its posture is reached where there is none to hold.
func (h *Hand) formed(g *grasp) bool {
	if g.holds && h.Object != nil {
		return h.state == ObjectHeld
	}
	for j := range joints {
		if math.Abs(h.set[j]-g.deg[j]) > 1 {
			return false
		}
	}
	return true
}

// meant is the class that asks for a goal, "" where none or several do.
func (h *Hand) meant(goal int) (label string) {
	for name, g := range h.Grasps {
		if g != h.Goals[goal] {
			continue
		}
		if label != "" {
			return ""
		}
		label = name
	}
	return label
}

// Score sums up.
func (h *Hand) Score() Score { return h.score(len(h.Goals)) }

// View is what there is to see.
func (h *Hand) View() View {
	h.init()
	v := &HandView{
		Grasp: h.shape.name, Joints: make([]Joint, joints), Grip: h.grip(), Object: h.state,
		Phase: h.phase, Trial: h.trial, Score: h.Score(), Unknown: h.Unknown,
	}
	if h.Object != nil {
		v.Slips, v.Crush = h.Object.slips(), h.Object.Crush
	}
	for j := range joints {
		v.Joints[j] = Joint{Name: jointNames[j], Deg: h.angle(j), Max: jointMax[j], Force: h.force(j)}
	}
	if h.phase == PhaseGo {
		v.Goal = h.Goals[h.goal]
	}
	if h.ended {
		v.Result = h.outcome.Result
	}
	return v
}

// Joint is one joint at one moment.
type Joint struct {
	Name  string  `json:"name"`
	Deg   float64 `json:"deg"` // 0 is open
	Max   float64 `json:"max_deg"`
	Force float64 `json:"force_n"` // at the tip
}

// HandView is a hand at one moment.
type HandView struct {
	Grasp   string      `json:"grasp"` // that the digits are in, or on the way to
	Joints  []Joint     `json:"joints"`
	Grip    float64     `json:"grip_n"`
	Object  ObjectState `json:"object"`
	Slips   float64     `json:"slips_below_n"` // 0 without an object
	Crush   float64     `json:"crushed_above_n"`
	Phase   Phase       `json:"phase"`
	Trial   int         `json:"trial"`            // from 1; the newest
	Goal    string      `json:"goal,omitempty"`   // the grasp that is asked for; "" between trials
	Result  Result      `json:"result,omitempty"` // of a trial that ends now
	Score   Score       `json:"score"`
	Unknown int         `json:"unknown"` // steps with a command that the hand has no movement for
}

// Name is "hand".
func (v *HandView) Name() string { return "hand" }

// Same says whether grasp, object, trial and its phase are those of w.
func (v *HandView) Same(w View) bool {
	h, ok := w.(*HandView)
	return ok && v.Grasp == h.Grasp && v.Object == h.Object && v.Phase == h.Phase && v.Trial == h.Trial
}

// Summary is the score in a few words.
func (v *HandView) Summary() string {
	return fmt.Sprintf("%s %d  hits %d of %d", v.Phase, v.Trial, v.Score.Hits, v.Score.Trials)
}

// Report fills in how far the joints are bent.
func (v *HandView) Report(a *bus.Actuator) {
	a.Goal, a.Trials, a.Hits = v.Goal, v.Score.Trials, v.Score.Hits
	for _, j := range v.Joints {
		a.Joints = append(a.Joints, bus.ActuatorJoint{Name: j.Name, Bend: min(max(j.Deg/j.Max, 0), 1)})
	}
}

// Draw draws each joint as a bar from open to closed, then the object.
func (v *HandView) Draw(p Paint, s State) string {
	const wide = 30
	color := green
	if s == StateSafe {
		color = alarm
	}
	var b strings.Builder
	goal := "-"
	if v.Goal != "" {
		goal = p(yellow, v.Goal)
	}
	fmt.Fprintf(&b, " goal %s   grasp %s\n", goal, v.Grasp)
	for _, j := range v.Joints {
		n := int(math.Round(j.Deg / j.Max * wide))
		fmt.Fprintf(&b, " %-14s │%s%s│ %3.0f°", strings.ReplaceAll(j.Name, "_", " "), p(color, strings.Repeat("█", n)), strings.Repeat("░", wide-n), j.Deg)
		if j.Force > 0 {
			fmt.Fprintf(&b, " %4.1f N", j.Force)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, " object %s", v.Object)
	if v.Crush > 0 {
		fmt.Fprintf(&b, "   grip %.1f N (slips below %.1f, crushed above %.1f)", v.Grip, v.Slips, v.Crush)
	}
	b.WriteByte('\n')
	return b.String()
}
