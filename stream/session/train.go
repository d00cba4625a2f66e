package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
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
	rest      *bundle.Rest // nil where no threshold is set from rest
	leftOut   []LeftOut
	purged    string // what split.Purged says
	err       error
}

// LeftOut is a cue that nothing was learned from.
type LeftOut struct {
	Class string  `json:"class"`
	Onset float64 `json:"onset_s"` // of the cue, or of the window that was rejected, from the begin of the calibration
	Why   string  `json:"why"`
}

// lessons are what there is to learn from: the recording of the calibration, or its parts, and the rest before the first cue, nil
// where there was none. apart are always the parts, nil without a section decide to try on them.
type lessons struct {
	recs, apart []*signal.Recording
	rest        *signal.Recording
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
	given := c.RestBlockS > 0 || len(c.RestEvents) > 0
	switch d := p.Resting(); {
	case d != nil && !given && c.Cues == cuesShown:
		return nil, fmt.Errorf("the section decide asks for at most %g false decisions a minute, which takes rest to set the threshold with: set rest_block_s, the seconds of rest before the first cue", d.AsksForRest())
	case d != nil && !given:
		return nil, fmt.Errorf("the section decide asks for at most %g false decisions a minute, which takes rest to set the threshold with: name the events of rest of the source in rest_events", d.AsksForRest())
	case d == nil && given:
		return nil, errors.New("rest_block_s and rest_events do nothing without a rate: give false_per_min in the section decide of the pipeline")
	}
	if _, reach := p.Reach(); c.Cues == cuesShown && reach > c.CueS {
		return nil, fmt.Errorf("cue_s is %g, but pipeline %s learns from windows that end %g s behind the begin of a cue (tmax_s of its section segment, or the end of baseline_s): it would learn rest for what is meant; set cue_s to at least %[3]g, or tmax_s to at most %[1]g",
			c.CueS, c.Pipeline, reach)
	}
	if err := c.Accept.fits(p); err != nil {
		return nil, err
	}
	if err := p.Causal(); err != nil {
		return nil, err
	}
	if _, err := split.New(c.Split, c.Seed); err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	return spec, nil
}

// reach is where the windows that are learned from begin and end: seconds behind the begin of a cue, below 0 for before it.
func (c *Calibration) reach() (from, to float64, err error) {
	spec, err := c.spec()
	if err != nil {
		return 0, 0, err
	}
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return 0, 0, err
	}
	from, to = p.Reach()
	return from, to, nil
}

// Fits says why a session cannot go on with p where the model of this calibration is refused, nil where it can: a controller that
// understands the commands of one must understand those of the other.
func (c *Calibration) Fits(p *pipeline.Pipeline) error {
	if p.Target() != nil {
		return errors.New("calibrate: the bundle follows quantities, a calibration learns classes: leave the bundle out, or give one that decides between the same classes")
	}
	made, has := slices.Compact(slices.Sorted(maps.Values(c.Classes))), slices.Sorted(slices.Values(p.Outputs()))
	if !slices.Equal(made, has) {
		return fmt.Errorf("calibrate: the classes are %s, those of the bundle are %s: a controller would understand one of the two models; name the classes alike, or leave the bundle out",
			strings.Join(made, ", "), strings.Join(has, ", "))
	}
	return nil
}

// Enough says whether there will be what the section decide learns from: better before the first cue than behind the last.
func (c *Calibration) Enough(info *signal.Info) error {
	spec, err := c.spec()
	if err != nil {
		return err
	}
	p, err := pipeline.Build(spec, pipeline.All)
	if err != nil {
		return err
	}
	if err := p.Start(info); err != nil {
		return err
	}
	if window := p.WindowS(); 0 < c.RestEventS && c.RestEventS < window {
		return fmt.Errorf("rest_event_s is %g, but a window lasts %g s, so that none would lie wholly at rest: set it to at least %[2]g, or leave it out where the next event of the source ends the rest", c.RestEventS, window)
	}
	if d, ok := p.Decider().(decoders.TrialFitter); ok {
		return c.enoughTrials(d, len(p.Classes()))
	}
	if c.RestBlockS > 0 {
		return c.enoughRest(p)
	}
	return nil
}

// enoughTrials is Enough for the trials of the parts that the section decide keeps for itself.
func (c *Calibration) enoughTrials(d decoders.TrialFitter, classes int) error {
	keep := d.CalibrationRuns()
	if keep >= parts {
		return fmt.Errorf("decide: calibration_runs is %d, but a calibration is cut into %d parts: at least one must be left to learn from", keep, parts)
	}
	n := c.Trials * len(c.Classes) * keep / parts
	if strings.Contains(c.Split, "kfold") { // a fifth is left out in turn to score the model
		n = n * 4 / 5
	}
	y := signal.Labels{Classes: make([]string, classes), Y: make([]int, n)}
	for i := range y.Y {
		y.Y[i] = i % classes
	}
	if err := d.FitTrials(slices.Repeat([][]float64{evenly(classes)}, n), y); err != nil {
		return fmt.Errorf("trials is %d: of %d cues, cut into %d parts, the section decide keeps %d for itself, less those that score the model: %w", c.Trials, c.Trials*len(c.Classes), parts, keep, err)
	}
	return nil
}

// evenly are scores that favour no class.
func evenly(classes int) []float64 {
	return slices.Repeat([]float64{1 / float64(classes)}, classes)
}

// parts is how many recordings a calibration is cut into for what learns from several: a threshold is set with trials and rest that
// the decoder has not learned from, and some steps learn from whole runs.
const parts = 5

// lessons are what was recorded, all of whole, as the pipeline needs it.
func (c *calibrator) lessons(whole *signal.Recording) (l lessons, err error) {
	whole = c.lasting(whole)
	spec, err := c.opt.spec()
	if err != nil {
		return l, err
	}
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return l, err
	}
	_, trials := p.Decider().(decoders.TrialFitter)
	one := p.Resting() == nil && !trials && !p.Learns()
	if one {
		l.recs = []*signal.Recording{whole}
	}
	if one && p.Decider() == nil {
		return l, nil
	}
	if c.block.to > 0 {
		l.rest = cut(whole, whole.Name+", rest", c.block.from, c.block.to)
	}
	var cues, learned []int64
	for _, e := range whole.Events {
		if _, ok := c.opt.Classes[e.Label]; ok {
			cues = append(cues, e.Sample)
			if from, to := c.window(e); !c.capture.broken(from, to) {
				learned = append(learned, e.Sample)
			}
		}
	}
	if len(learned) >= parts { // in each part is something to learn from, however many cues an outage took
		cues = learned
	}
	from := c.block.to
	for k := range parts {
		to := whole.Len
		if next := (k + 1) * len(cues) / parts; k < parts-1 { // halfway between the end of a cue and the next one
			to = max((cues[next-1]+c.info.Samples(c.opt.CueS)+cues[next])/2, cues[next-1]+1)
		}
		l.apart = append(l.apart, cut(whole, fmt.Sprintf("%s, part %d", whole.Name, k+1), from, to))
		from = to
	}
	if !one {
		l.recs = l.apart
	}
	return l, nil
}

// train begins to train on what was kept, on a goroutine of its own.
func (c *calibrator) train(ctx context.Context, session string) error {
	name := "calibration of session " + session
	l, err := c.lessons(c.capture.recording(name))
	if err != nil {
		return err
	}
	ctx, c.cancel = context.WithCancel(ctx)
	c.training = make(chan trainedModel, 1)
	opt, out := c.opt, c.training
	go func() { // abandon and calibrating wait for it
		m, err := trainOn(ctx, opt, l, name)
		m.err = err
		out <- m
	}()
	return nil
}

// decides is what the section decide of p makes of held-out trials and rest, nil where there is none.
func decides(ctx context.Context, p *pipeline.Pipeline, apart []*signal.Recording, rest *bundle.Rest, cover *bundle.Coverage) (*bus.DecideScore, error) {
	d := &bus.DecideScore{RightlyHigh: 1} // of no trials nothing is known
	switch {
	case p.Decider() == nil:
		return nil, nil
	case rest != nil:
		d.Trials, d.Right, d.Wrong = rest.Trials, rest.Right, rest.Wrong
		d.Rest = &bus.RestScore{
			AskedPerMin: rest.Asked, Decisions: rest.Count, Again: rest.Again, DecidedS: rest.DecidedS, Share: rest.Share, Minutes: rest.Minutes, PerMin: rest.PerMinute, PerMinLow: rest.Low, PerMinHigh: rest.High,
		}
	case cover != nil:
		d.Trials, d.Right, d.Wrong = cover.Trials, cover.Right, cover.Decided-cover.Right
	default:
		n, err := stream.DecideTrials(ctx, p, apart)
		if err != nil {
			return nil, err
		}
		d.Trials, d.Right, d.Wrong = n.Trials, n.Right, n.Wrong
	}
	d.Undecided = d.Trials - d.Right - d.Wrong
	if d.Trials == 0 {
		return d, nil
	}
	d.Rightly = float64(d.Right) / float64(d.Trials)
	var err error
	d.RightlyLow, d.RightlyHigh, err = metrics.Proportion(d.Right, d.Trials, 0.95)
	return d, err
}

// trainOn scores the pipeline by cross-validation and fits it to all trials. It writes nothing.
func trainOn(ctx context.Context, opt Calibration, l lessons, name string) (m trainedModel, err error) {
	spec, err := opt.spec()
	if err != nil {
		return m, err
	}
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return m, err
	}
	trials := map[string]int{}
	recs := l.recs
	set, err := stream.Collect(ctx, recs, p, stream.Watch{Done: func(c stream.Collected) {
		for class, n := range c.Trials {
			trials[class] += n
		}
		for _, miss := range c.Misses {
			m.leftOut = append(m.leftOut, LeftOut{opt.Classes[miss.Event.Label], float64(miss.Event.Sample) / recs[0].Info.Rate, miss.Why})
		}
	}})
	if err != nil {
		return m, err
	}
	for _, w := range set.Windows {
		if w.Rejected != "" {
			m.leftOut = append(m.leftOut, LeftOut{w.Label, float64(w.Start) / w.Info.Rate, w.Rejected})
		}
	}
	y, err := set.Labels()
	if err != nil {
		return m, err
	}
	splitter, err := split.New(opt.Split, opt.Seed)
	if err != nil {
		return m, err
	}
	folds, err := set.Split(splitter, y)
	if err != nil {
		return m, err
	}
	_, m.purged = split.Purged(folds)
	tested, err := stream.CrossValidate(ctx, spec, recs, set, y, folds, nil)
	if err != nil {
		return m, err
	}
	var truth, label, event []int
	for i := range set.Windows {
		if t, ok := tested[i]; ok {
			truth, label, event = append(truth, t.Truth), append(label, t.Label), append(event, t.Trial)
		}
	}
	conf, err := metrics.NewConfusion(set.Classes, truth, label)
	if err != nil {
		return m, err
	}
	if err := conf.Group(truth, event); err != nil {
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
	if p.Resting() != nil {
		how := stream.RestOptions{Events: opt.RestEvents, Named: "rest_events in the section calibrate"}
		if l.rest != nil {
			how.Recordings = []*signal.Recording{l.rest}
		}
		if m.rest, err = stream.CalibrateRest(ctx, p, recs, how); err != nil {
			return m, fmt.Errorf("decide: %w", err)
		}
		if l.rest != nil {
			m.rest.Recordings = []bundle.Data{{Name: l.rest.Name, Trials: map[string]int{}}}
		}
	}
	cover, err := stream.Coverage(p, set, tested)
	if err != nil {
		return m, err
	}
	if m.scored.Decide, err = decides(ctx, p, l.apart, m.rest, cover); err != nil {
		return m, fmt.Errorf("decide: %w", err)
	}
	b, err := p.Bundle(opt.Version)
	if err != nil {
		return m, err
	}
	b.Manifest.Seed = opt.Seed
	b.Manifest.Score = &bundle.Score{
		Split: opt.Split, Trials: m.scored.Trials, BalancedAccuracy: m.scored.BalancedAccuracy, CILow: m.scored.CILow, CIHigh: m.scored.CIHigh, Chance: m.scored.Chance,
	}
	b.Manifest.Rest, b.Manifest.Coverage = m.rest, cover
	b.Manifest.Data = []bundle.Data{{Name: name, Trials: trials}}
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
