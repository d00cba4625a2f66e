// Package decoders holds what turns a row of features into scores: one per class, or one per degree of freedom.
package decoders

import (
	"context"
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Decoder maps one row of features to scores.
type Decoder interface {
	// Outputs names the scores: the classes, "left_hand" and "right_hand", or "vel_x" and "vel_y". It is nil until the
	// decoder is fitted.
	Outputs() []string
	// Predict fills dst, as long as Outputs, from the row x. The scores of classes are probabilities: at least 0, with
	// the sum 1. It neither allocates nor keeps x.
	Predict(dst, x []float64) error
}

// Fitter is a Decoder that learns from rows. x[i] is one row, y.Y[i] its class. A fitted decoder is also
// signal.Stateful, and SetClasses tells it the classes before SetState.
type Fitter interface {
	Decoder
	Fit(x [][]float64, y signal.Labels) error
	SetClasses(classes []string)
	signal.Stateful
}

// ErrNoCheckpoints is the cause where a decoder is fitted with a journal (nn.WithJournal) and does not keep one.
var ErrNoCheckpoints = errors.New("there are no checkpoints of this decoder: leave out --checkpoint and --resume, which are for the networks of decoders/deep and decoders/seizure")

// Interruptible is a Fitter whose fit takes long enough to be interrupted, as those of networks do.
type Interruptible interface {
	Fitter
	// FitContext is Fit that ends with the error of ctx, within a second of its being done. What was learned before is kept.
	// Trainings of networks are kept in the journal of ctx (nn.JournalOf); who cannot says ErrNoCheckpoints.
	FitContext(ctx context.Context, x [][]float64, y signal.Labels) error
}

// Fit fits d to the rows x, and ends early where ctx is done: within a second where d is Interruptible; others take no
// longer than that.
func Fit(ctx context.Context, d Fitter, x [][]float64, y signal.Labels) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if long, ok := d.(Interruptible); ok {
		return long.FitContext(ctx, x, y)
	}
	if nn.JournalOf(ctx) != nil {
		return fmt.Errorf("it learns in one go: %w", ErrNoCheckpoints)
	}
	return d.Fit(x, y)
}

var registered = registry.New[Fitter]("decoder")

// Register adds a decoder under the name that a pipeline file uses. The constructor holds the defaults.
func Register(name string, construct func() Fitter) { registered.Register(name, construct) }

// Decoders is the registry of decoders.
func Decoders() *registry.Registry[Fitter] { return registered }
