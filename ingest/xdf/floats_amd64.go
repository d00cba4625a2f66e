package xdf

import "golang.org/x/sys/cpu"

//go:generate go run -C ../../preprocess/dsp/asm ./floats -out ../../../ingest/xdf/floats_lanes_amd64.s -stubs ../../../ingest/xdf/floats_lanes_amd64.go -pkg xdf

// haveLanes says whether the vector kernel can run. It changes the time and not one bit of the result.
var haveLanes = cpu.X86.HasAVX

// floatsLanes is floats for eight rows; the number of samples is a multiple of 8 and at least 8.
func floatsLanes(dst [][]float64, from int, raw []byte, at []int64) {
	n := len(at)
	for _, x := range dst[:8] { // the kernel does not check
		_ = x[from+n-1]
	}
	_ = raw[at[0]]
	_ = raw[at[n-1]+31] // they grow
	floats8AVX(&dst[0], from, &raw[0], &at[0], n)
}
