package uncached

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go run -C ../../preprocess/dsp/asm ./uncached -out ../../../ingest/uncached/copy_lanes_amd64.s -stubs ../../../ingest/uncached/copy_lanes_amd64.go -pkg uncached

// haveLanes says whether the kernel can run.
var haveLanes = cpu.X86.HasAVX

const line = 64 // bytes of a line of the cache

func copyPast(dst, src []float64) {
	src = src[:len(dst)]
	if !haveLanes || len(dst) < 16 {
		copy(dst, src)
		return
	}
	head := int(-uintptr(unsafe.Pointer(&dst[0]))%line) / 8
	copy(dst[:head], src)
	n := (len(dst) - head) &^ 7
	copyLines(&dst[head], &src[head], n)
	copy(dst[head+n:], src[head+n:])
}

func done() { fence() }
