package kernel

import "fmt"

// Gemv computes y = A·x, or y += A·x if acc is set. A is m × n, x has n numbers and y has m.
func Gemv(y, a []float32, lda, m, n int, x []float32, acc bool) {
	checkMatrix("Gemv", "a", a, lda, m, n)
	checkVectors("Gemv", len(y), m, len(x), n)
	if m == 0 || n == 0 {
		gemvGeneric(y, a, lda, m, n, x, acc)
		return
	}
	gemv(y, a, lda, m, n, x, acc)
}

// GemvT computes y = Aᵀ·x, or y += Aᵀ·x if acc is set. A is stored m × n, x has m numbers and y has n.
func GemvT(y, a []float32, lda, m, n int, x []float32, acc bool) {
	checkMatrix("GemvT", "a", a, lda, m, n)
	checkVectors("GemvT", len(y), n, len(x), m)
	if m == 0 || n == 0 {
		gemvTGeneric(y, a, lda, m, n, x, acc)
		return
	}
	gemvT(y, a, lda, m, n, x, acc)
}

func checkVectors(routine string, y, wantY, x, wantX int) {
	if y < wantY || x < wantX {
		panic(fmt.Sprintf("kernel: %s: y has %d numbers and x has %d, must have at least %d and %d", routine, y, x, wantY, wantX))
	}
}

func gemvGeneric(y, a []float32, lda, m, n int, x []float32, acc bool) {
	if n == 0 { // a may be empty
		lda = 0
	}
	for i := range m {
		var s float32
		for j, v := range a[i*lda:][:n] {
			s += float32(v * x[j])
		}
		if acc {
			s += y[i]
		}
		y[i] = s
	}
}

func gemvTGeneric(y, a []float32, lda, m, n int, x []float32, acc bool) {
	y = y[:n]
	if !acc {
		clear(y)
	}
	if n == 0 {
		return
	}
	for i := range m {
		f := x[i]
		for j, v := range a[i*lda:][:n] {
			y[j] += float32(f * v)
		}
	}
}
