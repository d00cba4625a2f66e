package nn

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Linear is y = W·x + b on the last size of its input, for every row before it: [rows…, in] → [rows…, out].
type Linear struct {
	Out     int
	NoBias  bool
	Init    Init    // of the weights; nil means FanIn
	MaxNorm float32 // largest Euclidean norm of the weights of one output; 0 means no limit

	in           int
	rows         int // in one example
	weight, bias *Param
	x, y, dx     []float32
	packed       *kernel.Packed // the weights as Freeze has laid them out; nil before
}

// Build asks for weight [out, in] and bias [out].
func (l *Linear) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) == 0 || l.Out < 1 {
		return nil, fmt.Errorf("linear: %d outputs of an input of shape %v, must be at least 1 of at least one size", l.Out, in)
	}
	l.in = in[len(in)-1]
	l.rows = in.Size() / l.in
	init := l.Init
	if init == nil {
		init = FanIn(l.in)
	}
	l.weight = b.Param("weight", Shape{l.Out, l.in}, init)
	l.weight.MaxNorm = l.MaxNorm
	if !l.NoBias {
		l.bias = b.Param("bias", Shape{l.Out}, FanIn(l.in))
		l.bias.NoDecay = true
	}
	out := append(append(Shape{}, in[:len(in)-1]...), l.Out)
	l.y = b.Batch(out)
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return out, nil
}

// Forward is one matrix product over the rows of all examples.
func (l *Linear) Forward(p *Pass, x []float32) []float32 {
	n := p.N * l.rows
	y := l.y[:n*l.Out]
	if l.bias != nil {
		for i := range n {
			copy(y[i*l.Out:], l.bias.W)
		}
	}
	if l.packed != nil {
		p.Work.GemmPacked(n, x, l.in, l.packed, y, l.Out, l.bias != nil)
	} else {
		p.Work.Gemm(false, true, n, l.Out, l.in, x, l.in, l.weight.W, l.in, y, l.Out, l.bias != nil)
	}
	l.x = x
	return y
}

// Freeze lays the weights out for the matrix kernels.
func (l *Linear) Freeze() { l.packed = kernel.Pack(true, l.Out, l.in, l.weight.W, l.in) }

// Backward is two more.
func (l *Linear) Backward(p *Pass, dy []float32) []float32 {
	n := p.N * l.rows
	p.Work.Gemm(true, false, l.Out, l.in, n, dy, l.Out, l.x, l.in, l.weight.G, l.in, true)
	if l.bias != nil {
		addRows(l.bias.G, dy[:n*l.Out])
	}
	if l.dx == nil {
		return nil
	}
	dx := l.dx[:n*l.in]
	p.Work.Gemm(false, false, n, l.in, l.Out, dy, l.Out, l.weight.W, l.in, dx, l.in, false)
	return dx
}
