package nn

import (
	"errors"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// PReLU is max(x, 0) + weight·min(x, 0) with a learned slope for each channel (He et al. 2015, doi:10.1109/ICCV.2015.123),
// from 0.25. Shapes: [channels, …] → the same.
type PReLU struct {
	weight   *Param
	c, t     int
	rank     int // of an example
	x, y, dx []float32
}

// Build asks for weight [channels].
func (l *PReLU) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) == 0 {
		return nil, errors.New("prelu: the input has no size, must have at least one")
	}
	l.c, l.t, l.rank = in[0], in.Size()/in[0], len(in)
	l.weight = b.Param("weight", Shape{l.c}, Const(0.25))
	l.weight.NoDecay = true
	l.y = b.Batch(in)
	if b.Train {
		l.dx = b.Batch(in)
	}
	return in, nil
}

// Forward bends.
func (l *PReLU) Forward(_ *Pass, x []float32) []float32 {
	l.x = x
	for r := range len(x) / l.t {
		a := l.weight.W[r%l.c]
		for i, v := range x[r*l.t : (r+1)*l.t] {
			l.y[r*l.t+i] = max(v, 0) + a*min(v, 0)
		}
	}
	return l.y[:len(x)]
}

// Backward multiplies with 1 or the slope.
func (l *PReLU) Backward(_ *Pass, dy []float32) []float32 {
	for r := range len(dy) / l.t {
		a, lo, hi := l.weight.W[r%l.c], r*l.t, (r+1)*l.t
		dx := l.dx[lo:hi]
		for i, v := range l.x[lo:hi] {
			dx[i] = min(v, 0)
		}
		l.weight.G[r%l.c] += kernel.Dot(dx, dy[lo:hi])
		for i, v := range l.x[lo:hi] {
			d := dy[lo+i]
			if v < 0 {
				d *= a
			}
			dx[i] = d
		}
	}
	return l.dx[:len(dy)]
}
