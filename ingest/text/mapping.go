package text

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// sidecar is the ending of a mapping, behind the name of the table.
const sidecar = ".gyrus.yaml"

const mappingBytes = 1 << 20 // the largest mapping

// mapping says what the columns of a table are: the file x.csv.gyrus.yaml beside x.csv.
type mapping struct {
	Delimiter  string          `json:"delimiter"`   // one character, "tab", or "space" for any number of them; "" takes that of comma, semicolon and tab which there is most of
	Decimal    string          `json:"decimal"`     // "." or ","
	Comment    string          `json:"comment"`     // lines that begin so are passed over
	HeaderRows int             `json:"header_rows"` // lines above the samples, comments not counted; the last one names the columns
	Time       *timeColumn     `json:"time"`
	Rate       float64         `json:"rate_hz"`
	Unit       string          `json:"unit"` // of the channels that do not say theirs
	Kind       signal.Kind     `json:"kind"` // of the channels that do not say theirs; "" tells it from the name
	Reference  string          `json:"reference"`
	Channels   []mappedChannel `json:"channels"` // nil takes every column that is nothing else
	Markers    []mappedMarker  `json:"markers"`
	Ignore     []columnRef     `json:"ignore"`  // columns that are left out without being listed
	Missing    []string        `json:"missing"` // words for no value, beside empty cells and NaN
}

// timeColumn is the column with the stamps.
type timeColumn struct {
	Column columnRef `json:"column"`
	Unit   string    `json:"unit"` // a key of timeUnits
}

// mappedChannel is a column with samples: a number v is v·factor + offset in the unit.
type mappedChannel struct {
	Column columnRef   `json:"column"`
	Name   string      `json:"name"` // "" takes that of the column
	Unit   string      `json:"unit"`
	Kind   signal.Kind `json:"kind"`
	Factor *float64    `json:"factor"`
	Offset float64     `json:"offset"`
}

// mappedMarker is a column with events.
type mappedMarker struct {
	Column  columnRef         `json:"column"`
	Labels  map[string]string `json:"labels"`   // a code and its label; codes that are not there are their own
	None    []string          `json:"none"`     // codes that are no event, beside 0 and what is missing
	EachRow bool              `json:"each_row"` // every row with a code is an event; otherwise every change to one is, as long as the code stays
}

// columnRef is a column by name, or by number, from 1.
type columnRef struct {
	name   string
	number int
}

// UnmarshalJSON takes text for a name and a whole number for a number.
func (c *columnRef) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &c.name) == nil && c.name != "" {
		return nil
	}
	if json.Unmarshal(b, &c.number) == nil && c.number >= 1 {
		return nil
	}
	return fmt.Errorf("column is %s, must be a name or a number from 1", b)
}

func (c columnRef) String() string {
	if c.name != "" {
		return strconv.Quote(c.name)
	}
	return strconv.Itoa(c.number)
}

// timeUnits are the units of stamps: seconds, since 1970 or since anything, and parts of them.
var timeUnits = map[string]struct {
	scale float64 // to seconds
	epoch bool    // they count from 1970
}{
	"s": {1, false}, "ms": {1e-3, false}, "us": {1e-6, false}, "ns": {1e-9, false},
	"unix": {1, true}, "unix_ms": {1e-3, true}, "unix_us": {1e-6, true}, "unix_ns": {1e-9, true},
	isoUnit: {1, true},
}

// isoUnit is the unit of stamps that are dates and times (ISO 8601).
const isoUnit = "iso8601"

const timeUnitNames = "s, ms, us, ns (from anywhere), unix, unix_ms, unix_us, unix_ns (since 1970), iso8601"

// mappingFile is a mapping with what is needed to complain about it.
type mappingFile struct {
	mapping

	name string
	data []byte
	root *yaml.Node
}

// readMapping reads a mapping.
func readMapping(f ingest.File, name string) (*mappingFile, error) {
	m := &mappingFile{name: name, mapping: mapping{HeaderRows: 1, Decimal: "."}}
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if st.Size() > mappingBytes {
		return nil, m.errorf("", "has %d bytes, must have at most %d", st.Size(), mappingBytes)
	}
	m.data = make([]byte, st.Size())
	if n, err := f.ReadAt(m.data, 0); n < len(m.data) {
		return nil, m.errorf("", "cannot be read: %w", err)
	}
	if err := registry.Shallow(m.data); err != nil {
		return nil, m.errorf("", "%w", err)
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(m.data))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, m.errorf("", "is empty, must say what the columns are")
	} else if err != nil {
		return nil, m.errorf("", "is no YAML: %w", err)
	}
	if dec.Decode(new(yaml.Node)) == nil {
		return nil, m.errorf("", "holds more than one YAML document, must hold one")
	}
	m.root = registry.Resolve(doc.Content[0])
	params, err := registry.YAML(m.root)
	if err != nil {
		return nil, m.errorf("", "%w", err)
	}
	if err := registry.Decode(&m.mapping, params); err != nil {
		key := ""
		var unknown *registry.UnknownError
		if errors.As(err, &unknown) {
			key = unknown.Name
		}
		return nil, m.errorf(key, "%w", err)
	}
	return m, m.check()
}

// errorf is an error about the first key of that name, or the whole.
func (m *mappingFile) errorf(key, format string, args ...any) error {
	field, at := "mapping", int64(0)
	if line := lineOf(m.root, key); line > 0 {
		field = fmt.Sprintf("line %d", line)
		for _, l := range bytes.SplitAfterN(m.data, []byte("\n"), line)[:line-1] {
			at += int64(len(l))
		}
	}
	return &ingest.FormatError{File: m.name, Field: field, Offset: at, Err: fmt.Errorf(format, args...)}
}

// lineOf is the line of the first key called that, 0 where there is none.
func lineOf(n *yaml.Node, key string) int {
	if n == nil || key == "" {
		return 0
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if c.Value == key {
				return c.Line
			}
			continue
		}
		if line := lineOf(c, key); line > 0 {
			return line
		}
	}
	return 0
}

// check refuses what no table can have.
func (m *mappingFile) check() error {
	switch {
	case m.Delimiter != "" && m.Delimiter != "tab" && m.Delimiter != "space" && (len(m.Delimiter) != 1 || strings.ContainsAny(m.Delimiter, "\"\r\n")):
		return m.errorf("delimiter", "delimiter is %q, must be one character, tab or space", m.Delimiter)
	case m.Decimal != "." && m.Decimal != ",":
		return m.errorf("decimal", "decimal is %q, must be . or ,", m.Decimal)
	case m.Decimal == m.Delimiter:
		return m.errorf("decimal", "decimal and delimiter are both %q, must differ", m.Decimal)
	case m.HeaderRows < 0 || m.HeaderRows > 1000:
		return m.errorf("header_rows", "header_rows is %d, must be from 0 to 1000", m.HeaderRows)
	case m.Time == nil && m.Rate == 0:
		return m.errorf("", "says nothing about time: name the column, time: {column: t, unit: s}, or the rate, rate_hz: 250")
	case !(m.Rate >= 0 && m.Rate <= maxRate): // also catches NaN
		return m.errorf("rate_hz", "rate_hz is %g, must be above 0 and at most %g", m.Rate, float64(maxRate))
	case m.Channels != nil && len(m.Channels) == 0:
		return m.errorf("channels", "channels is empty: name at least one, or leave the key out for every column that is nothing else")
	}
	if t := m.Time; t != nil {
		if t.Unit = strings.NewReplacer("\u00b5", "u", "\u03bc", "u").Replace(t.Unit); t.Unit == "" {
			return m.errorf("time", "time has no unit, must have one of "+timeUnitNames)
		}
		if _, known := timeUnits[t.Unit]; !known {
			return m.errorf("time", "the unit of time is %q, must be one of "+timeUnitNames, t.Unit)
		}
		if t.Column == (columnRef{}) {
			return m.errorf("time", "time names no column")
		}
	}
	kinds := []signal.Kind{m.Kind}
	for i, c := range m.Channels {
		kinds = append(kinds, c.Kind)
		if c.Column == (columnRef{}) {
			return m.errorf("channels", "channel %d names no column", i+1)
		}
		if c.Factor != nil && *c.Factor == 0 || !utf8.ValidString(c.Name) {
			return m.errorf("channels", "the factor of column %s is 0, must be another number", c.Column)
		}
	}
	for _, k := range kinds {
		if k != "" && !slices.Contains(signal.Kinds, k) {
			return m.errorf("kind", "kind is %q, must be one of %v", k, signal.Kinds)
		}
	}
	for i, c := range m.Markers {
		if c.Column == (columnRef{}) {
			return m.errorf("markers", "marker %d names no column", i+1)
		}
	}
	return nil
}

// comma is what parts cells, 0 where the mapping does not say.
func (m *mapping) comma() byte {
	switch m.Delimiter {
	case "":
		return 0
	case "tab":
		return '\t'
	case "space":
		return ' '
	}
	return m.Delimiter[0]
}

// find is the position of a column among those of the table.
func (m *mappingFile) find(ref columnRef, key string, columns []column) (int, error) {
	if ref.name == "" {
		if ref.number > len(columns) {
			return 0, m.errorf(key, "column %d: the table has %d", ref.number, len(columns))
		}
		return ref.number - 1, nil
	}
	found, names := -1, make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
		if c.name != ref.name {
			continue
		}
		if found >= 0 {
			return 0, m.errorf(key, "columns %d and %d are both called %q: name it by its number", found+1, i+1, ref.name)
		}
		found = i
	}
	if found < 0 && m.HeaderRows == 0 {
		return 0, m.errorf(key, "column %q: with header_rows: 0 columns have numbers only, from 1 to %d", ref.name, len(columns))
	}
	if found < 0 {
		return 0, m.errorf(key, "%w", &registry.UnknownError{What: "column", Name: ref.name, Known: names})
	}
	return found, nil
}

// layout reads the header and says what the columns are.
func (m *mappingFile) layout(src *source) (*layout, error) {
	src.comment = m.Comment
	lay := &layout{comma: m.comma(), decimal: m.Decimal[0], missing: map[string]bool{}, within: ofStated, mapped: true, reference: m.Reference}
	for _, w := range m.Missing {
		lay.missing[w] = true
	}
	if err := m.names(src, lay); err != nil {
		return nil, err
	}
	take := func(ref columnRef, key string, role role) (*column, error) {
		i, err := m.find(ref, key, lay.columns)
		if err != nil {
			return nil, err
		}
		c := &lay.columns[i]
		if c.role != unused {
			return nil, m.errorf(key, "column %s is named twice: a column is one thing", ref)
		}
		c.role = role
		return c, nil
	}
	if m.Time != nil {
		c, err := take(m.Time.Column, "time", stamp)
		if err != nil {
			return nil, err
		}
		unit := timeUnits[m.Time.Unit]
		c.scale, c.iso, lay.epoch = unit.scale, m.Time.Unit == isoUnit, unit.epoch
	}
	switch {
	case m.Time == nil:
		lay.rate = m.Rate
	case m.Rate > 0:
		lay.nominal, lay.stated = []float64{m.Rate}, fmt.Sprintf("stamps are at the rate that the mapping names, %g Hz", m.Rate)
	}
	for _, mk := range m.Markers {
		c, err := take(mk.Column, "markers", marker)
		if err != nil {
			return nil, err
		}
		c.code = &coding{labels: map[string]string{}, none: map[string]bool{}, each: mk.EachRow, seen: map[string]bool{}}
		for code, l := range mk.Labels {
			c.code.labels[lay.plain([]byte(code))] = l
		}
		for _, w := range mk.None {
			c.code.none[lay.plain([]byte(w))] = true
		}
	}
	for _, ch := range m.Channels {
		c, err := take(ch.Column, "channels", sample)
		if err != nil {
			return nil, err
		}
		c.wanted = &ch
	}
	ignored := map[int]bool{}
	for _, ref := range m.Ignore {
		i, err := m.find(ref, "ignore", lay.columns)
		if err != nil {
			return nil, err
		}
		if lay.columns[i].role != unused {
			return nil, m.errorf("ignore", "column %s is named elsewhere too: a column is one thing", ref)
		}
		ignored[i] = true
	}
	var left []string
	samples, rest := 0, new(mappedChannel)
	for i := range lay.columns {
		c := &lay.columns[i]
		switch {
		case c.role == unused && !ignored[i] && m.Channels == nil:
			c.role, c.wanted = sample, rest
		case c.role == unused && !ignored[i]:
			left = append(left, strconv.Quote(c.name))
		}
		if c.role == sample {
			samples++
		}
	}
	if samples == 0 {
		return nil, m.errorf("channels", "no column is left for samples: the table has %s", count(len(lay.columns), "column"))
	}
	if len(left) > 0 {
		src.dev.count("unused", func() signal.Deviation {
			return signal.Deviation{Where: count(len(left), "column"), Rule: "the mapping says what every column is, or ignores it", Found: "nothing about " + strings.Join(left, ", "), Assumed: "left out", Missing: true}
		})
	}
	m.channels(src, lay)
	return lay, nil
}

// names reads the lines above the samples.
func (m *mappingFile) names(src *source, lay *layout) error {
	var line []byte
	var err error
	for range m.HeaderRows {
		if line, err = src.next(); err != nil {
			return src.headEnd(err)
		}
	}
	if m.HeaderRows == 0 {
		if line, err = src.ahead(); err != nil {
			return src.headEnd(err)
		}
	}
	line = src.unmarked(line)
	if lay.comma == 0 {
		lay.comma = commaOf(line)
		if lay.decimal == ',' && lay.comma == ',' { // "1,5;2,5"
			lay.comma = commaOf(bytes.ReplaceAll(line, []byte(","), nil))
		}
		if lay.comma == lay.decimal {
			return m.errorf("decimal", "decimal is a comma, and nothing else parts the cells of line %d: name the delimiter", src.line)
		}
	}
	cells, err := src.header(line, lay.comma)
	if err != nil {
		return err
	}
	lay.columns = make([]column, 0, len(cells))
	for i, c := range cells {
		col := column{name: strings.ToValidUTF8(string(c.text), "\uFFFD"), at: c.at, role: unused, scale: 1}
		if m.HeaderRows == 0 || col.name == "" {
			col.name = strconv.Itoa(i + 1)
		}
		lay.columns = append(lay.columns, col)
	}
	return nil
}

// channels describes the columns with samples.
func (m *mappingFile) channels(src *source, lay *layout) {
	names := make([]string, 0, len(lay.columns))
	for i := range lay.columns {
		if c := &lay.columns[i]; c.role == sample {
			name := c.wanted.Name
			if isNumber(c.name) {
				name = firstText(name, "column "+c.name)
			}
			names = append(names, firstText(name, c.name))
		}
	}
	nameChannels(src, lay, names)
	scales := map[string]*units.Scale{}
	for i := range lay.columns {
		c := &lay.columns[i]
		if c.role != sample {
			continue
		}
		if k := firstKind(c.wanted.Kind, m.Kind); k != "" {
			if c.Kind = k; k != signal.EEG {
				c.Pos = nil
			}
		}
		unit := firstText(c.wanted.Unit, m.Unit)
		if scales[unit] == nil {
			scale := units.Parse(unit)
			scales[unit] = &scale
		}
		c.measured(src, unit, scales[unit])
		if c.wanted.Factor != nil {
			c.scale = *c.wanted.Factor
		}
		c.offset = c.wanted.Offset
	}
}

// isNumber says that a name is a whole number alone. strconv.Atoi would make an error of each name that is none.
func isNumber(name string) bool {
	digits := strings.TrimLeft(name, "+-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

func firstText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func firstKind(a, b signal.Kind) signal.Kind { return signal.Kind(firstText(string(a), string(b))) }
