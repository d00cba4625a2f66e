//go:build !amd64

package kernel

func (w *Work) gemm(ta, tb bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	gemmGeneric(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, acc)
}
