package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	mathbits "math/bits"
	"sort"
	"unsafe"
)

// The numbers of PageType.
const (
	pageData   = 0
	pageIndex  = 1
	pageDict   = 2
	pageDataV2 = 3
)

// markBytes is how far apart places are remembered to go back to.
const markBytes = 4096

// page is the header of a page.
type page struct {
	typ            int
	packed, plain  int64 // bytes
	crc            uint32
	summed         bool
	values         int64
	enc            int
	defEnc, repEnc int
	defLen, repLen int64 // of version 2
	compressed     bool
}

// mark is a page that begins with value first of its chunk.
type mark struct{ at, first int64 }

// Cursor reads one column, one row group at a time. The first failure stays until Open is called again.
type Cursor struct {
	f   *File
	k   int
	col *Column

	group    int // -1 before Open
	c        chunk
	at       int64 // of the next page's header
	first, n int64 // the values of this page, as numbers in the chunk
	pos      int64 // the next value
	err      error
	marks    []mark

	head, raw, page, dict []byte
	starts                []uint32 // of the texts in dict
	dictRead              bool
	pageAt                int64 // for errors
	rep, def              hybrid
	enc                   int
	values                []byte // of the page, encoded
	words                 words
	texts                 texts
}

// Cursor is one for column k. It must be opened before it is read.
func (f *File) Cursor(k int) *Cursor { return &Cursor{f: f, k: k, col: &f.Columns[k], group: -1} }

// Column makes c a cursor for column k, which must be opened. It keeps the memory.
func (c *Cursor) Column(k int) {
	c.k, c.col, c.group, c.err = k, &c.f.Columns[k], -1, nil
}

// Errorf is an error about the page that was read last.
func (c *Cursor) Errorf(format string, args ...any) error {
	return c.f.errorf(c.pageAt, "column "+c.col.Name, format, args...)
}

// Open goes to the first value of row group g.
func (c *Cursor) Open(g int) error {
	if t := c.col.Type; t != Int64 && t != Double && t != ByteArray {
		return c.fail(c.f.footerAt, "schema", fmt.Errorf("is of type %s, must be %s, %s or %s: convert it before it is written", t, Int64, Double, ByteArray))
	}
	if c.col.MaxRep > 1 {
		return c.fail(c.f.footerAt, "schema", errors.New("lies in a list of lists, which is not read: take it apart before it is written (pyarrow: list_flatten)"))
	}
	if err := c.f.load(g); err != nil {
		c.group, c.err = -1, err
		return err
	}
	c.group, c.c, c.err = g, c.f.chunks[c.k], nil
	c.marks = c.marks[:0]
	c.dict, c.dictRead, c.texts = c.dict[:0], false, nil
	c.rewind(mark{at: c.c.at})
	return nil
}

// Group is the row group that is open, -1 for none.
func (c *Cursor) Group() int { return c.group }

// Values is how many values the row group has, nulls counted.
func (c *Cursor) Values() int64 { return c.c.values }

// Held is the memory that c takes.
func (c *Cursor) Held() int64 {
	return int64(cap(c.head) + cap(c.raw) + cap(c.page) + cap(c.dict) + 4*cap(c.starts))
}

// Release gives the memory back. The next read takes it again.
func (c *Cursor) Release() { *c = Cursor{f: c.f, k: c.k, col: c.col, group: -1} }

func (c *Cursor) rewind(m mark) { c.at, c.first, c.n, c.pos = m.at, m.first, 0, m.first }

func (c *Cursor) fail(at int64, field string, err error) error {
	if c.err == nil {
		c.err = c.f.errorf(at, field, "column %s: %w", c.col.Name, err)
	}
	return c.err
}

// To goes to value k of the row group, which is that of row k in a flat column.
func (c *Cursor) To(k int64) error {
	if c.err != nil {
		return c.err
	}
	if k < 0 || k >= c.c.values || !c.col.Flat() {
		return fmt.Errorf("column %s has %d values in %d lists, there is no going to value %d", c.col.Name, c.c.values, c.col.MaxRep, k)
	}
	switch {
	case k >= c.pos:
	case k >= c.first: // in the page that is in memory
		if err := c.decode(); err != nil {
			return err
		}
	default:
		m := mark{at: c.c.at}
		if i := sort.Search(len(c.marks), func(i int) bool { return c.marks[i].first > k }); i > 0 {
			m = c.marks[i-1]
		}
		c.rewind(m)
	}
	if err := c.need(k + 1); err != nil {
		return err
	}
	if err := c.words.skip(int(k - c.pos)); err != nil {
		return c.fail(c.pageAt, "page", err)
	}
	c.pos = k
	return nil
}

// Floats reads the next len(dst) values of a flat column of doubles, none of which may be null.
func (c *Cursor) Floats(dst []float64) error {
	if len(dst) == 0 {
		return c.err
	}
	return c.read(Double, unsafe.Slice((*uint64)(unsafe.Pointer(&dst[0])), len(dst))) // of the same size and alignment
}

// Ints reads the next len(dst) values of a flat column of int64, none of which may be null.
func (c *Cursor) Ints(dst []int64) error {
	if len(dst) == 0 {
		return c.err
	}
	return c.read(Int64, unsafe.Slice((*uint64)(unsafe.Pointer(&dst[0])), len(dst)))
}

func (c *Cursor) read(t Type, dst []uint64) error {
	if c.err == nil && (c.col.Type != t || !c.col.Flat()) {
		return c.fail(c.f.footerAt, "schema", fmt.Errorf("is of type %s in %d lists, must be %s in none", c.col.Type, c.col.MaxRep, t))
	}
	for len(dst) > 0 {
		if err := c.need(c.pos + 1); err != nil {
			return err
		}
		n := min(int64(len(dst)), c.first+c.n-c.pos)
		if err := c.words.read(dst[:n]); err != nil {
			return c.fail(c.pageAt, "page", err)
		}
		c.pos += n
		dst = dst[n:]
	}
	return nil
}

// Next goes to the next value of a column, and says its levels: rep is 0 where a row begins, def is MaxDef where the value is
// there, to be read with Float or Text. At the end of the row group ok is false.
func (c *Cursor) Next() (rep, def int, ok bool, err error) {
	if c.err != nil || c.pos == c.c.values {
		return 0, 0, false, c.err
	}
	if err := c.need(c.pos + 1); err != nil {
		return 0, 0, false, err
	}
	if rep, err = c.level(&c.rep, c.col.MaxRep); err == nil {
		def, err = c.level(&c.def, c.col.MaxDef)
	}
	if err != nil {
		return 0, 0, false, c.fail(c.pageAt, "levels", err)
	}
	if c.pos++; c.pos == 1 && rep != 0 {
		return 0, 0, false, c.fail(c.pageAt, "levels", errors.New("the row group begins inside a row"))
	}
	return rep, def, true, nil
}

func (c *Cursor) level(h *hybrid, highest int) (int, error) {
	if highest == 0 {
		return 0, nil
	}
	v, err := h.one()
	if err == nil && v > uint64(highest) {
		err = fmt.Errorf("a level of %d, must be at most %d", v, highest)
	}
	return int(v), err
}

// Float is the value of a column of doubles that Next went to.
func (c *Cursor) Float() (float64, error) {
	v, err := c.word(Double)
	return math.Float64frombits(v), err
}

// Int is the value of a column of int64 that Next went to.
func (c *Cursor) Int() (int64, error) {
	v, err := c.word(Int64)
	return int64(v), err
}

func (c *Cursor) word(t Type) (uint64, error) {
	if c.words == nil || c.col.Type != t {
		return 0, c.fail(c.f.footerAt, "schema", fmt.Errorf("is of type %s, must be %s", c.col.Type, t))
	}
	var v [1]uint64
	if err := c.words.read(v[:]); err != nil {
		return 0, c.fail(c.pageAt, "page", err)
	}
	return v[0], nil
}

// Text is the value of a column of byte arrays that Next went to, valid until the next call.
func (c *Cursor) Text() ([]byte, error) {
	if c.texts == nil {
		return nil, c.fail(c.f.footerAt, "schema", fmt.Errorf("is of type %s, must be %s", c.col.Type, ByteArray))
	}
	v, err := c.texts.next()
	if err != nil {
		return nil, c.fail(c.pageAt, "page", err)
	}
	return v, nil
}

// need reads on until value k-1 is in the page in memory.
func (c *Cursor) need(k int64) error {
	if c.err != nil {
		return c.err
	}
	if c.group < 0 || k > c.c.values {
		return c.fail(c.c.end, "column", fmt.Errorf("value %d of %d", k-1, c.c.values))
	}
	for c.first+c.n < k {
		if err := c.nextPage(k); err != nil {
			return err
		}
	}
	return nil
}

// nextPage reads the next page; of a flat column only the header, where that ends before value k-1.
func (c *Cursor) nextPage(k int64) error {
	if n := len(c.marks); n == 0 || c.at >= c.marks[n-1].at+markBytes {
		c.marks = append(c.marks, mark{c.at, c.first + c.n})
	}
	at := c.at
	c.pageAt = at
	p, size, err := c.header()
	if err != nil {
		return err
	}
	body := at + size
	if p.packed < 0 || p.plain < 0 || p.packed > c.c.end-body {
		return c.fail(at, "page header", fmt.Errorf("a page of %d bytes, %d unpacked, where the column has %d left", p.packed, p.plain, c.c.end-body))
	}
	c.at = body + p.packed
	c.pageAt = body
	switch p.typ {
	case pageIndex:
		return nil
	case pageDict:
		if c.dictRead {
			return nil // passed again, on the way back
		}
		return c.dictionary(p, body)
	case pageData, pageDataV2:
	default:
		return c.fail(at, "page header", fmt.Errorf("a page of kind %d, which there is not", p.typ))
	}
	c.first += c.n
	c.n, c.pos = p.values, c.first
	if p.values < 0 || p.values > c.c.values-c.first {
		return c.fail(at, "page header", fmt.Errorf("%d values behind %d, the column has %d in this row group", p.values, c.first, c.c.values))
	}
	if c.col.Flat() && c.first+c.n < k {
		return nil
	}
	return c.data(p, body)
}

// header reads the header of the page at c.at.
func (c *Cursor) header() (p page, size int64, err error) {
	for n := int64(256); ; n *= 8 {
		left := c.c.end - c.at
		if n = min(n, left); n == 0 {
			return p, 0, c.fail(c.at, "page header", errors.New("the column ends before its values do"))
		}
		if int64(cap(c.head)) < n {
			c.head = make([]byte, n)
		}
		c.head = c.head[:n]
		if err := c.f.read(c.head, c.at, "page header"); err != nil {
			c.err = err
			return p, 0, err
		}
		t := &thrift{b: c.head}
		p = readPage(t)
		if errors.Is(t.err, io.ErrUnexpectedEOF) && n < left {
			continue
		}
		if t.err != nil {
			return p, 0, c.fail(c.at+int64(t.at), "page header", t.err)
		}
		return p, int64(t.at), nil
	}
}

func readPage(t *thrift) page {
	p := page{typ: -1, enc: -1, defEnc: encRLE, repEnc: encRLE, compressed: true, packed: -1, plain: -1}
	t.fields(func(id int16, kind byte) {
		switch id {
		case 1:
			p.typ = int(t.integer(kind))
		case 2:
			p.plain = t.integer(kind)
		case 3:
			p.packed = t.integer(kind)
		case 4:
			p.crc, p.summed = uint32(t.integer(kind)), true
		case 5, 7, 8: // DataPageHeader, DictionaryPageHeader, DataPageHeaderV2
			header := id
			t.structure(kind, func(id int16, kind byte) {
				switch {
				case id == 1:
					p.values = t.integer(kind)
				case header == 8 && id == 4, header != 8 && id == 2:
					p.enc = int(t.integer(kind))
				case header == 5 && id == 3:
					p.defEnc = int(t.integer(kind))
				case header == 5 && id == 4:
					p.repEnc = int(t.integer(kind))
				case header == 8 && id == 5:
					p.defLen = t.integer(kind)
				case header == 8 && id == 6:
					p.repLen = t.integer(kind)
				case header == 8 && id == 7:
					p.compressed = t.bool(kind)
				default:
					t.skip(kind)
				}
			})
		default:
			t.skip(kind)
		}
	})
	return p
}

// room makes buf n bytes long, within what a page may take.
func (c *Cursor) room(buf *[]byte, n int64) error {
	if int64(cap(*buf)) >= n {
		*buf = (*buf)[:n]
		return nil
	}
	if err := c.afford(n - int64(cap(*buf))); err != nil {
		return err
	}
	*buf = make([]byte, n)
	return nil
}

// afford says whether n more bytes may be taken.
func (c *Cursor) afford(n int64) error {
	if most := 2*c.f.size + slack; c.Held()+n > most {
		return fmt.Errorf("a page and its dictionary would take %d bytes, where the file has %d, and may take at most %d: write it again with smaller pages (pyarrow: data_page_size=1<<20)", c.Held()+n, c.f.size, most)
	}
	return nil
}

// body reads the bytes of a page and checks their sum.
func (c *Cursor) body(p page, at int64) error {
	if err := c.room(&c.raw, p.packed); err != nil {
		return c.fail(at, "page", err)
	}
	if err := c.f.read(c.raw, at, "page"); err != nil {
		c.err = err
		return err
	}
	if p.summed && crc32.ChecksumIEEE(c.raw) != p.crc {
		return c.fail(at, "page", errors.New("its sum (CRC-32) is another one: the page is damaged"))
	}
	return nil
}

// unfold is packed, which is n bytes when it is unpacked into buf.
func (c *Cursor) unfold(buf *[]byte, packed []byte, n int64, compressed bool) ([]byte, error) {
	if !compressed || c.c.codec == codecNone {
		if int64(len(packed)) != n {
			return nil, fmt.Errorf("%d bytes that are not compressed, its header says %d", len(packed), n)
		}
		return packed, nil
	}
	if err := c.room(buf, n); err != nil {
		return nil, err
	}
	return *buf, c.f.unpack.unpack(*buf, packed, c.c.codec)
}

func (c *Cursor) dictionary(p page, at int64) error {
	if err := c.body(p, at); err != nil {
		return err
	}
	if p.enc != encPlain && p.enc != encPlainDictionary {
		return c.fail(at, "dictionary page", fmt.Errorf("encoded as %s, must be PLAIN", name(encNames, p.enc)))
	}
	values, err := c.unfold(&c.dict, c.raw, p.plain, true)
	if err != nil {
		return c.fail(at, "dictionary page", err)
	}
	if c.c.codec == codecNone { // raw is used again
		c.dict, c.raw = c.raw, c.dict[:0]
		values = c.dict
	}
	least := int64(8) // bytes of a value
	if c.col.Type == ByteArray {
		least = 4
	}
	if p.values < 0 || p.values > int64(len(values))/least {
		return c.fail(at, "dictionary page", fmt.Errorf("%d values in %d bytes", p.values, len(values)))
	}
	if c.col.Type == ByteArray {
		if int64(cap(c.starts)) < p.values {
			if err := c.afford(4 * p.values); err != nil {
				return c.fail(at, "dictionary page", err)
			}
			c.starts = make([]uint32, 0, p.values)
		}
		c.starts = c.starts[:0]
		texts := plainTexts{values}
		for range p.values {
			c.starts = append(c.starts, uint32(len(values)-len(texts.b)))
			if _, err := texts.next(); err != nil {
				return c.fail(at, "dictionary page", err)
			}
		}
	} else {
		c.dict = c.dict[:8*p.values]
	}
	c.dictRead = true
	return nil
}

// data reads a page of values.
func (c *Cursor) data(p page, at int64) error {
	if err := c.body(p, at); err != nil {
		return err
	}
	levels := c.raw
	var values []byte
	var err error
	if p.typ == pageDataV2 {
		n := p.repLen + p.defLen
		if p.repLen < 0 || p.defLen < 0 || n > int64(len(c.raw)) || n > p.plain {
			return c.fail(at, "page header", fmt.Errorf("levels of %d and %d bytes in a page of %d", p.repLen, p.defLen, len(c.raw)))
		}
		values, err = c.unfold(&c.page, c.raw[n:], p.plain-n, p.compressed)
	} else {
		values, err = c.unfold(&c.page, c.raw, p.plain, true)
		levels = values
	}
	if err != nil {
		return c.fail(at, "page", err)
	}
	if values, err = c.levels(p, levels, values); err != nil {
		return c.fail(at, "levels", err)
	}
	c.enc, c.values = p.enc, values
	return c.decode()
}

// levels makes c.rep and c.def of the front of b, and returns the values of a page: in version 1 they follow the levels.
func (c *Cursor) levels(p page, b, values []byte) ([]byte, error) {
	for _, l := range []struct {
		h       *hybrid
		highest int
		length  int64 // in version 2
		enc     int
	}{{&c.rep, c.col.MaxRep, p.repLen, p.repEnc}, {&c.def, c.col.MaxDef, p.defLen, p.defEnc}} {
		n := l.length
		if p.typ == pageData {
			if l.highest == 0 {
				continue
			}
			if l.enc != encRLE {
				return nil, fmt.Errorf("encoded as %s, must be RLE: write the file again", name(encNames, l.enc))
			}
			if len(b) < 4 {
				return nil, errShort
			}
			n, b = int64(binary.LittleEndian.Uint32(b)), b[4:]
			if n > int64(len(b)) {
				return nil, errShort
			}
			values = b[n:]
		}
		*l.h = hybrid{b: b[:n:n], width: mathbits.Len(uint(l.highest))}
		b = b[n:]
	}
	if c.col.Flat() && c.col.MaxDef > 0 {
		var some [256]uint64
		for left := c.n; left > 0; {
			n, err := c.def.some(some[:min(left, int64(len(some)))])
			if err != nil {
				return nil, err
			}
			for i, v := range some[:n] {
				if v != uint64(c.col.MaxDef) {
					return nil, fmt.Errorf("value %d of the row group is null, must be a number: a missing sample is a gap, whose rows are left out", c.first+c.n-left+int64(i))
				}
			}
			left -= int64(n)
		}
	}
	return values, nil
}

// decode goes to the first value of the page in memory.
func (c *Cursor) decode() (err error) {
	var last []byte
	if p, ok := c.texts.(*prefixTexts); ok {
		last = p.last
	}
	c.words, c.texts, c.pos = nil, nil, c.first
	text := c.col.Type == ByteArray
	switch enc := c.enc; {
	case (enc == encDictionary || enc == encPlainDictionary) && !c.dictRead:
		err = errors.New("its values are numbers of a dictionary, and there is none")
	case enc == encDictionary || enc == encPlainDictionary:
		var h hybrid
		if h, err = newIndices(c.values); text {
			c.texts = &dictTexts{h, c.dict, c.starts}
		} else {
			c.words = &dictWords{h, c.dict}
		}
	case enc == encPlain && text:
		c.texts = &plainTexts{c.values}
	case enc == encPlain:
		c.words = &plainWords{c.values}
	case enc == encDelta && c.col.Type == Int64:
		c.words, err = newDelta(c.values)
	case enc == encSplit && !text:
		c.words, err = newSplitWords(c.values)
	case enc == encDeltaLength && text:
		c.texts, err = newLengthTexts(c.values)
	case enc == encDeltaPrefix && text:
		c.texts, err = newPrefixTexts(c.values, last)
	default:
		err = fmt.Errorf("%s encoded as %s, which is not read: write the file again (pyarrow: column_encoding=\"PLAIN\", use_dictionary=False)", c.col.Type, name(encNames, enc))
	}
	if err != nil {
		return c.fail(c.pageAt, "page", err)
	}
	return nil
}
