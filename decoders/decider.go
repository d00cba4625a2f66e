package decoders

import (
	"math"

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
	// LeastRest is the fewest rows at rest, step seconds apart, that FitRest takes.
	LeastRest(step float64) int
	// FitRest sets the threshold from stretches whose rows are step seconds apart, with the scores of a decoder that has
	// not learned from them. What was set before is kept on an error.
	FitRest(s []Stretch, step float64) error
	// FalseDecisions counts what is decided at rest, with the threshold as it is.
	FalseDecisions(s []Stretch, step float64) (FalseDecisions, error)
}

// FalseDecisions counts what is decided while nothing is meant, over rows in the order in which they come.
//
// A decision that is held acts on what it controls for as long as it lasts, and while it does no other can begin: one that never
// ends would be one decision in no time at all. So the time in which it is held on is none in which one could begin, and it counts
// again for each second. A second, and not the refractory time, since that may be 0, or long: with a second, n decisions a minute
// take at most n s of it, whatever the parameters are.
type FalseDecisions struct {
	Begun   int // decisions that begin at rest
	Again   int // one more for each further second at rest that a decision goes on into
	Free    int // rows at rest in which no decision goes on from the row before, so that one could begin
	Decided int // rows at rest with a decision, also those in which it begins

	rows  int // at rest, of the decision at hand
	again int // that it has been counted again

	follows bool    // there is a row that the next one may follow
	class   int     // of it
	time    float64 // of it, s
}

// Count is Begun and Again: what a rate is held against.
func (f *FalseDecisions) Count() int { return f.Begun + f.Again }

// Anew says that the next row follows no other: a decision there begins.
func (f *FalseDecisions) Anew() { f.follows = false }

// Add counts the row at t seconds, which stands for step seconds: the class that is decided for there, or -1, and whether the row is at
// rest. It returns whether a decision begins with it: one that the row step before does not have. Where rows are missing, as in a gap,
// the same decision begins again: whoever listens has heard nothing meanwhile.
func (f *FalseDecisions) Add(class int, t float64, rest bool, step float64) (begins bool) {
	const rounding = 1e-6 // s: less than a sample
	decided := class >= 0
	begins = decided && !(f.follows && class == f.class && math.Abs(t-f.time-step) < rounding)
	f.follows, f.class, f.time = true, class, t
	if !decided || begins {
		f.rows, f.again = 0, 0
	}
	switch {
	case !rest:
		return begins
	case !decided || begins:
		f.Free++
	}
	if !decided {
		return false
	}
	f.Decided++
	f.rows++
	if begins {
		f.Begun++
		return true
	}
	const small = 1e-9 // beside a number of seconds
	if further := int(math.Ceil(float64(f.rows)*step-small)) - 1; further > f.again {
		f.Again, f.again = f.Again+further-f.again, further
	}
	return false
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
