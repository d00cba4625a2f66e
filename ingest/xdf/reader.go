package xdf

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// windowBytes is how much of the file is read at once where blocks are read one behind the other.
const windowBytes = 1 << 18

type scale struct{ mul, div float64 }

// reader reads the samples of one stream.
type reader struct {
	src      *source
	s        *stream
	scales   []scale
	segments []segment

	// The part of the file that was read last.
	buf   []byte
	bufAt int64
	// Where to go on: the block, the number of the next sample in it and its place.
	block, in int
	off       int64
}

func newReader(src *source, s *stream, info *signal.Info, segments []segment) *reader {
	r := &reader{src: src, s: s, segments: segments, block: -1, scales: make([]scale, len(info.Channels))}
	for ch := range r.scales {
		u := s.scale(ch)
		r.scales[ch] = scale{u.Mul, u.Div}
	}
	return r
}

// ReadSamples reads any range of one span.
func (r *reader) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) != len(r.scales) {
		return fmt.Errorf("%s: %d rows to fill, there are %d channels", r.src.name, len(dst), len(r.scales))
	}
	n := int64(len(dst[0]))
	for ch := range dst {
		if int64(len(dst[ch])) != n {
			return fmt.Errorf("%s: row %d to fill has %d samples, row 0 has %d, they must have the same length", r.src.name, ch, len(dst[ch]), n)
		}
	}
	if n == 0 {
		return nil
	}
	k := sort.Search(len(r.segments), func(k int) bool { return r.segments[k].start+r.segments[k].n > start })
	if k == len(r.segments) || start < r.segments[k].start || n > r.segments[k].start+r.segments[k].n-start {
		return fmt.Errorf("%s: samples from %d on, %d of them, do not lie in one span of the recording", r.src.name, start, n)
	}
	return r.read(dst, r.segments[k].first+start-r.segments[k].start)
}

// read fills dst from sample number first of the stream on.
func (r *reader) read(dst [][]float64, first int64) error {
	blocks := r.s.blocks
	k := sort.Search(len(blocks), func(k int) bool { return blocks[k].first+int64(blocks[k].n) > first })
	for done := 0; done < len(dst[0]); k++ {
		b := blocks[k]
		in := int(first + int64(done) - b.first)
		raw, err := r.load(k)
		if err != nil {
			return err
		}
		if k != r.block || in < r.in { // otherwise behind what was read last
			r.block, r.in, r.off = k, 0, 0
		}
		width := int64(len(r.scales) * r.s.info.format.width)
		for ; r.in < in; r.in++ {
			r.off += 1 + int64(raw[r.off]) + width
		}
		m := min(len(dst[0])-done, int(b.n)-in)
		r.decode(dst, done, m, raw, width)
		done += m
	}
	return nil
}

// load is the bytes of block k.
func (r *reader) load(k int) ([]byte, error) {
	b := r.s.blocks[k]
	if at := b.at - r.bufAt; at >= 0 && at+int64(b.size) <= int64(len(r.buf)) {
		return r.buf[at : at+int64(b.size)], nil
	}
	n := int64(b.size)
	if k == r.block+1 { // reading on
		n = min(max(n, windowBytes), r.src.size-b.at)
	}
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	if m, err := r.src.file.ReadAt(r.buf, b.at); int64(m) < n {
		r.buf = r.buf[:0]
		return nil, r.src.errorf(b.at+int64(m), "samples", "cannot be read: %w", err)
	}
	r.bufAt = b.at
	return r.buf[:b.size], nil
}

// decode fills dst[ch][done:done+n] from the samples that begin at r.off of raw.
func (r *reader) decode(dst [][]float64, done, n int, raw []byte, width int64) {
	for t := done; t < done+n; t++ {
		from := raw[r.off+1+int64(raw[r.off]):]
		switch r.s.info.format.name {
		case "float32":
			for ch := range dst {
				dst[ch][t] = float64(math.Float32frombits(binary.LittleEndian.Uint32(from[4*ch:])))
			}
		case "double64":
			for ch := range dst {
				dst[ch][t] = float64At(from[8*ch:])
			}
		case "int8":
			for ch := range dst {
				dst[ch][t] = float64(int8(from[ch]))
			}
		case "int16":
			for ch := range dst {
				dst[ch][t] = float64(int16(binary.LittleEndian.Uint16(from[2*ch:])))
			}
		case "int32":
			for ch := range dst {
				dst[ch][t] = float64(int32(binary.LittleEndian.Uint32(from[4*ch:])))
			}
		case "int64":
			for ch := range dst {
				dst[ch][t] = float64(int64(binary.LittleEndian.Uint64(from[8*ch:])))
			}
		}
		r.off += 1 + int64(raw[r.off]) + width
	}
	r.in += n
	for ch, s := range r.scales {
		if s.mul != 1 || s.div != 1 {
			x := dst[ch][done : done+n]
			for t := range x {
				x[t] = x[t] * s.mul / s.div
			}
		}
	}
}
