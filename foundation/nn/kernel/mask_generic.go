package kernel

import "math/bits"

// philox is Philox4x32-7.
func philox(c [4]uint32, k0, k1 uint32) [4]uint32 {
	for range 7 {
		hi0, lo0 := bits.Mul32(0xD2511F53, c[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k0, lo1, hi0 ^ c[3] ^ k1, lo0}
		k0 += 0x9E3779B9
		k1 += 0xBB67AE85
	}
	return c
}

func maskBitsGeneric(dst []uint8, seed, block uint64, last uint32) {
	for i := range dst {
		var b uint8
		counter := block + uint64(i)
		for j, w := range philox([4]uint32{uint32(counter), uint32(counter >> 32)}, uint32(seed), uint32(seed>>32)) {
			if w&0xffff <= last {
				b |= 1 << (2 * j)
			}
			if w>>16 <= last {
				b |= 2 << (2 * j)
			}
		}
		dst[i] = b
	}
}

func maskScaleGeneric(dst, x []float32, mask []uint8, scale float32) {
	for i, v := range x {
		if mask[i>>3]>>(i&7)&1 == 0 {
			dst[i] = 0
		} else {
			dst[i] = v * scale
		}
	}
}
