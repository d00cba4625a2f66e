package nn

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// BatchNorm normalises each channel (Ioffe and Szegedy 2015, arXiv:1502.03167): [C, …] → [C, …],
//
//	y = weight·(x − mean)/√(var + Eps) + bias
//
// In training mean and var (divided by n) are those of the whole batch, over all workers, and the running statistics
// become (1−Momentum)·running + Momentum·batch, with the variance divided by n−1: as PyTorch counts. In use they are the
// running ones.
type BatchNorm struct {
	Eps      float64 // 0 means 1e-5
	Momentum float64 // of the new batch; 0 means 0.1

	c, t         int
	weight, bias *Param
	stat         running
	x, y, dx     []float32
	row          []float32 // one row of x, centred
	mean, rstd   []float64 // of the batch, by channel
	sums         []float64
	total        float64 // values in a channel of the batch
	absorbed     bool    // the layer in front does the work
}

// Build asks for weight and bias [C] and for the statistics running_mean and running_var [C].
func (l *BatchNorm) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) == 0 {
		return nil, errors.New("batch norm: the input is a single number, must have channels")
	}
	if !(l.Eps >= 0) || !(0 <= l.Momentum && l.Momentum <= 1) {
		return nil, fmt.Errorf("batch norm: eps %g must not be negative, momentum %g must be between 0 and 1", l.Eps, l.Momentum)
	}
	l.c, l.t = in[0], in.Size()/in[0]
	l.weight, l.bias = b.Param("weight", Shape{l.c}, Const(1)), b.Param("bias", Shape{l.c}, Const(0))
	l.weight.NoDecay, l.bias.NoDecay = true, true
	l.stat.build(b, "", l.c, l.Eps, l.Momentum)
	l.y = b.Batch(in)
	if b.Train {
		l.row = b.Floats(l.t)
		l.mean, l.rstd, l.sums = make([]float64, l.c), make([]float64, l.c), make([]float64, 2*l.c+1)
		if b.InputGrad {
			l.dx = b.Batch(in)
		}
	}
	return in, nil
}

// Forward normalises.
func (l *BatchNorm) Forward(p *Pass, x []float32) []float32 {
	if l.absorbed {
		return x
	}
	l.x = x
	y := l.y[:p.N*l.c*l.t]
	if p.Train {
		l.measure(p)
	}
	for c := range l.c {
		var a, b float64
		if p.Train { // the running statistics are the leader's, who is changing them
			a = l.rstd[c] * float64(l.weight.W[c])
			b = float64(l.bias.W[c]) - a*l.mean[c]
		} else {
			a, b = l.stat.affine(c, l.weight.W[c], l.bias.W[c])
		}
		for i := range p.N {
			at := (i*l.c + c) * l.t
			kernel.Affine(y[at:][:l.t], x[at:][:l.t], float32(a), float32(b))
		}
	}
	return y
}

// measure works out the statistics of the batch. Squares are summed around the mean of this worker, so that a large mean
// does not swallow the variance.
func (l *BatchNorm) measure(p *Pass) {
	n := float64(p.N * l.t)
	for c := range l.c {
		var sum, square float64
		for i := range p.N {
			sum += float64(kernel.Sum(l.x[(i*l.c+c)*l.t:][:l.t]))
		}
		mean := sum / max(n, 1)
		for i := range p.N {
			square += float64(kernel.SumSqDev(l.x[(i*l.c+c)*l.t:][:l.t], float32(mean)))
		}
		l.sums[2*c], l.sums[2*c+1] = sum, square+sum*mean
	}
	l.sums[2*l.c] = n
	p.SumAcross(l.sums)
	l.total = max(l.sums[2*l.c], 1)
	for c := range l.c {
		l.mean[c] = l.sums[2*c] / l.total
		variance := max(l.sums[2*c+1]/l.total-l.mean[c]*l.mean[c], 0)
		l.rstd[c] = 1 / math.Sqrt(variance+l.stat.eps)
		if p.Leader() {
			l.stat.update(c, l.mean[c], variance, l.total)
		}
	}
}

// Backward is dx = weight·rstd·(dy − mean(dy) − xhat·mean(dy·xhat)), means over the batch.
func (l *BatchNorm) Backward(p *Pass, dy []float32) []float32 {
	sums := l.sums[:2*l.c]
	for c := range l.c {
		var sum, dot float64
		for i := range p.N {
			at := (i*l.c + c) * l.t
			kernel.Affine(l.row, l.x[at:][:l.t], 1, -float32(l.mean[c]))
			s, d := kernel.SumDot(dy[at:][:l.t], l.row)
			sum, dot = sum+float64(s), dot+float64(d)
		}
		sums[2*c], sums[2*c+1] = sum, l.rstd[c]*dot
		l.bias.G[c] += float32(sums[2*c])
		l.weight.G[c] += float32(sums[2*c+1])
	}
	p.SumAcross(sums)
	if l.dx == nil {
		return nil
	}
	dx := l.dx[:p.N*l.c*l.t]
	for c := range l.c {
		k := float32(l.rstd[c] * float64(l.weight.W[c]))
		shift, slope := float32(sums[2*c]/l.total), float32(sums[2*c+1]/l.total*l.rstd[c])
		for i := range p.N {
			at := (i*l.c + c) * l.t
			kernel.Affine(l.row, l.x[at:][:l.t], 1, -float32(l.mean[c]))
			kernel.NormGrad(dx[at:][:l.t], dy[at:][:l.t], l.row, k, shift, slope)
		}
	}
	return dx
}

// affine is what the layer does in use: y = scale·x + shift for each channel.
func (l *BatchNorm) affine() (scale, shift []float32) {
	scale, shift = make([]float32, l.c), make([]float32, l.c)
	for c := range l.c {
		a, b := l.stat.affine(c, l.weight.W[c], l.bias.W[c])
		scale[c], shift[c] = float32(a), float32(b)
	}
	return scale, shift
}

// running holds the statistics of a batch norm.
type running struct {
	mean, variance *Param
	eps, momentum  float64
}

// build asks for the buffers, whose names begin with prefix.
func (r *running) build(b *Builder, prefix string, c int, eps, momentum float64) {
	if r.eps = eps; eps == 0 {
		r.eps = 1e-5
	}
	if r.momentum = momentum; momentum == 0 {
		r.momentum = 0.1
	}
	r.mean, r.variance = b.Buffer(prefix+"running_mean", Shape{c}, Const(0)), b.Buffer(prefix+"running_var", Shape{c}, Const(1))
}

// affine is y = a·x + b for channel c in use.
func (r *running) affine(c int, weight, bias float32) (a, b float64) {
	a = float64(weight) / math.Sqrt(float64(r.variance.W[c])+r.eps)
	return a, float64(bias) - a*float64(r.mean.W[c])
}

// update takes in the statistics of a batch of n values.
func (r *running) update(c int, mean, variance, n float64) {
	unbiased := variance * n / max(n-1, 1)
	r.mean.W[c] = float32((1-r.momentum)*float64(r.mean.W[c]) + r.momentum*mean)
	r.variance.W[c] = float32((1-r.momentum)*float64(r.variance.W[c]) + r.momentum*unbiased)
}
