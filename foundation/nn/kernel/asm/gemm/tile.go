package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sizes are the rows and vectors of the tiles that there are. Tiles of few rows are also there in more vectors: one
// product needs four cycles, and the sums that run side by side hide them.
func sizes(wide bool) [][2]int {
	var s [][2]int
	rows := 6
	if wide {
		rows = 14
	}
	for m := 1; m <= rows; m++ {
		s = append(s, [2]int{m, 1}, [2]int{m, 2})
		if n := widest(wide, m); n > 2 {
			s = append(s, [2]int{m, n})
		}
	}
	return s
}

// widest is the most vectors that the registers hold, sensibly.
func widest(wide bool, m int) int {
	switch {
	case m == 1, m == 2 && wide:
		return 8
	case m <= 4 && wide, m == 2:
		return 4
	case m <= 8 && wide:
		return 3
	}
	return 2
}

// tile writes the kernel of m rows and n vectors. A mask costs AVX-512 nothing, but AVX2 has kernels without one, for
// which t.last must be all columns.
func (g *gen) tile(m, n int, masked bool) {
	size := 4 * g.lanes()
	name, doc := fmt.Sprintf("tile%dx%d%s", m, n, g.suffix()), fmt.Sprintf("works on tiles of m = %d, n = %d vectors of %d.", m, n, g.lanes())
	if !masked {
		name, doc = name+"Full", doc[:len(doc)-1]+", all columns."
	}
	g.text(name, doc, "func(t *tile)")
	t := g.Dereference(g.Param("t"))
	field := func(name string) gp { return g.Load(t.Field(name), g.GP64()).(gp) }
	mem := func(name string) operand.Mem {
		b, err := t.Field(name).Resolve()
		if err != nil {
			panic(err)
		}
		return b.Addr
	}
	var last mask
	if masked {
		last = g.newMask(mem("last"))
	}
	maskOf := func(j int) *mask {
		if masked && j == n-1 {
			return &last
		}
		return nil
	}
	// What changes from tile to tile lies on the stack, not in t: beyond the last tile it points to nothing.
	atA, atB, atC, left := g.AllocLocal(8), g.AllocLocal(8), g.AllocLocal(8), g.AllocLocal(8)
	tmp := g.GP64()
	for _, p := range []struct {
		name string
		to   operand.Mem
	}{{"a", atA}, {"b", atB}, {"c", atC}, {"count", left}} {
		g.MOVQ(mem(p.name), tmp)
		g.MOVQ(tmp, p.to)
	}
	rsa, csa, ldb := field("rsa"), field("csa"), field("ldb")

	g.Label("tile")
	rows := []gp{g.GP64()} // the first of every three rows of A
	g.MOVQ(atA, rows[0])
	for i := 3; i < m; i += 3 {
		r := g.GP64()
		g.LEAQ(operand.Mem{Base: rows[len(rows)-1], Index: rsa, Scale: 2}, r)
		g.ADDQ(rsa, r)
		rows = append(rows, r)
	}
	b := g.GP64()
	g.MOVQ(atB, b)
	groups := field("groups")
	acc := make([][]vec, m)
	for i := range acc {
		acc[i] = make([]vec, n)
		for j := range acc[i] {
			acc[i][j] = g.vector()
			g.zero(acc[i][j])
		}
	}

	if m*n >= 12 { // C is on its way while many products are summed
		g.CMPQ(mem("k"), operand.U8(96))
		g.JL(operand.LabelRef("group"))
		c, ldc := g.GP64(), field("ldc")
		g.MOVQ(atC, c)
		for range m {
			for j := 0; j < n*size; j += 64 {
				g.PREFETCHT0(operand.Mem{Base: c, Disp: j})
			}
			g.ADDQ(ldc, c)
		}
	}

	g.Label("group")
	k := field("k")
	g.align()
	g.Label("product")
	{
		bv := make([]vec, n)
		for j := range bv {
			if m == 1 && j < n-1 {
				continue // the product reads it from memory
			}
			bv[j] = g.vector()
			g.load(operand.Mem{Base: b, Disp: j * size}, maskOf(j), bv[j])
		}
		av := g.vector()
		for i := range acc {
			from := operand.Mem{Base: rows[i/3]}
			if i%3 > 0 {
				from.Index, from.Scale = rsa, uint8(i%3)
			}
			g.VBROADCASTSS(from, av)
			for j := range bv {
				x := operand.Op(bv[j])
				if bv[j] == nil {
					x = operand.Mem{Base: b, Disp: j * size}
				}
				g.VFMADD231PS(x, av, acc[i][j])
			}
		}
		g.ADDQ(ldb, b)
		for _, r := range rows {
			g.ADDQ(csa, r)
		}
	}
	g.DECQ(k)
	g.JNE(operand.LabelRef("product"))
	for _, r := range rows {
		g.ADDQ(mem("ja"), r)
	}
	g.ADDQ(mem("jb"), b)
	g.DECQ(groups)
	g.JNE(operand.LabelRef("group"))

	c, ldc := g.GP64(), field("ldc")
	g.MOVQ(atC, c)
	g.CMPQ(mem("acc"), operand.U8(0))
	g.JE(operand.LabelRef("store"))
	old := g.vector()
	g.rows(acc, c, ldc, func(v vec, j int) {
		to := operand.Mem{Base: c, Disp: j * size}
		g.load(to, maskOf(j), old)
		g.VADDPS(old, v, v)
		g.store(v, maskOf(j), to)
	})
	g.JMP(operand.LabelRef("next"))
	g.Label("store")
	g.rows(acc, c, ldc, func(v vec, j int) {
		g.store(v, maskOf(j), operand.Mem{Base: c, Disp: j * size})
	})
	g.Label("next")
	g.MOVQ(c, atC)
	for _, p := range []struct {
		name string
		to   operand.Mem
	}{{"na", atA}, {"nb", atB}} {
		g.MOVQ(mem(p.name), tmp)
		g.ADDQ(tmp, p.to)
	}
	g.DECQ(left)
	g.JNE(operand.LabelRef("tile"))
	g.end()
}

// rows calls f for each vector of acc, and steps c down.
func (g *gen) rows(acc [][]vec, c, ldc reg.Register, f func(v vec, j int)) {
	for _, row := range acc {
		for j, v := range row {
			f(v, j)
		}
		g.ADDQ(ldc, c)
	}
}
