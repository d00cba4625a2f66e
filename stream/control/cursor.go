package control

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// maxStep is the longest time that one Step moves a simulator for: a control loop that was held up makes no leap.
const maxStep = 50 * time.Millisecond

// Cursor is a point on the square from -1 to 1 in both directions, x to the right and y upwards. It moves with the
// velocity of the label, or the value, that is decided now, and stands in the safe state. CenterOut gives it targets. It
// may be used from one goroutine at a time.
type Cursor struct {
	Velocities map[string][2]float64 `json:"velocities" doc:"where each class moves the cursor: a vector of length 0 to 1 for each label"`
	Speed      float64               `json:"speed_per_s" doc:"way per second at a velocity of length 1, where the square is 2 wide; above 0, at most 20"`

	Position [2]float64 `json:"-"`
	Velocity [2]float64 `json:"-"` // per second, of the last Step
	// Unknown is how many steps had a command that this cursor has no movement for: a label that is not in Velocities, or
	// a value of more than two numbers. It stands then.
	Unknown int `json:"-"`
}

// NewCursor is a cursor in the middle that the two labels move to the left and to the right.
func NewCursor(left, right string) *Cursor {
	return &Cursor{Velocities: map[string][2]float64{left: {-1, 0}, right: {1, 0}}, Speed: 0.5}
}

// Validate reports the first parameter that is out of its range.
func (c *Cursor) Validate() error {
	if !(c.Speed > 0 && c.Speed <= 20) {
		return fmt.Errorf("cursor: speed_per_s is %g, must be above 0 and at most 20", c.Speed)
	}
	if c.Velocities == nil {
		return errors.New("cursor: velocities is not set, must map each label to a vector (it may be empty)")
	}
	for label, v := range c.Velocities {
		if n := math.Hypot(v[0], v[1]); !(n <= 1+1e-9) { // also catches NaN; the margin is for diagonals that were rounded
			return fmt.Errorf("cursor: the velocity of %q has length %g, must be at most 1", label, n)
		}
	}
	return nil
}

// Step moves the cursor for dt, of which at most 50 ms count, by what Receiver.Current said. In the safe state it stands
// at once.
func (c *Cursor) Step(dt time.Duration, a Action, ok bool) State {
	c.Velocity = [2]float64{}
	state := StateSafe
	if ok {
		v, known := c.velocity(&a.Command)
		c.Velocity = [2]float64{c.Speed * v[0], c.Speed * v[1]}
		switch {
		case !known:
			c.Unknown++
			state = StateUnknown
		case c.Velocity == [2]float64{}:
			state = StateHolds
		default:
			state = StateMoves
		}
	}
	s := min(max(dt, 0), maxStep).Seconds()
	for i := range c.Position {
		c.Position[i] = min(max(c.Position[i]+s*c.Velocity[i], -1), 1)
	}
	return state
}

// velocity is what cmd asks for, of length 0 to 1.
func (c *Cursor) velocity(cmd *bus.Command) (v [2]float64, known bool) {
	switch cmd.Kind {
	case bus.KindNone:
		return v, true
	case bus.KindClass:
		v, known = c.Velocities[cmd.Label]
		return v, known
	case bus.KindContinuous:
		if len(cmd.Value) > len(v) {
			return v, false
		}
		copy(v[:], cmd.Value)
		if n := math.Hypot(v[0], v[1]); n > 1 {
			v[0], v[1] = v[0]/n, v[1]/n
		}
		return v, true
	default:
		return v, false
	}
}
