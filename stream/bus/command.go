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

// Intent says whether a command may be acted on. There is no default: who does not say it is refused.
type Intent string

// The intents.
const (
	Actuate Intent = "actuate" // a controller may act on it
	Shadow  Intent = "shadow"  // it is shown and recorded only: no controller may act on it
)

// Command is one decision of a decoder, as JSON on gyrus.<session>.cmd.<decoder>. Times are nanoseconds since 1970 on
// the sender's clock, which never jumps within a run (the wall clock at the run's start plus monotonic time since).
type Command struct {
	V       int    `json:"v"`       // schema version
	Session string `json:"session"` // token, see Subject
	Decoder string `json:"decoder"` // token
	// Run tells the life of one decoder process from the next: the time it started. A receiver that has seen a newer run
	// accepts an older one where an operator says so alone.
	Run      int64   `json:"run"`
	Seq      uint64  `json:"seq"`          // from 1, without holes, within a run
	TSample  int64   `json:"t_sample_ns"`  // when the newest sample behind the decision was measured
	TPublish int64   `json:"t_publish_ns"` // when the command was handed to the bus
	AgeMS    float64 `json:"age_ms"`       // TPublish − TSample
	// ValidForMS is above 0: the receiver must not act on it when it is older than this, counted from TPublish. In shadow it may
	// be 0, as a CommandWriter sends it: controllers of before there was a State refuse that too.
	ValidForMS float64     `json:"valid_for_ms"`
	State      Intent      `json:"state"`
	Kind       CommandKind `json:"kind"`
	Label      string      `json:"label,omitempty"`      // KindClass: the label of one of Scores, any where there are none
	Scores     []Score     `json:"scores,omitempty"`     // in the decoder's order
	Value      []float64   `json:"value,omitempty"`      // KindContinuous
	Confidence float64     `json:"confidence,omitempty"` // 0 to 1: the probability of Label
	// Bundle is the SHA-256 of the file of the model that decided, in 64 hexadecimal digits; "" where it is not of a file.
	Bundle string `json:"bundle,omitempty"`
}

// hash is a Command.Bundle.
var hash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Score is the probability of one class.
type Score struct {
	Label string  `json:"label"`
	P     float64 `json:"p"`
}

// checkNamed reports the first of the fields that every message of one decoder begins with that breaks the schema.
func checkNamed(v int, session, decoder string) error {
	switch {
	case v != Version:
		return fmt.Errorf("v is %d, must be %d", v, Version)
	case !token.MatchString(session):
		return fmt.Errorf("session is %q, must be a token of letters, digits, _ and -", session)
	case !token.MatchString(decoder):
		return fmt.Errorf("decoder is %q, must be a token of letters, digits, _ and -", decoder)
	}
	return nil
}

// checkNumbered is checkNamed for messages that are numbered within a run.
func checkNumbered(v int, session, decoder string, run int64, seq uint64) error {
	if err := checkNamed(v, session, decoder); err != nil {
		return err
	}
	switch {
	case run <= 0:
		return fmt.Errorf("run is %d, must be above 0", run)
	case seq == 0:
		return errors.New("seq is 0, must be at least 1")
	}
	return nil
}

// Validate reports the first field that breaks the schema.
func (c *Command) Validate() error {
	if err := checkNumbered(c.V, c.Session, c.Decoder, c.Run, c.Seq); err != nil {
		return err
	}
	switch {
	case c.State == "":
		return errors.New("state is missing, must be actuate or shadow: a decoder that does not say whether it may be acted on is not; decoders of versions before this field must be updated")
	case c.State != Actuate && c.State != Shadow:
		return fmt.Errorf("state is %q, must be actuate or shadow", c.State)
	case c.State == Shadow && c.ValidForMS == 0:
	case !(c.ValidForMS > 0) || math.IsInf(c.ValidForMS, 0):
		return fmt.Errorf("valid_for_ms is %g, must be above 0 and finite, or 0 in shadow", c.ValidForMS)
	}
	switch {
	case !(c.AgeMS >= 0) || math.IsInf(c.AgeMS, 0):
		return fmt.Errorf("age_ms is %g, must be at least 0 and finite: the sample is stamped later than the command", c.AgeMS)
	case !(0 <= c.Confidence && c.Confidence <= 1):
		return fmt.Errorf("confidence is %g, must be 0 to 1", c.Confidence)
	case c.Bundle != "" && !hash.MatchString(c.Bundle):
		return fmt.Errorf("bundle is %q, must be 64 hexadecimal digits", c.Bundle)
	}
	labelled := len(c.Scores) == 0 // a decoder without probabilities: nothing to look Label up in
	for _, s := range c.Scores {
		if !(0 <= s.P && s.P <= 1) {
			return fmt.Errorf("score of %q is %g, must be 0 to 1", s.Label, s.P)
		}
		labelled = labelled || s.Label == c.Label
	}
	for k, v := range c.Value {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("value %d is %g, must be finite", k, v)
		}
	}
	switch c.Kind {
	case KindClass:
		if c.Label == "" {
			return errors.New(`kind is "class" but label is empty`)
		}
		if !labelled {
			return fmt.Errorf("label %q is not among the scores", c.Label)
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

// MaxMessageBytes is the size of the largest command or heartbeat: 300 classes with long names need a third of it.
const MaxMessageBytes = 64 << 10

// ParseCommand decodes and validates.
func ParseCommand(data []byte) (Command, error) {
	return parse[Command]("command", data)
}

// ParseStatus decodes and validates.
func ParseStatus(data []byte) (Status, error) {
	return parse[Status]("status", data)
}

func parse[T any, P interface {
	*T
	Validate() error
}](what string, data []byte) (T, error) {
	var v, none T
	if len(data) > MaxMessageBytes {
		return none, fmt.Errorf("%s: %d bytes, must be at most %d", what, len(data), MaxMessageBytes)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return none, fmt.Errorf("%s: %w", what, err)
	}
	if err := P(&v).Validate(); err != nil {
		return none, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

// Status is the heartbeat of a decoder, as JSON on gyrus.<session>.status, every 80 ms, whether or not there are
// commands, and at each change of its state. From its times a receiver learns how the sender's clock stands to its own.
type Status struct {
	V        int    `json:"v"`
	Session  string `json:"session"`
	Decoder  string `json:"decoder"`
	Run      int64  `json:"run"`
	Seq      uint64 `json:"seq"`     // of heartbeats, from 1
	CmdSeq   uint64 `json:"cmd_seq"` // Seq of the newest command, 0 before the first
	TPublish int64  `json:"t_publish_ns"`
	State    State  `json:"state"`
	// Shadow says that the commands of now are in shadow: a receiver that acts on one of before stops at once.
	Shadow bool `json:"shadow,omitempty"`
	// Stop is the emergency stop that holds the decoder back, nil where none does. A controller that was started behind it, or had no
	// link when it came, learns of it this way.
	Stop *StandingStop `json:"stop,omitempty"`
	// Unheard asks controllers that know of no emergency stop in force to say so, see Clear.
	Unheard bool `json:"unheard,omitempty"`
	// Nonces are those that controllers have asked for, MaxNonces at most, see Challenge. It is nil where the decoder does not speak of
	// them: one of before there were any.
	Nonces []string `json:"nonces,omitzero"`
}

// Validate reports the first field that breaks the schema.
func (s *Status) Validate() error {
	if err := checkNumbered(s.V, s.Session, s.Decoder, s.Run, s.Seq); err != nil {
		return err
	}
	switch s.State {
	case StateWaiting, StateDecoding, StateEnded:
	default:
		return fmt.Errorf("state is %q, must be waiting, decoding or ended", s.State)
	}
	if s.Stop != nil {
		if err := s.Stop.Validate(); err != nil {
			return fmt.Errorf("stop: %w", err)
		}
	}
	if len(s.Nonces) > MaxNonces {
		return fmt.Errorf("%d nonces, must be at most %d", len(s.Nonces), MaxNonces)
	}
	for _, n := range s.Nonces {
		if err := checkNonce(n); err != nil {
			return err
		}
	}
	return nil
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

// SchemaSubject is where the description of one stream is repeated once a second.
func SchemaSubject(session, stream string) string { return RawSubject(session, stream) + ".schema" }
