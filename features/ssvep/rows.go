package ssvep

// columns is what the width of sumRows must be a multiple of.
const columns = 8

// sumRows fills dst[j] with Σ_k h[k]·x[k·stride+j], each sum in the order of k and without fused products: with the vector
// kernel and without it come the same bits. The length of dst is a multiple of columns.
func sumRows(dst, h, x []float64, stride int) {
	_ = x[(len(h)-1)*stride+len(dst)-1] // the kernel does not check
	if haveLanes {
		sumRowsAVX(dst, h, x, stride)
		return
	}
	clear(dst)
	for k, w := range h {
		for j, v := range x[k*stride:][:len(dst)] {
			dst[j] += float64(w * v)
		}
	}
}
