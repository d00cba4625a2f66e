package session

import (
	"errors"
	"fmt"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// Decided is what a session decided from one window, and what became of it.
type Decided struct {
	*pipeline.Prediction             // valid during the call
	Command              bus.Command // without what the bus fills in
	Arrived              time.Time   // when the chunk that completed the window arrived
	At                   time.Time   // when the decision was there
	Fate                 record.Fate
	Seq                  uint64 // of the command, 0 where it was not sent, neither in shadow
}

// log writes down what happened, at the first sample that it concerns.
func (e *engine) log(kind record.Kind, sample int64, d record.Detail) {
	if e.opt.OnLog != nil {
		e.opt.OnLog(record.Entry{Time: e.opt.Clock.Now(), Sample: sample, Kind: kind, Detail: d})
	}
}

// logHeld writes down what held the session back, and lets it go on, and says whether there was something.
func (e *engine) logHeld() bool {
	all := e.guard.take()
	for _, c := range all {
		e.log(c.kind, e.at, record.Detail{Why: c.why})
	}
	return len(all) > 0
}

// obey sees what holds the session back since the last time, and tells it.
func (e *engine) obey() {
	if e.logHeld() {
		e.beat()
		e.look(time.Now())
	}
}

// logLink writes down the newest change of a stream.
func (e *engine) logLink(l *link) {
	if len(l.newest) > 0 && e.opt.OnLog != nil {
		e.opt.OnLog(changeOf(l).Entry(e.at))
	}
}

// logGate writes down where samples begin to be left out, and where they are taken in again. at is the sample of the change.
func (e *engine) logGate(at int64) {
	if e.gate.inside == e.leaving {
		return
	}
	if e.leaving = e.gate.inside; e.leaving {
		e.skippedBefore = e.gate.before
		e.log(record.KindSkip, at, record.Detail{Why: "older than age.max_ms"})
	} else {
		e.log(record.KindSkipEnd, at, record.Detail{Samples: e.gate.skipped - e.skippedBefore})
	}
}

// logAdapt writes down that the adaptation was frozen, thawed, or has begun to decide.
func (e *engine) logAdapt() {
	if e.opt.Adapter == nil || e.opt.OnLog == nil {
		return
	}
	s, why := e.opt.Adapter.stateAndWhy()
	if string(s) == e.adaptation {
		return
	}
	if e.adaptation != "" || e.model != nil {
		e.log(record.KindAdapt, e.at, record.Detail{From: e.adaptation, To: string(s), Why: why})
	}
	e.adaptation = string(s)
}

// logEnd writes down why it is over.
func (e *engine) logEnd(stopped bool, err error) {
	if e.leaving { // what is left out ends with the session
		e.gate.inside = false
		e.logGate(e.at)
	}
	why := "the source ended"
	switch {
	case stopped:
		why = "it was interrupted"
	case err != nil:
		why = err.Error()
	case e.end:
		why = "an operator asked for it"
	}
	e.log(record.KindEnd, e.at, record.Detail{Why: why, Flushed: e.flushed})
}

// publish sends c, unless it must not leave, and says what became of it.
func (e *engine) publish(p *pipeline.Prediction, c bus.Command) record.Fate {
	e.obey()
	if _, holds := e.guard.holding(); holds {
		e.rep.Held++
		return record.Held
	}
	if !e.live {
		e.rep.Expired++
		return record.Expired
	}
	began := time.Now()
	if e.echo != nil {
		e.echo.sent(e.opt.Commands.Seq()+1, began)
	}
	if err := e.opt.Commands.Publish(c); errors.Is(err, bus.ErrNotSent) {
		e.rep.NotSent++
		return record.NotSent
	} else if err != nil { // it breaks the schema: the next may be better, and controllers hear our heartbeats meanwhile
		e.rep.Refused++
		e.tellSeldom(&e.refused, fmt.Sprintf("a command was not sent, which no controller would take: %v; look at the model, or swap it (gyrus ctl)", err))
		return record.Refused
	}
	done := time.Now()
	e.rep.Sent++
	fate := record.Sent
	if c.State == bus.Shadow {
		e.rep.Shadow++
		fate = record.Shadow
	}
	e.told = bus.StateDecoding // as Publish does
	e.stages.add(stagePublish, done.Sub(began))
	e.stages.add(stageTotal, done.Sub(e.arrived))
	e.mark = done
	if e.opt.Adapter != nil {
		e.opt.Adapter.sent(p, e.opt.Commands.Seq())
	}
	return fate
}
