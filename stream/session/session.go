// Package session runs a live session: a source, a pipeline, and commands on the bus.
//
// One goroutine takes chunk after chunk from the source through the pipeline; another does what operators ask for and what the clock
// brings. They take turns: each of these happens between two chunks, so nothing else needs a lock.
package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// Options say what to run.
type Options struct {
	Source   signal.Source
	Stream   string             // name of the source, for messages; "" means "source"
	Pipeline *pipeline.Pipeline // nil where Calibrate makes it
	SHA256   string             // of the pipeline's bundle, "" where it is not of a file
	Commands *bus.CommandWriter
	Clock    bus.Clock // the one that Commands stamps with
	// OnChunk, if not nil, is called with each chunk before it is decoded, also with those that are left out because they are
	// too old; OnDecision behind each command, when it is known what became of it; OnLog when something happens that is neither.
	// OnCue is called with each cue that the session itself has shown.
	OnChunk    func(signal.Chunk)
	OnDecision func(Decided)
	OnLog      func(record.Entry)
	OnCue      func(signal.Event)
	// OnLook, if not nil, is told twice a second and at each change how the session is, and OnShow what the person is
	// shown: what Telemetry publishes, for who is in the same process. Neither may block.
	OnLook func(bus.Telemetry)
	OnShow func(bus.Cue)
	// Adapter, if not nil, learns from feedback, and may decide instead of the pipeline's decoder.
	Adapter *Adapter

	Watch Watch // from which silence on the source is stalled or lost; the zero value asks for WatchDefaults
	Age   Age   // how old samples may be; the zero value sets no bound
	// Calibrate, if not nil, comes first: it makes the model that decodes.
	Calibrate *Calibration
	// Guard, if not nil, is what holds the session back since the bus is open: it has heard stops and operators already, and
	// whoever made it has given its verbs to Ctl, and closes it. Where it is nil the session has one of its own, of Stops and HeldFile.
	Guard *Guard
	// Stops, if not nil, is a bus on which emergency stops of the session are heard: it then sends no commands until an
	// operator resumes it, so that a controller that is started behind a stop finds nothing to act on.
	Stops *bus.Bus
	// HeldFile, if not "", is where what holds the session back is kept for one that is started again, see the function of that name.
	HeldFile string
	// GoOnUnheard is that of GuardOptions, where Guard is nil.
	GoOnUnheard bool
	// Ctl, if not nil, gets the verbs of the session.
	Ctl *bus.Ctl
	// Dir is the folder that relative paths of bundles count from that are to be swapped in: that of the session file.
	Dir string
	// Load reads the bundle that is to be swapped in; nil means LoadModel.
	Load func(path string) (Model, error)
	// swapWait is how long a request for another model waits until it takes over; 0 means swapWait.
	swapWait time.Duration
	// Telemetry, if not nil, is told twice a second how the session is, and shows the cues of a calibration.
	Telemetry *bus.TelemetryWriter
	// Echo, if not nil, is a bus that may subscribe to the commands: the time until they come back is measured.
	Echo *bus.Bus
	// Metrics, if not nil, shows all of it to Prometheus.
	Metrics *Metrics
	// Note, if not nil, is told in one line what people should know: states of the stream, models, cues. It must not wait, see
	// GuardOptions.
	Note func(text string)
}

// Report is what a session did.
type Report struct {
	// Stats are those of the pipelines, but for Lost: all samples of each channel that never came here, over the whole session, whatever
	// came of the place where they are missing; those that were left out as too old are in Skipped.
	stream.Stats
	Sent    int64 `json:"sent"`        // commands
	Shadow  int64 `json:"sent_shadow"` // of these: in shadow, which nothing may act on
	NotSent int64 `json:"not_sent"`    // commands that the bus could not take at once: they are lost, never late
	// Ahead counts commands whose sample was stamped later than it arrived here, because the clock of the source is ahead
	// of ours. Their age is then counted from the sample that seemed youngest, and from the arrival at least.
	Ahead int64 `json:"clock_ahead"`
	// Transport is what happened to a stream on the bus; all 0 for other sources.
	Transport bus.RawStats `json:"transport"`
	// Latency is the time from the arrival of the chunk that completes a window until its command was handed to the bus, and
	// Stages what it is made of.
	Latency control.Summary            `json:"latency_ms"`
	Stages  map[string]control.Summary `json:"stages_ms"`
	// Age is that of the newest sample of each chunk that was taken in.
	Age control.Summary `json:"age_ms"`
	// Adapt is what was learned from feedback, nil without an Adapter.
	Adapt *AdaptReport `json:"adapt,omitempty"`

	Streams     []bus.StreamHealth `json:"streams"` // as they were at the end
	Marks       *Marks             `json:"marks,omitempty"`
	UnseenMarks int64              `json:"unseen_marks"` // that came so late that their samples were gone, where windows are cut around events: those were not
	Skipped     int64              `json:"skipped"`      // samples left out because they were too old
	Skips       int64              `json:"skips"`        // stretches of them: each is a gap
	SkippedCues int64              `json:"skipped_cues"` // events in them
	Expired     int64              `json:"expired"`      // commands held back because their newest sample was too old
	Held        int64              `json:"held"`         // commands held back because the session was paused
	// Refused counts commands that break the schema, such as a value that is not finite: a receiver would refuse them, and they
	// are not sent. Failed counts windows that the model could not decode, and Unlearned those before which nothing could be
	// learned from feedback.
	Refused   int64    `json:"refused"`
	Failed    int64    `json:"failed"`
	Unlearned int64    `json:"unlearned"`
	Stops     int64    `json:"stops"`  // emergency stops that paused it
	Models    []string `json:"models"` // SHA-256 of each that decided, in order
	// Activations are what the section decide has decided, nil where no model with one decided: every window is a decision then.
	Activations *Activations  `json:"activations,omitempty"`
	Calibration *Calibrated   `json:"calibration,omitempty"`
	Ctl         *bus.CtlStats `json:"ctl,omitempty"`
	stale       string        // why nothing was ever young enough
	failed      error         // the newest window that could not be decoded
}

// Activations is how many decisions there were, rightly or not, counted as where a rate is asked for (decoders.FalseDecisions): where nothing was
// meant each is a false one.
type Activations struct {
	Count     int64    `json:"count"`         // that began
	Again     int64    `json:"held_again"`    // one more for each further second that one went on into
	Minutes   float64  `json:"minutes"`       // of decoding in which one could begin: none went on
	DecidedS  float64  `json:"in_decision_s"` // time in which one stood
	PerMinute *float64 `json:"per_min"`       // Count and Again by Minutes; null where there are none
	Low       *float64 `json:"per_min_low"`   // exact Poisson interval, 95 %
	High      *float64 `json:"per_min_high"`
}

// activations is d with its rate.
func activations(d *bus.Decisions) (*Activations, error) {
	a := &Activations{Count: d.Begun, Again: d.Again, Minutes: d.FreeS / 60, DecidedS: d.DecidedS}
	if d.FreeS == 0 {
		return a, nil
	}
	r, err := metrics.FalseActivations(int(d.Begun+d.Again), d.FreeS, 0.95)
	a.PerMinute, a.Low, a.High = &r.PerMinute, &r.Low, &r.High
	return a, err
}

// Stale says why no sample was ever young enough to be taken in, "" where some were.
func (r *Report) Stale() string { return r.stale }

// arrivals is a source that knows when its newest chunk arrived, which may be long before anybody asked for it.
type arrivals interface{ Arrived() time.Time }

// engine is a session at work. Its fields are of whoever has the turn, but for what says otherwise.
type engine struct {
	turn   sync.Mutex // held while something is worked on: a chunk, a request, what time brings
	opt    Options
	rep    Report
	info   *signal.Info
	phase  bus.Phase // but paused
	guard  *Guard
	owned  bool // the guard is ours to close
	detail string
	note   func(string)

	model   *running
	before  []Model // those that rollback leads to, the newest last
	next    *pending
	retired pipeline.Stats // of models that decide no longer, and of before the first
	cal     *calibrator    // nil where there is nothing to calibrate
	calEnd  int64          // behind the newest chunk, where that was taken in before there was a model, else -1

	link  *link
	marks *link // to the stream of marks, nil where the source has none
	gate  ageGate
	at    int64 // the sample behind the newest chunk
	jumps int64 // samples that the source's numbers leave out, also where what follows begins anew, or is left out itself
	// What the log says already: that samples are left out, how many were before, and the state of the adaptation.
	leaving       bool
	skippedBefore int64
	adaptation    string
	flushed       bool // what the steps held back was decided
	live          bool // what is decided now may be sent
	told          bus.State
	arrived       time.Time // of the chunk at hand
	mark          time.Time // when the stage at hand began
	stages        stages
	age           control.Quantiles
	ageNow        float64 // ms, of the newest chunk
	aged          bool    // there was one
	old           bool    // it was too old to act on
	lead          lead    // of the clock of the source over ours
	refused       Seldom  // commands that break the schema
	undecoded     Seldom  // windows
	unlearned     Seldom
	unseen        Seldom      // marks
	stamps        *StampWatch // nil where the source has none of its own
	markWatch     *MarkWatch
	tooOld        Seldom                  // samples
	bad           *notFinite              // samples
	decoded       float64                 // seconds of decoding
	decisions     *bus.Decisions          // nil before a model with a section decide
	found         decoders.FalseDecisions // the same in windows, whatever model they are of

	ops     chan func() // what others want done between two chunks
	end     bool        // somebody asked for the end
	failed  error       // why, where it is no good end
	loading loading
	over    chan struct{} // closed when nothing of ops will be done any more
	echo    *echo

	mu   sync.Mutex
	view snapshot // what others may look at
}

// maxBefore models can be gone back to.
const maxBefore = 8

// Run decodes until the source ends, ctx is done or somebody asks for the end, which is no error. Where the source is lost for good the error
// wraps signal.ErrLost, and the report is of all until then. A command that cannot be
// sent now is counted and forgotten.
func Run(ctx context.Context, opt Options) (Report, error) {
	e, err := newEngine(opt)
	if err != nil {
		return Report{}, err
	}
	if err := e.begin(); err != nil {
		return e.rep, errors.Join(err, e.release())
	}
	err = e.loop(ctx)
	return e.finish(ctx, err)
}

func newEngine(opt Options) (*engine, error) {
	e := &engine{opt: opt, info: opt.Source.Info(), phase: bus.PhaseDecoding, calEnd: -1, ops: make(chan func()), over: make(chan struct{}), told: bus.StateWaiting}
	if e.opt.Watch == (Watch{}) {
		e.opt.Watch = WatchDefaults()
	}
	if e.opt.Stream == "" {
		e.opt.Stream = "source"
	}
	if e.opt.Load == nil {
		e.opt.Load = LoadModel
	}
	if e.note = opt.Note; e.note == nil {
		e.note = func(string) {}
	}
	e.gate.opt = opt.Age
	if _, live := opt.Source.(signal.LiveSource); live {
		e.stamps = NewStampWatch(e.opt.Stream)
	}
	e.markWatch = NewMarkWatch(e.opt.Stream, lateLive)
	e.bad = newNotFinite(e.opt.Stream, e.info)
	e.link = newLink(e.opt.Stream, e.opt.Watch, time.Now(), opt.Clock.At)
	if opt.Calibrate != nil {
		e.phase = bus.PhaseCalibrating
		var err error
		if e.cal, err = newCalibrator(*opt.Calibrate, opt.Source); err != nil {
			return nil, err
		}
		e.cal.onCue = opt.OnCue
	}
	if opt.Pipeline == nil {
		if opt.Calibrate == nil {
			return nil, errors.New("session: neither a pipeline nor a calibration that makes one")
		}
		return e, nil
	}
	if opt.Calibrate != nil {
		if err := opt.Calibrate.Fits(opt.Pipeline); err != nil {
			return nil, err
		}
	}
	return e, opt.Pipeline.Causal()
}

// begin starts the model and lets others ask.
func (e *engine) begin() error {
	if e.opt.Pipeline != nil {
		if err := e.opt.Pipeline.Start(e.info); err != nil {
			return err
		}
		if e.cal == nil {
			if err := e.decide(e.own()); err != nil {
				return err
			}
			e.log(record.KindModel, 0, record.Detail{To: e.opt.SHA256})
		}
	}
	if e.opt.Echo != nil {
		var err error
		if e.echo, err = newEcho(e.opt.Echo, e.opt.Commands); err != nil {
			return err
		}
	}
	if e.guard = e.opt.Guard; e.guard == nil {
		var err error
		if e.guard, err = NewGuard(GuardOptions{Commands: e.opt.Commands, Clock: e.opt.Clock, Stops: e.opt.Stops, File: e.opt.HeldFile, GoOnUnheard: e.opt.GoOnUnheard, Note: e.note}); err != nil {
			return err
		}
		e.owned = true
	}
	if e.guard.attach(e) {
		e.log(record.KindShadow, 0, record.Detail{Why: "it began so"})
	}
	e.logHeld()
	if e.opt.Ctl != nil {
		if e.owned {
			e.opt.Ctl.Handle(e.guard.Verbs()...)
		}
		if e.opt.Adapter != nil {
			e.opt.Ctl.Handle(e.opt.Adapter.verbs()...)
		}
	}
	if e.opt.Metrics != nil {
		e.opt.Metrics.attach(e)
	}
	e.look(time.Now())
	return nil
}

// release lets go of the guard.
func (e *engine) release() error {
	if e.guard == nil {
		return nil
	}
	e.guard.detach()
	if !e.owned {
		return nil
	}
	return e.guard.Close()
}

// own is the model that the session came with, before any other decides; without a pipeline where it has none.
func (e *engine) own() Model {
	m := Model{Pipeline: e.opt.Pipeline, SHA256: e.opt.SHA256}
	if e.opt.Adapter != nil {
		m.Origin = e.opt.Adapter.from()
	}
	return m
}

// decide makes m the model that decides; its pipeline must have been started.
func (e *engine) decide(m Model) error {
	if crossing := m.Pipeline.Crossing(); crossing != "" {
		e.note(crossing)
	}
	every := time.Duration(float64(m.Pipeline.LiveHop()) / m.Pipeline.OutRate() * float64(time.Second))
	if valid := e.opt.Commands.ValidFor(); every >= valid {
		e.note(fmt.Sprintf("commands come every %g ms and are valid for %g ms: controllers go to their safe state between any two of them; set valid_for_ms to more than %[1]g, or step_s in the section live of the pipeline to less",
			every.Seconds()*1e3, valid.Seconds()*1e3))
	}
	if e.opt.Adapter != nil {
		if err := e.opt.Adapter.begin(m.Pipeline, e.opt.Clock, e.opt.Commands.Run(), m.Origin); err != nil {
			return err
		}
	}
	e.model = &running{Model: m}
	e.rep.Models = append(e.rep.Models, m.SHA256)
	m.Pipeline.OnStage(e.staged)
	e.found.Anew()
	if m.Pipeline.Decider() != nil && e.decisions == nil {
		e.decisions = new(bus.Decisions)
	}
	return nil
}

// came is a chunk of the source and when it arrived.
type came struct {
	c  signal.Chunk
	at time.Time
}

// ending is why there is no further chunk: the source has none, or what came could not be worked on.
type ending struct{ source, work error }

// tickEvery is how often the clock is looked at while no samples come.
const tickEvery = 20 * time.Millisecond

// loop works until the end, which is no error: on what is asked for, and on what time brings. Chunks are worked on where they are taken
// from the source, each thing in its turn: to hand them to another goroutine would cost each command the waking of another core.
func (e *engine) loop(ctx context.Context) error {
	taking, stop := context.WithCancel(ctx)
	over := make(chan ending, 1)
	var taker sync.WaitGroup
	taker.Go(func() { over <- e.take(taking) })
	defer func() { stop(); taker.Wait() }() // behind the last return nothing is worked on
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case o := <-over:
			if errors.Is(o.source, io.EOF) {
				return e.flush(ctx)
			}
			if errors.Is(o.source, signal.ErrLost) {
				return e.lost(o.source)
			}
			if err = cmp.Or(o.source, o.work); err == nil && !e.end {
				err = ctx.Err()
			}
			return err
		case fn := <-e.ops:
			e.turn.Lock()
			fn()
			err = e.failed
		case now := <-tick.C:
			e.turn.Lock()
			err = errors.Join(e.tick(ctx, now), e.failed)
		case <-ctx.Done():
			return ctx.Err()
		}
		end := e.end
		if end || err != nil {
			stop() // in our turn: no chunk comes behind it
		}
		e.turn.Unlock()
		if end || err != nil {
			return err
		}
	}
}

// take works on one chunk after the other; the memory of one is the source's until it asks for the next.
func (e *engine) take(ctx context.Context) ending {
	src := e.opt.Source
	from, knows := src.(arrivals)
	for {
		c, err := src.Next(ctx)
		a := came{c: c, at: time.Now()}
		if err != nil {
			return ending{source: err}
		}
		if knows {
			a.at = from.Arrived()
		}
		e.turn.Lock()
		if ctx.Err() == nil {
			err = e.chunk(ctx, a)
		}
		end := e.end
		e.turn.Unlock()
		if end || err != nil || ctx.Err() != nil {
			return ending{work: err}
		}
	}
}

// chunk takes in what came.
func (e *engine) chunk(ctx context.Context, a came) error {
	now := time.Now()
	c := a.c
	e.rep.Chunks++
	if c.Len() > 0 {
		if c.Anew && e.link.missed(e.health()) {
			e.linkChanged(now)
		}
		if e.link.chunks > 0 && !c.Anew {
			e.jumps += max(0, c.Start-e.at)
		}
		first, changed := e.link.take(now, c)
		other := c.Anew // the source itself begins anew: its clock may be another
		c.Anew = c.Anew || first
		age := e.lead.age(time.Duration(e.opt.Clock.At(now)-c.TimeAt(c.End()-1)), now, other)
		age = max(age, now.Sub(a.at)) // no sample is younger than its arrival, whatever the clock of the source says
		e.at = c.End()
		e.came(c) // before anything is left out: what came is recorded
		if line := e.bad.see(now, c); line != "" {
			e.note(line)
		}
		if changed {
			e.linkChanged(now)
		}
		e.ageNow, e.aged = age.Seconds()*1e3, true // of what is left out too: others must see that it is old
		take, live, err := e.gate.pass(&c, age)
		e.old = err == nil && (!take || !live)
		e.logGate(c.Start)
		if err == nil && !take {
			e.tellSeldom(&e.tooOld, fmt.Sprintf("samples are %.3f s old, age.max_ms allows %.3f s: they are left out, and nothing is decided; the clock of the source is behind ours, or what it sends was held up: mend its stamps (lsl_local_clock), set the clocks, or raise age.max_ms",
				age.Seconds(), e.opt.Age.MaxMS/1e3))
		}
		if err != nil || !take {
			return err
		}
		e.live = live
		e.age.Add(e.ageNow)
	} else {
		e.came(c)
	}
	e.arrived, e.mark = a.at, now
	e.stages.add(stageArrival, now.Sub(a.at))
	e.countUndecided(c)
	if e.model == nil {
		return e.calibrate(ctx, c, now)
	}
	p := e.model.Pipeline
	before, _ := p.Unseen()
	preds, err := p.Push(c)
	if n, last := p.Unseen(); n > before && p.LiveHop() == 0 {
		e.rep.UnseenMarks += n - before
		if line := e.unseen.Line(now, n-before, fmt.Sprintf("MARKS have no window, and no decision: %q: %s; let their program push each mark when it happens", last.Event.Label, last.Why)); line != "" {
			e.note(line)
		}
	}
	if err := e.undecodable(err); err != nil {
		return err
	}
	e.put(preds)
	e.warm(c)
	return nil
}

// countUndecided counts what is taken in before there is a model, as a pipeline does, and the break in front of the first chunk that a
// model gets, which is the begin to its pipeline.
func (e *engine) countUndecided(c signal.Chunk) {
	if e.calEnd >= 0 {
		if c.Anew {
			e.retired.Restarts++
		} else if c.Start > e.calEnd {
			e.retired.Gaps++
			e.retired.Lost += c.Start - e.calEnd
		}
	}
	e.calEnd = -1
	if e.model == nil && (c.Len() > 0 || !c.Anew) { // behind an empty one that begins anew nothing breaks off
		e.retired.Samples += int64(c.Len())
		e.calEnd = c.End()
	}
}

// came tells of a chunk.
func (e *engine) came(c signal.Chunk) {
	if e.opt.OnChunk != nil {
		e.opt.OnChunk(c)
	}
}

// staged times the stages of the pipeline.
func (e *engine) staged(s pipeline.Stage) {
	now := time.Now()
	e.stages.add(map[pipeline.Stage]stage{pipeline.Preprocessed: stagePreprocess, pipeline.Windowed: stageWindow, pipeline.Decoded: stageDecode}[s], now.Sub(e.mark))
	e.mark = now
}

// undecodable counts windows that could not be decoded: there is no command for them, and the next ones may be better. Any other
// error is returned.
func (e *engine) undecodable(err error) error {
	var w *pipeline.WindowError
	if !errors.As(err, &w) {
		return err
	}
	e.rep.Failed += int64(w.Windows)
	e.rep.failed = err
	if line := e.undecoded.Line(time.Now(), int64(w.Windows), fmt.Sprintf("not decoded, and no command sent: %v; look at the electrodes, or swap the model (gyrus ctl)", err)); line != "" {
		e.note(line)
	}
	return nil
}

// put sends what was decided.
func (e *engine) put(preds []pipeline.Prediction) {
	for i := range preds {
		e.send(&preds[i])
	}
}

func (e *engine) send(p *pipeline.Prediction) {
	if p.Silent {
		return
	}
	if e.opt.Adapter != nil {
		q, err := e.opt.Adapter.decide(p)
		if err == nil {
			p = q
		} else { // the decoder of the model decides this one
			e.rep.Unlearned++
			e.opt.Adapter.giveUp(err)
			e.tellSeldom(&e.unlearned, fmt.Sprintf("learning from feedback is frozen, and the model decides: %v; thaw goes on when that is mended", err))
		}
	}
	e.count(p)
	c := bus.Command{State: e.opt.Commands.Intent(), Kind: bus.KindClass, TSample: p.Time, Label: p.Decision, Confidence: p.Sure, Bundle: e.model.SHA256}
	if at := e.opt.Clock.At(e.arrived); c.TSample > at {
		e.rep.Ahead++
		c.TSample = min(at, c.TSample-int64(e.lead.by))
	}
	if p.Decision == "" { // no control, or a window that must not be used: the decoder answers all the same
		c.Kind = bus.KindNone
	}
	if len(p.Value) > 0 { // a rejected window of a continuous decoder has none
		c.Kind, c.Value = bus.KindContinuous, slices.Clone(p.Value)
	}
	for k, s := range p.Scores {
		c.Scores = append(c.Scores, bus.Score{Label: e.model.Pipeline.Classes()[k], P: s})
	}
	decided := time.Now()
	fate := e.publish(p, c)
	if e.opt.OnDecision != nil {
		d := Decided{Prediction: p, Command: c, Arrived: e.arrived, At: decided, Fate: fate}
		if fate == record.Sent || fate == record.Shadow {
			d.Seq = e.opt.Commands.Seq()
		}
		e.opt.OnDecision(d)
	}
}

// count counts the time of decoding, and what a section decide decides in it. Without one every window is a decision, and what it is the
// signal does not say.
func (e *engine) count(p *pipeline.Prediction) {
	m := e.model.Pipeline
	hop, rate := float64(m.LiveHop()), m.OutRate()
	if !p.Slides || hop == 0 {
		return
	}
	step, refused := hop/rate, p.Rejected != "" || p.Unlike
	if !refused {
		e.decoded += step
	}
	if e.decisions == nil {
		return
	}
	d, before := e.decisions, e.found
	e.found.Add(slices.Index(m.Classes(), p.Decision), float64(p.Start)/rate, !refused, step)
	d.Begun, d.Again = int64(e.found.Begun), int64(e.found.Again)
	d.FreeS += step * float64(e.found.Free-before.Free) // another model may have another step
	d.DecidedS += step * float64(e.found.Decided-before.Decided)
}

// tick looks at the clock.
func (e *engine) tick(ctx context.Context, now time.Time) error {
	e.obey()
	h := e.health()
	if e.link.tick(now, h) {
		e.linkChanged(now)
	}
	if e.stamps != nil && h != nil {
		if line := e.stamps.Look(now, *h); line != "" {
			e.note(line)
		}
	}
	e.lookAtMarks(now)
	e.logAdapt()
	if e.echo != nil {
		e.echo.collect(&e.stages)
	}
	if now.Sub(e.view.at) >= lookEvery {
		e.look(now)
	}
	if e.model == nil {
		return e.calibrating(ctx)
	}
	return nil
}

// linkChanged tells of a new state of the stream.
func (e *engine) linkChanged(now time.Time) {
	e.note(fmt.Sprintf("%s: %s: %s", e.link.name, e.link.state, e.link.detail))
	e.logLink(e.link)
	e.beat()
	e.look(now)
}

// lost tells at once that the source has gone for good, and returns what that means. What filters hold back would need what came next.
func (e *engine) lost(err error) error {
	now := time.Now()
	if e.link.enter(signal.LinkLost, err.Error(), now) {
		e.linkChanged(now)
	} else {
		e.note(fmt.Sprintf("%s: %v", e.link.name, err))
	}
	if e.model == nil {
		return fmt.Errorf("%w; %w", err, e.cal.sourceEnded())
	}
	return err
}

// lookAtMarks follows the stream of marks beside the samples: without it a calibration waits for cues that never come.
func (e *engine) lookAtMarks(now time.Time) {
	m, ok := marksOf(e.opt.Source)
	if !ok {
		return
	}
	if line := e.markWatch.Look(now, MarksOf(e.opt.Source)); line != "" {
		e.note(line)
	}
	if e.marks == nil {
		e.marks = newLink(e.opt.Stream+" marks", e.opt.Watch, now, e.opt.Clock.At)
	}
	if e.marks.mark(now, m) {
		line := fmt.Sprintf("%s: %s: %s", e.marks.name, m.State, m.Detail)
		if c := e.cal; c != nil && e.phase == bus.PhaseCalibrating && c.opt.Cues == cuesMarkers && m.State == signal.LinkLost {
			line += "; " + c.waitsFor()
		}
		e.note(line)
		e.logLink(e.marks)
		e.look(now)
	}
}

// beat says in the heartbeat whether commands come: a controller then need not wait for the newest to expire.
func (e *engine) beat() {
	s := bus.StateWaiting
	if _, holds := e.guard.holding(); e.model != nil && !holds && e.link.flows() {
		s = bus.StateDecoding
	}
	if s == e.told {
		return
	}
	e.told = s
	_ = e.opt.Commands.SetState(s) // counted there; the next heartbeat comes in a tenth of a second
}

// health is what the source says of itself, nil for nothing.
func (e *engine) health() *signal.Health {
	switch src := e.opt.Source.(type) {
	case signal.LiveSource:
		h := src.Health()
		return &h
	case interface{ Stats() bus.RawStats }:
		st := src.Stats()
		h := unknownHealth()
		h.Lost, h.Jumps, h.Recoveries = st.Missing, st.Jumps, st.Restarts
		return &h
	default:
		return nil
	}
}

// flush ends the stream.
func (e *engine) flush(context.Context) error {
	if e.model == nil {
		return e.cal.sourceEnded()
	}
	e.flushed = true
	preds, err := e.model.Pipeline.Flush()
	if err := e.undecodable(err); err != nil {
		return err
	}
	e.put(preds)
	return nil
}

// stats is what the pipelines have counted, one behind the other.
func (e *engine) stats() pipeline.Stats {
	if e.model == nil {
		return e.retired
	}
	return plus(e.retired, since(e.model.Pipeline.Stats(), e.model.before))
}

// finish sums up.
func (e *engine) finish(ctx context.Context, err error) (Report, error) {
	close(e.over)
	e.logEnd(err != nil && errors.Is(err, ctx.Err()), err)
	if e.next != nil {
		e.next.finish(errors.New("the session ended before"))
		e.next = nil
	}
	if e.cal != nil {
		e.cal.abandon()
	}
	if e.echo != nil {
		err = errors.Join(err, e.echo.close(&e.stages))
	}
	err = errors.Join(err, e.release())
	e.obey() // a stop that came last is in the report too
	e.rep.Stops = e.guard.stopCount()
	e.rep.Stats.Stats = e.stats()
	e.rep.Stages = e.stages.report()
	e.rep.Latency, e.rep.Age = e.rep.Stages[stageNames[stageTotal]], e.age.Summary()
	if t, ok := e.opt.Source.(interface{ Stats() bus.RawStats }); ok {
		e.rep.Transport = t.Stats()
	}
	e.rep.Skipped, e.rep.Skips, e.rep.SkippedCues, e.rep.stale = e.gate.skipped, e.gate.gaps, e.gate.events, e.gate.behind()
	e.rep.Streams, e.rep.Marks = e.streams(), MarksOf(e.opt.Source)
	s := e.rep.Streams[0]
	e.rep.Lost = int64(s.Lost + s.Suspected + s.Dropped) // the pipeline sees no jump behind which the stream begins anew
	if e.decisions != nil {
		var bad error
		e.rep.Activations, bad = activations(e.decisions)
		err = errors.Join(err, bad)
	}
	if e.opt.Ctl != nil {
		st := e.opt.Ctl.Stats()
		e.rep.Ctl = &st
	}
	if e.cal != nil && e.rep.Calibration == nil {
		e.rep.Calibration = &e.cal.result
	}
	e.phase = bus.PhaseEnded
	e.look(time.Now())
	if err != nil && errors.Is(err, ctx.Err()) {
		err = nil // a session ends when it is told to
	}
	if r := &e.rep; err == nil && r.failed != nil && r.Sent+r.NotSent+r.Held+r.Expired+r.Refused == 0 {
		err = fmt.Errorf("none of %d windows could be decoded: %w", r.Failed, r.failed)
	}
	if e.opt.Adapter != nil && e.model != nil {
		e.rep.Adapt, err = e.opt.Adapter.end(err)
	}
	return e.rep, err
}
