package bus

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go"
)

// ActuatorState says what an actuator does, in one word.
type ActuatorState string

// The states of an actuator.
const (
	ActuatorMoves   ActuatorState = "moves"
	ActuatorHolds   ActuatorState = "holds"   // there is a command, and it is to stand
	ActuatorUnknown ActuatorState = "unknown" // there is a command that it has no movement for: it stands
	ActuatorSafe    ActuatorState = "safe"    // there is no command to act on
	ActuatorEnded   ActuatorState = "ended"   // the last message: its controller has ended
)

// Actuator is what a controller says of its actuator, as JSON on gyrus.<session>.actuator.<decoder>: at most 20 times a
// second while something changes, and once a second while nothing does. It is for pages and people, never for acting on;
// a controller need not send it, and nobody waits for it.
type Actuator struct {
	V          int           `json:"v"`
	Session    string        `json:"session"`
	Decoder    string        `json:"decoder"`    // whose commands it follows
	Controller string        `json:"controller"` // token that tells it from the others, the one of StopAnswer
	Seq        uint64        `json:"seq"`        // of these messages, from 1
	Kind       string        `json:"kind"`       // "cursor", "hand", or another token
	State      ActuatorState `json:"state"`
	Reason     string        `json:"reason,omitempty"`  // ActuatorSafe: why
	Latched    bool          `json:"latched,omitempty"` // it stays safe until it is re-armed
	Label      string        `json:"label,omitempty"`   // of the command that is acted on
	// Position, Target and Targets are points on the square from -1 to 1, x to the right and y upwards: where a cursor is,
	// what it is to reach now, and all that there is to reach. Radius is of a target.
	Position []float64   `json:"position,omitempty"`
	Target   []float64   `json:"target,omitempty"`
	Targets  [][]float64 `json:"targets,omitempty"`
	Radius   float64     `json:"radius,omitempty"`
	// Joints are those of a hand or an arm; Goal is the posture that is to be reached now, "" where there is none.
	Joints []ActuatorJoint `json:"joints,omitempty"`
	Goal   string          `json:"goal,omitempty"`
	Trials int             `json:"trials,omitempty"` // so far
	Hits   int             `json:"hits,omitempty"`   // of these
}

// ActuatorJoint is one joint.
type ActuatorJoint struct {
	Name string  `json:"name"`
	Bend float64 `json:"bend"` // 0 is open, 1 is closed
}

// How much one message may tell.
const (
	maxTargets = 64
	maxJoints  = 64
)

// Validate reports the first field that breaks the schema.
func (a *Actuator) Validate() error {
	if err := checkNamed(a.V, a.Session, a.Decoder); err != nil {
		return err
	}
	if err := errors.Join(CheckToken("controller", a.Controller), CheckToken("kind", a.Kind)); err != nil {
		return err
	}
	switch a.State {
	case ActuatorMoves, ActuatorHolds, ActuatorUnknown, ActuatorSafe, ActuatorEnded:
	default:
		return fmt.Errorf("state is %q, must be moves, holds, unknown, safe or ended", a.State)
	}
	switch {
	case a.Seq < 1:
		return errors.New("seq is 0, must be at least 1")
	case a.Trials < 0 || a.Hits < 0:
		return fmt.Errorf("trials and hits are %d and %d, must be at least 0", a.Trials, a.Hits)
	case len(a.Targets) > maxTargets:
		return fmt.Errorf("%d targets, must be at most %d", len(a.Targets), maxTargets)
	case len(a.Joints) > maxJoints:
		return fmt.Errorf("%d joints, must be at most %d", len(a.Joints), maxJoints)
	case !(a.Radius >= 0 && a.Radius <= 1):
		return fmt.Errorf("radius is %g, must be 0 to 1", a.Radius)
	}
	for _, at := range append([][]float64{a.Position, a.Target}, a.Targets...) {
		if at == nil {
			continue
		}
		if len(at) != 2 || !(math.Abs(at[0]) <= 1 && math.Abs(at[1]) <= 1) {
			return fmt.Errorf("the point %v must be two numbers from -1 to 1", at)
		}
	}
	for _, j := range a.Joints {
		if !(j.Bend >= 0 && j.Bend <= 1) {
			return fmt.Errorf("joint %q: bend is %g, must be 0 to 1", j.Name, j.Bend)
		}
	}
	return nil
}

// ParseActuator decodes and validates.
func ParseActuator(data []byte) (Actuator, error) { return parse[Actuator]("actuator", data) }

// ActuatorSubject is where the controllers that follow a decoder say what they move.
func ActuatorSubject(session, decoder string) string {
	return "gyrus." + session + ".actuator." + decoder
}

// SendActuator sends a now or never; V is filled in. An error that wraps ErrNotSent means that it is lost. Where the server has
// refused the subject before, as one of an older version does, nothing is sent.
func (b *Bus) SendActuator(a Actuator) error {
	a.V = Version
	data, err := encode(&a)
	if err != nil {
		return fmt.Errorf("bus: actuator of %s: %w", a.Controller, err)
	}
	subject := ActuatorSubject(a.Session, a.Decoder)
	if err := b.refusedBy(subject); err != nil {
		return err
	}
	return b.publish(&nats.Msg{Subject: subject, Data: data})
}

// SubscribeActuators is SubscribeCommands for what the controllers of one decoder move, or of all with "*".
func (b *Bus) SubscribeActuators(session, decoder string, fn func(Actuator, time.Time)) (*Subscription, error) {
	if err := checkNames(session, decoder); err != nil {
		return nil, err
	}
	return b.settled(subscribe(b, ActuatorSubject(session, decoder), ParseActuator, func(a Actuator) string { return ActuatorSubject(a.Session, a.Decoder) }, fn))
}
