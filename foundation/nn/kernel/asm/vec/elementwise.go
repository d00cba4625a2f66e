package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
)

// apply writes a kernel dst[0][i] = f(in[i]…) and so on, where the slices of out, some of in, are written.
func apply(name, sig, doc string, out, in []string, scalars []string, unroll int, f func(x, s []vec) []vec) {
	text(name, sig, doc)
	p := map[string]gp{}
	for _, list := range [][]string{out, in} {
		for _, s := range list {
			if _, ok := p[s]; !ok {
				p[s] = pointer(s)
			}
		}
	}
	n := length(out[0])
	var s []vec
	for _, k := range scalars {
		s = append(s, scalar(k))
	}
	loop(n, unroll, func(a at) {
		var x []vec
		for _, k := range in {
			x = append(x, a.load(p[k]))
		}
		for i, y := range f(x, s) {
			a.store(y, p[out[i]])
		}
	})
	ret()
}

// map1, map2 are kernels of one and two inputs.
func map1(name, doc string, unroll int, f func(x vec) vec) {
	apply(name, "(y, x []float32)", doc, []string{"y"}, []string{"x"}, nil, unroll,
		func(x, _ []vec) []vec { return []vec{f(x[0])} })
}

func map2(name, sig, doc string, in []string, unroll int, f func(x, y vec) vec) {
	out := sig[1:3]
	if sig[3] != ',' {
		out = "dst"
	}
	apply(name, sig, doc, []string{out}, in, nil, unroll, func(x, _ []vec) []vec { return []vec{f(x[0], x[1])} })
}

// light are the kernels that wait for memory.
func light() {
	const three, grad = "(dst, x, y []float32)", "(dx, dy, y []float32)"
	xy, dyy := []string{"x", "y"}, []string{"dy", "y"}
	map2("add", three, "computes dst = x + y.", xy, 4, func(x, y vec) vec { return add(x, y) })
	map2("sub", three, "computes dst = x − y.", xy, 4, func(x, y vec) vec { return sub(x, y) })
	map2("mul", three, "computes dst = x·y.", xy, 4, func(x, y vec) vec { return mul(x, y) })
	apply("mulAdd", three, "adds x·y to dst.", []string{"dst"}, []string{"dst", "x", "y"}, nil, 4,
		func(x, _ []vec) []vec { return []vec{fmac(x[0], x[1], x[2])} })
	apply("axpy", "(y, x []float32, a float32)", "adds a·x to y.", []string{"y"}, []string{"y", "x"}, []string{"a"}, 4,
		func(x, s []vec) []vec { return []vec{fmac(x[0], x[1], s[0])} })
	apply("scale", "(y, x []float32, a float32)", "computes y = a·x.", []string{"y"}, []string{"x"}, []string{"a"}, 4,
		func(x, s []vec) []vec { return []vec{mul(x[0], s[0])} })
	apply("affine", "(dst, x []float32, a, b float32)", "computes dst = a·x + b.", []string{"dst"}, []string{"x"}, []string{"a", "b"}, 4,
		func(x, s []vec) []vec { return []vec{fma(x[0], s[0], s[1])} })
	apply("affineVec", "(dst, x, a, b []float32)", "computes dst = a·x + b.", []string{"dst"}, []string{"x", "a", "b"}, nil, 4,
		func(x, _ []vec) []vec { return []vec{fma(x[0], x[1], x[2])} })
	apply("normGrad", "(dx, dy, xhat []float32, k, a, b float32)", "computes dx = k·(dy − a − xhat·b).",
		[]string{"dx"}, []string{"dy", "xhat"}, []string{"k", "a", "b"}, 2,
		func(x, s []vec) []vec { return []vec{mul(fnma(sub(x[0], s[1]), x[1], s[2]), s[0])} })
	map1("sqrt", "computes y = √x.", 2, sqrt)
	map1("relu", "computes y = max(x, 0).", 4, func(x vec) vec { return above(x, zero()) })
	map2("reluGrad", grad, "computes dx = dy where y is not below or at 0.", dyy, 4,
		func(d, y vec) vec { return keep(cmp(nle, y, zero()), d) })
	map2("eluGrad", grad, "computes dx = dy·(min(y, 0) + 1).", dyy, 4,
		func(d, y vec) vec { return mul(d, add(below(y, zero()), num(1))) })
	map2("sigmoidGrad", grad, "computes dx = dy·y·(1−y).", dyy, 4,
		func(d, y vec) vec { return mul(mul(d, y), sub(load(num(1)), y)) })
	map2("tanhGrad", grad, "computes dx = dy·(1−y²).", dyy, 4,
		func(d, y vec) vec { return mul(d, fnma(load(num(1)), y, y)) })
}

// heavy are those that compute.
func heavy() {
	const gradX = "(dx, dy, x []float32)"
	dyx := []string{"dy", "x"}
	map1("exp", "computes y = eˣ.", 2, exp)
	map1("log", "computes y = ln x.", 2, ln)
	map1("elu", "computes y = ELU(x).", 2, elu)
	apply("affineELU", "(y, x []float32, a, b float32)", "computes y = ELU(a·x + b).", []string{"y"}, []string{"x"}, []string{"a", "b"}, 2,
		func(x, s []vec) []vec { return []vec{elu(fma(x[0], s[0], s[1]))} })
	map1("gelu", "computes y = x·Φ(x).", 2, gelu)
	map2("geluGrad", gradX, "computes dx = dy·(Φ(x) + x·φ(x)).", dyx, 2, geluGrad)
	map1("silu", "computes y = x·σ(x).", 2, func(x vec) vec {
		x = above(x, load(num(-87)))
		n, _, d := logistic(x, func(x vec) vec { return expNormal(above(x, load(num(-87)))) })
		return div(mul(x, n), d)
	})
	map2("siluGrad", gradX, "computes dx = dy·σ(x)·(1 + x·σ(−x)).", dyx, 2, func(dy, x vec) vec {
		x = below(above(x, load(num(-87))), load(num(87)))
		n, m, d := logistic(x, expNormal)
		r := div(load(num(1)), d)
		f := fma(mul(m, r), x, num(1))
		return mul(mul(mul(n, r), f), dy)
	})
	map1("sigmoid", "computes y = σ(x).", 2, func(x vec) vec {
		n, _, d := logistic(x, exp)
		return div(n, d)
	})
	map1("tanh", "computes y = tanh x.", 2, func(x vec) vec {
		a := above(or(x, bits(0x80000000)), load(num(-10))) // −|x|; at 10 the result is 1
		q := expm1(add(a, a))
		q = and(div(q, add(q, num(2))), bits(0x7fffffff))
		return or(q, and(x, bits(0x80000000)))
	})
	adam()
}

// elu adds the parts above and below 0, of which one is 0. At −20 the result is −1.
func elu(x vec) vec {
	z := zero()
	return add(expm1(above(below(x, z), load(num(-20)))), above(x, z))
}

// magnitude is |x|, at most 13: farther out GELU has reached 0 or x.
func magnitude(x vec) vec { return below(and(x, bits(0x7fffffff)), load(num(13))) }

func gelu(x vec) vec {
	a := magnitude(x)
	return sub(above(x, zero()), upper(a, a))
}

func geluGrad(dy, x vec) vec {
	a := magnitude(x)
	one := load(num(1))
	q := upper(one, a)
	q = where(sign(x), q, sub(one, q))
	density := mul(expNormal(mul(mul(a, a), num(-0.5))), num(1/math.Sqrt(2*math.Pi)))
	return mul(dy, fmac(q, density, or(a, and(x, bits(0x80000000)))))
}

func adam() {
	text("adam", "(w, g, m, v []float32, p *[8]float32)", "takes one step of AdamW.")
	w, g, m, v := pointer("w"), pointer("g"), pointer("m"), pointer("v")
	n := length("w")
	p := Load(Param("p"), GP64()).(gp)
	var s [8]vec
	for i := range s {
		s[i] = broadcast(mem{Base: p, Disp: 4 * i})
	}
	loop(n, 1, func(a at) {
		// all loads come before the stores: a load waits for a store before it to the same place in another page
		d, first, second, y := a.load(g), a.load(m), a.load(v), a.load(w)
		first = fmac(mul(first, s[0]), d, s[1])
		second = fmac(mul(second, s[2]), mul(d, d), s[3])
		root := fma(sqrt(second), s[6], s[7])
		step := div(mul(first, s[5]), root)
		a.store(first, m)
		a.store(second, v)
		a.store(sub(mul(y, s[4]), step), w)
	})
	ret()
}
