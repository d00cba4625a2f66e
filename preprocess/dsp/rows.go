package dsp

// Columns is what the width of SumRows must be a multiple of.
const Columns = 8

// SumRows fills dst[j] with Σ_k h[k]·x[k·stride+j]. The length of dst is a multiple of Columns; each sum runs in the order
// of k, so that a column does not depend on its neighbours, bit for bit.
func SumRows(dst, h, x []float64, stride int) {
	if len(dst) == 0 {
		return
	}
	_ = x[(len(h)-1)*stride+len(dst)-1] // the kernel does not check
	if haveLanes {
		sumRowsAVX(dst, h, x, stride)
		return
	}
	sumRowsGo(dst, h, x, stride)
}

// sumRowsGo is the plain loop. The conversions forbid fused products (see SOS.filt1).
func sumRowsGo(dst, h, x []float64, stride int) {
	for j := 0; j+4 <= len(dst); j += 4 {
		var a, b, c, d float64
		at := j
		for _, w := range h {
			r := x[at : at+4 : at+4]
			a += float64(w * r[0])
			b += float64(w * r[1])
			c += float64(w * r[2])
			d += float64(w * r[3])
			at += stride
		}
		dst[j], dst[j+1], dst[j+2], dst[j+3] = a, b, c, d
	}
}
