// Package session runs a live session: a source, a pipeline, and commands on the bus.
package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Options say what to run.
type Options struct {
	Source   signal.Source
	Pipeline *pipeline.Pipeline
	Commands *bus.CommandWriter
	Clock    bus.Clock // the one that Commands stamps with
	// OnChunk, if not nil, is called with each chunk before it is decoded, and OnDecision before each command is sent, with
	// the arrival of the chunk that completed its window.
	OnChunk func(signal.Chunk)
	// Adapter, if not nil, learns from feedback, and may decide instead of the pipeline's decoder.
	Adapter    *Adapter
	OnDecision func(p *pipeline.Prediction, c bus.Command, arrived time.Time)
}

// Report is what a session did.
type Report struct {
	stream.Stats
	Sent    int64 `json:"sent"`     // commands
	NotSent int64 `json:"not_sent"` // commands that the bus could not take at once: they are lost, never late
	// Ahead counts commands whose sample was stamped later than it arrived here, because the clock of the source is ahead
	// of ours. Their age is then counted from the arrival.
	Ahead int64 `json:"clock_ahead"`
	// Transport is what happened to a stream on the bus; all 0 for other sources.
	Transport bus.RawStats `json:"transport"`
	// Latency is the time from the arrival of the chunk that completes a window until its command was handed to the bus.
	Latency control.Summary `json:"latency_ms"`
	// Adapt is what was learned from feedback, nil without an Adapter.
	Adapt *AdaptReport `json:"adapt,omitempty"`
}

// arrivals is a source that knows when its newest chunk arrived, which may be long before anybody asked for it.
type arrivals interface{ Arrived() time.Time }

// Run decodes until the source ends or ctx is done, which is no error. A command that cannot be sent now is counted and
// forgotten.
func Run(ctx context.Context, opt Options) (Report, error) {
	var (
		rep     Report
		arrived time.Time
		latency control.Quantiles
	)
	if err := opt.Pipeline.Causal(); err != nil {
		return rep, err
	}
	if opt.Adapter != nil {
		if err := opt.Adapter.begin(opt.Pipeline, opt.Clock, opt.Commands.Run()); err != nil {
			return rep, err
		}
	}
	from, knows := opt.Source.(arrivals)
	onChunk := func(c signal.Chunk) {
		if arrived = time.Now(); knows {
			arrived = from.Arrived()
		}
		if opt.OnChunk != nil {
			opt.OnChunk(c)
		}
	}
	classes := opt.Pipeline.Classes()
	sink := stream.SinkFunc(func(_ context.Context, p *pipeline.Prediction) error {
		if p.Silent {
			return nil
		}
		if opt.Adapter != nil {
			q, err := opt.Adapter.decide(p)
			if err != nil {
				return err
			}
			p = q
		}
		c := bus.Command{Kind: bus.KindClass, TSample: p.Time, Label: p.Decision, Confidence: p.Sure}
		if at := opt.Clock.At(arrived); c.TSample > at {
			c.TSample = at
			rep.Ahead++
		}
		if p.Decision == "" { // no control, or a window that must not be used: the decoder answers all the same
			c.Kind = bus.KindNone
		}
		if len(p.Value) > 0 { // a rejected window of a continuous decoder has none
			c.Kind, c.Value = bus.KindContinuous, slices.Clone(p.Value)
		}
		for k, s := range p.Scores {
			c.Scores = append(c.Scores, bus.Score{Label: classes[k], P: s})
		}
		if opt.OnDecision != nil {
			opt.OnDecision(p, c, arrived)
		}
		if err := opt.Commands.Publish(c); errors.Is(err, bus.ErrNotSent) {
			rep.NotSent++
			return nil
		} else if err != nil {
			return err
		}
		rep.Sent++
		if opt.Adapter != nil {
			opt.Adapter.sent(p, opt.Commands.Seq())
		}
		latency.Add(time.Since(arrived).Seconds() * 1e3)
		return nil
	})
	if err := opt.Commands.SetState(bus.StateDecoding); err != nil && !errors.Is(err, bus.ErrNotSent) {
		return rep, err
	}
	var err error
	rep.Stats, err = stream.Run(ctx, opt.Source, opt.Pipeline, sink, stream.Options{OnChunk: onChunk})
	rep.Latency = latency.Summary()
	if t, ok := opt.Source.(interface{ Stats() bus.RawStats }); ok {
		rep.Transport = t.Stats()
	}
	if err != nil && errors.Is(err, ctx.Err()) {
		err = nil // a session ends when it is told to
	}
	if opt.Adapter != nil {
		rep.Adapt, err = opt.Adapter.end(err)
	}
	return rep, err
}
