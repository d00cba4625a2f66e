package bus

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go"
)

// Feedback is what a controller, a user or an error-potential detector says of one command, as JSON on
// gyrus.<session>.feedback.<decoder>. A decoder that adapts learns from it; others do not listen.
type Feedback struct {
	V       int    `json:"v"`
	Session string `json:"session"`
	Decoder string `json:"decoder"`
	Run     int64  `json:"run"` // of the command
	Seq     uint64 `json:"seq"` // of the command
	// Reward is 1 where the command was right and -1 where it was wrong; 0 only together with Label.
	Reward int    `json:"reward,omitempty"`
	Label  string `json:"label,omitempty"`  // the class that was meant, where that is known: it counts instead of Reward
	Source string `json:"source,omitempty"` // who says so: "key", "task", "errp"
	// Outcome is what happened in the task, such as "hit", "miss" or "timeout": for the record, nothing is learned from it.
	Outcome string `json:"outcome,omitempty"`
	// DelayMS is how long ago the command had been published when the outcome was known.
	DelayMS float64 `json:"delay_ms,omitempty"`
}

// Validate reports the first field that breaks the schema.
func (f *Feedback) Validate() error {
	if err := checkNumbered(f.V, f.Session, f.Decoder, f.Run, f.Seq); err != nil {
		return err
	}
	switch {
	case f.Reward < -1 || f.Reward > 1:
		return fmt.Errorf("reward is %d, must be 1 or -1", f.Reward)
	case f.Reward == 0 && f.Label == "":
		return errors.New("has neither a reward nor a label")
	case !(f.DelayMS >= 0) || math.IsInf(f.DelayMS, 0):
		return fmt.Errorf("delay_ms is %g, must be at least 0 and finite", f.DelayMS)
	}
	return nil
}

// ParseFeedback decodes and validates.
func ParseFeedback(data []byte) (Feedback, error) { return parse[Feedback]("feedback", data) }

// FeedbackSubject is where the feedback for one decoder is.
func FeedbackSubject(session, decoder string) string {
	return "gyrus." + session + ".feedback." + decoder
}

// SendFeedback sends f now or never; V is filled in. An error that wraps ErrNotSent means that it is lost.
func (b *Bus) SendFeedback(f Feedback) error {
	f.V = Version
	data, err := encode(&f)
	if err != nil {
		return fmt.Errorf("bus: feedback for %s: %w", f.Decoder, err)
	}
	return b.publish(&nats.Msg{Subject: FeedbackSubject(f.Session, f.Decoder), Data: data})
}

// SubscribeFeedback is SubscribeCommands for the feedback for one decoder.
func (b *Bus) SubscribeFeedback(session, decoder string, fn func(Feedback, time.Time)) (*Subscription, error) {
	if err := errors.Join(CheckToken("session", session), CheckToken("decoder", decoder)); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	subject := func(f Feedback) string { return FeedbackSubject(f.Session, f.Decoder) }
	return b.settled(subscribe(b, FeedbackSubject(session, decoder), ParseFeedback, subject, fn))
}
