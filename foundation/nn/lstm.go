package nn

import (
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// LSTM is a long short-term memory (Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735) with PyTorch's gates:
//
//	i, f, g, o = W_ih·x_t + b_ih + W_hh·h_{t−1} + b_hh
//	c_t = σ(f)·c_{t−1} + σ(i)·tanh(g);  h_t = σ(o)·tanh(c_t)
//
// from h = c = 0. Shapes: [tokens, width] → [tokens, Hidden].
type LSTM struct {
	Hidden int

	recurrent
	c, tc, dc []float32 // [n, tokens, hidden]: cell, its tanh; and [n, hidden]
}

// recurrent is what LSTM and GRU share: the parameters weight_ih_l0 [gates·hidden, width], weight_hh_l0 [gates·hidden,
// hidden] and the two biases, and the products with them.
type recurrent struct {
	t, d, h, gates     int
	wx, whh, bih, bhh  *Param
	x                  []float32
	gate, y, dgate, dx []float32 // [n, tokens, gates·hidden], [n, tokens, hidden]
	dh                 []float32

	// What Freeze has laid out, nil before: both matrices for the kernels, and the biases of the inputs' product.
	packedX, packedH *kernel.Packed
	packedBias       []float32
}

// freeze lays out the weights. both adds the two biases.
func (r *recurrent) freeze(both bool) {
	g := r.gates * r.h
	r.packedX = kernel.Pack(true, g, r.d, r.wx.W, r.d)
	r.packedH = kernel.Pack(true, g, r.h, r.whh.W, r.h)
	r.packedBias = slices.Clone(r.bih.W)
	if both {
		kernel.Add(r.packedBias, r.bih.W, r.bhh.W)
	}
}

func (r *recurrent) build(b *Builder, in Shape, hidden, gates int, what string) (Shape, error) {
	if len(in) != 2 || hidden < 1 {
		return nil, fmt.Errorf("%s: %d hidden values on %v, must be at least 1 on tokens × width", what, hidden, in)
	}
	r.t, r.d, r.h, r.gates = in[0], in[1], hidden, gates
	init := FanIn(hidden)
	r.wx = b.Param("weight_ih_l0", Shape{gates * hidden, r.d}, init)
	r.whh = b.Param("weight_hh_l0", Shape{gates * hidden, hidden}, init)
	r.bih, r.bhh = b.Param("bias_ih_l0", Shape{gates * hidden}, init), b.Param("bias_hh_l0", Shape{gates * hidden}, init)
	r.bih.NoDecay, r.bhh.NoDecay = true, true
	r.gate, r.y = b.Floats(b.MaxN*r.t*gates*hidden), b.Floats(b.MaxN*r.t*hidden)
	if b.Train {
		r.dgate, r.dh = b.Floats(len(r.gate)), b.Floats(b.MaxN*hidden)
		if b.InputGrad {
			r.dx = b.Batch(in)
		}
	}
	return Shape{r.t, hidden}, nil
}

// inputs is W_ih·x + b_ih for all tokens, plus b_hh with both.
func (r *recurrent) inputs(p *Pass, x []float32, both bool) {
	r.x = x
	g := r.gates * r.h
	rows := p.N * r.t
	if r.packedX != nil {
		for i := range rows {
			copy(r.gate[i*g:(i+1)*g], r.packedBias)
		}
		p.Work.GemmPacked(rows, x, r.d, r.packedX, r.gate, g, true)
		return
	}
	for i := range rows {
		row := r.gate[i*g : (i+1)*g]
		if both {
			kernel.Add(row, r.bih.W, r.bhh.W)
		} else {
			copy(row, r.bih.W)
		}
	}
	p.Work.Gemm(false, true, rows, g, r.d, x, r.d, r.wx.W, r.d, r.gate, g, true)
}

// Build asks for the parameters of one layer in one direction, by PyTorch's names.
func (l *LSTM) Build(b *Builder, in Shape) (Shape, error) {
	out, err := l.build(b, in, l.Hidden, 4, "lstm")
	if err != nil {
		return nil, err
	}
	l.c, l.tc = b.Batch(out), b.Batch(out)
	if b.Train {
		l.dc = b.Floats(b.MaxN * l.h)
	}
	return out, nil
}

// Forward goes through the tokens of all examples side by side.
func (l *LSTM) Forward(p *Pass, x []float32) []float32 {
	l.inputs(p, x, true)
	h, g, t := l.h, 4*l.h, l.t
	for s := range t {
		if s > 0 {
			l.step(p, l.gate[s*g:], s, true)
		}
		for n := range p.N {
			a := l.gate[(n*t+s)*g : (n*t+s+1)*g]
			kernel.Sigmoid(a[:2*h], a[:2*h])
			kernel.Tanh(a[2*h:3*h], a[2*h:3*h])
			kernel.Sigmoid(a[3*h:], a[3*h:])
			at := (n*t + s) * h
			c, tc, y := l.c[at:at+h], l.tc[at:at+h], l.y[at:at+h]
			kernel.Mul(c, a[:h], a[2*h:3*h])
			if s > 0 {
				kernel.MulAdd(c, a[h:2*h], l.c[at-h:at])
			}
			kernel.Tanh(tc, c)
			kernel.Mul(y, a[3*h:], tc)
		}
	}
	return l.y[:p.N*t*h]
}

// Freeze lays the weights out for the matrix kernels.
func (l *LSTM) Freeze() { l.freeze(true) }

// step adds W_hh·h_{s−1} of all examples to rows that lie one example's gates apart.
func (r *recurrent) step(p *Pass, dst []float32, s int, acc bool) {
	g := r.gates * r.h
	switch {
	case p.N == 1: // a tenth faster than with packed weights
		kernel.Gemv(dst[:g], r.whh.W, r.h, g, r.h, r.y[(s-1)*r.h:s*r.h], acc)
	case p.N > 0 && r.packedH != nil:
		p.Work.GemmPacked(p.N, r.y[(s-1)*r.h:], r.t*r.h, r.packedH, dst, r.t*g, acc)
	case p.N > 0:
		p.Work.Gemm(false, true, p.N, g, r.h, r.y[(s-1)*r.h:], r.t*r.h, r.whh.W, r.h, dst, r.t*g, acc)
	}
}

// Backward goes back through time.
func (l *LSTM) Backward(p *Pass, dy []float32) []float32 {
	h, g, t := l.h, 4*l.h, l.t
	clear(l.dc)
	clear(l.dh)
	for s := t - 1; s >= 0; s-- {
		for n := range p.N {
			at := (n*t + s) * h
			a, da := l.gate[(n*t+s)*g:(n*t+s+1)*g], l.dgate[(n*t+s)*g:(n*t+s+1)*g]
			tc, dh, dc := l.tc[at:at+h], l.dh[n*h:(n+1)*h], l.dc[n*h:(n+1)*h]
			kernel.Add(dh, dh, dy[at:at+h])
			kernel.Mul(da[3*h:], dh, tc)
			kernel.SigmoidGrad(da[3*h:], da[3*h:], a[3*h:])
			kernel.Mul(dh, dh, a[3*h:])
			kernel.TanhGrad(dh, dh, tc)
			kernel.Add(dc, dc, dh)
			kernel.Mul(da[:h], dc, a[2*h:3*h])
			kernel.SigmoidGrad(da[:h], da[:h], a[:h])
			kernel.Mul(da[2*h:3*h], dc, a[:h])
			kernel.TanhGrad(da[2*h:3*h], da[2*h:3*h], a[2*h:3*h])
			if s > 0 {
				kernel.Mul(da[h:2*h], dc, l.c[at-h:at])
				kernel.SigmoidGrad(da[h:2*h], da[h:2*h], a[h:2*h])
				kernel.Mul(dc, dc, a[h:2*h])
			} else {
				clear(da[h : 2*h])
			}
		}
		if s > 0 && p.N > 0 {
			p.Work.Gemm(false, false, p.N, h, g, l.dgate[s*g:], t*g, l.whh.W, h, l.dh, h, false)
		}
	}
	addRows(l.bhh.G, l.dgate[:p.N*t*g])
	return l.gradients(p, l.dgate, true)
}

// gradients is those of the parameters and the input, dgate by the values before the gates' bends. The recurrent weights
// are left out unless hidden is true.
func (r *recurrent) gradients(p *Pass, dgate []float32, hidden bool) []float32 {
	g, rows := r.gates*r.h, p.N*r.t
	addRows(r.bih.G, dgate[:rows*g])
	if rows > 0 {
		p.Work.Gemm(true, false, g, r.d, rows, dgate, g, r.x, r.d, r.wx.G, r.d, true)
	}
	if hidden {
		r.recurrentGradient(p, dgate)
	}
	if r.dx == nil {
		return nil
	}
	p.Work.Gemm(false, false, rows, r.d, g, dgate, g, r.wx.W, r.d, r.dx, r.d, false)
	return r.dx[:rows*r.d]
}

func (r *recurrent) recurrentGradient(p *Pass, dgate []float32) {
	g := r.gates * r.h
	for n := range p.N {
		if r.t > 1 {
			p.Work.Gemm(true, false, g, r.h, r.t-1, dgate[(n*r.t+1)*g:], g, r.y[n*r.t*r.h:], r.h, r.whh.G, r.h, true)
		}
	}
}
