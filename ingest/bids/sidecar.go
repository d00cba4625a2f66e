package bids

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Sidecar is what a JSON file says: fields in their order, those that gyrus knows and others, each as it is written, so that
// what is only handed on, such as HED, stays as it is. The zero value has no fields.
type Sidecar struct{ fields []field }

type field struct {
	key   string
	value json.RawMessage
}

// maxDepth is how deep what is in a sidecar may be nested: the specification needs four.
const maxDepth = 64

// maxFields is far more than any sidecar has.
const maxFields = 4096

// UnmarshalJSON reads an object. Where a field is there twice the last one counts, as everywhere in JSON. Values stay as they are
// written, in one copy of data.
func (s *Sidecar) UnmarshalJSON(data []byte) error {
	if err := checkDepth(data); err != nil {
		return err
	}
	if data = bytes.TrimSpace(data); len(data) == 0 || data[0] != '{' {
		return errors.New("must be an object, in { and }")
	}
	if !json.Valid(data) {
		return errors.New("is no JSON")
	}
	rest := bytes.Clone(data[1:])
	s.fields = nil
	at := map[string]int{}
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if rest[0] == '}' {
			return nil
		}
		n := valueEnd(rest)
		var key string
		if err := json.Unmarshal(rest[:n], &key); err != nil {
			return err
		}
		rest = bytes.TrimLeft(rest[n:], " \t\r\n:")
		n = valueEnd(rest)
		value := json.RawMessage(rest[:n:n])
		rest = rest[n:]
		if i, again := at[key]; again {
			s.fields[i].value = value
			continue
		}
		if len(s.fields) == maxFields {
			return fmt.Errorf("has more than %d fields: it is no sidecar", maxFields)
		}
		at[key] = len(s.fields)
		s.fields = append(s.fields, field{key, value})
	}
}

// valueEnd is where the value at the start of valid JSON ends.
func valueEnd(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && bytes.IndexByte([]byte(" \t\r\n,:}]"), c) >= 0:
			return i
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// checkDepth refuses what is nested so deep that no sidecar can be meant.
func checkDepth(data []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("byte %d: nested deeper than %d", i, maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// ReadSidecar reads a JSON file of which messages speak as name. A byte order mark is passed over.
func ReadSidecar(data []byte, name string) (Sidecar, error) {
	var s Sidecar
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(data, &s); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return Sidecar{}, fmt.Errorf("%s: byte %d: %w", name, syntax.Offset, err)
		}
		return Sidecar{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// MarshalJSON writes the fields in their order.
func (s Sidecar) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range s.fields {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(f.value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Write writes the file, indented, each field on a line of its own.
func (s Sidecar) Write(w io.Writer) error {
	raw, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// put sets a field, which keeps its place.
func (s *Sidecar) put(key string, value json.RawMessage) {
	i := slices.IndexFunc(s.fields, func(f field) bool { return f.key == key })
	if i < 0 {
		s.fields = append(s.fields, field{key, value})
		return
	}
	s.fields[i].value = value
}

// Keys lists the fields in their order.
func (s Sidecar) Keys() []string {
	keys := make([]string, len(s.fields))
	for i, f := range s.fields {
		keys[i] = f.key
	}
	return keys
}

// Has says whether there is a field of that name.
func (s Sidecar) Has(key string) bool {
	return slices.ContainsFunc(s.fields, func(f field) bool { return f.key == key })
}

// Raw is a field as it is written, nil where there is none.
func (s Sidecar) Raw(key string) json.RawMessage {
	for _, f := range s.fields {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// Get reads a field into v. ok is false where there is none; an error says that it is something else than v holds.
func (s Sidecar) Get(key string, v any) (ok bool, err error) {
	raw := s.Raw(key)
	if raw == nil {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return true, fmt.Errorf("field %s: %w", key, err)
	}
	return true, nil
}

// Set sets a field to v, which must be something that JSON can write. A field that is there keeps its place.
func (s *Sidecar) Set(key string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // < and > are for readers, not for browsers
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("field %s: %w", key, err)
	}
	s.fields = slices.Clone(s.fields)
	s.put(key, bytes.TrimSpace(b.Bytes()))
	return nil
}

// Over is what holds where s is the more specific of two sidecars: its fields, then those of base that it does not have
// (BIDS 1.10, "The inheritance principle").
func (s Sidecar) Over(base Sidecar) Sidecar {
	out := Sidecar{slices.Clone(s.fields)}
	for _, f := range base.fields {
		if !s.Has(f.key) {
			out.fields = append(out.fields, f)
		}
	}
	return out
}
