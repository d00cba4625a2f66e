package bus

import (
	"errors"
	"fmt"
)

// Clear is what a controller that knows of no emergency stop in force answers to a heartbeat that asks for it (Status.Unheard), as JSON on
// the reply subject: a decoder whose link was broken does not know what came meanwhile. It counts where who says it has heard all of that time.
type Clear struct {
	V          int    `json:"v"`
	Session    string `json:"session"`
	Decoder    string `json:"decoder"`    // whose commands it follows
	Controller string `json:"controller"` // the one of StopAnswer
	Clear      bool   `json:"clear"`      // true: it tells this message from a StopAnswer
	// ListensMS is for how long the controller has heard all that came: since it subscribed, or its link was last back, or it last stood
	// still. 0 where it does not say: then it clears nothing.
	ListensMS float64 `json:"listens_ms,omitempty"`
	// Seq is the number of the heartbeat that it answers: what was said to one of before the link broke once more, and comes behind that,
	// says nothing of the stops of meanwhile. 0 where it does not say: then it clears nothing.
	Seq uint64 `json:"seq,omitempty"`
}

// Validate reports the first field that breaks the schema.
func (c *Clear) Validate() error {
	if err := checkNamed(c.V, c.Session, c.Decoder); err != nil {
		return err
	}
	if !token.MatchString(c.Controller) {
		return fmt.Errorf("controller is %q, must be a token of letters, digits, _ and -", c.Controller)
	}
	if !c.Clear {
		return errors.New("clear is false, must be true: who stands by a stop answers with that")
	}
	if !(0 <= c.ListensMS && c.ListensMS <= maxSinceMS) {
		return fmt.Errorf("listens_ms is %g, must be 0 to %g", c.ListensMS, maxSinceMS)
	}
	return nil
}

// ParseClear decodes and validates.
func ParseClear(data []byte) (Clear, error) { return parse[Clear]("clear", data) }
