package kernel

import (
	"math"
	"testing"
	"unsafe"
)

// paged places slices, each on a page of its own; see the implementations of newPages.
type paged struct {
	pages [][]float32
	used  []slot
}

// slot is where a slice lies on its page.
type slot struct{ from, to int }

const untouched = 0x7fa5a5a5 // a NaN

// place copies slices to the pages from first on, to their end or their beginning, and marks the rest of the pages.
func (g *paged) place(x [][]float32, first int, atEnd bool) [][]float32 {
	g.used = g.used[:first]
	y := make([][]float32, len(x))
	for k := range x {
		p := g.pages[first+k]
		for i := range p {
			p[i] = math.Float32frombits(untouched)
		}
		s := slot{0, len(x[k])}
		if atEnd {
			s = slot{len(p) - len(x[k]), len(p)}
		}
		g.used = append(g.used, s)
		y[k] = p[s.from:s.to:s.to]
		copy(y[k], x[k])
	}
	return y
}

// bytes is the last n bytes of the last page.
func (g *paged) bytes(n int) []uint8 {
	p := g.pages[len(g.pages)-1]
	return unsafe.Slice((*uint8)(unsafe.Pointer(&p[0])), 4*len(p))[4*len(p)-n:]
}

// check fails if something was written beside the slices placed last.
func (g *paged) check(t *testing.T, what string) {
	t.Helper()
	for k, s := range g.used {
		for i, v := range g.pages[k] {
			if (i < s.from || i >= s.to) && math.Float32bits(v) != untouched {
				t.Fatalf("%s: n=%d: slice %d: number %d was overwritten", what, s.to-s.from, k, i-s.from)
			}
		}
	}
}

func newPaged(t *testing.T, slices int) *paged {
	return &paged{pages: newPages(t, slices)}
}
