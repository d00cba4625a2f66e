// Package pipeline is the way from samples to predictions: Parse reads its definition, Build makes the steps, Push
// takes samples and returns what is ready, Fit learns from windows. Inside there is no goroutine, no clock and no
// unseeded random number, so live and offline are the same code and give the same bits.
package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// Spec is the definition of a pipeline: each step by name, with its parameters.
type Spec struct {
	Offline    []Step `json:"offline,omitempty"` // steps on whole recordings; not for live sessions
	Preprocess []Step `json:"preprocess"`
	Segment    Step   `json:"segment"`          // the windows to train on, and to decode when their events occur
	Live       *Step  `json:"live,omitempty"`   // more windows of the same length, in a live session
	Reject     []Step `json:"reject,omitempty"` // checks of windows
	Features   []Step `json:"features"`
	Decoder    Step   `json:"decoder"`
	Decide     *Step  `json:"decide,omitempty"` // from the scores of the windows of live to decisions and no control

	// Target says that the decoder is a continuous one, and which quantities it follows.
	Target *Target `json:"target,omitempty"`

	file string // for messages
}

// sections are the keys of a pipeline file.
var sections = []string{"offline", "preprocess", "segment", "live", "reject", "features", "decoder", "decide", "target"}

// Step is one step: the name it is registered under, and its parameters as a JSON object.
type Step struct {
	Use    string
	Params json.RawMessage

	line  int    // in the YAML file, 0 where it comes from elsewhere
	where string // "features[1]"
}

// MarshalJSON puts use first, then the parameters: {"use": "notch", "freq_hz": 50}.
func (s Step) MarshalJSON() ([]byte, error) {
	use, err := json.Marshal(s.Use)
	if err != nil {
		return nil, err
	}
	out := append([]byte(`{"use":`), use...)
	if p := bytes.TrimSpace(s.Params); len(p) > 2 { // more than {}
		out = append(append(out, ','), p[1:]...)
		return out, nil
	}
	return append(out, '}'), nil
}

// UnmarshalJSON is the reverse.
func (s *Step) UnmarshalJSON(data []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	if err := json.Unmarshal(all["use"], &s.Use); err != nil || s.Use == "" {
		return errors.New(`a step needs "use": the name of the step`)
	}
	delete(all, "use")
	params, err := json.Marshal(all)
	s.Params = params
	return err
}

// SpecError is something wrong in a pipeline's definition.
type SpecError struct {
	File string // "" where it does not come from a file
	Line int    // 0 where unknown
	Step string // "features[1] csp"
	Err  error
}

// Error is one line: `my.yaml: line 4: features[1] csp: unknown key "compnents": did you mean "components"? …`.
func (e *SpecError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ": ")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Step != "" {
		b.WriteString(e.Step + ": ")
	}
	return b.String() + e.Err.Error()
}

// Unwrap is the cause.
func (e *SpecError) Unwrap() error { return e.Err }

// fail is an error at the step.
func (s *Spec) fail(st Step, err error) error {
	return &SpecError{File: s.file, Line: st.line, Step: strings.TrimSpace(st.where + " " + st.Use), Err: err}
}

// Parse reads a pipeline file. Unknown sections, keys that stand twice and steps without a name are errors, always a
// *SpecError; names of steps and their parameters are checked by Build. file is for messages.
func Parse(file string, data []byte) (*Spec, error) {
	var root yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&root); errors.Is(err, io.EOF) {
		return nil, &SpecError{File: file, Err: fmt.Errorf("is empty, must have the sections %s", strings.Join(sections, ", "))}
	} else if err != nil {
		return nil, &SpecError{File: file, Err: fmt.Errorf("not a pipeline: %w", err)}
	}
	if err := dec.Decode(new(yaml.Node)); err == nil {
		return nil, &SpecError{File: file, Err: errors.New("holds more than one YAML document, must hold one")}
	}
	s := &Spec{file: file}
	at := func(n *yaml.Node, err error) error { return &SpecError{File: file, Line: n.Line, Err: err} }
	top := registry.Resolve(root.Content[0])
	if top.Kind != yaml.MappingNode {
		return nil, at(top, fmt.Errorf("must be a mapping with the keys %s", strings.Join(sections, ", ")))
	}
	seen := map[string]bool{}
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], registry.Resolve(top.Content[i+1])
		if seen[key.Value] {
			return nil, at(key, fmt.Errorf("%s stands twice", key.Value))
		}
		seen[key.Value] = true
		var err error
		switch key.Value {
		case "offline":
			s.Offline, err = s.steps(key.Value, value)
		case "reject":
			s.Reject, err = s.steps(key.Value, value)
		case "preprocess":
			s.Preprocess, err = s.steps(key.Value, value)
		case "features":
			s.Features, err = s.steps(key.Value, value)
		case "segment":
			s.Segment, err = s.step(key.Value, value)
		case "live":
			var live Step
			live, err = s.step(key.Value, value)
			s.Live = &live
		case "decide":
			var decide Step
			decide, err = s.step(key.Value, value)
			s.Decide = &decide
		case "target":
			s.Target, err = s.target(value)
		case "decoder":
			s.Decoder, err = s.step(key.Value, value)
		default:
			err = at(key, &registry.UnknownError{What: "section", Name: key.Value, Known: sections})
		}
		if err != nil {
			return nil, err
		}
	}
	for _, need := range []string{"segment", "decoder"} {
		if !seen[need] {
			return nil, &SpecError{File: file, Err: fmt.Errorf("section %s is missing", need)}
		}
	}
	return s, nil
}

func (s *Spec) steps(where string, n *yaml.Node) ([]Step, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, &SpecError{File: s.file, Line: n.Line, Step: where, Err: errors.New("must be a list of steps: - {use: name, key: value}")}
	}
	list := make([]Step, len(n.Content))
	for i, c := range n.Content {
		var err error
		if list[i], err = s.step(fmt.Sprintf("%s[%d]", where, i), registry.Resolve(c)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s *Spec) step(where string, n *yaml.Node) (Step, error) {
	st := Step{line: n.Line, where: where}
	if n.Kind != yaml.MappingNode {
		return st, s.fail(st, errors.New("must be a step: {use: name, key: value}"))
	}
	params := &yaml.Node{Kind: yaml.MappingNode, Line: n.Line}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value != "use" {
			params.Content = append(params.Content, n.Content[i], n.Content[i+1])
			continue
		}
		if st.Use != "" {
			return st, s.fail(st, errors.New("use stands twice"))
		}
		if err := n.Content[i+1].Decode(&st.Use); err != nil || st.Use == "" {
			return st, s.fail(st, errors.New("use must be the name of a step"))
		}
	}
	if st.Use == "" {
		return st, s.fail(st, errors.New("use is missing: the name of the step"))
	}
	var err error
	if st.Params, err = registry.YAML(params); err != nil {
		return st, s.fail(st, err)
	}
	return st, nil
}

// Set writes values over the parameters of a step.
func (s *Step) Set(values map[string]any) error {
	params := map[string]json.RawMessage{}
	if len(s.Params) > 0 {
		if err := json.Unmarshal(s.Params, &params); err != nil {
			return err
		}
	}
	for key, v := range values {
		j, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		params[key] = j
	}
	var err error
	s.Params, err = json.Marshal(params)
	return err
}

// FitLive gives the sliding windows of the section live the length of the windows of the section segment, which a flag
// may have changed.
func (s *Spec) FitLive() error {
	if s.Live == nil {
		return nil
	}
	var cut struct {
		Tmin *float64 `json:"tmin_s"`
		Tmax *float64 `json:"tmax_s"`
	}
	if err := json.Unmarshal(s.Segment.Params, &cut); err != nil {
		return s.fail(s.Segment, err)
	}
	if cut.Tmin == nil || cut.Tmax == nil {
		return nil // the lengths are compared when the pipeline starts
	}
	return s.Live.Set(map[string]any{"length_s": *cut.Tmax - *cut.Tmin})
}
