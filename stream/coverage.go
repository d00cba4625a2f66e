package stream

import (
	"encoding/json"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Coverage counts how often a conformal set held the true class; nil where the section decide makes none. set and tested are
// those of CrossValidate with p's specification.
func Coverage(p *pipeline.Pipeline, set *pipeline.Set, tested map[int]pipeline.Tested) (*bundle.Coverage, error) {
	if _, ok := p.Decider().(decoders.TrialFitter); !ok {
		return nil, nil
	}
	alpha, err := alphaOf(p.Spec())
	if err != nil {
		return nil, err
	}
	c := &bundle.Coverage{Asked: 1 - alpha}
	var in, missed, event []int // one class, and whether it was not possible
	for i := range set.Windows {
		t, ok := tested[i]
		if !ok {
			continue
		}
		c.Trials++
		in, missed, event = append(in, 0), append(missed, 1), append(event, t.Trial)
		if t.Possible[t.Truth] {
			c.Covered++
			missed[len(missed)-1] = 0
		}
		if t.Decision >= 0 {
			c.Decided++
			if t.Decision == t.Truth {
				c.Right++
			}
		}
	}
	held, err := metrics.NewConfusion([]string{"possible", "missed"}, in, missed)
	if err != nil {
		return nil, err
	}
	if err := held.Group(in, event); err != nil {
		return nil, err
	}
	c.Low, c.High = held.BalancedAccuracyInterval(0.95) // of one class: the exact one, of events
	return c, nil
}

// alphaOf is the parameter of the section decide.
func alphaOf(spec *pipeline.Spec) (float64, error) {
	var params struct {
		Alpha float64 `json:"alpha"`
	}
	err := json.Unmarshal(spec.Decide.Params, &params)
	return params.Alpha, err
}
