package kernel

// packRows copies k rows of b, ldb numbers apart, to rows of n vectors, 1 or 2, the last of which gets last numbers.
func packRows(dst, b []float32, k, ldb, n, last int) {
	_, _ = dst[k*n*lanes()-1], b[(k-1)*ldb+(n-1)*lanes()+last-1]
	switch {
	case level == avx512 && n == 2:
		packRows2Z(&dst[0], &b[0], k, size*ldb, last)
	case level == avx512:
		packRows1Z(&dst[0], &b[0], k, size*ldb, last)
	case n == 2:
		packRows2Y(&dst[0], &b[0], k, size*ldb, last)
	default:
		packRows1Y(&dst[0], &b[0], k, size*ldb, last)
	}
}

// packColumns copies n rows of b, k numbers each and ldb numbers apart, to the columns of k rows of width numbers.
func packColumns(dst, b []float32, n, k, ldb, width int) {
	_, _ = dst[(k-1)*width+(n+7)/8*8-1], b[(n-1)*ldb+k-1]
	for j := 0; j < n; j += 8 {
		packColumnsY(&dst[j], &b[j*ldb], min(8, n-j), k, size*ldb, size*width)
	}
}
