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

// blocks are those of a stream, in the order of the file. A recorder may write one for each sample. Kept is what stands between two of
// them, and their samples and size where these are not those of the one before: one or two bytes, mostly. They are taken apart by groups.
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
	gap, same := b.at-l.last.at-int64(l.last.size), b.n == l.last.n && b.size == l.last.size
	if l.n%groupLen == 0 {
		l.groups.Add(group{b.at, b.first, int64(l.code.Len())})
		gap, same = 0, false
	}
	var buf [3 * binary.MaxVarintLen64]byte
	code := binary.AppendUvarint(buf[:0], uint64(gap)<<1)
	if same {
		code[0] |= 1
	} else {
		code = binary.AppendUvarint(binary.AppendUvarint(code, uint64(b.n)), uint64(b.size))
	}
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
	many := min(groupLen, l.n-g*groupLen)
	if cap(l.open) < many {
		l.open = make([]block, many)
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
	l.open, l.group = l.open[:many], g+1
	var n, size int64
	for i := range l.open {
		gap := number()
		if gap&1 == 0 {
			n, size = int64(number()), int64(number())
		}
		at += int64(gap >> 1)
		l.open[i] = block{at: at, first: first, n: int32(n), size: int32(size)}
		at, first = at+size, first+n
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
