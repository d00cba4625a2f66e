package uncached

import "golang.org/x/sys/cpu"

//go:generate go run -C ../../preprocess/dsp/asm ./uncached -out ../../../ingest/uncached/copy_lanes_amd64.s -stubs ../../../ingest/uncached/copy_lanes_amd64.go -pkg uncached

// haveLanes says whether the kernel can run.
var haveLanes = cpu.X86.HasAVX

func copyPast(dst, src []float64) {
	src = src[:len(dst)]
	if head, n := Lines(dst); haveLanes && n > 0 {
		copy(dst[:head], src)
		copyLines(&dst[head], &src[head], n)
		dst, src = dst[head+n:], src[head+n:]
	}
	copy(dst, src)
}

func done() { fence() }
