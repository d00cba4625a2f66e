package xdf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is an element of XML: its text and its children by name.
type node struct {
	name string
	raw  []byte
	text string
	kids []*node
}

// Limits of XML that are far beyond what any stream describes itself with.
const (
	maxDepth = 32
	maxNodes = 1 << 17
)

// parseXML reads a document of elements and text. Entities and definitions are not followed: encoding/xml knows only the
// five of XML itself.
func parseXML(text []byte) (*node, error) {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // the format is UTF-8 whatever the head says
	var path []*node
	var root *node
	count := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if count++; len(path) >= maxDepth || count > maxNodes {
				return nil, fmt.Errorf("has more than %d levels or %d elements", maxDepth, maxNodes)
			}
			n := &node{name: tok.Name.Local}
			switch {
			case len(path) > 0:
				up := path[len(path)-1]
				up.kids = append(up.kids, n)
			case root == nil:
				root = n
			}
			path = append(path, n)
		case xml.EndElement:
			n := path[len(path)-1]
			n.text, n.raw = string(bytes.TrimSpace(n.raw)), nil
			path = path[:len(path)-1]
		case xml.CharData:
			if len(path) > 0 {
				n := path[len(path)-1]
				n.raw = append(n.raw, tok...)
			}
		}
	}
	if root == nil {
		return nil, errors.New("has no element")
	}
	return root, nil
}

// at is the first descendant along path, nil where there is none. A nil node has no children.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var next *node
		for _, k := range n.kids {
			if k.name == name {
				next = k
				break
			}
		}
		n = next
	}
	return n
}

// get is the text along path, "" where there is none.
func (n *node) get(path ...string) string {
	if n = n.at(path...); n == nil {
		return ""
	}
	return n.text
}

// all is the children called name.
func (n *node) all(name string) []*node {
	if n == nil {
		return nil
	}
	var out []*node
	for _, k := range n.kids {
		if k.name == name {
			out = append(out, k)
		}
	}
	return out
}

// format is how a value is stored.
type format struct {
	name  string
	width int // bytes of a value, 0 for text
}

var formats = map[string]format{
	"int8": {"int8", 1}, "int16": {"int16", 2}, "int32": {"int32", 4}, "int64": {"int64", 8},
	"float32": {"float32", 4}, "double64": {"double64", 8}, "string": {"string", 0},
}

// streamInfo is what a stream header says.
type streamInfo struct {
	name, kind string
	channels   int
	rate       float64
	format     format
	desc       *node
	drops      bool // the sender says that it may drop samples
}

// maxChannels is far beyond any device; a header with more is damaged.
const maxChannels = 1 << 16

// parseHeader reads the XML of a stream header.
func parseHeader(text []byte) (*streamInfo, error) {
	root, err := parseXML(text)
	if err != nil {
		return nil, fmt.Errorf("is no XML: %w", err)
	}
	if root.name != "info" {
		return nil, fmt.Errorf("the element is called %q, must be info", root.name)
	}
	h := &streamInfo{name: root.get("name"), kind: root.get("type"), desc: root.at("desc")}
	n := root.get("channel_count")
	if h.channels, err = strconv.Atoi(n); err != nil || h.channels < 0 || h.channels > maxChannels {
		return nil, fmt.Errorf("channel_count is %q, must be a whole number from 0 to %d", n, maxChannels)
	}
	r := root.get("nominal_srate")
	if h.rate, err = strconv.ParseFloat(r, 64); err != nil || !(h.rate >= 0) || math.IsInf(h.rate, 0) {
		return nil, fmt.Errorf("nominal_srate is %q, must be a number of at least 0", r)
	}
	var known bool
	if h.format, known = formats[root.get("channel_format")]; !known {
		return nil, fmt.Errorf("channel_format is %q, must be int8, int16, int32, int64, float32, double64 or string", root.get("channel_format"))
	}
	h.drops = strings.EqualFold(h.desc.get("synchronization", "can_drop_samples"), "true")
	return h, nil
}

// text says whether the values are text.
func (h *streamInfo) text() bool { return h.format.width == 0 }

// String is for messages: `"g.USBamp-1" (EEG, 16 × float32 at 256 Hz)`.
func (h *streamInfo) String() string {
	return fmt.Sprintf("%q (%s, %d × %s at %g Hz)", h.name, h.kind, h.channels, h.format.name, h.rate)
}
