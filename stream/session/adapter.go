package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// maxWaiting pieces of feedback may wait for the next window; more are counted and lost.
const maxWaiting = 256

// Adapter lets a session learn from the feedback on the bus. Feedback waits until the next window is decided, so that
// everything that is learned happens in turn with the chunks, in order. What operators ask for is done at once, between two
// windows.
type Adapter struct {
	opt     Adapt
	session string
	sub     *bus.Subscription
	log     *os.File // nil: none
	in      chan told
	lost    atomic.Int64

	mu      sync.Mutex // of all below
	p       *pipeline.Pipeline
	clock   bus.Clock
	run     int64
	classes []string
	taught  // beside the model that decides; its head is nil before begin
	all     map[*pipeline.Pipeline]taught
	models  int
	breaks  int64 // gaps and restarts of the stream so far
	other   int64
	odd     int64
	scores  []float64
	made    pipeline.Prediction
	fresh   bool // decide has asked the head about the prediction at hand
	saved   int  // updates in the file that was saved last
}

// told is a piece of feedback and when it came.
type told struct {
	bus.Feedback
	at time.Time
}

// AdaptReport is what an Adapter did.
type AdaptReport struct {
	adapt.Stats
	Updates  int         `json:"updates"` // those of earlier sessions with the model included
	State    adapt.State `json:"state"`
	Why      string      `json:"why"`       // where it is frozen
	Decides  bool        `json:"decides"`   // the head, instead of the decoder of the pipeline
	OtherRun int64       `json:"other_run"` // feedback on commands of another run
	Odd      int64       `json:"odd"`       // with a label that is no class
	Lost     int64       `json:"lost"`      // more than could wait for a window, or than the link's queue held
	// Malformed counts messages that break the schema.
	Malformed int64  `json:"malformed"`
	Hash      string `json:"hash"`            // of all that was learned
	Saved     string `json:"saved,omitempty"` // the file that it was written to
}

// CheckLog says why nothing could be added to the log, nil where nothing speaks against it.
func (a *Adapt) CheckLog() error {
	st, err := os.Stat(a.Log)
	if errors.Is(err, fs.ErrNotExist) { // it will be made
		return atomicfile.Check(a.Log)
	}
	if err == nil && !st.Mode().IsRegular() && !st.IsDir() {
		return nil // a pipe would be waited for
	}
	f, err := os.OpenFile(a.Log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// NewAdapter listens to the feedback for a decoder. origin is the model that the session decodes with.
func NewAdapter(b *bus.Bus, session, decoder string, opt Adapt, origin Origin) (*Adapter, error) {
	a := &Adapter{opt: opt, session: session, in: make(chan told, maxWaiting), all: map[*pipeline.Pipeline]taught{}}
	a.origin = origin
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

// Adaptable says why a session with the model p cannot learn from feedback, and which can; nil where it can.
func Adaptable(p *pipeline.Pipeline) error {
	use := p.Spec().Decoder.Use
	if p.Spec().Decide != nil {
		return fmt.Errorf("adapt: the model has a section decide (%s), which adds up the scores of the decoder that was trained, %s: adaptation works on models without it", p.Spec().Decide.Use, use)
	}
	d, tells := p.Decoder().(decoders.Fitter)
	if !tells || len(p.Classes()) < 2 {
		return fmt.Errorf("adapt: the decoder %s does not decide between classes: adaptation works on decoders that do, such as lda, logistic, mdm, dqn and the networks", use)
	}
	if _, err := adapt.NewView(d, p.RowFormat()); err != nil {
		return fmt.Errorf("adapt: the decoder %s: %w", use, err)
	}
	return nil
}

// taught is what was learned beside one model of a session.
type taught struct {
	head   *adapt.Head
	view   *adapt.View
	origin Origin
	number int // of the model in the session, from 0
}

// begin prepares for a model: the first of a run, or one that takes over from another. What a model has learned from feedback
// before is taken over from its decoder, which answers as it was trained from then on; a model that is gone back to has
// what was learned beside it. o is what the model is saved from; of the first one NewAdapter was told.
func (a *Adapter) begin(p *pipeline.Pipeline, clock bus.Clock, run int64, o Origin) error {
	if err := Adaptable(p); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	one, known := a.all[p]
	if !known {
		var err error
		if one, err = a.teach(p); err != nil {
			return err
		}
		if one.origin = o; o.Bundle == nil && a.models == 0 {
			one.origin = a.origin
		}
		if one.origin.Gyrus == "" {
			one.origin.Gyrus = a.origin.Gyrus
		}
		one.number = a.models
		a.models++
		a.all[p] = one
		maps.DeleteFunc(a.all, func(_ *pipeline.Pipeline, old taught) bool { return old.number < a.models-maxBefore-2 })
	}
	if a.head != nil {
		if err := a.write(logLine{Record: a.head.Status(a.clock.Now(), "another model decides"), Operator: "swap"}); err != nil {
			return err
		}
		if a.opt.Save != "" && a.head.Updates() > a.saved { // a later save may be of the new model
			if err := a.save(); err != nil {
				return err
			}
		}
		a.head.Interrupt() // feedback on the commands of the model before teaches nothing about this one
	}
	a.taught = one
	a.head.Interrupt()
	a.p, a.clock, a.run, a.classes, a.breaks, a.saved, a.fresh = p, clock, run, p.Classes(), p.Breaks(), 0, false
	a.scores = make([]float64, len(a.classes))
	return nil
}

// from is the origin of the model that decides; before any does, the one that NewAdapter was told of.
func (a *Adapter) from() Origin {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.origin
}

// teach makes what learns beside p.
func (a *Adapter) teach(p *pipeline.Pipeline) (one taught, err error) {
	d, ok := p.Decoder().(decoders.Fitter)
	if !ok {
		return one, errors.New("adapt: the decoder tells no classes") // Adaptable has seen that it does
	}
	if one.view, err = adapt.NewView(d, p.RowFormat()); err != nil {
		return one, err
	}
	if before, ok := d.(*adapt.Adapted); ok {
		one.head, err = before.Take(a.opt.Options, one.view.Len())
	} else {
		one.head, err = adapt.New(a.opt.Options, len(p.Classes()), one.view.Len())
	}
	return one, err
}

// state is what the head is doing, as far as there is one.
func (a *Adapter) state() adapt.State {
	s, _ := a.stateAndWhy()
	return s
}

// stateAndWhy is what the head is doing, and why it is frozen where it is.
func (a *Adapter) stateAndWhy() (adapt.State, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.head == nil {
		return a.opt.Start, ""
	}
	return a.head.State()
}

// outcomes counts the feedback so far by what became of it.
func (a *Adapter) outcomes() map[string]float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
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
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fresh = false
	if p.Rejected != "" || len(p.Scores) == 0 {
		return p, a.drain()
	}
	if n := a.p.Breaks(); n != a.breaks {
		a.breaks = n
		a.head.Interrupt()
	}
	if err := a.drain(); err != nil {
		return nil, err
	}
	row, err := a.view.Of(p.Row)
	if err != nil {
		return nil, err
	}
	class, err := a.head.Decide(a.scores, row, p.Scores)
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
	a.mu.Lock()
	defer a.mu.Unlock()
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
	g := adapt.Feedback{Seq: f.Seq, Reward: f.Reward}
	if f.Label != "" {
		if g.Reward, g.Truth = 0, slices.Index(a.classes, f.Label); g.Truth < 0 {
			a.odd++
			return nil
		}
	}
	recs, err := a.head.Feedback(g, a.clock.At(f.at))
	if err != nil {
		return err
	}
	for _, rec := range recs {
		if err := a.write(logLine{Record: rec, Source: f.Source}); err != nil {
			return err
		}
	}
	return nil
}

// logLine is one line of the log: what one piece of feedback changed, or what an operator did.
type logLine struct {
	adapt.Record
	Source   string `json:"source,omitempty"`
	Operator string `json:"operator,omitempty"` // the verb
}

func (a *Adapter) write(l logLine) error {
	if a.log == nil {
		return nil
	}
	line, err := json.Marshal(l)
	if err == nil {
		_, err = a.log.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("adapt: log: %w", err)
	}
	return nil
}

// end learns from what came last, and saves what was learned.
func (a *Adapter) end(err error) (*AdaptReport, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	err = errors.Join(err, a.drain())
	if a.opt.Save != "" && a.head.Updates() > 0 {
		err = errors.Join(err, a.save())
	}
	return a.report(), err
}

// report is what was done so far; a.mu is held.
func (a *Adapter) report() *AdaptReport {
	st := a.sub.Stats()
	rep := &AdaptReport{
		Stats: a.head.Stats(), Updates: a.head.Updates(), Decides: a.head.Decides(), Hash: a.head.Hash(),
		OtherRun: a.other, Odd: a.odd, Lost: a.lost.Load() + int64(st.Dropped), Malformed: int64(st.Malformed),
	}
	rep.State, rep.Why = a.head.State()
	if a.saved > 0 {
		rep.Saved = a.opt.Save
	}
	return rep
}
