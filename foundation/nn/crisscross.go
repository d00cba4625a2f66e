package nn

import "fmt"

// CrissCross is attention along two axes at once (Wang et al. 2025, CBraMod, arXiv:2412.07236): the first half of each
// token attends over the first axis, the second half over the second, each with Heads/2 heads and maps of its own; the
// halves then lie side by side again. Shapes: [A, B, width] → the same; width is even.
type CrissCross struct {
	Heads   int // of both halves together, even
	Dropout float64
	Names   [2]string // of the two halves; empty ones are "spatial" and "temporal"

	d              int
	half           [2]*Attention
	x, y, dx, part []float32
}

// Build builds an Attention for each half.
func (l *CrissCross) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) != 3 || in[2]%2 != 0 || l.Heads < 2 || l.Heads%2 != 0 {
		return nil, fmt.Errorf("criss-cross attention: %d heads on %v, must be an even number of heads on A × B × an even width", l.Heads, in)
	}
	l.d = in[2]
	one := Shape{in[0], in[1], in[2] / 2}
	for i, name := range [2]string{"spatial", "temporal"} {
		if l.Names[i] != "" {
			name = l.Names[i]
		}
		l.half[i] = &Attention{Heads: l.Heads / 2, Dropout: l.Dropout, Axis: i}
		if _, err := b.In(name, l.half[i], one); err != nil {
			return nil, err
		}
	}
	l.x, l.y = b.Batch(in), b.Batch(in)
	if b.Train {
		l.part = b.Batch(one)
		if b.InputGrad {
			l.dx = b.Batch(in)
		}
	}
	return in, nil
}

// Forward runs the halves.
func (l *CrissCross) Forward(p *Pass, x []float32) []float32 {
	h := l.d / 2
	half := len(x) / 2
	for i, a := range l.half {
		part := l.x[i*half : (i+1)*half]
		for r := range len(x) / l.d {
			copy(part[r*h:(r+1)*h], x[r*l.d+i*h:])
		}
		out := a.Forward(p, part)
		for r := range len(x) / l.d {
			copy(l.y[r*l.d+i*h:r*l.d+(i+1)*h], out[r*h:])
		}
	}
	return l.y[:len(x)]
}

// Backward runs them backwards.
func (l *CrissCross) Backward(p *Pass, dy []float32) []float32 {
	h := l.d / 2
	for i, a := range l.half {
		part := l.part[:len(dy)/2]
		for r := range len(dy) / l.d {
			copy(part[r*h:(r+1)*h], dy[r*l.d+i*h:])
		}
		dx := a.Backward(p, part)
		if l.dx == nil {
			continue
		}
		for r := range len(dy) / l.d {
			copy(l.dx[r*l.d+i*h:r*l.d+(i+1)*h], dx[r*h:])
		}
	}
	if l.dx == nil {
		return nil
	}
	return l.dx[:len(dy)]
}

// Freeze freezes the halves.
func (l *CrissCross) Freeze() {
	for _, a := range l.half {
		a.Freeze()
	}
}
