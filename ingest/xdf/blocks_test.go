package xdf

import (
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
)

// TestBlocks: what comes out is what a list of all blocks has, wherever one looks.
func TestBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{0, 1, groupLen - 1, groupLen, groupLen + 1, 5000} {
		var l blocks
		var want []block
		at, first := int64(100), int64(0)
		for k := range n {
			b := block{at: at, first: first, n: 1 + rng.Int32N(blockSamples), size: 1 + rng.Int32N(1<<rng.IntN(31))}
			if k > 0 && rng.IntN(3) > 0 { // as the one before
				b.n, b.size = want[k-1].n, want[k-1].size
			}
			l.add(b)
			want = append(want, b)
			at, first = at+int64(b.size)+rng.Int64N(1<<rng.IntN(40)), first+int64(b.n)
		}
		look := func() {
			t.Helper()
			if l.n != len(want) {
				t.Fatalf("%d blocks, want %d", l.n, len(want))
			}
			for k, w := range want {
				if got := l.at(k); got != w {
					t.Fatalf("block %d of %d is %+v, want %+v", k, n, got, w)
				}
			}
			for range 500 {
				i := rng.Int64N(first + 2)
				w := sort.Search(len(want), func(k int) bool { return want[k].first+int64(want[k].n) > i })
				if got := l.of(i); got != w {
					t.Fatalf("sample %d is in block %d of %d, want %d", i, got, n, w)
				}
			}
		}
		look()
		if n > 0 {
			cut := want[n*2/3].first
			l.cut(cut)
			for len(want) > 0 && want[len(want)-1].first >= cut {
				want = want[:len(want)-1]
			}
			look()
		}
	}
}

// TestBlocksAllocation: a recorder that writes each sample on its own, between those of others, costs two bytes and a half for each.
func TestBlocksAllocation(t *testing.T) {
	const n = 1_000_000
	var l blocks
	if got := ingesttest.Allocated(func() {
		for i := range int64(n) {
			l.add(block{at: 500 * i, first: i, n: 1, size: 265})
		}
	}); got > 3*n {
		t.Errorf("%d bytes for %d blocks", got, n)
	}
}
