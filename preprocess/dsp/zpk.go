package dsp

import (
	"cmp"
	"math"
	"math/cmplx"
	"slices"
)

// zpk is a transfer function k·∏(s−z)/∏(s−p) in zeros, poles and gain: what a family of filters (Butterworth, Chebyshev,
// elliptic, Bessel) has to give as its analog low-pass prototype with the edge at 1 rad/s. All else is shared.
//
// The transforms are those of Oppenheim and Schafer, Discrete-Time Signal Processing (3rd edition, chapter 7), in the
// form that SciPy gives them. The zeros at infinity, len(p)−len(z) of them, are not stored.
type zpk struct {
	z, p []complex128
	k    float64
}

// degree is the number of zeros at infinity.
func (f zpk) degree() int { return len(f.p) - len(f.z) }

// lowpass moves the edge from 1 to w rad/s.
func (f zpk) lowpass(w float64) zpk {
	c := complex(w, 0)
	scale := func(v complex128) complex128 { return c * v }
	return zpk{each(f.z, scale), each(f.p, scale), f.k * math.Pow(w, float64(f.degree()))}
}

// highpass mirrors the frequencies at the edge: the zeros at infinity come to 0.
func (f zpk) highpass(w float64) zpk {
	c := complex(w, 0)
	invert := func(v complex128) complex128 { return c / v }
	return zpk{
		append(each(f.z, invert), make([]complex128, f.degree())...),
		each(f.p, invert),
		f.k * real(prod(each(f.z, negate))/prod(each(f.p, negate))),
	}
}

// bandpass spreads the pass band over a width of bw rad/s around the geometric centre w0.
func (f zpk) bandpass(w0, bw float64) zpk {
	half := complex(bw/2, 0)
	scale := func(v complex128) complex128 { return v * half }
	return zpk{
		append(split(each(f.z, scale), w0), make([]complex128, f.degree())...),
		split(each(f.p, scale), w0),
		f.k * math.Pow(bw, float64(f.degree())),
	}
}

// bandstop takes a width of bw rad/s out around the geometric centre w0, where the zeros at infinity go.
func (f zpk) bandstop(w0, bw float64) zpk {
	half := complex(bw/2, 0)
	invert := func(v complex128) complex128 { return half / v }
	z := split(each(f.z, invert), w0)
	for range f.degree() {
		z = append(z, complex(0, w0), complex(0, -w0))
	}
	return zpk{z, split(each(f.p, invert), w0), f.k * real(prod(each(f.z, negate))/prod(each(f.p, negate)))}
}

// split puts two roots in place of each, one for the positive and one for the negative frequencies around w0.
func split(roots []complex128, w0 float64) []complex128 {
	out := make([]complex128, 2*len(roots))
	for i, v := range roots {
		d := cmplx.Sqrt(v*v - complex(w0*w0, 0))
		out[i], out[len(roots)+i] = v+d, v-d
	}
	return out
}

// bilinear maps the s plane to the z plane, where the sampling rate is rate. The zeros at infinity come to half of it.
func (f zpk) bilinear(rate float64) zpk {
	c := complex(2*rate, 0)
	toZ := func(v complex128) complex128 { return (c + v) / (c - v) }
	under := func(v complex128) complex128 { return c - v }
	z := each(f.z, toZ)
	for range f.degree() {
		z = append(z, -1)
	}
	return zpk{z, each(f.p, toZ), f.k * real(prod(each(f.z, under))/prod(each(f.p, under)))}
}

// sos pairs poles with zeros and orders the sections as scipy.signal.zpk2sos does with pairing="nearest": the pair of
// poles nearest to the unit circle takes the nearest zeros and comes last, and so on; the first section bears the gain.
// Where two roots are equally near (a band symmetric about a quarter of the rate), rounding decides, there as here.
//
// f is digital, with as many zeros as poles, complex ones in conjugate pairs.
func (f zpk) sos() SOS {
	z, p := f.z, f.p
	if len(p)%2 == 1 { // a pair that cancels makes the last section one of second order
		z, p = append(slices.Clone(z), 0), append(slices.Clone(p), 0)
	}
	// From here on one of each conjugate pair stands for both. The number of real roots is even, of poles as of zeros, so
	// a real one always finds a partner.
	z, p = halves(z), halves(p)
	sos := make(SOS, len(f.p)/2+len(f.p)%2)
	for i := len(sos) - 1; i >= 0; i-- {
		var p1, p2, z1, z2 complex128
		p1, p = take(p, fromCircle, false)
		if imag(p1) != 0 {
			p2 = cmplx.Conj(p1)
		} else {
			p2, p = take(p, fromCircle, true)
		}
		fromPole := func(v complex128) float64 { return cmplx.Abs(v - p1) }
		z1, z = take(z, fromPole, false)
		if imag(z1) != 0 {
			z2 = cmplx.Conj(z1)
		} else {
			z2, z = take(z, fromPole, true)
		}
		sos[i] = Section{1, -real(z1 + z2), real(z1 * z2), -real(p1 + p2), real(p1 * p2)}
	}
	sos[0].B0 *= f.k
	sos[0].B1 *= f.k
	sos[0].B2 *= f.k
	return sos
}

func fromCircle(v complex128) float64 { return math.Abs(1 - cmplx.Abs(v)) }

// take removes the root with the least cost, the first of equals; with onlyReal, of the real ones.
func take(roots []complex128, cost func(complex128) float64, onlyReal bool) (least complex128, rest []complex128) {
	at := -1
	for i, v := range roots {
		if onlyReal && imag(v) != 0 {
			continue
		}
		if at < 0 || cost(v) < cost(roots[at]) {
			at = i
		}
	}
	least = roots[at]
	return least, slices.Delete(roots, at, at+1)
}

// halves is the complex roots of the upper half plane, by real part, then the real ones. Roots within a few roundings
// of the real axis are real.
func halves(roots []complex128) []complex128 {
	const tol = 100 * 0x1p-52
	var up, line []complex128
	for _, v := range roots {
		switch {
		case math.Abs(imag(v)) <= tol*cmplx.Abs(v):
			line = append(line, complex(real(v), 0))
		case imag(v) > 0:
			up = append(up, v)
		}
	}
	byReal := func(a, b complex128) int {
		return cmp.Or(cmp.Compare(real(a), real(b)), cmp.Compare(imag(a), imag(b)))
	}
	slices.SortFunc(up, byReal)
	slices.SortFunc(line, byReal)
	return append(up, line...)
}

func each(roots []complex128, f func(complex128) complex128) []complex128 {
	out := make([]complex128, len(roots))
	for i, v := range roots {
		out[i] = f(v)
	}
	return out
}

func negate(v complex128) complex128 { return -v }

func prod(roots []complex128) complex128 {
	p := complex128(1)
	for _, v := range roots {
		p *= v
	}
	return p
}
