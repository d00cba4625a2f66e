package session

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Schema is the JSON Schema (draft 2020-12) of a session file, for editors.
func Schema() (map[string]any, error) {
	s := pipeline.SchemaOf(reflect.TypeFor[Config]())
	s["$schema"], s["title"], s["required"] = "https://json-schema.org/draft/2020-12/schema", "gyrus session", []string{"source"}
	full := ConfigDefaults()
	cal := CalibrationDefaults()
	page := dashboard.Defaults()
	full.Calibrate, full.Metrics, full.Adapt, full.Dashboard = &cal, &MetricsOptions{}, &Adapt{Options: adapt.Defaults()}, &page
	raw, err := json.Marshal(full)
	if err != nil {
		return nil, err
	}
	var defaults map[string]any
	if err := json.Unmarshal(raw, &defaults); err != nil {
		return nil, err
	}
	return s, describe(s, defaults)
}

// describe writes the defaults into a schema.
func describe(schema, defaults map[string]any) error {
	props, ok := schema["properties"].(map[string]any)
	if !ok {
		return fmt.Errorf("session: a schema without properties: %v", schema)
	}
	for key, v := range defaults {
		prop, ok := props[key].(map[string]any)
		if !ok {
			return fmt.Errorf("session: key %s is not in the schema", key)
		}
		if inner, is := v.(map[string]any); is && prop["properties"] != nil {
			if err := describe(prop, inner); err != nil {
				return err
			}
			continue
		}
		if v != nil && v != "" {
			prop["default"] = v
		}
	}
	return nil
}
