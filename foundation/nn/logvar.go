package nn

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// LogVar is the logarithm of the variance (divided by n−1) of pieces of time, of FBCNet (Mane et al. 2021,
// arXiv:2104.01233): [C, T] → [C, Segments]. The variance is kept within Min and Max.
type LogVar struct {
	Segments int     // of equal length; must divide T into at least 2 samples each
	Min      float64 // 0 means 1e-6
	Max      float64 // 0 means 1e6

	min, max  float64
	c, length int
	x, y, dx  []float32
	mean, vrc []float32 // of each segment
}

// Build cuts the last size.
func (l *LogVar) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) != 2 || l.Segments < 1 || in[1]%l.Segments != 0 || in[1]/l.Segments < 2 {
		return nil, fmt.Errorf("log var: %d segments of an input of %v, must be [channels, time] that they divide into at least 2 samples each", l.Segments, in)
	}
	if l.min = l.Min; l.Min == 0 {
		l.min = 1e-6
	}
	if l.max = l.Max; l.Max == 0 {
		l.max = 1e6
	}
	if !(0 < l.min && l.min < l.max) {
		return nil, fmt.Errorf("log var: the variance is kept within %g and %g, must be positive and ordered", l.min, l.max)
	}
	l.c, l.length = in[0], in[1]/l.Segments
	out := Shape{in[0], l.Segments}
	l.y = b.Batch(out)
	if b.Train && b.InputGrad {
		l.dx, l.mean, l.vrc = b.Batch(in), b.Batch(out), b.Batch(out)
	}
	return out, nil
}

// Forward takes the mean first, so that a large one does not swallow the variance.
func (l *LogVar) Forward(_ *Pass, x []float32) []float32 {
	l.x = x
	y := l.y[:len(x)/l.length]
	n := float64(l.length)
	for i := range y {
		seg := x[i*l.length:][:l.length]
		mean := kernel.Sum(seg) / float32(l.length)
		var rest, sq float64
		for _, v := range seg {
			d := float64(v - mean)
			rest += d
			sq += d * d
		}
		v := (sq - rest*rest/n) / (n - 1)
		y[i] = float32(math.Log(min(max(v, l.min), l.max)))
		if l.dx != nil {
			l.mean[i], l.vrc[i] = mean+float32(rest/n), float32(v)
		}
	}
	return y
}

// Backward is dx = dy·2·(x − mean)/((n−1)·var), and 0 where the variance was cut.
func (l *LogVar) Backward(_ *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	dx := l.dx[:len(dy)*l.length]
	for i, v := range dy {
		to, k := dx[i*l.length:][:l.length], float32(0)
		if vrc := float64(l.vrc[i]); l.min <= vrc && vrc <= l.max {
			k = float32(2 * float64(v) / (float64(l.length-1) * vrc))
		}
		kernel.Affine(to, l.x[i*l.length:][:l.length], k, -k*l.mean[i])
	}
	return dx
}
