package ingest

import (
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// Encoding is how bytes of the texts in a header that are no US-ASCII become letters: by default as UTF-8 where they are
// that, as Latin-1 otherwise. A header of a few letters can be both, or neither.
type Encoding string

// The encodings that can be asked for.
const (
	AutoEncoding Encoding = "auto"
	Latin1       Encoding = "latin-1"
	Windows1252  Encoding = "windows-1252"
)

// ParseEncoding reads the name of an encoding.
func ParseEncoding(s string) (Encoding, error) {
	all := []string{string(AutoEncoding), string(Latin1), string(Windows1252)}
	if !slices.Contains(all, s) {
		return "", &registry.UnknownError{What: "encoding of headers", Name: s, Known: all}
	}
	return Encoding(s), nil
}

// Encoded is a file system whose files carry an encoding to the readers of their formats: texts of headers are read by it. That of
// annotations in EDF+ and of XML is given by their specifications, and stays.
type Encoded struct {
	fs.FS
	Encoding Encoding
	asked    bool
}

// Asked says whether a reader has read a text that depends on the encoding: where none did, it had no effect.
func (e *Encoded) Asked() bool { return e.asked }

// Stat is what is known of name without opening it.
func (e *Encoded) Stat(name string) (fs.FileInfo, error) { return fs.Stat(e.FS, name) }

// Open opens name.
func (e *Encoded) Open(name string) (fs.File, error) {
	f, err := e.FS.Open(name)
	if file, ok := f.(File); ok && err == nil {
		return &encodedFile{file, e}, nil
	}
	return f, err
}

type encodedFile struct {
	File
	of *Encoded
}

// Text reads the text of a header of f, and says as what: "UTF-8", "Latin-1" or "Windows-1252". US-ASCII is UTF-8.
func Text(f File, raw []byte) (text, coding string) {
	ascii := !slices.ContainsFunc(raw, func(b byte) bool { return b >= utf8.RuneSelf })
	if ascii {
		return string(raw), "UTF-8"
	}
	if e, ok := f.(*encodedFile); ok && e.of.Encoding != AutoEncoding {
		e.of.asked = true
		if e.of.Encoding == Windows1252 {
			return windows1252(raw), "Windows-1252"
		}
		return Latin1Text(raw), "Latin-1"
	}
	if utf8.Valid(raw) {
		return string(raw), "UTF-8"
	}
	return Latin1Text(raw), "Latin-1"
}

// Latin1Text reads ISO 8859-1, in which every byte is a character.
func Latin1Text(raw []byte) string { return byteByByte(raw, func(b byte) rune { return rune(b) }) }

// windows1252 is Latin-1 but for the bytes from 0x80 to 0x9f, which are letters there and control characters in Latin-1 (those that
// Windows does not use stay what they are).
func windows1252(raw []byte) string {
	table := []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")
	return byteByByte(raw, func(b byte) rune {
		if 0x80 <= b && b < 0xa0 {
			return table[b-0x80]
		}
		return rune(b)
	})
}

// byteByByte is a text of which every byte is a letter, in memory that is as long as it.
func byteByByte(raw []byte, of func(b byte) rune) string {
	n := 0
	for _, b := range raw {
		n += utf8.RuneLen(of(b))
	}
	var text strings.Builder
	text.Grow(n)
	for _, b := range raw {
		text.WriteRune(of(b))
	}
	return text.String()
}
