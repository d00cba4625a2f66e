//go:build amd64 || arm64

package kernel

// Sizes of the blocks, in numbers. A strip of B, mostK long and two vectors wide, and a tile of A are read again and again
// from the first two caches, a block of A from the second, all of a packed B from the third.
const (
	mostK = 512
	mostM = 280
	mostN = 2048

	tilesInPlace = 20 // for more tiles below each other it pays to copy a strip of B together
)

const (
	size = 4    // bytes of a number
	page = 4096 // bytes: rows that lie a multiple of it apart get into each other's way in the caches
)

// way is how the kernels get at the right operand.
type way int

const (
	inPlace way = iota // rows of n numbers, ld apart
	copied             // strips are copied to Work.b before they are used
	packed             // Pack has done so
)

// right is the right operand of a product.
type right struct {
	s     []float32
	ld    int
	trans bool // stored n × k
	way   way
}

// parts is the least number of parts, each at most most, into which n can be cut; they are all the same to one number.
func parts(n, most int) int { return (n + most - 1) / most }

// gemm is Gemm for m, n, k > 0.
func (w *Work) gemm(ta, tb bool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, acc bool) {
	if level == generic {
		gemmGeneric(ta, tb, m, n, k, a, lda, b, ldb, c, ldc, acc)
		return
	}
	r := right{s: b, ld: ldb, trans: tb}
	if tb || m > tilesInPlace*mostRows() || m > 2*mostRows() && size*ldb%page == 0 {
		r.way = copied
	}
	w.blocks(ta, m, n, k, a, lda, &r, c, ldc, acc)
}

// blocks cuts the product into blocks that fit the caches. How the sums over k are cut depends on k alone, so that a row
// of C has the same bits in a product of many rows and of one.
func (w *Work) blocks(ta bool, m, n, k int, a []float32, lda int, b *right, c []float32, ldc int, acc bool) {
	rsa, csa := lda, 1
	if ta {
		rsa, csa = 1, lda
	}
	packA := size*lda%page == 0 && n > 4*lanes()
	widthB := mostN
	if b.way == packed {
		widthB = n
	}
	t := tile{ldc: size * ldc, groups: 1}
	for j := 0; j < n; j += widthB {
		cols := min(widthB, n-j)
		partsK, partsM := parts(k, mostK), parts(m, mostM)
		for pk := range partsK {
			k0, k1 := pk*k/partsK, (pk+1)*k/partsK
			t.k = k1 - k0
			t.acc = 0
			if acc || pk > 0 {
				t.acc = 1
			}
			for pm := range partsM {
				i0, i1 := pm*m/partsM, (pm+1)*m/partsM
				rows := cutRows(i1 - i0)
				from := a[i0*rsa+k0*csa:]
				tileA := 0
				t.a, t.rsa, t.csa = &from[0], size*rsa, size*csa
				if packA {
					tileA = size * w.packA(from, ta, rows, t.k, lda)
					t.a, t.rsa, t.csa = &w.a[0], size, size*columnA()
				}
				w.strips(&t, rows, cols, tileA, b, k0, j, c[i0*ldc+j:], pm == 0)
			}
		}
	}
}

// strips multiplies the block of A in t by the cols columns from j on of B. tileA is the size of a tile of A in
// bytes if A is packed, otherwise 0; first says that B has not been copied yet.
func (w *Work) strips(t *tile, rows cut, cols, tileA int, b *right, k0, j int, c []float32, first bool) {
	v := lanes()
	most := 2
	padded := (cols + v - 1) / v * v
	to := w.b
	switch b.way {
	case inPlace:
		most = rows.widest()
		t.ldb = size * b.ld
	case copied:
		w.b = grow(w.b, t.k*padded)
		to = w.b
	case packed:
		to = b.s[k0*padded:]
	}
	for at := 0; at < cols; {
		n := strip(cols-at, most)
		width := min(n*v, cols-at)
		t.last = width - (n-1)*v
		if b.way == inPlace {
			t.b = &b.s[k0*b.ld+j+at]
		} else {
			to := to[at*t.k:]
			if b.way == copied && first {
				b.pack(to, k0, t.k, j+at, width, n)
			}
			t.b, t.ldb = &to[0], size*n*v
		}
		t.c = &c[at]
		t.column(rows, n, tileA)
		at += width
	}
}

// pack copies width columns of B, k rows from k0 on, to rows of n vectors.
func (b *right) pack(dst []float32, k0, k, j, width, n int) {
	if b.trans {
		packColumns(dst, b.s[j*b.ld+k0:], width, k, b.ld, n*lanes())
	} else {
		packRows(dst, b.s[k0*b.ld+j:], k, b.ld, n, width-(n-1)*lanes())
	}
}

// columnA is what a column of a tile takes in a packed A: whole vectors, and as packColumns writes them.
func columnA() int { return max(lanes(), 8) }

// packA copies the rows and k columns of A to w.a, tile behind tile: in each, k times the numbers of a column, with holes
// up to columnA. It returns the size of a tile.
func (w *Work) packA(a []float32, ta bool, rows cut, k, lda int) int {
	width, n := columnA(), columnA()/lanes()
	w.a = grow(w.a, rows.tiles*k*width)
	i := 0
	for tile := range rows.tiles {
		h := rows.h
		if tile < rows.higher {
			h++
		}
		to := w.a[tile*k*width:][:k*width]
		if ta {
			packRows(to, a[i:], k, lda, n, h-(n-1)*lanes())
		} else {
			packColumns(to, a[i*lda:], h, k, lda, width)
		}
		i += h
	}
	return k * width
}

// pack fills p for the kernels in use.
func (p *Packed) pack(tb bool, b []float32, ldb int) {
	if level == generic || p.n == 0 || p.k == 0 {
		p.packGeneric(tb, b, ldb)
		return
	}
	v := lanes()
	padded := (p.n + v - 1) / v * v
	p.b = make([]float32, p.k*padded)
	r := right{s: b, ld: ldb, trans: tb}
	partsK := parts(p.k, mostK)
	for pk := range partsK {
		k0, k1 := pk*p.k/partsK, (pk+1)*p.k/partsK
		for at := 0; at < p.n; {
			n := strip(p.n-at, 2)
			width := min(n*v, p.n-at)
			r.pack(p.b[k0*padded+at*(k1-k0):], k0, k1-k0, at, width, n)
			at += width
		}
	}
}

// gemmPacked is GemmPacked for m, n, k > 0.
func (w *Work) gemmPacked(m int, a []float32, lda int, p *Packed, c []float32, ldc int, acc bool) {
	if level == generic {
		gemmGeneric(false, false, m, p.n, p.k, a, lda, p.b, p.n, c, ldc, acc)
		return
	}
	w.blocks(false, m, p.n, p.k, a, lda, &right{s: p.b, way: packed}, c, ldc, acc)
}

// gemvT is GemvT for m, n > 0: a product with one row, which needs no scratch.
func gemvT(y, a []float32, lda, m, n int, x []float32, acc bool) {
	if level == generic {
		gemvTGeneric(y, a, lda, m, n, x, acc)
		return
	}
	var w Work
	w.blocks(false, 1, n, m, x, 1, &right{s: a, ld: lda}, y, n, acc)
}
