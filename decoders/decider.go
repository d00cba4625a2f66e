package decoders

import (
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Decider turns the scores of one row after another into decisions, and says at all other times that nothing is meant.
type Decider interface {
	// Check reports parameters that are out of their range.
	Check() error
	// Push takes in the scores of the row at t seconds, later than the row before, and returns the position of the class
	// that is decided for, or -1 for no control, with the confidence in it. It keeps nothing of scores.
	Push(scores []float64, t float64) (class int, confidence float64, err error)
	// Reset forgets all rows: a new run begins. What was learned is kept.
	Reset()
}

// Stretch is the rows of one run, a fixed time apart: their scores [rows][classes], when they come, in s as Push is told
// (nil: at multiples of the time between rows), and which of them are rest, when nothing is meant (nil: all). The rows that
// are none are there because a decider remembers.
type Stretch struct {
	Scores [][]float64
	Times  []float64
	Rest   []bool
}

// Time is when row i comes, in s, where rows are step apart.
func (s Stretch) Time(i int, step float64) float64 {
	if s.Times == nil {
		return float64(i) * step
	}
	return s.Times[i]
}

// AtRest says whether row i is rest.
func (s Stretch) AtRest(i int) bool { return s.Rest == nil || s.Rest[i] }

// RestFitter is a Decider that can set its threshold from rest data. Its state is nil where it does not.
type RestFitter interface {
	Decider
	signal.Stateful
	// AsksForRest is how many false decisions a minute of rest may bring, or 0 where the threshold is a parameter.
	AsksForRest() float64
	// AnyRest says whether the threshold counts whatever the stream looks like, not only where it is like that rest.
	AnyRest() bool
	// RestClass is the position of the class that stands for rest and is never decided for, or -1.
	RestClass() int
	// FitRest sets the threshold from stretches whose rows are step seconds apart, with the scores of a decoder that has
	// not learned from them. What was set before is kept on an error.
	FitRest(s []Stretch, step float64) error
	// FalseDecisions counts the decisions that begin at rest, with the threshold as it is.
	FalseDecisions(s []Stretch, step float64) (int, error)
}

// TrialFitter is a Decider that learns from trials whose class is known: scores [trials][classes] of a decoder that has
// not learned from them, y their classes. Its state is nil until then.
type TrialFitter interface {
	Decider
	signal.Stateful
	FitTrials(scores [][]float64, y signal.Labels) error
	// CalibrationRuns is how many of the training runs, the last ones, are kept for FitTrials.
	CalibrationRuns() int
	// Possible marks in dst [classes] the classes that the scores of one trial leave possible.
	Possible(dst []bool, scores []float64)
}

var deciders = registry.New[Decider]("decide step")

// RegisterDecider adds a decider under the name that a pipeline file uses. The constructor holds the defaults.
func RegisterDecider(name string, construct func() Decider) { deciders.Register(name, construct) }

// Deciders is the registry of deciders.
func Deciders() *registry.Registry[Decider] { return deciders }
