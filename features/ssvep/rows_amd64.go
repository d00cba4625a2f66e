package ssvep

import "golang.org/x/sys/cpu"

// The kernel is that of preprocess/dsp.
//go:generate go run -C ../../preprocess/dsp/asm ./rows -out ../../../features/ssvep/rows_lanes_amd64.s -stubs ../../../features/ssvep/rows_lanes_amd64.go -pkg ssvep

// haveLanes says whether the vector kernel may run; tests switch it off.
var haveLanes = cpu.X86.HasAVX

func sumRowsAVX(dst, h, x []float64, stride int) {
	rowsAVX(&dst[0], &h[0], &x[0], len(h), stride, len(dst))
}
