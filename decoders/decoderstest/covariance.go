package decoderstest

import "math/rand/v2"

// matrixSize is that of the covariances that a decoder gets which takes them.
const matrixSize = 4

// covariance is the upper triangle, row by row, of the covariance of 64 samples of normal sources through a fixed mixing,
// of which the one of the class is 1+strength times as strong.
func covariance(rng *rand.Rand, class int, strength float64) []float64 {
	const n = 64
	var cov [matrixSize][matrixSize]float64
	for range n {
		var source, x [matrixSize]float64
		for s := range source {
			if source[s] = rng.NormFloat64(); s == class {
				source[s] *= 1 + strength
			}
		}
		for i := range x {
			x[i] = source[i] + 0.7*source[(i+1)%matrixSize]
		}
		for i := range x {
			for j := range x {
				cov[i][j] += x[i] * x[j] / n
			}
		}
	}
	var row []float64
	for i := range cov {
		row = append(row, cov[i][i:]...)
	}
	return row
}
