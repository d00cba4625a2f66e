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
	for i := range set.Windows {
		t, ok := tested[i]
		if !ok {
			continue
		}
		c.Trials++
		if t.Possible[t.Truth] {
			c.Covered++
		}
		if t.Decision >= 0 {
			c.Decided++
			if t.Decision == t.Truth {
				c.Right++
			}
		}
	}
	c.Low, c.High, err = metrics.Proportion(c.Covered, c.Trials, 0.95)
	return c, err
}

// alphaOf is the parameter of the section decide.
func alphaOf(spec *pipeline.Spec) (float64, error) {
	var params struct {
		Alpha float64 `json:"alpha"`
	}
	err := json.Unmarshal(spec.Decide.Params, &params)
	return params.Alpha, err
}
