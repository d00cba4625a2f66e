package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// maxWaiting pieces of feedback may wait for the next window; more are counted and lost.
const maxWaiting = 256

// Adapter lets a session learn from the feedback on the bus. Feedback waits until the next window is decided, so that
// everything that is learned happens on the goroutine of Run, in order.
type Adapter struct {
	opt  Adapt
	sub  *bus.Subscription
	log  *os.File // nil: none
	in   chan told
	lost atomic.Int64

	p       *pipeline.Pipeline
	clock   bus.Clock
	run     int64
	classes []string
	head    *adapt.Head // nil before the first decision
	breaks  int64       // gaps and restarts of the stream so far
	other   int64
	odd     int64
	scores  []float64
	made    pipeline.Prediction
	fresh   bool // decide has asked the head about the prediction at hand
}

// told is a piece of feedback and when it came.
type told struct {
	bus.Feedback
	at time.Time
}

// AdaptReport is what an Adapter did.
type AdaptReport struct {
	adapt.Stats
	State    adapt.State `json:"state"`
	Why      string      `json:"why"`       // where it is frozen
	Decides  bool        `json:"decides"`   // the head, instead of the decoder of the pipeline
	OtherRun int64       `json:"other_run"` // feedback on commands of another run
	Odd      int64       `json:"odd"`       // with a label that is no class
	Lost     int64       `json:"lost"`      // more than could wait for a window, or than the link's queue held
	// Malformed counts messages that break the schema.
	Malformed int64  `json:"malformed"`
	Hash      string `json:"hash"` // of all that was learned
}

// NewAdapter listens to the feedback for a decoder.
func NewAdapter(b *bus.Bus, session, decoder string, opt Adapt) (*Adapter, error) {
	a := &Adapter{opt: opt, in: make(chan told, maxWaiting)}
	if err := opt.Check(); err != nil {
		return nil, fmt.Errorf("adapt: %w", err)
	}
	var err error
	if opt.Log != "" {
		if a.log, err = os.OpenFile(opt.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
			return nil, fmt.Errorf("adapt: log: %w", err)
		}
	}
	a.sub, err = b.SubscribeFeedback(session, decoder, func(f bus.Feedback, at time.Time) {
		select {
		case a.in <- told{f, at}:
		default:
			a.lost.Add(1)
		}
	})
	if err != nil && a.log != nil {
		err = errors.Join(err, a.log.Close())
	}
	return a, err
}

// Close stops listening.
func (a *Adapter) Close() error {
	err := a.sub.Close()
	if a.log != nil {
		err = errors.Join(err, a.log.Close())
	}
	return err
}

// begin prepares for a run of a pipeline.
func (a *Adapter) begin(p *pipeline.Pipeline, clock bus.Clock, run int64) error {
	if p.Spec().Decide != nil {
		return errors.New("adapt: the model has a section decide, which adds up the scores of the decoder that was trained: adaptation works on models without it")
	}
	if len(p.Classes()) < 2 {
		return errors.New("adapt: the model does not decide between classes: adaptation works on models that do")
	}
	// Another model has other rows: what was learned of the one before it does not hold for it.
	a.p, a.clock, a.run, a.classes, a.breaks, a.head = p, clock, run, p.Classes(), p.Breaks(), nil
	return nil
}

// state is what the head is doing, as far as there is one.
func (a *Adapter) state() adapt.State {
	if a.head == nil {
		return a.opt.Start
	}
	s, _ := a.head.State()
	return s
}

// outcomes counts the feedback so far by what became of it.
func (a *Adapter) outcomes() map[string]float64 {
	var s adapt.Stats
	if a.head != nil {
		s = a.head.Stats()
	}
	return map[string]float64{
		"accepted": float64(s.Accepted), "skipped": float64(s.Skipped), "unknown": float64(s.Unknown),
		"other_run": float64(a.other), "odd": float64(a.odd), "lost": float64(a.lost.Load()),
	}
}

// decide learns from the feedback that waits, and says what to send: p, or a copy with the head's scores.
func (a *Adapter) decide(p *pipeline.Prediction) (*pipeline.Prediction, error) {
	a.fresh = false
	if p.Rejected != "" || len(p.Scores) == 0 {
		return p, a.drain()
	}
	if a.head == nil {
		var err error
		if a.head, err = adapt.New(a.opt.Options, len(a.classes), len(p.Row)); err != nil {
			return nil, err
		}
		a.scores = make([]float64, len(a.classes))
	}
	if n := a.p.Breaks(); n != a.breaks {
		a.breaks = n
		a.head.Interrupt()
	}
	if err := a.drain(); err != nil {
		return nil, err
	}
	class, err := a.head.Decide(a.scores, p.Row, p.Scores)
	if err != nil {
		return nil, err
	}
	a.fresh = true
	if !a.head.Decides() {
		return p, nil
	}
	a.made = *p
	q := &a.made
	q.Scores = slices.Clone(a.scores)
	q.Label, q.Confidence = a.classes[class], a.scores[class]
	q.Decision, q.Sure = q.Label, q.Confidence
	return q, nil
}

// sent notes the number under which the prediction at hand left.
func (a *Adapter) sent(p *pipeline.Prediction, seq uint64) {
	if a.fresh && p.Decision != "" {
		a.head.Sent(seq, a.clock.Now())
	}
}

// drain learns from all feedback that waits.
func (a *Adapter) drain() error {
	for {
		select {
		case f := <-a.in:
			if err := a.learn(f); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (a *Adapter) learn(f told) error {
	if f.Run != a.run {
		a.other++
		return nil
	}
	if a.head == nil {
		return nil // of a command that this run never made; nothing of it can be known
	}
	g := adapt.Feedback{Seq: f.Seq, Reward: f.Reward}
	if f.Label != "" {
		if g.Reward, g.Truth = 0, slices.Index(a.classes, f.Label); g.Truth < 0 {
			a.odd++
			return nil
		}
	}
	rec, err := a.head.Feedback(g, a.clock.At(f.at))
	if err != nil || a.log == nil {
		return err
	}
	line, err := json.Marshal(struct {
		adapt.Record
		Source string `json:"source,omitempty"`
	}{rec, f.Source})
	if err == nil {
		_, err = a.log.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("adapt: log: %w", err)
	}
	return nil
}

// end learns from what came last.
func (a *Adapter) end(err error) (*AdaptReport, error) {
	err = errors.Join(err, a.drain())
	st := a.sub.Stats()
	rep := &AdaptReport{State: a.opt.Start, OtherRun: a.other, Odd: a.odd, Lost: a.lost.Load() + int64(st.Dropped), Malformed: int64(st.Malformed)}
	if a.head != nil {
		rep.Stats, rep.Decides, rep.Hash = a.head.Stats(), a.head.Decides(), a.head.Hash()
		rep.State, rep.Why = a.head.State()
	}
	return rep, err
}
