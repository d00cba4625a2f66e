package nn

import (
	"errors"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// LayerNorm standardises each row along the last size and scales it: y = (x − mean)/√(var + Epsilon)·weight + bias, var
// divided by the width (Ba et al. 2016, arXiv:1607.06450). Shapes: any [rows…, width].
type LayerNorm struct {
	Epsilon float64 // 0 means 1e-5, as in PyTorch

	width           int
	weight, bias    *Param
	y, xhat, dx, rs []float32
}

// Build asks for weight and bias [width].
func (l *LayerNorm) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) == 0 {
		return nil, errors.New("layer norm: the input has no size, must have at least one")
	}
	l.width = in[len(in)-1]
	l.weight, l.bias = b.Param("weight", Shape{l.width}, Const(1)), b.Param("bias", Shape{l.width}, Const(0))
	l.weight.NoDecay, l.bias.NoDecay = true, true
	l.y = b.Batch(in)
	if b.Train {
		l.xhat, l.rs = b.Batch(in), b.Floats(b.MaxN*in.Size()/l.width)
		if b.InputGrad {
			l.dx = b.Batch(in)
		} else {
			l.dx = b.Floats(l.width) // the kernel wants room for it
		}
	}
	return in, nil
}

// Forward norms the rows.
func (l *LayerNorm) Forward(p *Pass, x []float32) []float32 {
	eps := float32(or(l.Epsilon, 1e-5))
	for r, at := 0, 0; at < len(x); r, at = r+1, at+l.width {
		end := at + l.width
		if p.Train {
			l.rs[r] = kernel.LayerNorm(l.y[at:end], l.xhat[at:end], x[at:end], l.weight.W, l.bias.W, eps)
		} else {
			kernel.LayerNorm(l.y[at:end], nil, x[at:end], l.weight.W, l.bias.W, eps)
		}
	}
	return l.y[:len(x)]
}

// Backward is that of each row.
func (l *LayerNorm) Backward(_ *Pass, dy []float32) []float32 {
	all := len(l.dx) > l.width || len(l.y) == len(l.dx)
	for r, at := 0, 0; at < len(dy); r, at = r+1, at+l.width {
		end := at + l.width
		dx := l.dx[:l.width]
		if all {
			dx = l.dx[at:end]
		}
		kernel.LayerNormGrad(dx, l.weight.G, l.bias.G, dy[at:end], l.xhat[at:end], l.weight.W, l.rs[r])
	}
	if !all {
		return nil
	}
	return l.dx[:len(dy)]
}
