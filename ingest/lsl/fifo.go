package lsl

import "slices"

// fifo holds samples, oldest first, in the blocks of memory that they were read into: nothing is copied on the way from the
// socket to the chunk. Each read is a piece.
type fifo struct {
	pieces []piece
	meta   []sample // of all pieces, one behind the other
	first  int      // pieces that are taken
	head   int      // samples that are taken
}

// piece is the samples that one read brought.
type piece struct {
	block   []byte
	n       int // samples that have not been taken
	arrived float64
	lost    int64     // samples of its connection that were thrown away here before it
	skipped int64     // the same, and those of connections before
	sync    *timeSync // of the connection, on its first piece
}

// sample is one in a block: its values begin at byte at.
type sample struct {
	stamp float64
	at    int32
	sent  bool
}

func (f *fifo) len() int { return len(f.meta) - f.head }

// push appends what a read brought, in little-endian order.
func (f *fifo) push(s *Samples, p piece) {
	p.block, p.n = s.buf, s.Len()
	size := s.shape.format.Size()
	for k, at := range s.at {
		f.meta = append(f.meta, sample{s.Stamps[k], int32(at), s.Sent[k]})
		if s.shape.order == bigEndian && size > 1 {
			for i := range s.shape.channels { // in place: these bytes are the piece's alone
				slices.Reverse(s.buf[at+i*size : at+(i+1)*size])
			}
		}
	}
	f.pieces = append(f.pieces, p)
}

// move takes over all that from holds, and returns it.
func (f *fifo) move(from *fifo) ([]piece, []sample) {
	f.compact()
	pieces, n := len(from.pieces)-from.first, from.len()
	if f.len() == 0 {
		*f, *from = *from, *f
	} else {
		f.pieces = append(f.pieces, from.pieces[from.first:]...)
		f.meta = append(f.meta, from.meta[from.head:]...)
	}
	from.clear()
	return f.pieces[len(f.pieces)-pieces:], f.meta[len(f.meta)-n:]
}

func (f *fifo) clear() {
	clear(f.pieces)
	*f = fifo{pieces: f.pieces[:0], meta: f.meta[:0]}
}

// compact forgets what was taken when that is more than what is left.
func (f *fifo) compact() {
	if f.head > f.len() {
		f.meta = f.meta[:copy(f.meta, f.meta[f.head:])]
		f.head = 0
	}
	if f.first > len(f.pieces)-f.first {
		f.pieces = slices.Delete(f.pieces, 0, f.first)
		f.first = 0
	}
}

// take hands the oldest n samples to use, piece by piece: k is how many came before.
func (f *fifo) take(n int, use func(k int, p *piece, meta []sample)) {
	for k := 0; k < n; {
		p := &f.pieces[f.first]
		m := min(p.n, n-k)
		use(k, p, f.meta[f.head:f.head+m])
		k += m
		f.head += m
		if p.n -= m; p.n == 0 {
			*p = piece{} // its block belongs to others
			f.first++
		}
	}
}

// drop throws the oldest n samples away. The next piece knows how many, and what the lost ones knew.
func (f *fifo) drop(n int) {
	var lost, skipped int64
	var sync *timeSync
	f.take(n, func(_ int, p *piece, meta []sample) {
		if p.sync != nil {
			lost, sync = 0, p.sync // what was lost before a new connection does not matter behind it
		}
		lost += p.lost + int64(len(meta))
		skipped += p.skipped + int64(len(meta))
		p.lost, p.skipped, p.sync = 0, 0, nil
	})
	if f.first < len(f.pieces) {
		next := &f.pieces[f.first]
		next.skipped += skipped
		if next.sync == nil {
			next.lost += lost
			next.sync = sync
		}
	}
	f.compact()
}
