package spd

// The kernels below carry almost all of the work on small matrices. Each has one order of additions, which the AVX
// versions follow exactly and without fused multiply-add, so that the same matrix gives the same bits on every machine
// that runs the same build: the rounding of an inverse square root once moved a published accuracy by two points from
// machine to machine. (The products stand inside float64() so that no compiler fuses them either.)

// lanes is the number of float64 that the kernels work on at once; rows of a Matrix are padded to a multiple of it.
const lanes = 4

// pad is n rounded up to a multiple of lanes.
func pad(n int) int { return (n + lanes - 1) &^ (lanes - 1) }

// gemm adds to C [rows, cols], whose rows are ldc apart, the product of A [rows, k] and B [k, cols]:
//
//	C[i][j] (+)= Σ_k A[i][k] · B[k][j],  k ascending
//
// Entry (i, k) of A stands at a[i·ars + k·aks], so that a transposed matrix needs no copy. rows and cols are multiples
// of lanes. Without accumulate C is overwritten.
func gemm(c, a, b []float64, rows, cols, k, ars, aks, ldb, ldc int, accumulate bool) {
	_ = c[(rows-1)*ldc+cols-1]
	_ = a[(rows-1)*ars+(k-1)*aks]
	_ = b[(k-1)*ldb+cols-1]
	if useAVX {
		gemmAVX(&c[0], &a[0], &b[0], rows, cols, k, ars, aks, ldb, ldc, accumulate)
		return
	}
	gemmGo(c, a, b, rows, cols, k, ars, aks, ldb, ldc, accumulate)
}

func gemmGo(c, a, b []float64, rows, cols, k, ars, aks, ldb, ldc int, accumulate bool) {
	for i := range rows {
		ci := c[i*ldc : i*ldc+cols]
		if !accumulate {
			clear(ci)
		}
		for p := range k {
			v := a[i*ars+p*aks]
			for j, w := range b[p*ldb : p*ldb+cols] {
				ci[j] += float64(v * w)
			}
		}
	}
}

// turn rotates the rows m, m−1, …, m−n of z, ld apart and cols wide, in the planes of (m−1, m), (m−2, m−1), …: row i
// becomes c·row i − s·row (i+1), row i+1 becomes s·row i + c·row (i+1). The cosines and sines stand at c[0], c[step], ….
// cols is a multiple of lanes.
func turn(z []float64, m, n, cols, ld int, c, s []float64, step int) {
	_ = z[m*ld+cols-1]
	_ = c[(n-1)*step]
	_ = s[(n-1)*step]
	if useAVX && n > 0 && n <= m {
		turnAVX(&z[m*ld], &c[0], &s[0], n, cols, ld, step)
		return
	}
	turnGo(z, m, n, cols, ld, c, s, step)
}

func turnGo(z []float64, m, n, cols, ld int, c, s []float64, step int) {
	for k := range n {
		y := z[(m-k)*ld : (m-k)*ld+cols]
		x := z[(m-k-1)*ld : (m-k-1)*ld+cols]
		cos, sin := c[k*step], s[k*step]
		for j, u := range x {
			v := y[j]
			x[j] = float64(cos*u) - float64(sin*v)
			y[j] = float64(sin*u) + float64(cos*v)
		}
	}
}

// combine fills dst, whose length is a multiple of lanes, with Σ_i v[i] · A[i], the rows of A being lda apart.
func combine(dst, v, a []float64, lda int) {
	_ = a[(len(v)-1)*lda+len(dst)-1]
	if useAVX {
		combineAVX(&dst[0], &v[0], &a[0], len(v), len(dst), lda)
		return
	}
	combineGo(dst, v, a, lda)
}

func combineGo(dst, v, a []float64, lda int) {
	clear(dst)
	for i, f := range v {
		for j, w := range a[i*lda : i*lda+len(dst)] {
			dst[j] += float64(f * w)
		}
	}
}

// downdate2 subtracts from the rows of A, lda apart, A[i] −= v[i]·w + w[i]·v for i below rows. v and w are of one
// length, a multiple of lanes.
func downdate2(a, v, w []float64, rows, lda int) {
	_ = a[(rows-1)*lda+len(v)-1]
	_ = v[rows-1]
	if useAVX {
		downdate2AVX(&a[0], &v[0], &w[:len(v)][0], rows, len(v), lda)
		return
	}
	downdate2Go(a, v, w, rows, lda)
}

func downdate2Go(a, v, w []float64, rows, lda int) {
	w = w[:len(v)]
	for i := range rows {
		f, g := v[i], w[i]
		ai := a[i*lda : i*lda+len(v)]
		for j := range ai {
			ai[j] -= float64(f*w[j]) + float64(g*v[j])
		}
	}
}

// downdate subtracts from the rows of A, lda apart, A[i] −= v[i]·w for each i. The length of w is a multiple of lanes.
func downdate(a, v, w []float64, lda int) {
	_ = a[(len(v)-1)*lda+len(w)-1]
	if useAVX {
		downdateAVX(&a[0], &v[0], &w[0], len(v), len(w), lda)
		return
	}
	downdateGo(a, v, w, lda)
}

func downdateGo(a, v, w []float64, lda int) {
	for i, f := range v {
		ai := a[i*lda : i*lda+len(w)]
		for j, g := range w {
			ai[j] -= float64(f * g)
		}
	}
}

// gram3 fills out with the nine sums Σ_t x[i][t]·y[j][t] of three rows of x with three of y, both ld apart; n is a
// multiple of lanes. Lane l adds up t = l, l+4, …; the result is (lane 0 + lane 1) + (lane 2 + lane 3).
func gram3(out *[9]float64, x, y []float64, n, ld int) {
	_ = x[2*ld+n-1]
	_ = y[2*ld+n-1]
	if useAVX {
		gram3AVX(out, &x[0], &y[0], n, ld)
		return
	}
	gram3Go(out, x, y, n, ld)
}

func gram3Go(out *[9]float64, x, y []float64, n, ld int) {
	for i := range 3 {
		for j := range 3 {
			out[3*i+j] = laneDot(x[i*ld:i*ld+n], y[j*ld:j*ld+n])
		}
	}
}

// laneDot is Σ x·y in the order of gram3.
func laneDot(x, y []float64) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	t := 0
	for ; t+4 <= len(x); t += 4 {
		s0 += float64(x[t] * y[t])
		s1 += float64(x[t+1] * y[t+1])
		s2 += float64(x[t+2] * y[t+2])
		s3 += float64(x[t+3] * y[t+3])
	}
	for ; t < len(x); t++ {
		s0 += float64(x[t] * y[t])
	}
	return (s0 + s1) + (s2 + s3)
}

// center writes x without its mean to dst, which is as long. It measures from the first sample, so that a constant
// channel gives zeros and not the rounding errors of its mean. Lane l adds up t = l, l+4, …, the first one also what is
// left over at the end.
func center(dst, x []float64) {
	n := len(x) &^ (lanes - 1)
	pivot := x[0]
	var sums [lanes]float64
	if useAVX && n > 0 {
		liftAVX(&dst[:n][0], &x[0], n, pivot, &sums)
	} else {
		for t, v := range x[:n] {
			d := v - pivot
			dst[t] = d
			sums[t%lanes] += d
		}
	}
	for t := n; t < len(x); t++ {
		d := x[t] - pivot
		dst[t] = d
		sums[0] += d
	}
	mean := ((sums[0] + sums[1]) + (sums[2] + sums[3])) / float64(len(x))
	if useAVX && n > 0 {
		lowerAVX(&dst[0], n, mean)
	} else {
		for t := range dst[:n] {
			dst[t] -= mean
		}
	}
	for t := n; t < len(x); t++ {
		dst[t] -= mean
	}
}
