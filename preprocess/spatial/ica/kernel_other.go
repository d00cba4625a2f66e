//go:build !amd64

package ica

// There is no assembly. They are variables for the tests.
var fast, wide = false, false

func gemm(c []float64, cm int, a []float64, am, ak int, b []float64, bk, m, n, k int) {
	gemmGeneric(c, cm, a, am, ak, b, bk, m, n, k)
}

func tanh(dst, x []float64) { tanhGeneric(dst, x) }
