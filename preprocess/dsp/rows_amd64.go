package dsp

//go:generate go run -C asm ./rows -out ../rows_lanes_amd64.s -stubs ../rows_lanes_amd64.go -pkg dsp

func sumRowsAVX(dst, h, x []float64, stride int) {
	rowsAVX(&dst[0], &h[0], &x[0], len(h), stride, len(dst))
}
