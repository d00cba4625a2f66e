package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// Text that comes from others, over the network or in a file, must not act on the terminal: no colours, no cursor, no title, no
// clipboard, no order of writing. All that is printed goes through here: lines by note and say, cells of tables by columns, errors
// by Run, JSON by plainJSON. What stands within a line is written by inline, so that it cannot look like a line of ours.

// acts says whether a terminal acts on r: C0 and C1 controls, DEL, what turns the order of writing, and separators of lines.
func acts(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// plainly is s with the characters that a terminal acts on written out, but for newlines and tabs.
func plainly(s string) string {
	return spelled(s, func(r rune) bool { return r != '\n' && r != '\t' && acts(r) })
}

// inline is plainly for text within a line: newlines and tabs are written out too.
func inline(s string) string { return spelled(s, acts) }

// spelled is s with the characters that are out written as in a Go string.
func spelled(s string, out func(rune) bool) string {
	s = strings.ToValidUTF8(s, "\ufffd") // a byte alone may be a control of the terminal's own encoding
	if !strings.ContainsFunc(s, out) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !out(r) {
			b.WriteRune(r)
			continue
		}
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// printable is s, in quotes where it holds what would move the cursor or break the line: names in a file can be
// anything.
func printable(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}

// say writes text to standard output, which remembers where that fails.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprint(w, plainly(fmt.Sprintf(format, args...)))
}

// plainJSON writes JSON, whole texts of it, with the characters escaped that JSON allows in strings and a terminal acts on.
type plainJSON struct{ w io.Writer }

// Write writes all of p or fails.
func (j plainJSON) Write(p []byte) (int, error) {
	out := func(r rune) bool { return r >= 0x7f && acts(r) } // those below are escaped in JSON, or stand between its words
	s := strings.ToValidUTF8(string(p), "\ufffd")
	if strings.ContainsFunc(s, out) {
		var b strings.Builder
		for _, r := range s {
			if out(r) {
				fmt.Fprintf(&b, `\u%04x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		s = b.String()
	}
	if _, err := io.WriteString(j.w, s); err != nil {
		return 0, err
	}
	return len(p), nil
}
