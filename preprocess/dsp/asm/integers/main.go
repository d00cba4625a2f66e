// Command integers writes the vector kernel that turns the integers of an EDF file into samples, integers_lanes_amd64.s and its
// declaration integers_lanes_amd64.go in ingest/edf. Run `go generate` there.
//
// It adds and multiplies in the order of the plain loop, without a fused product, so that both give the same bits. It needs AVX and
// nothing more. There is one for the caches and one that stores past them.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	TEXT("integers16AVX", NOSPLIT, "func(dst *float64, src *byte, n int, offset, gain float64)")
	Doc("integers16AVX fills dst[t] with (src[t] + offset)·gain for t < n, src being little-endian integers of 16 bits; n is a multiple",
		"of 8 and at least 8.")
	Pragma("noescape")
	k := load()
	k.run("samples", func(x, to operand.Op) { VMOVUPD(x, to) })
	VZEROUPPER()
	RET()

	TEXT("integers16Past", NOSPLIT, "func(dst *float64, src *byte, n int, offset, gain float64, stride, runs int)")
	Doc("integers16Past is integers16AVX past the cache, for as many runs of n: the integers of the next begin stride bytes behind those",
		"of the last, its samples follow them. dst is aligned to 64 bytes, runs is at least 1.")
	Pragma("noescape")
	k = load()
	stride, runs := Load(Param("stride"), GP64()), Load(Param("runs"), GP64())
	Label("runs")
	k.run("lines", func(x, to operand.Op) { VMOVNTPD(x, to) })
	LEAQ(operand.Mem{Base: k.dst, Index: k.n, Scale: 8}, k.dst)
	ADDQ(stride, k.src)
	DECQ(runs)
	JNZ(operand.LabelRef("runs"))
	VZEROUPPER()
	RET()
	Generate()
}

// kernel is what both work with.
type kernel struct {
	dst, src, n  reg.Register
	offset, gain reg.VecVirtual
}

func load() (k kernel) {
	k.dst, k.src, k.n = Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	k.offset, k.gain = YMM(), YMM()
	broadcast("offset", k.offset)
	broadcast("gain", k.gain)
	return k
}

func broadcast(param string, to reg.VecVirtual) {
	from, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(from.Addr, to)
}

// run turns n integers into samples.
func (k kernel) run(label string, store func(x, to operand.Op)) {
	t := GP64()
	XORQ(t, t)
	Label(label)
	for half := range 2 {
		four, x := XMM(), YMM()
		VPMOVSXWD(operand.Mem{Base: k.src, Index: t, Scale: 2, Disp: 8 * half}, four)
		VCVTDQ2PD(four, x)
		VADDPD(k.offset, x, x)
		VMULPD(k.gain, x, x)
		store(x, operand.Mem{Base: k.dst, Index: t, Scale: 8, Disp: 32 * half})
	}
	ADDQ(operand.U8(8), t)
	CMPQ(t, k.n)
	JLT(operand.LabelRef(label))
}
