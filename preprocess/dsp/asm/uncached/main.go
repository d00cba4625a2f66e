// Command uncached writes the kernel that copies past the cache, copy_lanes_amd64.s and its declarations copy_lanes_amd64.go in
// ingest/uncached. Run `go generate` there. It needs AVX and nothing more.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func main() {
	ConstraintExpr("amd64")
	TEXT("copyLines", NOSPLIT, "func(dst, src *float64, n int)")
	Doc("copyLines copies n numbers past the cache; dst is aligned to 64 bytes, n is a multiple of 8 and at least 8.")
	Pragma("noescape")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	t := GP64()
	XORQ(t, t)
	Label("lines")
	for half := range 2 {
		x := YMM()
		VMOVUPD(operand.Mem{Base: src, Index: t, Scale: 8, Disp: 32 * half}, x)
		VMOVNTPD(x, operand.Mem{Base: dst, Index: t, Scale: 8, Disp: 32 * half})
	}
	ADDQ(operand.U8(8), t)
	CMPQ(t, n)
	JLT(operand.LabelRef("lines"))
	VZEROUPPER()
	RET()
	TEXT("fence", NOSPLIT, "func()")
	Doc("fence waits until all of it is in memory.")
	SFENCE()
	RET()
	Generate()
}
