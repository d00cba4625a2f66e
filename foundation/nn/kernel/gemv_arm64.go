package kernel

// gemv is Gemv for m, n > 0.
func gemv(y, a []float32, lda, m, n int, x []float32, acc bool) { gemvGeneric(y, a, lda, m, n, x, acc) }
