package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// window walks over n windows of p numbers at x, s apart. For each, begin is called, then body for its vectors, then end.
func window(n, p, s, x gp, begin func(), body func(a at), end func()) {
	w := lanes()
	SHLQ(operand.U8(2), s)
	rest, full := copyOf(p), copyOf(p)
	ANDQ(operand.U8(uint8(w-1)), rest)
	SUBQ(rest, full)
	SHLQ(operand.U8(2), full) // in bytes
	m := tailMask(rest)
	i := GP64()
	each, vectors, last, next := label("window"), label("vectors"), label("last"), label("next")
	Label(each)
	begin()
	XORQ(i, i)
	CMPQ(i, full)
	JE(operand.LabelRef(last))
	Label(vectors)
	body(at{i: i})
	ADDQ(operand.U8(uint8(4*w)), i)
	CMPQ(i, full)
	JNE(operand.LabelRef(vectors))
	Label(last)
	TESTQ(rest, rest)
	JE(operand.LabelRef(next))
	body(at{i: i, n: rest, tail: true, mask: m})
	Label(next)
	end()
	ADDQ(s, x)
	DECQ(n)
	JNE(operand.LabelRef(each))
}

func pools() {
	text("meanPool", "(y, x []float32, p, s int)", "computes the means of windows of p numbers, s apart; len(y) > 0.")
	y, x, n := pointer("y"), pointer("x"), length("y")
	p, s := Load(Param("p"), GP64()).(gp), Load(Param("s"), GP64()).(gp)
	f := part(p)
	acc := newVec()
	window(n, p, s, x, func() { VXORPS(acc.AsX(), acc.AsX(), acc.AsX()) },
		func(a at) { VADDPS(a.load(x), acc, acc) },
		func() {
			t := total(acc)
			VMULSS(f, t, t)
			VMOVSS(t, mem{Base: y})
			ADDQ(operand.U8(4), y)
		})
	ret()

	text("meanPoolGrad", "(dx, dy []float32, p, s int)", "adds dy/p to windows of p numbers, s apart; len(dy) > 0.")
	dx, dy := pointer("dx"), pointer("dy")
	n = length("dy")
	p, s = Load(Param("p"), GP64()).(gp), Load(Param("s"), GP64()).(gp)
	f = part(p)
	d := newVec()
	window(n, p, s, dx, func() {
		t := XMM()
		VMULSS(mem{Base: dy}, f, t)
		VBROADCASTSS(t, d)
		ADDQ(operand.U8(4), dy)
	}, func(a at) { a.store(add(a.load(dx), d), dx) }, func() {})
	ret()

	if !wide {
		pool4()
		pool8()
	}
}

// part is 1/p.
func part(p gp) vec {
	f := XMM()
	VMOVSS(num(1), f)
	return over(f, p)
}

func pool4() {
	text("meanPool4", "(y, x []float32)", "computes the means of len(y) neighbouring groups of 4.")
	narrow()
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
	narrow()
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
