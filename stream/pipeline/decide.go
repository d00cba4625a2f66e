package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// buildDecider makes the section decide, nil where there is none.
func buildDecider(spec *Spec) (decoders.Decider, *Step, error) {
	if spec.Decide == nil {
		return nil, nil, nil
	}
	d, eff, err := construct(spec, decoders.Deciders(), *spec.Decide, "decide")
	if err != nil {
		return nil, nil, err
	}
	if err := d.Check(); err != nil {
		return nil, nil, spec.fail(eff, err)
	}
	return d, &eff, nil
}

// fitWith fits h to the windows at idx, and what decides on trials to those of the last runs, which h then does not see.
func (h *head) fitWith(ctx context.Context, d decoders.Decider, s *Set, y signal.Labels, idx []int) error {
	tf, ok := d.(decoders.TrialFitter)
	if !ok {
		return h.fit(ctx, s.examples(y, idx))
	}
	var runs []string
	for _, i := range idx {
		if !slices.Contains(runs, s.Group[i]) {
			runs = append(runs, s.Group[i])
		}
	}
	keep := tf.CalibrationRuns()
	if len(runs) <= keep {
		return fmt.Errorf("decide: %d training runs, of which %d are kept for the calibration: nothing is left to learn from; give more recordings (cross-validation leaves out one of them besides)", len(runs), keep)
	}
	runs = runs[len(runs)-keep:]
	var learn, calibrate []int
	for _, i := range idx {
		if slices.Contains(runs, s.Group[i]) {
			calibrate = append(calibrate, i)
		} else {
			learn = append(learn, i)
		}
	}
	if err := h.fit(ctx, s.examples(y, learn)); err != nil {
		return err
	}
	scores, labels := make([][]float64, len(calibrate)), signal.Labels{Classes: y.Classes}
	var pred Prediction
	run := ""
	for k, i := range calibrate {
		if s.Group[i] != run {
			run = s.Group[i]
			if err := h.beginRun(s, calibrate, run); err != nil {
				return err
			}
		}
		if err := h.into(&pred, s.Windows[i], y.Classes); err != nil {
			return fmt.Errorf("calibration window %d: %w", i, err)
		}
		scores[k], labels.Y = slices.Clone(pred.Scores), append(labels.Y, y.Y[i])
	}
	h.reset()
	if err := tf.FitTrials(scores, labels); err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	return nil
}

// undecided lets the section decide begin anew.
func (p *Pipeline) undecided() {
	if p.decider != nil {
		p.decider.Reset()
	}
	p.likeness.reset()
}

// decide says what a controller is told of a window; held: no control.
func (p *Pipeline) decide(q *Prediction, w signal.Window, held bool) error {
	q.Decision, q.Sure, q.Silent = q.Label, q.Confidence, false
	if p.decider == nil {
		return nil
	}
	q.Decision, q.Silent = "", !w.Slides
	if q.Silent || held {
		return nil
	}
	class, sure, err := p.decider.Push(q.Scores, float64(w.End())/w.Info.Rate)
	if err != nil {
		return err
	}
	if q.Sure = sure; class >= 0 {
		q.Decision = p.classes[class]
	}
	return nil
}

// Decider is the section decide, nil where there is none.
func (p *Pipeline) Decider() decoders.Decider { return p.decider }

// Resting is the section decide where it sets its threshold from rest data, else nil. After Fit it still has to be fitted,
// by FitRest, to rest data that p decodes.
func (p *Pipeline) Resting() decoders.RestFitter {
	if r, ok := p.decider.(decoders.RestFitter); ok && r.AsksForRest() > 0 {
		return r
	}
	return nil
}

// learns says whether d has a state to save, and whether it is there.
func deciderState(d decoders.Decider) (st signal.Stateful, missing error) {
	switch d := d.(type) {
	case decoders.RestFitter:
		if d.AsksForRest() == 0 {
			return nil, nil
		}
		if d.State() == nil {
			missing = errors.New("decide: the threshold has not been set from rest data yet: train with rest data")
		}
		return d, missing
	case decoders.TrialFitter:
		if d.State() == nil {
			missing = errors.New("decide: has not been calibrated yet: fit the pipeline first")
		}
		return d, missing
	}
	return nil, nil
}
