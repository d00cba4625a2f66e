package edf

import (
	"encoding/binary"

	"github.com/gyrus-bci/gyrus/ingest/uncached"
)

// decode16 scales little-endian 16-bit samples; src is twice as long as dst.
func decode16(dst []float64, src []byte, offset, gain float64) {
	if n := len(dst) &^ 7; haveLanes && n > 0 {
		_ = src[2*n-1] // the kernel does not check
		integers16AVX(&dst[0], &src[0], n, offset, gain)
		dst, src = dst[n:], src[2*n:]
	}
	plain16(dst, src, offset, gain)
}

// decode16Past is decode16 past the cache, for memory that uncached.Worth speaks of, and for runs of n samples: in src those of the
// next begin stride bytes behind those of the last, in dst they follow them.
func decode16Past(dst []float64, src []byte, n, stride int, offset, gain float64) {
	for len(dst) >= n {
		head, whole := uncached.Lines(dst[:n])
		if !haveLanes {
			whole = 0
		}
		runs := 1
		if whole == n { // so are all the others
			runs = len(dst) / n
		}
		tail := head + whole
		plain16(dst[:head], src, offset, gain)
		if whole > 0 {
			_ = src[(runs-1)*stride+2*tail-1] // the kernel does not check
			integers16Past(&dst[head], &src[2*head], whole, offset, gain, stride, runs)
		}
		plain16(dst[tail:n], src[2*tail:], offset, gain)
		dst, src = dst[runs*n:], src[min(runs*stride, len(src)):]
	}
}

// plain16 is decode16 without vectors. A product of a sum cannot be fused: all machines give the same bits.
func plain16(dst []float64, src []byte, offset, gain float64) {
	for len(dst) >= 8 && len(src) >= 16 { // eight at a time: two loads, no check of the bounds
		x, b := (*[8]float64)(dst), (*[16]byte)(src)
		v, w := binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])
		x[0] = (float64(int16(v)) + offset) * gain
		x[1] = (float64(int16(v>>16)) + offset) * gain
		x[2] = (float64(int16(v>>32)) + offset) * gain
		x[3] = (float64(int16(v>>48)) + offset) * gain
		x[4] = (float64(int16(w)) + offset) * gain
		x[5] = (float64(int16(w>>16)) + offset) * gain
		x[6] = (float64(int16(w>>32)) + offset) * gain
		x[7] = (float64(int16(w>>48)) + offset) * gain
		dst, src = dst[8:], src[16:]
	}
	for t := range dst {
		dst[t] = (float64(int16(binary.LittleEndian.Uint16(src[2*t:]))) + offset) * gain
	}
}
