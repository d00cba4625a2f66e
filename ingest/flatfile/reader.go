package flatfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Type is how a sample is stored.
type Type uint8

// The types that samples have, little-endian unless Layout.Big.
const (
	Int8 Type = iota
	Uint8
	Int16
	Uint16
	Int24
	Uint24
	Int32
	Uint32
	Int64
	Uint64
	Float32
	Float64
)

var widths = [...]int64{Int8: 1, Uint8: 1, Int16: 2, Uint16: 2, Int24: 3, Uint24: 3, Int32: 4, Uint32: 4, Int64: 8, Uint64: 8, Float32: 4, Float64: 8}

// Width is its bytes.
func (t Type) Width() int64 { return widths[t] }

// Column is one channel: its sample k of record r lies at byte Layout.At + r·Record + At + k·Step.
type Column struct {
	At, Step int64
	Type     Type
	// A stored number v is (v - Zero)·Gain + Offset in the channel's unit, each step rounded once: formats give one of Zero and
	// Offset, and which it is decides the last bit.
	Zero, Gain, Offset float64
}

// Layout says where all samples are.
type Layout struct {
	Columns   []Column
	Record    int64 // bytes of a record
	PerRecord int64 // samples of each channel in a record: 1 where channels are multiplexed
	Big       bool  // the most significant byte comes first
	At        int64 // of the first record in the file
	// Runs are samples in records that lie one behind the other: in order, apart, inside the file.
	Runs Timeline
	// Scattered says that runs lie anywhere: From is the byte of the first record of each, and At means nothing. PerRecord is 1.
	Scattered bool
}

// place is the byte of the record that a run begins with, and how many samples of that lie before the run.
func (l *Layout) place(r Piece) (at, skip int64) {
	if l.Scattered {
		return r.From, 0
	}
	return l.At + r.From/l.PerRecord*l.Record, r.From % l.PerRecord
}

// blockBytes is how much is read from the file at once at most, windowBytes how much of one channel where a record is longer.
const (
	blockBytes  = 1 << 20
	windowBytes = 1 << 16
)

// Reader reads the samples of a layout. Whoever reads on behind the last range gets as much as fits ahead, so a recording that
// is played sample by sample is read in blocks, and one that is read here and there only what is asked for.
type Reader struct {
	src  *Source
	lay  Layout
	next int64 // the sample behind the range that was asked for last

	block   window   // of records
	windows []window // of each column, where records are longer than a block
}

// window is a part of the file that was read.
type window struct {
	at  int64 // -1 where nothing was
	buf []byte
}

// NewReader checks that lay lies in the file and panics where a reader has not seen to it.
func NewReader(src *Source, lay Layout) *Reader {
	for _, r := range lay.Runs {
		at, skip := lay.place(r)
		records := (skip + r.Len + lay.PerRecord - 1) / lay.PerRecord
		if at < 0 || r.Len <= 0 || records > (src.Size-at)/lay.Record {
			panic(fmt.Sprintf("flatfile: %s: %d records of %d bytes at byte %d of %d", src.Name, records, lay.Record, at, src.Size))
		}
	}
	r := &Reader{src: src, lay: lay, next: -1, block: window{at: -1}}
	if lay.Record > blockBytes {
		r.windows = make([]window, len(lay.Columns))
		for ch := range r.windows {
			r.windows[ch].at = -1
		}
	}
	return r
}

// Spans is where there is data, nil where there is no gap, and the number behind the last sample.
func (l *Layout) Spans() ([]signal.Span, int64) {
	if len(l.Runs) == 0 {
		return nil, 0
	}
	end := l.Runs[len(l.Runs)-1].End()
	if len(l.Runs) == 1 && l.Runs[0].Start == 0 {
		return nil, end
	}
	gaps := 0
	for i, r := range l.Runs[1:] {
		if l.Runs[i].End() != r.Start {
			gaps++
		}
	}
	spans := make([]signal.Span, 0, gaps+1)
	for _, r := range l.Runs {
		if n := len(spans); n > 0 && spans[n-1].End() == r.Start {
			spans[n-1].Len += r.Len
			continue
		}
		spans = append(spans, r.Span)
	}
	if len(spans) == 1 && spans[0].Start == 0 {
		return nil, end
	}
	return spans, end
}

// ReadSamples reads any range of one span.
func (r *Reader) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) != len(r.lay.Columns) {
		return fmt.Errorf("%s: %d rows to fill, there are %d channels", r.src.Name, len(dst), len(r.lay.Columns))
	}
	n := int64(len(dst[0]))
	for i := range dst {
		if int64(len(dst[i])) != n {
			return fmt.Errorf("%s: row %d to fill has %d samples, row 0 has %d, they must have the same length", r.src.Name, i, len(dst[i]), n)
		}
	}
	if n == 0 {
		return nil
	}
	runs := r.lay.Runs
	first := sort.Search(len(runs), func(i int) bool { return runs[i].End() > start })
	at, last := start, first
	for ; last < len(runs) && runs[last].Start <= at && at < start+n; last++ {
		at = runs[last].End()
	}
	if first == len(runs) || start < runs[first].Start || at < start+n {
		return fmt.Errorf("%s: %d samples from sample %d do not lie in one span of the recording", r.src.Name, n, start)
	}
	ahead := start == r.next
	r.next = start + n
	done := int64(0)
	for _, run := range runs[first:last] {
		m := min(n-done, run.End()-start-done)
		if err := r.readRun(dst, run, start+done-run.Start, done, m, ahead); err != nil {
			return err
		}
		done += m
	}
	return nil
}

// readRun fills dst[·][done:done+n] from sample k on of a run.
func (r *Reader) readRun(dst [][]float64, run Piece, k, done, n int64, ahead bool) error {
	per := r.lay.PerRecord
	first, skip := r.lay.place(run)
	k += skip // counted from the start of its first record
	for n > 0 {
		record, in := k/per, k%per
		if r.windows != nil {
			m := min(n, per-in)
			for ch := range r.lay.Columns {
				if err := r.readColumn(dst[ch][done:done+m], ch, first+record*r.lay.Record, in, per, ahead); err != nil {
					return err
				}
			}
			k, done, n = k+m, done+m, n-m
			continue
		}
		at := first + record*r.lay.Record
		records := (in + n + per - 1) / per
		if ahead {
			records = (skip+run.Len+per-1)/per - record
		}
		records = min(records, max(1, blockBytes/r.lay.Record))
		if b := &r.block; b.at < 0 || at < b.at || at+r.lay.Record > b.at+int64(len(b.buf)) {
			if err := b.load(r.src, at, records*r.lay.Record); err != nil {
				return err
			}
		}
		have := (r.block.at + int64(len(r.block.buf)) - at) / r.lay.Record
		m := min(n, have*per-in)
		r.decodeBlock(dst, done, m, r.block.buf[at-r.block.at:], in)
		k, done, n = k+m, done+m, n-m
	}
	return nil
}

// decodeBlock fills dst[·][done:done+n] from sample in on of the records in src.
func (r *Reader) decodeBlock(dst [][]float64, done, n int64, src []byte, in int64) {
	per := r.lay.PerRecord
	for ch, c := range r.lay.Columns {
		x := dst[ch][done : done+n]
		if per == 1 {
			c.decode(x, src[c.At:], r.lay.Record, r.lay.Big)
			continue
		}
		base := c.At
		for i := in; len(x) > 0; i = 0 {
			m := min(per-i, int64(len(x)))
			c.decode(x[:m], src[base+i*c.Step:], c.Step, r.lay.Big)
			x, base = x[m:], base+r.lay.Record
		}
	}
}

// readColumn fills x from sample in on of the record at byte at. Records are longer than a block, so the samples of a channel
// lie one behind the other.
func (r *Reader) readColumn(x []float64, ch int, at, in, per int64, ahead bool) error {
	c, w := &r.lay.Columns[ch], &r.windows[ch]
	end := at + c.At + (per-1)*c.Step + c.Type.Width()
	for len(x) > 0 {
		from := at + c.At + in*c.Step
		if w.at < 0 || from < w.at || from+c.Type.Width() > w.at+int64(len(w.buf)) {
			want := (int64(len(x))-1)*c.Step + c.Type.Width()
			if ahead {
				want = windowBytes
			}
			if err := w.load(r.src, from, min(want, max(windowBytes, c.Type.Width()), end-from)); err != nil {
				return err
			}
		}
		have := (w.at+int64(len(w.buf))-from-c.Type.Width())/c.Step + 1
		m := min(int64(len(x)), have)
		c.decode(x[:m], w.buf[from-w.at:], c.Step, r.lay.Big)
		x, in = x[m:], in+m
	}
	return nil
}

func (w *window) load(src *Source, at, n int64) error {
	w.at = -1 // nothing is valid if reading fails
	if int64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:n]
	if err := src.Read(w.buf, at, "samples"); err != nil {
		return err
	}
	w.at = at
	return nil
}

// decode fills x from the numbers in src, which are step bytes apart.
func (c *Column) decode(x []float64, src []byte, step int64, big bool) {
	if c.Type == Int16 && !big && c.Zero == 0 && c.Offset == 0 { // the most common one
		for t := range x {
			x[t] = float64(int16(binary.LittleEndian.Uint16(src[int64(t)*step:]))) * c.Gain
		}
		return
	}
	if c.Type == Float32 && !big && c.Zero == 0 && c.Offset == 0 {
		for t := range x {
			x[t] = float64(math.Float32frombits(binary.LittleEndian.Uint32(src[int64(t)*step:]))) * c.Gain
		}
		return
	}
	for t := range x {
		x[t] = Number(src[int64(t)*step:], c.Type, big)
	}
	if c.Zero != 0 {
		for t := range x {
			x[t] -= c.Zero
		}
	}
	for t := range x {
		x[t] *= c.Gain
	}
	if c.Offset != 0 {
		for t := range x {
			x[t] += c.Offset
		}
	}
}

// Number is the number at the start of b.
func Number(b []byte, typ Type, big bool) float64 {
	bits := uint64(0)
	w := int(typ.Width())
	for i := range w {
		if big {
			bits = bits<<8 | uint64(b[i])
		} else {
			bits |= uint64(b[i]) << (8 * i)
		}
	}
	switch typ {
	case Int8, Int16, Int24, Int32, Int64:
		shift := 64 - 8*w
		return float64(int64(bits<<shift) >> shift)
	case Float32:
		return float64(math.Float32frombits(uint32(bits)))
	case Float64:
		return math.Float64frombits(bits)
	}
	return float64(bits)
}
