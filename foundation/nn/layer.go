package nn

import (
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Shape is that of one example, without the batch. It is row-major: the last size changes fastest.
type Shape []int

// Size is the number of values, the largest int where they are more than that.
func (s Shape) Size() int {
	n := 1
	for _, v := range s {
		if v > 0 && n > math.MaxInt/v {
			return math.MaxInt
		}
		n *= v
	}
	return n
}

// String is "22×1000".
func (s Shape) String() string {
	part := make([]string, len(s))
	for i, v := range s {
		part[i] = strconv.Itoa(v)
	}
	return strings.Join(part, "×")
}

// Layer is one differentiable step on a batch of examples.
type Layer interface {
	// Build checks the shape of what comes in, asks b for parameters and memory, and says what comes out. It is called
	// once. Errors say what is wrong with the shape or with the layer's parameters, and what is allowed.
	Build(b *Builder, in Shape) (out Shape, err error)
	// Forward maps x, p.N examples, to p.N outputs. The result belongs to the layer and stays as it is until the next
	// Forward. x stays as it is until Backward is done, so a layer may keep it but never writes to it. p.N may be 0.
	Forward(p *Pass, x []float32) []float32
	// Backward follows a Forward with p.Train. It maps the gradient of the loss by the outputs to the gradient by the
	// inputs, and adds to the gradients of the parameters. It may overwrite dy. The result belongs to the layer; it is
	// nil where Builder.InputGrad was false.
	Backward(p *Pass, dy []float32) []float32
}

// Pass is one run of one worker through a network.
type Pass struct {
	N     int  // examples of this worker
	First int  // position of the first of them in the batch
	Train bool // keep what Backward needs, drop out, use the statistics of the batch
	Seed  uint64
	Work  kernel.Work // scratch of the matrix kernels

	worker int
	group  *group
}

// SumAcross replaces x by its sum over all workers, added in their order. Every worker must call it at the same places.
func (p *Pass) SumAcross(x []float64) {
	if p.group != nil {
		p.group.sum(p.worker, x)
	}
}

// Leader says that this worker is the one that writes what all share, such as running statistics.
func (p *Pass) Leader() bool { return p.worker == 0 }

// Param is an array that belongs to a layer.
type Param struct {
	Name  string    // in the whole network, "conv.weight"
	Shape Shape     //
	W     []float32 // the values, which all workers share
	G     []float32 // this worker's gradient; nil for a Buffer and in a network without training

	Buffer  bool    // kept but not learned: running statistics
	NoDecay bool    // left out of weight decay: biases and the parameters of norms
	MaxNorm float32 // largest Euclidean norm of a row (values that share the first index); 0 means no limit

	init Init
}

// Rows is the number of rows and their length, by the first index.
func (p *Param) Rows() (rows, length int) {
	if len(p.Shape) == 0 || p.Shape[0] == 0 {
		return 0, 0
	}
	return p.Shape[0], p.Shape.Size() / p.Shape[0]
}
