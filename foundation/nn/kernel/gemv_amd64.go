package kernel

// gemv is Gemv for m, n > 0.
func gemv(y, a []float32, lda, m, n int, x []float32, acc bool) {
	if level == generic {
		gemvGeneric(y, a, lda, m, n, x, acc)
		return
	}
	add := 0
	if acc {
		add = 1
	}
	for i := 0; i < m; {
		y, a := &y[i], &a[i*lda]
		switch rows := m - i; {
		case rows >= 8 && level == avx512:
			dots8Z(y, a, size*lda, &x[0], n, add)
			i += 8
		case rows >= 4 && level == avx512:
			dots4Z(y, a, size*lda, &x[0], n, add)
			i += 4
		case level == avx512:
			dots1Z(y, a, size*lda, &x[0], n, add)
			i++
		case rows >= 8:
			dots8Y(y, a, size*lda, &x[0], n, add)
			i += 8
		case rows >= 4:
			dots4Y(y, a, size*lda, &x[0], n, add)
			i += 4
		default:
			dots1Y(y, a, size*lda, &x[0], n, add)
			i++
		}
	}
}
