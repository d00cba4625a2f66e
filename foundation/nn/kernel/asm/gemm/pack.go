package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// packRows writes the copy of rows of at most n vectors.
func (g *gen) packRows(n int) {
	size := 4 * g.lanes()
	g.text(fmt.Sprintf("packRows%d%s", n, g.suffix()),
		fmt.Sprintf("copies rows ≥ 1 rows, stride bytes apart, to rows of %d vectors of %d without holes. The last vector gets last numbers and then zeros.", n, g.lanes()),
		"func(dst, src *float32, rows, stride, last int)")
	dst, src, rows, stride := g.param("dst"), g.param("src"), g.param("rows"), g.param("stride")
	m := g.newMask(g.param("last"))
	g.Label("row")
	v := g.vector()
	for j := range n - 1 {
		g.load(operand.Mem{Base: src, Disp: j * size}, nil, v)
		g.store(v, nil, operand.Mem{Base: dst, Disp: j * size})
	}
	g.load(operand.Mem{Base: src, Disp: (n - 1) * size}, &m, v)
	g.store(v, nil, operand.Mem{Base: dst, Disp: (n - 1) * size})
	g.ADDQ(stride, src)
	g.ADDQ(operand.U32(n*size), dst)
	g.DECQ(rows)
	g.JNE(operand.LabelRef("row"))
	g.end()
}

// packColumns writes the copy that transposes.
func (g *gen) packColumns() {
	g.text("packColumnsY",
		"copies the first k numbers of n rows, stride bytes apart, to columns: number i of row r goes to dst[i·step/4+r]. n is 1 to 8; with fewer than 8 rows the last stands for those that are not there.",
		"func(dst, src *float32, n, k, stride, step int)")
	dst, n, k, stride, step := g.param("dst"), g.param("n"), g.param("k"), g.param("stride"), g.param("step")
	row := [8]gp{g.param("src")}
	zero := g.GP64()
	g.XORQ(zero, zero)
	for r := 1; r < 8; r++ {
		g.CMPQ(n, operand.U8(r))
		g.CMOVQLE(zero, stride)
		row[r] = g.GP64()
		g.LEAQ(operand.Mem{Base: row[r-1], Index: stride, Scale: 1}, row[r])
	}
	g.SUBQ(operand.U8(8), k)
	g.JL(operand.LabelRef("tail"))
	g.Label("eight")
	for _, v := range g.transpose(row, nil) {
		g.VMOVUPS(v, operand.Mem{Base: dst})
		g.ADDQ(step, dst)
	}
	for _, r := range row {
		g.ADDQ(operand.U8(32), r)
	}
	g.SUBQ(operand.U8(8), k)
	g.JGE(operand.LabelRef("eight"))
	g.Label("tail")
	g.ADDQ(operand.U8(8), k)
	g.JE(operand.LabelRef("done"))
	m := g.newMask(k)
	for _, v := range g.transpose(row, &m) {
		g.VMOVUPS(v, operand.Mem{Base: dst})
		g.ADDQ(step, dst)
		g.DECQ(k)
		g.JE(operand.LabelRef("done"))
	}
	g.Label("done")
	g.end()
}

// transpose reads a vector of each row and returns the columns.
func (g *gen) transpose(row [8]gp, m *mask) [8]vec {
	var a, b, c [8]vec
	for r := range a {
		a[r] = g.YMM()
		g.load(operand.Mem{Base: row[r]}, m, a[r])
	}
	for r := 0; r < 8; r += 2 { // pairs of rows: columns 0 1 4 5, then 2 3 6 7
		b[r], b[r+1] = g.YMM(), g.YMM()
		g.VUNPCKLPS(a[r+1], a[r], b[r])
		g.VUNPCKHPS(a[r+1], a[r], b[r+1])
	}
	for r := 0; r < 8; r += 4 { // four rows: columns 0 4, 1 5, 2 6, 3 7
		for j := range 2 {
			c[r+2*j], c[r+2*j+1] = g.YMM(), g.YMM()
			g.VUNPCKLPD(b[r+2+j], b[r+j], c[r+2*j])
			g.VUNPCKHPD(b[r+2+j], b[r+j], c[r+2*j+1])
		}
	}
	var y [8]vec
	for j := range 4 {
		y[j], y[j+4] = g.YMM(), g.YMM()
		g.VPERM2F128(operand.U8(0x20), c[j+4], c[j], y[j])
		g.VPERM2F128(operand.U8(0x31), c[j+4], c[j], y[j+4])
	}
	return y
}
