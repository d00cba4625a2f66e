package nn

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Embedding looks up a learned row for each index: [n] of whole numbers from 0 to Count-1 → [n, Width]. An index that is
// none gives a row of NaN, so that it cannot pass unseen.
type Embedding struct {
	Count, Width int

	weight *Param
	x, y   []float32
}

// Build asks for weight [Count, Width].
func (l *Embedding) Build(b *Builder, in Shape) (Shape, error) {
	if l.Count < 1 || l.Width < 1 || b.InputGrad {
		return nil, fmt.Errorf("embedding: %d rows of %d, must be at least 1 of at least 1, and nothing before it can learn", l.Count, l.Width)
	}
	l.weight = b.Param("weight", Shape{l.Count, l.Width}, Normal(1))
	out := append(append(Shape{}, in...), l.Width)
	l.y = b.Batch(out)
	return out, nil
}

// Forward copies rows.
func (l *Embedding) Forward(_ *Pass, x []float32) []float32 {
	l.x = x
	for i := range x {
		row := l.y[i*l.Width : (i+1)*l.Width]
		if k, ok := l.index(x[i]); ok {
			copy(row, l.weight.W[k*l.Width:])
			continue
		}
		for j := range row {
			row[j] = float32(math.NaN())
		}
	}
	return l.y[:len(x)*l.Width]
}

func (l *Embedding) index(v float32) (int, bool) {
	if !(v >= 0 && v < float32(l.Count)) || v != float32(int(v)) {
		return 0, false
	}
	return int(v), true
}

// Backward adds to the rows that were looked up.
func (l *Embedding) Backward(_ *Pass, dy []float32) []float32 {
	for i, v := range l.x {
		if k, ok := l.index(v); ok {
			row := l.weight.G[k*l.Width : (k+1)*l.Width]
			kernel.Add(row, row, dy[i*l.Width:(i+1)*l.Width])
		}
	}
	return nil
}

// Positions adds a learned row to each token: y = x + weight, of the whole shape of an example.
type Positions struct {
	Init Init // nil means Normal(0.02)

	weight *Param
	y      []float32
	pass   bool
}

// Build asks for weight of the shape of an example.
func (l *Positions) Build(b *Builder, in Shape) (Shape, error) {
	init := l.Init
	if init == nil {
		init = Normal(0.02)
	}
	l.weight = b.Param("weight", in, init)
	l.weight.NoDecay = true
	l.y, l.pass = b.Batch(in), b.InputGrad
	return in, nil
}

// Forward adds.
func (l *Positions) Forward(_ *Pass, x []float32) []float32 {
	n := len(l.weight.W)
	for at := 0; at < len(x); at += n {
		kernel.Add(l.y[at:at+n], x[at:at+n], l.weight.W)
	}
	return l.y[:len(x)]
}

// Backward hands dy on.
func (l *Positions) Backward(_ *Pass, dy []float32) []float32 {
	addRows(l.weight.G, dy)
	if !l.pass {
		return nil
	}
	return dy
}

// ClassToken puts a learned token in front: [tokens, width] → [1 + tokens, width].
type ClassToken struct {
	weight   *Param
	in       Shape
	y, dx    []float32
	n, width int
}

// Build asks for weight [width].
func (l *ClassToken) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("class token: the input is %v, must be tokens × width", in)
	}
	l.in, l.n, l.width = in, in.Size(), in[1]
	l.weight = b.Param("weight", Shape{l.width}, Normal(0.02))
	l.weight.NoDecay = true
	out := Shape{in[0] + 1, in[1]}
	l.y = b.Batch(out)
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return out, nil
}

// Forward copies.
func (l *ClassToken) Forward(p *Pass, x []float32) []float32 {
	m := l.n + l.width
	for i := range p.N {
		copy(l.y[i*m:], l.weight.W)
		copy(l.y[i*m+l.width:(i+1)*m], x[i*l.n:])
	}
	return l.y[:p.N*m]
}

// Backward takes the token off.
func (l *ClassToken) Backward(p *Pass, dy []float32) []float32 {
	m := l.n + l.width
	for i := range p.N {
		kernel.Add(l.weight.G, l.weight.G, dy[i*m:i*m+l.width])
		if l.dx != nil {
			copy(l.dx[i*l.n:(i+1)*l.n], dy[i*m+l.width:])
		}
	}
	if l.dx == nil {
		return nil
	}
	return l.dx[:p.N*l.n]
}

// Gate is the gated linear unit (Dauphin et al. 2017, arXiv:1612.08083): y = a·sigmoid(b), where a is the first half of
// each row and b the second. Shapes: [rows…, 2·width] → [rows…, width].
type Gate struct {
	w          int
	x          []float32
	sig, y, dx []float32
}

// Build wants an even last size.
func (l *Gate) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) == 0 || in[len(in)-1]%2 != 0 {
		return nil, errors.New("gate: the last size of the input must be even")
	}
	l.w = in[len(in)-1] / 2
	out := append(append(Shape{}, in[:len(in)-1]...), l.w)
	l.sig, l.y = b.Batch(out), b.Batch(out)
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return out, nil
}

// Forward gates.
func (l *Gate) Forward(_ *Pass, x []float32) []float32 {
	l.x = x
	for r := range len(x) / (2 * l.w) {
		a, b := x[2*r*l.w:(2*r+1)*l.w], x[(2*r+1)*l.w:(2*r+2)*l.w]
		s := l.sig[r*l.w : (r+1)*l.w]
		kernel.Sigmoid(s, b)
		kernel.Mul(l.y[r*l.w:(r+1)*l.w], a, s)
	}
	return l.y[:len(x)/2]
}

// Backward is da = dy·s and db = dy·a·s·(1−s).
func (l *Gate) Backward(_ *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	for r := range len(dy) / l.w {
		d, s := dy[r*l.w:(r+1)*l.w], l.sig[r*l.w:(r+1)*l.w]
		da, db := l.dx[2*r*l.w:(2*r+1)*l.w], l.dx[(2*r+1)*l.w:(2*r+2)*l.w]
		kernel.Mul(da, d, s)
		kernel.Mul(db, d, l.x[2*r*l.w:(2*r+1)*l.w])
		kernel.SigmoidGrad(db, db, s)
	}
	return l.dx[:2*len(dy)]
}

// Last takes the last token: [tokens, width] → [width].
type Last struct {
	n, width int
	y, dx    []float32
}

// Build wants tokens.
func (l *Last) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("last: the input is %v, must be tokens × width", in)
	}
	l.n, l.width = in.Size(), in[1]
	l.y = b.Batch(Shape{l.width})
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return Shape{l.width}, nil
}

// Forward copies.
func (l *Last) Forward(p *Pass, x []float32) []float32 {
	for i := range p.N {
		copy(l.y[i*l.width:(i+1)*l.width], x[(i+1)*l.n-l.width:])
	}
	return l.y[:p.N*l.width]
}

// Backward fills the tokens before with 0.
func (l *Last) Backward(p *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	clear(l.dx)
	for i := range p.N {
		copy(l.dx[(i+1)*l.n-l.width:(i+1)*l.n], dy[i*l.width:])
	}
	return l.dx[:p.N*l.n]
}
