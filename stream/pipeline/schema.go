package pipeline

import (
	_ "embed" // steps.json
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// Param is one parameter of a step.
type Param struct {
	Key     string          `json:"key"`
	Doc     string          `json:"doc"` // one line: meaning, unit, range
	Default json.RawMessage `json:"default"`
	Type    map[string]any  `json:"type"` // JSON Schema
}

// Doc describes a step that a pipeline file can use.
type Doc struct {
	Section string  `json:"section"` // "offline", "preprocess", "segment", "reject", "features", "decoder", "decide", or continuous
	Name    string  `json:"name"`
	Text    string  `json:"text"` // what it does, as Markdown: formula, shapes, units, source
	Params  []Param `json:"params"`
}

// continuous is the section of docs that holds the decoders for pipelines with a section target.
const continuous = "decoder, with a section target"

// Steps describes everything that a pipeline file can use, from the registries.
func Steps() ([]Doc, error) {
	var docs []Doc
	var texts map[string]map[string]string
	if err := json.Unmarshal(stepTexts, &texts); err != nil {
		return nil, fmt.Errorf("steps.json: %w", err)
	}
	for _, add := range []func() error{
		func() error { return describe(&docs, "offline", preprocess.Offlines()) },
		func() error { return describe(&docs, "preprocess", preprocess.Processors()) },
		func() error { return describe(&docs, "segment", preprocess.Segmenters()) },
		func() error { return describe(&docs, "reject", preprocess.Checkers()) },
		func() error { return describe(&docs, "features", features.Steps()) },
		func() error { return describe(&docs, "decoder", decoders.Decoders()) },
		func() error { return describe(&docs, continuous, decoders.ContinuousDecoders()) },
		func() error { return describe(&docs, "decide", decoders.Deciders()) },
	} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	for i, d := range docs {
		docs[i].Text = texts[d.Section][d.Name]
	}
	return docs, nil
}

// stepTexts is the Go documentation of every step, by section and name: make docs writes it.
//
//go:embed steps.json
var stepTexts []byte

// Types are the types behind the names of every section.
func Types() (map[string]map[string]reflect.Type, error) {
	all := map[string]map[string]reflect.Type{}
	for _, add := range []func() error{
		func() error { return typesOf(all, "offline", preprocess.Offlines()) },
		func() error { return typesOf(all, "preprocess", preprocess.Processors()) },
		func() error { return typesOf(all, "segment", preprocess.Segmenters()) },
		func() error { return typesOf(all, "reject", preprocess.Checkers()) },
		func() error { return typesOf(all, "features", features.Steps()) },
		func() error { return typesOf(all, "decoder", decoders.Decoders()) },
		func() error { return typesOf(all, continuous, decoders.ContinuousDecoders()) },
		func() error { return typesOf(all, "decide", decoders.Deciders()) },
	} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func typesOf[T any](all map[string]map[string]reflect.Type, section string, reg *registry.Registry[T]) error {
	all[section] = map[string]reflect.Type{}
	for _, name := range reg.Names() {
		v, err := reg.New(name, nil)
		if err != nil {
			return err
		}
		all[section][name] = reflect.TypeOf(v)
	}
	return nil
}

func describe[T any](docs *[]Doc, section string, reg *registry.Registry[T]) error {
	for _, name := range reg.Names() {
		v, err := reg.New(name, nil)
		if err != nil {
			return err
		}
		params, err := params(v)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		*docs = append(*docs, Doc{Section: section, Name: name, Params: params})
	}
	return nil
}

// params reads the fields of a step: the json tag is the key, the doc tag its description, the value the default.
func params(step any) ([]Param, error) {
	v := reflect.ValueOf(step)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	list := []Param{}
	for _, f := range registry.Fields(v.Type()) {
		def, err := json.Marshal(v.FieldByIndex(f.Index).Interface())
		if err != nil {
			return nil, err
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		doc := f.Tag.Get("doc")
		if when := registry.Condition(f); when != "" {
			doc += " (only with " + when + ", else an error)"
		}
		list = append(list, Param{Key: key, Doc: doc, Default: def, Type: schemaOf(f.Type)})
	}
	return list, nil
}

// selfDescribed is a type that reads JSON in its own way, and says how.
type selfDescribed interface{ JSONSchema() map[string]any }

// SchemaOf is the JSON Schema of a Go type: of a struct its fields with a JSON key, which their doc tags describe, and nothing
// else.
func SchemaOf(t reflect.Type) map[string]any { return schemaOf(t) }

func schemaOf(t reflect.Type) map[string]any {
	if d, ok := reflect.New(t).Interface().(selfDescribed); ok {
		return d.JSONSchema()
	}
	switch t.Kind() {
	case reflect.Float64, reflect.Float32:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint64, reflect.Uint32, reflect.Uint:
		return map[string]any{"type": "integer"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice, reflect.Array:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Struct:
		props := map[string]any{}
		for _, f := range registry.Fields(t) {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			prop := schemaOf(f.Type)
			if doc := f.Tag.Get("doc"); doc != "" {
				prop["description"] = doc
			}
			props[key] = prop
		}
		return map[string]any{"type": "object", "properties": props, "additionalProperties": false}
	default:
		return map[string]any{"type": "string"}
	}
}

// Schema is the JSON Schema (draft 2020-12) of a pipeline file, for editors.
func Schema() (map[string]any, error) {
	docs, err := Steps()
	if err != nil {
		return nil, err
	}
	choices := map[string][]any{}
	for _, d := range docs {
		props := map[string]any{"use": map[string]any{"const": d.Name}}
		for _, p := range d.Params {
			prop := map[string]any{"description": p.Doc, "default": p.Default}
			for k, v := range p.Type {
				prop[k] = v
			}
			props[p.Key] = prop
		}
		choices[d.Section] = append(choices[d.Section], map[string]any{
			"description": d.Text, "type": "object", "properties": props, "required": []string{"use"}, "additionalProperties": false,
		})
	}
	one := func(section, text string) map[string]any {
		return map[string]any{"description": text, "oneOf": choices[section]}
	}
	many := func(section, text string) map[string]any {
		return map[string]any{"description": text, "type": "array", "items": map[string]any{"oneOf": choices[section]}}
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "gyrus pipeline", "type": "object",
		"properties": map[string]any{
			"offline":    many("offline", "steps on whole recordings, which look into the future: not for live sessions"),
			"reject":     many("reject", "checks of windows, in order: what they refuse is neither learned from nor decided on"),
			"preprocess": many("preprocess", "causal steps on samples, in order"),
			"segment":    one("segment", "the windows to train on, and to decode when their events occur"),
			"live":       one("segment", "more windows of the same length, in a live session"),
			"features":   many("features", "steps from a window to a row of numbers, in order"),
			"decoder": map[string]any{
				"description": "from a row to a score for each class, or with a section target to the quantities",
				"oneOf":       slices.Concat(choices["decoder"], choices[continuous]),
			},
			"target": targetSchema(),
			"decide": one("decide", "from the scores of the windows of live to decisions, and to no control"),
		},
		"required": []string{"segment", "features", "decoder"}, "additionalProperties": false,
	}, nil
}

// Markdown writes the description of every step as a page.
func Markdown(w io.Writer) error {
	docs, err := Steps()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# Steps of a pipeline\n\nMade by `make docs` from the registries and the Go documentation of the types behind them. A window is [channels][samples] in µV unless a step before changes the unit, a row [numbers]. How the results are measured is in [metrics.md](metrics.md).\n")
	section := ""
	for _, d := range docs {
		if d.Section != section {
			section = d.Section
			fmt.Fprintf(&b, "\n## %s\n", section)
		}
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", d.Name, d.Text)
		if len(d.Params) == 0 {
			b.WriteString("No parameters.\n")
			continue
		}
		b.WriteString("| key | default | meaning |\n|---|---|---|\n")
		for _, p := range d.Params {
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", p.Key, p.Default, strings.ReplaceAll(p.Doc, "|", `\|`))
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// targetSchema describes the section target.
func targetSchema() map[string]any {
	props := map[string]any{}
	t := reflect.TypeFor[Target]()
	for i := range t.NumField() {
		f := t.Field(i)
		if key, _, _ := strings.Cut(f.Tag.Get("json"), ","); key != "" {
			prop := schemaOf(f.Type)
			prop["description"] = f.Tag.Get("doc")
			props[key] = prop
		}
	}
	return map[string]any{
		"description": "the quantities that a continuous decoder follows, in place of classes", "type": "object",
		"properties": props, "required": []string{"channels"}, "additionalProperties": false,
	}
}
