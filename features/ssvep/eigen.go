package ssvep

import "math"

// largestEigenvalues are those of lanes positive semi-definite matrices a [n, n], of which only the lower triangles are
// read and which are destroyed; d and off [n] are work space. It neither allocates nor finds the other eigenvalues:
// Householder's tridiagonal form (Golub and Van Loan, Matrix Computations, 8.3.1), then Laguerre's method, which comes down
// from a bound to the largest root of the characteristic polynomial without passing it, because all roots are real
// (Parlett 1964, doi:10.1090/S0025-5718-1964-0165668-3).
func largestEigenvalues(a, d, off []quad) (values quad) {
	n := len(d)
	tridiagonal(a, d, off)
	for lane := range values {
		bound, trace, last := 0.0, 0.0, 0.0
		for i := range d {
			v, next := d[i][lane], math.Abs(off[i][lane])
			bound = max(bound, v+next+last)
			trace += v
			last = next
		}
		x := min(bound, trace) * (1 + 1e-15)
		if x == 0 || n == 1 {
			x = max(d[0][lane], x)
		} else {
			for range 50 { // it takes 3 to 6
				step := laguerre(d, off, lane, x)
				if !(step > 2e-16*x) {
					break
				}
				x -= step
			}
		}
		values[lane] = x
	}
	return values
}

// laguerre is the step from x, above the largest eigenvalue, towards it; 0 or NaN where rounding has led to it or below.
// g = Σ 1/(x−λ) and h = Σ 1/(x−λ)² come from the pivots of x − T and their derivatives.
func laguerre(d, off []quad, lane int, x float64) float64 {
	off = off[:len(d)]
	var g, h, b float64
	inv, p1, p2 := 1.0, 0.0, 0.0 // of the pivot before: the inverse, and the first two derivatives in x
	for i := range d {
		r := b * inv
		s := p1 * inv
		p2 = r * (p2*inv - 2*s*s)
		p1 = 1 + r*s
		p := x - d[i][lane] - r
		if p <= 0 {
			return 0
		}
		inv = 1 / p
		s = p1 * inv
		g += s
		h += s*s - p2*inv
		b = off[i][lane] * off[i][lane]
	}
	n := float64(len(d))
	return n / (g + math.Sqrt(max((n-1)*(n*h-g*g), 0)))
}

// tridiagonal fills d with the diagonals and off with the off-diagonals (the last number is 0) of the tridiagonal matrices
// similar to a.
func tridiagonal(a, d, off []quad) {
	n := len(d)
	for k := range n - 2 {
		v, w := d[k+1:], off[k+1:][:n-k-1] // the vector of the reflection, and what changes the matrix, where nothing stands yet
		var norm quad
		for i := range v {
			v[i] = a[(i+k+1)*n+k]
			for l, x := range v[i] {
				norm[l] += x * x
			}
		}
		d[k] = a[k*n+k]
		var beta quad // 0 where there is nothing to reflect
		for l, x := range norm {
			if x == 0 {
				off[k][l] = 0
				continue
			}
			off[k][l] = math.Copysign(math.Sqrt(x), -v[0][l])
			v[0][l] -= off[k][l]
			beta[l] = -1 / (off[k][l] * v[0][l])
		}
		// w = β A v − (β² vᵀAv / 2) v
		var dot quad
		for i := range w {
			var s0, s1, s2, s3 float64
			row := a[(i+k+1)*n+k+1:][:i+1]
			for j := range row {
				x, y := &row[j], &v[j]
				s0 += x[0] * y[0]
				s1 += x[1] * y[1]
				s2 += x[2] * y[2]
				s3 += x[3] * y[3]
			}
			at := (i+k+2)*n + i + k + 1
			for j := i + 1; j < len(v); j++ {
				x, y := &a[at], &v[j]
				s0 += x[0] * y[0]
				s1 += x[1] * y[1]
				s2 += x[2] * y[2]
				s3 += x[3] * y[3]
				at += n
			}
			s0, s1, s2, s3 = s0*beta[0], s1*beta[1], s2*beta[2], s3*beta[3]
			w[i] = quad{s0, s1, s2, s3}
			y := &v[i]
			dot[0] += s0 * y[0]
			dot[1] += s1 * y[1]
			dot[2] += s2 * y[2]
			dot[3] += s3 * y[3]
		}
		for l := range dot {
			dot[l] *= beta[l] / 2
		}
		for i := range w {
			x, y := &w[i], &v[i]
			x[0] -= dot[0] * y[0]
			x[1] -= dot[1] * y[1]
			x[2] -= dot[2] * y[2]
			x[3] -= dot[3] * y[3]
		}
		for i := range w {
			v0, v1, v2, v3 := v[i][0], v[i][1], v[i][2], v[i][3]
			w0, w1, w2, w3 := w[i][0], w[i][1], w[i][2], w[i][3]
			row := a[(i+k+1)*n+k+1:][:i+1]
			for j := range row {
				r, x, y := &row[j], &v[j], &w[j]
				r[0] -= v0*y[0] + w0*x[0]
				r[1] -= v1*y[1] + w1*x[1]
				r[2] -= v2*y[2] + w2*x[2]
				r[3] -= v3*y[3] + w3*x[3]
			}
		}
	}
	if n > 1 {
		d[n-2], off[n-2] = a[(n-2)*n+n-2], a[(n-1)*n+n-2]
	}
	d[n-1], off[n-1] = a[n*n-1], quad{}
}
