// Command floats writes the vector kernel that reads samples of float32 from an XDF file, floats_lanes_amd64.s and its
// declaration floats_lanes_amd64.go in ingest/xdf. Run `go generate` there.
//
// Eight samples of eight channels are turned in registers, so that a row gets a whole line of the cache at once. It needs AVX and
// nothing more, and gives the bits of the plain loop in floats.go: widening is exact.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	sliceHeader = 24 // bytes; the pointer comes first
	square      = 8  // channels and samples at a time
)

func main() {
	ConstraintExpr("amd64")
	TEXT("floats8AVX", NOSPLIT, "func(dst *[]float64, from int, raw *byte, at *int64, n int)")
	Doc("floats8AVX fills dst[ch][from+t] with the float32 at raw + at[t] + 4·ch, for ch < 8 and t < n; n is a multiple",
		"of 8 and at least 8.")
	Pragma("noescape")
	dst, from := Load(Param("dst"), GP64()), Load(Param("from"), GP64())
	rows := make([]reg.Register, square)
	for ch := range rows {
		rows[ch] = GP64()
		MOVQ(operand.Mem{Base: dst, Disp: sliceHeader * ch}, rows[ch])
		LEAQ(operand.Mem{Base: rows[ch], Index: from, Scale: 8}, rows[ch])
	}
	raw, at, n := Load(Param("raw"), GP64()), Load(Param("at"), GP64()), Load(Param("n"), GP64())
	t := GP64()
	XORQ(t, t)
	Label("samples")
	var in [square]reg.VecVirtual // of one sample each
	for i := range in {
		place := GP64()
		MOVQ(operand.Mem{Base: at, Index: t, Scale: 8, Disp: 8 * i}, place)
		in[i] = YMM()
		VMOVUPS(operand.Mem{Base: raw, Index: place, Scale: 1}, in[i])
	}
	var pairs [square]reg.VecVirtual // 2i: samples 2i and 2i+1 of channels 0, 1, 4 and 5; 2i+1: of the others
	for i := 0; i < square; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VUNPCKLPS(in[i+1], in[i], pairs[i])
		VUNPCKHPS(in[i+1], in[i], pairs[i+1])
	}
	for ch := range square / 2 { // and channel ch+4, which is in the upper halves
		for half := range 2 { // samples 4·half to 4·half+3
			a, b := pairs[4*half+ch/2], pairs[4*half+ch/2+2]
			four := YMM()
			VSHUFPS(operand.U8([]uint8{0x44, 0xee}[ch%2]), b, a, four)
			wide, upper := YMM(), XMM()
			VCVTPS2PD(four.AsX(), wide)
			VMOVUPD(wide, operand.Mem{Base: rows[ch], Index: t, Scale: 8, Disp: 32 * half})
			VEXTRACTF128(operand.U8(1), four, upper)
			wide = YMM()
			VCVTPS2PD(upper, wide)
			VMOVUPD(wide, operand.Mem{Base: rows[ch+4], Index: t, Scale: 8, Disp: 32 * half})
		}
	}
	ADDQ(operand.U8(square), t)
	CMPQ(t, n)
	JLT(operand.LabelRef("samples"))
	VZEROUPPER()
	RET()
	Generate()
}
