package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// at is the place in a slice that a vector is read from or written to: j vectors behind the index i, in bytes. At the end of
// the slice only the n lanes of mask exist.
type at struct {
	i, n gp
	j    int
	tail bool
	mask mask
}

func (a at) mem(p gp) mem { return mem{Base: p, Index: a.i, Scale: 1, Disp: 4 * lanes() * a.j} }

// load reads a vector; lanes that do not exist are 0.
func (a at) load(p gp) vec {
	y := newVec()
	switch {
	case !a.tail:
		emit(func() { VMOVUPS(a.mem(p), y) })
	case wide:
		VMOVUPS_Z(a.mem(p), a.mask, y)
	default:
		VMASKMOVPS(a.mem(p), a.mask.(vec), y)
	}
	return y
}

// store writes the lanes that exist. AVX2 does it in pieces: its masked store takes dozens of cycles on some processors.
func (a at) store(v vec, p gp) {
	switch {
	case !a.tail:
		emit(func() { VMOVUPS(v, a.mem(p)) })
		return
	case wide:
		VMOVUPS(v, a.mask, a.mem(p))
		return
	}
	q := GP64()
	LEAQ(a.mem(p), q)
	x := XMM()
	VMOVAPS(v.AsX(), x)
	two, one, done := label("two"), label("one"), label("stored")
	TESTQ(operand.U32(4), a.n)
	JE(operand.LabelRef(two))
	VMOVUPS(x, mem{Base: q})
	VEXTRACTF128(operand.U8(1), v, x)
	ADDQ(operand.U8(16), q)
	Label(two)
	TESTQ(operand.U32(2), a.n)
	JE(operand.LabelRef(one))
	VMOVLPS(x, mem{Base: q})
	VMOVHLPS(x, x, x)
	ADDQ(operand.U8(8), q)
	Label(one)
	TESTQ(operand.U32(1), a.n)
	JE(operand.LabelRef(done))
	VMOVSS(x, mem{Base: q})
	Label(done)
}

// zeroed is v with 0 in the lanes that do not exist.
func (a at) zeroed(v vec) vec {
	if !a.tail {
		return v
	}
	return keep(a.mask, v)
}

// filled is v with the lanes of fill in those that do not exist.
func (a at) filled(v, fill vec) vec {
	if !a.tail {
		return v
	}
	return where(a.mask, v, fill)
}

// loop runs body over n numbers: unroll vectors at a time, then one, then the rest under a mask. It changes n.
func loop(n gp, unroll int, body func(a at)) {
	i := GP64()
	XORQ(i, i)
	loopFrom(i, n, unroll, body)
}

func loopFrom(i, n gp, unroll int, body func(a at)) {
	w := lanes()
	single, tail, done := label("single"), label("tail"), label("done")
	if unroll > 1 {
		many := label("many")
		SUBQ(operand.U32(uint32(unroll*w)), n)
		JL(operand.LabelRef(single))
		Label(many)
		interleave(unroll, func(j int) { body(at{i: i, j: j}) })
		ADDQ(operand.U32(uint32(4*w*unroll)), i)
		SUBQ(operand.U32(uint32(unroll*w)), n)
		JGE(operand.LabelRef(many))
		Label(single)
		ADDQ(operand.U32(uint32(unroll*w)), n)
		single = label("single")
	}
	SUBQ(operand.U8(uint8(w)), n)
	JL(operand.LabelRef(tail))
	Label(single)
	body(at{i: i})
	ADDQ(operand.U8(uint8(4*w)), i)
	SUBQ(operand.U8(uint8(w)), n)
	JGE(operand.LabelRef(single))
	Label(tail)
	ADDQ(operand.U8(uint8(w)), n)
	JE(operand.LabelRef(done))
	body(at{i: i, n: n, tail: true, mask: tailMask(n)})
	Label(done)
}

// tailMask chooses the first n lanes.
func tailMask(n gp) mask {
	p := GP64()
	if wide {
		LEAQ(words("first", func(i int) uint32 { return uint32(1<<(2*i)-1)&0xffff | uint32(1<<(2*i+1)-1)<<16 }), p)
		k := K()
		KMOVW(mem{Base: p, Index: n, Scale: 2}, k)
		return k
	}
	m, back := YMM(), copyOf(n)
	NEGQ(back)
	LEAQ(words("window", func(i int) uint32 { return []uint32{0xffffffff, 0}[i/8] }), p)
	VMOVUPS(mem{Base: p, Index: back, Scale: 4, Disp: 32}, m)
	return m
}
