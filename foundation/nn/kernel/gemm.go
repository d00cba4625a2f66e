package kernel

// Gemm computes C = op(A)·op(B), or C += op(A)·op(B) if acc is set.
//
// C is m × n. A is m × k, or k × m if ta is set; B is k × n, or n × k if tb is set. C must not overlap A or B. Without
// acc, what was in C does not matter.
func (w *Work) Gemm(ta, tb bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	ar, ac, br, bc := m, k, k, n
	if ta {
		ar, ac = k, m
	}
	if tb {
		br, bc = n, k
	}
	checkMatrix("Gemm", "a", a, lda, ar, ac)
	checkMatrix("Gemm", "b", b, ldb, br, bc)
	checkMatrix("Gemm", "c", c, ldc, m, n)
	if m == 0 || n == 0 || k == 0 {
		gemmGeneric(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, acc)
		return
	}
	w.gemm(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, acc)
}

// gemmGeneric is Gemm in plain Go, row by row of C.
func gemmGeneric(ta, tb bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	if n == 0 {
		return
	}
	at, step := lda, 1 // of A from one row of C to the next, and from one product to the next
	if ta {
		at, step = 1, lda
	}
	for i := range m {
		y := c[i*ldc:][:n]
		if !acc {
			clear(y)
		}
		for l := range k {
			f := a[i*at+l*step]
			if tb {
				for j := range y {
					y[j] += float32(f * b[j*ldb+l])
				}
				continue
			}
			for j, v := range b[l*ldb:][:n] {
				y[j] += float32(f * v)
			}
		}
	}
}

// Packed is the right operand of a product in the order in which the kernels read it. It is not written to after
// Pack, so any number of goroutines may share it.
type Packed struct {
	n, k int
	b    []float32
}

// Pack copies op(B), k × n: B is k × n, or n × k if tb is set.
func Pack(tb bool, n, k int, b []float32, ldb int) *Packed {
	br, bc := k, n
	if tb {
		br, bc = n, k
	}
	checkMatrix("Pack", "b", b, ldb, br, bc)
	p := &Packed{n: n, k: k}
	p.pack(tb, b, ldb)
	return p
}

// packGeneric lays out p as k × n.
func (p *Packed) packGeneric(tb bool, b []float32, ldb int) {
	p.b = make([]float32, p.n*p.k)
	for l := range p.k {
		for j := range p.n {
			if tb {
				p.b[l*p.n+j] = b[j*ldb+l]
			} else {
				p.b[l*p.n+j] = b[l*ldb+j]
			}
		}
	}
}

// GemmPacked computes C = A·P, or C += A·P if acc is set. A is m × k and C is m × n, with the n and k of Pack.
func (w *Work) GemmPacked(m int, a []float32, lda int, p *Packed, c []float32, ldc int, acc bool) {
	checkMatrix("GemmPacked", "a", a, lda, m, p.k)
	checkMatrix("GemmPacked", "c", c, ldc, m, p.n)
	if m == 0 || p.n == 0 || p.k == 0 {
		gemmGeneric(false, false, m, p.n, p.k, a, lda, p.b, p.n, c, ldc, acc)
		return
	}
	w.gemmPacked(m, a, lda, p, c, ldc, acc)
}
