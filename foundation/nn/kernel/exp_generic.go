package kernel

import "math"

// each applies a function of float64 to every element.
func each(dst, x []float32, f func(float64) float64) {
	for i, v := range x {
		dst[i] = float32(f(float64(v)))
	}
}

func expGeneric(dst, x []float32)  { each(dst, x, math.Exp) }
func logGeneric(dst, x []float32)  { each(dst, x, math.Log) }
func sqrtGeneric(dst, x []float32) { each(dst, x, math.Sqrt) }

func softmaxGeneric(dst, x []float32) {
	m := float64(maxOfGeneric(x))
	var s float64
	for i, v := range x {
		e := float32(math.Exp(float64(v) - m))
		dst[i] = e
		s += float64(e)
	}
	scaleGeneric(dst, dst, float32(1/s))
}

func softmaxGradGeneric(dx, dy, y []float32) {
	d := dotGeneric(dy, y)
	for i := range dx {
		dx[i] = y[i] * (dy[i] - d)
	}
}

// sumExpGeneric returns Σ e^(x−m).
func sumExpGeneric(x []float32, m float32) float32 {
	var s float64
	for _, v := range x {
		s += math.Exp(float64(v) - float64(m))
	}
	return float32(s)
}
