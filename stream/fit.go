package stream

import (
	"context"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Fit is the pipeline of spec, fitted to the trials of recs. It cuts the windows of cues; FitLive is one for a stream.
func Fit(ctx context.Context, spec *pipeline.Spec, recs []*signal.Recording) (*pipeline.Pipeline, error) {
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return nil, err
	}
	set, err := Collect(ctx, recs, p, Watch{})
	if err != nil {
		return nil, err
	}
	y, err := set.Labels()
	if err != nil {
		return nil, err
	}
	if err := p.FitContext(ctx, set, y); err != nil {
		return nil, &pipeline.InputError{Err: err}
	}
	return p, nil
}

// FitLive is Fit of a pipeline, called name in errors, that cuts all windows.
func FitLive(ctx context.Context, name string, spec *pipeline.Spec, recs []*signal.Recording) (*pipeline.Pipeline, error) {
	p, err := Fit(ctx, spec, recs)
	if err != nil {
		return nil, err
	}
	b, err := p.Bundle("")
	if err != nil {
		return nil, err
	}
	return pipeline.FromBundle(name, b, pipeline.All)
}
