package nn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Residual is y = Body(x) + Shortcut(x) (He et al. 2016, doi:10.1109/CVPR.2016.90).
type Residual struct {
	Body     Named
	Shortcut Named // Layer nil means x itself

	y, dx, dy []float32
}

// Build builds both; they must give the same shape.
func (l *Residual) Build(b *Builder, in Shape) (Shape, error) {
	out, err := b.In(l.Body.Name, l.Body.Layer, in)
	if err != nil {
		return nil, err
	}
	short := in
	if l.Shortcut.Layer != nil {
		if short, err = b.In(l.Shortcut.Name, l.Shortcut.Layer, in); err != nil {
			return nil, err
		}
	}
	if !slices.Equal(out, short) {
		return nil, fmt.Errorf("residual: the body gives %v, the way around it %v", out, short)
	}
	l.y = b.Batch(out)
	if b.Train {
		l.dy = b.Batch(out)
		if b.InputGrad {
			l.dx = b.Batch(in)
		}
	}
	return out, nil
}

// Forward adds.
func (l *Residual) Forward(p *Pass, x []float32) []float32 {
	z := l.Body.Layer.Forward(p, x)
	if l.Shortcut.Layer != nil {
		x = l.Shortcut.Layer.Forward(p, x)
	}
	y := l.y[:len(z)]
	kernel.Add(y, z, x)
	return y
}

// Backward adds too.
func (l *Residual) Backward(p *Pass, dy []float32) []float32 {
	keep := l.dy[:len(dy)] // a layer may overwrite what it gets
	copy(keep, dy)
	a, c := l.Body.Layer.Backward(p, dy), keep
	if l.Shortcut.Layer != nil {
		c = l.Shortcut.Layer.Backward(p, keep)
	}
	if l.dx == nil {
		return nil
	}
	dx := l.dx[:len(a)]
	kernel.Add(dx, a, c)
	return dx
}

// Freeze freezes both.
func (l *Residual) Freeze() {
	freeze(l.Body.Layer)
	freeze(l.Shortcut.Layer)
}

// Concat runs layers on the same input and puts their outputs behind each other along the first size. All other sizes
// must agree.
type Concat struct {
	Branches []Named

	sizes        []int
	in, total    int // values of an example
	y, dx, parts []float32
}

// Build builds the branches.
func (l *Concat) Build(b *Builder, in Shape) (Shape, error) {
	if len(l.Branches) == 0 {
		return nil, errors.New("concat: there are no branches")
	}
	var out Shape
	l.sizes = nil
	for i, br := range l.Branches {
		s, err := b.In(br.Name, br.Layer, in)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			out = slices.Clone(s)
		} else {
			if len(s) != len(out) || len(s) == 0 || !slices.Equal(s[1:], out[1:]) {
				return nil, fmt.Errorf("concat: branch %d gives %v, the ones before it %v; only the first size may differ", i, s, out)
			}
			out[0] += s[0]
		}
		l.sizes = append(l.sizes, s.Size())
	}
	l.in, l.total = in.Size(), out.Size()
	l.y = b.Batch(out)
	if b.Train {
		l.parts = b.Floats(b.MaxN * slices.Max(l.sizes))
		if b.InputGrad {
			l.dx = b.Batch(in)
		}
	}
	return out, nil
}

// Forward runs the branches in order.
func (l *Concat) Forward(p *Pass, x []float32) []float32 {
	y, at := l.y[:p.N*l.total], 0
	for i, br := range l.Branches {
		z := br.Layer.Forward(p, x)
		for n := range p.N {
			copy(y[n*l.total+at:], z[n*l.sizes[i]:(n+1)*l.sizes[i]])
		}
		at += l.sizes[i]
	}
	return y
}

// Backward adds what the branches say.
func (l *Concat) Backward(p *Pass, dy []float32) []float32 {
	at := 0
	for i, br := range l.Branches {
		part := l.parts[:p.N*l.sizes[i]]
		for n := range p.N {
			copy(part[n*l.sizes[i]:(n+1)*l.sizes[i]], dy[n*l.total+at:])
		}
		d := br.Layer.Backward(p, part)
		at += l.sizes[i]
		if l.dx == nil {
			continue
		}
		if i == 0 {
			copy(l.dx, d)
		} else {
			kernel.Add(l.dx[:len(d)], l.dx[:len(d)], d)
		}
	}
	if l.dx == nil {
		return nil
	}
	return l.dx[:p.N*l.in]
}

// Freeze freezes all.
func (l *Concat) Freeze() {
	for _, br := range l.Branches {
		freeze(br.Layer)
	}
}
