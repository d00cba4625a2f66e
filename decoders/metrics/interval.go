package metrics

import (
	"fmt"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/mathext"
)

// cells is the resolution of the numerical convolution: limits are right to about 1e-7.
const cells = 4096

// meanInterval is the melded confidence interval of the mean of the proportions correct[k]/trials[k], which need not be whole.
func meanInterval(correct, trials []float64, level float64) (low, high float64) {
	if !(level > 0 && level < 1) {
		panic(fmt.Sprintf("metrics: level is %g, must be between 0 and 1", level))
	}
	wrong := make([]float64, len(trials))
	for k, n := range trials {
		wrong[k] = n - correct[k]
	}
	tail := (1 - level) / 2
	return lowerLimit(correct, trials, tail), 1 - lowerLimit(wrong, trials, tail)
}

// lowerLimit is the q quantile of the mean of independent Beta(x_k, n_k−x_k+1). Beta(0, ·) is all at 0.
func lowerLimit(x, n []float64, q float64) float64 {
	var a, b []float64
	for k := range x {
		if x[k] > 0 {
			a, b = append(a, x[k]), append(b, max(n[k]-x[k], 0)+1)
		}
	}
	switch len(a) {
	case 0:
		return 0
	case 1:
		return mathext.InvRegIncBeta(a[0], b[0], q) / float64(len(x))
	}
	return sumQuantile(a, b, q) / float64(len(x))
}

// sumQuantile is the q quantile of the sum of independent Beta(a[k], b[k]), which lies between 0 and len(a).
//
// Every distribution becomes the exact probabilities of the cells [j, j+1)/cells; these are convolved by FFT. Taking each
// cell's probability for that of its middle makes an error of the order of cells⁻².
func sumQuantile(a, b []float64, q float64) float64 {
	size := 1
	for size < len(a)*cells {
		size *= 2
	}
	fft := fourier.NewFFT(size)
	product := make([]complex128, size/2+1)
	for i := range product {
		product[i] = 1
	}
	mass, coef := make([]float64, size), make([]complex128, size/2+1)
	for k := range a {
		below := 0.0
		for j := range cells {
			cdf := mathext.RegIncBeta(a[k], b[k], float64(j+1)/cells)
			mass[j], below = cdf-below, cdf
		}
		clear(mass[cells:])
		for i, v := range fft.Coefficients(coef, mass) {
			product[i] *= v
		}
	}
	fft.Sequence(mass, product)
	// mass[j]/size is the probability of the sum near (j + len(a)/2)/cells, half a cell to either side.
	below := 0.0
	for j, m := range mass {
		m /= float64(size)
		if below+m >= q {
			part := (q - below) / m
			return (float64(j) + part + float64(len(a)-1)/2) / cells
		}
		below += m
	}
	panic(fmt.Sprintf("metrics: distribution ends at %g below its quantile %g", below, q))
}

// Proportion is the exact interval of a probability of which count of n trials came true (Clopper and Pearson 1934,
// doi:10.1093/biomet/26.4.404).
func Proportion(count, n int, level float64) (low, high float64, err error) {
	checkLevel(level)
	if n < 1 || count < 0 || count > n {
		return 0, 0, fmt.Errorf("metrics: %d of %d trials, must be from 0 to all of at least one", count, n)
	}
	low, high = meanInterval([]float64{float64(count)}, []float64{float64(n)}, level)
	return low, high, nil
}
