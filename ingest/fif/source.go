package fif

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// source is the file with what is needed to complain about it.
type source struct {
	file ingest.File
	name string
	size int64
	cut  string // where the file ends too early, "" where it does not

	deviations []signal.Deviation
	repeated   map[kind]*repeat

	head [bytesOfTag]byte // of the tag that was read last
	word [4]byte

	small [256]byte // data of a tag of which there may be many
}

// kind is of deviations that are listed once.
type kind struct{ field, rule string }

// newSource is f with its size.
func newSource(f ingest.File, name string) (*source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &source{file: f, name: name, size: st.Size(), repeated: map[kind]*repeat{}}, nil
}

// read fills p from byte at on. field is for the message.
func (s *source) read(p []byte, at int64, field string) error {
	n, err := s.file.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) { // it was longer when it was opened
		err = io.ErrUnexpectedEOF
	}
	return s.errorf(at+int64(n), field, "cannot be read: %w", err)
}

// errorf is an error about a field at byte at.
func (s *source) errorf(at int64, field, format string, args ...any) error {
	return &ingest.FormatError{File: s.name, Field: field, Offset: at, Err: fmt.Errorf(format, args...)}
}

// missing is an error about what must be in the file and was not found.
func (s *source) missing(field, format string, args ...any) error {
	if s.cut != "" {
		format += "; " + strings.ReplaceAll(s.cut, "%", "%%") + ": fetch the file again"
	}
	return s.errorf(s.size, field, format, args...)
}

// deviate lists one departure from the format.
func (s *source) deviate(at int64, field, rule, found, assumed string) {
	s.deviations = append(s.deviations, signal.Deviation{Where: fmt.Sprintf("byte %d: %s", at, field), Rule: rule, Found: found, Assumed: assumed})
}

// repeat is a deviation that may come again and again.
type repeat struct {
	at    int // in the list
	again int
}

// deviateOnce lists the first of those with this field and rule, and counts the others: a broken writer must not fill the
// memory.
func (s *source) deviateOnce(at int64, field, rule, found, assumed string) {
	s.deviateOften(at, field, rule, func() string { return found }, assumed)
}

// deviateOften is deviateOnce for what may come with every buffer: found is asked for the first one only.
func (s *source) deviateOften(at int64, field, rule string, found func() string, assumed string) {
	if r := s.repeated[kind{field, rule}]; r != nil {
		r.again++
		return
	}
	s.repeated[kind{field, rule}] = &repeat{at: len(s.deviations)}
	s.deviate(at, field, rule, found(), assumed)
}

// omit is deviateOften where events that the file has, or says that it has, are not in what is read.
func (s *source) omit(at int64, field, rule string, found func() string, assumed string) {
	s.deviateOften(at, field, rule, found, assumed)
	s.deviations[s.repeated[kind{field, rule}].at].Missing = true
}

// list is all deviations, with the number of those that came again.
func (s *source) list() []signal.Deviation {
	for _, r := range s.repeated {
		if r.again > 0 {
			s.deviations[r.at].Found += fmt.Sprintf("; %d more like it", r.again)
		}
	}
	return s.deviations
}

// The types of data.
const (
	typeShort      = 2
	typeInt        = 3
	typeFloat      = 4
	typeDouble     = 5
	typeJulian     = 6
	typeString     = 10
	typePack16     = 16
	typeComplex    = 20
	typeComplexDbl = 21
	typeID         = 31
)

// typeNames are for messages.
var typeNames = map[uint32]string{
	1: "bytes", typeShort: "int16", typeInt: "int32", typeFloat: "float32", typeDouble: "float64", 7: "uint16", 8: "uint32",
	typeString: "text", 13: "13-bit packed", 14: "14-bit packed", typePack16: "int16", typeComplex: "complex float32", typeComplexDbl: "complex float64", 23: "old packed",
}

func typeName(typ uint32) string {
	if n := typeNames[typ]; n != "" {
		return n
	}
	return fmt.Sprintf("type %d", typ)
}

// bytes reads all data of t, which lies within the file. They are valid until the next call.
func (s *source) bytes(t tag, field string) ([]byte, error) {
	b := s.small[:min(t.size, int64(len(s.small)))]
	if t.size > int64(len(b)) {
		b = make([]byte, t.size)
	}
	return b, s.read(b, t.data(), field)
}

// ints reads whole numbers.
func (s *source) ints(t tag, field string) ([]int32, error) {
	if t.typ != typeInt || t.size%4 != 0 {
		return nil, s.errorf(t.at, field, "%d bytes of %s, must be int32", t.size, typeName(t.typ))
	}
	b, err := s.bytes(t, field)
	if err != nil {
		return nil, err
	}
	v := make([]int32, len(b)/4)
	for i := range v {
		v[i] = int32(binary.BigEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

// integer reads one whole number.
func (s *source) integer(t tag, field string) (int32, error) {
	if t.size != 4 {
		return 0, s.errorf(t.at, field, "%d bytes of %s, must be one int32", t.size, typeName(t.typ))
	}
	if t.typ != typeInt {
		return 0, s.errorf(t.at, field, "%d bytes of %s, must be int32", t.size, typeName(t.typ))
	}
	if err := s.read(s.word[:], t.data(), field); err != nil {
		return 0, err
	}
	return int32(binary.BigEndian.Uint32(s.word[:])), nil
}

// floats reads numbers in single or double precision.
func (s *source) floats(t tag, field string) ([]float64, error) {
	width := int64(4)
	if t.typ == typeDouble {
		width = 8
	}
	if t.typ != typeFloat && t.typ != typeDouble || t.size%width != 0 {
		return nil, s.errorf(t.at, field, "%d bytes of %s, must be float32 or float64", t.size, typeName(t.typ))
	}
	b, err := s.bytes(t, field)
	if err != nil {
		return nil, err
	}
	v := make([]float64, t.size/width)
	for i := range v {
		if width == 4 {
			v[i] = float32At(b[4*i:])
		} else {
			v[i] = math.Float64frombits(binary.BigEndian.Uint64(b[8*i:]))
		}
	}
	return v, nil
}

// float reads one number.
func (s *source) float(t tag, field string) (float64, error) {
	if t.size != 4 && t.size != 8 {
		return 0, s.errorf(t.at, field, "%d bytes of %s, must be one float32 or float64", t.size, typeName(t.typ))
	}
	v, err := s.floats(t, field)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, s.errorf(t.at, field, "%d numbers, must be one", len(v))
	}
	return v[0], nil
}

// text reads a string.
func (s *source) text(t tag, field string) (string, error) {
	if t.typ != typeString {
		return "", s.errorf(t.at, field, "is %s, must be text", typeName(t.typ))
	}
	b, err := s.bytes(t, field)
	return s.decode(b), err
}

// names are a list of names as text: "Fp1:Fp2". MNE writes a colon within a name as "{COLON}".
type names string

// len is how many there are.
func (n names) len() int {
	if n == "" {
		return 0
	}
	return strings.Count(string(n), ":") + 1
}

// all is one after the other.
func (n names) all(yield func(string) bool) {
	if n == "" {
		return
	}
	for name := range strings.SplitSeq(string(n), ":") {
		if !yield(strings.ReplaceAll(name, "{COLON}", ":")) {
			return
		}
	}
}

func (s *source) names(t tag, field string) (names, error) {
	text, err := s.text(t, field)
	return names(text), err
}

// decode reads UTF-8, and as Latin-1, which the format asks for, what is not that. NUL bytes at the end are padding.
func (s *source) decode(raw []byte) string {
	text, _ := ingest.Text(s.file, bytes.TrimRight(raw, "\x00"))
	return text
}

func float32At(b []byte) float64 { return float64(math.Float32frombits(binary.BigEndian.Uint32(b))) }
