package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// product calls one of the routines that multiply and compares with the definition.
func product(t *testing.T, w *Work, r *rand.Rand, ta, tb, packed bool, m, n, k, pad int, acc bool) {
	t.Helper()
	name := fmt.Sprintf("ta=%t tb=%t packed=%t %d×%d×%d pad=%d acc=%t", ta, tb, packed, m, n, k, pad, acc)
	a, b := newMatrix(r, m, k, pad), newMatrix(r, k, n, 2*pad)
	if ta {
		a = newMatrix(r, k, m, pad)
	}
	if tb {
		b = newMatrix(r, n, k, 2*pad)
	}
	c := newMatrix(r, m, n, 3*pad)
	want := make([]exactSum, m*n)
	for i := range m {
		for j := range n {
			s := &want[i*n+j]
			for l := range k {
				p, q := i*a.ld+l, l*b.ld+j
				if ta {
					p = l*a.ld + i
				}
				if tb {
					q = j*b.ld + l
				}
				s.add(a.s[p], b.s[q])
			}
			if acc {
				s.plus(c.at(i, j))
			}
		}
	}
	first := c.clone()
	if !acc { // what was there does not matter
		for i := range m {
			for j := range n {
				c.s[i*c.ld+j] = hole
			}
		}
	}
	call := func(c *matrix) {
		if packed {
			w.GemmPacked(m, a.s, a.ld, Pack(tb, n, k, b.s, b.ld), c.s, c.ld, acc)
		} else {
			w.Gemm(ta, tb, m, n, k, a.s, a.ld, b.s, b.ld, c.s, c.ld, acc)
		}
	}
	call(c)
	c.holes(t)
	for i := range m {
		for j := range n {
			if s := want[i*n+j]; !s.near(c.at(i, j)) {
				t.Fatalf("%s: c[%d,%d] = %g, want %g", name, i, j, c.at(i, j), s.v)
			}
		}
	}
	call(first)
	if !sameBits(first.s, c.s) {
		t.Fatalf("%s: the same call gives other bits", name)
	}
}

func TestGemm(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		var w Work
		sizes := []int{0, 1, 2, 3, 5, 6, 7, 8, 13, 17, 33, 49, 70}
		for _, m := range sizes {
			for _, n := range sizes {
				for _, k := range sizes {
					v := r.IntN(32)
					ta, tb, packed, acc, pad := v&1 != 0, v&2 != 0, v&4 != 0, v&8 != 0, 3*(v>>4)
					product(t, &w, r, ta && !packed, tb, packed, m, n, k, pad, acc)
				}
			}
		}
	})
}

// TestGemmBlocks has shapes that take several blocks of each dimension, and strides of whole pages.
func TestGemmBlocks(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		var w Work
		for _, s := range [][3]int{{300, 40, 20}, {290, 40, 520}, {20, 40, 1100}, {5, 2100, 5}, {290, 2100, 2}, {40, 70, 1024}, {1024, 70, 20}, {40, 1024, 8}, {1, 800, 200}} {
			for v := range 4 {
				product(t, &w, r, v&1 != 0, v&2 != 0, false, s[0], s[1], s[2], 0, v == 3)
			}
			product(t, &w, r, false, true, true, s[0], s[1], s[2], 1, true)
		}
	})
}

// TestGemmRows: a row of C has the same bits whether it is computed alone or with others, and whether B is packed.
func TestGemmRows(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		var w Work
		for _, s := range [][3]int{{88, 600, 200}, {300, 33, 1100}, {17, 5, 7}, {3, 130, 64}} {
			m, n, k := s[0], s[1], s[2]
			a, b, c := newMatrix(r, m, k, 0), newMatrix(r, k, n, 0), newMatrix(r, m, n, 0)
			w.Gemm(false, false, m, n, k, a.s, k, b.s, n, c.s, n, false)
			p, row, packed := Pack(false, n, k, b.s, n), make([]float32, n), make([]float32, n)
			for i := range m {
				w.Gemm(false, false, 1, n, k, a.s[i*k:], k, b.s, n, row, n, false)
				w.GemmPacked(1, a.s[i*k:], k, p, packed, n, false)
				if !sameBits(row, c.s[i*n:][:n]) || !sameBits(packed, row) {
					t.Fatalf("%d×%d×%d: row %d has other bits alone", m, n, k, i)
				}
			}
		}
	})
}

func FuzzGemm(f *testing.F) {
	f.Add(uint64(1), uint8(7), uint8(33), uint8(5), uint8(0x20), uint8(1))
	f.Add(uint64(2), uint8(12), uint8(64), uint8(255), uint8(0x1b), uint8(0))
	var w Work
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k, flags, pad uint8) {
		packed := flags&4 != 0
		defer func(best kind) { level = best }(level)
		level = kindOf(int(flags >> 4))
		product(t, &w, rand.New(rand.NewPCG(seed, 0)), flags&1 != 0 && !packed, flags&2 != 0, packed, int(m), int(n), int(k), int(pad%20), flags&8 != 0)
	})
}

func TestGemv(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		sizes := []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 300}
		for _, m := range sizes {
			for _, n := range sizes {
				for v := range 8 {
					vector(t, r, v&1 != 0, v&2 != 0, m, n, v>>2)
				}
			}
		}
		vector(t, r, true, true, 1100, 20, 0)
		vector(t, r, false, true, 3, 1024, 0)
	})
}

// vector is product for Gemv and GemvT.
func vector(t *testing.T, r *rand.Rand, trans, acc bool, m, n, pad int) {
	t.Helper()
	a := newMatrix(r, m, n, pad)
	x, y := newMatrix(r, 1, n, 0).s, newMatrix(r, 1, m, 0).s
	if trans {
		x, y = y, x
	}
	want := make([]exactSum, len(y))
	for i := range m {
		for j := range n {
			if trans {
				want[j].add(a.at(i, j), x[i])
			} else {
				want[i].add(a.at(i, j), x[j])
			}
		}
	}
	for i := range y {
		if acc {
			want[i].plus(y[i])
		} else {
			y[i] = hole
		}
	}
	if trans {
		GemvT(y, a.s, a.ld, m, n, x, acc)
	} else {
		Gemv(y, a.s, a.ld, m, n, x, acc)
	}
	for i := range y {
		if !want[i].near(y[i]) {
			t.Fatalf("trans=%t acc=%t %d×%d pad=%d: y[%d] = %g, want %g", trans, acc, m, n, pad, i, y[i], want[i].v)
		}
	}
}

func TestPanics(t *testing.T) {
	var w Work
	f := make([]float32, 12)
	mustPanic(t, "a short", func() { w.Gemm(false, false, 3, 4, 4, f[:11], 4, f, 1, f, 4, false) })
	mustPanic(t, "ldb small", func() { w.Gemm(false, false, 3, 4, 3, f, 3, f, 3, f, 4, false) })
	mustPanic(t, "c short", func() { w.Gemm(false, false, 3, 4, 1, f, 1, f, 4, f[:11], 4, false) })
	mustPanic(t, "negative", func() { w.Gemm(false, false, -1, 4, 1, f, 1, f, 4, f, 4, false) })
	mustPanic(t, "b short", func() { Pack(true, 4, 4, f, 4) })
	mustPanic(t, "packed a", func() { w.GemmPacked(4, f, 4, Pack(false, 3, 4, f, 3), f, 3, false) })
	mustPanic(t, "gemv x", func() { Gemv(f, f, 4, 3, 4, f[:3], false) })
	mustPanic(t, "gemvT y", func() { GemvT(f[:3], f, 4, 3, 4, f, false) })
	mustPanic(t, "conv x", func() { w.Conv(f, 3, f[:11], 6, f, 2, 2, 3, 2, 3, false) })
	mustPanic(t, "conv wt", func() { w.Conv(f, 3, f, 6, f[:11], 2, 2, 3, 1, 3, false) })
	mustPanic(t, "conv taps", func() { w.Conv(f, 3, f, 6, f, 2, 2, 0, 1, 3, false) })
	mustPanic(t, "depth x", func() { Depth(f[:10], f, f[:3], 2, false) })
	mustPanic(t, "depth dil", func() { DepthGradX(f, f[:3], f[:3], 0) })
}
