package lsl

import (
	"net"
	"slices"
	"sort"
)

// blockLen is the usual size of a block in bytes.
const blockLen = 64 << 10

// block is a run of samples as they are on the wire. Readers write it to their sockets while the outlet appends to it, so
// what is in it never changes; a block is used again when nobody reads it any more.
type block struct {
	first int64 // number of the first sample
	buf   []byte
	at    []place
	users int  // readers that are writing it
	gone  bool // out of the ring
}

// place is where a sample of a block begins, and its stamp, whether that is in the bytes or not.
type place struct {
	off   int
	stamp float64
}

func (b *block) end() int64 { return b.first + int64(len(b.at)) }

// ring holds the newest samples of an outlet, encoded once for all readers. Its owner locks.
//
// Each reader is a cursor. It gets slices of the blocks, never copies, and where a stamp must be sent that is not in the
// bytes (the first sample that it gets, and the first behind a drop) the tag and stamp come from a small buffer of its
// own and the slice begins behind the tag of the block.
type ring struct {
	blocks []*block // by first; the last one is being filled
	free   []*block
	head   int64 // number of the next sample
	bytes  int   // in blocks
}

// tail is the block to append a sample to that needs at most n bytes.
func (r *ring) tail(n int) *block {
	if k := len(r.blocks); k > 0 {
		if b := r.blocks[k-1]; len(b.buf)+n <= cap(b.buf) && len(b.at) < cap(b.at) {
			return b
		}
	}
	var b *block
	if k := len(r.free); k > 0 && cap(r.free[k-1].buf) >= n {
		b, r.free = r.free[k-1], r.free[:k-1]
	} else {
		size := max(n, blockLen)
		b = &block{buf: make([]byte, 0, size), at: make([]place, 0, max(1, min(size/n, 4096)))}
	}
	*b = block{first: r.head, buf: b.buf[:0], at: b.at[:0]}
	r.blocks = append(r.blocks, b)
	r.bytes += cap(b.buf)
	return b
}

// trim lets go of all blocks before sample keep, and of the oldest ones beyond most bytes, but for the newest.
func (r *ring) trim(keep int64, most int) {
	n := 0
	for n < len(r.blocks) && (r.blocks[n].end() <= keep || r.bytes > most && n < len(r.blocks)-1) {
		b := r.blocks[n]
		r.bytes -= cap(b.buf)
		b.gone = true
		r.recycle(b)
		n++
	}
	r.blocks = slices.Delete(r.blocks, 0, n)
}

// recycle keeps a block of the usual size that nobody needs any more.
func (r *ring) recycle(b *block) {
	if b.gone && b.users == 0 && cap(b.buf) <= 2*blockLen && len(r.free) < 64 {
		b.gone = false
		r.free = append(r.free, b)
	}
}

// cursor is how far a reader is.
type cursor struct {
	next    int64 // sample
	limit   int64 // samples that may wait
	unknown bool  // the reader does not know the time of next

	dropped uint64
	prefix  [stampLen]byte
	held    []*block
}

// maxTake bounds one write to a socket, in bytes.
const maxTake = 512 << 10

// take appends what c has not had yet to dst, in one piece or a few, and moves c behind it. The blocks must be given back
// by release when they have been written.
func (r *ring) take(c *cursor, dst net.Buffers) net.Buffers {
	from := max(c.next, r.head-c.limit)
	if len(r.blocks) > 0 {
		from = max(from, r.blocks[0].first)
	} else {
		from = r.head
	}
	if from > c.next {
		c.dropped += uint64(from - c.next)
		c.next, c.unknown = from, true
	}
	bytes := 0
	k := sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].end() > c.next })
	for ; k < len(r.blocks) && bytes < maxTake; k++ {
		b := r.blocks[k]
		p := b.at[c.next-b.first]
		part := b.buf[p.off:]
		if c.unknown && part[0] == tagDeduced {
			dst = append(dst, appendStamp(c.prefix[:0], p.stamp))
			part = part[1:]
		}
		c.unknown = false
		dst = append(dst, part)
		bytes += len(part)
		b.users++
		c.held = append(c.held, b)
		c.next = b.end()
	}
	return dst
}

// release gives the blocks of the last take back.
func (r *ring) release(c *cursor) {
	for _, b := range c.held {
		b.users--
		r.recycle(b)
	}
	c.held = c.held[:0]
}
