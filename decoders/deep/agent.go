package deep

import (
	"context"
	"fmt"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Agent is a network of another package that learns and answers in a way of its own, such as by reward: a struct with its
// parameters that embeds Core.
type Agent interface {
	decoders.Windowed
	// Layers checks the parameters against windows of the given format, and says how to make the network for so many
	// classes.
	Layers(in features.Format, classes int) (func() nn.Layer, error)
	// Input is the shape of what the network takes.
	Input(in features.Format) nn.Shape
	// Learn trains a new network on windows of the given format, x [windows, channels, samples], standardised, which it
	// must not change. It ends with the error of ctx soon after that is done.
	Learn(ctx context.Context, define func() nn.Layer, in features.Format, x []float32, y signal.Labels) (*nn.Net, error)
	// Answer fills dst with the probabilities of the classes for one standardised window x [channels, samples]. It does
	// not allocate.
	Answer(net *nn.Net, dst []float64, x []float32) error
	// BeforeLast is what the last layer of the network is given where Answer makes up its mind about x. It does not allocate.
	BeforeLast(net *nn.Net, x []float32) ([]float32, error)
	// Probabilities adds to g what makes the probabilities [batch, classes] that Answer gives of the output of the network,
	// which is called y there. It is an error where a graph cannot say what Answer does.
	Probabilities(g *onnx.Graph, y string) (string, error)
	// Meaning is what the output of the network is, for programs that get its weights alone.
	Meaning() string

	attach(d *decoder)
}

// Core makes a decoder of a struct of parameters that embeds it.
type Core struct{ core }

// Register adds an agent to the decoders. The constructor holds the defaults.
func Register(name string, construct func() Agent) {
	decoders.Register(name, func() decoders.Fitter {
		a := construct()
		a.attach(&decoder{name: name, own: agent{a}})
		return a
	})
}

// agent is an Agent as a method.
type agent struct{ Agent }

func (a agent) ready() error { return nil } // Layers sees to it

func (a agent) layers(in features.Format, classes int) (func() nn.Layer, error) {
	return a.Layers(in, classes)
}

func (a agent) input(in features.Format) nn.Shape { return a.Input(in) }

func (a agent) learn(ctx context.Context, d *decoder, define func() nn.Layer, x [][]float64, y signal.Labels) (*nn.Net, error) {
	if nn.JournalOf(ctx) != nil {
		return nil, fmt.Errorf("it learns by reward, from a memory that no checkpoint holds: %w", decoders.ErrNoCheckpoints)
	}
	size := d.shape().Size()
	z := make([]float32, len(x)*size)
	for i, row := range x {
		d.standardise(z[i*size:(i+1)*size], row) // finite: check has seen them
	}
	return a.Learn(ctx, define, d.format, z, y)
}

func (a agent) answer(net *nn.Net, dst []float64, x []float32) error { return a.Answer(net, dst, x) }

func (a agent) embed(net *nn.Net, x []float32) ([]float32, error) { return a.BeforeLast(net, x) }

func (a agent) onnx(g *onnx.Graph, y string) (string, error) { return a.Probabilities(g, y) }

func (a agent) meaning() string { return a.Meaning() }
