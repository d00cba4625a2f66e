package decoders

import "math"

// Simplex replaces v by the probabilities nearest to it: of all numbers of at least 0 with the sum 1, those with the least
// squared distance. They are max(v − τ, 0) for the τ that makes the sum 1 (Michelot 1986, doi:10.1007/BF00938486), so the
// order of v stays. It returns false, and leaves v as it is, where a number is not finite.
func Simplex(v []float64) bool {
	top := math.Inf(-1)
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
		top = max(top, x)
	}
	tau := math.Inf(-1)
	for before := 0; ; { // each round leaves out numbers that would become negative
		sum, n := 0.0, 0
		for _, x := range v {
			if x > tau || x == top {
				sum += x - top
				n++
			}
		}
		if n == before {
			break
		}
		before, tau = n, top+(sum-1)/float64(n)
	}
	sum := 0.0
	for k, x := range v {
		v[k] = max(x-tau, 0)
		sum += v[k]
	}
	for k := range v {
		v[k] /= sum
	}
	return true
}
