//go:build !amd64 && !arm64

package kernel

func (w *Work) gemm(ta, tb bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	gemmGeneric(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, acc)
}

func (p *Packed) pack(tb bool, b []float32, ldb int) { p.packGeneric(tb, b, ldb) }

func (w *Work) gemmPacked(m int, a []float32, lda int, p *Packed, c []float32, ldc int, acc bool) {
	gemmGeneric(false, false, m, p.n, p.k, a, lda, p.b, p.n, c, ldc, acc)
}

func gemv(y, a []float32, lda, m, n int, x []float32, acc bool) { gemvGeneric(y, a, lda, m, n, x, acc) }
func gemvT(y, a []float32, lda, m, n int, x []float32, acc bool) {
	gemvTGeneric(y, a, lda, m, n, x, acc)
}

func (w *Work) conv(y []float32, ldy int, x []float32, ldx int, wt []float32, out, in, taps, dil, t int, acc bool) {
	convGeneric(y, ldy, x, ldx, wt, out, in, taps, dil, t, acc)
}

func (w *Work) convGradW(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	convGradWGeneric(dwt, dy, ldy, x, ldx, out, in, taps, dil, t)
}

func (w *Work) convGradWT(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	convGradWTGeneric(dwt, dy, ldy, x, ldx, out, in, taps, dil, t)
}

func (w *Work) convGradX(dx []float32, ldx int, dy []float32, ldy int, wt []float32, out, in, taps, dil, t int) {
	convGradXGeneric(dx, ldx, dy, ldy, wt, out, in, taps, dil, t)
}

func depth(y, x, wt []float32, dil int, acc bool) { depthGeneric(y, x, wt, dil, acc) }

func depthGradX(dx, dy, wt []float32, dil int) {
	depthGradXGeneric(dx, dy, wt, dil, 0, len(dy)+(len(wt)-1)*dil)
}
