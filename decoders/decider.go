package decoders

import "github.com/gyrus-bci/gyrus/ingest/registry"

// Decider turns the scores of one row after another into decisions, and says at all other times that nothing is meant.
type Decider interface {
	// Check reports parameters that are out of their range.
	Check() error
	// Push takes in the scores of the row at t seconds, later than the row before, and returns the position of the class
	// that is decided for, or -1 for no control, with the confidence in it. It keeps nothing of scores.
	Push(scores []float64, t float64) (class int, confidence float64, err error)
	// Reset forgets all rows: a new run begins.
	Reset()
}

var deciders = registry.New[Decider]("decide step")

// RegisterDecider adds a decider under the name that a pipeline file uses. The constructor holds the defaults.
func RegisterDecider(name string, construct func() Decider) { deciders.Register(name, construct) }

// Deciders is the registry of deciders.
func Deciders() *registry.Registry[Decider] { return deciders }
