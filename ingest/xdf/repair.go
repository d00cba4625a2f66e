package xdf

import (
	"cmp"
	"encoding/binary"
	"io"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
)

// piece is a range of the file in whose place others are written: put, and then what lies in the ranges of keep.
type piece struct {
	from, to int64
	put      []byte
	keep     [][2]int64
}

// pieces are those in which a repaired copy of a file differs from it. The methods that scan calls take a nil receiver, of a file that is
// only read.
type pieces struct {
	all []piece

	// Of the chunk that is being read.
	tag   uint16
	s     *stream // of samples
	flaws int     // before it
	n     int64   // samples with a time
	left  int64   // samples without
	at    int64   // where the next sample begins
	keep  [][2]int64
}

// begin is told that a chunk begins.
func (p *pieces) begin(src *source) {
	if p != nil {
		p.tag, p.s, p.flaws, p.n, p.left, p.keep = 0, nil, src.flaws, 0, 0, nil
	}
}

// chunk is told what it is.
func (p *pieces) chunk(tag uint16) {
	if p != nil {
		p.tag = tag
	}
}

// of is told that samples of s follow, the first at byte at.
func (p *pieces) of(s *stream, at int64) {
	if p != nil {
		p.s, p.at = s, at
	}
}

// sample is told of a whole sample that ends before byte end, and whether its time is known. p must not be nil.
func (p *pieces) sample(end int64, known bool) {
	switch {
	case !known:
		p.left++
	case len(p.keep) > 0 && p.keep[len(p.keep)-1][1] == p.at:
		p.keep[len(p.keep)-1][1] = end
		p.n++
	default:
		p.keep = append(p.keep, [2]int64{p.at, end})
		p.n++
	}
	p.at = end
}

// boundary is told that what is passed over ends at byte at, with a boundary chunk: that stays.
func (p *pieces) boundary(at int64) {
	if p != nil {
		p.all = append(p.all, piece{from: at, to: at, put: append(chunkHead(tagBoundary, int64(len(boundary))), boundary...)})
	}
}

// end is told where the chunk ends, or what is passed over where it is damaged. What is read of it is kept.
func (p *pieces) end(c *contents, from, to int64, damaged bool) {
	if p == nil || !damaged && p.left == 0 && c.src.flaws == p.flaws {
		return
	}
	out := piece{from: from, to: to}
	switch {
	case p.tag == tagSamples && p.s != nil && p.n > 0:
		count := putLength(binary.LittleEndian.AppendUint32(nil, p.s.id), p.n)
		size := int64(len(count))
		for _, k := range p.keep {
			size += k[1] - k[0]
		}
		out.put, out.keep = append(chunkHead(tagSamples, size), count...), p.keep
	case p.tag == tagFileHeader && !damaged:
		head := fileHeader(time.Time{})
		out.put = append(chunkHead(tagFileHeader, int64(len(head))), head...)
	}
	p.all = append(p.all, out)
}

// repair copies all chunks as they are, but for what breaks the specification and can be put right: damaged bytes are left out, and so are
// samples whose time is not known, chunks that no reader can use and bytes behind the samples of a chunk; a footer is written where there
// is none, or where it counts other samples than there are; and a stream without clock offsets gets one of 0, which is what its absence
// says to readers.
func repair(w io.Writer, f ingest.File, name string) (places int, err error) {
	src, err := newSource(f, name)
	if err != nil {
		return 0, err
	}
	var p pieces
	c, err := scanFor(src, &p)
	if err != nil {
		return 0, err
	}
	for _, s := range c.streams {
		offsets, bare := s.offsets(), s.times.Len() == 0 && s.n > 0
		var first, last float64
		if s.n > 0 {
			first, last = s.stamps.at(0), s.stamps.at(s.n-1)
		}
		if bare {
			b := binary.LittleEndian.AppendUint32(chunkHead(tagClockOffset, 20), s.id)
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(first))
			b = binary.LittleEndian.AppendUint64(b, 0)
			p.all = append(p.all, piece{from: s.end, to: s.end, put: b})
			offsets = slices.Values([][2]float64{{first, 0}})
		}
		n := s.n
		s.sync(src) // which may find that what is beyond the count is garbage
		if s.stamps.err != nil {
			return 0, s.stamps.err
		}
		if s.footer && (s.counted < 0 || s.counted == s.n) {
			continue
		}
		text := footer(s.id, first, last, n, offsets)
		foot := s.foot
		if !s.footer {
			foot = piece{from: src.size, to: src.size}
		}
		foot.put = append(chunkHead(tagStreamFooter, int64(len(text))), text...)
		p.all = append(p.all, foot)
	}
	slices.SortStableFunc(p.all, func(a, b piece) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	return len(p.all), p.write(w, src)
}

// offsets are those of the clock as they stand in the file.
func (s *stream) offsets() iter.Seq[[2]float64] {
	return func(yield func([2]float64) bool) {
		for i := range s.times.Len() {
			if !yield([2]float64{*s.times.At(i), *s.values.At(i)}) {
				return
			}
		}
	}
}

// write writes the copy.
func (p *pieces) write(w io.Writer, src *source) error {
	copyRange := func(from, to int64) error {
		n, err := io.Copy(w, io.NewSectionReader(src.file, from, to-from))
		if err == nil && n < to-from {
			err = src.errorf(from+n, "chunk", "cannot be read: %w: the file has changed since it was opened", io.ErrUnexpectedEOF)
		}
		return err
	}
	at := int64(0)
	for _, x := range p.all {
		if err := copyRange(at, max(at, x.from)); err != nil {
			return err
		}
		if _, err := w.Write(x.put); err != nil {
			return err
		}
		for _, k := range x.keep {
			if err := copyRange(k[0], k[1]); err != nil {
				return err
			}
		}
		at = max(at, x.to)
	}
	return copyRange(at, max(at, src.size))
}
