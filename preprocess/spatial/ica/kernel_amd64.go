package ica

import (
	"math"

	"golang.org/x/sys/cpu"
)

//go:noescape
func gemm4x8(k int, a *float64, am, ak int, b *float64, bk int, c *float64, cm int)

//go:noescape
func gemm8x8(k int, a *float64, am, ak int, b *float64, bk int, c *float64, cm int)

//go:noescape
func tanh4(dst, x *float64, n int, table *[20][4]float64)

// What the processor has. They are variables for the tests.
var (
	fast = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	wide = fast && cpu.X86.HasAVX512F
)

// tanhTable is what tanh4 needs, each number four times.
//
// With a = 2|x| (at most 40, where tanh is 1), tanh|x| = t/(t+2) with t = exp(a) − 1. a is n·ln 2 + r with |r| at most
// (ln 2)/2, so t = 2^n·(exp(r)−1) + (2^n−1), which loses nothing where x is small. exp(r)−1 is r + r²·(1/2! + r/3! + …
// + r¹¹/13!); what is left out is below 2e-17 of r.
var tanhTable = func() *[20][4]float64 {
	rows := []float64{
		math.Float64frombits(1<<63 - 1), 20, 1 / math.Ln2,
		math.Float64frombits(0x3fe62e42fee00000), 1.90821492927058770002e-10, // ln 2 as in FreeBSD's exp: the upper part has 32 zero bits
		1, 2, math.Float64frombits(1023),
	}
	factorial := 6227020800.0 // 13!
	for k := 13.0; k >= 2; k-- {
		rows = append(rows, 1/factorial)
		factorial /= k
	}
	t := new([20][4]float64)
	for i, v := range rows {
		t[i] = [4]float64{v, v, v, v}
	}
	return t
}()

// gemm is gemmGeneric by the fastest way that the processor has.
func gemm(c []float64, cm int, a []float64, am, ak int, b []float64, bk, m, n, k int) {
	if !fast || k == 0 {
		gemmGeneric(c, cm, a, am, ak, b, bk, m, n, k)
		return
	}
	// The last elements that are touched: out of range here rather than anywhere in memory.
	_, _, _ = c[(m-1)*cm+n-1], a[(m-1)*am+(k-1)*ak], b[(k-1)*bk+n-1]
	for j := 0; j < n; j += 8 {
		for i := 0; wide && i < m; i += 8 {
			gemm8x8(k, &a[i*am], am, ak, &b[j], bk, &c[i*cm+j], cm)
		}
		for i := 0; !wide && i < m; i += 4 {
			gemm4x8(k, &a[i*am], am, ak, &b[j], bk, &c[i*cm+j], cm)
		}
	}
}

// tanh fills dst with the hyperbolic tangent of x, to about 2e-16 of it. The length is a multiple of 4; dst may be x.
func tanh(dst, x []float64) {
	if !fast || len(x) == 0 {
		tanhGeneric(dst, x)
		return
	}
	_ = dst[len(x)-1]
	tanh4(&dst[0], &x[0], len(x), tanhTable)
}
