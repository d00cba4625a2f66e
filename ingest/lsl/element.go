package lsl

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Element is a node of a stream's description: either a text or more elements.
type Element struct {
	Name     string
	Text     string
	Children []*Element
}

// Add appends a child with a text and returns it.
func (e *Element) Add(name, text string) *Element {
	c := &Element{Name: name, Text: text}
	e.Children = append(e.Children, c)
	return c
}

// Child is the first child called name, or nil. It may be called on nil.
func (e *Element) Child(name string) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Value is the text of the first child called name, without blanks around it; "" where there is none. It may be called
// on nil.
func (e *Element) Value(name string) string {
	if c := e.Child(name); c != nil {
		return strings.TrimSpace(c.Text)
	}
	return ""
}

// write appends e as pugixml writes it: one tab a level, an element without content as <name />.
func (e *Element) write(b *bytes.Buffer, depth int) {
	for range depth {
		b.WriteByte('\t')
	}
	if len(e.Children) == 0 && e.Text == "" {
		fmt.Fprintf(b, "<%s />\n", e.Name)
		return
	}
	fmt.Fprintf(b, "<%s>", e.Name)
	if len(e.Children) == 0 {
		escape(b, e.Text)
	} else {
		b.WriteByte('\n')
		for _, c := range e.Children {
			c.write(b, depth+1)
		}
		for range depth {
			b.WriteByte('\t')
		}
	}
	fmt.Fprintf(b, "</%s>\n", e.Name)
}

// escape writes text so that every parser reads it back. What XML cannot hold at all becomes U+FFFD.
func escape(b *bytes.Buffer, text string) {
	for _, r := range text {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '\r':
			b.WriteString("&#13;")
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
}

// Limits of what is parsed: descriptions of 1024 channels with positions are about 300 kB long and five levels deep.
const (
	maxXML   = 8 << 20
	maxDepth = 32
	maxNodes = 200_000
)

// parseElement reads one document. Attributes, comments and directives are passed over; entities other than the five of
// XML are errors, so nothing expands.
func parseElement(data []byte) (*Element, error) {
	if len(data) > maxXML {
		return nil, fmt.Errorf("the description is %d bytes long, at most %d are read", len(data), maxXML)
	}
	if !utf8.Valid(data) {
		data = fromLatin1(data)
	}
	dec := xml.NewDecoder(bytes.NewReader(data))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // has been taken care of
	var root *Element
	var open []*Element
	var text []*strings.Builder // of each in open
	nodes := 0
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the description is no XML: %w", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if nodes++; nodes > maxNodes || len(open) == maxDepth {
				return nil, fmt.Errorf("the description has more than %d elements or is more than %d levels deep", maxNodes, maxDepth)
			}
			e := &Element{Name: tok.Name.Local}
			switch {
			case len(open) > 0:
				top := open[len(open)-1]
				top.Children = append(top.Children, e)
			case root != nil:
				return nil, errors.New("the description holds more than one document")
			default:
				root = e
			}
			open, text = append(open, e), append(text, new(strings.Builder))
		case xml.EndElement:
			top := len(open) - 1
			if top < 0 || open[top].Name != tok.Name.Local {
				return nil, fmt.Errorf("the description is no XML: </%s> ends nothing", tok.Name.Local)
			}
			if len(open[top].Children) == 0 { // what stands between elements are blanks
				open[top].Text = text[top].String()
			}
			open, text = open[:top], text[:top]
		case xml.CharData:
			if top := len(open) - 1; top >= 0 {
				text[top].Write(tok)
			}
		}
	}
	if root == nil || len(open) > 0 {
		return nil, errors.New("the description is no XML: it ends too early")
	}
	return root, nil
}

// fromLatin1 reads each byte as the character of that number: what programs write that do not know UTF-8.
func fromLatin1(data []byte) []byte {
	out := make([]byte, 0, len(data)+len(data)/8)
	for _, c := range data {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}
