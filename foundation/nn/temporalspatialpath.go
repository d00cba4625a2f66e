package nn

import "github.com/gyrus-bci/gyrus/foundation/nn/kernel"

// mixFirst applies the spatial filters first, when each belongs to one temporal filter: signals u [outs, ld], and then
// the temporal filter of each.
type mixFirst struct {
	u       []float32 // with padding, [N, outs, ld] in training and one example otherwise
	du      []float32 // without, [outs, t]
	turned  []float32 // [Filters, Kernel] the filters from the last tap to the first
	row     []float32 // [t+Kernel-1] a gradient with zeros around it
	bias    []float32 // [outs]
	weights []float32 // [outs, ch]; nil means those of the parameter
	dtaps   []float32 // [outs, Kernel] gradients of the filter in front of each output
	dsum    []float64 // [outs] Σ dy
}

func newMixFirst(b *Builder, l *TemporalSpatial) *mixFirst {
	m := &mixFirst{bias: b.Floats(l.outs)}
	if !b.Train {
		m.u = b.Floats(l.outs * l.ld)
		return m
	}
	m.u, m.du = b.Batch(Shape{l.outs, l.ld}), b.Floats(l.outs*l.t)
	m.turned, m.row = b.Floats(l.Filters*l.Kernel), b.Floats(l.t+l.Kernel-1)
	m.dtaps, m.dsum = b.Floats(l.outs*l.Kernel), make([]float64, l.outs)
	return m
}

// total is the sum of the weights of output o.
func (m *mixFirst) total(l *TemporalSpatial, o int) float64 {
	s := 0.0
	for _, v := range l.ws.W[o*l.ch:][:l.ch] {
		s += float64(v)
	}
	return s
}

func (m *mixFirst) prepare(l *TemporalSpatial) {
	for o := range l.outs {
		v := l.c[o/l.Depth] * m.total(l, o)
		if l.bs != nil {
			v += float64(l.bs.W[o])
		}
		m.bias[o] = float32(v)
	}
	if m.turned != nil {
		for i, v := range l.v {
			m.turned[i/l.Kernel*l.Kernel+l.Kernel-1-i%l.Kernel] = v
		}
	}
}

func (m *mixFirst) fold(l *TemporalSpatial, scale, shift []float32) {
	m.weights = append([]float32(nil), l.ws.W...)
	for o := range scale {
		kernel.Scale(m.weights[o*l.ch:][:l.ch], scale[o])
		m.bias[o] = m.bias[o]*scale[o] + shift[o]
	}
}

// example is u of example i.
func (m *mixFirst) example(l *TemporalSpatial, i int) []float32 {
	if m.du == nil {
		i = 0
	}
	return m.u[i*l.outs*l.ld:][:l.outs*l.ld]
}

func (m *mixFirst) forward(l *TemporalSpatial, p *Pass, i int, y, x []float32) {
	u, w := m.example(l, i), l.ws.W
	if m.weights != nil {
		w = m.weights
	}
	p.Work.Gemm(false, false, l.outs, l.t, l.ch, w, l.ch, x, l.t, u[l.Pad[0]:], l.ld, false)
	for o := range l.outs {
		row := y[o*l.steps:][:l.steps]
		fill(row, m.bias[o])
		kernel.Depth(row, u[o*l.ld:][:l.ld], l.v[o/l.Depth*l.Kernel:][:l.Kernel], 1, true)
	}
}

func (m *mixFirst) backward(l *TemporalSpatial, p *Pass, i int, dy, x, dx []float32) {
	u, du := m.example(l, i), m.du
	// The gradient by a sample of u is a convolution with the turned filter; what it does to the padding nobody asks.
	lead := l.Kernel - 1 - l.Pad[0]
	into, skip := m.row[min(max(lead, 0), len(m.row)):], min(max(-lead, 0), l.steps)
	for o := range l.outs {
		row := dy[o*l.steps:][:l.steps]
		m.dsum[o] += float64(kernel.Sum(row))
		kernel.DepthGradW(m.dtaps[o*l.Kernel:][:l.Kernel], row, u[o*l.ld:][:l.ld], 1)
		copy(into, row[skip:]) // always the same places: the zeros around them stay
		kernel.Depth(du[o*l.t:][:l.t], m.row, m.turned[o/l.Depth*l.Kernel:][:l.Kernel], 1, false)
	}
	p.Work.Gemm(false, true, l.outs, l.ch, l.t, du, l.t, x, l.t, l.ws.G, l.ch, true)
	if dx != nil {
		p.Work.Gemm(true, false, l.ch, l.t, l.outs, l.ws.W, l.ch, du, l.t, dx, l.t, false)
	}
}

func (m *mixFirst) finish(l *TemporalSpatial, _ *Pass) {
	for o := range l.outs {
		f := o / l.Depth
		dv := l.dv[f*l.Kernel:][:l.Kernel]
		kernel.Add(dv, dv, m.dtaps[o*l.Kernel:][:l.Kernel])
		l.dc[f] += m.dsum[o] * m.total(l, o)
		for c := range l.ch {
			l.ws.G[o*l.ch+c] += float32(l.c[f] * m.dsum[o])
		}
		if l.bs != nil {
			l.bs.G[o] += float32(m.dsum[o])
		}
	}
	clear(m.dtaps)
	clear(m.dsum)
}

// composed applies one convolution, W[o,c,k] = Σ_f S[o,f,c]·v[f,k].
type composed struct {
	w, dw   []float32 // [outs, ch, Kernel]
	bias    []float32 // [outs]
	dsum    []float64 // [outs] Σ dy
	xp, dxp []float32 // [ch, ld] of one example; nil without padding
	work    kernel.Work
	fast    *fastFIR // nil where it does not pay
}

func newComposed(b *Builder, l *TemporalSpatial) *composed {
	m := &composed{w: b.Floats(l.outs * l.ch * l.Kernel), bias: b.Floats(l.outs)}
	padded := l.ld > l.t
	if padded {
		m.xp = b.Floats(l.ch * l.ld)
	}
	if l.Kernel >= fastTaps && l.steps >= fastSteps && l.ch*l.outs >= 64 {
		m.fast = newFastFIR(b, l.outs, l.ch, l.Kernel, l.steps)
	}
	if b.Train {
		m.dw, m.dsum = b.Floats(len(m.w)), make([]float64, l.outs)
		if padded && b.InputGrad {
			m.dxp = b.Floats(len(m.xp))
		}
	}
	return m
}

// total is the sum over electrodes of the weights of output o for filter f.
func (m *composed) total(l *TemporalSpatial, o, f int) float64 {
	s := 0.0
	for _, v := range l.ws.W[(o*l.Filters+f)*l.ch:][:l.ch] {
		s += float64(v)
	}
	return s
}

func (m *composed) prepare(l *TemporalSpatial) {
	for o := range l.outs {
		m.work.Gemm(true, false, l.ch, l.Kernel, l.Filters, l.ws.W[o*l.Filters*l.ch:], l.ch, l.v, l.Kernel, m.w[o*l.ch*l.Kernel:], l.Kernel, false)
		v := 0.0
		if l.bs != nil {
			v = float64(l.bs.W[o])
		}
		for f, c := range l.c {
			v += c * m.total(l, o, f)
		}
		m.bias[o] = float32(v)
	}
	if m.fast != nil {
		m.fast.prepare(m.w)
	}
}

func (m *composed) fold(l *TemporalSpatial, scale, shift []float32) {
	for o := range scale {
		kernel.Scale(m.w[o*l.ch*l.Kernel:][:l.ch*l.Kernel], scale[o])
		m.bias[o] = m.bias[o]*scale[o] + shift[o]
	}
	if m.fast != nil {
		m.fast.prepare(m.w)
	}
}

// place puts zeros around one example.
func (m *composed) place(l *TemporalSpatial, x []float32) []float32 {
	if m.xp == nil {
		return x
	}
	for c := range l.ch {
		copy(m.xp[c*l.ld+l.Pad[0]:], x[c*l.t:][:l.t])
	}
	return m.xp
}

func (m *composed) forward(l *TemporalSpatial, p *Pass, _ int, y, x []float32) {
	if m.fast != nil {
		m.fast.forward(p, y, m.place(l, x), l.ld, m.bias)
		return
	}
	for o, v := range m.bias {
		fill(y[o*l.steps:][:l.steps], v)
	}
	p.Work.Conv(y, l.steps, m.place(l, x), l.ld, m.w, l.outs, l.ch, l.Kernel, 1, l.steps, true)
}

func (m *composed) backward(l *TemporalSpatial, p *Pass, _ int, dy, x, dx []float32) {
	for o := range l.outs {
		m.dsum[o] += float64(kernel.Sum(dy[o*l.steps:][:l.steps]))
	}
	if m.fast != nil {
		m.fast.gradient(p, dy, m.place(l, x), l.ld)
	} else {
		p.Work.ConvGradW(m.dw, dy, l.steps, m.place(l, x), l.ld, l.outs, l.ch, l.Kernel, 1, l.steps)
	}
	if dx == nil {
		return
	}
	to := m.dxp
	if to == nil {
		to = dx
	}
	clear(to)
	p.Work.ConvGradX(to, l.ld, dy, l.steps, m.w, l.outs, l.ch, l.Kernel, 1, l.steps)
	if m.dxp != nil {
		for c := range l.ch {
			copy(dx[c*l.t:][:l.t], to[c*l.ld+l.Pad[0]:])
		}
	}
}

func (m *composed) finish(l *TemporalSpatial, p *Pass) {
	if m.fast != nil {
		m.fast.collect(m.dw)
	}
	for o := range l.outs {
		dw, s := m.dw[o*l.ch*l.Kernel:], o*l.Filters*l.ch
		p.Work.Gemm(false, true, l.Filters, l.ch, l.Kernel, l.v, l.Kernel, dw, l.Kernel, l.ws.G[s:], l.ch, true)
		p.Work.Gemm(false, false, l.Filters, l.Kernel, l.ch, l.ws.W[s:], l.ch, dw, l.Kernel, l.dv, l.Kernel, true)
		for f := range l.Filters {
			l.dc[f] += m.dsum[o] * m.total(l, o, f)
			for c := range l.ch {
				l.ws.G[s+f*l.ch+c] += float32(l.c[f] * m.dsum[o])
			}
		}
		if l.bs != nil {
			l.bs.G[o] += float32(m.dsum[o])
		}
	}
	clear(m.dw)
	clear(m.dsum)
}
