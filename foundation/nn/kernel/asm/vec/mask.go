package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

func masks() {
	maskBits()
	text("maskScale", "(dst, x []float32, bits []uint8, scale float32)", "computes dst = x·scale where the bit is 1, else 0.")
	dst, x, b, n := pointer("dst"), pointer("x"), pointer("bits"), length("x")
	scale := scalar("scale")
	each := load(words("bits", func(i int) uint32 { return 1 << (i % 8) }))
	loop(n, 4, func(a at) {
		byteAt, m := GP64(), YMM()
		emit(func() { MOVQ(a.i, byteAt) })
		emit(func() { SHRQ(operand.U8(5), byteAt) })
		emit(func() { VPBROADCASTB(mem{Base: b, Index: byteAt, Scale: 1, Disp: a.j}, m) })
		emit(func() { VPAND(each, m, m) })
		emit(func() { VPCMPEQD(each, m, m) })
		a.store(keep(m, mul(a.load(x), scale)), dst)
	})
	ret()
}

// quads is a vector of four equal words of 64 bits in memory, of which the upper halves are 0.
func quads(v uint32) mem {
	return words("quads_"+operand.U32(v).Asm()[1:], func(i int) uint32 { return v * uint32(1-i%2) })
}

// maskBits runs Philox4x32-7 on four counters side by side, twice. Words of 32 bits lie in the lower halves of words of 64;
// what is in the upper halves does not matter.
func maskBits() {
	text("maskBits", "(dst []uint8, seed, block uint64, last uint32)", "draws the 8·len(dst) bits that begin with those of the counter block.")
	dst, n := pointer("dst"), length("dst")
	key := [2]vec{YMM(), YMM()}
	counter, last := YMM(), YMM()
	seed := Load(Param("seed"), GP64()).(gp)
	VMOVQ(seed, key[0].AsX())
	VPBROADCASTQ(key[0].AsX(), key[0])
	VPSRLQ(operand.U8(32), key[0], key[1])
	block, err := Param("block").Resolve()
	if err != nil {
		panic(err)
	}
	VPBROADCASTQ(block.Addr, counter)
	VPADDQ(words("counters", func(i int) uint32 { return uint32(i / 2 * (1 - i%2)) }), counter, counter)
	VMOVD(Load(Param("last"), GP32()), last.AsX())
	VPBROADCASTW(last.AsX(), last)
	first := func() (c [4]vec) {
		c = [4]vec{dup(counter), YMM(), zero(), zero()}
		VPSRLQ(operand.U8(32), counter, c[1])
		VPADDQ(quads(4), counter, counter)
		return c
	}
	SUBQ(operand.U8(8), n)
	JL(operand.LabelRef("few"))
	Label("eight")
	a, b := first(), first()
	for range 7 {
		round(&a, key)
		round(&b, key)
		addKey(key, 1)
	}
	addKey(key, -7)
	MOVL(choose(a, last), mem{Base: dst})
	MOVL(choose(b, last), mem{Base: dst, Disp: 4})
	ADDQ(operand.U8(8), dst)
	SUBQ(operand.U8(8), n)
	JGE(operand.LabelRef("eight"))
	Label("few")
	ADDQ(operand.U8(8), n)
	JE(operand.LabelRef("done"))
	Label("four")
	a = first()
	for range 7 {
		round(&a, key)
		addKey(key, 1)
	}
	addKey(key, -7)
	bits := choose(a, last)
	left := GP64()
	MOVQ(operand.U32(4), left)
	Label("byte")
	MOVB(bits.As8(), mem{Base: dst})
	SHRL(operand.U8(8), bits)
	INCQ(dst)
	DECQ(n)
	JE(operand.LabelRef("done"))
	DECQ(left)
	JNE(operand.LabelRef("byte"))
	JMP(operand.LabelRef("four"))
	Label("done")
	ret()
}

// round is one round of Philox on four counters.
func round(c *[4]vec, k [2]vec) {
	VPMULUDQ(quads(0xD2511F53), c[0], c[0])
	VPMULUDQ(quads(0xCD9E8D57), c[2], c[2])
	for i := range 2 {
		high := YMM()
		VPSRLQ(operand.U8(32), c[2-2*i], high)
		VPXOR(high, c[2*i+1], c[2*i+1])
		VPXOR(k[i], c[2*i+1], c[2*i+1])
	}
	*c = [4]vec{c[1], c[2], c[3], c[0]}
}

// addKey goes on to the key of another round.
func addKey(k [2]vec, rounds int32) {
	VPADDD(bits(uint32(rounds)*0x9E3779B9), k[0], k[0])
	VPADDD(bits(uint32(rounds)*0xBB67AE85), k[1], k[1])
}

// choose compares the 32 halves of words with last, counter by counter.
func choose(c [4]vec, last vec) gp {
	var w [2]vec
	for i := range w {
		w[i] = YMM()
		VPSLLQ(operand.U8(32), c[2*i+1], w[i])
		VPBLENDD(operand.U8(0xaa), w[i], c[2*i], w[i])
	}
	lo, hi := YMM(), YMM()
	VPUNPCKLQDQ(w[1], w[0], lo)
	VPUNPCKHQDQ(w[1], w[0], hi)
	for _, v := range []vec{lo, hi} {
		least := YMM()
		VPMINUW(v, last, least)
		VPCMPEQW(v, least, v)
	}
	VPACKSSWB(hi, lo, lo)
	r := GP32()
	VPMOVMSKB(lo, r)
	return r
}
