package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// accumulators are vectors that start with v.
func accumulators(n int, v func() vec) []vec {
	acc := make([]vec, n)
	for i := range acc {
		acc[i] = v()
	}
	return acc
}

// join folds the accumulators into the first, in pairs.
func join(f func(...operand.Op), acc []vec) vec {
	for n := len(acc); n > 1; n /= 2 {
		for i := range n / 2 {
			f(acc[i+n/2], acc[i], acc[i])
		}
	}
	return acc[0]
}

func result(i int, v vec) { Store(v, ReturnIndex(i)) }

func reductions() {
	text("dot", "(x, y []float32) float32", "returns Σ x·y.")
	x, y, n := pointer("x"), pointer("y"), length("x")
	acc := accumulators(4, zero)
	loop(n, 4, func(a at) { fmac(acc[a.j], a.load(x), a.load(y)) })
	result(0, total(join(VADDPS, acc)))
	ret()

	text("sumOf", "(x []float32) float32", "returns Σ x.")
	x, n = pointer("x"), length("x")
	acc = accumulators(4, zero)
	loop(n, 4, func(a at) { accumulate(VADDPS, acc[a.j], a.load(x)) })
	result(0, total(join(VADDPS, acc)))
	ret()

	text("sumDot", "(x, y []float32) (s, d float32)", "returns Σ x and Σ x·y.")
	x, y, n = pointer("x"), pointer("y"), length("x")
	acc = accumulators(4, zero)
	more := accumulators(4, zero)
	loop(n, 4, func(a at) {
		v := a.load(x)
		accumulate(VADDPS, acc[a.j], v)
		fmac(more[a.j], a.load(y), v)
	})
	result(0, total(join(VADDPS, acc)))
	result(1, total(join(VADDPS, more)))
	ret()

	text("sumSqDev", "(x []float32, m float32) float32", "returns Σ (x−m)².")
	x, n = pointer("x"), length("x")
	mean := scalar("m")
	acc = accumulators(4, zero)
	loop(n, 4, func(a at) {
		d := a.zeroed(sub(a.load(x), mean))
		fmac(acc[a.j], d, d)
	})
	result(0, total(join(VADDPS, acc)))
	ret()

	text("maxOf", "(x []float32) float32", "returns the largest x, NaN if there is one.")
	x, n = pointer("x"), length("x")
	low := load(num(math.Inf(-1)))
	acc = accumulators(2, func() vec { return dup(low) })
	odd := accumulators(2, zero)
	loop(n, 2, func(a at) {
		v := a.filled(a.load(x), low)
		accumulate(VMAXPS, acc[a.j], v)
		o := odd[a.j]
		accumulate(VADDPS, o, keep(cmp(unord, v, v), v))
	})
	m := largest(join(VMAXPS, acc)) // which may have lost a NaN: adding the sum of the NaN, or of zeros, brings it back
	VADDSS(total(join(VADDPS, odd)), m, m)
	result(0, m)
	ret()

	text("finite", "(x []float32) bool", "says that there is neither Inf nor NaN in x.")
	x, n = pointer("x"), length("x")
	acc = accumulators(4, zero)
	none := zero()
	loop(n, 4, func(a at) { fmac(acc[a.j], a.load(x), none) }) // 0·Inf and 0·NaN are NaN
	s := total(join(VADDPS, acc))
	VUCOMISS(s, s)
	ok := GP8()
	SETPC(ok)
	Store(ok, ReturnIndex(0))
	ret()
}
