package edf

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
)

// field is one field of the header.
type field struct {
	src    *source
	at     int64 // byte of the file
	name   string
	signal int // counted from 1; 0 for a field about the file
	raw    []byte
}

// title is the name for messages.
func (f field) title() string {
	if f.signal == 0 {
		return f.name
	}
	return fmt.Sprintf("%s of signal %d", f.name, f.signal)
}

// text is the field without its padding. The specification allows printable US-ASCII, padded with spaces at the end;
// anything else is read by ingest.Text, and listed.
func (f field) text() string {
	raw := f.raw
	if bytes.IndexByte(raw, 0) >= 0 {
		f.deviate("the field is padded with spaces", fmt.Sprintf("%q", clean(raw)), "NUL bytes are padding")
		raw = bytes.ReplaceAll(raw, []byte{0}, []byte(" "))
	}
	ascii := true
	for _, b := range raw {
		ascii = ascii && ' ' <= b && b <= '~'
	}
	if !ascii {
		_, coding := ingest.Text(f.src.file, raw)
		f.deviate("printable US-ASCII characters only", fmt.Sprintf("%q", clean(raw)), "read as "+coding)
	}
	text, _ := ingest.Text(f.src.file, bytes.TrimRight(raw, " "))
	return text
}

// clean is raw without the padding, for messages.
func clean(raw []byte) []byte { return bytes.TrimRight(raw, " \x00") }

// integer reads a whole number.
func (f field) integer() (int64, error) {
	s := strings.TrimSpace(f.text())
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		f.checkLeft()
		return n, nil
	}
	x, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	if err != nil || x != math.Trunc(x) || math.Abs(x) > 1<<53 { // the last also catches infinity
		return 0, f.errorf("%q is not a whole number", clean(f.raw))
	}
	f.deviate("a whole number, written without a fraction", fmt.Sprintf("%q", s), strconv.FormatInt(int64(x), 10))
	return int64(x), nil
}

// number reads a number with or without a fraction.
func (f field) number() (float64, error) {
	s := strings.TrimSpace(f.text())
	x, err := strconv.ParseFloat(s, 64)
	if err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) && !strings.ContainsAny(s, "xXpP_") {
		f.checkLeft()
		return x, nil
	}
	if c := strings.Replace(s, ",", ".", 1); c != s {
		if x, err := strconv.ParseFloat(c, 64); err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) {
			f.deviate("the decimal separator is a point", fmt.Sprintf("%q", s), c)
			return x, nil
		}
	}
	return 0, f.errorf("%q is not a number", clean(f.raw))
}

// checkLeft lists a number that does not start at the left.
func (f field) checkLeft() {
	if f.raw[0] == ' ' {
		f.deviate("left-justified", fmt.Sprintf("%q", f.raw), "the spaces in front are padding")
	}
}

func (f field) deviate(rule, found, assumed string) {
	f.src.dev.add(f.at, f.title(), rule, found, assumed)
}

func (f field) errorf(format string, args ...any) error {
	return f.src.errorf(f.at, f.title(), format, args...)
}
