package decoders

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gyrus-bci/gyrus/features"
)

// Inner is the decoder inside of another one, by name, with its parameters: {"use": "lda", "shrinkage": 0.1}.
type Inner struct {
	Use    string
	Params json.RawMessage // a JSON object, or empty for the defaults
}

// UnmarshalJSON checks the name and the parameters, too.
func (d *Inner) UnmarshalJSON(data []byte) error {
	var all map[string]json.RawMessage
	var use string
	if err := json.Unmarshal(data, &all); err != nil || json.Unmarshal(all["use"], &use) != nil || use == "" {
		return fmt.Errorf(`key "decoder": is %s, must be a decoder: {use: name, key: value}`, strings.TrimSpace(string(data)))
	}
	delete(all, "use")
	params, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if _, err := Decoders().New(use, params); err != nil {
		return fmt.Errorf(`key "decoder": %w`, err)
	}
	*d = Inner{use, params}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (d Inner) MarshalJSON() ([]byte, error) {
	use, err := json.Marshal(d.Use)
	if err != nil {
		return nil, err
	}
	out := append([]byte(`{"use":`), use...)
	if p := bytes.TrimSpace(d.Params); len(p) > 2 { // more than {}
		return append(append(out, ','), p[1:]...), nil
	}
	return append(out, '}'), nil
}

// New is a new decoder of this kind, told that its windows have the given format where it reads windows.
func (d Inner) New(in features.Format) (Fitter, error) {
	f, err := Decoders().New(d.Use, d.Params)
	if err != nil {
		return nil, err
	}
	if w, ok := AsWindowed(f); ok {
		return f, w.SetFormat(in)
	}
	return f, nil
}

// ReadsWindows says whether such a decoder reads windows.
func (d Inner) ReadsWindows() bool {
	f, err := Decoders().New(d.Use, d.Params)
	if err != nil {
		return false
	}
	_, ok := AsWindowed(f)
	return ok
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Inner) JSONSchema() map[string]any {
	return map[string]any{"type": "object", "properties": map[string]any{"use": map[string]any{"type": "string"}}, "required": []any{"use"}}
}
