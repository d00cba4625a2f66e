package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
)

// The coefficients come from fit.py.
var (
	expQ   = []float64{0.49999997, 0.16666542, 0.0416674316, 0.00836687349, 0.00138718588}
	logQ   = []float64{0.333333105, -0.24999994, 0.200022012, -0.16668652, 0.142187297, -0.123961642, 0.11885234, -0.117219031, 0.0680306405}
	upperP = []float64{1, 0.0498681776, 0.0211331863, 0.00330102793, 7.2429325e-06, 6.84691913e-05, -5.04617219e-07, 6.66659901e-07}
)

const (
	erfcP = 0.36
	// toInt is 1.5·2²³: added to a number below 2²², it leaves the nearest whole number in the lowest bits.
	toInt = 12582912
)

// expParts splits eˣ for −150·ln 2 < x < 129·ln 2: eˣ = 2ⁿ·(1+p). k holds n in its lowest bits, n holds it as a number.
func expParts(x vec) (n, k, p vec) {
	k = load(num(math.Log2E))
	k = fma(k, x, num(toInt))
	n = sub(k, num(toInt))
	high := float64(float32(math.Ln2))
	r := dup(x)
	r = fnma(r, n, num(high))
	r = fnma(r, n, num(math.Ln2-high))
	p = horner(r, expQ...)
	p = mul(p, r)
	p = fma(p, r, r)
	return n, k, p
}

// power is 2ⁿ for −126 ≤ n ≤ 127.
func power(k vec) vec { return addInt(shift(k, 23), bits(0x3f800000)) }

// exp is eˣ for any x. Below 2⁻¹²⁶ the result comes from two factors, of which the last rounds.
func exp(x vec) vec {
	x = above(x, load(num(-104)))
	x = below(x, load(num(89)))
	n, k, p := expParts(x)
	p = add(p, num(1))
	if wide {
		return op2(VSCALEFPS, p, n)
	}
	all := shift(k, 23)
	half := and(shift(all, -1), bits(0xff800000))
	rest := subInt(all, half)
	p = mul(p, addInt(half, bits(0x3f800000)))
	return mul(p, addInt(rest, bits(0x3f800000)))
}

// expNormal is eˣ for −87.3 ≤ x ≤ 88, or NaN.
func expNormal(x vec) vec {
	_, k, p := expParts(x)
	return mul(add(p, num(1)), power(k))
}

// expm1 is eˣ − 1 for −87.3 ≤ x ≤ 88, or NaN, with full relative accuracy for x ≤ 0.
func expm1(x vec) vec {
	_, k, p := expParts(x)
	s := power(k)
	return fma(p, s, sub(s, num(1)))
}

// ln is the natural logarithm of any x.
func ln(x vec) vec {
	small := cmp(lt, x, num(0x1p-126))
	m := where(small, mul(x, num(0x1p23)), x)
	e := subInt(m, bits(0x3f3504f3)) // the bits of √½: what is above them in the exponent counts
	f := addInt(mantissa(e), bits(0x3f3504f3))
	f = sub(f, num(1))
	n := sub(toFloat(shift(e, -23)), keep(small, load(num(23))))
	high := 0.693359375 // few bits: its product with n is exact
	q := horner(f, logQ...)
	q = mul(mul(q, f), mul(f, f))
	q = fmac(q, n, num(math.Ln2-high))
	q = fnma(q, mul(f, f), num(0.5))
	y := add(f, q)
	y = fmac(y, n, num(high))
	// what is not a positive number: NaN − NaN below 0, NaN and +Inf keep themselves, 0 is −Inf
	y = where(cmp(nlt, x, num(math.Inf(1))), x, y)
	y = where(cmp(lt, x, zero()), load(bits(0x7fc00000)), y)
	return where(cmp(0, x, zero()), load(num(math.Inf(-1))), y)
}

// mantissa is the bits of a below the exponent.
func mantissa(a vec) vec {
	y := newVec()
	if wide {
		emit(func() { VPANDD(bits(0x7fffff), a, y) })
	} else {
		emit(func() { VPAND(bits(0x7fffff), a, y) })
	}
	return y
}

func toFloat(a vec) vec {
	y := newVec()
	emit(func() { VCVTDQ2PS(a, y) })
	return y
}

// upper is c·½·erfc(a/√2) = c·½·p(a)⁻¹⁶, for 0 ≤ a ≤ 13 or NaN.
func upper(c, a vec) vec {
	p := horner(a, upperP...)
	for range 4 {
		p = mul(p, p)
	}
	return div(mul(c, num(0.5)), p)
}

// logistic is n = σ(x)·d and m = σ(−x)·d, with d = 1 + e^−|x|, for any x.
func logistic(x vec, e func(vec) vec) (n, m, d vec) {
	t := e(or(x, bits(0x80000000)))
	one := load(num(1))
	return where(sign(x), t, one), where(sign(x), one, t), add(t, one)
}
