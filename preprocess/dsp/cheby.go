package dsp

import (
	"fmt"
	"math"
	"math/cmplx"
)

// Cheby1 designs a Chebyshev filter of type I: steeper than Butter of the same order, at the price of ripple in the pass
// band (Parks and Burrus 1987, Digital Filter Design, chapter 7).
//
// Ripple, in dB and above 0, is how deep the gain dips in the pass band; at the edges it has fallen by that much, not by
// 3 dB. Orders and edges are those of Butter. It is scipy.signal.cheby1(order, ripple, edges, kind, fs=rate,
// output="sos"), with the same sections in the same order.
func Cheby1(order int, ripple float64, b Band, rate float64) (SOS, error) {
	if err := checkOrder(order); err != nil {
		return nil, err
	}
	if err := checkDecibel("ripple in the pass band", ripple); err != nil {
		return nil, err
	}
	return chebyshev1(order, ripple).digital(b, rate)
}

// Cheby2 designs a Chebyshev filter of type II, flat in the pass band and with ripple in the stop band.
//
// Attenuation, in dB and above 0, is what the stop band loses at least; the edges are where it is first reached, not
// where half the power is left. It is scipy.signal.cheby2(order, attenuation, edges, kind, fs=rate, output="sos"), with
// the same sections in the same order.
func Cheby2(order int, attenuation float64, b Band, rate float64) (SOS, error) {
	if err := checkOrder(order); err != nil {
		return nil, err
	}
	if err := checkDecibel("attenuation of the stop band", attenuation); err != nil {
		return nil, err
	}
	return chebyshev2(order, attenuation).digital(b, rate)
}

func checkOrder(order int) error {
	if order < 1 || order > MaxOrder {
		return fmt.Errorf("order is %d, must be 1 to %d", order, MaxOrder)
	}
	return nil
}

// checkDecibel bounds a depth in dB: beyond 200 dB, 10 to the power of it loses the 1 beside it to rounding.
func checkDecibel(what string, db float64) error {
	const most = 200
	if !(0 < db && db <= most) {
		return fmt.Errorf("%s is %g dB, must be above 0 and at most %d", what, db, most)
	}
	return nil
}

// pow10m1 is 10^x − 1 without loss for small x.
func pow10m1(x float64) float64 { return math.Expm1(math.Ln10 * x) }

// chebyshev1 is the prototype: poles on an ellipse, no zeros.
func chebyshev1(order int, ripple float64) zpk {
	eps := math.Sqrt(pow10m1(0.1 * ripple))
	mu := math.Asinh(1/eps) / float64(order)
	f := zpk{k: 1}
	for m := 1 - order; m < order; m += 2 {
		theta := math.Pi * float64(m) / float64(2*order)
		f.p = append(f.p, -cmplx.Sinh(complex(mu, theta)))
	}
	f.k = real(prod(each(f.p, negate)))
	if order%2 == 0 { // the gain at 0 is at the bottom of the ripple
		f.k /= math.Sqrt(1 + eps*eps)
	}
	return f
}

// chebyshev2 is the prototype: the reciprocals of the poles of type I, and zeros on the imaginary axis.
func chebyshev2(order int, attenuation float64) zpk {
	mu := math.Asinh(math.Sqrt(pow10m1(0.1*attenuation))) / float64(order)
	var f zpk
	for m := 1 - order; m < order; m += 2 {
		theta := math.Pi * float64(m) / float64(2*order)
		f.p = append(f.p, -1/cmplx.Sinh(complex(mu, theta)))
		if m != 0 {
			f.z = append(f.z, complex(0, 1/math.Sin(theta)))
		}
	}
	f.k = real(prod(each(f.p, negate)) / prod(each(f.z, negate)))
	return f
}
