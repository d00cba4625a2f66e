package xdf

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// readAhead is how much of the file is read at once, readHead how much behind a jump: most chunks of samples are jumped over
// but for their first bytes.
const (
	readAhead = 1 << 20
	readHead  = 512
)

// ahead is the file from a place on, which is read in small pieces behind a jump, then in ever larger ones.
type ahead struct {
	section *io.SectionReader
	piece   int
}

// Read reads a piece.
func (a *ahead) Read(p []byte) (int, error) {
	n, err := a.section.Read(p[:min(len(p), a.piece)])
	a.piece = min(2*a.piece, readAhead)
	return n, err
}

// source is the file, read from begin to end, with what is needed to complain about it.
type source struct {
	file ingest.File
	name string
	size int64
	r    *bufio.Reader
	ahead
	at int64 // of the next byte that r gives

	deviations []signal.Deviation
	first      map[string]int // position in deviations of the first of a kind
	again      map[string]int
}

func newSource(f ingest.File, name string) (*source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &source{file: f, name: name, size: st.Size(), first: map[string]int{}, again: map[string]int{}}
	s.seek(0)
	return s, nil
}

// seek goes on at byte at.
func (s *source) seek(at int64) {
	s.ahead = ahead{io.NewSectionReader(s.file, at, s.size-at), readHead}
	if s.r == nil {
		s.r = bufio.NewReaderSize(&s.ahead, int(min(readAhead, max(16, s.size))))
	} else {
		s.r.Reset(&s.ahead)
	}
	s.at = at
}

// skip passes over n bytes, which lie in the file.
func (s *source) skip(n int64) error {
	if n > int64(s.r.Buffered()) {
		s.seek(s.at + n)
		return nil
	}
	m, err := s.r.Discard(int(n))
	s.at += int64(m)
	return s.failed(err)
}

// next is the following n bytes, valid until the next call. n is at most the size of the buffer.
func (s *source) next(n int) ([]byte, error) {
	b, err := s.r.Peek(n)
	if err != nil {
		return nil, s.failed(err)
	}
	_, err = s.r.Discard(n)
	s.at += int64(n)
	return b, s.failed(err)
}

// bytes is the following n bytes in memory of their own. The caller has checked that the file has them.
func (s *source) bytes(n int64) ([]byte, error) {
	b := make([]byte, n)
	m, err := io.ReadFull(s.r, b)
	s.at += int64(m)
	return b, s.failed(err)
}

// appendText adds the following n bytes to dst as text: what is no UTF-8 becomes U+FFFD. The caller has checked that the file has them.
func (s *source) appendText(dst []byte, n int64) ([]byte, error) {
	if n > int64(s.r.Size()) {
		b, err := s.bytes(n)
		return append(dst, bytes.ToValidUTF8(b, []byte("\uFFFD"))...), err
	}
	b, err := s.next(int(n))
	if utf8.Valid(b) {
		return append(dst, b...), err
	}
	return append(dst, bytes.ToValidUTF8(b, []byte("\uFFFD"))...), err
}

// damage is why a chunk cannot be read; reading can go on behind the next boundary.
type damage string

// Error is one line.
func (d damage) Error() string { return string(d) }

func damagef(format string, args ...any) error { return damage(fmt.Sprintf(format, args...)) }

// errShort is the end of the file within what was to be read.
const errShort = damage("the file ends within a chunk")

// failed is an error of the reading itself.
func (s *source) failed(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errShort
	}
	return s.errorf(s.at, "chunk", "cannot be read: %w", err)
}

// errorf is an error about a field at byte at.
func (s *source) errorf(at int64, field, format string, args ...any) error {
	return &ingest.FormatError{File: s.name, Field: field, Offset: min(at, s.size), Err: fmt.Errorf(format, args...)}
}

// deviate lists one departure from the format: the first of those with this place and rule, the others are counted. A
// broken writer must not fill the memory.
func (s *source) deviate(at int64, field, rule, found, assumed string) {
	s.list(field+rule, fmt.Sprintf("byte %d: %s", at, field), rule, found, assumed)
}

func (s *source) list(kind, where, rule, found, assumed string) {
	if _, seen := s.first[kind]; seen {
		s.again[kind]++
		return
	}
	s.first[kind] = len(s.deviations)
	s.deviations = append(s.deviations, signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: assumed})
}

// all is the deviations with their counts.
func (s *source) all() []signal.Deviation {
	for kind, n := range s.again {
		s.deviations[s.first[kind]].Found += fmt.Sprintf("; %d more like it", n)
	}
	clear(s.again)
	return s.deviations
}

// length reads a length of the format: a byte 1, 4 or 8 and as many bytes of the number.
func (s *source) length() (int64, error) {
	b, err := s.next(1)
	if err != nil {
		return 0, err
	}
	width := int(b[0])
	if width != 1 && width != 4 && width != 8 {
		return 0, damagef("a length of %d bytes, must be of 1, 4 or 8", width)
	}
	if b, err = s.next(width); err != nil {
		return 0, err
	}
	return lengthOf(b)
}

// lengthOf is a number of 1, 4 or 8 bytes.
func lengthOf(b []byte) (int64, error) {
	switch len(b) {
	case 1:
		return int64(b[0]), nil
	case 4:
		return int64(binary.LittleEndian.Uint32(b)), nil
	}
	v := binary.LittleEndian.Uint64(b)
	if v > 1<<62 {
		return 0, damagef("a length of %d is more than any file has", v)
	}
	return int64(v), nil
}
