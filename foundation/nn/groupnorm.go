package nn

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// GroupNorm normalises Groups groups of neighbouring channels of each example (Wu and He 2018, arXiv:1803.08494):
// [C, …] → [C, …], y = weight·(x − mean)/√(var + Eps) + bias with weight and bias for each channel.
type GroupNorm struct {
	Groups int
	Eps    float64 // 0 means 1e-5

	shape        Shape
	c, t         int
	eps          float64
	weight, bias *Param
	xhat, y, dx  []float32
	rstd         []float64 // [example, group]
}

// Build asks for weight and bias [C].
func (l *GroupNorm) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) == 0 || l.Groups < 1 || in[0]%l.Groups != 0 {
		return nil, fmt.Errorf("group norm: %d groups of an input of %v, must divide the number of channels", l.Groups, in)
	}
	if l.eps = l.Eps; l.Eps == 0 {
		l.eps = 1e-5
	}
	l.shape, l.c, l.t = in, in[0], in.Size()/in[0]
	l.weight, l.bias = b.Param("weight", Shape{l.c}, Const(1)), b.Param("bias", Shape{l.c}, Const(0))
	l.weight.NoDecay, l.bias.NoDecay = true, true
	l.y = b.Batch(in)
	if b.Train {
		l.xhat = b.Batch(in)
		l.rstd = make([]float64, b.MaxN*l.Groups)
		if b.InputGrad {
			l.dx = b.Batch(in)
		}
	}
	return in, nil
}

// Forward normalises each group. Without training, xhat is made where y goes.
func (l *GroupNorm) Forward(p *Pass, x []float32) []float32 {
	y, xhat := l.y[:len(x)], l.xhat
	if !p.Train {
		xhat = y
	}
	cg := l.c / l.Groups
	size := cg * l.t
	for g := range p.N * l.Groups {
		h := xhat[g*size:][:size]
		mean := float64(kernel.Sum(x[g*size:][:size])) / float64(size)
		kernel.Affine(h, x[g*size:][:size], 1, -float32(mean))
		s, q := kernel.SumSq(h)
		rest := float64(s) / float64(size) // the rounding of the mean
		rstd := 1 / math.Sqrt(max(float64(q)/float64(size)-rest*rest, 0)+l.eps)
		kernel.Affine(h, h, float32(rstd), -float32(rest*rstd))
		if p.Train {
			l.rstd[g] = rstd
		}
		for c := range cg {
			ch := g%l.Groups*cg + c
			kernel.Affine(y[g*size+c*l.t:][:l.t], h[c*l.t:][:l.t], l.weight.W[ch], l.bias.W[ch])
		}
	}
	return y
}

// Backward is dx = rstd·(w·dy − mean(w·dy) − xhat·mean(w·dy·xhat)), means over the group.
func (l *GroupNorm) Backward(p *Pass, dy []float32) []float32 {
	cg := l.c / l.Groups
	size := cg * l.t
	for g := range p.N * l.Groups {
		var sum, dot float64
		for c := range cg {
			ch, at := g%l.Groups*cg+c, g*size+c*l.t
			s, d := kernel.SumDot(dy[at:][:l.t], l.xhat[at:][:l.t])
			l.bias.G[ch] += s
			l.weight.G[ch] += d
			sum += float64(l.weight.W[ch]) * float64(s)
			dot += float64(l.weight.W[ch]) * float64(d)
		}
		if l.dx == nil {
			continue
		}
		for c := range cg {
			at := g*size + c*l.t
			row := l.dx[at:][:l.t]
			kernel.Affine(row, dy[at:][:l.t], l.weight.W[g%l.Groups*cg+c], 0)
			kernel.NormGrad(row, row, l.xhat[at:][:l.t], float32(l.rstd[g]), float32(sum/float64(size)), float32(dot/float64(size)))
		}
	}
	if l.dx == nil {
		return nil
	}
	return l.dx[:len(dy)]
}
