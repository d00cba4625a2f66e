package session

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// trainedModel is what a calibration has learned.
type trainedModel struct {
	model     Model
	bundle    *bundle.Bundle
	scored    bus.Scored
	classes   []string
	confusion [][]int
	err       error
}

// spec is the pipeline to train, with the events of the calibration.
func (c *Calibration) spec() (*pipeline.Spec, error) {
	spec, err := pipeline.Load(c.Pipeline)
	if err != nil {
		return nil, err
	}
	if spec.Target != nil {
		return nil, fmt.Errorf("pipeline %s follows quantities: a calibration learns classes from cues", c.Pipeline)
	}
	if err := spec.Segment.Set(map[string]any{"events": c.Classes}); err != nil {
		return nil, err
	}
	p, err := pipeline.Build(spec, pipeline.All)
	if err != nil {
		return nil, err
	}
	if p.Resting() != nil {
		return nil, errors.New("the section decide asks for rest data, which a calibration does not record: train with gyrus train --rest, or take out false_per_min")
	}
	if err := p.Causal(); err != nil {
		return nil, err
	}
	if _, err := split.New(c.Split, c.Seed); err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	return spec, nil
}

// train begins to train on what was kept, on a goroutine of its own.
func (c *calibrator) train(ctx context.Context, session string) {
	ctx, c.cancel = context.WithCancel(ctx)
	c.training = make(chan trainedModel, 1)
	rec := c.capture.recording("calibration of session " + session)
	opt, out := c.opt, c.training
	go func() { // abandon and calibrating wait for it
		m, err := trainOn(ctx, opt, rec)
		m.err = err
		out <- m
	}()
}

// trainOn scores the pipeline by cross-validation and fits it to all trials. It writes nothing.
func trainOn(ctx context.Context, opt Calibration, rec *signal.Recording) (m trainedModel, err error) {
	spec, err := opt.spec()
	if err != nil {
		return m, err
	}
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return m, err
	}
	var col stream.Collected
	recs := []*signal.Recording{rec}
	set, err := stream.Collect(ctx, recs, p, stream.Watch{Done: func(c stream.Collected) { col = c }})
	if err != nil {
		return m, err
	}
	y, err := set.Labels()
	if err != nil {
		return m, err
	}
	splitter, err := split.New(opt.Split, opt.Seed)
	if err != nil {
		return m, err
	}
	folds, err := splitter.Split(y, set.Group)
	if err != nil {
		return m, err
	}
	tested, err := stream.CrossValidate(ctx, spec, recs, set, y, folds, nil)
	if err != nil {
		return m, err
	}
	var truth, label []int
	for i := range set.Windows {
		if t, ok := tested[i]; ok {
			truth, label = append(truth, t.Truth), append(label, t.Label)
		}
	}
	conf, err := metrics.NewConfusion(set.Classes, truth, label)
	if err != nil {
		return m, err
	}
	m.classes, m.confusion = set.Classes, conf.N
	m.scored = bus.Scored{Trials: conf.Trials(), BalancedAccuracy: conf.BalancedAccuracy(), Chance: conf.Chance()}
	m.scored.CILow, m.scored.CIHigh = conf.BalancedAccuracyInterval(0.95)
	if err := ctx.Err(); err != nil {
		return m, err
	}
	if err := p.FitContext(ctx, set, y); err != nil {
		return m, err
	}
	if err := ctx.Err(); err != nil {
		return m, err
	}
	b, err := p.Bundle(opt.Version)
	if err != nil {
		return m, err
	}
	b.Manifest.Seed = opt.Seed
	b.Manifest.Score = &bundle.Score{
		Split: opt.Split, Trials: m.scored.Trials, BalancedAccuracy: m.scored.BalancedAccuracy, CILow: m.scored.CILow, CIHigh: m.scored.CIHigh, Chance: m.scored.Chance,
	}
	b.Manifest.Data = []bundle.Data{{Name: rec.Name, Trials: col.Trials}}
	raw, err := bundle.Marshal(b)
	if err != nil {
		return m, err
	}
	if m.bundle, err = bundle.Unmarshal(raw); err != nil { // what a later session will load, and its hash
		return m, err
	}
	m.model.SHA256 = m.bundle.SHA256
	m.model.Origin = Origin{Bundle: m.bundle, File: filepath.Base(opt.Save), SHA256: m.bundle.SHA256, Gyrus: opt.Version}
	m.model.Pipeline, err = pipeline.FromBundle("calibration", m.bundle, pipeline.All)
	return m, err
}
