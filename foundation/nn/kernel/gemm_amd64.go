package kernel

import "unsafe"

// Sizes of the blocks, in numbers. A strip of B, most products long and two vectors wide, and a tile of A stay in the
// first cache; a block of A stays in the second one; all of a packed B stays in the third.
const (
	mostK    = 384
	mostM    = 280
	mostN    = 2048
	bytesOf  = 4
	fewTiles = 3 // with fewer tiles below each other, B is read in place
)

// even cuts n into as few parts of at most most as hold it, and returns where part i begins.
func even(n, most int) (parts int, begin func(i int) int) {
	parts = (n + most - 1) / most
	return parts, func(i int) int { return i * n / parts }
}

func at(s []float32, i int) *float32 { return &s[i] }

// gemm is Gemm for m, n, k > 0.
func (w *Work) gemm(ta, tb bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	if level == generic {
		gemmGeneric(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, acc)
		return
	}
	rsa, csa := lda, 1
	if ta {
		rsa, csa = 1, lda
	}
	tiles, h, higher := heights(m)
	packA := false
	packB := tb || tiles > fewTiles
	width := 2
	if !packB {
		width = widest(h)
		if higher > 0 {
			width = min(width, widest(h+1))
		}
		if higher > 0 && widest(h) != widest(h+1) {
			width = 2
		}
	}
	v := lanes()
	partsK, beginK := even(k, mostK)
	partsM, beginM := even(m, mostM)
	t := tile{ldc: bytesOf * ldc, groups: 1}
	for j0 := 0; j0 < n; j0 += mostN {
		cols := min(mostN, n-j0)
		for pk := range partsK {
			k0 := beginK(pk)
			t.k = beginK(pk+1) - k0
			t.acc = 0
			if acc || pk > 0 {
				t.acc = 1
			}
			if packB {
				w.b = grow(w.b, t.k*(cols+2*v))
			}
			for pm := range partsM {
				i0 := beginM(pm)
				rows := beginM(pm+1) - i0
				t.a, t.rsa, t.csa = at(a, i0*rsa+k0*csa), bytesOf*rsa, bytesOf*csa
				_ = packA
				for j := 0; j < cols; {
					vectors := (cols - j + v - 1) / v
					if vectors >= width {
						vectors = width
					} else {
						vectors = min(vectors, 2)
					}
					wide := min(vectors*v, cols-j)
					t.last = wide - (vectors-1)*v
					if packB {
						to := w.b[j*t.k:]
						if pm == 0 {
							if tb {
								packColumns(to, b[(j0+j)*ldb+k0:], wide, t.k, ldb, vectors*v)
							} else {
								packRows(to, b[k0*ldb+j0+j:], t.k, ldb, vectors, t.last)
							}
						}
						t.b, t.ldb = &to[0], bytesOf*vectors*v
					} else {
						t.b, t.ldb = at(b, k0*ldb+j0+j), bytesOf*ldb
					}
					t.c = at(c, i0*ldc+j0+j)
					t.strip(rows, vectors, 0)
					j += wide
				}
			}
		}
	}
}

// packRows copies k rows of b, ldb numbers apart, to rows of so many vectors, the last of which has last numbers.
func packRows(dst, b []float32, k, ldb, vectors, last int) {
	_ = dst[k*vectors*lanes()-1]
	switch {
	case level == avx512 && vectors == 2:
		packRows2Z(&dst[0], &b[0], k, bytesOf*ldb, last)
	case level == avx512:
		packRows1Z(&dst[0], &b[0], k, bytesOf*ldb, last)
	case vectors == 2:
		packRows2Y(&dst[0], &b[0], k, bytesOf*ldb, last)
	default:
		packRows1Y(&dst[0], &b[0], k, bytesOf*ldb, last)
	}
}

// packColumns copies n rows of b, k numbers each and ldb numbers apart, to the columns of k rows of width numbers.
func packColumns(dst, b []float32, n, k, ldb, width int) {
	_ = dst[k*width-1]
	for j := 0; j < n; j += 8 {
		packColumnsY(&dst[j], &b[j*ldb], min(8, n-j), k, bytesOf*ldb, bytesOf*width)
	}
}

var _ = unsafe.Pointer(nil)
