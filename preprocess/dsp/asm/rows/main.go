// Command rows writes the vector kernel of FIR filters and resampling, rows_lanes_amd64.s and its declarations
// rows_lanes_amd64.go. Run `go generate` two folders above.
//
// Neighbouring columns are summed side by side, each in the order of the plain loop in rows.go and without fused
// products, so that both give the same bits. It needs AVX and nothing more.
package main

import (
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	TEXT("rowsAVX", NOSPLIT, "func(dst, h, x *float64, taps, stride, width int)")
	Doc("rowsAVX fills dst[j] with the sum of h[k]·x[k·stride+j] over k < taps, j < width; taps ≥ 1, width is a multiple of 8.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	h := Load(Param("h"), GP64())
	x := Load(Param("x"), GP64())
	taps := Load(Param("taps"), GP64())
	stride := Load(Param("stride"), GP64())
	width := Load(Param("width"), GP64())
	SHLQ(operand.U8(3), stride)
	for _, columns := range []int{32, 24, 16, 8} {
		block(columns, dst, h, x, taps, stride, width)
	}
	VZEROUPPER()
	RET()
	Generate()
}

// block sums so many columns at a time, as long as there are as many.
func block(columns int, dst, h, x, taps, stride, width reg.Register) {
	size := strconv.Itoa(columns)
	Label("block" + size)
	CMPQ(width, operand.U8(columns))
	JL(operand.LabelRef("done" + size))
	sum := make([]reg.VecVirtual, columns/4)
	for i := range sum {
		sum[i] = YMM()
		VXORPD(sum[i], sum[i], sum[i])
	}
	w, p, left := GP64(), GP64(), GP64()
	MOVQ(h, w)
	MOVQ(x, p)
	MOVQ(taps, left)
	Label("tap" + size)
	tap := YMM()
	VBROADCASTSD(operand.Mem{Base: w}, tap)
	for i := range sum {
		product := YMM()
		VMULPD(operand.Mem{Base: p, Disp: 32 * i}, tap, product)
		VADDPD(product, sum[i], sum[i])
	}
	ADDQ(operand.U8(8), w)
	ADDQ(stride, p)
	DECQ(left)
	JNE(operand.LabelRef("tap" + size))
	for i := range sum {
		VMOVUPD(sum[i], operand.Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(operand.U32(8*columns), dst)
	ADDQ(operand.U32(8*columns), x)
	SUBQ(operand.U8(columns), width)
	JMP(operand.LabelRef("block" + size))
	Label("done" + size)
}
