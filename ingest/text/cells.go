package text

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// cell is one entry of a row.
type cell struct {
	text []byte
	at   int64 // its first byte, of the text
}

// maxColumns is more than any table of samples has.
const maxColumns = 2048

// header parts the line that was read last, which names the columns.
func (s *source) header(line []byte, comma byte) ([]cell, error) {
	cells := s.split(nil, line, comma)
	if n := len(cells); n > maxColumns {
		n = max(n, bytes.Count(line, []byte{comma})+1)
		return nil, s.cellError(s.at, "", "there are %d columns, must be at most %d: this is no table of samples, or its delimiter is another", n, maxColumns)
	}
	return cells, nil
}

// split parts the line that was read last. Its cells are where they begin in the file, whatever its letters were there.
func (s *source) split(dst []cell, line []byte, comma byte) []cell {
	cells := split(dst, line, s.at, comma)
	if !s.recoded {
		return cells
	}
	from, at := 0, s.at // of a cell, in the line as it was read and in the file, where every letter is a byte
	for i := range cells {
		to := int(cells[i].at - s.at)
		at += int64(utf8.RuneCount(line[from:to]))
		cells[i].at, from = at, to
	}
	return cells
}

// split parts a line that begins at a byte of the text, into cells, which it appends to dst. A cell in quotes may hold what parts
// cells elsewhere; between spaces there are no empty cells.
func split(dst []cell, line []byte, at int64, comma byte) []cell {
	if dst == nil {
		dst = make([]cell, 0, min(bytes.Count(line, []byte{comma}), maxColumns)+1)
	}
	for len(dst) <= maxColumns { // what has more is refused
		if comma == ' ' {
			n := int64(len(line) - len(bytes.TrimLeft(line, " ")))
			if line, at = line[n:], at+n; len(line) == 0 {
				return dst
			}
		}
		end := bytes.IndexByte(line, comma)
		if end >= 0 {
			if over := quoted(line, comma); over > end {
				if end = bytes.IndexByte(line[over:], comma); end >= 0 {
					end += over
				}
			}
		}
		part := line
		if end >= 0 {
			part = line[:end]
		}
		c := bytes.TrimSpace(part)
		if n := len(c); n >= 2 && c[0] == '"' && c[n-1] == '"' {
			c = c[1 : n-1]
		}
		dst = append(dst, cell{c, at})
		if end < 0 {
			return dst
		}
		line, at = line[end+1:], at+int64(end)+1
	}
	return dst
}

// quoted is how many bytes a cell in quotes takes at the start of a line, 0 where there is none.
func quoted(line []byte, comma byte) int {
	inside := bytes.TrimLeft(line, " ")
	if len(inside) == 0 || inside[0] != '"' {
		return 0
	}
	begin := len(line) - len(inside) + 1
	n := bytes.IndexByte(line[begin:], '"')
	if n < 0 {
		return 0
	}
	rest := bytes.TrimLeft(line[begin+n+1:], " ")
	if len(rest) > 0 && rest[0] != comma {
		return 0
	}
	return begin + n + 1
}

// commaOf is what parts the cells of a header.
func commaOf(header []byte) byte {
	best, most := byte(','), -1
	for _, c := range []byte(",;\t") {
		if n := bytes.Count(header, []byte{c}); n > most {
			best, most = c, n
		}
	}
	return best
}

// number reads a decimal number. There is none in a cell that is empty, NaN or infinite: missing.
func number(text []byte) (v float64, missing, ok bool) {
	if len(text) == 0 {
		return math.NaN(), true, true
	}
	if bytes.ContainsAny(text, "xXpP_") { // Go's hexadecimal numbers
		return 0, false, false
	}
	if c := bytes.TrimLeft(text, "+-"); len(c) == 0 || bytes.IndexByte([]byte("0123456789.iInN"), c[0]) < 0 {
		return 0, false, false // a word, for which an error would be made
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if math.IsNaN(v) || math.IsInf(v, 0) { // also what is too large for a float64
		return math.NaN(), true, true
	}
	return v, false, err == nil
}

// number reads a number as the table writes it: with its decimal sign, and words for missing.
func (l *layout) number(text []byte) (v float64, missing, ok bool) {
	if l.missing[string(text)] {
		return math.NaN(), true, true
	}
	if l.decimal == ',' {
		if bytes.IndexByte(text, '.') >= 0 { // thousands: 1.234,5
			return 0, false, false
		}
		text = bytes.Replace(text, []byte(","), []byte("."), 1)
	}
	return number(text)
}

// none says whether a cell is empty, or as good as that.
func (l *layout) none(text []byte) bool {
	if len(text) > 0 && text[0] >= '0' && text[0] <= '9' { // that is something, whatever comes behind, and need not be read
		return l.missing[string(text)]
	}
	_, missing, _ := l.number(text)
	return missing
}

// plain is a code in its shortest form, so that 1 and 1.0 are the same; "" where there is none.
func (l *layout) plain(text []byte) string {
	v, missing, ok := l.number(text)
	switch {
	case missing:
		return ""
	case ok:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}

// coding is what the codes of a column of markers are.
type coding struct {
	labels map[string]string
	none   map[string]bool
	each   bool // every row with a code is an event

	now  string // code of the row before
	open *mark  // that goes on; nil where none does
	seen map[string]bool
}

// mostWords is how many cells of markers are kept with what they mean: where each row has one, few are different.
const mostWords = 256

// word is what a cell of markers says: a label, or the code that it has one for; "" for none.
func (t *table) word(c *column, text []byte) string {
	if w, known := c.words[string(text)]; known {
		return w
	}
	var w string
	if c.code == nil {
		w = label(text)
	} else {
		w = t.lay.plain(text)
	}
	if c.words == nil {
		c.words = map[string]string{}
	}
	if len(c.words) < mostWords {
		c.words[string(text)] = w
	}
	return w
}

// mark adds a marker. They lie in blocks, which stay where they are while others come.
func (t *table) mark(row int, label string) *mark {
	const least, most = 16, 4096 // marks of a block
	k := len(t.marks) - 1
	if k < 0 || len(t.marks[k]) == cap(t.marks[k]) {
		k++
		t.marks = append(t.marks, make([]mark, 0, min(least<<min(k, 8), most)))
	}
	t.marks[k] = append(t.marks[k], mark{row, label, 1})
	t.marked++
	return &t.marks[k][len(t.marks[k])-1]
}

// says whether a word of a column of markers is one.
func (c *column) says(word string) bool {
	if word == "" || c.code == nil {
		return word != ""
	}
	return !c.code.none[word] && (word != "0" || c.code.labels["0"] != "")
}

// marker takes in a cell of markers. says that it has one, and same that its code is that of the cell before.
func (t *table) marker(row int, c *column, text []byte) (says, same bool) {
	code := t.word(c, text)
	says = c.says(code)
	if c.code == nil {
		if code != "" {
			t.mark(row, code)
		}
		return says, false
	}
	if !says {
		code = ""
	}
	same = code != "" && code == c.code.now
	if !c.code.each && code == c.code.now {
		return says, same
	}
	c.code.now = code
	if m := c.code.open; m != nil {
		m.rows = row - m.row
		c.code.open = nil
	}
	if code == "" {
		return false, false
	}
	l, known := c.code.labels[code]
	if !known {
		l = code
	} else if !c.code.seen[code] {
		c.code.seen[code] = true
	}
	m := t.mark(row, l)
	if !c.code.each {
		c.code.open = m
	}
	return says, same
}

// ended closes the markers that go on at the end, and lists codes that have a label and never came.
func (t *table) ended() {
	for i := range t.lay.columns {
		c := &t.lay.columns[i]
		if c.code == nil {
			continue
		}
		if m := c.code.open; m != nil {
			m.rows = t.rows - m.row
		}
		var never []string
		for code := range c.code.labels {
			if !c.code.seen[code] {
				never = append(never, code)
			}
		}
		if slices.Sort(never); len(never) > 0 {
			t.src.dev.count("never "+c.name, func() signal.Deviation {
				return signal.Deviation{Where: "column " + c.name, Rule: "codes that have a label come", Found: "never " + strings.Join(never, ", "), Assumed: "there are no such events"}
			})
		}
	}
}

// isoLayouts are dates and times of ISO 8601 as programs write them; without a zone they are taken for UTC.
var isoLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "20060102T150405Z07:00", "20060102T150405"}

// parseISO is a date and a time in seconds since 1970. Fractions of a second may have a point or a comma.
func parseISO(text string) (seconds float64, ok bool) {
	for _, l := range isoLayouts {
		if at, err := time.Parse(l, text); err == nil {
			return float64(at.Unix()) + float64(at.Nanosecond())/1e9, true
		}
	}
	return 0, false
}

// label is a marker as the label of an event, "" for none.
func label(text []byte) string {
	v, missing, isNumber := number(text)
	switch {
	case missing || isNumber && v == 0:
		return ""
	case isNumber:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}
