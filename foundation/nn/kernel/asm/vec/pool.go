package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func pools() {
	text("meanPool", "(y, x []float32, p, s int)", "computes the means of windows of p numbers, s apart; len(y) > 0.")
	y, x, n := pointer("y"), pointer("x"), length("y")
	p, s := Load(Param("p"), GP64()).(gp), Load(Param("s"), GP64()).(gp)
	SHLQ(operand.U8(2), s)
	f := part(p)
	Label("window")
	acc := zero()
	loop(copyOf(p), 1, func(a at) { accumulate(VADDPS, acc, a.load(x)) })
	t := total(acc)
	VMULSS(f, t, t)
	VMOVSS(t, mem{Base: y})
	ADDQ(operand.U8(4), y)
	ADDQ(s, x)
	DECQ(n)
	JNE(operand.LabelRef("window"))
	ret()

	poolGrad()
	pool4()
	pool8()
}

// poolGrad adds the end of a window in pieces of 4, 2 and 1: what is loaded under a mask waits for what the window before
// has stored beside it.
func poolGrad() {
	text("meanPoolGrad", "(dx, dy []float32, p, s int)", "adds dy/p to windows of p numbers, s apart; len(dy) > 0.")
	dx, dy, n := pointer("dx"), pointer("dy"), length("dy")
	p, s := Load(Param("p"), GP64()).(gp), Load(Param("s"), GP64()).(gp)
	f := part(p)
	SHLQ(operand.U8(2), p)
	SHLQ(operand.U8(2), s)
	full := copyOf(p)
	ANDQ(operand.I8(-32), full)
	d, v := YMM(), YMM()
	i := GP64()
	Label("window")
	VMULSS(mem{Base: dy}, f, d.AsX())
	VBROADCASTSS(d.AsX(), d)
	ADDQ(operand.U8(4), dy)
	XORQ(i, i)
	m := mem{Base: dx, Index: i, Scale: 1}
	CMPQ(i, full)
	JE(operand.LabelRef("four"))
	Label("eight")
	VADDPS(m, d, v)
	VMOVUPS(v, m)
	ADDQ(operand.U8(32), i)
	CMPQ(i, full)
	JNE(operand.LabelRef("eight"))
	Label("four")
	TESTQ(operand.U32(16), p)
	JE(operand.LabelRef("two"))
	VADDPS(m, d.AsX(), v.AsX())
	VMOVUPS(v.AsX(), m)
	ADDQ(operand.U8(16), i)
	Label("two")
	TESTQ(operand.U32(8), p)
	JE(operand.LabelRef("one"))
	VMOVSD(m, v.AsX())
	VADDPS(d.AsX(), v.AsX(), v.AsX())
	VMOVLPS(v.AsX(), m)
	ADDQ(operand.U8(8), i)
	Label("one")
	TESTQ(operand.U32(4), p)
	JE(operand.LabelRef("next"))
	VADDSS(m, d.AsX(), v.AsX())
	VMOVSS(v.AsX(), m)
	Label("next")
	ADDQ(s, dx)
	DECQ(n)
	JNE(operand.LabelRef("window"))
	ret()
}

// part is 1/p.
func part(p gp) vec {
	f := XMM()
	VMOVSS(num(1), f)
	return over(f, p)
}

func pool4() {
	text("meanPool4", "(y, x []float32)", "computes the means of len(y) neighbouring groups of 4.")
	y, x, n := pointer("y"), pointer("x"), length("y")
	f := load(num(0.25))
	order := load(words("fours", func(i int) uint32 { return uint32(i%2*4 + i/2%4) }))
	SUBQ(operand.U8(8), n)
	JL(operand.LabelRef("few"))
	Label("eight")
	h := hadd(load(mem{Base: x}), load(mem{Base: x, Disp: 32}))
	h = hadd(h, hadd(load(mem{Base: x, Disp: 64}), load(mem{Base: x, Disp: 96})))
	VPERMPS(h, order, h)
	VMOVUPS(mul(h, f), mem{Base: y})
	step(x, y, n, 8, 4)
	JGE(operand.LabelRef("eight"))
	Label("few")
	few(x, y, n, 4, f, func(v vec) { VHADDPS(v, v, v); VHADDPS(v, v, v) })
}

func pool8() {
	text("meanPool8", "(y, x []float32)", "computes the means of len(y) neighbouring groups of 8.")
	y, x, n := pointer("y"), pointer("x"), length("y")
	f := load(num(0.125))
	SUBQ(operand.U8(8), n)
	JL(operand.LabelRef("few"))
	Label("eight")
	var half [2]vec
	for i := range half {
		at := func(j int) vec { return load(mem{Base: x, Disp: 128*i + 32*j}) }
		h := hadd(at(0), at(1))
		half[i] = hadd(h, hadd(at(2), at(3)))
	}
	lo, hi := YMM(), YMM()
	VPERM2F128(operand.U8(0x20), half[1], half[0], lo)
	VPERM2F128(operand.U8(0x31), half[1], half[0], hi)
	VMOVUPS(mul(add(lo, hi), f), mem{Base: y})
	step(x, y, n, 8, 8)
	JGE(operand.LabelRef("eight"))
	Label("few")
	few(x, y, n, 8, f, func(v vec) {
		h := XMM()
		VHADDPS(v, v, v)
		VHADDPS(v, v, v)
		VMOVUPS(mem{Base: x, Disp: 16}, h)
		VHADDPS(h, h, h)
		VHADDPS(h, h, h)
		VADDPS(h, v, v)
	})
}

func hadd(a, b vec) vec {
	y := YMM()
	VHADDPS(b, a, y)
	return y
}

// step goes on by so many means of p numbers.
func step(x, y, n gp, count, p int) {
	ADDQ(operand.U32(uint32(4*count*p)), x)
	ADDQ(operand.U8(uint8(4*count)), y)
	SUBQ(operand.U8(uint8(count)), n)
}

// few does the last n+8 means one by one; sum leaves in the lowest lane the sum of the p numbers at x, of which v has four.
func few(x, y, n gp, p int, f vec, sum func(v vec)) {
	ADDQ(operand.U8(8), n)
	JE(operand.LabelRef("done"))
	Label("one")
	v := XMM()
	VMOVUPS(mem{Base: x}, v)
	sum(v)
	VMULSS(f.AsX(), v, v)
	VMOVSS(v, mem{Base: y})
	step(x, y, n, 1, p)
	JNE(operand.LabelRef("one"))
	Label("done")
	ret()
}
