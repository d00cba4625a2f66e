package xdf

import (
	"encoding/binary"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/pages"
)

const (
	blockSamples = 1024    // of one block, at most
	blockBytes   = 1 << 19 // of one block, at most, but for a block of one sample
	groupLen     = 64      // blocks of a group
)

// block is where samples of one stream lie in the file, one behind the other.
type block struct {
	at    int64 // of the first byte
	first int64 // number of the first sample
	n     int32
	size  int32 // in bytes
}

// blocks are those of a stream, in the order of the file. A recorder may write one for each sample: what stands between two of them,
// their samples and their size are kept in as few bytes as they need, which are three or four. They are taken apart by groups.
type blocks struct {
	n      int
	groups pages.List[group]
	code   pages.List[byte]
	last   block

	open  []block // those of the group that was taken apart last
	group int     // the number of that group, from 1 on; 0 for none
}

// group is what the first of its blocks begins with.
type group struct{ at, first, code int64 }

// add puts b behind the others. It must not lie before the end of the one that was added last.
func (l *blocks) add(b block) {
	gap := b.at - l.last.at - int64(l.last.size)
	if l.n%groupLen == 0 {
		l.groups.Add(group{b.at, b.first, int64(l.code.Len())})
		gap = 0
	}
	var buf [3 * binary.MaxVarintLen64]byte
	code := binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(buf[:0], uint64(gap)), uint64(b.n)), uint64(b.size))
	for _, c := range code {
		l.code.Add(c)
	}
	l.n, l.last = l.n+1, b
}

// at is block k.
func (l *blocks) at(k int) block {
	if l.group != k/groupLen+1 {
		l.take(k / groupLen)
	}
	return l.open[k%groupLen]
}

// take takes group g apart.
func (l *blocks) take(g int) {
	n := min(groupLen, l.n-g*groupLen)
	if cap(l.open) < n {
		l.open = make([]block, n)
	}
	head := l.groups.At(g)
	at, first, code := head.at, head.first, int(head.code)
	number := func() (v uint64) {
		for shift := 0; ; shift += 7 {
			c := *l.code.At(code)
			code++
			if v |= uint64(c&0x7f) << shift; c < 0x80 {
				return v
			}
		}
	}
	l.open, l.group = l.open[:n], g+1
	for i := range l.open {
		at += int64(number())
		b := block{at: at, first: first, n: int32(number()), size: int32(number())}
		l.open[i] = b
		at, first = at+int64(b.size), first+int64(b.n)
	}
}

// of is the number of the block with sample i, or how many there are.
func (l *blocks) of(i int64) int {
	g := sort.Search(l.groups.Len(), func(g int) bool { return l.groups.At(g).first > i }) - 1
	if g < 0 {
		return 0
	}
	from := g * groupLen
	return from + sort.Search(min(groupLen, l.n-from), func(k int) bool { b := l.at(from + k); return b.first+int64(b.n) > i })
}

// cut keeps those that begin before sample n. Nothing can be added any more.
func (l *blocks) cut(n int64) {
	for l.n > 0 && l.at(l.n-1).first >= n {
		l.n--
	}
	l.groups.Cut((l.n + groupLen - 1) / groupLen)
}
