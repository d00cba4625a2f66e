package tablefile

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259) that may be as long as a file, and copies nothing but what is asked for: encoding/json takes several times
// the length of a value. What it skips it looks at for the end alone.
type scanner struct {
	s  string
	at int
}

// space goes behind spaces.
func (p *scanner) space() {
	for p.at < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.at]) >= 0 {
		p.at++
	}
}

// next says whether c comes next, behind spaces, and goes behind it.
func (p *scanner) next(c byte) bool {
	p.space()
	if p.at == len(p.s) || p.s[p.at] != c {
		return false
	}
	p.at++
	return true
}

// list is elements of a list which is all that there is.
func (p *scanner) list(each func() bool) (n int, ok bool) {
	n, ok = p.elements(each)
	p.space()
	return n, ok && p.at == len(p.s)
}

// elements calls each in front of every element of a list, and says whether all went well and how many did.
func (p *scanner) elements(each func() bool) (n int, ok bool) {
	if !p.next('[') {
		return 0, false
	}
	if p.next(']') {
		return 0, true
	}
	for each() {
		n++
		if p.next(']') {
			return n, true
		}
		if !p.next(',') {
			break
		}
	}
	return n, false
}

// object calls each in front of every value of an object.
func (p *scanner) object(each func(key string) bool) bool {
	if !p.next('{') {
		return false
	}
	if p.next('}') {
		return true
	}
	for {
		key, ok := p.quoted()
		if ok && strings.IndexByte(key, '\\') >= 0 {
			key, ok = plain(key)
		}
		if !ok || !p.next(':') || !each(key) {
			return false
		}
		if p.next('}') {
			return true
		}
		if !p.next(',') {
			return false
		}
	}
}

// quoted is the text between quotes, with its escapes.
func (p *scanner) quoted() (raw string, ok bool) {
	if !p.next('"') {
		return "", false
	}
	for from := p.at; p.at < len(p.s); p.at++ {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			return p.s[from : p.at-1], true
		case c == '\\':
			p.at++
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

// text is a text in memory of its own.
func (p *scanner) text() (string, bool) {
	raw, ok := p.quoted()
	if !ok {
		return "", false
	}
	return plain(raw)
}

// word is what a number, or a text without escapes, is written as.
func (p *scanner) word() (string, bool) {
	if p.next('"') {
		p.at--
		return p.quoted()
	}
	from := p.at
	for p.at < len(p.s) && strings.IndexByte(",:]}[{\" \t\r\n", p.s[p.at]) < 0 {
		p.at++
	}
	return p.s[from:p.at], p.at > from
}

func (p *scanner) whole() (int64, bool) {
	w, ok := p.word()
	v, err := strconv.ParseInt(w, 10, 64)
	return v, ok && err == nil
}

// number may be one that JSON does not have: NaN, Infinity and -Infinity, in quotes or as Python writes them.
func (p *scanner) number() (float64, bool) {
	w, ok := p.word()
	v, err := strconv.ParseFloat(w, 64)
	return v, ok && err == nil
}

// skip goes behind a value.
func (p *scanner) skip() bool {
	for depth := 0; ; {
		switch {
		case p.next('{') || p.next('['):
			depth++
		case depth > 0 && (p.next('}') || p.next(']')):
			depth--
		case depth > 0 && (p.next(',') || p.next(':')):
		default:
			if _, ok := p.word(); !ok {
				return false
			}
		}
		if depth == 0 {
			return true
		}
	}
}

// plain is raw without escapes, in memory of its own.
func plain(raw string) (string, bool) {
	n, ok := unescape(nil, raw)
	if !ok {
		return "", false
	}
	var b strings.Builder
	b.Grow(n)
	unescape(&b, raw)
	return strings.ToValidUTF8(b.String(), "\uFFFD"), true
}

// unescape writes raw to b without escapes, nowhere where that is nil, and says how many bytes that is.
func unescape(b *strings.Builder, raw string) (n int, ok bool) {
	for raw != "" {
		plain := strings.IndexByte(raw, '\\')
		if plain < 0 {
			plain = len(raw)
		}
		if plain > 0 {
			if n += plain; b != nil {
				b.WriteString(raw[:plain])
			}
			raw = raw[plain:]
			continue
		}
		r, size := escaped(raw)
		if size == 0 {
			return 0, false
		}
		if n += utf8.RuneLen(r); b != nil {
			b.WriteRune(r)
		}
		raw = raw[size:]
	}
	return n, true
}

// escaped is what the escape that raw begins with stands for, and how long it is, 0 where it is none.
func escaped(raw string) (r rune, size int) {
	if len(raw) < 2 {
		return 0, 0
	}
	if k := strings.IndexByte(`"\/bfnrt`, raw[1]); k >= 0 {
		return rune("\"\\/\b\f\n\r\t"[k]), 2
	}
	r, ok := unit(raw)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := unit(raw[6:])
	if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
		return pair, 12
	}
	return utf8.RuneError, 6
}

// unit is the code unit of \uXXXX.
func unit(raw string) (rune, bool) {
	if len(raw) < 6 || raw[:2] != `\u` {
		return 0, false
	}
	v, err := strconv.ParseUint(raw[2:6], 16, 16)
	return rune(v), err == nil
}
