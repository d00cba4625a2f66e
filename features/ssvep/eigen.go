package ssvep

import "math"

// largestEigenvalue is that of the positive semi-definite matrix a [n, n], of which only the lower triangle is read and
// which is destroyed; d and off [n] are work space. It neither allocates nor finds the other eigenvalues: Householder's
// tridiagonal form (Golub and Van Loan, Matrix Computations, 8.3.1), then Laguerre's method, which comes down
// from a bound to the largest root of the characteristic polynomial without passing it, because all roots are real
// (Parlett 1964, doi:10.1090/S0025-5718-1964-0165668-3).
func largestEigenvalue(a, d, off []float64) float64 {
	n := len(d)
	tridiagonal(a, d, off)
	bound, trace := 0.0, 0.0
	for i, v := range d {
		radius := math.Abs(off[i])
		if i > 0 {
			radius += math.Abs(off[i-1])
		}
		bound = max(bound, v+radius)
		trace += v
	}
	x := min(bound, trace) * (1 + 1e-15)
	if x == 0 || n == 1 {
		return max(d[0], x)
	}
	for range 50 { // it takes 3 to 6
		step := laguerre(d, off, x)
		if !(step > 2e-16*x) {
			break
		}
		x -= step
	}
	return x
}

// laguerre is the step from x, above the largest eigenvalue, towards it; 0 or NaN where rounding has led to it or below.
// g = Σ 1/(x−λ) and h = Σ 1/(x−λ)² come from the pivots of x − T and their derivatives.
func laguerre(d, off []float64, x float64) float64 {
	var g, h float64
	p, p1, p2 := 1.0, 0.0, 0.0 // the pivot before and its first two derivatives in x
	for i, v := range d {
		b := 0.0
		if i > 0 {
			b = off[i-1] * off[i-1]
		}
		inv := 1 / p
		r := b * inv
		s := p1 * inv
		p2 = r * (p2*inv - 2*s*s)
		p1 = 1 + r*s
		p = x - v - r
		if p <= 0 {
			return 0
		}
		inv = 1 / p
		s = p1 * inv
		g += s
		h += s*s - p2*inv
	}
	n := float64(len(d))
	return n / (g + math.Sqrt(max((n-1)*(n*h-g*g), 0)))
}

// tridiagonal fills d with the diagonal and off with the off-diagonal (its last number is 0) of the tridiagonal matrix
// similar to a.
func tridiagonal(a, d, off []float64) {
	n := len(d)
	for k := range n - 2 {
		norm := 0.0
		for i := k + 1; i < n; i++ {
			norm += a[i*n+k] * a[i*n+k]
		}
		d[k] = a[k*n+k]
		off[k] = math.Sqrt(norm)
		if norm == 0 {
			continue
		}
		if a[(k+1)*n+k] > 0 {
			off[k] = -off[k]
		}
		a[(k+1)*n+k] -= off[k] // the vector v of the reflection lies in column k
		beta := -1 / (off[k] * a[(k+1)*n+k])
		// w = β A v − (β² vᵀAv / 2) v, kept in the part of off that is not used yet
		w := off[k+1:]
		clear(w)
		for i := k + 1; i < n; i++ {
			row, v, sum := a[i*n:i*n+i+1], a[i*n+k], 0.0
			for j := k + 1; j < i; j++ {
				sum += row[j] * a[j*n+k]
				w[j-k-1] += row[j] * v
			}
			w[i-k-1] += sum + row[i]*v
		}
		dot := 0.0
		for i := range w {
			w[i] *= beta
			dot += w[i] * a[(i+k+1)*n+k]
		}
		dot *= beta / 2
		for i := range w {
			w[i] -= dot * a[(i+k+1)*n+k]
		}
		for i := k + 1; i < n; i++ {
			row, v, u := a[i*n:i*n+i+1], a[i*n+k], w[i-k-1]
			for j := k + 1; j <= i; j++ {
				row[j] -= v*w[j-k-1] + u*a[j*n+k]
			}
		}
	}
	if n > 1 {
		d[n-2], off[n-2] = a[(n-2)*n+n-2], a[(n-1)*n+n-2]
	}
	d[n-1], off[n-1] = a[n*n-1], 0
}
