package xdf

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

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
	desc       node
	drops      bool        // the sender says that it may drop samples
	people     [][2]string // what may say who was recorded, where or by whom, and in which element that stands
}

// oddHeader is what is wrong with a header that can be read all the same, and its text as it should be.
type oddHeader struct {
	list   []odd
	mended []byte
}

type odd struct{ rule, found, assumed string }

// personal are the elements of a header that may say who was recorded, where or by whom: of LSL, and of the meta-data conventions of XDF
// (https://github.com/sccn/xdf/wiki/Meta-Data, "Subject", "Recording environment"), with what programs write beside these.
var (
	personal     = []string{"hostname", "session_id"}
	personalDesc = []string{
		"subject", "participant", "patient", "experimenter", "operator", "investigator", "experiment", "recording", "laboratory", "institution", "environment", "comment", "comments", "notes",
	}
)

const maxPersonal = 64 // of these elements in a header

// persons keeps them.
func (h *streamInfo) persons(root node) {
	in := func(n node, prefix string, names []string) {
		name := ""
		n.kids(func(kid []byte) bool {
			name = string(kid)
			return slices.Contains(names, name)
		}, func(kid node) bool {
			if text := kid.words(); text != "" {
				h.people = append(h.people, [2]string{prefix + name, text})
			}
			return len(h.people) < maxPersonal
		})
	}
	in(root, "", personal)
	in(h.desc, "desc/", personalDesc)
	if serial := h.desc.get("acquisition", "serial_number"); serial != "" {
		h.people = append(h.people, [2]string{"desc/acquisition/serial_number", serial})
	}
}

// maxChannels is far beyond any device; a header with more is damaged.
const maxChannels = 1 << 16

// maxBare is how many & may stand for themselves in a header: each takes room for five bytes.
const maxBare = 1000

// escaped is text in which each & that begins no entity is one; nil where there is none, or where it may stand as it is.
func escaped(text []byte) []byte {
	if bytes.Contains(text, []byte("<![CDATA[")) {
		return nil
	}
	var out []byte
	bare, from := 0, 0
	for i, c := range text {
		if c != '&' {
			continue
		}
		if _, size := entity(text[i:]); size > 0 {
			continue
		}
		if bare++; bare > maxBare {
			return nil
		}
		out = append(append(out, text[from:i]...), "&amp;"...)
		from = i + 1
	}
	if bare == 0 {
		return nil
	}
	return append(out, text[from:]...)
}

// parseHeader reads the XML of a stream header, and says what is odd in it.
func parseHeader(text []byte) (*streamInfo, oddHeader, error) {
	var o oddHeader
	element, root, err := parseXML(text)
	if mended := escaped(text); err != nil && mended != nil {
		var again error
		if element, root, again = parseXML(mended); again == nil {
			o.list = append(o.list, odd{"is XML", err.Error(), "it stands for itself, as &amp; does"})
			err, o.mended = nil, mended
		}
	}
	if err != nil {
		return nil, o, fmt.Errorf("is no XML: %w", err)
	}
	if element != "info" {
		return nil, o, fmt.Errorf("the element is called %q, must be info", element)
	}
	h := &streamInfo{name: root.get("name"), kind: root.get("type"), desc: root.at("desc")}
	n := root.get("channel_count")
	if h.channels, err = strconv.Atoi(n); err != nil || h.channels < 0 || h.channels > maxChannels {
		return nil, o, fmt.Errorf("channel_count is %q, must be a whole number from 0 to %d", n, maxChannels)
	}
	var known bool
	if h.format, known = formats[root.get("channel_format")]; !known {
		return nil, o, fmt.Errorf("channel_format is %q, must be int8, int16, int32, int64, float32, double64 or string", root.get("channel_format"))
	}
	const rule = "nominal_srate is a number of at least 0"
	r := root.get("nominal_srate")
	if h.rate, err = strconv.ParseFloat(r, 64); err != nil || !(h.rate >= 0) || math.IsInf(h.rate, 0) {
		if !h.text() {
			return nil, o, fmt.Errorf("nominal_srate is %q, must be a number of at least 0", r)
		}
		if o.mended == nil {
			o.mended = text
		}
		o.mended = bytes.Replace(o.mended, slices.Concat([]byte("<nominal_srate>"), root.at("nominal_srate").inner, []byte("<")), []byte("<nominal_srate>0<"), 1)
		h.rate = 0 // text has a stamp wherever something happens
		o.list = append(o.list, odd{rule, strconv.Quote(r), "0: text comes when something happens"})
	}
	h.persons(root)
	h.drops = strings.EqualFold(h.desc.get("synchronization", "can_drop_samples"), "true")
	return h, o, nil
}

// marks says that a header that cannot be read is one of a stream of markers: without it the samples can be read.
func marks(header []byte) bool {
	for _, element := range [][2]string{{"type", "markers"}, {"channel_format", "string"}} {
		_, rest, found := bytes.Cut(header, []byte("<"+element[0]+">"))
		value, _, ended := bytes.Cut(rest, []byte("<"))
		if found && ended && strings.EqualFold(string(bytes.TrimSpace(value)), element[1]) {
			return true
		}
	}
	return false
}

// text says whether the values are text.
func (h *streamInfo) text() bool { return h.format.width == 0 }

// String is for messages: `"g.USBamp-1" (EEG, 16 × float32 at 256 Hz)`.
func (h *streamInfo) String() string {
	return fmt.Sprintf("%q (%s, %d × %s at %g Hz)", h.name, h.kind, h.channels, h.format.name, h.rate)
}
