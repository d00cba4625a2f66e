package dsp

import (
	"fmt"
	"math"
	"math/cmplx"
)

// Ellip designs an elliptic filter (Cauer), the steepest of an order, with ripple in both bands.
//
// Ripple, in dB, is how deep the gain dips in the pass band, which ends at the edges; attenuation, in dB and above
// ripple, is what the stop band loses at least. It is scipy.signal.ellip(order, ripple, attenuation, edges, kind, fs=rate,
// output="sos"), with the same sections in the same order. The design is that of Orfanidis, "Lecture notes on elliptic
// filter design" (2006).
func Ellip(order int, ripple, attenuation float64, b Band, rate float64) (SOS, error) {
	if err := checkOrder(order); err != nil {
		return nil, err
	}
	if err := checkDecibel("ripple in the pass band", ripple); err != nil {
		return nil, err
	}
	if err := checkDecibel("attenuation of the stop band", attenuation); err != nil {
		return nil, err
	}
	if ripple >= attenuation {
		return nil, fmt.Errorf("ripple in the pass band is %g dB and attenuation of the stop band %g dB, the first must be below the second", ripple, attenuation)
	}
	return cauer(order, ripple, attenuation).digital(b, rate)
}

// cauer is the elliptic prototype.
func cauer(order int, ripple, attenuation float64) zpk {
	eps := math.Sqrt(pow10m1(0.1 * ripple))
	if order == 1 {
		return zpk{p: []complex128{complex(-1/eps, 0)}, k: 1 / eps}
	}
	n := float64(order)
	k1 := eps / math.Sqrt(pow10m1(0.1*attenuation))
	k := degree(n, k1)
	up, down := landen(k), landen(k1)
	v0 := imag(arcSN(complex(0, 1/eps), down)) / n
	var f zpk
	for i := 1; i <= order/2; i++ {
		u := float64(2*i-1) / n
		zero := 1 / (k * real(ellipticCD(complex(u, 0), up)))
		f.z = append(f.z, complex(0, zero), complex(0, -zero))
		pole := complex(0, 1) * ellipticCD(complex(u, -v0), up)
		f.p = append(f.p, pole, cmplx.Conj(pole))
	}
	if order%2 == 1 {
		f.p = append(f.p, complex(-imag(ellipticSN(complex(0, v0), up)), 0))
	}
	f.k = real(prod(each(f.p, negate)) / prod(each(f.z, negate)))
	if order%2 == 0 {
		f.k /= math.Sqrt(1 + eps*eps)
	}
	return f
}

// quarterPeriod is the complete elliptic integral K of the modulus whose complement is kc, by the arithmetic-geometric
// mean (Abramowitz and Stegun 17.6.3).
func quarterPeriod(kc float64) float64 {
	a, b := 1.0, kc
	for range 60 {
		if math.Abs(a-b) <= 0x1p-52*a {
			break
		}
		a, b = (a+b)/2, math.Sqrt(a*b)
	}
	return math.Pi / (a + b)
}

// degree solves the degree equation for the modulus k by the series of the nome.
func degree(n, k1 float64) float64 {
	nome := math.Exp(-math.Pi * quarterPeriod(k1) / quarterPeriod(math.Sqrt((1-k1)*(1+k1))))
	q := math.Pow(nome, 1/n)
	num, den := 1.0, 1.0
	for m := 1.0; m <= 12; m++ {
		num += math.Pow(q, m*(m+1))
		den += 2 * math.Pow(q, m*m)
	}
	r := num / den
	return min(4*math.Sqrt(q)*r*r, 1)
}

// landen is the falling sequence of moduli from k on, k itself first, until the next would be 0 (Landen's
// transformation).
func landen(k float64) []float64 {
	ks := []float64{k}
	for k > 1e-18 && len(ks) < 16 {
		root := k / (1 + math.Sqrt((1-k)*(1+k)))
		k = root * root
		ks = append(ks, k)
	}
	return ks
}

// ellipticSN is the Jacobi function sn(u·K), u in units of the quarter period, for the moduli ks of landen.
func ellipticSN(u complex128, ks []float64) complex128 {
	return ascend(cmplx.Sin(u*complex(math.Pi/2, 0)), ks)
}

// ellipticCD is cd(u·K).
func ellipticCD(u complex128, ks []float64) complex128 {
	return ascend(cmplx.Cos(u*complex(math.Pi/2, 0)), ks)
}

// ascend brings w from the modulus 0, where the functions are circular, up to ks[0].
func ascend(w complex128, ks []float64) complex128 {
	for i := len(ks) - 1; i > 0; i-- {
		v := complex(ks[i], 0)
		w = (1 + v) * w / (1 + v*w*w)
	}
	return w
}

// arcSN is u with sn(u·K) = w.
func arcSN(w complex128, ks []float64) complex128 {
	for i := 1; i < len(ks); i++ {
		kw := complex(ks[i-1], 0) * w
		w = 2 * w / (complex(1+ks[i], 0) * (1 + cmplx.Sqrt((1-kw)*(1+kw))))
	}
	return cmplx.Asin(w) * complex(2/math.Pi, 0)
}
