package nn

import "github.com/gyrus-bci/gyrus/foundation/nn/kernel"

// GRU is a gated recurrent unit (Cho et al. 2014, arXiv:1406.1078) with PyTorch's gates:
//
//	r = σ(W_ir·x_t + b_ir + W_hr·h + b_hr);  z = σ(W_iz·x_t + b_iz + W_hz·h + b_hz)
//	n = tanh(W_in·x_t + b_in + r·(W_hn·h + b_hn));  h_t = (1−z)·n + z·h
//
// with h = h_{t−1}, from 0. Shapes: [tokens, width] → [tokens, Hidden].
type GRU struct {
	Hidden int

	recurrent
	back, dback []float32 // [n, tokens, 3·hidden]: W_hh·h + b_hh, and the gradient by it
}

// Build asks for the parameters of one layer in one direction, by PyTorch's names.
func (l *GRU) Build(b *Builder, in Shape) (Shape, error) {
	out, err := l.build(b, in, l.Hidden, 3, "gru")
	if err != nil {
		return nil, err
	}
	l.back = b.Floats(len(l.gate))
	if b.Train {
		l.dback = b.Floats(len(l.gate))
	}
	return out, nil
}

// Forward goes through the tokens of all examples side by side.
func (l *GRU) Forward(p *Pass, x []float32) []float32 {
	l.inputs(p, x, false)
	h, g, t := l.h, 3*l.h, l.t
	for i := range p.N * t {
		copy(l.back[i*g:(i+1)*g], l.bhh.W)
	}
	for s := range t {
		if s > 0 {
			l.step(p, l.back[s*g:], s, true)
		}
		for n := range p.N {
			a, b := l.gate[(n*t+s)*g:(n*t+s+1)*g], l.back[(n*t+s)*g:(n*t+s+1)*g]
			kernel.Add(a[:2*h], a[:2*h], b[:2*h])
			kernel.Sigmoid(a[:2*h], a[:2*h])
			kernel.MulAdd(a[2*h:], a[:h], b[2*h:])
			kernel.Tanh(a[2*h:], a[2*h:])
			at := (n*t + s) * h
			y := l.y[at : at+h]
			for j, z := range a[h : 2*h] {
				y[j] = (1 - z) * a[2*h+j]
			}
			if s > 0 {
				kernel.MulAdd(y, a[h:2*h], l.y[at-h:at])
			}
		}
	}
	return l.y[:p.N*t*h]
}

// Freeze lays the weights out for the matrix kernels.
func (l *GRU) Freeze() { l.freeze(false) }

// Backward goes back through time.
func (l *GRU) Backward(p *Pass, dy []float32) []float32 {
	h, g, t := l.h, 3*l.h, l.t
	clear(l.dh)
	for s := t - 1; s >= 0; s-- {
		for n := range p.N {
			at, row := (n*t+s)*h, (n*t+s)*g
			a, b := l.gate[row:row+g], l.back[row:row+g]
			da, db := l.dgate[row:row+g], l.dback[row:row+g]
			dh := l.dh[n*h : (n+1)*h]
			kernel.Add(dh, dh, dy[at:at+h])
			for j, d := range dh {
				r, z, c := a[j], a[h+j], a[2*h+j]
				before := float32(0)
				if s > 0 {
					before = l.y[at-h+j]
				}
				dn := d * (1 - z) * (1 - c*c)
				da[2*h+j] = dn
				db[2*h+j] = dn * r
				da[j] = dn * b[2*h+j] * r * (1 - r)
				da[h+j] = d * (before - c) * z * (1 - z)
				dh[j] = d * z
			}
			copy(db[:2*h], da[:2*h])
		}
		if s > 0 && p.N > 0 {
			p.Work.Gemm(false, false, p.N, h, g, l.dback[s*g:], t*g, l.whh.W, h, l.dh, h, true)
		}
	}
	addRows(l.bhh.G, l.dback[:p.N*t*g])
	l.recurrentGradient(p, l.dback)
	return l.gradients(p, l.dgate, false)
}
