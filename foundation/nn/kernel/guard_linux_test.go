package kernel

import (
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// guarded hands out slices that end where the memory that may be touched ends, or begin where it begins.
type guarded struct {
	t   *testing.T
	end bool
	r   *rand.Rand
}

// floats are n random numbers beside a page that must not be touched.
func (g guarded) floats(n int) []float32 {
	g.t.Helper()
	page := os.Getpagesize()
	room := (4*n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, room+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = syscall.Munmap(m) })
	for _, p := range [][]byte{m[:page], m[page+room:]} {
		if err := syscall.Mprotect(p, syscall.PROT_NONE); err != nil {
			g.t.Fatal(err)
		}
	}
	if n == 0 {
		return nil
	}
	begin := page
	if g.end {
		begin = page + room - 4*n
	}
	s := unsafe.Slice((*float32)(unsafe.Pointer(&m[begin])), n)
	for i := range s {
		s[i] = float32(g.r.NormFloat64())
	}
	return s
}

// TestGuard: nothing is read or written outside of the slices. If it were, the program would end here.
func TestGuard(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		for _, end := range []bool{false, true} {
			for _, n := range []int{1, 2, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 47, 63, 65} {
				t.Run(fmt.Sprintf("end=%t/n=%d", end, n), func(t *testing.T) {
					g := guarded{t, end, rand.New(rand.NewPCG(uint64(n), 3))}
					for _, m := range []int{1, 3, 8, 13, 29} {
						g.products(m, n, 1+n%9)
						g.products(m, 1+n%9, n)
						g.convolutions(m, 1+n%3, 1+n%11, 1+n%2, n)
						g.convolutions(m, 1, n, 1, 1+n%20)
					}
				})
			}
		}
	})
}

func (g guarded) products(m, n, k int) {
	var w Work
	a, b, c := g.floats(m*k), g.floats(k*n), g.floats(m*n)
	for v := range 4 {
		ta, tb := v&1 != 0, v&2 != 0
		lda, ldb := k, n
		if ta {
			lda = m
		}
		if tb {
			ldb = k
		}
		w.Gemm(ta, tb, m, n, k, a, lda, b, ldb, c, n, v > 1)
	}
	w.GemmPacked(m, a, k, Pack(true, n, k, b, k), c, n, true)
	w.GemmPacked(m, a, k, Pack(false, n, k, b, n), c, n, false)
	Gemv(g.floats(m), a, k, m, k, g.floats(k), true)
	GemvT(g.floats(k), a, k, m, k, g.floats(m), true)
}

func (g guarded) convolutions(out, in, taps, dil, t int) {
	var w Work
	long := t + (taps-1)*dil
	y, x, wt := g.floats(out*t), g.floats(in*long), g.floats(out*in*taps)
	w.Conv(y, t, x, long, wt, out, in, taps, dil, t, false)
	w.Conv(y, t, x, long, wt, out, in, taps, dil, t, true)
	w.ConvGradW(wt, y, t, x, long, out, in, taps, dil, t)
	w.ConvGradX(x, long, y, t, wt, out, in, taps, dil, t)
	y, x, wt = g.floats(t), g.floats(long), g.floats(taps)
	Depth(y, x, wt, dil, false)
	Depth(y, x, wt, dil, true)
	DepthGradW(wt, y, x, dil)
	DepthGradX(x, y, wt, dil)
}
