// Package features holds the steps between a window and the row of numbers that a decoder reads. A step is one of
// three: a Mapper (window → window, such as a spatial filter that keeps the time course), an Extractor (window → row)
// or a Transformer (row → row). In a pipeline they stand in this order, with exactly one Extractor.
package features

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Format describes what flows between two steps: windows of len(Names) channels × Len samples, or, with Len 0, rows of
// len(Names) numbers.
type Format struct {
	Names []string         // of the channels or of the numbers
	Len   int              // samples in each channel of a window; 0 for a row
	Rate  float64          // samples per second of a window
	Chans []signal.Channel // the channels of a window that still are electrodes; nil behind a spatial filter
}

// WindowFormat is the format of windows of n samples cut from a stream that in describes.
func WindowFormat(in *signal.Info, n int) Format {
	return Format{Names: in.Names(), Len: n, Rate: in.Rate, Chans: in.Channels}
}

// String is a line for people.
func (f Format) String() string {
	if f.Len == 0 {
		return fmt.Sprintf("rows of %d numbers", len(f.Names))
	}
	return fmt.Sprintf("windows of %d channels × %d samples", len(f.Names), f.Len)
}

// Step is a Mapper, an Extractor or a Transformer.
type Step interface {
	// Start checks the parameters against what comes in and describes what will come out. A step whose output depends on
	// the number of classes (CSP, one against the rest) is told it before, through Classed. Fitted state is kept.
	Start(in Format) (out Format, err error)
}

// Mapper turns a window into a window.
type Mapper interface {
	Step
	// Map fills dst, which has the size of the output format. It keeps neither, writes nothing to x and does not allocate.
	Map(dst, x [][]float64) error
}

// Extractor turns a window into a row.
type Extractor interface {
	Step
	// Extract fills dst, which has the length of the output format. It keeps neither, writes nothing to x and does not
	// allocate.
	Extract(dst []float64, x [][]float64) error
}

// Transformer turns a row into a row.
type Transformer interface {
	Step
	// Transform fills dst, which has the length of the output format. It keeps neither, writes nothing to x and does not
	// allocate.
	Transform(dst, x []float64) error
}

// WindowFitter is a Mapper or Extractor that learns from the training windows. It is called after Start; x[i] is one
// window, [channel][sample]. A fitted step is also signal.Stateful.
type WindowFitter interface {
	FitWindows(x [][][]float64, y signal.Labels) error
}

// RowFitter is a Transformer that learns from the training rows. It is called after Start; x[i] is one row.
type RowFitter interface {
	FitRows(x [][]float64, y signal.Labels) error
}

// Classed is a step whose output depends on the classes. SetClasses is called before Start.
type Classed interface {
	SetClasses(classes []string)
}

// Aligner is a Mapper that brings every run to a common reference, and follows a new run as its windows come: the one
// kind of step whose output depends on the windows before. Its Map updates the reference of the run at hand, then maps.
type Aligner interface {
	Mapper
	signal.Stateful
	// FitRuns learns the common reference from training windows, one list to a run, in order of time.
	FitRuns(runs [][][][]float64) error
	// MapRun maps all windows of one training run by that run's own reference. dst[i] has the size of the output format.
	MapRun(dst, x [][][]float64) error
	// Reset begins a new run.
	Reset()
}

// RowAligner is Aligner for rows, such as flattened covariances.
type RowAligner interface {
	Transformer
	signal.Stateful
	FitRuns(runs [][][]float64) error
	MapRun(dst, x [][]float64) error
	Reset()
}

var steps = registry.New[Step]("feature step")

// Register adds a step under the name that a pipeline file uses. The constructor holds the defaults.
func Register(name string, construct func() Step) { steps.Register(name, construct) }

// Steps is the registry of feature steps.
func Steps() *registry.Registry[Step] { return steps }
