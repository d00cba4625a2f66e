package kernel

import "math"

// Exp computes dst = eˣ with a relative error of at most 2e-7: +Inf above 88.72, results below 1.2e-38 lose digits as
// float32 does, and are 0 below -103.97. NaN stays NaN. dst may be x.
func Exp(dst, x []float32) {
	same("Exp", len(x), len(dst))
	exp(dst, x)
}

// Log computes dst = ln x: -Inf for 0, NaN below. dst may be x.
func Log(dst, x []float32) {
	same("Log", len(x), len(dst))
	log(dst, x)
}

// Sqrt computes dst = √x, rounded correctly; NaN below 0. dst may be x.
func Sqrt(dst, x []float32) {
	same("Sqrt", len(x), len(dst))
	sqrt(dst, x)
}

// Softmax computes dst = e^(x−m) / Σ e^(x−m) over one row, where m is the largest x. An element 87 below m, or -Inf, becomes
// 0. A row with NaN or +Inf, or of -Inf alone, becomes NaN. dst may be x.
func Softmax(dst, x []float32) {
	same("Softmax", len(x), len(dst))
	if len(x) > 0 {
		softmax(dst, x)
	}
}

// SoftmaxGrad computes dx = y·(dy − Σ dy·y) over one row, where y is what Softmax returned. dx may be dy.
func SoftmaxGrad(dx, dy, y []float32) {
	same("SoftmaxGrad", len(dy), len(dx))
	same("SoftmaxGrad", len(y), len(dx))
	softmaxGrad(dx, dy, y)
}

// LogSumExp returns ln Σ eˣ without overflow; -Inf if x is empty or all of it is -Inf.
func LogSumExp(x []float32) float32 {
	m := maxOf(x)
	if math.IsInf(float64(m), 0) || m != m {
		return m
	}
	return float32(float64(m) + math.Log(float64(sumExp(x, m))))
}
