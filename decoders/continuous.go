package decoders

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Continuous is a Decoder whose scores are quantities, such as the velocity of a cursor, not probabilities of classes. It
// may remember the rows before, so rows must come in order of time, at the steps of the training rows.
type Continuous interface {
	Decoder
	// SetOutputs names the quantities, before FitContinuous and SetState. What was learned about others is forgotten.
	SetOutputs(names []string)
	// FitContinuous learns from one run: rows x [rows][features] that follow each other in time, and the quantities
	// y [rows][outputs], in any unit, at the same times. It also does what Reset does.
	FitContinuous(x, y [][]float64) error
	// Reset forgets the rows before: a new run begins, or samples were lost.
	Reset()
	signal.Stateful
}

// RunFitter is a Continuous decoder that learns from several runs, between which time jumps: x [runs][rows][features],
// y [runs][rows][outputs].
type RunFitter interface {
	FitRuns(x, y [][][]float64) error
}

var continuous = registry.New[Continuous]("continuous decoder")

// RegisterContinuous adds a continuous decoder under the name that a pipeline file uses. The constructor holds the
// defaults.
func RegisterContinuous(name string, construct func() Continuous) {
	continuous.Register(name, construct)
}

// ContinuousDecoders is the registry of continuous decoders.
func ContinuousDecoders() *registry.Registry[Continuous] { return continuous }

// CheckContinuous reports what no continuous decoder can learn from: no rows, rows of several lengths, numbers that are
// not finite, quantities that outputs does not name.
func CheckContinuous(x, y [][]float64, outputs []string) error {
	switch {
	case len(outputs) == 0:
		return errors.New("has no outputs, must be told them by SetOutputs before the fit")
	case len(x) != len(y):
		return fmt.Errorf("got %d training rows and %d targets, must be as many", len(x), len(y))
	case len(x) == 0 || len(x[0]) == 0:
		return errors.New("got no training rows, or rows without features")
	}
	for i := range x {
		switch {
		case len(x[i]) != len(x[0]):
			return fmt.Errorf("training row %d has %d features, row 0 has %d", i, len(x[i]), len(x[0]))
		case len(y[i]) != len(outputs):
			return fmt.Errorf("target %d has %d numbers, must have %d %q", i, len(y[i]), len(outputs), outputs)
		}
		for j, v := range x[i] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("training row %d: feature %d (from 0) is %g, must be finite; leave out the run or repair the data", i, j, v)
			}
		}
		for j, v := range y[i] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("target %d: %s is %g, must be finite; leave out the run or repair the data", i, outputs[j], v)
			}
		}
	}
	return nil
}
