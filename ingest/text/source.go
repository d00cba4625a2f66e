package text

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	headBytes = 4096     // of the text, in which a kind is recognised
	lineBytes = 64 << 10 // the longest line
	freeBytes = 1 << 20  // of text that any packed file may hold
	ratio     = 100      // bytes of text beyond it to a byte of a packed file: a table with its stamps has below 20
	textBytes = 4 << 30  // the most text in a packed file
)

// source is the text of a file, line by line, with what is needed to complain about it.
type source struct {
	name   string
	size   int64
	raw    ingest.File
	file   *tally
	lines  *bufio.Reader
	packed bool

	line int64 // number of the line read last, from 1
	at   int64 // its first byte, of the text
	text int64 // bytes of text read
	dev  deviations

	recoded bool   // the line was not in UTF-8
	letters []byte // of such a line

	comment string // lines that begin so are passed over; "" passes none
	held    []byte // a line that was looked at ahead
	hold    bool
}

// tally counts the bytes that were read from a file.
type tally struct {
	r io.Reader
	n int64
}

func (c *tally) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

var gzipMagic = []byte{0x1f, 0x8b}

func newSource(f ingest.File, name string) (*source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &source{name: name, size: st.Size(), raw: f}
	s.file = &tally{r: io.NewSectionReader(f, 0, s.size)}
	raw := bufio.NewReader(s.file)
	magic, err := raw.Peek(len(gzipMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, s.errorf(0, "first bytes", "cannot be read: %w", err)
	}
	if !bytes.Equal(magic, gzipMagic) {
		s.lines = bufio.NewReaderSize(raw, int(max(headBytes, min(lineBytes, s.size+1)))) // a small file needs no more
		return s, nil
	}
	s.packed = true
	z, err := gzip.NewReader(raw)
	if err != nil {
		return nil, s.damage(err)
	}
	s.lines = bufio.NewReaderSize(z, lineBytes)
	return s, nil
}

// rows is the most rows of so many columns that the text can have, by its ends of lines and its length, so that what they hold is
// allocated once. It reads the file up to its end, or to where it cannot be read: what is wrong there, next will tell.
func (s *source) rows(columns int) int {
	var r io.Reader = io.NewSectionReader(s.raw, 0, s.size)
	most := s.size
	if s.packed {
		z, err := gzip.NewReader(bufio.NewReader(r))
		if err != nil {
			return 0
		}
		r, most = z, min(textBytes, max(freeBytes, ratio*s.size))
	}
	r = io.LimitReader(r, most)
	buf := make([]byte, min(lineBytes, most+1))
	lines, text := 1, 0
	for {
		n, err := r.Read(buf)
		lines, text = lines+bytes.Count(buf[:n], []byte{'\n'}), text+n
		if err != nil {
			return min(lines, text/max(2, columns)) // a row has a byte for each cell, and at least two
		}
	}
}

// unpackHead is the text that the first bytes of a file hold.
func unpackHead(head []byte) []byte {
	if !bytes.HasPrefix(head, gzipMagic) {
		return head
	}
	z, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil
	}
	text := make([]byte, headBytes)
	n, _ := io.ReadFull(z, text) // it ends where the head does, which is no error here
	return text[:n]
}

// peek is up to n bytes of the text that comes next.
func (s *source) peek(n int) ([]byte, error) {
	head, err := s.lines.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, s.damage(err)
	}
	return head, nil
}

var (
	errNoEnd  = errors.New("the last line has no end")
	errPacked = errors.New("the packed data stops before its end")
)

// next is the next line without its end, valid until the next call. Behind the last one it returns io.EOF, or, where
// the file is likely to have been longer once, errNoEnd or errPacked.
func (s *source) next() ([]byte, error) {
	if s.hold {
		s.hold = false
		return s.held, nil
	}
	for {
		line, err := s.read()
		if err != nil || s.comment == "" || !bytes.HasPrefix(line, []byte(s.comment)) {
			return line, err
		}
	}
}

// ahead is the next line, which next then returns again.
func (s *source) ahead() ([]byte, error) {
	line, err := s.next()
	if err == nil {
		s.held, s.hold = bytes.Clone(line), true
	}
	return s.held, err
}

// unmarked is the line that was read last without the mark of its encoding, which is listed.
func (s *source) unmarked(line []byte) []byte {
	rest, marked := bytes.CutPrefix(line, byteOrderMark)
	if !marked || s.at > 0 {
		return line
	}
	s.dev.count("bom", func() signal.Deviation {
		return signal.Deviation{Where: "byte 0: header", Rule: "begins with the name of a column", Found: "a byte order mark", Assumed: "it is passed over"}
	})
	s.at += int64(len(byteOrderMark))
	if s.hold {
		s.held = rest
	}
	return rest
}

// read is next, comments and all.
func (s *source) read() ([]byte, error) {
	line, err := s.lines.ReadSlice('\n')
	if len(line) > 0 {
		s.line, s.at = s.line+1, s.text
		s.text += int64(len(line))
	}
	if s.packed && (s.text > textBytes || s.text > freeBytes && s.text/ratio > s.size) {
		return nil, s.errorf(s.offset(s.text), "gzip", "unpacks to more than %d times its %d bytes, or to more than %d GiB, as no recording does: unpack it and look at what is in it", ratio, s.size, textBytes>>30)
	}
	switch {
	case err == nil:
		return s.decoded(bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))), nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, s.errorf(s.offset(s.at), s.where(""), "is longer than %d bytes, so this is no table of samples", lineBytes)
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case errors.Is(err, io.EOF):
		return nil, errNoEnd
	case errors.Is(err, io.ErrUnexpectedEOF) && s.packed:
		return nil, errPacked
	}
	return nil, s.damage(err)
}

// decoded is a line in UTF-8.
func (s *source) decoded(line []byte) []byte {
	s.recoded = false
	text := line
	if s.at == 0 {
		text = bytes.TrimPrefix(line, byteOrderMark)
	}
	if !slices.ContainsFunc(text, func(b byte) bool { return b >= utf8.RuneSelf }) { // nearly all
		return line
	}
	read, coding := ingest.Text(s.raw, text)
	if coding == "UTF-8" {
		return line
	}
	s.recoded = true
	s.dev.count("encoding", func() signal.Deviation {
		return signal.Deviation{Where: s.where(""), Rule: "text is UTF-8", Found: fmt.Sprintf("%.60q", text), Assumed: "read as " + coding}
	})
	s.letters = append(append(s.letters[:0], line[:len(line)-len(text)]...), read...)
	return s.letters
}

// damage is an error of the file itself or of its packing.
func (s *source) damage(err error) error {
	if s.packed && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		err = errors.New("ends within the gzip header")
	}
	field := "text"
	if s.packed {
		field = "gzip"
	}
	return s.errorf(min(s.file.n, s.size), field, "cannot be read: %w; fetch the file again in binary mode", err)
}

// where names a cell of the current line: "line 17, column TP9".
func (s *source) where(column string) string {
	if column == "" {
		return fmt.Sprintf("line %d", s.line)
	}
	return fmt.Sprintf("line %d, column %s", s.line, column)
}

// offset is where a byte of the text is in the file: in a packed one, how far it has been read.
func (s *source) offset(text int64) int64 {
	if s.packed {
		return min(s.file.n, s.size)
	}
	return min(text, s.size)
}

// errorf is an error about a field at a byte of the file.
func (s *source) errorf(at int64, field, format string, args ...any) error {
	return &ingest.FormatError{File: s.name, Field: field, Offset: at, Err: fmt.Errorf(format, args...)}
}

// cellError is an error about a cell of the current line that begins at a byte of the text.
func (s *source) cellError(at int64, column, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if s.packed {
		err = fmt.Errorf("%w (byte %d of the unpacked text)", err, at)
	}
	return s.errorf(s.offset(at), s.where(column), "%w", err)
}

// deviations collects what was read leniently. Those of one kind that come again and again are one entry with a count: a
// broken writer must not fill the memory.
type deviations struct {
	list  []signal.Deviation
	first map[string]int // position in list
	again map[string]int
	kinds map[string]int // how often each was called
}

// count lists the first of a kind and counts the others.
func (d *deviations) count(what string, dev func() signal.Deviation) {
	if d.first == nil {
		d.first, d.again = map[string]int{}, map[string]int{}
	}
	if _, seen := d.first[what]; seen {
		d.again[what]++
		return
	}
	d.first[what] = len(d.list)
	d.list = append(d.list, dev())
}

// mostEach is how many columns are named one by one for one reason.
const mostEach = 64

// each lists one of a kind by its name, and counts those behind the first mostEach.
func (d *deviations) each(kind, name string, dev func() signal.Deviation) {
	if d.kinds == nil {
		d.kinds = map[string]int{}
	}
	if d.kinds[kind]++; d.kinds[kind] >= mostEach {
		name = ""
	}
	d.count(kind+" "+name, dev)
}

// all is the list with the counts.
func (d *deviations) all() []signal.Deviation {
	for what, n := range d.again {
		d.list[d.first[what]].Found += fmt.Sprintf("; %d more like it", n)
	}
	d.again = nil
	return d.list
}
