package weights

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
)

// span is a tensor and its bytes [lo, hi) among the values.
type span struct {
	Entry
	lo, hi int64
}

// count is a whole number of the header, from 0: encoding/json alone would take null for 0.
type count int64

// UnmarshalJSON reads decimal digits.
func (c *count) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%.40s is impossible, must be a whole number from 0 to %d", text, int64(1<<63-1))
	}
	*c = count(n)
	return nil
}

// parseHeader reads the JSON of a header whose values take total bytes. The tensors come in the order of their bytes.
func parseHeader(head []byte, total int64) (metadata map[string]string, spans []span, err error) {
	if !utf8.Valid(head) {
		return nil, nil, errors.New("byte 8: header: is not UTF-8")
	}
	var raw map[string]json.RawMessage
	if err := strict(head, &raw); err != nil {
		return nil, nil, fmt.Errorf("byte 8: header: %w", err)
	}
	for name, msg := range raw {
		if name == metadataKey {
			if metadata, err = parseMetadata(msg); err != nil {
				return nil, nil, fmt.Errorf("header: %s: %w", metadataKey, err)
			}
			continue
		}
		s, err := parseEntry(name, msg, total)
		if err != nil {
			return nil, nil, fmt.Errorf("header: tensor %q: %w", name, err)
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int {
		if a.lo != b.lo {
			return int(min(max(a.lo-b.lo, -1), 1))
		}
		if a.hi != b.hi { // an empty tensor comes before the one that begins at the same byte
			return int(min(max(a.hi-b.hi, -1), 1))
		}
		return strings.Compare(a.Name, b.Name)
	})
	return metadata, spans, covered(spans, total)
}

func parseMetadata(msg []byte) (map[string]string, error) {
	var values map[string]*string
	if err := strict(msg, &values); err != nil {
		return nil, err
	}
	metadata := make(map[string]string, len(values))
	for k, v := range values {
		if v == nil {
			return nil, fmt.Errorf("%q is null, must be a string", k)
		}
		metadata[k] = *v
	}
	return metadata, nil
}

func parseEntry(name string, msg []byte, total int64) (span, error) {
	var fields map[string]json.RawMessage // first as a map: encoding/json takes "DTYPE" for "dtype"
	if err := strict(msg, &fields); err != nil {
		return span{}, err
	}
	for k := range fields {
		if k != "dtype" && k != "shape" && k != "data_offsets" {
			return span{}, fmt.Errorf("unknown field %q, must be dtype, shape and data_offsets", k)
		}
	}
	var e struct {
		DType   string  `json:"dtype"`
		Shape   []count `json:"shape"`
		Offsets []count `json:"data_offsets"`
	}
	if err := json.Unmarshal(msg, &e); err != nil {
		return span{}, err
	}
	if e.Shape == nil {
		return span{}, errors.New("shape is missing")
	}
	shape := make([]int, len(e.Shape))
	for i, d := range e.Shape {
		shape[i] = int(d)
		if count(shape[i]) != d {
			return span{}, fmt.Errorf("shape %v is impossible on this machine", e.Shape)
		}
	}
	want, err := byteLen(e.DType, shape)
	if err != nil {
		return span{}, err
	}
	if len(e.Offsets) != 2 {
		return span{}, fmt.Errorf("data_offsets has %d numbers, must have 2", len(e.Offsets))
	}
	lo, hi := int64(e.Offsets[0]), int64(e.Offsets[1])
	switch {
	case hi < lo || hi > total:
		return span{}, fmt.Errorf("data_offsets [%d, %d] do not lie in the %d bytes of values: the file is cut short or altered", lo, hi, total)
	case hi-lo != want:
		return span{}, fmt.Errorf("data_offsets span %d bytes, shape %v of %s takes %d", hi-lo, shape, e.DType, want)
	}
	return span{Entry{Name: name, DType: e.DType, Shape: shape, Bytes: want}, lo, hi}, nil
}

// covered reports overlaps and holes: bytes that no tensor owns could hide anything.
func covered(sorted []span, total int64) error {
	var at int64
	for _, s := range sorted {
		if s.lo != at {
			return fmt.Errorf("header: tensor %q begins at byte %d of the values, must begin at %d: tensors overlap or leave a hole", s.Name, s.lo, at)
		}
		at = s.hi
	}
	if at != total {
		return fmt.Errorf("%d bytes follow the last tensor, must be none", total-at)
	}
	return nil
}

// strict decodes one JSON value with no repeated keys on its top level and nothing behind it but spaces. encoding/json
// lets the last of two equal keys win, so that two readers could see two files.
func strict(data []byte, dst any) error {
	if err := repeated(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(dst); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// repeated reports a key that stands twice in the JSON object data.
func repeated(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("must be a JSON object, begins with %q", strings.TrimSpace(string(data[:min(16, len(data))])))
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("%v where a key must be", t)
		}
		if seen[key] {
			return fmt.Errorf("key %q stands twice", key)
		}
		seen[key] = true
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			return err
		}
	}
	return nil
}
