// Command project writes the vector kernel of spatial filters, project_lanes_amd64.s and its declarations
// project_lanes_amd64.go in features/csp. Run `go generate` there.
//
// Neighbouring samples are summed side by side, each over the channels in the order of the plain loop in project.go and
// without fused products, so that both give the same bits. It needs AVX and nothing more.
package main

import (
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	sliceHeader = 24   // bytes; the pointer comes first
	columns     = 8    // samples at a time
	ahead       = 1024 // bytes; windows rarely lie in the cache, and so many rows at once are too many for its own guesses
)

func main() {
	ConstraintExpr("amd64")
	project(4)
	project(1)
	Generate()
}

// project writes the kernel for so many filters at a time.
func project(filters int) {
	name := "project" + strconv.Itoa(filters) + "AVX"
	TEXT(name, NOSPLIT, "func(dst, w, x *[]float64, chs, from, to int)")
	Doc(name+" fills dst[i][t] with the sum of w[i][ch]·x[ch][t] over ch < chs, for i < "+strconv.Itoa(filters)+" and",
		"from ≤ t < to; chs ≥ 1, to − from is a multiple of 8 and at least 8.")
	Pragma("noescape")
	dst, w, x := Load(Param("dst"), GP64()), Load(Param("w"), GP64()), Load(Param("x"), GP64())
	chs, at, end := Load(Param("chs"), GP64()), Load(Param("from"), GP64()), Load(Param("to"), GP64())
	weights := make([]reg.Register, filters)
	for i := range weights {
		weights[i] = GP64()
		MOVQ(operand.Mem{Base: w, Disp: sliceHeader * i}, weights[i])
	}
	Label("columns")
	sums := make([][columns / 4]reg.VecVirtual, filters)
	for i := range sums {
		for j := range sums[i] {
			sums[i][j] = YMM()
			VXORPD(sums[i][j], sums[i][j], sums[i][j])
		}
	}
	row, ch, samples := GP64(), GP64(), GP64()
	MOVQ(x, row)
	XORQ(ch, ch)
	Label("channel")
	MOVQ(operand.Mem{Base: row}, samples)
	var in [columns / 4]reg.VecVirtual
	for j := range in {
		in[j] = YMM()
		VMOVUPD(operand.Mem{Base: samples, Index: at, Scale: 8, Disp: 32 * j}, in[j])
	}
	for i := range sums {
		weight := YMM()
		VBROADCASTSD(operand.Mem{Base: weights[i], Index: ch, Scale: 8}, weight)
		for j := range in {
			product := YMM()
			VMULPD(in[j], weight, product)
			VADDPD(product, sums[i][j], sums[i][j])
		}
	}
	PREFETCHT0(operand.Mem{Base: samples, Index: at, Scale: 8, Disp: ahead}) // harmless behind the end of a row
	ADDQ(operand.U8(sliceHeader), row)
	INCQ(ch)
	CMPQ(ch, chs)
	JLT(operand.LabelRef("channel"))
	for i := range sums {
		out := GP64()
		MOVQ(operand.Mem{Base: dst, Disp: sliceHeader * i}, out)
		for j := range sums[i] {
			VMOVUPD(sums[i][j], operand.Mem{Base: out, Index: at, Scale: 8, Disp: 32 * j})
		}
	}
	ADDQ(operand.U8(columns), at)
	CMPQ(at, end)
	JLT(operand.LabelRef("columns"))
	VZEROUPPER()
	RET()
}
