package riemann

import "math"

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// normalise makes x a unit vector; it says false where x has no length.
func normalise(x []float64) bool {
	length := math.Sqrt(dot(x, x))
	if !(length > 0) || math.IsInf(length, 0) {
		return false
	}
	for i := range x {
		x[i] /= length
	}
	return true
}
