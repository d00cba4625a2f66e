package xdf

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"sync"

	"github.com/gyrus-bci/gyrus/ingest/uncached"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// windowBytes is how much of the file is read at once where blocks are read one behind the other.
const windowBytes = 1 << 18

// together is how many samples are decoded at once, at least, where blocks have less: a row of dst then gets whole lines of
// the cache, one behind the other.
const together = 256

type scale struct{ mul, div float64 }

// apart is how many values each goroutine reads at least, where a long range is read by several.
const apart = 1 << 19

// reader reads the samples of one stream.
type reader struct {
	src    *source
	s      *stream
	blocks *blocks
	scales []scale
	line   *timeline // nil where it is not asked for samples by their number in a recording

	// The part of the file that was read last.
	buf   []byte
	bufAt int64
	// Where to go on: the block, the number of the next sample in it and its place.
	block, in int
	off       int64
	at        []int64 // of the values of each sample that waits to be decoded, in buf

	past bool        // what is read now goes past the cache
	rows [][]float64 // samples on their way there
}

// newReader reads samples in the units of the stream, or as they stand where it is not described.
func newReader(src *source, s *stream, line *timeline) *reader {
	r := &reader{src: src, s: s, blocks: &s.blocks, line: line, block: -1, scales: make([]scale, s.info.channels)}
	for ch := range r.scales {
		r.scales[ch] = scale{1, 1}
		if s.units != nil {
			u := units.Parse(s.units[ch])
			r.scales[ch] = scale{u.Mul, u.Div}
		}
	}
	return r
}

// SourceUnits are the units in the descriptions of the channels.
func (r *reader) SourceUnits() []string {
	return slices.Clone(r.s.units)
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
	spans := r.line.spans
	k := sort.Search(len(spans), func(k int) bool { return spans[k].End() > start })
	if k == len(spans) || start < spans[k].Start || n > spans[k].End()-start {
		return fmt.Errorf("%s: samples from %d on, %d of them, do not lie in one span of the recording", r.src.name, start, n)
	}
	return r.read(dst, r.line.segments.at(k).first+start-spans[k].Start)
}

// other is a reader of the same stream for another goroutine.
func (r *reader) other() *reader {
	blocks := *r.blocks
	blocks.open, blocks.group = nil, 0
	return &reader{src: r.src, s: r.s, blocks: &blocks, scales: r.scales, block: -1}
}

// read fills dst from sample number first of the stream on: where there is much to fill, by as many goroutines as may run at once.
func (r *reader) read(dst [][]float64, first int64) error {
	n := len(dst[0])
	parts := min(runtime.GOMAXPROCS(0), len(dst)*n/apart)
	if parts < 2 {
		return r.readPart(dst, first)
	}
	errs := make([]error, parts)
	var all sync.WaitGroup
	for k := range parts {
		from, to := k*n/parts, (k+1)*n/parts
		part := make([][]float64, len(dst))
		for ch := range dst {
			part[ch] = dst[ch][from:to]
		}
		by := r // of the last part, behind which is read on
		if k < parts-1 {
			by = r.other()
		}
		all.Go(func() { errs[k] = by.readPart(part, first+int64(from)) })
	}
	all.Wait()
	return cmp.Or(errs...)
}

// readPart is read by one goroutine.
func (r *reader) readPart(dst [][]float64, first int64) error {
	blocks := r.blocks
	if r.past = uncached.Worth(int64(len(dst)) * int64(len(dst[0]))); r.past {
		defer uncached.Done()
	}
	k := blocks.of(first)
	r.at = r.at[:0]
	for done, found := 0, 0; done < len(dst[0]); k++ {
		b := blocks.at(k)
		if len(r.at) > 0 && !r.holds(b) { // what waits is in the part that was read last
			r.decode(dst, done)
			done = found
		}
		in := int(first + int64(found) - b.first)
		raw, err := r.load(k)
		if err != nil {
			return err
		}
		if k != r.block || in < r.in { // otherwise behind what was read last
			r.block, r.in, r.off = k, 0, 0
		}
		width := int64(len(r.scales) * r.s.info.format.width)
		m := min(len(dst[0])-found, int(b.n)-in)
		if err := r.find(raw, b.at-r.bufAt, in, m, width); err != nil {
			return r.src.errorf(b.at+r.off, "samples", "%w", err)
		}
		if found += m; len(r.at) >= together || found == len(dst[0]) {
			r.decode(dst, done)
			done = found
		}
	}
	return nil
}

// holds says whether b is in the part of the file that was read last.
func (r *reader) holds(b block) bool {
	at := b.at - r.bufAt
	return at >= 0 && at+int64(b.size) <= int64(len(r.buf))
}

// load is the bytes of block k.
func (r *reader) load(k int) ([]byte, error) {
	b := r.blocks.at(k)
	if r.holds(b) {
		return r.buf[b.at-r.bufAt:][:b.size], nil
	}
	n := int64(b.size)
	if k == r.block+1 { // reading on
		n = min(max(n, min(windowBytes, r.s.bytes)), r.src.size-b.at)
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

// find adds to r.at the places of the values of n samples of a block, from sample number in on; the block begins at byte base
// of r.buf. The scan has not looked at every sample, and the file may have changed since.
func (r *reader) find(raw []byte, base int64, in, n int, width int64) error {
	off := r.off
	for ; r.in < in+n; r.in++ {
		stamp := int64(-1)
		if off < int64(len(raw)) {
			stamp = int64(raw[off])
		}
		if stamp != 0 && stamp != 8 || off+1+stamp+width > int64(len(raw)) {
			err := fmt.Errorf("sample %d of its block begins with no stamp of 0 or 8 bytes: the file is damaged here", r.in)
			r.block, r.off = -1, off
			return err
		}
		off += 1 + stamp
		if r.in >= in {
			r.at = append(r.at, base+off)
		}
		off += width
	}
	r.off = off
	return nil
}

// rowsTogether is how many channels are decoded before they are copied past the cache.
const rowsTogether = 8

// decode fills dst[ch] from sample done on with the samples at r.at, channel by channel: they fit into the cache, the rows of
// dst do not.
func (r *reader) decode(dst [][]float64, done int) {
	defer func() { r.at = r.at[:0] }()
	if !r.past {
		r.decodeRows(dst, done, 0, r.at)
		return
	}
	if r.rows == nil {
		for range rowsTogether {
			r.rows = append(r.rows, make([]float64, uncached.Block))
		}
	}
	for at := r.at; len(at) > 0; {
		n := min(len(at), uncached.Block)
		for first := 0; first < len(dst); first += rowsTogether {
			rows := r.rows[:min(rowsTogether, len(dst)-first)]
			r.decodeRows(rows, 0, first, at[:n])
			for k, x := range rows {
				uncached.Copy(dst[first+k][done:done+n], x[:n])
			}
		}
		at, done = at[n:], done+n
	}
}

// decodeRows fills rows from sample done on with channels first, first+1, … of the samples at these places.
func (r *reader) decodeRows(rows [][]float64, done, first int, places []int64) {
	size := r.s.info.format.width
	raw := r.buf[first*size:]
	if r.s.info.format.name == "float32" {
		floats(rows, done, raw, places)
	}
	for ch, x := range rows {
		x = x[done : done+len(places)]
		skip := int64(ch * size)
		switch r.s.info.format.name {
		case "double64":
			for t, at := range places {
				x[t] = float64At(raw[at+skip:])
			}
		case "int8":
			for t, at := range places {
				x[t] = float64(int8(raw[at+skip]))
			}
		case "int16":
			for t, at := range places {
				x[t] = float64(int16(binary.LittleEndian.Uint16(raw[at+skip:])))
			}
		case "int32":
			for t, at := range places {
				x[t] = float64(int32(binary.LittleEndian.Uint32(raw[at+skip:])))
			}
		case "int64":
			for t, at := range places {
				x[t] = float64(int64(binary.LittleEndian.Uint64(raw[at+skip:])))
			}
		}
		if s := r.scales[first+ch]; s.mul != 1 || s.div != 1 {
			for t := range x {
				x[t] = x[t] * s.mul / s.div
			}
		}
	}
}
