// Command sections writes the vector kernels of second-order sections, sos_lanes_amd64.s and its declarations
// sos_lanes_amd64.go. Run `go generate` two folders above.
//
// Four channels run side by side, and up to four sections one behind the other in the same loop, because a section alone
// waits most of the time for its own last value. Each does what SOS.filt1 does, in the same order and without fused
// products, so that both give the same bits. They need AVX and nothing more.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	section = 5 * 8     // bytes of a Section: B0, B1, B2, A1, A2
	state   = 2 * 4 * 8 // bytes of the memory of a section for four channels
)

func main() {
	ConstraintExpr("amd64")
	for sections := 1; sections <= 4; sections++ {
		kernel(sections)
	}
	Generate()
}

func kernel(sections int) {
	name := fmt.Sprintf("sos%dLanes", sections)
	TEXT(name, NOSPLIT, "func(dst, x [4]*float64, n int, s, z *float64)")
	Doc(fmt.Sprintf("%s filters n samples of four channels, a multiple of 4 and not 0, with %d sections and their memory z.", name, sections))
	Pragma("noescape")
	var dst, x [4]reg.GPVirtual
	for ch := range 4 {
		dst[ch] = Load(Param("dst").Index(ch), GP64()).(reg.GPVirtual)
		x[ch] = Load(Param("x").Index(ch), GP64()).(reg.GPVirtual)
	}
	n := Load(Param("n"), GP64())
	s := Load(Param("s"), GP64())
	z := Load(Param("z"), GP64())
	m := make([][2]reg.VecVirtual, sections)
	for i := range m {
		for k := range 2 {
			m[i][k] = YMM()
			VMOVUPD(operand.Mem{Base: z, Disp: state*i + 32*k}, m[i][k])
		}
	}
	t := GP64()
	XORQ(t, t)
	Label("loop")
	var v [4]reg.VecVirtual
	for ch := range 4 {
		v[ch] = YMM()
		VMOVUPD(operand.Mem{Base: x[ch], Index: t, Scale: 8}, v[ch])
	}
	v = transpose(v)
	for k := range 4 {
		for i := range sections {
			at := func(c int) operand.Mem { return operand.Mem{Base: s, Disp: section*i + 8*c} }
			c, y := YMM(), YMM()
			VBROADCASTSD(at(0), c)
			VMULPD(c, v[k], y)
			VADDPD(m[i][0], y, y) // y = b0·v + m0
			VBROADCASTSD(at(1), c)
			VMULPD(c, v[k], c)
			VADDPD(m[i][1], c, m[i][0])
			a := YMM()
			VBROADCASTSD(at(3), a)
			VMULPD(a, y, a)
			VSUBPD(a, m[i][0], m[i][0]) // m0 = (b1·v + m1) − a1·y
			VBROADCASTSD(at(2), c)
			VMULPD(c, v[k], m[i][1])
			VBROADCASTSD(at(4), a)
			VMULPD(a, y, a)
			VSUBPD(a, m[i][1], m[i][1]) // m1 = b2·v − a2·y
			v[k] = y
		}
	}
	v = transpose(v)
	for ch := range 4 {
		VMOVUPD(v[ch], operand.Mem{Base: dst[ch], Index: t, Scale: 8})
	}
	ADDQ(operand.U8(4), t)
	CMPQ(t, n)
	JL(operand.LabelRef("loop"))
	for i := range m {
		for k := range 2 {
			VMOVUPD(m[i][k], operand.Mem{Base: z, Disp: state*i + 32*k})
		}
	}
	VZEROUPPER()
	RET()
}

// transpose turns four vectors of one channel's samples into four of one sample's channels, and back.
func transpose(v [4]reg.VecVirtual) [4]reg.VecVirtual {
	a, b, c, d := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPD(v[1], v[0], a)
	VUNPCKHPD(v[1], v[0], b)
	VUNPCKLPD(v[3], v[2], c)
	VUNPCKHPD(v[3], v[2], d)
	w := [4]reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VPERM2F128(operand.U8(0x20), c, a, w[0])
	VPERM2F128(operand.U8(0x20), d, b, w[1])
	VPERM2F128(operand.U8(0x31), c, a, w[2])
	VPERM2F128(operand.U8(0x31), d, b, w[3])
	return w
}
