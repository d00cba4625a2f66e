package nn

import (
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// pointwise is y = f(x) for each value. The gradient needs either the input or the output.
type pointwise struct {
	f    func(y, x []float32)
	grad func(dx, dy, v []float32)
	in   bool   // v is the input, otherwise the output
	Name string // for ONNX, and to tell a network by

	x, y, dx []float32
}

// ReLU is max(x, 0).
func ReLU() Layer { return &pointwise{Name: "Relu", f: kernel.ReLU, grad: kernel.ReLUGrad} }

// ELU is x for x > 0 and eˣ−1 below (Clevert et al. 2016, arXiv:1511.07289), with alpha 1.
func ELU() Layer { return &pointwise{Name: "Elu", f: kernel.ELU, grad: kernel.ELUGrad} }

// GELU is x·Φ(x) with the exact normal distribution (Hendrycks and Gimpel 2016, arXiv:1606.08415).
func GELU() Layer { return &pointwise{Name: "Gelu", f: kernel.GELU, grad: kernel.GELUGrad, in: true} }

// SiLU is x·sigmoid(x).
func SiLU() Layer { return &pointwise{Name: "SiLU", f: kernel.SiLU, grad: kernel.SiLUGrad, in: true} }

// Sigmoid is 1/(1+e⁻ˣ).
func Sigmoid() Layer { return &pointwise{Name: "Sigmoid", f: kernel.Sigmoid, grad: kernel.SigmoidGrad} }

// Tanh is the hyperbolic tangent.
func Tanh() Layer { return &pointwise{Name: "Tanh", f: kernel.Tanh, grad: kernel.TanhGrad} }

// Square is x², the first half of a log-power (Schirrmeister et al. 2017, doi:10.1002/hbm.23730).
func Square() Layer {
	return &pointwise{Name: "Square", f: kernel.Square, in: true, grad: func(dx, dy, x []float32) {
		const part = 2048 // stays in the first cache between the two
		for lo := 0; lo < len(dx); lo += part {
			hi := min(lo+part, len(dx))
			kernel.Mul(dx[lo:hi], dy[lo:hi], x[lo:hi])
			kernel.Scale(dx[lo:hi], 2)
		}
	}}
}

// safeLogLeast is what SafeLog takes the logarithm of at least.
const safeLogLeast = 1e-6

// SafeLog is log(max(x, 1e-6)), the second half.
func SafeLog() Layer {
	const least = safeLogLeast
	return &pointwise{
		Name: "SafeLog", in: true,
		f: func(y, x []float32) {
			for i, v := range x {
				y[i] = max(v, least)
			}
			kernel.Log(y, y)
		},
		grad: func(dx, dy, x []float32) {
			for i, v := range x {
				switch {
				case v >= least:
					dx[i] = dy[i] / v
				case v < least:
					dx[i] = 0
				default:
					dx[i] = float32(math.NaN())
				}
			}
		},
	}
}

// Build takes any shape.
func (l *pointwise) Build(b *Builder, in Shape) (Shape, error) {
	l.y = b.Batch(in)
	if b.Train && b.InputGrad {
		l.dx = b.Batch(in)
	}
	return in, nil
}

// Forward computes f.
func (l *pointwise) Forward(_ *Pass, x []float32) []float32 {
	l.x = x
	y := l.y[:len(x)]
	l.f(y, x)
	return y
}

// Backward is dy·f'.
func (l *pointwise) Backward(_ *Pass, dy []float32) []float32 {
	if l.dx == nil {
		return nil
	}
	dx, v := l.dx[:len(dy)], l.y[:len(dy)]
	if l.in {
		v = l.x[:len(dy)]
	}
	l.grad(dx, dy, v)
	return dx
}
