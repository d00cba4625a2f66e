package nn

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Attention is multi-head scaled dot-product attention of tokens to each other (Vaswani et al. 2017, arXiv:1706.03762):
// each head h has q = W_q·x + b_q and likewise k and v, [tokens, Width]; a = softmax(q·kᵀ/Scale) along its rows, and a·v;
// what the heads say lies side by side and goes through the projection.
//
// Shapes: [tokens, width] → [tokens, width], or [A, B, width], where the tokens of one place on the other axis attend to
// each other: with Axis 0 the A tokens at each of the B places, with Axis 1 the B tokens of each of the A.
type Attention struct {
	Heads   int
	Width   int     // of a head; 0 means width/Heads, which must be whole
	Scale   float64 // what the products are divided by; 0 means √Width
	Dropout float64 // of the weights a, in training
	Causal  bool    // a token attends to itself and those before it
	Axis    int     // of inputs with two axes of tokens: 0 or 1
	// Names are those of the four linear maps; empty ones are "query", "key", "value" and "projection".
	Names [4]string

	d, hw, tokens      int // width of the input, width of all heads, tokens of an example
	groups, n, step    int // tokens that attend to each other: how many groups, of how many, how far apart
	weight, bias       [4]*Param
	packed             [4]*kernel.Packed // the weights as Freeze has laid them out; nil before
	number             int
	keep               float32
	mask               []uint8
	x                  []float32
	qkv, att, o, y, dx []float32 // att is before dropout
	drop, dqkv, ds, do []float32
}

// Build asks for four pairs of weight and bias: query, key, value [heads·Width, width], projection [width, heads·Width].
func (l *Attention) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) != 2 && len(in) != 3 {
		return nil, fmt.Errorf("attention: the input is %v, must be tokens × width or A × B × width", in)
	}
	l.d = in[len(in)-1]
	l.tokens = in.Size() / l.d
	width := l.Width
	if l.Heads < 1 || width < 0 || width == 0 && l.d%l.Heads != 0 {
		return nil, fmt.Errorf("attention: %d heads of width %d on tokens of width %d: there must be at least one head, and the width of a head must be given where the heads do not share the tokens' evenly", l.Heads, width, l.d)
	}
	if width == 0 {
		width = l.d / l.Heads
	}
	if !(l.Dropout >= 0 && l.Dropout < 1) || l.Scale < 0 || l.Axis < 0 || l.Axis > len(in)-2 {
		return nil, fmt.Errorf("attention: dropout %g, scale %g, axis %d, must be within [0, 1), at least 0, and an axis of tokens of %v", l.Dropout, l.Scale, l.Axis, in)
	}
	l.hw = l.Heads * width
	switch {
	case len(in) == 2:
		l.groups, l.n, l.step = 1, in[0], 1
	case l.Axis == 0:
		l.groups, l.n, l.step = in[1], in[0], in[1]
	default:
		l.groups, l.n, l.step = in[0], in[1], 1
	}
	for i, name := range [4]string{"query", "key", "value", "projection"} {
		if l.Names[i] != "" {
			name = l.Names[i]
		}
		out, from := l.hw, l.d
		if i == 3 {
			out, from = l.d, l.hw
		}
		l.weight[i] = b.Param(name+".weight", Shape{out, from}, Xavier(from, out))
		l.bias[i] = b.Param(name+".bias", Shape{out}, Const(0))
		l.bias[i].NoDecay = true
	}
	l.number = b.Number()
	l.keep = float32(math.Round((1-l.Dropout)*65536) / 65536)
	rows := b.MaxN * l.tokens
	square := l.groups * l.Heads * l.n * l.n
	l.qkv, l.o, l.y = b.Floats(rows*3*l.hw), b.Floats(rows*l.hw), b.Batch(in)
	if !b.Train {
		l.att = b.Floats(l.n * l.n)
		return in, nil
	}
	l.att = b.Floats(b.MaxN * square)
	l.dqkv, l.ds, l.do = b.Floats(rows*3*l.hw), b.Floats(l.n*l.n), b.Floats(rows*l.hw)
	if l.Dropout > 0 {
		l.drop = b.Floats(b.MaxN * square)
		l.mask = make([]uint8, (l.n*l.n+7)/8)
	}
	if b.InputGrad {
		l.dx = b.Batch(in)
	}
	return in, nil
}

// token is the first token of group g of example i.
func (l *Attention) token(i, g int) int {
	if l.step > 1 {
		return i*l.tokens + g
	}
	return i*l.tokens + g*l.n
}

func (l *Attention) scale() float32 {
	return float32(1 / or(l.Scale, math.Sqrt(float64(l.hw/l.Heads))))
}

// Forward attends. The query is kept multiplied by the scale.
func (l *Attention) Forward(p *Pass, x []float32) []float32 {
	l.x = x
	rows, ld, w := p.N*l.tokens, 3*l.hw, l.hw/l.Heads
	for j := range 3 {
		bias := l.bias[j].W
		for r := range rows {
			copy(l.qkv[r*ld+j*l.hw:], bias)
		}
		l.product(p, j, rows, l.qkv[j*l.hw:], ld, x)
	}
	scale := l.scale()
	for r := range rows {
		kernel.Scale(l.qkv[r*ld:r*ld+l.hw], scale)
	}
	size := l.n * l.n
	for i := range p.N {
		for g := range l.groups {
			for h := range l.Heads {
				at := l.token(i, g)*ld + h*w
				s := l.att[:size]
				block := ((i*l.groups+g)*l.Heads + h) * size
				if p.Train {
					s = l.att[block : block+size]
				}
				p.Work.Gemm(false, true, l.n, l.n, w, l.qkv[at:], l.step*ld, l.qkv[at+l.hw:], l.step*ld, s, l.n, false)
				l.softmax(s)
				if p.Train && l.Dropout > 0 {
					d := l.drop[block : block+size]
					l.dropped(p, i, g, h, d, s)
					s = d
				}
				out := l.o[l.token(i, g)*l.hw+h*w:]
				p.Work.Gemm(false, false, l.n, w, l.n, s, l.n, l.qkv[at+2*l.hw:], l.step*ld, out, l.step*l.hw, false)
			}
		}
	}
	for r := range rows {
		copy(l.y[r*l.d:(r+1)*l.d], l.bias[3].W)
	}
	l.product(p, 3, rows, l.y, l.d, l.o)
	return l.y[:rows*l.d]
}

// product adds x times the weights of map j to dst, rows ld apart.
func (l *Attention) product(p *Pass, j, rows int, dst []float32, ld int, x []float32) {
	switch out, from := l.weight[j].Shape[0], l.weight[j].Shape[1]; {
	case rows == 0:
	case l.packed[j] != nil:
		p.Work.GemmPacked(rows, x, from, l.packed[j], dst, ld, true)
	default:
		p.Work.Gemm(false, true, rows, out, from, x, from, l.weight[j].W, from, dst, ld, true)
	}
}

// Freeze lays the weights out for the matrix kernels.
func (l *Attention) Freeze() {
	for j, w := range l.weight {
		l.packed[j] = kernel.Pack(true, w.Shape[0], w.Shape[1], w.W, w.Shape[1])
	}
}

// softmax norms the rows of s; with Causal the tokens behind get nothing.
func (l *Attention) softmax(s []float32) {
	for t := range l.n {
		row := s[t*l.n : (t+1)*l.n]
		if l.Causal {
			clear(row[t+1:])
			row = row[:t+1]
		}
		kernel.Softmax(row, row)
	}
}

// dropped is s with the mask of head h of group g of example i.
func (l *Attention) dropped(p *Pass, i, g, h int, dst, s []float32) {
	place := (p.First+i)*l.groups*l.Heads + g*l.Heads + h
	kernel.Mask(l.mask, mix(p.Seed, uint64(l.number)), uint64(place)*uint64(8*len(l.mask)), l.keep)
	kernel.MaskScale(dst, s, l.mask, 1/l.keep)
}

// Backward goes through the same products in the opposite direction.
func (l *Attention) Backward(p *Pass, dy []float32) []float32 {
	rows, ld, w := p.N*l.tokens, 3*l.hw, l.hw/l.Heads
	if rows == 0 {
		return l.dx[:0]
	}
	addRows(l.bias[3].G, dy)
	p.Work.Gemm(true, false, l.d, l.hw, rows, dy, l.d, l.o, l.hw, l.weight[3].G, l.hw, true)
	p.Work.Gemm(false, false, rows, l.hw, l.d, dy, l.d, l.weight[3].W, l.hw, l.do, l.hw, false)
	size := l.n * l.n
	for i := range p.N {
		for g := range l.groups {
			for h := range l.Heads {
				at, out := l.token(i, g)*ld+h*w, l.token(i, g)*l.hw+h*w
				block := ((i*l.groups+g)*l.Heads + h) * size
				a := l.att[block : block+size]
				used := a
				if l.Dropout > 0 {
					used = l.drop[block : block+size]
				}
				q, k, v := l.qkv[at:], l.qkv[at+l.hw:], l.qkv[at+2*l.hw:]
				step := l.step * ld
				p.Work.Gemm(true, false, l.n, w, l.n, used, l.n, l.do[out:], l.step*l.hw, l.dqkv[at+2*l.hw:], step, false)
				p.Work.Gemm(false, true, l.n, l.n, w, l.do[out:], l.step*l.hw, v, step, l.ds, l.n, false)
				if l.Dropout > 0 {
					l.dropped(p, i, g, h, l.ds, l.ds)
				}
				for t := range l.n {
					row := l.ds[t*l.n : (t+1)*l.n]
					kernel.SoftmaxGrad(row, row, a[t*l.n:(t+1)*l.n])
				}
				p.Work.Gemm(false, false, l.n, w, l.n, l.ds, l.n, k, step, l.dqkv[at:], step, false)
				p.Work.Gemm(true, false, l.n, w, l.n, l.ds, l.n, q, step, l.dqkv[at+l.hw:], step, false)
			}
		}
	}
	scale := l.scale()
	for r := range rows {
		row := l.dqkv[r*ld : (r+1)*ld]
		kernel.Scale(row[:l.hw], scale)
		for j := range 3 {
			kernel.Add(l.bias[j].G, l.bias[j].G, row[j*l.hw:(j+1)*l.hw])
		}
	}
	for j := range 3 {
		p.Work.Gemm(true, false, l.hw, l.d, rows, l.dqkv[j*l.hw:], ld, l.x, l.d, l.weight[j].G, l.d, true)
		if l.dx != nil {
			p.Work.Gemm(false, false, rows, l.d, l.hw, l.dqkv[j*l.hw:], ld, l.weight[j].W, l.d, l.dx, l.d, j > 0)
		}
	}
	if l.dx == nil {
		return nil
	}
	return l.dx[:rows*l.d]
}

// addRows adds the rows of x to sum.
func addRows(sum, x []float32) {
	for at := 0; at < len(x); at += len(sum) {
		kernel.Add(sum, sum, x[at:at+len(sum)])
	}
}
