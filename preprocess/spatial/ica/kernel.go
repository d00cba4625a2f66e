package ica

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// gemmGeneric adds A [m, k] · B [k, n] to C [m, n]. Element (i, l) of A is a[i·am + l·ak], B and C are row-major with rows bk
// and cm apart. m and n are multiples of 8. Each element is a sum over l in order.
func gemmGeneric(c []float64, cm int, a []float64, am, ak int, b []float64, bk, m, n, k int) {
	for i := range m {
		row := c[i*cm : i*cm+n]
		for l := range k {
			floats.AddScaled(row, a[i*am+l*ak], b[l*bk:l*bk+n])
		}
	}
}

func tanhGeneric(dst, x []float64) {
	for i, v := range x {
		dst[i] = math.Tanh(v)
	}
}
