package xdf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/pages"
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

	harm       damage
	flaws      int // that were found, those that are counted too
	deviations pages.List[deviation]
	first      map[flaw]int // position in deviations of the first
	notes      []signal.Deviation
}

func newSource(f ingest.File, name string) (*source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &source{file: f, name: name, size: st.Size(), room: keptStamps, expanded: newExpanded(st.Size()), first: map[flaw]int{}}, nil
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

// damage is why a chunk cannot be read; reading can go on behind the next boundary. It is put into words when it is asked for: there may
// be much.
type damage struct {
	format string
	args   [3]int64
	n      int // of args
}

// Error is one line.
func (d *damage) Error() string {
	args := make([]any, d.n)
	for i := range args {
		args[i] = d.args[i]
	}
	return fmt.Sprintf(d.format, args...)
}

// damagef is damage, until there is more.
func (s *source) damagef(format string, args ...int64) error {
	s.harm = damage{format: format, n: len(args)}
	copy(s.harm.args[:], args)
	return &s.harm
}

// errShort is the end of the file within what was to be read.
var errShort error = &damage{format: "the file ends within a chunk"}

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

// flaw is what departures from the format have in common of which the first is listed and the others are counted: a broken writer must
// not fill the memory.
type flaw struct {
	stream      *stream // nil for the file
	field, rule string
}

// deviation is one that is listed, and how many more like it there are.
type deviation struct {
	signal.Deviation

	more int
}

// again counts f, if it is listed already.
func (s *source) again(f flaw) bool {
	k, seen := s.first[f]
	if seen {
		s.deviations.At(k).more++
	}
	return seen
}

// deviate lists a departure from the format at byte at, or counts it. found is what is there, and what is done about it.
func (s *source) deviate(at int64, field, rule string, found func() (found, assumed string)) {
	s.flaws++
	if f := (flaw{nil, field, rule}); !s.again(f) {
		found, assumed := found()
		s.list(f, fmt.Sprintf("byte %d: %s", at, field), rule, found, assumed)
	}
}

// missing says of f, which is listed, that something is not read because of it.
func (s *source) missing(f flaw) { s.deviations.At(s.first[f]).Missing = true }

// list lists f, which is not listed yet.
func (s *source) list(f flaw, where, rule, found, assumed string) {
	s.first[f] = s.deviations.Len()
	s.deviations.Add(deviation{Deviation: signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: assumed}})
}

// all is the deviations with their counts.
func (s *source) all() []signal.Deviation {
	if s.deviations.Len() == 0 {
		return nil
	}
	all := make([]signal.Deviation, s.deviations.Len())
	for k := range all {
		d := s.deviations.At(k)
		if all[k] = d.Deviation; d.more > 0 {
			all[k].Found += fmt.Sprintf("; %d more like it", d.more)
		}
	}
	return all
}

// length reads a length of the format: a byte 1, 4 or 8 and as many bytes of the number.
func (s *source) length() (int64, error) {
	b, err := s.next(1)
	if err != nil {
		return 0, err
	}
	width := int(b[0])
	if width != 1 && width != 4 && width != 8 {
		return 0, s.damagef("a length of %d bytes, must be of 1, 4 or 8", int64(width))
	}
	if b, err = s.next(width); err != nil {
		return 0, err
	}
	switch width {
	case 1:
		return int64(b[0]), nil
	case 4:
		return int64(binary.LittleEndian.Uint32(b)), nil
	}
	v := binary.LittleEndian.Uint64(b)
	if v > 1<<62 {
		return 0, s.damagef("a length of more than 2⁶² bytes")
	}
	return int64(v), nil
}
