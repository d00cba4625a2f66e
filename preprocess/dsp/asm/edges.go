package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// mulLanes multiplies by a chirp, forwards or backwards.
func mulLanes() {
	TEXT("mulLanes", NOSPLIT, "func(dst, src, c *complex128, n, step int)")
	Pragma("noescape")
	Doc("mulLanes fills dst[k] with src[k·step]·c[k], k < n.")
	q, p, c := Load(Param("dst"), GP64()).(gp), Load(Param("src"), GP64()).(gp), Load(Param("c"), GP64()).(gp)
	n, step := Load(Param("n"), GP64()).(gp), Load(Param("step"), GP64()).(gp)
	SHLQ(operand.U8(6), step)
	Label("loop")
	store(turn(load(operand.Mem{Base: p}), operand.Mem{Base: c}), operand.Mem{Base: q})
	ADDQ(step, p)
	ADDQ(operand.U8(element), q)
	ADDQ(operand.U8(16), c)
	DECQ(n)
	JNE(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// lanePointers loads the parameter, an array of four pointers.
func lanePointers(name string) (p [4]gp) {
	for i := range p {
		p[i] = Load(Param(name).Index(i), GP64()).(gp)
	}
	return p
}

// gather reads 16 bytes from each of four places and turns them into the first and the second numbers.
func gather(m func(int) operand.Mem) cpx {
	a, b := YMM(), YMM()
	VMOVUPD(m(0), a.AsX())
	VINSERTF128(operand.U8(1), m(2), a, a)
	VMOVUPD(m(1), b.AsX())
	VINSERTF128(operand.U8(1), m(3), b, b)
	c := cpx{YMM(), YMM()}
	VUNPCKLPD(b, a, c.re)
	VUNPCKHPD(b, a, c.im)
	return c
}

// scatter is the way back.
func scatter(c cpx, m func(int) operand.Mem) {
	a, b := YMM(), YMM()
	VUNPCKLPD(c.im, c.re, a)
	VUNPCKHPD(c.im, c.re, b)
	VMOVUPD(a.AsX(), m(0))
	VMOVUPD(b.AsX(), m(1))
	VEXTRACTF128(operand.U8(1), a, m(2))
	VEXTRACTF128(operand.U8(1), b, m(3))
}

// pack interleaves pairs of real numbers, or complex numbers.
func pack(window bool) {
	if window {
		TEXT("packWindowLanes", NOSPLIT, "func(dst *complex128, x [4]*float64, m int, mean *[4]float64, window *float64)")
		Doc("packWindowLanes is packLanes of (x − mean)·window.")
	} else {
		TEXT("packLanes", NOSPLIT, "func(dst *complex128, x [4]*float64, m int)")
		Doc("packLanes interleaves m pairs of numbers of each x.")
	}
	Pragma("noescape")
	q := Load(Param("dst"), GP64()).(gp)
	x := lanePointers("x")
	m := Load(Param("m"), GP64()).(gp)
	var win gp
	mean := vec(nil)
	if window {
		win = Load(Param("window"), GP64()).(gp)
		mean = YMM()
		VMOVUPD(operand.Mem{Base: Load(Param("mean"), GP64())}, mean)
	}
	i := GP64()
	XORQ(i, i)
	Label("loop")
	c := gather(func(lane int) operand.Mem { return operand.Mem{Base: x[lane], Index: i, Scale: 1} })
	if window {
		f, g := YMM(), YMM()
		VBROADCASTSD(operand.Mem{Base: win, Index: i, Scale: 1}, f)
		VBROADCASTSD(operand.Mem{Base: win, Index: i, Scale: 1, Disp: 8}, g)
		c = cpx{sub(c.re, mean), sub(c.im, mean)}
		VMULPD(f, c.re, c.re)
		VMULPD(g, c.im, c.im)
	}
	store(c, operand.Mem{Base: q, Index: i, Scale: 4})
	ADDQ(operand.U8(16), i)
	DECQ(m)
	JNE(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// packReal gives real numbers an imaginary part of zero.
func packReal() {
	TEXT("packRealLanes", NOSPLIT, "func(dst *complex128, x [4]*float64, n int)")
	Pragma("noescape")
	Doc("packRealLanes interleaves n numbers of each x, with imaginary parts of zero.")
	q := Load(Param("dst"), GP64()).(gp)
	x := lanePointers("x")
	n := Load(Param("n"), GP64()).(gp)
	i := GP64()
	XORQ(i, i)
	zero := YMM()
	VXORPD(zero, zero, zero)
	Label("loop")
	lo, hi, y := XMM(), XMM(), YMM()
	VMOVSD(operand.Mem{Base: x[0], Index: i, Scale: 8}, lo)
	VMOVHPD(operand.Mem{Base: x[1], Index: i, Scale: 8}, lo, lo)
	VMOVSD(operand.Mem{Base: x[2], Index: i, Scale: 8}, hi)
	VMOVHPD(operand.Mem{Base: x[3], Index: i, Scale: 8}, hi, hi)
	VINSERTF128(operand.U8(1), hi, lo.AsY(), y)
	store(cpx{y, zero}, operand.Mem{Base: q})
	ADDQ(operand.U8(element), q)
	INCQ(i)
	CMPQ(i, n)
	JNE(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// splitPair is the body of RealFFT.split for the elements at a and b: bins k and m−k.
func splitPair(a, b, w operand.Mem) (lo, hi cpx) {
	z := load(a)
	half := shared("one_half", 0.5)
	y := load(b)
	even := cpx{add(z.re, y.re), sub(z.im, y.im)}
	VMULPD(half, even.re, even.re)
	VMULPD(half, even.im, even.im)
	odd := turn(cpx{sub(z.re, y.re), add(z.im, y.im)}, w)
	return addC(even, odd), cpx{sub(even.re, odd.re), sub(odd.im, even.im)}
}

// split is RealFFT.split without bins 0 and m.
func split() {
	TEXT("splitLanes", NOSPLIT, "func(dst [4]*complex128, z, turn *complex128, m int)")
	Pragma("noescape")
	Doc("splitLanes makes bins 1 to m−1 of the real numbers out of the transform z of m ≥ 2 pairs.")
	dst := lanePointers("dst")
	p, w, m := Load(Param("z"), GP64()).(gp), Load(Param("turn"), GP64()).(gp), Load(Param("m"), GP64()).(gp)
	lo, hi := GP64(), m // byte offsets of bins k and m−k
	MOVQ(operand.U32(16), lo)
	SHLQ(operand.U8(4), hi)
	SUBQ(operand.U8(16), hi)
	Label("loop")
	ADDQ(operand.U8(16), w)
	x, y := splitPair(operand.Mem{Base: p, Index: lo, Scale: 4}, operand.Mem{Base: p, Index: hi, Scale: 4}, operand.Mem{Base: w})
	scatter(x, func(lane int) operand.Mem { return operand.Mem{Base: dst[lane], Index: lo, Scale: 1} })
	scatter(y, func(lane int) operand.Mem { return operand.Mem{Base: dst[lane], Index: hi, Scale: 1} })
	ADDQ(operand.U8(16), lo)
	SUBQ(operand.U8(16), hi)
	CMPQ(lo, hi)
	JLE(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// unpack is the way back from lanes.
func unpack() {
	TEXT("unpackLanes", NOSPLIT, "func(dst [4]*complex128, z *complex128, n int)")
	Pragma("noescape")
	Doc("unpackLanes copies n elements of z to the four dst.")
	dst := lanePointers("dst")
	p, n := Load(Param("z"), GP64()).(gp), Load(Param("n"), GP64()).(gp)
	i := GP64()
	XORQ(i, i)
	Label("loop")
	scatter(load(operand.Mem{Base: p, Index: i, Scale: 4}), func(lane int) operand.Mem {
		return operand.Mem{Base: dst[lane], Index: i, Scale: 1}
	})
	ADDQ(operand.U8(16), i)
	DECQ(n)
	JNE(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// accumulate adds the four numbers of v to the one at m, first lane first.
func accumulate(v vec, m operand.Mem) {
	acc, lane := XMM(), XMM()
	VMOVSD(m, acc)
	VADDSD(v.AsX(), acc, acc)
	VUNPCKHPD(v.AsX(), v.AsX(), lane)
	VADDSD(lane, acc, acc)
	VEXTRACTF128(operand.U8(1), v, lane)
	VADDSD(lane, acc, acc)
	VUNPCKHPD(lane, lane, lane)
	VADDSD(lane, acc, acc)
	VMOVSD(acc, m)
}

func square(c cpx) vec {
	a, b := YMM(), YMM()
	VMULPD(c.re, c.re, a)
	VMULPD(c.im, c.im, b)
	return add(a, b)
}

// power is split with the squared magnitudes added up.
func power() {
	TEXT("powerLanes", NOSPLIT, "func(sum *float64, z, turn *complex128, m int)")
	Pragma("noescape")
	Doc("powerLanes adds the squared magnitudes of bins 1 to m−1 to sum, one lane after the other; m ≥ 2.")
	sum := Load(Param("sum"), GP64()).(gp)
	p, w, m := Load(Param("z"), GP64()).(gp), Load(Param("turn"), GP64()).(gp), Load(Param("m"), GP64()).(gp)
	lo, hi := GP64(), m
	MOVQ(operand.U32(8), lo)
	SHLQ(operand.U8(3), hi)
	SUBQ(operand.U8(8), hi)
	Label("loop")
	ADDQ(operand.U8(16), w)
	x, y := splitPair(operand.Mem{Base: p, Index: lo, Scale: 8}, operand.Mem{Base: p, Index: hi, Scale: 8}, operand.Mem{Base: w})
	accumulate(square(x), operand.Mem{Base: sum, Index: lo, Scale: 1})
	CMPQ(lo, hi)
	JE(operand.LabelRef("done")) // the middle is one bin, not two
	accumulate(square(y), operand.Mem{Base: sum, Index: hi, Scale: 1})
	ADDQ(operand.U8(8), lo)
	SUBQ(operand.U8(8), hi)
	CMPQ(lo, hi)
	JLE(operand.LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}
