package kernel

import "math"

// Beyond these arguments GELU and SiLU have reached 0 or x in float32; behind them Inf·0 would be NaN.
const (
	geluEnd = 13
	siluEnd = 104
)

func reluGeneric(y, x []float32) {
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

func reluGradGeneric(dx, dy, y []float32) {
	for i, d := range dy {
		if y[i] <= 0 {
			d = 0
		}
		dx[i] = d
	}
}

func eluOne(x float64) float64 {
	if x > 0 {
		return x
	}
	return math.Expm1(x)
}

func eluGeneric(y, x []float32) { each(y, x, eluOne) }

func eluGradGeneric(dx, dy, y []float32) {
	for i, d := range dy {
		dx[i] = d * (min(y[i], 0) + 1)
	}
}

func affineELUGeneric(y, x []float32, a, b float32) {
	for i, v := range x {
		y[i] = float32(eluOne(float64(a)*float64(v) + float64(b)))
	}
}

func phi(x float64) float64 { return 0.5 * math.Erfc(-x*(math.Sqrt2/2)) }

func geluGeneric(y, x []float32) {
	each(y, x, func(x float64) float64 { a := min(math.Abs(x), geluEnd); return max(x, 0) - a*phi(-a) })
}

func geluGradGeneric(dx, dy, x []float32) {
	for i, d := range dy {
		x := min(max(float64(x[i]), -geluEnd), geluEnd)
		dx[i] = float32(float64(d) * (phi(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)))
	}
}

// logistic returns 1/(1+e⁻ˣ) with full relative accuracy at both ends.
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func siluGeneric(y, x []float32) {
	each(y, x, func(x float64) float64 { x = max(x, -siluEnd); return x * logistic(x) })
}

func siluGradGeneric(dx, dy, x []float32) {
	for i, d := range dy {
		x := min(max(float64(x[i]), -siluEnd), siluEnd)
		dx[i] = float32(float64(d) * logistic(x) * (1 + x*logistic(-x)))
	}
}

func sigmoidGeneric(y, x []float32) { each(y, x, logistic) }

func sigmoidGradGeneric(dx, dy, y []float32) {
	for i, d := range dy {
		dx[i] = d * y[i] * (1 - y[i])
	}
}

func tanhGeneric(y, x []float32) { each(y, x, math.Tanh) }

func tanhGradGeneric(dx, dy, y []float32) {
	for i, d := range dy {
		dx[i] = d * (1 - y[i]*y[i])
	}
}
