package nn

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// TemporalSpatial is how most convolutional networks for EEG begin: the same Filters temporal filters for every electrode,
// a BatchNorm of the filters' outputs if Norm is set, and a spatial convolution over the electrodes:
//
//	y[f,c,t] = bt[f] + Σ_k w[f,k]·x[c, t+k−Pad[0]]
//	z[f,c,t] = norm(y)
//	out[o,t] = bs[o] + Σ_c S[o,c]·z[o/Depth,c,t]        (Depth > 0)
//	out[o,t] = bs[o] + Σ_f Σ_c S[o,f,c]·z[f,c,t]        (Out > 0)
//
// It maps [C, T] to [Filters·Depth or Out, T'] and has the parameters of the three layers. Because all three are linear, y
// is never computed. With Depth the electrodes are mixed first, and the temporal filters run over Filters·Depth signals
// instead of Filters·C; with Out both kernels are composed into one. The batch's mean and variance of y follow from the
// covariances of x between lags (see lags), and so do their gradients. The results are those of the three layers but for
// rounding.
//
// Lawhern et al. 2018 (EEGNet, doi:10.1088/1741-2552/aace8c) has Depth and Norm; Schirrmeister et al. 2017
// (doi:10.1002/hbm.23730) has Out.
type TemporalSpatial struct {
	Filters      int        // temporal filters
	Kernel       int        // their taps
	Pad          [2]int     // zeros in front and behind
	Depth        int        // spatial filters of each temporal one
	Out          int        // spatial filters over all temporal ones; either this or Depth
	TemporalBias bool       //
	SpatialBias  bool       //
	Norm         *BatchNorm // Eps and Momentum of the norm in between; nil means none
	MaxNorm      float32    // largest Euclidean norm of the weights of one output; 0 means no limit
	InitTemporal Init       // nil means FanIn
	InitSpatial  Init       // nil means FanIn

	Temporal, Between, Spatial string // names of the three; "" means temporal, norm and spatial

	ch, t, ld, steps, outs int
	wt, bt, ws, bs         *Param // [Filters, Kernel], [Filters], [outs, ch] or [outs, Filters, ch], [outs]
	gamma, beta            *Param
	stat                   running
	lags                   *lags

	scale       []float64 // of each temporal filter, by the norm
	rstd        []float64
	middle, vrc []float64 // mean without bt, and variance, of each filter's output in the batch
	covw        []float64 // [Filters, Kernel] cov·w
	v, dv       []float32 // [Filters, Kernel] the filters times scale, and the gradient
	c, dc       []float64 // [Filters] what the norm adds, and the gradient

	x, y, dx []float32
	back     []float32 // a padded signal, its gradient, and a filter's output
	path     spatialPath
	frozen   bool
}

// spatialPath is how the temporal filters v with the constants c and the spatial filters are applied.
type spatialPath interface {
	prepare(l *TemporalSpatial)                                       // out of the weights
	fold(l *TemporalSpatial, scale, shift []float32)                  // the same, once for all
	forward(l *TemporalSpatial, p *Pass, i int, y, x []float32)       // one example
	backward(l *TemporalSpatial, p *Pass, i int, dy, x, dx []float32) // dx is nil where nobody asks for it
	finish(l *TemporalSpatial, p *Pass)                               // gradients by v, c and the weights, after all examples
}

// Build asks for the weights and statistics under the names of the three layers.
func (l *TemporalSpatial) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("temporal spatial: the input is %v, must be [channels, time]", in)
	}
	l.ch, l.t = in[0], in[1]
	switch {
	case l.Filters < 1 || l.Kernel < 1:
		return nil, fmt.Errorf("temporal spatial: %d filters of %d taps, must be at least 1", l.Filters, l.Kernel)
	case (l.Depth > 0) == (l.Out > 0) || l.Depth < 0 || l.Out < 0:
		return nil, fmt.Errorf("temporal spatial: Depth is %d and Out is %d, one of them must be above 0", l.Depth, l.Out)
	case min(l.Pad[0], l.Pad[1]) < 0:
		return nil, fmt.Errorf("temporal spatial: padding %v, must not be negative", l.Pad)
	}
	l.ld = l.t + l.Pad[0] + l.Pad[1]
	if l.steps = l.ld - l.Kernel + 1; l.steps < 1 {
		return nil, fmt.Errorf("temporal spatial: %d taps are more than the %d samples with their padding", l.Kernel, l.ld)
	}
	if l.Norm != nil && l.Norm.Eps < 0 {
		return nil, errors.New("temporal spatial: the eps of the norm is negative")
	}
	l.params(b)
	if l.outs = l.Out; l.Depth > 0 {
		l.outs = l.Filters * l.Depth
	}
	l.v, l.c, l.scale = b.Floats(l.Filters*l.Kernel), make([]float64, l.Filters), make([]float64, l.Filters)
	out := Shape{l.outs, l.steps}
	l.y = b.Batch(out)
	if b.Train {
		l.dv, l.dc = b.Floats(l.Filters*l.Kernel), make([]float64, l.Filters)
		if l.Norm != nil {
			l.lags = newLags(b, l.ch, l.t, l.Kernel, l.Pad)
			l.rstd, l.middle, l.vrc = make([]float64, l.Filters), make([]float64, l.Filters), make([]float64, l.Filters)
			l.covw = make([]float64, l.Filters*l.Kernel)
		}
		if b.InputGrad {
			l.dx = b.Batch(in)
			l.back = b.Floats(2*l.ld + l.steps)
		}
	}
	if l.Depth > 0 {
		l.path = newMixFirst(b, l)
	} else {
		l.path = newComposed(b, l)
	}
	return out, nil
}

func (l *TemporalSpatial) params(b *Builder) {
	name := func(given, otherwise, which string) string {
		if given == "" {
			given = otherwise
		}
		return given + "." + which
	}
	init := func(given Init, fanIn int) Init {
		if given == nil {
			return FanIn(fanIn)
		}
		return given
	}
	temporal, norm, spatial := "temporal", "norm", "spatial"
	l.wt = b.Param(name(l.Temporal, temporal, "weight"), Shape{l.Filters, l.Kernel}, init(l.InitTemporal, l.Kernel))
	if l.TemporalBias {
		l.bt = b.Param(name(l.Temporal, temporal, "bias"), Shape{l.Filters}, FanIn(l.Kernel))
		l.bt.NoDecay = true
	}
	if l.Norm != nil {
		l.gamma = b.Param(name(l.Between, norm, "weight"), Shape{l.Filters}, Const(1))
		l.beta = b.Param(name(l.Between, norm, "bias"), Shape{l.Filters}, Const(0))
		l.gamma.NoDecay, l.beta.NoDecay = true, true
		l.stat.build(b, name(l.Between, norm, ""), l.Filters, l.Norm.Eps, l.Norm.Momentum)
	}
	shape, fanIn := Shape{l.Filters * l.Depth, l.ch}, l.ch
	if l.Out > 0 {
		shape, fanIn = Shape{l.Out, l.Filters, l.ch}, l.Filters*l.ch
	}
	l.ws = b.Param(name(l.Spatial, spatial, "weight"), shape, init(l.InitSpatial, fanIn))
	l.ws.MaxNorm = l.MaxNorm
	if l.SpatialBias {
		l.bs = b.Param(name(l.Spatial, spatial, "bias"), Shape{shape[0]}, FanIn(fanIn))
		l.bs.NoDecay = true
	}
}

// Forward works out the filters as the norm leaves them, and applies them.
func (l *TemporalSpatial) Forward(p *Pass, x []float32) []float32 {
	l.x = x
	if !l.frozen {
		l.temporal(p, x)
		l.path.prepare(l)
	}
	in, out := l.ch*l.t, l.outs*l.steps
	y := l.y[:p.N*out]
	for i := range p.N {
		l.path.forward(l, p, i, y[i*out:][:out], x[i*in:][:in])
	}
	return y
}

// temporal fills v, c and scale: what each temporal filter is with the norm behind it. p is nil outside of a pass.
func (l *TemporalSpatial) temporal(p *Pass, x []float32) {
	train := p != nil && p.Train && l.Norm != nil
	if train {
		l.lags.gather(p, x)
	}
	for f := range l.Filters {
		w := l.wt.W[f*l.Kernel:][:l.Kernel]
		bias := 0.0
		if l.bt != nil {
			bias = float64(l.bt.W[f])
		}
		switch {
		case l.Norm == nil:
			l.scale[f], l.c[f] = 1, bias
		case train:
			mean, vrc := l.lags.moments(w, l.covw[f*l.Kernel:][:l.Kernel])
			l.middle[f], l.vrc[f], l.rstd[f] = mean, vrc, 1/math.Sqrt(vrc+l.stat.eps)
			l.scale[f] = l.rstd[f] * float64(l.gamma.W[f])
			l.c[f] = float64(l.beta.W[f]) - l.scale[f]*mean // the bias is in the mean too
			if p.Leader() {
				l.stat.update(f, mean+bias, vrc, l.lags.n)
			}
		default:
			a, shift := l.stat.affine(f, l.gamma.W[f], l.beta.W[f])
			l.scale[f], l.c[f] = a, shift+a*bias
		}
		kernel.Affine(l.v[f*l.Kernel:][:l.Kernel], w, float32(l.scale[f]), 0)
	}
}

// Fold is described at Folder.
func (l *TemporalSpatial) Fold(scale, shift []float32) {
	l.temporal(nil, nil)
	l.path.prepare(l)
	l.path.fold(l, scale, shift)
	l.frozen = true
}

// Freeze is described at Freezer.
func (l *TemporalSpatial) Freeze() { l.Fold(nil, nil) }

// Backward goes through the linear part first, and then through the norm.
func (l *TemporalSpatial) Backward(p *Pass, dy []float32) []float32 {
	in, out := l.ch*l.t, l.outs*l.steps
	clear(l.dv)
	clear(l.dc)
	var dx []float32
	for i := range p.N {
		if l.dx != nil {
			dx = l.dx[i*in:][:in]
		}
		l.path.backward(l, p, i, dy[i*out:][:out], l.x[i*in:][:in], dx)
	}
	l.path.finish(l, p)
	for f := range l.Filters {
		row := l.dv[f*l.Kernel:][:l.Kernel]
		kernel.Axpy(l.wt.G[f*l.Kernel:][:l.Kernel], float32(l.scale[f]), row)
		if l.Norm == nil && l.bt != nil {
			l.bt.G[f] += float32(l.dc[f])
		}
	}
	if l.Norm != nil {
		l.throughNorm(p)
	}
	if l.dx == nil {
		return nil
	}
	return l.dx[:p.N*in]
}

// throughNorm adds what goes through scale and c to the parameters of the norm, and through the batch's mean and variance
// to the temporal filters and to x. The norm is z = scale·(y − mean) + beta, with scale = gamma/√(var + eps).
func (l *TemporalSpatial) throughNorm(p *Pass) {
	sums := l.vrc // the variances are of no more use
	for f := range l.Filters {
		dot := 0.0 // by scale
		for k, d := range l.dv[f*l.Kernel:][:l.Kernel] {
			dot += float64(d) * float64(l.wt.W[f*l.Kernel+k])
		}
		dot -= l.middle[f] * l.dc[f]
		l.gamma.G[f] += float32(l.rstd[f] * dot)
		l.beta.G[f] += float32(l.dc[f])
		sums[f] = dot
	}
	p.SumAcross(sums)
	p.SumAcross(l.dc)
	for f := range l.Filters {
		// By the variance, and by the mean.
		sums[f] *= -0.5 * l.rstd[f] * l.rstd[f] * l.rstd[f] * float64(l.gamma.W[f])
		l.dc[f] *= -l.scale[f]
		if p.Leader() {
			g := l.wt.G[f*l.Kernel:][:l.Kernel]
			for k := range g {
				g[k] += float32(2*sums[f]*l.covw[f*l.Kernel+k] + l.dc[f]*l.lags.mean[k])
			}
		}
	}
	if l.dx == nil {
		return
	}
	// Var is the mean of (y−mean)², so dx is the transposed filter of 2·dvar·(y−mean)/n + dmean/n. Here y is needed after
	// all; a network that begins with this layer does not come here.
	xp, dxp, y := l.back[:l.ld], l.back[l.ld:2*l.ld], l.back[2*l.ld:]
	for i := range p.N * l.ch {
		copy(xp[l.Pad[0]:], l.x[i*l.t:][:l.t])
		clear(dxp)
		for f := range l.Filters {
			w := l.wt.W[f*l.Kernel:][:l.Kernel]
			kernel.Depth(y, xp, w, 1, false)
			k := 2 * sums[f] / l.lags.n
			kernel.Affine(y, y, float32(k), float32(l.dc[f]/l.lags.n-k*l.middle[f]))
			kernel.DepthGradX(dxp, y, w, 1)
		}
		kernel.Add(l.dx[i*l.t:][:l.t], l.dx[i*l.t:][:l.t], dxp[l.Pad[0]:][:l.t])
	}
}
