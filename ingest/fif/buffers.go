package fif

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// buffer is a run of samples that lie together in the file, sample by sample.
type buffer struct {
	src      *source // the part that it lies in
	at       int64   // byte of the first sample
	start, n int64   // samples
	typ      uint32
}

// widths are the bytes of one number in a buffer.
var widths = map[uint32]int64{typeShort: 2, typePack16: 2, typeInt: 4, typeFloat: 4, typeDouble: 8}

// maxSamples is the largest number of a sample: a file cannot say where more lie, but claim it.
const maxSamples = 1 << 53

// buffers is the index of a block of raw data.
type buffers struct {
	list  []buffer
	first int64 // number of the first sample on the clock of the acquisition
	len   int64 // sample behind the last one, counted from the first in the file

	skip, skipSamples int64 // before the next buffer
	skipAt            int64
}

// add takes in a tag of a block of raw data.
func (b *buffers) add(s *source, t tag, chans int64) error {
	switch t.kind {
	case tagFirstSample, tagSkip, tagSkipSamples:
		v, err := s.integer(t, map[int32]string{tagFirstSample: "first sample", tagSkip: "skip", tagSkipSamples: "skip in samples"}[t.kind])
		if err != nil {
			return err
		}
		switch {
		case t.kind == tagFirstSample && len(b.list) == 0:
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
		s.deviateOnce(t.at, "buffer", "whole samples of all channels", fmt.Sprintf("%d bytes, which are %d samples of %d channels and %d bytes", t.size, n, chans, left), "the rest is left out")
	}
	if n == 0 {
		return nil
	}
	if gap := b.skip*n + b.skipSamples; gap > 0 {
		if b.first+b.len+gap > maxSamples {
			return s.errorf(b.skipAt, "skip", "leads to sample %d, which is more than there can be", b.first+b.len+gap)
		}
		if len(b.list) == 0 {
			b.first += gap // as MNE does: the recording begins with its first sample
		} else {
			b.len += gap
		}
	}
	b.skip, b.skipSamples = 0, 0
	b.list = append(b.list, buffer{src: s, at: t.data(), start: b.len, n: n, typ: t.typ})
	b.len += n
	return nil
}

// join adds those of the part of the recording that goes on from b, whose first sample is not before the end of b.
func (b *buffers) join(next *buffers) {
	from := next.first - b.first
	for _, f := range next.list {
		f.start += from
		b.list = append(b.list, f)
	}
	b.len = from + next.len
}

// spans is where there are samples; nil where there is no gap.
func (b *buffers) spans() []signal.Span {
	var spans []signal.Span
	for _, f := range b.list {
		if n := len(spans); n > 0 && spans[n-1].End() == f.start {
			spans[n-1].Len += f.n
			continue
		}
		spans = append(spans, signal.Span{Start: f.start, Len: f.n})
	}
	if len(spans) == 1 {
		return nil
	}
	return spans
}
