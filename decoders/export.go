package decoders

import (
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/foundation/weights"
)

// Exporter is a Windowed decoder that can be written for other programs, as networks can. Before it is fitted all of this
// is an error.
type Exporter interface {
	Windowed
	// Network is the name of what is inside, as a pipeline file has it, and the windows that it reads.
	Network() (name string, in features.Format, err error)
	// ONNX adds the decoder to g: in is windows [batch, channels, samples], out the probabilities [batch, classes] that
	// Predict gives.
	ONNX(g *onnx.Graph, in string) (out string, err error)
	// Weights is what was learned, under the names and with the sizes that PyTorch programs have, and as metadata what
	// there is besides.
	Weights() (weights.File, error)
}

// Unexportable is a decoder that is a network, or has one inside, and cannot be written for other programs.
type Unexportable interface {
	// WhyNotExported says why, and what to do instead.
	WhyNotExported() string
}
