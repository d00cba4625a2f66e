// Package preprocess holds the causal steps on samples (Processor) and the cutting of a stream into windows
// (Segmenter), with their registries. The steps themselves live in the folders below, one kind to a folder.
package preprocess

import (
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Processor is one causal step on samples. What comes out depends on the samples so far, never on how they were cut
// into chunks, bit for bit.
type Processor interface {
	// Start forgets all that came before and describes what will come out. It is called before the first chunk and
	// again behind every gap.
	Start(in *signal.Info) (out *signal.Info, err error)
	// Process returns what is ready, maybe nothing. It neither writes to c nor keeps it. What it returns is valid until
	// the next call, so that a step can work in one buffer (signal.Buffer) and need no allocation per chunk.
	Process(c signal.Chunk) (signal.Chunk, error)
	// Flush returns what was held back, at the end of the stream or before a gap.
	Flush() (signal.Chunk, error)
}

// Ignorer is a Processor that keeps channels apart, so that a sample that is not finite spoils no more than its own
// channel, and nothing where that channel is left out. In front of the first step that is none, a pipeline takes samples
// for lost where a channel that is used is not finite.
type Ignorer interface {
	// Ignores names, behind Start, the channels that come in on which nothing depends that comes out. separate says that each
	// of the others reaches only the channel of its own name.
	Ignores() (names []string, separate bool)
}

// Delayer is a Processor that makes the signal late and knows by how much, behind Start.
type Delayer interface {
	// DelayAt is the group delay in seconds at hz Hz: by how much the envelope of a wave of that frequency comes late.
	DelayAt(hz float64) float64
}

// Passer is a Processor that lets only some frequencies pass.
type Passer interface {
	// PassBand is the edges in Hz; 0 is no edge.
	PassBand() (low, high float64)
}

// Segmenter cuts a stream into windows of one length.
type Segmenter interface {
	// Start forgets all that came before and says how many samples each window will have. It is called before the first
	// chunk and again behind every gap: no window reaches over one.
	Start(in *signal.Info) (length int, err error)
	// Push takes one chunk and returns the windows that its samples complete, in the order of their last sample. They are
	// valid until the next call.
	Push(c signal.Chunk) ([]signal.Window, error)
	// End returns the events that were still waiting for samples, at the end of the stream or before a gap.
	End() []Miss
}

// Recaller is a Segmenter that cuts windows around events which a live source told of behind their samples.
type Recaller interface {
	Segmenter
	// Recall takes events of samples that Push has seen since Start, sorted by Sample, at most signal.MaxLate before the newest one. It
	// returns the windows that are complete already, as Push does, and the events that get none, because their samples were never
	// there; the others wait like those of Push.
	Recall(events []signal.Event) ([]signal.Window, []Miss)
}

// Renumberer is a Processor that hands samples on under other numbers, such as at another rate.
type Renumberer interface {
	Processor
	// Renumber is the sample of the output at which an event at this sample of the input comes out, which must be among those that
	// Process has seen since Start.
	Renumber(sample int64) int64
}

// Miss is an event that got no window.
type Miss struct {
	Event signal.Event
	Why   string // "the window ends at sample 19904, the data at 19680"
}

// Calibrator is a Processor that learns from the training recordings, without labels, before windows are cut: an ICA, a
// regression of eye artefacts, the calibration of artifact subspace reconstruction. Without calibration Process is an
// error.
type Calibrator interface {
	Processor
	signal.Stateful
	// Calibrate learns from runs: each is a stretch of training signal without a gap, as the steps before hand it to this
	// one. It is called after Start, and neither writes to runs nor keeps them.
	Calibrate(runs []signal.Chunk) error
}

// Offline is a step that needs the future, such as a zero-phase filter: it works on whole stretches of a finished
// recording, before the pipeline sees it. A live session refuses a pipeline that has one.
type Offline interface {
	// Apply returns what becomes of c, a stretch without a gap, in memory of its own. It neither writes to c nor keeps it.
	// Where it changes the rate it returns another Info, and Start, Time and Events on the new axis.
	Apply(c signal.Chunk) (signal.Chunk, error)
}

// Checker says which windows must not be used, such as those with a blink.
type Checker interface {
	// Start checks the parameters against windows of length samples cut from a stream described by in.
	Start(in *signal.Info, length int) error
	// Check says why w must not be used: "412 µV peak to peak in Fp1, at most 150". It is "" where w is good. It neither
	// writes to w nor keeps it, and does not allocate for a good one.
	Check(w signal.Window) string
}

// CheckFitter is a Checker that learns from training windows, without their labels, such as thresholds. It is called
// after Start; before it, Check rejects everything and says that nothing was fitted.
type CheckFitter interface {
	Checker
	signal.Stateful
	FitWindows(ws []signal.Window) error
}

var (
	offline    = registry.New[Offline]("offline step")
	checkers   = registry.New[Checker]("reject step")
	processors = registry.New[Processor]("preprocess step")
	segmenters = registry.New[Segmenter]("segment step")
)

// Register adds a processor under the name that a pipeline file uses. The constructor holds the defaults.
func Register(name string, construct func() Processor) { processors.Register(name, construct) }

// RegisterSegmenter adds a segmenter under the name that a pipeline file uses. The constructor holds the defaults.
func RegisterSegmenter(name string, construct func() Segmenter) {
	segmenters.Register(name, construct)
}

// RegisterOffline adds a step on whole recordings under the name that a pipeline file uses.
func RegisterOffline(name string, construct func() Offline) { offline.Register(name, construct) }

// RegisterChecker adds a check of windows under the name that a pipeline file uses.
func RegisterChecker(name string, construct func() Checker) { checkers.Register(name, construct) }

// Offlines is the registry of steps on whole recordings.
func Offlines() *registry.Registry[Offline] { return offline }

// Checkers is the registry of checks of windows.
func Checkers() *registry.Registry[Checker] { return checkers }

// Processors is the registry of steps on samples.
func Processors() *registry.Registry[Processor] { return processors }

// Segmenters is the registry of ways to cut windows.
func Segmenters() *registry.Registry[Segmenter] { return segmenters }
