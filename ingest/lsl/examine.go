package lsl

import (
	"context"
	"fmt"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// Examined is what Open would read, without a sample being asked for.
type Examined struct {
	Stream     StreamInfo
	Info       *signal.Info
	Deviations []signal.Deviation // what the stream's description lacks, and what is taken instead
	Markers    *StreamInfo        // the stream of marks, nil where none is asked for
	scale      []units.Scale
}

// Examine finds the streams that Open would open and asks for their descriptions, without connecting to their samples. The error
// says what was seen where one is not found.
func Examine(ctx context.Context, opt InletOptions) (d Examined, err error) {
	cfg, err := opt.prepare()
	if err != nil {
		return d, err
	}
	if d, err = opt.describe(ctx, cfg); err != nil {
		return d, err
	}
	if opt.Markers != "" {
		marks, err := findMarks(ctx, cfg, opt.Markers, opt.Wait, d.Stream.UID)
		if err != nil {
			return d, fmt.Errorf("markers: %w", err)
		}
		d.Markers = &marks
	}
	return d, nil
}

// describe is Examine for the stream of samples.
func (o *InletOptions) describe(ctx context.Context, cfg Config) (d Examined, err error) {
	found, err := find(ctx, cfg, "streams", o.predicate(), o.Wait)
	if err != nil {
		return d, err
	}
	if !found.signal() {
		return d, &NoSignalError{found}
	}
	if d.Stream, err = FullInfo(ctx, found); err != nil {
		return d, err
	}
	if d.Info, d.scale, d.Deviations, err = channels(&d.Stream, o.Unit); err != nil {
		return d, fmt.Errorf("%s: %w", d.Stream.String(), err)
	}
	return d, nil
}

// findMarks is the stream of marks beside the samples of the stream uid.
func findMarks(ctx context.Context, cfg Config, predicate string, wait time.Duration, uid string) (StreamInfo, error) {
	found, err := find(ctx, cfg, "streams of marks", predicate, wait)
	if err == nil && found.UID == uid {
		err = fmt.Errorf("%s is the signal itself", found.String())
	}
	return found, err
}
