package kernel

import "math"

// The plain loops add in float64 from the first element to the last, so they are also what the others are tested against.

func dotGeneric(x, y []float32) float32 {
	var s float64
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return float32(s)
}

func sumOfGeneric(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

func sumDotGeneric(x, y []float32) (s, d float32) { return sumOfGeneric(x), dotGeneric(x, y) }

func sumSqDevGeneric(x []float32, m float32) float32 {
	var s float64
	for _, v := range x {
		d := float64(v) - float64(m)
		s += d * d
	}
	return float32(s)
}

func maxOfGeneric(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

func finiteGeneric(x []float32) bool {
	const exponent = 0x7f800000
	for _, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return false
		}
	}
	return true
}

func axpyGeneric(y, x []float32, a float32) {
	for i, v := range x {
		y[i] += a * v
	}
}

func scaleGeneric(y, x []float32, a float32) {
	for i, v := range x {
		y[i] = a * v
	}
}

func addGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

func subGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

func mulGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

func mulAddGeneric(dst, x, y []float32) {
	for i := range dst {
		dst[i] += x[i] * y[i]
	}
}

func affineGeneric(dst, x []float32, a, b float32) {
	for i, v := range x {
		dst[i] = a*v + b
	}
}

func affineVecGeneric(dst, x, a, b []float32) {
	for i := range dst {
		dst[i] = a[i]*x[i] + b[i]
	}
}
