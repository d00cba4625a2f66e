package xdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	readAhead = 1 << 18 // of the file that is read at once, at most
	readHead  = 128     // that is read behind a jump: most chunks of samples are jumped over but for their first bytes
	shortJump = 4096    // what costs less to read than to jump over
)

// place is where a file is read, and what was read there last.
type place struct {
	at    int64 // of the next byte
	buf   []byte
	bufAt int64
}

// source is the file, read from begin to end, with what is needed to complain about it.
type source struct {
	file ingest.File
	name string
	size int64
	place

	room     int64 // for how many more stamps there is memory: see stamps
	expanded *expanded

	deviations []signal.Deviation
	first      map[string]int // position in deviations of the first of a kind
	again      map[string]int
}

func newSource(f ingest.File, name string) (*source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &source{file: f, name: name, size: st.Size(), room: keptStamps, expanded: newExpanded(st.Size()), first: map[string]int{}, again: map[string]int{}}, nil
}

// skip passes over n bytes.
func (s *source) skip(n int64) { s.at += n }

// peek is the following n bytes, valid until the next call. n is at most readAhead.
func (s *source) peek(n int) ([]byte, error) {
	from := s.at - s.bufAt
	if from < 0 || from+int64(n) > int64(len(s.buf)) {
		if err := s.fill(n); err != nil {
			return nil, err
		}
		from = 0
	}
	return s.buf[from:][:n], nil
}

// fill reads n bytes from s.at on, and some more.
func (s *source) fill(n int) error {
	piece := readHead
	if jump := s.at - s.bufAt - int64(len(s.buf)); jump < shortJump && s.at >= s.bufAt {
		piece = min(2*max(len(s.buf), readHead), readAhead)
	}
	more := min(int64(max(n, piece)), s.size-s.at)
	if more < int64(n) {
		return errShort
	}
	if int64(cap(s.buf)) < more {
		s.buf = make([]byte, min(max(2*more, 4096), readAhead, s.size))
	}
	s.buf, s.bufAt = s.buf[:more], s.at
	m, err := s.file.ReadAt(s.buf, s.at)
	if s.buf = s.buf[:m]; m < n {
		return s.failed(err)
	}
	return nil
}

// text is the following n bytes, valid until the next call where they are few. The caller has checked that the file has them.
func (s *source) text(n int64) ([]byte, error) {
	if n <= readHead {
		return s.next(int(n))
	}
	return s.bytes(n)
}

// next is the following n bytes, valid until the next call. n is at most readAhead.
func (s *source) next(n int) ([]byte, error) {
	b, err := s.peek(n)
	if err == nil {
		s.at += int64(n)
	}
	return b, err
}

// bytes is the following n bytes in memory of their own. The caller has checked that the file has them.
func (s *source) bytes(n int64) ([]byte, error) {
	b := make([]byte, n)
	if n <= readHead {
		from, err := s.next(int(n))
		copy(b, from)
		return b, err
	}
	m, err := s.file.ReadAt(b, s.at)
	s.at += int64(m)
	if int64(m) < n {
		return b, s.failed(err)
	}
	return b, nil
}

// damage is why a chunk cannot be read; reading can go on behind the next boundary.
type damage string

// Error is one line.
func (d damage) Error() string { return string(d) }

func damagef(format string, args ...any) error { return damage(fmt.Sprintf(format, args...)) }

// errShort is the end of the file within what was to be read.
const errShort = damage("the file ends within a chunk")

// failed is why fewer bytes were read than were asked for.
func (s *source) failed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
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
