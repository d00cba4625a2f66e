package xdf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
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
	maxXML      = 16 << 20 // bytes of XML in one chunk
	resyncBytes = 4096     // that are searched at once
)

// stream is what the file has of one stream.
type stream struct {
	id      uint32
	at      int64 // of its header
	info    *streamInfo
	where   string       // it is, in messages
	units   []string     // of its channels, as they are written
	about   *signal.Info // its channels, of one that can be a recording
	eegs    int          // of these are EEG
	end     int64        // of the chunk of its header
	foot    piece        // of its footer
	footer  bool
	counted int64 // how many samples its footer speaks of, -1 where it does not
	blocks  blocks
	n       int64
	stamps  stamps             // of every sample, on the clock of the sender until sync
	labels  pages.List[string] // of every sample of a stream of text
	times   pages.List[float64]
	values  pages.List[float64] // clock offsets
	bytes   int64               // of its blocks
	again   place               // where stamps were read again

	counts *[1 << medBits]int64 // memory of median

	last    float64 // the stamp before the next
	lost    bool    // something behind the last stamp is missing
	started bool    // there has been a stamp
	skipped int64   // samples left out because their stamp is not known

	maybe      int     // samples in front of which others may be missing
	maybeFirst int64   // the first of them
	maybeS     float64 // the longest time of these, in seconds
	maybeWhy   string  // that is not known
}

// contents is all that was found in a file.
type contents struct {
	src     *source
	began   string // the date in the header of the file
	streams []*stream
	byID    map[uint32]*stream
	broken  map[uint32]bool   // streams whose header cannot be read
	refuse  error             // why one of these cannot be missed, unless another stream has EEG
	unread  error             // why the first of these cannot be read
	pieces  *pieces           // what is wrong with the file, byte for byte; nil where nobody asks
	names   map[string]string // labels that have been seen, so that a stream of many alike keeps one of them
	label   []byte
}

// scan reads the whole file but for the samples themselves.
func scan(src *source) (*contents, error) { return scanFor(src, nil) }

// scanFor is scan that notes what is wrong in p, which may be nil.
func scanFor(src *source, p *pieces) (*contents, error) {
	c := &contents{src: src, byID: map[uint32]*stream{}, broken: map[uint32]bool{}, names: map[string]string{}, pieces: p}
	head, err := src.next(min(len(magic), int(src.size)))
	if err != nil || !bytes.Equal(head, magic) {
		return nil, src.errorf(0, "magic", "is %q, must be %q", head, magic)
	}
	var harm *damage
	for src.at < src.size {
		from := src.at
		p.begin(src)
		err := c.chunk()
		if err == nil {
			p.end(c, from, src.at, false)
			continue
		}
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
			src.deviate(from, "chunk", "a file is whole chunks", func() (found, assumed string) {
				return fmt.Sprintf("%s; no boundary chunk follows in the %d bytes to the end", harm, src.size-from), "the file ends here, but for whole samples in the last chunk"
			})
			p.end(c, from, src.size, true)
			break
		}
		p.end(c, from, to, true)
		p.boundary(to)
		src.deviate(from, "chunk", "a file is whole chunks", func() (found, assumed string) {
			return harm.Error(), fmt.Sprintf("%d bytes up to the next boundary chunk are passed over", to-from)
		})
		src.missing(flaw{nil, "chunk", "a file is whole chunks"})
		src.at = to
	}
	return c, nil
}

// resync finds the end of the first boundary chunk that begins behind byte from.
func (c *contents) resync(from int64) (int64, bool, error) {
	src := c.src
	for src.at = from + 1; src.at < src.size; {
		n := min(resyncBytes, src.size-src.at)
		b, err := src.peek(int(n))
		if err != nil {
			return 0, false, src.errorf(src.at, "chunk", "cannot be read: %w", err)
		}
		if i := bytes.Index(b, boundary); i >= 0 {
			return src.at + int64(i+len(boundary)), true, nil
		}
		if n <= int64(len(boundary)) {
			break
		}
		src.skip(n - int64(len(boundary)) + 1)
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
		return src.damagef("a chunk of %d bytes, must have at least 2", size)
	}
	b, err := src.next(2)
	if err != nil {
		return err
	}
	tag := binary.LittleEndian.Uint16(b)
	end := begin + size
	c.pieces.chunk(tag)
	if end > src.size && tag != tagSamples {
		return src.damagef("a chunk of %d bytes, of which the file has %d", size, src.size-begin)
	}
	switch tag {
	case tagFileHeader:
		header, err := c.xml(from, end, "file header")
		if c.began = header.get("datetime"); err != nil {
			return err
		}
		return nil
	case tagStreamHeader, tagSamples, tagClockOffset, tagStreamFooter:
		if size < 6 {
			return src.damagef("a chunk of tag %d and %d bytes, must have at least 6", int64(tag), size)
		}
		b, err := src.next(4)
		if err != nil {
			return err
		}
		return c.streamChunk(tag, binary.LittleEndian.Uint32(b), from, end)
	case tagBoundary:
		src.skip(end - src.at)
		return nil
	}
	src.deviate(from, "chunk", "tags are 1 to 6", func() (found, assumed string) {
		return fmt.Sprintf("tag %d in a chunk of %d bytes", tag, size), "the chunk is passed over"
	})
	src.skip(end - src.at)
	return nil
}

// xml reads the rest of a chunk. A document that cannot be read is a deviation, and not there.
func (c *contents) xml(from, end int64, field string) (node, error) {
	text, err := c.text(end, field)
	if err != nil {
		return node{}, err
	}
	_, n, err := parseXML(text)
	if err != nil {
		c.noXML(from, field, err)
		return node{}, nil
	}
	return n, nil
}

// noXML lists that a document cannot be read.
func (c *contents) noXML(from int64, field string, err error) {
	c.src.deviate(from, field, "is XML", func() (found, assumed string) { return err.Error(), "nothing of it is used" })
}

func (c *contents) text(end int64, field string) ([]byte, error) {
	n := end - c.src.at
	if n > maxXML {
		return nil, c.src.damagef("a "+field+" of %d bytes, may have %d", n, maxXML)
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
		if !c.broken[id] {
			src.deviate(from, "stream id", "a stream's header comes before all else of it", func() (found, assumed string) {
				return fmt.Sprintf("a chunk of stream %d, which has no header", id), "the chunk is passed over"
			})
			src.missing(flaw{nil, "stream id", "a stream's header comes before all else of it"})
		}
		if end > src.size {
			return errShort
		}
		src.skip(end - src.at)
		return nil
	}
	switch tag {
	case tagClockOffset:
		if end-src.at != 16 {
			return src.damagef("a clock offset of %d bytes, must have 16", end-src.at)
		}
		b, err := src.next(16)
		if err != nil {
			return err
		}
		at, value := float64At(b), float64At(b[8:])
		if at-at != 0 || value-value != 0 {
			src.deviate(from, "clock offset", "times are finite", func() (found, assumed string) {
				return fmt.Sprintf("%g at %g", value, at), "the offset is passed over"
			})
			return nil
		}
		s.times.Add(at)
		s.values.Add(value)
		return nil
	case tagStreamFooter:
		footer, err := c.xml(from, end, "stream footer")
		if footer.there() {
			s.footer, s.counted = true, -1
			s.foot = piece{from: from, to: end}
			if n, err := strconv.ParseInt(footer.get("sample_count"), 10, 64); err == nil {
				s.counted = n
			}
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
		c.src.deviate(from, "stream header", "a stream has one header", func() (found, assumed string) {
			return fmt.Sprintf("another of stream %d", id), "the first one counts"
		})
		return nil
	}
	info, strange, err := parseHeader(text)
	if err != nil {
		c.noHeader(id, from, text, err)
		return nil
	}
	c.pieces.header(id, strange.mended)
	for _, o := range strange.list {
		c.src.deviate(from, "stream header", o.rule, func() (found, assumed string) {
			return fmt.Sprintf("stream %d: %s", id, o.found), o.assumed
		})
	}
	s := &stream{id: id, at: from, end: end, info: info, counted: -1, stamps: stamps{expanded: c.src.expanded}}
	if info.rate > 0 {
		s.stamps.step = 1 / info.rate
	}
	if !info.text() { // text is in memory anyway
		s.stamps.room, s.stamps.again = &c.src.room, func(first int64, t []float64) error { return s.stampsAgain(c.src, first, t) }
	}
	c.streams, c.byID[id] = append(c.streams, s), s
	return nil
}

// noHeader lists a stream whose header cannot be read. The file cannot be read without it, unless it had markers, or another has EEG.
func (c *contents) noHeader(id uint32, from int64, text []byte, err error) {
	refuse := c.src.errorf(from, "stream header", "stream %d: %w: the samples cannot be read without it", id, err)
	if c.unread == nil {
		c.unread = refuse
	}
	if c.refuse == nil && !marks(text) {
		c.refuse = refuse
	}
	if len(c.broken) < maxBroken {
		c.broken[id] = true
	}
	c.src.deviate(from, "stream header", "can be read", func() (found, assumed string) {
		return fmt.Sprintf("stream %d: %v", id, err), "the stream is left out, with all that it has"
	})
	c.src.missing(flaw{nil, "stream header", "can be read"})
}

// maxBroken is how many streams without a header are known by their number.
const maxBroken = 1024

// samples reads where the samples of a chunk lie, their stamps, and text. A file that ends within the chunk leaves the
// whole ones.
func (c *contents) samples(s *stream, from, end int64) error {
	src := c.src
	n, err := src.length()
	if err != nil {
		return err
	}
	c.pieces.of(s, src.at)
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
			src.deviate(from, "samples", "a chunk is as long as its samples", func() (found, assumed string) {
				return fmt.Sprintf("%d bytes behind the last of %d samples", end-src.at, n), "they are passed over"
			})
			src.skip(end - src.at)
			return nil
		}
		return nil
	case end > src.size:
		return src.damagef("%d whole samples of %d in a chunk of stream %d, whose end the file does not have", got, n, int64(s.id))
	}
	return src.damagef("%d whole samples of %d in a chunk of stream %d", got, n, int64(s.id))
}

// numbers reads up to n samples of a numeric stream that lie before byte end. It returns how many there were.
func (c *contents) numbers(s *stream, n, end int64, whole bool) (int64, error) {
	src := c.src
	width := int64(s.info.channels * s.info.format.width)
	if whole { // the length of a chunk that is cut says nothing of its stamps
		if even, err := c.evenly(s, n, end, width); even || err != nil {
			return n, err
		}
	}
	cur := block{at: src.at, first: s.n}
	got, err := int64(0), error(nil)
	for ; got < n && src.at < end; got++ {
		var known, whole bool
		if known, whole, err = c.number(s, end, width); err != nil || !whole {
			break
		}
		if c.pieces != nil { // not a call for each sample of what is only read
			c.pieces.sample(src.at, known)
		}
		if known {
			cur.n++
			cur.size = int32(src.at - cur.at)
			s.n++
		}
		if !known || cur.n == blockSamples || cur.size > blockBytes {
			s.keep(cur)
			cur = block{at: src.at, first: s.n}
		}
	}
	s.keep(cur)
	return got, err
}

// keep remembers b unless it is empty.
func (s *stream) keep(b block) {
	if b.n > 0 {
		s.blocks.add(b)
		s.bytes += int64(b.size)
	}
}

// number passes over one sample. known says whether its time is, whole whether all of it lies before byte end.
func (c *contents) number(s *stream, end, width int64) (known, whole bool, err error) {
	src := c.src
	b, err := src.next(1)
	if err != nil {
		return false, false, err
	}
	stamp := int64(b[0])
	if stamp != 0 && stamp != 8 {
		return false, false, src.damagef("a stamp of %d bytes in a chunk of stream %d, must have 0 or 8", stamp, int64(s.id))
	}
	if end-src.at < stamp+width {
		return false, false, nil
	}
	if stamp == 8 {
		if b, err = src.next(8); err != nil {
			return false, false, err
		}
		known = s.stamp(float64At(b))
	} else {
		known = s.deduce()
	}
	src.skip(width)
	return known, true, nil
}

// evenly takes a chunk whose length says that all its n samples are without a stamp but for the first, or without any, as
// most recorders write them, without looking at each. It is false, and nothing is taken, where the chunk is another one.
func (c *contents) evenly(s *stream, n, end, width int64) (bool, error) {
	src := c.src
	size := end - src.at
	if n < 1 || n > size/(1+width) {
		return false, nil
	}
	own := size - n*(1+width)
	if own != 0 && own != 8 {
		return false, nil
	}
	b, err := src.peek(int(1 + own))
	if err != nil {
		return false, err
	}
	if int64(b[0]) != own {
		return false, nil // the one that looks at each says what is wrong
	}
	rest := n
	if own == 8 {
		at := float64At(b[1:])
		if at-at != 0 {
			return false, nil
		}
		s.stamp(at)
		rest--
	} else if s.lost || !s.started {
		return false, nil
	}
	s.last = s.stamps.deduce(rest, s.last)
	most := max(1, min(blockSamples, blockBytes/(1+width)))
	for at := src.at; n > 0; own = 0 {
		m := min(n, most)
		b := block{at: at, first: s.n, n: int32(m), size: int32(own + m*(1+width))}
		s.keep(b)
		s.n, n, at = s.n+m, n-m, at+int64(b.size)
	}
	src.skip(size)
	return true, nil
}

// stampsAgain reads the stamps of samples first+1, … into t[1:] from the file, as numbers did; t[0] is that of sample first.
func (s *stream) stampsAgain(src *source, first int64, t []float64) error {
	again := source{file: src.file, name: src.name, size: src.size, place: s.again}
	defer func() { s.again = again.place }()
	width := int64(s.info.channels * s.info.format.width)
	i, end := first+1, first+int64(len(t))
	for k := s.blocks.of(i); i < end; k++ {
		b := s.blocks.at(k)
		again.at = b.at
		for at := b.first; at < min(end, b.first+int64(b.n)); at++ {
			from := again.at
			head, err := again.next(1)
			if err == nil && head[0] == 8 {
				head, err = again.next(8)
			}
			switch {
			case err != nil:
				return src.errorf(from, "samples", "the stamp cannot be read again: %w", err)
			case len(head) == 1 && head[0] != 0:
				return src.errorf(from, "samples", "a stamp of %d bytes, must have 0 or 8: the file has changed since it was opened", head[0])
			}
			again.skip(width)
			if at < i {
				continue
			}
			if t[i-first] = t[i-first-1] + s.stamps.step; len(head) == 8 {
				t[i-first] = float64At(head)
			}
			i++
		}
	}
	return nil
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
			return got, src.damagef("a stamp of %d bytes in a chunk of stream %d, must have 0 or 8", int64(stamp), int64(s.id))
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
			text, err := src.text(size)
			if err != nil {
				return got, err
			}
			if ch > 0 {
				c.label = append(c.label, ',')
			}
			if !utf8.Valid(text) {
				text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
			}
			c.label = append(c.label, text...)
		}
		var known bool
		if stamp == 8 {
			known = s.stamp(at)
		} else {
			known = s.deduce()
		}
		if c.pieces != nil { // not a call for each sample of what is only read
			c.pieces.sample(src.at, known)
		}
		if known {
			if s.n++; s.info.channels > 0 { // nothing is made of a stream without channels, of which a sample may have one byte
				s.labels.Add(c.intern(c.label))
			}
		}
	}
	return n, nil
}

// maxNames is how many labels are looked for again: what has more of them hardly repeats one.
const maxNames = 1024

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
	s.stamps.push(at)
	return true
}

// deduce makes the stamp of a sample that has none: that of the one before, and 1/rate. It is false where the one before
// is not known.
func (s *stream) deduce() bool {
	if s.lost || !s.started {
		s.skipped++
		return false
	}
	s.last = s.stamps.deduce(1, s.last)
	return true
}

func float64At(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }
