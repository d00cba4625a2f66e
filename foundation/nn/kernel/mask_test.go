package kernel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// The known answers of philox4x32 with 7 rounds are those that the authors publish with Random123, in kat_vectors.
func TestPhilox(t *testing.T) {
	for _, tc := range []struct {
		c      [4]uint32
		k0, k1 uint32
		want   [4]uint32
	}{
		{[4]uint32{}, 0, 0, [4]uint32{0x5f6fb709, 0x0d893f64, 0x4f121f81, 0x4f730a48}},
		{[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff, [4]uint32{0x5207ddc2, 0x45165e59, 0x4d8ee751, 0x8c52f662}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0, [4]uint32{0x4dfccaba, 0x190a87f0, 0xc47362ba, 0xb6b5242a}},
	} {
		if got := philox(tc.c, tc.k0, tc.k1); got != tc.want {
			t.Errorf("philox(%x, %x, %x) = %x, want %x", tc.c, tc.k0, tc.k1, got, tc.want)
		}
	}
}

func TestMask(t *testing.T) {
	withKinds(t, func(t *testing.T) {
		for _, seed := range []uint64{0, 1, 0x123456789abcdef0, math.MaxUint64} {
			for _, offset := range []uint64{0, 8, 8 << 32, 1<<35 - 16, 1<<64 - 512} {
				for _, keep := range []float32{1e-9, 0.25, 0.5, 0.9, 0.99999, 1} {
					for n := range 40 {
						got, want := make([]uint8, n+1), make([]uint8, n+1)
						got[n], want[n] = 0xa5, 0xa5
						Mask(got[:n], seed, offset, keep)
						last := max(math.Round(float64(keep)*65536), 1) - 1
						for i := range 8 * n { // the definition
							c := offset/8 + uint64(i/8)
							w := philox([4]uint32{uint32(c), uint32(c >> 32)}, uint32(seed), uint32(seed>>32))
							if float64(uint16(w[i%8/2]>>(i%2*16))) <= last {
								want[i/8] |= 1 << (i % 8)
							}
						}
						if !bytes.Equal(got, want) {
							t.Fatalf("seed %x, offset %x, keep %g: mask is %x, want %x", seed, offset, keep, got, want)
						}
						if keep == 1 && bytes.Count(got[:n], []byte{0xff}) != n {
							t.Fatalf("keep 1 drops something: %x", got)
						}
						if n > 9 { // the same in parts
							Mask(got[:9], seed, offset, keep)
							Mask(got[9:n], seed, offset+72, keep)
							if !bytes.Equal(got, want) {
								t.Fatalf("in parts the mask is %x, want %x", got, want)
							}
						}
					}
				}
			}
		}
	})
}

// TestMaskShare counts the ones of 2²⁰ bits, which are within five standard deviations.
func TestMaskShare(t *testing.T) {
	b := make([]uint8, 1<<17)
	for seed, keep := range []float32{0.1, 0.25, 0.5, 0.75, 0.9} {
		Mask(b, uint64(seed), 0, keep)
		ones := 0
		for _, v := range b {
			for ; v != 0; v &= v - 1 {
				ones++
			}
		}
		n, p := float64(8*len(b)), float64(keep)
		if d := math.Abs(float64(ones) - n*p); d > 5*math.Sqrt(n*p*(1-p))+n/65536 {
			t.Errorf("keep %g: %d ones of %g", keep, ones, n)
		}
	}
}

func TestMaskScale(t *testing.T) {
	withKinds(t, func(t *testing.T) {
		page := newPaged(t, 3)
		r := rand.New(rand.NewPCG(11, 12))
		for _, n := range lengths() {
			x := noise(r, n)
			for i := range x {
				if i%5 == 0 {
					x[i] = nan
				}
			}
			bits := page.bytes((n + 7) / 8)
			Mask(bits, 3, 0, 0.5)
			for _, atEnd := range []bool{false, true} {
				g := page.place([][]float32{x, x}, 0, atEnd)
				MaskScale(g[0], g[1], bits, 1.5)
				MaskScale(g[1], g[1], bits, 1.5)
				for i := range x {
					want := x[i] * 1.5
					if bits[i/8]>>(i%8)&1 == 0 {
						want = 0
					}
					for k := range g {
						if got := g[k][i]; got != want && !(got != got && want != want) {
							t.Fatalf("n=%d: element %d is %g, want %g", n, i, got, want)
						}
					}
				}
				page.check(t, "MaskScale")
			}
		}
	})
}
