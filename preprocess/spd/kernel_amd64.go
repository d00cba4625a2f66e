package spd

// useAVX says whether the processor and the system have AVX. Tests switch it off to compare with the plain loops.
var useAVX = hasAVX()

// hasAVX asks the processor for AVX and the system for saving its registers.
//
//go:noescape
func hasAVX() bool

//go:noescape
func gemmAVX(c, a, b *float64, rows, cols, k, ars, aks, ldb, ldc int, accumulate bool)

//go:noescape
func turnAVX(z, c, s *float64, n, cols, ld, step int)

//go:noescape
func sweep4AVX(d, e, cs *float64, st *sweepState, hi, lo int)

//go:noescape
func combineAVX(dst, v, a *float64, rows, cols, lda int)

//go:noescape
func downdate2AVX(a, v, w *float64, rows, cols, lda int)

//go:noescape
func downdateAVX(a, v, w *float64, rows, cols, lda int)

//go:noescape
func gram3AVX(out *[9]float64, x, y *float64, n, ld int)

//go:noescape
func shift4AVX(d *float64, h, first *[lanes]float64, from, n int)

//go:noescape
func liftAVX(dst, x *float64, n int, pivot float64, sums *[lanes]float64)

//go:noescape
func lowerAVX(x *float64, n int, v float64)
