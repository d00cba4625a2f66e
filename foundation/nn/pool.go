package nn

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// MeanPool is the mean over windows of time, the last size of its input: […, T] → […, T'], T' = (T − Size)/Stride + 1.
type MeanPool struct {
	Size   int  // 0 means all of the input, which leaves one step
	Stride int  // 0 means Size
	Ceil   bool // a last window that begins inside but is cut off counts too; its mean is over what is there

	pool
}

// MaxPool is the largest value in windows of time, with the shapes of MeanPool. The gradient goes to the first one that is
// the largest.
type MaxPool struct {
	Size   int  // 0 means all of the input, which leaves one step
	Stride int  // 0 means Size
	Ceil   bool // a last window that begins inside but is cut off counts too

	pool
	at []int32 // where the largest value of each window was, in its row
}

// pool is the geometry of both.
type pool struct {
	size, stride int
	lead         Shape // the sizes before time
	in, out      int   // steps
	full         int   // windows that are not cut off
	y, dx        []float32
}

// build works out the sizes. As PyTorch has it, a cut window must begin inside of the input.
func (l *pool) build(b *Builder, what string, in Shape, size, stride int, ceil bool) (Shape, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("%s: the input is a single number, must have time as its last size", what)
	}
	l.lead, l.in = in[:len(in)-1], in[len(in)-1]
	if l.size = size; size == 0 {
		l.size = l.in
	}
	if l.stride = stride; stride == 0 {
		l.stride = l.size
	}
	if l.size < 1 || l.stride < 1 {
		return nil, fmt.Errorf("%s: size %d and stride %d, must be at least 1", what, size, stride)
	}
	if l.in < l.size && !ceil {
		return nil, fmt.Errorf("%s: a window of %d steps does not fit into the %d of the input (%v)", what, l.size, l.in, in)
	}
	if l.in >= l.size {
		l.full = (l.in-l.size)/l.stride + 1
	}
	l.out = l.full
	if ceil && l.full*l.stride < l.in && (l.in < l.size || (l.in-l.size)%l.stride != 0) {
		l.out++
	}
	shape := append(append(Shape{}, in[:len(in)-1]...), l.out)
	l.y = b.Batch(shape)
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return shape, nil
}

// Build works out the sizes.
func (l *MeanPool) Build(b *Builder, in Shape) (Shape, error) {
	return l.build(b, "mean pool", in, l.Size, l.Stride, l.Ceil)
}

// Forward averages each row.
func (l *MeanPool) Forward(_ *Pass, x []float32) []float32 {
	rows := len(x) / l.in
	y := l.y[:rows*l.out]
	for r := range rows {
		from, to := x[r*l.in:][:l.in], y[r*l.out:][:l.out]
		kernel.MeanPool(to[:l.full], from, l.size, l.stride)
		if l.full < l.out {
			rest := from[l.full*l.stride:]
			to[l.full] = kernel.Sum(rest) / float32(len(rest))
		}
	}
	return y
}

// Backward spreads each gradient over its window.
func (l *MeanPool) Backward(_ *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	rows := len(dy) / l.out
	dx := l.dx[:rows*l.in]
	clear(dx)
	for r := range rows {
		from, to := dy[r*l.out:][:l.out], dx[r*l.in:][:l.in]
		kernel.MeanPoolGrad(to, from[:l.full], l.size, l.stride)
		if l.full < l.out {
			rest := to[l.full*l.stride:]
			v := from[l.full] / float32(len(rest))
			for i := range rest {
				rest[i] += v
			}
		}
	}
	return dx
}

// Build works out the sizes.
func (l *MaxPool) Build(b *Builder, in Shape) (Shape, error) {
	out, err := l.build(b, "max pool", in, l.Size, l.Stride, l.Ceil)
	if err == nil && b.Train && b.InputGrad {
		l.at = make([]int32, b.MaxN*out.Size())
	}
	return out, err
}

// Forward looks for the largest value of each window. A window with a NaN gives NaN.
func (l *MaxPool) Forward(_ *Pass, x []float32) []float32 {
	rows := len(x) / l.in
	y := l.y[:rows*l.out]
	if l.at == nil {
		for r := range rows {
			from, to := x[r*l.in:][:l.in], y[r*l.out:][:l.out]
			for i := range to {
				window := from[i*l.stride : min(i*l.stride+l.size, l.in)]
				best := window[0]
				for _, v := range window[1:] {
					best = max(best, v)
				}
				to[i] = best
			}
		}
		return y
	}
	for r := range rows {
		from, to, at := x[r*l.in:][:l.in], y[r*l.out:][:l.out], l.at[r*l.out:][:l.out]
		for i := range to {
			start := i * l.stride
			window := from[start:min(start+l.size, l.in)]
			best, where := window[0], 0
			for j, v := range window {
				if v > best || v != v {
					best, where = v, j
				}
			}
			to[i], at[i] = best, int32(start+where)
		}
	}
	return y
}

// Backward gives each gradient to the value that was the largest.
func (l *MaxPool) Backward(_ *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	rows := len(dy) / l.out
	dx := l.dx[:rows*l.in]
	clear(dx)
	for r := range rows {
		to := dx[r*l.in:][:l.in]
		for i, v := range dy[r*l.out:][:l.out] {
			to[l.at[r*l.out+i]] += v
		}
	}
	return dx
}
