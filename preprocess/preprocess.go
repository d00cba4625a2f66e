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

// Miss is an event that got no window.
type Miss struct {
	Event signal.Event
	Why   string // "the window ends at sample 19904, the data at 19680"
}

var (
	processors = registry.New[Processor]("preprocess step")
	segmenters = registry.New[Segmenter]("segment step")
)

// Register adds a processor under the name that a pipeline file uses. The constructor holds the defaults.
func Register(name string, construct func() Processor) { processors.Register(name, construct) }

// RegisterSegmenter adds a segmenter under the name that a pipeline file uses. The constructor holds the defaults.
func RegisterSegmenter(name string, construct func() Segmenter) {
	segmenters.Register(name, construct)
}

// Processors is the registry of steps on samples.
func Processors() *registry.Registry[Processor] { return processors }

// Segmenters is the registry of ways to cut windows.
func Segmenters() *registry.Registry[Segmenter] { return segmenters }
