package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// all broadcasts the lowest lane of x.
func all(x vec) vec { return broadcast(x.AsX()) }

// reciprocal is 1/x in the lowest lane.
func reciprocal(x vec) vec {
	y := XMM()
	VMOVSS(num(1), y)
	VDIVSS(x, y, y)
	return y
}

// expFlush is e^(v−m) for v ≤ m, 0 where it is below e⁻⁸⁷.
func expFlush(v, m vec) vec {
	t := sub(v, m)
	low := load(num(-87))
	return keep(cmp(nlt, t, low), expNormal(above(t, low)))
}

func softmax() {
	text("softmax", "(y, x []float32)", "is one row of Softmax; len(x) > 0.")
	y, x, n := pointer("y"), pointer("x"), length("x")
	low := load(num(math.Inf(-1)))
	acc := accumulators(2, func() vec { return dup(low) })
	loop(copyOf(n), 2, func(a at) { accumulate(VMAXPS, acc[a.j], a.filled(a.load(x), low)) })
	m := all(largest(join(VMAXPS, acc)))
	acc = accumulators(2, zero)
	loop(copyOf(n), 2, func(a at) {
		e := expFlush(a.load(x), m)
		a.store(e, y)
		accumulate(VADDPS, acc[a.j], a.zeroed(e))
	})
	f := all(reciprocal(total(join(VADDPS, acc))))
	loop(n, 4, func(a at) { a.store(mul(a.load(y), f), y) })
	ret()

	text("sumExp", "(x []float32, m float32) float32", "returns Σ e^(x−m) for x ≤ m.")
	x, n = pointer("x"), length("x")
	m = scalar("m")
	acc = accumulators(2, zero)
	loop(n, 2, func(a at) { accumulate(VADDPS, acc[a.j], a.zeroed(expFlush(a.load(x), m))) })
	result(0, total(join(VADDPS, acc)))
	ret()
}

func softmaxGrad() {
	text("softmaxGrad", "(dx, dy, y []float32)", "computes dx = y·(dy − Σ dy·y).")
	dx, dy, y, n := pointer("dx"), pointer("dy"), pointer("y"), length("dx")
	acc := accumulators(4, zero)
	loop(copyOf(n), 4, func(a at) { fmac(acc[a.j], a.load(dy), a.load(y)) })
	d := all(total(join(VADDPS, acc)))
	loop(n, 4, func(a at) { a.store(mul(sub(a.load(dy), d), a.load(y)), dx) })
	ret()
}

// over divides the lowest lane of x by the number n.
func over(x vec, n gp) vec {
	y := XMM()
	VXORPS(y, y, y)
	VCVTSI2SSQ(n, y, y)
	VDIVSS(y, x, x)
	return x
}

func norms() {
	text("layerNorm", "(y, xhat, x, g, b []float32, eps float32) (rstd float32)", "is one row of LayerNorm; len(x) > 0, xhat may be nil.")
	y, h, x, g, b, n := pointer("y"), pointer("xhat"), pointer("x"), pointer("g"), pointer("b"), length("x")
	acc := accumulators(4, zero)
	loop(copyOf(n), 4, func(a at) { accumulate(VADDPS, acc[a.j], a.load(x)) })
	mean := all(over(total(join(VADDPS, acc)), n))
	acc = accumulators(4, zero)
	loop(copyOf(n), 4, func(a at) {
		d := a.zeroed(sub(a.load(x), mean))
		fmac(acc[a.j], d, d)
	})
	v := over(total(join(VADDPS, acc)), n)
	eps, err := Param("eps").Resolve()
	if err != nil {
		panic(err)
	}
	VADDSS(eps.Addr, v, v)
	VSQRTSS(v, v, v)
	r := reciprocal(v)
	result(0, r)
	r = all(r)
	TESTQ(h, h)
	JE(operand.LabelRef("forward"))
	loop(copyOf(n), 2, func(a at) {
		f, c := a.load(g), a.load(b)
		v := mul(sub(a.load(x), mean), r)
		a.store(v, h)
		a.store(fmac(c, v, f), y)
	})
	ret()
	Label("forward")
	loop(n, 2, func(a at) {
		v := mul(sub(a.load(x), mean), r)
		a.store(fmac(a.load(b), v, a.load(g)), y)
	})
	ret()

	text("layerNormGrad", "(dx, dg, db, dy, xhat, g []float32, rstd float32)", "is one row of LayerNormGrad; len(dx) > 0.")
	dx, dg, db, dy := pointer("dx"), pointer("dg"), pointer("db"), pointer("dy")
	h, g, n = pointer("xhat"), pointer("g"), length("dx")
	acc, more := accumulators(2, zero), accumulators(2, zero)
	loop(copyOf(n), 2, func(a at) {
		d, v, f, sg, sb := a.load(dy), a.load(h), a.load(g), a.load(dg), a.load(db)
		a.store(fmac(sg, d, v), dg)
		a.store(add(sb, d), db)
		d = mul(d, f)
		accumulate(VADDPS, acc[a.j], d)
		fmac(more[a.j], d, v)
	})
	s, t := all(over(total(join(VADDPS, acc)), n)), all(over(total(join(VADDPS, more)), n))
	r = scalar("rstd")
	loop(n, 2, func(a at) {
		d := sub(mul(a.load(dy), a.load(g)), s)
		a.store(mul(fnma(d, a.load(h), t), r), dx)
	})
	ret()
}
