package text

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// cell is one entry of a row.
type cell struct {
	text []byte
	at   int64 // its first byte, of the text
}

// split parts a line that begins at a byte of the text, into cells, which it appends to dst.
func split(dst []cell, line []byte, at int64, comma byte) []cell {
	for {
		end := bytes.IndexByte(line, comma)
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
	v, err := strconv.ParseFloat(string(text), 64)
	if math.IsNaN(v) || math.IsInf(v, 0) { // also what is too large for a float64
		return math.NaN(), true, true
	}
	return v, false, err == nil
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
