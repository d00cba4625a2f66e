// Command integers writes the vector kernel that turns the integers of an EDF file into samples, integers_lanes_amd64.s and its
// declaration integers_lanes_amd64.go in ingest/edf. Run `go generate` there.
//
// It adds and multiplies in the order of the plain loop, without a fused product, so that both give the same bits. It needs AVX and
// nothing more. There is one for the caches and one that stores past them.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("amd64")
	kernel("integers16AVX", func(x, to operand.Op) { VMOVUPD(x, to) },
		"integers16AVX fills dst[t] with (src[t] + offset)·gain for t < n, src being little-endian integers of 16 bits; n is a multiple",
		"of 8 and at least 8.")
	kernel("integers16Past", VMOVNTPD, "integers16Past is integers16AVX past the cache; dst is aligned to 64 bytes.")
	Generate()
}

func kernel(name string, store func(x, to operand.Op), doc ...string) {
	TEXT(name, NOSPLIT, "func(dst *float64, src *byte, n int, offset, gain float64)")
	Doc(doc...)
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	offset, gain := YMM(), YMM()
	from, err := Param("offset").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(from.Addr, offset)
	if from, err = Param("gain").Resolve(); err != nil {
		panic(err)
	}
	VBROADCASTSD(from.Addr, gain)
	t := GP64()
	XORQ(t, t)
	Label("samples")
	for half := range 2 {
		four, x := XMM(), YMM()
		VPMOVSXWD(operand.Mem{Base: src, Index: t, Scale: 2, Disp: 8 * half}, four)
		VCVTDQ2PD(four, x)
		VADDPD(offset, x, x)
		VMULPD(gain, x, x)
		store(x, operand.Mem{Base: dst, Index: t, Scale: 8, Disp: 32 * half})
	}
	ADDQ(operand.U8(8), t)
	CMPQ(t, n)
	JLT(operand.LabelRef("samples"))
	VZEROUPPER()
	RET()
}
