package nn

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Dropout sets values to 0 with probability P in training and divides the others by 1−P (Srivastava et al. 2014, JMLR
// 15:1929). P counts in steps of 1/65536. What is dropped depends on the seed of the step and on the place in the batch.
type Dropout struct {
	P        float64 // at least 0, below 1
	Channels bool    // drop whole channels (the first size of the shape) instead of values

	number     int
	keep       float32
	size, rows int // values and bits of an example
	mask       []uint8
	ones       []float32
	y, dx      []float32
}

// Build takes any shape.
func (l *Dropout) Build(b *Builder, in Shape) (Shape, error) {
	if !(0 <= l.P && l.P < 1) {
		return nil, fmt.Errorf("dropout: the probability is %g, must be at least 0 and below 1", l.P)
	}
	l.number = b.Number()
	l.keep = float32(math.Round((1-l.P)*65536) / 65536)
	if l.keep == 0 {
		return nil, fmt.Errorf("dropout: the probability %g leaves nothing, must be at most 1-1/131072", l.P)
	}
	l.size, l.rows = in.Size(), in.Size()
	if l.Channels && len(in) > 0 {
		l.rows = in[0]
	}
	if b.Train && l.P > 0 {
		l.mask = make([]uint8, b.MaxN*l.bytes())
		l.y = b.Batch(in)
		if l.Channels {
			l.ones = b.Floats(l.rows)
		}
		if b.InputGrad {
			l.dx = b.Batch(in)
		}
	}
	return in, nil
}

// bytes is the mask of one example, whole bytes.
func (l *Dropout) bytes() int { return (l.rows + 7) / 8 }

// Forward draws a mask for each example.
func (l *Dropout) Forward(p *Pass, x []float32) []float32 {
	if !p.Train || l.P == 0 {
		return x
	}
	y := l.y[:len(x)]
	for i := range p.N {
		mask := l.mask[i*l.bytes():][:l.bytes()]
		kernel.Mask(mask, mix(p.Seed, uint64(l.number)), uint64(p.First+i)*uint64(8*l.bytes()), l.keep)
		l.apply(y[i*l.size:][:l.size], x[i*l.size:][:l.size], mask)
	}
	return y
}

// apply multiplies one example with its mask.
func (l *Dropout) apply(y, x []float32, mask []uint8) {
	if !l.Channels {
		kernel.MaskScale(y, x, mask, 1/l.keep)
		return
	}
	fill(l.ones, 1)
	kernel.MaskScale(l.ones, l.ones, mask, 1/l.keep)
	t := l.size / l.rows
	for c, f := range l.ones {
		kernel.Affine(y[c*t:][:t], x[c*t:][:t], f, 0)
	}
}

// Backward multiplies with the same masks.
func (l *Dropout) Backward(p *Pass, dy []float32) []float32 {
	if l.P == 0 {
		return dy
	}
	if l.dx == nil {
		return nil
	}
	dx := l.dx[:len(dy)]
	for i := range p.N {
		l.apply(dx[i*l.size:][:l.size], dy[i*l.size:][:l.size], l.mask[i*l.bytes():][:l.bytes()])
	}
	return dx
}
