package pages_test

import (
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/pages"
)

// TestList compares with a slice, around the ends of pages.
func TestList(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 17, pages.Len - 1, pages.Len, pages.Len + 1, 5*pages.Len + 7} {
		var l pages.List[int]
		var want []int
		for i := range n {
			l.Add(i * i)
			want = append(want, i*i)
		}
		if l.Len() != n {
			t.Errorf("%d values, want %d", l.Len(), n)
		}
		for i := range want {
			if *l.At(i) != want[i] {
				t.Fatalf("value %d of %d is %d, want %d", i, n, *l.At(i), want[i])
			}
		}
		if got := l.AppendTo([]int{-1}); !slices.Equal(got, append([]int{-1}, want...)) {
			t.Errorf("behind -1 the %d values are %v", n, got)
		}
		if n > 0 {
			*l.Last() = -5
			want[n-1] = -5
		}
		keep := n * 2 / 3
		cut := l
		cut.Cut(keep)
		if got := cut.AppendTo(nil); !slices.Equal(got, want[:keep]) {
			t.Errorf("the first %d of %d values are %v", keep, n, got)
		}
	}
	var l pages.List[int]
	for i := range 3000 {
		l.Add(i)
	}
	if all := l.Slice(); len(all) != 3000 || cap(all) != 3000 || all[2999] != 2999 || l.Len() != 0 || l.Slice() != nil {
		t.Errorf("%d values with room for %d, and %d are left", len(all), cap(all), l.Len())
	}
}

// TestAllocation: a list costs what is in it, and a page.
func TestAllocation(t *testing.T) {
	const n = 1_000_000
	var l pages.List[[5]int64]
	if got := ingesttest.Allocated(func() {
		for i := range int64(n) {
			l.Add([5]int64{i})
		}
	}); got > 40*n+60*n/pages.Len*5+1<<16 {
		t.Errorf("%d bytes for %d values of 40", got, n)
	}
}
