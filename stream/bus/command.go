package bus

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
)

// Version is the version of the message schemas below.
const Version = 1

// CommandKind says how to read a Command.
type CommandKind string

// The kinds of command.
const (
	KindClass      CommandKind = "class"      // Label is the decision
	KindContinuous CommandKind = "continuous" // Value is the decision, such as a velocity
	KindNone       CommandKind = "none"       // the decoder decides that nothing is meant: not an error, and not a missing command
)

// Command is one decision of a decoder, as JSON on gyrus.<session>.cmd.<decoder>. Times are nanoseconds since 1970 on
// the sender's clock, which never jumps within a run (the wall clock at the run's start plus monotonic time since).
type Command struct {
	V       int    `json:"v"`       // schema version
	Session string `json:"session"` // token, see Subject
	Decoder string `json:"decoder"` // token
	// Run tells the life of one decoder process from the next: the time it started. A receiver that has seen a newer run
	// never again accepts an older one.
	Run        int64       `json:"run"`
	Seq        uint64      `json:"seq"`          // from 1, without holes, within a run
	TSample    int64       `json:"t_sample_ns"`  // when the newest sample behind the decision was measured
	TPublish   int64       `json:"t_publish_ns"` // when the command was handed to the bus
	AgeMS      float64     `json:"age_ms"`       // TPublish − TSample
	ValidForMS float64     `json:"valid_for_ms"` // the receiver must not act on it when it is older than this, counted from TPublish
	Kind       CommandKind `json:"kind"`
	Label      string      `json:"label,omitempty"`      // KindClass: one of the keys of Scores
	Scores     []Score     `json:"scores,omitempty"`     // in the decoder's order
	Value      []float64   `json:"value,omitempty"`      // KindContinuous
	Confidence float64     `json:"confidence,omitempty"` // 0 to 1: the probability of Label
}

// Score is the probability of one class.
type Score struct {
	Label string  `json:"label"`
	P     float64 `json:"p"`
}

// Validate reports the first field that breaks the schema.
func (c *Command) Validate() error {
	switch {
	case c.V != Version:
		return fmt.Errorf("v is %d, must be %d", c.V, Version)
	case !token.MatchString(c.Session):
		return fmt.Errorf("session is %q, must be a token of letters, digits, _ and -", c.Session)
	case !token.MatchString(c.Decoder):
		return fmt.Errorf("decoder is %q, must be a token of letters, digits, _ and -", c.Decoder)
	case c.Run <= 0:
		return fmt.Errorf("run is %d, must be above 0", c.Run)
	case c.Seq == 0:
		return errors.New("seq is 0, must be at least 1")
	case !(c.ValidForMS > 0) || math.IsInf(c.ValidForMS, 0):
		return fmt.Errorf("valid_for_ms is %g, must be above 0 and finite", c.ValidForMS)
	case math.IsNaN(c.AgeMS) || math.IsInf(c.AgeMS, 0):
		return fmt.Errorf("age_ms is %g, must be finite", c.AgeMS)
	}
	switch c.Kind {
	case KindClass:
		if c.Label == "" {
			return errors.New(`kind is "class" but label is empty`)
		}
	case KindContinuous:
		if len(c.Value) == 0 {
			return errors.New(`kind is "continuous" but value is empty`)
		}
	case KindNone:
	default:
		return fmt.Errorf("kind is %q, must be class, continuous or none", c.Kind)
	}
	return nil
}

// ParseCommand decodes and validates.
func ParseCommand(data []byte) (Command, error) {
	var c Command
	if err := json.Unmarshal(data, &c); err != nil {
		return Command{}, fmt.Errorf("command: %w", err)
	}
	if err := c.Validate(); err != nil {
		return Command{}, fmt.Errorf("command: %w", err)
	}
	return c, nil
}

// Status is the heartbeat of a decoder, as JSON on gyrus.<session>.status, ten times a second, whether or not there are
// commands. From its times a receiver learns how the sender's clock stands to its own.
type Status struct {
	V        int    `json:"v"`
	Session  string `json:"session"`
	Decoder  string `json:"decoder"`
	Run      int64  `json:"run"`
	Seq      uint64 `json:"seq"`     // of heartbeats, from 1
	CmdSeq   uint64 `json:"cmd_seq"` // Seq of the newest command, 0 before the first
	TPublish int64  `json:"t_publish_ns"`
	State    State  `json:"state"`
}

// State is what a decoder is doing.
type State string

// The states of a decoder.
const (
	StateWaiting  State = "waiting"  // for its stream
	StateDecoding State = "decoding" // commands come
	StateEnded    State = "ended"    // the last heartbeat: the stream is over, no command will follow
)

// token is one word of a subject.
var token = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckToken reports why name cannot be a word of a subject: a session, a decoder, a stream.
func CheckToken(what, name string) error {
	if !token.MatchString(name) {
		return fmt.Errorf("%s %q: must be 1 to 64 letters, digits, _ or -", what, name)
	}
	return nil
}

// CommandSubject is where the commands of one decoder are; "*" stands for all of them.
func CommandSubject(session, decoder string) string { return "gyrus." + session + ".cmd." + decoder }

// StatusSubject is where the heartbeats of a session are.
func StatusSubject(session string) string { return "gyrus." + session + ".status" }

// RawSubject is where the samples of one stream are.
func RawSubject(session, stream string) string { return "gyrus." + session + ".raw." + stream }
