package kernel

// packRows copies k rows of b, ldb numbers apart, to rows of n vectors, 1 or 2, the last of which gets last numbers.
func packRows(dst, b []float32, k, ldb, n, last int) {
	width := n * lanes()
	for l := range k {
		row := dst[l*width:][:width]
		clear(row[copy(row, b[l*ldb:][:width-lanes()+last]):])
	}
}

// packColumns copies n rows of b, k numbers each and ldb numbers apart, to the columns of k rows of width numbers.
func packColumns(dst, b []float32, n, k, ldb, width int) {
	for j := range n {
		for l, v := range b[j*ldb:][:k] {
			dst[l*width+j] = v
		}
	}
}
