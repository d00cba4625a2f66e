// Command blocks writes the vector kernels that bring eight blocks of a signal side by side and back, for
// ZeroPhaseFIR: blocks_lanes_amd64.s and its declarations blocks_lanes_amd64.go. Run `go generate` two folders above.
//
// They move numbers and compute nothing. They need AVX and nothing more.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const element = 64 // bytes of eight numbers

func main() {
	ConstraintExpr("amd64")

	TEXT("packBlocks", NOSPLIT, "func(dst *complex128, x *float64, step, n int)")
	Doc("packBlocks fills dst[t] with x[t], x[step+t] … x[7·step+t] for t < n, which is a multiple of 4 and not 0.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	block := blocks(Load(Param("x"), GP64()))
	n := Load(Param("n"), GP64())
	Label("packLoop")
	for half := range 2 {
		var v [4]reg.VecVirtual
		for b := range 4 {
			v[b] = YMM()
			VMOVUPD(block(4*half+b), v[b])
		}
		for t, row := range transpose(v) {
			VMOVUPD(row, operand.Mem{Base: dst, Disp: element*t + 32*half})
		}
	}
	ADDQ(operand.U32(4*element), dst)
	next(block)
	SUBQ(operand.U8(4), n)
	JNE(operand.LabelRef("packLoop"))
	VZEROUPPER()
	RET()

	TEXT("unpackBlocks", NOSPLIT, "func(dst *float64, x *complex128, step, n int)")
	Doc("unpackBlocks fills dst[t], dst[step+t] … dst[7·step+t] with x[−t] for t < n, which is a multiple of 4 and not 0.")
	Pragma("noescape")
	block = blocks(Load(Param("dst"), GP64()))
	x := Load(Param("x"), GP64())
	n = Load(Param("n"), GP64())
	Label("unpackLoop")
	for half := range 2 {
		var v [4]reg.VecVirtual
		for t := range 4 {
			v[t] = YMM()
			VMOVUPD(operand.Mem{Base: x, Disp: 32*half - element*t}, v[t])
		}
		for b, row := range transpose(v) {
			VMOVUPD(row, block(4*half+b))
		}
	}
	SUBQ(operand.U32(4*element), x)
	next(block)
	SUBQ(operand.U8(4), n)
	JNE(operand.LabelRef("unpackLoop"))
	VZEROUPPER()
	RET()
	Generate()
}

// blocks is where each of the eight blocks is that begin at first and lie step numbers apart.
func blocks(first reg.Register) func(b int) operand.Mem {
	step, triple, fifth := Load(Param("step"), GP64()), GP64(), GP64()
	LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, triple)
	SHLQ(operand.U8(3), step)
	SHLQ(operand.U8(3), triple)
	LEAQ(operand.Mem{Base: first, Index: step, Scale: 4}, fifth)
	return func(b int) operand.Mem {
		base := first
		if b >= 4 {
			base = fifth
		}
		switch b % 4 {
		case 1:
			return operand.Mem{Base: base, Index: step, Scale: 1}
		case 2:
			return operand.Mem{Base: base, Index: step, Scale: 2}
		case 3:
			return operand.Mem{Base: base, Index: triple, Scale: 1}
		}
		return operand.Mem{Base: base}
	}
}

// next moves all blocks on by four numbers.
func next(block func(int) operand.Mem) {
	ADDQ(operand.U8(32), block(0).Base)
	ADDQ(operand.U8(32), block(4).Base)
}

// transpose turns four vectors of one block's numbers into four of one number of each block, and back.
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
