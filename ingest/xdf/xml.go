package xdf

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth is far beyond the levels of any stream's description.
const maxDepth = 32

// node is what lies between the tags of an element of XML. What is in it is found when it is asked for, so that a description of many
// elements costs no more than its text. The zero node is one that is not there.
type node struct{ inner []byte }

// parseXML looks whether text is a document of elements and text, and finds its first element. Entities and definitions are not followed,
// but for the five of XML itself and numbers of characters. It is UTF-8 whatever the head says. What encoding/xml reads is read; what stands
// in comments, heads and attributes is not looked at.
func parseXML(text []byte) (name string, root node, err error) {
	s := scanner{text: text}
	var path [maxDepth][]byte
	depth, begin := 0, 0
	for s.next() {
		if s.kind == startTag || s.kind == emptyTag {
			if depth == maxDepth {
				return "", node{}, fmt.Errorf("at byte %d of it: has more than %d levels", s.from, maxDepth)
			}
			if depth == 0 {
				begin = s.at
			}
			path[depth] = s.name
			depth++
		}
		if s.kind == endTag && (depth == 0 || !bytes.Equal(path[depth-1], s.name)) {
			return "", node{}, fmt.Errorf("at byte %d of it: the end of %q, which is not open", s.from, s.name)
		}
		if s.kind == endTag || s.kind == emptyTag {
			if depth--; depth == 0 && root.inner == nil {
				name, root.inner = string(local(path[0])), text[begin:max(begin, s.from)]
			}
		}
	}
	switch {
	case s.err != nil:
		return "", node{}, s.err
	case depth > 0:
		return "", node{}, fmt.Errorf("ends within %q", path[depth-1])
	case root.inner == nil:
		return "", node{}, errEmpty
	}
	return name, root, nil
}

var errEmpty = errors.New("has no element")

// local is name without the name space in front.
func local(name []byte) []byte {
	if space, rest, two := bytes.Cut(name, []byte(":")); two && len(space) > 0 && len(rest) > 0 {
		return rest
	}
	return name
}

// there says whether the element is there.
func (n node) there() bool { return n.inner != nil }

// each calls f with the children called name, until that is false.
func (n node) each(name string, f func(node) bool) {
	s := scanner{text: n.inner}
	depth, begin, found := 0, 0, false
	for s.next() {
		if s.kind == startTag || s.kind == emptyTag {
			if depth == 0 {
				begin, found = s.at, string(local(s.name)) == name
			}
			depth++
		}
		if s.kind == endTag || s.kind == emptyTag {
			if depth--; depth == 0 && found && !f(node{n.inner[begin:max(begin, s.from)]}) {
				return
			}
		}
	}
}

// at is the first descendant along path.
func (n node) at(path ...string) node {
	for _, name := range path {
		up := n
		n = node{}
		up.each(name, func(kid node) bool {
			n = kid
			return false
		})
	}
	return n
}

// get is the text along path, "" where there is none.
func (n node) get(path ...string) string {
	var b []byte
	s := scanner{text: n.at(path...).inner}
	for depth := 0; s.next(); {
		switch s.kind {
		case startTag:
			depth++
		case endTag:
			depth--
		case charData:
			if depth == 0 {
				b = s.plain(b)
			}
		}
	}
	return strings.ToValidUTF8(string(bytes.TrimSpace(b)), "\uFFFD")
}

// count is how many children are called name.
func (n node) count(name string) (count int) {
	n.each(name, func(node) bool {
		count++
		return true
	})
	return count
}

// all is the children called name.
func (n node) all(name string) []node {
	out := make([]node, 0, n.count(name))
	n.each(name, func(kid node) bool {
		out = append(out, kid)
		return true
	})
	return out
}

// kind is what a scanner finds.
type kind int

const (
	charData kind = iota
	startTag
	endTag
	emptyTag
)

// scanner goes through a document from one tag or text to the next. Comments, heads and definitions are passed over.
type scanner struct {
	text     []byte
	from, at int // what was found last
	kind     kind
	name     []byte // of a tag
	cdata    bool   // text that means what it says
	chars    []byte // text
	err      error
}

// fail ends the document.
func (s *scanner) fail(what string) bool {
	s.err = fmt.Errorf("at byte %d of it: %s", s.from, what)
	return false
}

// next goes on. It is false at the end, and at an error.
func (s *scanner) next() bool {
	for s.at < len(s.text) && s.err == nil {
		s.from = s.at
		rest := s.text[s.at:]
		switch {
		case rest[0] != '<':
			n := bytes.IndexByte(rest, '<')
			if n < 0 {
				n = len(rest)
			}
			s.kind, s.cdata, s.chars, s.at = charData, false, rest[:n], s.at+n
			return s.check()
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			n := bytes.Index(rest, []byte("]]>"))
			if n < 0 {
				return s.fail("CDATA without an end")
			}
			s.kind, s.cdata, s.chars, s.at = charData, true, rest[len("<![CDATA["):n], s.at+n+3
			return s.check()
		case bytes.HasPrefix(rest, []byte("<!--")):
			s.pass(4, "-->")
		case bytes.HasPrefix(rest, []byte("<?")):
			s.pass(2, "?>")
		case bytes.HasPrefix(rest, []byte("<!")):
			s.definition()
		default:
			return s.tag()
		}
	}
	return false
}

// pass goes behind the end of what begins here, with so many bytes.
func (s *scanner) pass(begin int, end string) bool {
	n := bytes.Index(s.text[s.at+begin:], []byte(end))
	if n < 0 {
		return s.fail(fmt.Sprintf("%q without %q", s.text[s.at:s.at+begin], end))
	}
	s.at += begin + n + len(end)
	return true
}

// definition passes over <!DOCTYPE …> and the like, with all that is in it.
func (s *scanner) definition() {
	depth, quote := 0, byte(0)
	for s.at += 3; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<' && bytes.HasPrefix(s.text[s.at:], []byte("<!--")):
			if !s.pass(4, "-->") {
				return
			}
			s.at--
		case c == '<':
			depth++
		case c == '>' && depth == 0:
			s.at++
			return
		case c == '>':
			depth--
		}
	}
	s.fail("a definition without an end")
}

// space passes over white space.
func (s *scanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

// is passes over c, if it comes next.
func (s *scanner) is(c byte) bool {
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// word is the name that comes next, which is empty where none does.
func (s *scanner) word() []byte {
	from := s.at
	for ; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		letter := c >= utf8.RuneSelf || c == '_' || c == ':' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (s.at == from || c != '-' && c != '.' && (c < '0' || c > '9')) {
			break
		}
	}
	return s.text[from:s.at]
}

// tag reads one, from its < on.
func (s *scanner) tag() bool {
	s.at++
	s.kind = startTag
	if s.is('/') {
		s.kind = endTag
	}
	if s.name = s.word(); len(s.name) == 0 {
		return s.fail("a tag without a name")
	}
	for {
		s.space()
		switch {
		case s.is('>'):
			return true
		case s.kind == endTag:
			return s.fail("the end of an element is no more than its name")
		case s.is('/'):
			if s.kind = emptyTag; !s.is('>') {
				return s.fail("a tag that does not end behind /")
			}
			return true
		}
		if len(s.word()) == 0 {
			return s.fail("a tag that is not closed")
		}
		s.space()
		if !s.is('=') {
			return s.fail("an attribute without a value")
		}
		s.space()
		if s.at == len(s.text) || s.text[s.at] != '"' && s.text[s.at] != '\'' {
			return s.fail("an attribute whose value is not in quotes")
		}
		value := s.text[s.at+1:]
		n := bytes.IndexByte(value, s.text[s.at])
		if n < 0 || bytes.IndexByte(value[:n], '<') >= 0 {
			return s.fail("an attribute whose value does not end")
		}
		s.at += n + 2
	}
}

// check says whether the text that was found may stand there.
func (s *scanner) check() bool {
	for _, c := range s.chars {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return s.fail(fmt.Sprintf("the character %q, which XML does not have", rune(c)))
		}
	}
	if s.cdata {
		return true
	}
	if bytes.Contains(s.chars, []byte("]]>")) {
		return s.fail(`"]]>" outside CDATA`)
	}
	for rest := s.chars; ; {
		n := bytes.IndexByte(rest, '&')
		if n < 0 {
			return true
		}
		_, size := entity(rest[n:])
		if size == 0 {
			return s.fail("an & that begins none of &amp; &lt; &gt; &apos; &quot; and no number of a character")
		}
		rest = rest[n+size:]
	}
}

// plain is dst and the text that was found, as it is meant.
func (s *scanner) plain(dst []byte) []byte {
	for i := 0; i < len(s.chars); i++ {
		switch c := s.chars[i]; {
		case c == '\r': // a line ends with \n
			if dst = append(dst, '\n'); i+1 < len(s.chars) && s.chars[i+1] == '\n' {
				i++
			}
		case c == '&' && !s.cdata:
			r, size := entity(s.chars[i:])
			dst = utf8.AppendRune(dst, r)
			i += size - 1
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

var entities = []struct {
	text string
	r    rune
}{{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}, {"&quot;", '"'}}

// entity is the character that b, which begins with &, stands for, and how many bytes that takes; 0 where it is none.
func entity(b []byte) (r rune, size int) {
	for _, e := range entities {
		if bytes.HasPrefix(b, []byte(e.text)) {
			return e.r, len(e.text)
		}
	}
	if !bytes.HasPrefix(b, []byte("&#")) {
		return 0, 0
	}
	i, base := 2, rune(10)
	if i < len(b) && b[i] == 'x' {
		i, base = 3, 16
	}
	for from := i; i < len(b); i++ {
		switch c := rune(b[i]); {
		case '0' <= c && c <= '9':
			r = r*base + c - '0'
		case base == 16 && 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r*base + (c | 0x20) - 'a' + 10
		case c == ';' && i > from && (r >= ' ' || r == '\t' || r == '\n' || r == '\r'):
			return r, i + 1
		default:
			return 0, 0
		}
		if r > utf8.MaxRune {
			return 0, 0
		}
	}
	return 0, 0
}
