package dsp

import "math"

// fftCore is the transform of a length that has small prime factors only, as one pass per factor.
//
// A pass of radix r reads src[k][j][i] and writes dst[j][k][i] with k < l1, j < r and i < ido, l1·r·ido = n: it takes
// r-point transforms over j and turns output j by the j·l1·i-th n-th root of unity. l1 is the product of the radices
// before, so the last pass has ido = 1 and nothing to turn.
type fftCore struct {
	n      int
	passes []fftPass
}

type fftPass struct {
	radix, l1, ido int
	tw             []complex128 // [ido][radix−1]; nil where ido is 1
}

// factorize splits n into the radices of its passes. Where n has a prime factor above 7 it says that it is not smooth.
func factorize(n int) (radices []int, smooth bool) {
	twos := 0
	for ; n%2 == 0; n /= 2 {
		twos++
	}
	for _, p := range []int{7, 5, 3} {
		for ; n%p == 0; n /= p {
			radices = append(radices, p)
		}
	}
	for ; twos >= 2; twos -= 2 {
		radices = append(radices, 4)
	}
	if twos == 1 {
		radices = append(radices, 2)
	}
	return radices, n == 1
}

func newCore(n int, radices []int) *fftCore {
	c := &fftCore{n: n}
	l1 := 1
	for _, r := range radices {
		p := fftPass{radix: r, l1: l1, ido: n / (l1 * r)}
		if p.ido > 1 {
			p.tw = make([]complex128, 0, (r-1)*p.ido)
			for i := range p.ido {
				for j := 1; j < r; j++ {
					p.tw = append(p.tw, root(j*l1*i, n))
				}
			}
		}
		c.passes = append(c.passes, p)
		l1 *= r
	}
	return c
}

// root is exp(−2πi·k/n), to the last bit or nearly so: the angle is brought below π/4 in whole numbers.
func root(k, n int) complex128 {
	k %= n
	octant := 8 * k / n // the angle is between octant·π/4 and the next
	sincos := func(num int) (sin, cos float64) { return math.Sincos(2 * math.Pi * float64(num) / float64(8*n)) }
	var s, c float64
	switch octant {
	case 0:
		s, c = sincos(8 * k)
	case 1:
		c, s = sincos(2*n - 8*k)
	case 2:
		c, s = sincos(8*k - 2*n)
		c = -c
	case 3:
		s, c = sincos(4*n - 8*k)
		c = -c
	case 4:
		s, c = sincos(8*k - 4*n)
		s, c = -s, -c
	case 5:
		c, s = sincos(6*n - 8*k)
		s, c = -s, -c
	case 6:
		c, s = sincos(8*k - 6*n)
		s = -s
	default:
		s, c = sincos(8*n - 8*k)
		s = -s
	}
	return complex(c, -s)
}

// run transforms a, with b of the same length as the second buffer, and returns the one that has the result.
func (c *fftCore) run(a, b []complex128) []complex128 {
	for i := range c.passes {
		c.passes[i].run(b, a)
		a, b = b, a
	}
	return a
}

func (p *fftPass) run(dst, src []complex128) {
	switch p.radix {
	case 2:
		pass2(dst, src, p)
	case 3:
		pass3(dst, src, p)
	case 4:
		pass4(dst, src, p)
	case 5:
		pass5(dst, src, p)
	default:
		pass7(dst, src, p)
	}
}
