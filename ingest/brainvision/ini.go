package brainvision

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const byteOrderMark = "\xef\xbb\xbf"

const (
	headerBytes = 64 << 20 // of the longest header or file of markers
	lineBytes   = 64 << 10 // of what is read at once

	commentBytes = 4096 // of free text that is kept

	commentField = "Comment"
	textKey      = "GyrusText" // and a number: a text of the header of the source, in the section for users
	kindKey      = "GyrusKind" // and the number of a channel: what it measures, in that section too, where the label would not tell
)

// entry is one line "key=value", or what is not there: the zero entry.
type entry struct {
	key, value string
	at         int64 // of the line's first byte
}

// sections with a line for each channel or marker, of which none is kept.
const (
	channelInfos = "channel infos"
	coordinates  = "coordinates"
	markerInfos  = "marker infos"
	userInfos    = "user infos"
)

// known are the keys that mean something, in the other sections. No other is kept: of them a file could have millions.
var known = map[string][]string{
	"common infos": {"Codepage", "DataFile", "MarkerFile", "NumberOfChannels", "DataType", "SamplingInterval", "DataPoints", "DataOrientation", "DataFormat"},
	"binary infos": {"BinaryFormat", "UseBigEndianOrder"},
	"ascii infos":  {"DecimalSymbol", "SkipLines", "SkipColumns"},
}

// ini is what a file in sections says of the recording as a whole.
type ini struct {
	first    string // the line on top
	sections map[string][]entry
	user     string         // the lines of [User Infos], which anybody may write, but for
	texts    []signal.Text  // those in which gyrus has written texts of the source
	tried    int            // lines that could be such
	comment  string         // the beginning of what is below [Comment]
	lines    map[string]int // how many key=value there are in each section with a line for each channel or marker; of users, those with kinds
}

// readINI reads a header or file of markers, and lists what is wrong with its lines.
func readINI(src *flatfile.Source) (*ini, error) {
	c := &ini{sections: map[string][]entry{}, lines: map[string]int{}}
	latin, as := int64(-1), ""
	odd := func(l line) {
		if l.coding != "" && latin < 0 {
			latin, as = l.at, l.coding
		}
		if !l.ended {
			src.Deviate(l.at, "line", "ends with its line end", "the file ends within a line: it may have been cut", "it is read as it is")
		}
	}
	err := walk(src, func(l line, section string) {
		odd(l)
		switch {
		case l.comment:
			c.comment = string(l.text)
		case section == userInfos && !l.top && !l.blank:
			if c.text(l) {
				return
			}
			if _, ok := kindOf(l); ok {
				c.lines[userInfos]++
				return
			}
			if len(c.user) < commentBytes {
				c.user += string(l.text[:min(commentBytes, len(l.text))]) + "\n"
			}
		case l.top:
			c.first = string(l.text)
		case l.blank:
		case !l.found:
			list := src.DeviateOften
			if section == markerInfos {
				list = src.OmitOften
			}
			list(l.at, "line", "is key=value", func() string { return fmt.Sprintf("%.60q in section [%s]", l.text, section) }, "it is passed over")
		case section == channelInfos || section == coordinates || section == markerInfos:
			c.lines[section]++
		default:
			i := slices.IndexFunc(known[section], func(k string) bool { return strings.EqualFold(k, string(l.key)) })
			if i < 0 || c.has(section, known[section][i]) {
				return
			}
			c.sections[section] = append(c.sections[section], entry{known[section][i], string(bytes.TrimSpace(l.value)), l.at})
		}
	})
	if err != nil {
		return nil, err
	}
	if latin >= 0 && strings.EqualFold(c.get("common infos", "Codepage").value, "UTF-8") {
		src.Deviate(latin, "Codepage", "text is UTF-8, as the header says", "bytes that are not", "the line is "+as)
	}
	return c, nil
}

// text keeps a text that gyrus has written, and says whether l is one.
func (c *ini) text(l line) bool {
	if !bytes.HasPrefix(l.key, []byte(textKey)) || c.tried == ingest.MostTexts {
		return false
	}
	c.tried++
	t, err := ingest.DecodeText(l.value)
	if err != nil {
		return false
	}
	c.texts = append(c.texts, t)
	return true
}

// kindOf is the kind that l gives to a channel, if it is such a line.
func kindOf(l line) (signal.Kind, bool) {
	if !bytes.HasPrefix(l.key, []byte(kindKey)) {
		return "", false
	}
	k := signal.Kind(bytes.TrimSpace(l.value))
	return k, slices.Contains(signal.Kinds, k)
}

// line is one of a file in sections. Its bytes are valid until the next.
type line struct {
	at         int64 // of its first byte
	text       []byte
	coding     string // what it was taken for where it is not UTF-8
	ended      bool   // it has an end
	comment    bool   // what is below [Comment], as far as it is kept
	top, blank bool   // the one on top; nothing, a remark, or the head of a section
	found      bool   // it is key=value
	key, value []byte // the key without spaces around
}

// walk gives all lines to do, each with the section it lies in, in lower case. What is below [Comment] is free text, down to the end.
func walk(src *flatfile.Source, do func(l line, section string)) error {
	if src.Size > headerBytes {
		return src.Errorf(0, "header", "has %d bytes, more than %d MiB: this is no header", src.Size, headerBytes>>20)
	}
	r := bufio.NewReaderSize(io.NewSectionReader(src.File, 0, src.Size), int(max(16, min(lineBytes, src.Size))))
	at, section, top := int64(0), "", true
	if head, err := r.Peek(len(byteOrderMark)); err == nil && string(head) == byteOrderMark {
		n, _ := r.Discard(len(byteOrderMark)) // they were peeked at
		at = int64(n)
	}
	for at < src.Size {
		raw, err := readLine(src, r, at)
		if err != nil {
			return err
		}
		l := line{at: at, top: top, ended: bytes.HasSuffix(raw, []byte("\n"))}
		at, top = at+int64(len(raw)), false
		l.text = bytes.TrimRight(bytes.TrimSuffix(raw, []byte("\n")), "\r")
		if slices.ContainsFunc(l.text, func(b byte) bool { return b >= utf8.RuneSelf }) {
			text, coding := src.Text(l.text)
			if coding != "UTF-8" {
				l.coding = coding
			}
			l.text = []byte(text)
		}
		trimmed := bytes.TrimSpace(l.text)
		switch {
		case l.top:
		case len(trimmed) == 0 || trimmed[0] == ';':
			l.blank = true
		case trimmed[0] == '[' && trimmed[len(trimmed)-1] == ']':
			l.blank = true
			section = strings.ToLower(string(bytes.TrimSpace(trimmed[1 : len(trimmed)-1])))
		default:
			l.key, l.value, l.found = bytes.Cut(l.text, []byte("="))
			l.key = bytes.TrimSpace(l.key)
		}
		do(l, section)
		if section != "comment" {
			continue
		}
		raw, err = src.Bytes(at, min(commentBytes, src.Size-at), "Comment")
		if err != nil {
			return err
		}
		text, _ := src.Text(raw)
		do(line{at: at, text: []byte(text), comment: true, ended: true}, section)
		break
	}
	return nil
}

// readLine is the line that begins at byte at, with its end.
func readLine(src *flatfile.Source, r *bufio.Reader, at int64) ([]byte, error) {
	raw, err := r.ReadSlice('\n')
	switch {
	case err == nil || errors.Is(err, io.EOF) && len(raw) > 0:
		return raw, nil
	case !errors.Is(err, bufio.ErrBufferFull):
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, src.Errorf(at, "header", "cannot be read: %w", err)
	}
	n := int64(len(raw))
	for errors.Is(err, bufio.ErrBufferFull) { // how long it is, before there is memory for it
		raw, err = r.ReadSlice('\n')
		n += int64(len(raw))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, src.Errorf(at+n, "header", "cannot be read: %w", err)
	}
	return src.Bytes(at, n, "header")
}

// get is an entry, the zero entry where there is none. Keys do not differ in capitals alone.
func (c *ini) get(section, key string) entry {
	for _, e := range c.sections[section] {
		if e.key == key {
			return e
		}
	}
	return entry{key: key}
}

func (c *ini) has(section, key string) bool {
	return slices.ContainsFunc(c.sections[section], func(e entry) bool { return e.key == key })
}

// field takes the text in front of the next comma off value; a comma within it is written \1.
func field(value *[]byte) []byte {
	f, rest, _ := bytes.Cut(*value, []byte(","))
	*value = rest
	if bytes.Contains(f, []byte(`\1`)) {
		f = bytes.ReplaceAll(f, []byte(`\1`), []byte(","))
	}
	return f
}
