package nn

import "github.com/gyrus-bci/gyrus/foundation/nn/kernel"

// Forward convolves example by example.
func (l *conv) Forward(p *Pass, x []float32) []float32 {
	l.x = x
	size, in := l.out*l.oh*l.ow, l.in*l.h*l.w
	y := l.y[:p.N*size]
	w, bias := l.weights()
	if bias != nil {
		for i := range p.N {
			for o, v := range bias {
				fill(y[i*size+o*l.oh*l.ow:][:l.oh*l.ow], v)
			}
		}
	}
	switch {
	case l.whole:
		p.Work.Gemm(false, true, p.N, l.out, in, x, in, w, in, y, l.out, bias != nil)
	case l.point:
		t := l.oh * l.ow
		for i := range p.N {
			p.Work.Gemm(false, false, l.out, t, l.in, w, l.in, x[i*in:], t, y[i*size:], t, bias != nil)
		}
	default:
		for i := range p.N {
			l.forward(p, y[i*size:][:size], l.place(x[i*in:][:in]), w, bias != nil)
		}
	}
	return y
}

// weights is what Forward multiplies with: the parameters, or what Freeze has made of them.
func (l *conv) weights() (w, bias []float32) {
	if l.frozen {
		return l.fw, l.fb
	}
	if l.bias != nil {
		bias = l.bias.W
	}
	if !l.packed() {
		return l.weight.W, bias
	}
	l.eachTap(func(param, kernel int) { l.wt[kernel] = l.weight.W[param] })
	return l.wt, bias
}

// forward is one example of y [out, oh, ow].
func (l *conv) forward(p *Pass, y, xs, w []float32, acc bool) {
	ldx, ldy := l.hp*l.wq, l.oh*l.ow
	cg, og := l.in/l.groups*l.sw, l.out/l.groups
	span := (l.kq-1)*l.dil + l.ow
	for oh := range l.oh {
		for kh := range l.kh {
			for g := range l.groups {
				at := g*cg*ldx + (oh*l.sh+kh)*l.wq
				wt := w[(kh*l.out+g*og)*cg*l.kq:][:og*cg*l.kq]
				if !l.single {
					p.Work.Conv(y[g*og*ldy+oh*l.ow:], ldy, xs[at:], ldx, wt, og, cg, l.kq, l.dil, l.ow, acc || kh > 0)
					continue
				}
				for o := range og {
					kernel.Depth(y[(g*og+o)*ldy+oh*l.ow:][:l.ow], xs[at:][:span], wt[o*l.kq:][:l.kq], l.dil, acc || kh > 0)
				}
			}
		}
	}
}

// Backward computes the gradients by the weights and by the inputs, example by example.
func (l *conv) Backward(p *Pass, dy []float32) []float32 {
	size, in, t := l.out*l.oh*l.ow, l.in*l.h*l.w, l.oh*l.ow
	if l.bias != nil {
		for i := range p.N {
			for o := range l.out {
				l.bias.G[o] += kernel.Sum(dy[i*size+o*t:][:t])
			}
		}
	}
	var dx []float32
	if l.dx != nil {
		dx = l.dx[:p.N*in]
	}
	switch {
	case l.whole:
		p.Work.Gemm(true, false, l.out, in, p.N, dy, l.out, l.x, in, l.weight.G, in, true)
		if dx != nil {
			p.Work.Gemm(false, false, p.N, in, l.out, dy, l.out, l.weight.W, in, dx, in, false)
		}
	case l.point:
		for i := range p.N {
			p.Work.Gemm(false, true, l.out, l.in, t, dy[i*size:], t, l.x[i*in:], t, l.weight.G, l.in, true)
			if dx != nil {
				p.Work.Gemm(true, false, l.in, t, l.out, l.weight.W, l.in, dy[i*size:], t, dx[i*in:], t, false)
			}
		}
	default:
		w, _ := l.weights()
		dw := l.weight.G
		if l.packed() {
			dw = l.dwt
			clear(dw)
		}
		for i := range p.N {
			var dxs []float32
			if dx != nil {
				if dxs = l.dxs; l.plain {
					dxs = dx[i*in:][:in]
				}
				clear(dxs)
			}
			l.backward(p, dy[i*size:][:size], l.place(l.x[i*in:][:in]), w, dw, dxs)
			if dx != nil && !l.plain {
				l.unplace(dx[i*in:][:in])
			}
		}
		if l.packed() {
			l.eachTap(func(param, kernel int) { l.weight.G[param] += dw[kernel] })
		}
	}
	return dx
}

// backward is one example. dxs is nil where nobody asks for it.
func (l *conv) backward(p *Pass, dy, xs, w, dw, dxs []float32) {
	ldx, ldy := l.hp*l.wq, l.oh*l.ow
	cg, og := l.in/l.groups*l.sw, l.out/l.groups
	span := (l.kq-1)*l.dil + l.ow
	for oh := range l.oh {
		for kh := range l.kh {
			for g := range l.groups {
				at, wat := g*cg*ldx+(oh*l.sh+kh)*l.wq, (kh*l.out+g*og)*cg*l.kq
				d := dy[g*og*ldy+oh*l.ow:]
				if !l.single {
					p.Work.ConvGradW(dw[wat:][:og*cg*l.kq], d, ldy, xs[at:], ldx, og, cg, l.kq, l.dil, l.ow)
					if dxs != nil {
						p.Work.ConvGradX(dxs[at:], ldx, d, ldy, w[wat:][:og*cg*l.kq], og, cg, l.kq, l.dil, l.ow)
					}
					continue
				}
				for o := range og {
					row := d[o*ldy:][:l.ow]
					kernel.DepthGradW(dw[wat+o*l.kq:][:l.kq], row, xs[at:][:span], l.dil)
					if dxs != nil {
						kernel.DepthGradX(dxs[at:][:span], row, w[wat+o*l.kq:][:l.kq], l.dil)
					}
				}
			}
		}
	}
}

// Fold is described at Folder.
func (l *conv) Fold(scale, shift []float32) {
	l.fold(l.weight.W, l.bias, l.out, scale, shift)
	if l.packed() {
		w := make([]float32, len(l.wt))
		l.eachTap(func(param, kernel int) { w[kernel] = l.fw[param] })
		l.fw = w
	}
}

// Freeze is described at Freezer.
func (l *conv) Freeze() { l.Fold(nil, nil) }

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
