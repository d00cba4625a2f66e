package uncached

import (
	"fmt"
	"testing"
	"unsafe"
)

// TestCopy: all is copied, however dst lies to the lines of the cache, and nothing else is written.
func TestCopy(t *testing.T) {
	defer func(have bool) { haveLanes = have }(haveLanes)
	const guard = -1
	for _, have := range []bool{false, haveLanes} {
		haveLanes = have
		for n := range 100 {
			for at := range 9 {
				for from := range 3 {
					dst, src := make([]float64, at+n+9), make([]float64, from+n+4)
					for i := range dst {
						dst[i] = guard
					}
					for i := range src {
						src[i] = float64(i)
					}
					Copy(dst[at:at+n], src[from:])
					Done()
					for i, v := range dst {
						want := float64(guard)
						if i >= at && i < at+n {
							want = float64(from + i - at)
						}
						if v != want {
							t.Fatalf("%d from %d to %d, lanes %v: %d is %g, want %g", n, from, at, have, i-at, v, want)
						}
					}
				}
			}
		}
	}
}

// TestLines: what is in front of the lines is less than one, what they hold is aligned, and what is behind is less than one.
func TestLines(t *testing.T) {
	all := make([]float64, 64)
	for at := range 17 {
		for n := range 40 {
			x := all[at : at+n]
			head, whole := Lines(x)
			if head < 0 || head > min(7, n) || whole%8 != 0 || whole < 0 || n-head-whole < 0 || n-head-whole > 7 {
				t.Errorf("%d numbers, %d from the begin: %d in front, %d in lines", n, at, head, whole)
			}
			if whole > 0 && uintptr(unsafe.Pointer(&x[head]))%line != 0 {
				t.Errorf("%d numbers, %d from the begin: %d in front, which is not where a line begins", n, at, head)
			}
		}
	}
}

// TestWorth: little memory is for the caches.
func TestWorth(t *testing.T) {
	for n, want := range map[int64]bool{0: false, Least/8 - 1: false, Least / 8: haveLanes} {
		if got := Worth(n); got != want {
			t.Errorf("%d numbers: %v, want %v", n, got, want)
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	src, dst := make([]float64, Block), make([]float64, 8*Least/8)
	for _, c := range []struct {
		name string
		copy func(dst, src []float64)
	}{{"past", Copy}, {"through", func(dst, src []float64) { copy(dst, src) }}} {
		b.Run(fmt.Sprint("how=", c.name), func(b *testing.B) {
			b.SetBytes(8 * Block)
			at := 0
			for b.Loop() {
				c.copy(dst[at:at+Block], src)
				if at += Block; at+Block > len(dst) {
					at = 0
				}
			}
			Done()
		})
	}
}
