package nn

import (
	"errors"
	"fmt"
	"slices"
)

// Reshape gives the same values another shape.
type Reshape struct{ To Shape }

// Build checks that the sizes agree.
func (l *Reshape) Build(_ *Builder, in Shape) (Shape, error) {
	if slices.ContainsFunc(l.To, func(size int) bool { return size < 1 }) {
		return nil, fmt.Errorf("reshape: to %v, each size must be at least 1", l.To)
	}
	if l.To.Size() != in.Size() {
		return nil, fmt.Errorf("reshape: %v has %d values, %v has %d", in, in.Size(), l.To, l.To.Size())
	}
	return l.To, nil
}

// Forward changes nothing.
func (l *Reshape) Forward(_ *Pass, x []float32) []float32 { return x }

// Backward changes nothing.
func (l *Reshape) Backward(_ *Pass, dy []float32) []float32 { return dy }

// Image puts a size of 1 in front: signals [C, T] become an image [1, C, T] of one channel, one signal [T] becomes [1, T].
type Image struct{}

// Build adds it.
func (l *Image) Build(_ *Builder, in Shape) (Shape, error) { return append(Shape{1}, in...), nil }

// Forward changes nothing.
func (l *Image) Forward(_ *Pass, x []float32) []float32 { return x }

// Backward changes nothing.
func (l *Image) Backward(_ *Pass, dy []float32) []float32 { return dy }

// Flatten makes one size of all but the first Keep.
type Flatten struct{ Keep int }

// Build counts the values.
func (l *Flatten) Build(_ *Builder, in Shape) (Shape, error) {
	if l.Keep < 0 || l.Keep > len(in) {
		return nil, fmt.Errorf("flatten: keeps %d sizes of %v, must be 0 to %d", l.Keep, in, len(in))
	}
	return append(append(Shape{}, in[:l.Keep]...), in[l.Keep:].Size()), nil
}

// Forward changes nothing.
func (l *Flatten) Forward(_ *Pass, x []float32) []float32 { return x }

// Backward changes nothing.
func (l *Flatten) Backward(_ *Pass, dy []float32) []float32 { return dy }

// Transpose swaps the last two sizes: […, A, B] → […, B, A]. Between signals [channels, time] and sequences [tokens, width].
type Transpose struct {
	a, b, rank int
	y, dx      []float32
}

// Build checks that there are two.
func (l *Transpose) Build(b *Builder, in Shape) (Shape, error) {
	n := len(in)
	if n < 2 {
		return nil, fmt.Errorf("transpose: the input is %v, must have at least two sizes", in)
	}
	l.a, l.b, l.rank = in[n-2], in[n-1], n
	l.y = b.Batch(in)
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return append(append(Shape{}, in[:n-2]...), l.b, l.a), nil
}

// Forward swaps.
func (l *Transpose) Forward(_ *Pass, x []float32) []float32 {
	y := l.y[:len(x)]
	transpose(y, x, l.a, l.b)
	return y
}

// Backward swaps back.
func (l *Transpose) Backward(_ *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	dx := l.dx[:len(dy)]
	transpose(dx, dy, l.b, l.a)
	return dx
}

// transpose makes matrices [b, a] of matrices [a, b].
func transpose(y, x []float32, a, b int) {
	for ; len(x) > 0; x, y = x[a*b:], y[a*b:] {
		for i := range a {
			for j, v := range x[i*b:][:b] {
				y[j*a+i] = v
			}
		}
	}
}

// Crop takes and adds samples at both ends of time, the last size: […, T] → […, T − Front − Back]. Negative numbers add
// zeros.
type Crop struct {
	Front, Back int

	in, out, rank int
	y, dx         []float32
}

// Build works out the size.
func (l *Crop) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) == 0 || in[len(in)-1]-max(l.Front, 0)-max(l.Back, 0) < 1 {
		return nil, fmt.Errorf("crop: %d samples in front and %d behind are more than the last size of %v has", l.Front, l.Back, in)
	}
	l.in, l.rank = in[len(in)-1], len(in)
	l.out = l.in - l.Front - l.Back
	out := append(append(Shape{}, in[:len(in)-1]...), l.out)
	l.y = b.Batch(out)
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return out, nil
}

// Forward copies the rows; where zeros go, nothing was ever written.
func (l *Crop) Forward(_ *Pass, x []float32) []float32 {
	rows := len(x) / l.in
	y := l.y[:rows*l.out]
	for r := range rows {
		copy(y[r*l.out+max(-l.Front, 0):(r+1)*l.out], x[r*l.in+max(l.Front, 0):(r+1)*l.in])
	}
	return y
}

// Backward copies them back.
func (l *Crop) Backward(_ *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	rows := len(dy) / l.out
	dx := l.dx[:rows*l.in]
	for r := range rows {
		copy(dx[r*l.in+max(l.Front, 0):(r+1)*l.in], dy[r*l.out+max(-l.Front, 0):(r+1)*l.out])
	}
	return dx
}

// LastStep is the last step of time: […, T] → […].
type LastStep struct {
	t     int
	y, dx []float32
}

// Build takes any shape.
func (l *LastStep) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) == 0 {
		return nil, errors.New("last step: the input is a single number, must have time as its last size")
	}
	l.t = in[len(in)-1]
	out := in[:len(in)-1]
	l.y = b.Batch(out)
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return out, nil
}

// Forward picks.
func (l *LastStep) Forward(_ *Pass, x []float32) []float32 {
	y := l.y[:len(x)/l.t]
	for i := range y {
		y[i] = x[i*l.t+l.t-1]
	}
	return y
}

// Backward puts back; all other gradients are 0 and were never written.
func (l *LastStep) Backward(_ *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	for i, v := range dy {
		l.dx[i*l.t+l.t-1] = v
	}
	return l.dx[:len(dy)*l.t]
}

// Each runs a layer on each part of its input along the first size as if that were an example: [M, …] → [M, layer's output].
type Each struct {
	Layer Layer

	m       int
	in, out Shape // of one part
}

// Build builds the layer for M times as many examples.
func (l *Each) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("each: the input is %v, must have at least two sizes", in)
	}
	l.m = in[0]
	b.MaxN *= l.m
	defer func() { b.MaxN /= l.m }()
	out, err := b.In("", l.Layer, in[1:])
	if err != nil {
		return nil, err
	}
	l.in, l.out = in[1:], out
	return append(Shape{l.m}, out...), nil
}

// Forward runs the layer.
func (l *Each) Forward(p *Pass, x []float32) []float32 {
	n, first := p.N, p.First
	p.N, p.First = n*l.m, first*l.m
	y := l.Layer.Forward(p, x)
	p.N, p.First = n, first
	return y
}

// Backward runs it too.
func (l *Each) Backward(p *Pass, dy []float32) []float32 {
	n, first := p.N, p.First
	p.N, p.First = n*l.m, first*l.m
	dx := l.Layer.Backward(p, dy)
	p.N, p.First = n, first
	return dx
}

// Freeze freezes the layer.
func (l *Each) Freeze() { freeze(l.Layer) }
