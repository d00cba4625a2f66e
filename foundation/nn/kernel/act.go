package kernel

// ReLU computes y = max(x, 0); NaN stays NaN. y may be x.
func ReLU(y, x []float32) {
	same("ReLU", len(x), len(y))
	relu(y, x)
}

// ReLUGrad computes dx = dy where the output y was above 0, and 0 elsewhere. dx may be dy or y.
func ReLUGrad(dx, dy, y []float32) {
	same("ReLUGrad", len(dy), len(dx))
	same("ReLUGrad", len(y), len(dx))
	reluGrad(dx, dy, y)
}

// ELU computes y = x for x > 0, else eˣ − 1 (Clevert et al. 2016, arXiv:1511.07289, with alpha 1). y may be x.
func ELU(y, x []float32) {
	same("ELU", len(x), len(y))
	elu(y, x)
}

// ELUGrad computes dx = dy·(min(y, 0) + 1) out of the output y. dx may be dy or y.
func ELUGrad(dx, dy, y []float32) {
	same("ELUGrad", len(dy), len(dx))
	same("ELUGrad", len(y), len(dx))
	eluGrad(dx, dy, y)
}

// AffineELU computes y = ELU(a·x + b): batch normalisation and what follows it. y may be x.
func AffineELU(y, x []float32, a, b float32) {
	same("AffineELU", len(x), len(y))
	affineELU(y, x, a, b)
}

// GELU computes y = x·Φ(x) with the distribution function Φ of the normal distribution (Hendrycks & Gimpel 2016,
// arXiv:1606.08415), not its approximation by tanh; absolute error at most 1e-6, up to |x| = 16, and half a step of float32 above. y may be x.
func GELU(y, x []float32) {
	same("GELU", len(x), len(y))
	gelu(y, x)
}

// GELUGrad computes dx = dy·(Φ(x) + x·φ(x)) out of the input x. dx may be dy or x.
func GELUGrad(dx, dy, x []float32) {
	same("GELUGrad", len(dy), len(dx))
	same("GELUGrad", len(x), len(dx))
	geluGrad(dx, dy, x)
}

// SiLU computes y = x·σ(x) with the logistic function σ, also called swish (arXiv:1702.03118); relative error at most 3e-7, and
// absolute at most 2e-36 below −87. y may be x.
func SiLU(y, x []float32) {
	same("SiLU", len(x), len(y))
	silu(y, x)
}

// SiLUGrad computes dx = dy·σ(x)·(1 + x·(1−σ(x))) out of the input x. dx may be dy or x.
func SiLUGrad(dx, dy, x []float32) {
	same("SiLUGrad", len(dy), len(dx))
	same("SiLUGrad", len(x), len(dx))
	siluGrad(dx, dy, x)
}

// Sigmoid computes y = 1/(1+e⁻ˣ), relative error at most 3e-7. y may be x.
func Sigmoid(y, x []float32) {
	same("Sigmoid", len(x), len(y))
	sigmoid(y, x)
}

// SigmoidGrad computes dx = dy·y·(1−y) out of the output y. dx may be dy or y.
func SigmoidGrad(dx, dy, y []float32) {
	same("SigmoidGrad", len(dy), len(dx))
	same("SigmoidGrad", len(y), len(dx))
	sigmoidGrad(dx, dy, y)
}

// Tanh computes y = tanh x, relative error at most 3e-7. y may be x.
func Tanh(y, x []float32) {
	same("Tanh", len(x), len(y))
	tanh(y, x)
}

// TanhGrad computes dx = dy·(1−y²) out of the output y. dx may be dy or y.
func TanhGrad(dx, dy, y []float32) {
	same("TanhGrad", len(dy), len(dx))
	same("TanhGrad", len(y), len(dx))
	tanhGrad(dx, dy, y)
}
