package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// dots writes the product of so many rows (8, 4 or 1) and a vector.
func (g *gen) dots(rows int) {
	size := 4 * g.lanes()
	g.text(fmt.Sprintf("dots%d%s", rows, g.suffix()),
		fmt.Sprintf("puts the products of x and of %d rows of a, stride bytes apart, into y, or adds them if acc is not 0. n ≥ 1.", rows),
		"func(y, a *float32, stride int, x *float32, n, acc int)")
	y, a, stride, x, n, acc := g.param("y"), g.param("a"), g.param("stride"), g.param("x"), g.param("n"), g.param("acc")
	row := []gp{a}
	for i := 3; i < rows; i += 3 {
		r := g.GP64()
		g.LEAQ(operand.Mem{Base: row[len(row)-1], Index: stride, Scale: 2}, r)
		g.ADDQ(stride, r)
		row = append(row, r)
	}
	at := func(i int) operand.Mem {
		m := operand.Mem{Base: row[i/3]}
		if i%3 > 0 {
			m.Index, m.Scale = stride, uint8(i%3)
		}
		return m
	}
	sum := make([]vec, rows)
	for i := range sum {
		sum[i] = g.vector()
		g.zero(sum[i])
	}
	v := g.vector()
	g.SUBQ(operand.U8(g.lanes()), n)
	g.JL(operand.LabelRef("tail"))
	g.Label("loop")
	g.VMOVUPS(operand.Mem{Base: x}, v)
	for i := range sum {
		g.VFMADD231PS(at(i), v, sum[i])
	}
	g.ADDQ(operand.U8(size), x)
	for _, r := range row {
		g.ADDQ(operand.U8(size), r)
	}
	g.SUBQ(operand.U8(g.lanes()), n)
	g.JGE(operand.LabelRef("loop"))
	g.Label("tail")
	g.ADDQ(operand.U8(g.lanes()), n)
	g.JE(operand.LabelRef("reduce"))
	m := g.newMask(n)
	g.load(operand.Mem{Base: x}, &m, v)
	w := g.vector()
	for i := range sum {
		g.load(at(i), &m, w)
		g.VFMADD231PS(w, v, sum[i])
	}
	g.Label("reduce")
	g.reduce(sum, y, acc)
	g.end()
}

// reduce adds up the lanes of each sum, for any number of rows in the same order, and writes them to y.
func (g *gen) reduce(sum []vec, y, acc gp) {
	half := make([]vec, len(sum)) // of 8 lanes
	for i, s := range sum {
		half[i] = s
		if g.wide {
			half[i] = g.YMM()
			g.VEXTRACTF64X4(operand.U8(1), s, half[i])
			g.VADDPS(half[i], s.AsY(), half[i])
		}
	}
	for range 2 { // neighbours, twice: each half of a vector then has one sum of four lanes a row
		var next []vec
		for i := 0; i < len(half); i += 2 {
			s := g.YMM()
			g.VHADDPS(half[min(i+1, len(half)-1)], half[i], s)
			next = append(next, s)
		}
		half = next
	}
	switch len(sum) {
	case 8:
		lo, hi := g.YMM(), g.YMM()
		g.VPERM2F128(operand.U8(0x20), half[1], half[0], lo)
		g.VPERM2F128(operand.U8(0x31), half[1], half[0], hi)
		g.VADDPS(hi, lo, lo)
		g.CMPQ(acc, operand.U8(0))
		g.JE(operand.LabelRef("write"))
		g.VADDPS(operand.Mem{Base: y}, lo, lo)
		g.Label("write")
		g.VMOVUPS(lo, operand.Mem{Base: y})
	default:
		hi, lo := g.XMM(), half[0].AsX()
		g.VEXTRACTF128(operand.U8(1), half[0], hi)
		g.VADDPS(hi, lo, lo)
		g.CMPQ(acc, operand.U8(0))
		g.JE(operand.LabelRef("write"))
		if len(sum) == 4 {
			g.VADDPS(operand.Mem{Base: y}, lo, lo)
		} else {
			g.VADDSS(operand.Mem{Base: y}, lo, lo)
		}
		g.Label("write")
		if len(sum) == 4 {
			g.VMOVUPS(lo, operand.Mem{Base: y})
		} else {
			g.VMOVSS(lo, operand.Mem{Base: y})
		}
	}
}
