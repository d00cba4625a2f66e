package kernel

import (
	"fmt"
	"math"
)

// Mask draws the mask of a dropout: n bits, bit i&7 of dst[i>>3], each 1 with probability keep, 0 < keep <= 1, which is
// rounded to a multiple of 1/65536 that is not 0. len(dst) is (n+7)/8; the unused bits of the last byte are drawn too.
//
// Bit i depends on seed and offset+i alone, never on n or the kind, so a mask can be drawn in parts and drawn again. It is
// one of the eight 16-bit halves, low half first, that the generator Philox4x32-7 (Salmon et al. 2011,
// doi:10.1145/2063384.2063405) with the key seed returns for the counter (offset+i)/8. offset is a multiple of 8.
func Mask(dst []uint8, seed, offset uint64, keep float32) {
	if !(0 < keep && keep <= 1) {
		panic(fmt.Sprintf("kernel: Mask: keep is %g, must be above 0 and at most 1", keep))
	}
	if offset%8 != 0 {
		panic(fmt.Sprintf("kernel: Mask: offset is %d, must be a multiple of 8", offset))
	}
	last := max(math.Round(float64(keep)*65536), 1) - 1 // a half up to this one is a 1
	maskBits(dst, seed, offset/8, uint32(last))
}

// MaskScale computes dst[i] = x[i]·scale where bit i&7 of mask[i>>3] is 1, and 0 elsewhere, also for NaN.
// len(mask) >= (len(x)+7)/8. dst may be x.
func MaskScale(dst, x []float32, mask []uint8, scale float32) {
	same("MaskScale", len(x), len(dst))
	if n := (len(x) + 7) / 8; len(mask) < n {
		panic(fmt.Sprintf("kernel: MaskScale: the mask of %d numbers has %d bytes, must have %d", len(x), len(mask), n))
	}
	maskScale(dst, x, mask, scale)
}
