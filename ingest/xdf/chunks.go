package xdf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/pages"
)

// The tags of chunks.
const (
	tagFileHeader   = 1
	tagStreamHeader = 2
	tagSamples      = 3
	tagClockOffset  = 4
	tagBoundary     = 5
	tagStreamFooter = 6
)

// boundary is the content of every boundary chunk.
var boundary = []byte{0x43, 0xa5, 0x46, 0xdc, 0xcb, 0xf5, 0x41, 0x0f, 0xb3, 0x0e, 0xd5, 0x46, 0x73, 0x83, 0xcb, 0xe4}

var magic = []byte("XDF:")

const (
	maxXML       = 16 << 20 // bytes of XML in one chunk
	blockSamples = 1024     // of one block, at most
)

// block is where samples of one stream lie in the file, one behind the other.
type block struct {
	at    int64 // of the first byte
	first int64 // number of the first sample
	n     int32
	size  int32 // in bytes
}

// blocks are those of a stream. There may be one in twelve bytes of the file, so they are kept in sixteen.
type blocks struct {
	list  pages.List[place]
	first []int64 // number of the first sample of every 1024th block
}

type place struct {
	at    uint64 // and the number of samples in the lowest bits
	first uint32 // behind that of the 1024th block before
	size  int32
}

const placeBits = 11 // for up to blockSamples

func (l *blocks) add(b block) {
	if l.list.Len()%1024 == 0 {
		l.first = append(l.first, b.first)
	}
	l.list.Add(place{uint64(b.at)<<placeBits | uint64(b.n), uint32(b.first - l.first[len(l.first)-1]), b.size})
}

func (l *blocks) len() int { return l.list.Len() }

func (l *blocks) at(k int) block {
	p := l.list.At(k)
	return block{int64(p.at >> placeBits), l.first[k/1024] + int64(p.first), int32(p.at & (1<<placeBits - 1)), p.size}
}

// stream is what the file has of one stream.
type stream struct {
	id     uint32
	at     int64 // of its header
	info   *streamInfo
	footer *node
	blocks blocks
	n      int64
	stamps *stamps            // of every sample, on the clock of the sender until sync
	labels pages.List[string] // of every sample of a stream of text
	times  pages.List[float64]
	values pages.List[float64] // clock offsets

	last    float64 // the stamp before the next
	lost    bool    // something behind the last stamp is missing
	started bool    // there has been a stamp
	skipped int64   // samples left out because their stamp is not known

	maybe      int     // samples in front of which others may be missing
	maybeFirst int64   // the first of them
	maybeS     float64 // the longest time of these, in seconds
}

// contents is all that was found in a file.
type contents struct {
	src     *source
	header  *node // of the file
	streams []*stream
	byID    map[uint32]*stream
	names   map[string]string // labels that have been seen, so that a stream of many alike keeps one of them
	label   []byte
	cache   stampCache
}

// maxNames is how many labels are looked for again: what has more of them repeats none.
const maxNames = 1024

// scan reads the whole file but for the samples themselves.
func scan(src *source) (*contents, error) {
	c := &contents{src: src, byID: map[uint32]*stream{}, names: map[string]string{}}
	head, err := src.next(min(len(magic), int(src.size)))
	if err != nil || !bytes.Equal(head, magic) {
		return nil, src.errorf(0, "magic", "is %q, must be %q", head, magic)
	}
	for src.at < src.size {
		from := src.at
		err := c.chunk()
		if err == nil {
			continue
		}
		var harm damage
		if !errors.As(err, &harm) {
			return nil, err
		}
		to, found, err := c.resync(from)
		if err != nil {
			return nil, err
		}
		for _, s := range c.streams {
			s.lost = true
		}
		if !found {
			src.deviate(from, "chunk", "a file is whole chunks", fmt.Sprintf("%s; no boundary chunk follows in the %d bytes to the end", harm, src.size-from), "the file ends here, but for whole samples in the last chunk")
			break
		}
		src.deviate(from, "chunk", "a file is whole chunks", string(harm), fmt.Sprintf("%d bytes up to the next boundary chunk are passed over", to-from))
		src.seek(to)
	}
	return c, nil
}

// resync finds the end of the first boundary chunk that begins behind byte from.
func (c *contents) resync(from int64) (int64, bool, error) {
	src := c.src
	buf := make([]byte, 64<<10)
	for at := from + 1; at < src.size; {
		n := min(int64(len(buf)), src.size-at)
		if _, err := src.file.ReadAt(buf[:n], at); err != nil && n < int64(len(buf)) && at+n != src.size {
			return 0, false, src.errorf(at, "chunk", "cannot be read: %w", err)
		}
		if i := bytes.Index(buf[:n], boundary); i >= 0 {
			return at + int64(i+len(boundary)), true, nil
		}
		if n <= int64(len(boundary)) {
			break
		}
		at += n - int64(len(boundary)) + 1
	}
	return 0, false, nil
}

// chunk reads one chunk. An error that is no damage ends the reading.
func (c *contents) chunk() error {
	src := c.src
	from := src.at
	size, err := src.length()
	if err != nil {
		return err
	}
	begin := src.at
	if size < 2 {
		return damagef("a chunk of %d bytes, must have at least 2", size)
	}
	b, err := src.next(2)
	if err != nil {
		return err
	}
	tag := binary.LittleEndian.Uint16(b)
	end := begin + size
	if end > src.size && tag != tagSamples {
		return damagef("a chunk of %d bytes, of which the file has %d", size, src.size-begin)
	}
	switch tag {
	case tagFileHeader:
		c.header, err = c.xml(from, end, "file header")
		return err
	case tagStreamHeader, tagSamples, tagClockOffset, tagStreamFooter:
		if size < 6 {
			return damagef("a chunk of tag %d and %d bytes, must have at least 6", tag, size)
		}
		b, err := src.next(4)
		if err != nil {
			return err
		}
		return c.streamChunk(tag, binary.LittleEndian.Uint32(b), from, end)
	case tagBoundary:
		return src.skip(end - src.at)
	}
	src.deviate(from, "chunk", "tags are 1 to 6", fmt.Sprintf("tag %d in a chunk of %d bytes", tag, size), "the chunk is passed over")
	return src.skip(end - src.at)
}

// xml reads the rest of a chunk. A document that cannot be read is a deviation, and nil.
func (c *contents) xml(from, end int64, field string) (*node, error) {
	text, err := c.text(end, field)
	if err != nil {
		return nil, err
	}
	n, err := parseXML(text)
	if err != nil {
		c.src.deviate(from, field, "is XML", err.Error(), "nothing of it is used")
		return nil, nil
	}
	return n, nil
}

func (c *contents) text(end int64, field string) ([]byte, error) {
	n := end - c.src.at
	if n > maxXML {
		return nil, damagef("a %s of %d bytes, may have %d", field, n, maxXML)
	}
	return c.src.bytes(n)
}

// streamChunk reads a chunk that belongs to a stream, behind the number of the stream.
func (c *contents) streamChunk(tag uint16, id uint32, from, end int64) error {
	src := c.src
	s := c.byID[id]
	if tag == tagStreamHeader {
		return c.streamHeader(id, from, end)
	}
	if s == nil {
		src.deviate(from, "stream id", "a stream's header comes before all else of it", fmt.Sprintf("a chunk of stream %d, which has no header", id), "the chunk is passed over")
		if end > src.size {
			return errShort
		}
		return src.skip(end - src.at)
	}
	switch tag {
	case tagClockOffset:
		if end-src.at != 16 {
			return damagef("a clock offset of %d bytes, must have 16", end-src.at)
		}
		b, err := src.next(16)
		if err != nil {
			return err
		}
		at, value := float64At(b), float64At(b[8:])
		if at-at != 0 || value-value != 0 {
			src.deviate(from, "clock offset", "times are finite", fmt.Sprintf("%g at %g", value, at), "the offset is passed over")
			return nil
		}
		s.times.Add(at)
		s.values.Add(value)
		return nil
	case tagStreamFooter:
		footer, err := c.xml(from, end, "stream footer")
		if footer != nil {
			s.footer = footer
		}
		return err
	}
	return c.samples(s, from, end)
}

// streamHeader makes a stream known.
func (c *contents) streamHeader(id uint32, from, end int64) error {
	text, err := c.text(end, "stream header")
	if err != nil {
		return err
	}
	if c.byID[id] != nil {
		c.src.deviate(from, "stream header", "a stream has one header", fmt.Sprintf("another of stream %d", id), "the first one counts")
		return nil
	}
	info, err := parseHeader(text)
	if err != nil {
		return c.src.errorf(from, "stream header", "stream %d: %w: the samples cannot be read without it", id, err)
	}
	s := &stream{id: id, at: from, info: info, stamps: newStamps(info.rate, &c.cache)}
	c.streams, c.byID[id] = append(c.streams, s), s
	return nil
}

// samples reads where the samples of a chunk lie, their stamps, and text. A file that ends within the chunk leaves the
// whole ones.
func (c *contents) samples(s *stream, from, end int64) error {
	src := c.src
	n, err := src.length()
	if err != nil {
		return err
	}
	read := c.numbers
	if s.info.text() {
		read = c.texts
	}
	got, err := read(s, n, min(end, src.size), end <= src.size)
	switch {
	case err != nil:
		return err
	case got == n && end <= src.size:
		if src.at != end {
			src.deviate(from, "samples", "a chunk is as long as its samples", fmt.Sprintf("%d bytes behind the last of %d samples", end-src.at, n), "they are passed over")
			return src.skip(end - src.at)
		}
		return nil
	case end > src.size:
		return damagef("%d whole samples of %d in a chunk of stream %d, whose end the file does not have", got, n, s.id)
	}
	return damagef("%d whole samples of %d in a chunk of stream %d", got, n, s.id)
}

// numbers reads up to n samples of a numeric stream that lie before byte end, which is that of the chunk where it is whole. It returns
// how many there were.
func (c *contents) numbers(s *stream, n, end int64, whole bool) (int64, error) {
	src := c.src
	width := int64(s.info.channels * s.info.format.width)
	cur := block{at: src.at, first: s.n}
	flush := func() {
		if cur.n > 0 {
			s.blocks.add(cur)
		}
		cur = block{at: src.at, first: s.n}
	}
	defer flush()
	got, err := int64(0), error(nil)
	if whole { // the length of one that is cut says nothing
		got, err = c.evenly(s, n, end, width, &cur)
	}
	for ; err == nil && got < n && src.at < end; got++ {
		b, err := src.next(1)
		if err != nil {
			return got, err
		}
		stamp := int64(b[0])
		if stamp != 0 && stamp != 8 {
			return got, damagef("a stamp of %d bytes in a chunk of stream %d, must have 0 or 8", stamp, s.id)
		}
		if end-src.at < stamp+width {
			return got, nil
		}
		var known bool
		if stamp == 8 {
			if b, err = src.next(8); err != nil {
				return got, err
			}
			known = s.stamp(float64At(b))
		} else {
			known = s.deduce()
		}
		if err := src.skip(width); err != nil {
			return got, err
		}
		if !known {
			flush()
			continue
		}
		cur.n++
		cur.size = int32(src.at - cur.at)
		s.n++
		if cur.n == blockSamples || int64(cur.size) > readAhead/2 {
			flush()
		}
	}
	return got, err
}

// evenly takes a chunk whose length says that all its n samples are without a stamp but for the first, as most recorders
// write them, without looking at each. It returns n, or 0 where the chunk is another one.
func (c *contents) evenly(s *stream, n, end, width int64, cur *block) (int64, error) {
	src := c.src
	size := end - src.at
	stamps := size - n*(1+width)
	if n > blockSamples || size > readAhead/2 || stamps != 8 || !(s.info.rate > 0) {
		return 0, nil
	}
	b, err := src.r.Peek(9)
	if err != nil {
		return 0, src.failed(err)
	}
	if b[0] != 8 || !s.stamp(float64At(b[1:])) {
		return 0, nil // the one that looks at each says what is wrong
	}
	for range n - 1 {
		s.deduce()
	}
	s.n += n
	cur.n, cur.size = int32(n), int32(size)
	return n, src.skip(size)
}

// texts is like numbers, and keeps the values.
func (c *contents) texts(s *stream, n, end int64, _ bool) (int64, error) {
	src := c.src
	for got := int64(0); got < n; got++ {
		if src.at >= end {
			return got, nil
		}
		b, err := src.next(1)
		if err != nil {
			return got, err
		}
		stamp := b[0]
		if stamp != 0 && stamp != 8 {
			return got, damagef("a stamp of %d bytes in a chunk of stream %d, must have 0 or 8", stamp, s.id)
		}
		var at float64
		if stamp == 8 {
			if end-src.at < 8 {
				return got, nil
			}
			if b, err = src.next(8); err != nil {
				return got, err
			}
			at = float64At(b)
		}
		c.label = c.label[:0]
		for ch := range s.info.channels {
			if src.at >= end {
				return got, nil
			}
			size, err := src.length()
			if err != nil {
				return got, err
			}
			if size > end-src.at {
				return got, nil
			}
			if ch > 0 {
				c.label = append(c.label, ',')
			}
			if c.label, err = src.appendText(c.label, size); err != nil {
				return got, err
			}
		}
		var known bool
		if stamp == 8 {
			known = s.stamp(at)
		} else {
			known = s.deduce()
		}
		if known {
			s.n++
			s.labels.Add(c.intern(c.label))
		}
	}
	return n, nil
}

// intern is label as text, in the same memory for all that are equal.
func (c *contents) intern(label []byte) string {
	kept, seen := c.names[string(label)]
	if !seen {
		if kept = string(label); len(c.names) < maxNames {
			c.names[kept] = kept
		}
	}
	return kept
}

// stamp takes a stamp as it stands in the file. One that is not finite is left out.
func (s *stream) stamp(at float64) bool {
	if at-at != 0 {
		s.skipped++
		return false
	}
	s.last, s.lost, s.started = at, false, true
	s.stamps.push(at, true)
	return true
}

// deduce makes the stamp of a sample that has none: that of the one before, and 1/rate. It is false where the one before
// is not known.
func (s *stream) deduce() bool {
	if s.lost || !s.started {
		s.skipped++
		return false
	}
	if s.info.rate > 0 {
		s.last += 1 / s.info.rate
	}
	s.stamps.push(s.last, false)
	return true
}

// count is the number of samples that the footer speaks of, -1 where it does not.
func (s *stream) count() int64 {
	n, err := strconv.ParseInt(s.footer.get("sample_count"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func float64At(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }
