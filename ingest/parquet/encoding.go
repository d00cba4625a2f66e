package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The numbers of Encoding.
const (
	encPlain           = 0
	encPlainDictionary = 2
	encRLE             = 3
	encDelta           = 5
	encDeltaLength     = 6
	encDeltaPrefix     = 7
	encDictionary      = 8
	encSplit           = 9
)

var encNames = []string{"PLAIN", "number 1", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT"}

// Encodings are those of https://github.com/apache/parquet-format/blob/master/Encodings.md. All decoders read from a page in
// memory as they are asked, so that what a page claims to hold needs no memory of its own.

var errShort = errors.New("the page ends before its values do")

// words are values of eight bytes: int64, or the bits of a double.
type words interface {
	read(dst []uint64) error
	skip(n int) error
}

// texts are byte arrays. next is valid until it is called again.
type texts interface {
	next() ([]byte, error)
}

// plainWords are one behind the other, the low byte first.
type plainWords struct{ b []byte }

func (p *plainWords) read(dst []uint64) error {
	if len(p.b)/8 < len(dst) {
		return errShort
	}
	for i := range dst {
		dst[i] = binary.LittleEndian.Uint64(p.b[8*i:])
	}
	p.b = p.b[8*len(dst):]
	return nil
}

func (p *plainWords) skip(n int) error {
	if len(p.b)/8 < n {
		return errShort
	}
	p.b = p.b[8*n:]
	return nil
}

// splitWords are in eight streams, of the first bytes, of the second ones and so on.
type splitWords struct {
	b     []byte
	at, n int
}

func newSplitWords(b []byte) (*splitWords, error) {
	if len(b)%8 != 0 {
		return nil, fmt.Errorf("8 streams in %d bytes, must be of one length", len(b))
	}
	return &splitWords{b: b, n: len(b) / 8}, nil
}

func (s *splitWords) read(dst []uint64) error {
	if s.n-s.at < len(dst) {
		return errShort
	}
	clear(dst)
	for k := range 8 {
		for i, v := range s.b[k*s.n+s.at:][:len(dst)] {
			dst[i] |= uint64(v) << (8 * k)
		}
	}
	s.at += len(dst)
	return nil
}

func (s *splitWords) skip(n int) error {
	if s.n-s.at < n {
		return errShort
	}
	s.at += n
	return nil
}

// bits is the number of width bits that begins at bit at of b, the low bit first. All of it is in b.
func bits(b []byte, at, width int) uint64 {
	if width == 0 {
		return 0
	}
	i, s := at>>3, at&7
	var v uint64
	if i+8 <= len(b) {
		v = binary.LittleEndian.Uint64(b[i:])
	} else {
		for k, x := range b[i:] {
			v |= uint64(x) << (8 * k)
		}
	}
	v >>= s
	if width > 64-s {
		v |= uint64(b[i+8]) << (64 - s)
	}
	return v & (1<<width - 1)
}

// hybrid is runs of one value (RLE) and of values bit by bit (bit-packed), in any order.
type hybrid struct {
	b     []byte
	width int // bits of a value
	left  int // values of the run
	same  uint64
	run   []byte // of values bit by bit, nil for one value
	bit   int    // where the next begins in it
}

const maxRun = math.MaxInt32 // values; a page has no more

// next begins the next run.
func (h *hybrid) next() error {
	head, n := binary.Uvarint(h.b)
	if n <= 0 {
		return errShort
	}
	h.b = h.b[n:]
	if head&1 == 0 {
		size := (h.width + 7) / 8
		if len(h.b) < size {
			return errShort
		}
		h.same = 0
		for k, v := range h.b[:size] {
			h.same |= uint64(v) << (8 * k)
		}
		h.b, h.run, h.left = h.b[size:], nil, int(min(head>>1, maxRun))
		return nil
	}
	size := len(h.b) // some writers leave out what is not needed of the last run
	if groups := head >> 1; h.width == 0 || groups < uint64(size) && int(groups)*h.width < size {
		size = int(groups) * h.width
	}
	h.run, h.bit, h.b = h.b[:size:size], 0, h.b[size:]
	if h.left = int(min(head>>1, maxRun/8)) * 8; h.width > 0 {
		h.left = min(h.left, 8*size/h.width)
	}
	return nil
}

// some fills the front of dst, at least one place, and says how much.
func (h *hybrid) some(dst []uint64) (n int, err error) {
	for h.left == 0 {
		if err := h.next(); err != nil {
			return 0, err
		}
	}
	n = min(h.left, len(dst))
	h.left -= n
	if h.run == nil {
		for i := range dst[:n] {
			dst[i] = h.same
		}
		return n, nil
	}
	for i := range dst[:n] {
		dst[i] = bits(h.run, h.bit, h.width)
		h.bit += h.width
	}
	return n, nil
}

func (h *hybrid) read(dst []uint64) error {
	for len(dst) > 0 {
		n, err := h.some(dst)
		if err != nil {
			return err
		}
		dst = dst[n:]
	}
	return nil
}

func (h *hybrid) skip(n int) error {
	for n > 0 {
		if h.left == 0 {
			if err := h.next(); err != nil {
				return err
			}
			continue
		}
		k := min(n, h.left)
		h.left, n = h.left-k, n-k
		if h.run != nil {
			h.bit += k * h.width
		}
	}
	return nil
}

// one is the next value.
func (h *hybrid) one() (uint64, error) {
	var v [1]uint64
	_, err := h.some(v[:])
	return v[0], err
}

// newIndices are the numbers of values in a dictionary: a byte with their width, and a hybrid.
func newIndices(b []byte) (hybrid, error) {
	if len(b) == 0 { // there is no value
		return hybrid{}, nil
	}
	if b[0] > 32 {
		return hybrid{}, fmt.Errorf("numbers of %d bits, must be at most 32", b[0])
	}
	return hybrid{b: b[1:], width: int(b[0])}, nil
}

func errNumber(k uint64, n int) error {
	return fmt.Errorf("value number %d of a dictionary of %d", k, n)
}

// dictWords are numbers of values in a dictionary.
type dictWords struct {
	hybrid
	dict []byte // the values, plain
}

func (d *dictWords) read(dst []uint64) error {
	if err := d.hybrid.read(dst); err != nil {
		return err
	}
	n := len(d.dict) / 8
	for i, k := range dst {
		if k >= uint64(n) {
			return errNumber(k, n)
		}
		dst[i] = binary.LittleEndian.Uint64(d.dict[8*k:])
	}
	return nil
}

// delta is whole numbers as differences, in blocks of so many bits each (DELTA_BINARY_PACKED).
type delta struct {
	b      []byte
	at     int // of what has not been begun
	left   int // values
	first  bool
	value  uint64 // the next
	perMin int    // values of a mini block
	minis  int    // of a block
	widths []byte // bits of the mini blocks of this block that are to come
	least  uint64 // of its differences
	mini   []byte // this mini block
	width  int
	bit    int
	inMini int // values left in it
}

func (d *delta) uvarint() (uint64, error) {
	v, n := binary.Uvarint(d.b[d.at:])
	if n <= 0 {
		return 0, errShort
	}
	d.at += n
	return v, nil
}

func newDelta(b []byte) (*delta, error) {
	d := &delta{b: b, first: true}
	var head [4]uint64 // values of a block, mini blocks of a block, values, the first
	for k := range head {
		var err error
		if head[k], err = d.uvarint(); err != nil {
			return nil, err
		}
	}
	if head[0] == 0 || head[0] > 1<<24 || head[1] == 0 || head[0]%head[1] != 0 || head[0]/head[1]%8 != 0 || head[2] > math.MaxInt32 {
		return nil, fmt.Errorf("%d values in blocks of %d values and %d mini blocks, which must have a multiple of 8 values each", head[2], head[0], head[1])
	}
	d.minis, d.perMin, d.left, d.value = int(head[1]), int(head[0]/head[1]), int(head[2]), uint64(zigzag(head[3]))
	return d, nil
}

// begin begins the next mini block.
func (d *delta) begin() error {
	if len(d.widths) == 0 {
		least, err := d.uvarint()
		if err != nil {
			return err
		}
		d.least = uint64(zigzag(least))
		if len(d.b)-d.at < d.minis {
			return errShort
		}
		d.widths = d.b[d.at:][:d.minis]
		d.at += d.minis
	}
	d.width = int(d.widths[0])
	d.widths = d.widths[1:]
	if d.width > 64 {
		return fmt.Errorf("differences of %d bits, must be at most 64", d.width)
	}
	size := d.perMin / 8 * d.width
	if len(d.b)-d.at < size {
		return errShort
	}
	d.mini = d.b[d.at:][:size]
	d.at += size
	d.bit, d.inMini = 0, d.perMin
	return nil
}

func (d *delta) one() (uint64, error) {
	if d.left == 0 {
		return 0, errShort
	}
	d.left--
	if d.first {
		d.first = false
		return d.value, nil
	}
	if d.inMini == 0 {
		if err := d.begin(); err != nil {
			return 0, err
		}
	}
	d.inMini--
	d.value += d.least + bits(d.mini, d.bit, d.width)
	d.bit += d.width
	return d.value, nil
}

func (d *delta) read(dst []uint64) (err error) {
	for i := range dst {
		if dst[i], err = d.one(); err != nil {
			return err
		}
	}
	return nil
}

func (d *delta) skip(n int) error {
	for range n {
		if _, err := d.one(); err != nil {
			return err
		}
	}
	return nil
}

// lengths are a delta, and what stands behind it in b, for which it is read a first time.
func lengths(b []byte) (d *delta, rest []byte, err error) {
	if d, err = newDelta(b); err != nil {
		return nil, nil, err
	}
	if err := d.skip(d.left); err != nil {
		return nil, nil, err
	}
	rest = b[d.at:]
	d, err = newDelta(b)
	return d, rest, err
}

// plainTexts are each a length and so many bytes.
type plainTexts struct{ b []byte }

func (p *plainTexts) next() ([]byte, error) {
	if len(p.b) < 4 {
		return nil, errShort
	}
	n := binary.LittleEndian.Uint32(p.b)
	if uint64(n) > uint64(len(p.b)-4) {
		return nil, errShort
	}
	v := p.b[4:][:n]
	p.b = p.b[4+n:]
	return v, nil
}

// lengthTexts are all lengths, and then all bytes (DELTA_LENGTH_BYTE_ARRAY).
type lengthTexts struct {
	size *delta
	b    []byte
}

func newLengthTexts(b []byte) (*lengthTexts, error) {
	size, rest, err := lengths(b)
	return &lengthTexts{size, rest}, err
}

func (l *lengthTexts) next() ([]byte, error) {
	n, err := l.size.one()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(l.b)) { // or below 0
		return nil, errShort
	}
	v := l.b[:n]
	l.b = l.b[n:]
	return v, nil
}

// maxText is the most bytes of a text that is put together of parts of others, so that they do not grow from page to page.
const maxText = 1 << 20

// prefixTexts are how much of the one before each begins with, and the rest of each (DELTA_BYTE_ARRAY).
type prefixTexts struct {
	prefix *delta
	suffix *lengthTexts
	last   []byte
}

// newPrefixTexts takes the last text of the page before, with which some writers go on (arrow-go 17, and parquet-mr before
// PARQUET-246); by the specification a page begins with a whole one.
func newPrefixTexts(b, last []byte) (*prefixTexts, error) {
	prefix, rest, err := lengths(b)
	if err != nil {
		return nil, err
	}
	suffix, err := newLengthTexts(rest)
	return &prefixTexts{prefix: prefix, suffix: suffix, last: last}, err
}

func (p *prefixTexts) next() ([]byte, error) {
	n, err := p.prefix.one()
	if err != nil {
		return nil, err
	}
	rest, err := p.suffix.next()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(p.last)) {
		return nil, fmt.Errorf("a text that begins with %d bytes of the one before, which has %d", n, len(p.last))
	}
	if n+uint64(len(rest)) > maxText {
		return nil, fmt.Errorf("a text of %d bytes that begins like the one before, must have at most %d", n+uint64(len(rest)), maxText)
	}
	p.last = append(p.last[:n], rest...)
	return p.last, nil
}

// dictTexts are numbers of texts in a dictionary.
type dictTexts struct {
	hybrid
	dict []byte
	at   []uint32 // where they begin in it, each with its length
}

func (d *dictTexts) next() ([]byte, error) {
	k, err := d.one()
	if err != nil {
		return nil, err
	}
	if k >= uint64(len(d.at)) {
		return nil, errNumber(k, len(d.at))
	}
	p := plainTexts{d.dict[d.at[k]:]}
	return p.next()
}
