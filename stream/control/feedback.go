package control

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// FeedbackKind says what a controller tells the decoder of a trial.
type FeedbackKind string

// The kinds of feedback.
const (
	FeedbackReward FeedbackKind = "reward" // 1 for a hit, -1 for a miss or a timeout
	FeedbackLabel  FeedbackKind = "label"  // the class that leads to the goal, beside the reward; the reward alone where it is not known
)

// Feedback is what o says of the newest command that was acted on in the trial; ok is false where there was none.
func (o *Outcome) Feedback(session, decoder string, kind FeedbackKind) (f bus.Feedback, ok bool) {
	if o.Run == 0 {
		return f, false
	}
	f = bus.Feedback{
		Session: session, Decoder: decoder, Run: o.Run, Seq: o.Seq, Reward: -1, Source: "task",
		Outcome: string(o.Result), DelayMS: o.Delay.Seconds() * 1e3,
	}
	if o.Result == Hit {
		f.Reward = 1
	}
	if kind == FeedbackLabel {
		f.Label = o.Meant
	}
	return f, true
}

// feedbackQueue is how much feedback may wait for the link. Trials take seconds: more than one waits only while the link
// does not take anything.
const feedbackQueue = 16

// SentStats count what a FeedbackSender or a Reporter did.
type SentStats struct {
	Sent    uint64 `json:"sent"`     // handed to the link
	NotSent uint64 `json:"not_sent"` // lost: there was no link, or it took nothing for too long
}

// FeedbackSender sends feedback from a goroutine of its own, so that a link that stalls does not hold up a control loop.
type FeedbackSender struct {
	queue chan bus.Feedback
	done  chan struct{}
	close sync.Once

	sent, lost atomic.Uint64
}

// NewFeedbackSender sends by send, which is (*bus.Bus).SendFeedback. The caller must Close it before the bus.
func NewFeedbackSender(send func(bus.Feedback) error) *FeedbackSender {
	s := &FeedbackSender{queue: make(chan bus.Feedback, feedbackQueue), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for f := range s.queue {
			if send(f) != nil {
				s.lost.Add(1)
				continue
			}
			s.sent.Add(1)
		}
	}()
	return s
}

// Send never blocks: what does not fit is counted and lost. It must not be called behind Close.
func (s *FeedbackSender) Send(f bus.Feedback) {
	select {
	case s.queue <- f:
	default:
		s.lost.Add(1)
	}
}

// Close sends what waits, for a second at most.
func (s *FeedbackSender) Close() {
	s.close.Do(func() { close(s.queue) })
	select {
	case <-s.done:
	case <-time.After(time.Second):
		s.lost.Add(uint64(len(s.queue)))
	}
}

// Stats count what was sent so far.
func (s *FeedbackSender) Stats() SentStats {
	return SentStats{Sent: s.sent.Load(), NotSent: s.lost.Load()}
}
