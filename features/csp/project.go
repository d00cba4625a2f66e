package csp

// columns is what the number of samples that the vector kernels work on must be a multiple of.
const columns = 8

// blockLen is how many samples of all channels are filtered while they are in the cache; a multiple of columns.
const blockLen = 128

// project fills dst [filters, samples] with filters [filters, channels] times x [channels, samples]. Each sum runs in
// the order of the channels, so that a sample does not depend on its neighbours or on the other filters, bit for bit,
// and not on the machine either. All rows are as long as the first.
func project(dst, filters, x [][]float64) {
	n := len(x[0])
	for from := 0; from < n; from += blockLen {
		to := min(from+blockLen, n)
		whole := from
		if haveLanes {
			whole += (to - from) &^ (columns - 1)
			projectLanes(dst, filters, x, from, whole)
		}
		if whole < to {
			projectGo(dst, filters, x, whole, to)
		}
	}
}

// projectGo is the plain loop over the samples from ≤ t < to. The conversion forbids fused products.
func projectGo(dst, filters, x [][]float64, from, to int) {
	for i, w := range filters {
		y := dst[i][from:to]
		clear(y)
		for ch, row := range x {
			v := w[ch]
			for t, s := range row[from:to] {
				y[t] += float64(v * s)
			}
		}
	}
}
