package fif

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// buffer is a run of samples that lie together in the file, sample by sample. There may be one in 18 bytes of the file.
type buffer struct {
	src   *source // the part that it lies in
	at    int64   // byte of the first sample, and in the lowest bits the type
	start int64   // number of the first sample
	n     int64   // samples
}

const typeBits = 5

func newBuffer(src *source, at, start, n int64, typ uint32) buffer {
	return buffer{src, at<<typeBits | int64(typ), start, n}
}

func (b buffer) typ() uint32 { return uint32(b.at & (1<<typeBits - 1)) }

// place is the byte of the first sample.
func (b buffer) place() int64 { return b.at >> typeBits }

// widths are the bytes of one number in a buffer.
var widths = map[uint32]int64{typeShort: 2, typePack16: 2, typeInt: 4, typeFloat: 4, typeDouble: 8}

// maxSamples is the largest number of a sample: a file cannot say where more lie, but claim it.
const maxSamples = 1 << 53

// buffers is the index of a block of raw data.
type buffers struct {
	list  pages.List[buffer]
	first int64 // number of the first sample on the clock of the acquisition
	len   int64 // sample behind the last one, counted from the first in the file

	skip, skipSamples int64 // before the next buffer
	skipAt            int64
}

// counts are what tags of one number are called.
var counts = map[int32]string{tagFirstSample: "first sample", tagSkip: "skip", tagSkipSamples: "skip in samples"}

// add takes in a tag of a block of raw data.
func (b *buffers) add(s *source, t tag, chans int64) error {
	switch t.kind {
	case tagFirstSample, tagSkip, tagSkipSamples:
		v, err := s.integer(t, counts[t.kind])
		if err != nil {
			return err
		}
		switch {
		case t.kind == tagFirstSample && b.list.Len() == 0:
			b.first = int64(v)
		case t.kind == tagFirstSample: // later ones belong to what MaxShield counts
		case v < 0:
			return s.errorf(t.at, "skip", "is %d, must be at least 0", v)
		case t.kind == tagSkip:
			b.skip, b.skipAt = int64(v), t.at
		default:
			b.skipSamples, b.skipAt = int64(v), t.at
		}
		return nil
	case tagBuffer:
	default:
		return nil
	}
	width, known := widths[t.typ]
	if !known {
		return s.errorf(t.at+4, "type of buffer", "is %s, must be int16, int32, float32 or float64: save the recording as float32", typeName(t.typ))
	}
	if chans == 0 {
		return s.errorf(t.at, "buffer", "lies before the measurement info: the channels in it are not known")
	}
	n := t.size / (width * chans)
	if left := t.size % (width * chans); left > 0 && s.cut == "" {
		s.deviateOften(t.at, "buffer", "whole samples of all channels", func() string {
			return fmt.Sprintf("%d bytes, which are %d samples of %d channels and %d bytes", t.size, n, chans, left)
		}, "the rest is left out")
	}
	if n == 0 {
		return nil
	}
	if gap := b.skip*n + b.skipSamples; gap > 0 {
		if b.first+b.len+gap > maxSamples {
			return s.errorf(b.skipAt, "skip", "leads to sample %d, which is more than there can be", b.first+b.len+gap)
		}
		if b.list.Len() == 0 {
			b.first += gap // as MNE does: the recording begins with its first sample
		} else {
			b.len += gap
		}
	}
	b.skip, b.skipSamples = 0, 0
	b.list.Add(newBuffer(s, t.data(), b.len, n, t.typ))
	b.len += n
	return nil
}

// join adds those of the part of the recording that goes on from b, whose first sample is not before the end of b.
func (b *buffers) join(next *buffers) {
	from := next.first - b.first
	for i := range next.list.Len() {
		f := *next.list.At(i)
		f.start += from
		b.list.Add(f)
	}
	b.len = from + next.len
}

// spans is where there are samples that were measured, and how many there are that were not, by skips; nil where there is no gap.
func (b *buffers) spans(skips []signal.Span) (spans []signal.Span, filled int64) {
	spans = b.stored()
	if len(skips) == 0 {
		return spans, 0
	}
	whole := spans
	if whole == nil {
		whole = []signal.Span{{Len: b.len}}
	}
	left, filled := signal.Without(whole, skips)
	switch {
	case filled == 0:
		return spans, 0
	case len(left) == 0:
		return []signal.Span{{}}, filled
	}
	return left, filled
}

// stored is where the file has samples; nil where there is no gap.
func (b *buffers) stored() []signal.Span {
	count, end := 0, int64(-1)
	for i := range b.list.Len() {
		f := b.list.At(i)
		if f.start != end {
			count++
		}
		end = f.start + f.n
	}
	if count == 1 {
		return nil
	}
	spans := make([]signal.Span, 0, count)
	for i := range b.list.Len() {
		f := b.list.At(i)
		if n := len(spans); n > 0 && spans[n-1].End() == f.start {
			spans[n-1].Len += f.n
			continue
		}
		spans = append(spans, signal.Span{Start: f.start, Len: f.n})
	}
	return spans
}
