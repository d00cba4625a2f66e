package dsp

import (
	"math"
	"math/cmplx"
)

// Bessel designs a Bessel filter (Thomson 1949), the one with the flattest group delay: what passes keeps its shape.
//
// The edges are where the phase is midway between its values at 0 and far above, so that it falls off as Butter does far
// from them; the gain there is between −3 dB (order 1) and −12 dB (order 12). The bilinear transform bends the flat delay
// where edges come near rate/2. It is scipy.signal.bessel(order, edges, kind, norm="phase", fs=rate, output="sos"), with
// the same sections in the same order.
func Bessel(order int, b Band, rate float64) (SOS, error) {
	if err := checkOrder(order); err != nil {
		return nil, err
	}
	return thomson(order).digital(b, rate)
}

// thomson is the prototype: the roots of the reverse Bessel polynomial, scaled to a product of 1.
func thomson(order int) zpk {
	// θ_n(s) = Σ a_k·s^k with a_k = (2n−k)! / (2^(n−k)·k!·(n−k)!). All are whole and below 2^53 up to MaxOrder.
	n := order
	a := make([]float64, n+1)
	a[n] = 1
	for k := n; k > 0; k-- {
		a[k-1] = a[k] * float64(2*n-k+1) * float64(k) / (2 * float64(n-k+1))
	}
	scale := math.Pow(a[0], -1/float64(n))
	p := roots(a)
	for i := range p {
		p[i] *= complex(scale, 0)
	}
	return zpk{p: p, k: 1}
}

// roots is the zeros of Σ a[k]·s^k, real polynomials with simple roots of negative real part, by the method of Ehrlich
// and Aberth (1973, doi:10.1145/362248.362264): Newton's steps, with the other roots repelling.
func roots(a []float64) []complex128 {
	n := len(a) - 1
	radius := math.Pow(a[0], 1/float64(n))
	s := make([]complex128, n)
	for i := range s { // on the left half of a circle, conjugate to each other
		angle := math.Pi/2 + math.Pi*(float64(i)+0.5)/float64(n)
		s[i] = cmplx.Rect(radius, angle)
	}
	for range 200 {
		var worst float64
		for i := range (n + 1) / 2 { // the other half is conjugate
			v := s[i]
			p, d := complex(a[n], 0), complex128(0)
			for k := n - 1; k >= 0; k-- {
				p, d = p*v+complex(a[k], 0), d*v+p
			}
			step := p / d
			var push complex128
			for j, w := range s {
				if j != i {
					push += 1 / (v - w)
				}
			}
			v -= step / (1 - step*push)
			if i == n-1-i {
				v = complex(real(v), 0)
			}
			worst = max(worst, cmplx.Abs(v-s[i])/radius)
			s[i], s[n-1-i] = v, cmplx.Conj(v)
		}
		if worst < 1e-15 {
			break
		}
	}
	return s
}
