package bus

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"go.yaml.in/yaml/v3"
)

type object = map[string]any

// asyncAPI is what the tests need of docs/asyncapi.yaml.
type asyncAPI struct {
	AsyncAPI string `yaml:"asyncapi"`
	Channels map[string]struct {
		Address    string
		Parameters map[string]any
		Messages   map[string]any
	}
	Components struct {
		Messages map[string]struct {
			ContentType string `yaml:"contentType"`
			Headers     any
			Payload     any
			Examples    []struct {
				Name    string
				Payload object
			}
		}
		Schemas map[string]schemaObject
	}
}

// schemaObject is a JSON Schema.
type schemaObject struct {
	Ref              string `yaml:"$ref"`
	Type, Pattern    string
	Description      string
	Const            any
	Enum             []string
	Minimum, Maximum *float64
	ExclusiveMinimum *float64 `yaml:"exclusiveMinimum"`
	Required         []string
	Properties       map[string]schemaObject
	Items            *schemaObject
	MinLength        int                               `yaml:"minLength"`
	MinItems         int                               `yaml:"minItems"`
	AllOf            []struct{ If, Then schemaObject } `yaml:"allOf"`
}

func readAsyncAPI(t testing.TB) (doc asyncAPI, tree object) {
	t.Helper()
	data, err := os.ReadFile("../../docs/asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc, tree
}

// TestAsyncAPISubjects: the addresses are those that the code makes, and every reference leads somewhere.
func TestAsyncAPISubjects(t *testing.T) {
	doc, tree := readAsyncAPI(t)
	if doc.AsyncAPI != "3.0.0" {
		t.Errorf("AsyncAPI version %q", doc.AsyncAPI)
	}
	want := map[string]string{
		"command": CommandSubject("{session}", "{decoder}"), "status": StatusSubject("{session}"),
		"feedback": FeedbackSubject("{session}", "{decoder}"), "actuator": ActuatorSubject("{session}", "{decoder}"), "request": CtlSubject("{session}"), "reply": "",
		"telemetry": TelemetrySubject("{session}", "{decoder}"), "cue": CueSubject("{session}", "{decoder}"),
		"stop": StopSubject("{session}"), "stopAnswer": "", "challenge": "", "clear": "", // the reply subject
		"raw": RawSubject("{session}", "{stream}"), "schema": SchemaSubject("{session}", "{stream}"),
	}
	got := map[string]string{}
	word := regexp.MustCompile(`\{(\w+)\}`)
	for name, c := range doc.Channels {
		got[name] = c.Address
		var params []string
		for _, m := range word.FindAllStringSubmatch(c.Address, -1) {
			params = append(params, m[1])
		}
		slices.Sort(params)
		if has := slices.Sorted(maps.Keys(c.Parameters)); !slices.Equal(has, params) {
			t.Errorf("channel %s has the parameters %v, its address %v", name, has, params)
		}
		if _, ok := c.Messages[name]; !ok || len(c.Messages) != 1 {
			t.Errorf("channel %s carries %v, want the message of the same name", name, c.Messages)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}

	used := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case object:
			if ref, ok := v["$ref"].(string); ok {
				used[ref] = true
				var at any = tree
				for key := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					at, _ = at.(object)[key] // nil where it leads nowhere
					if at == nil {
						t.Errorf("%s leads nowhere", ref)
						break
					}
				}
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(tree)
	for kind, list := range tree["components"].(object) {
		for name := range list.(object) {
			if ref := "#/components/" + kind + "/" + name; !used[ref] {
				t.Errorf("nothing refers to %s", ref)
			}
		}
	}
	for name := range doc.Channels {
		if !used["#/channels/"+name] {
			t.Errorf("no operation uses the channel %s", name)
		}
	}
}

// keys are the JSON keys of a struct, and those that are always written.
func keys(t testing.TB, typ reflect.Type) (all, always []string) {
	t.Helper()
	for _, f := range fields(typ) {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			t.Fatalf("%s.%s has no JSON key", typ, f.Name)
		}
		all = append(all, name)
		if option != "omitempty" && option != "omitzero" {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
}

// fields are those of a struct, with those of the structs that are embedded in it.
func fields(typ reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(typ), func(f reflect.StructField) bool { return f.Anonymous })
}

// jsonType is what encoding/json makes of a Go type.
func jsonType(typ reflect.Type) string {
	if typ == reflect.TypeFor[json.RawMessage]() {
		return "" // any
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch typ.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "array"
	case reflect.Struct:
		return "object"
	default:
		return "integer"
	}
}

// TestAsyncAPISchemas: the properties are the JSON keys of the Go structs, with their types, and those that are always
// written are required.
func TestAsyncAPISchemas(t *testing.T) {
	doc, _ := readAsyncAPI(t)
	schemas := doc.Components.Schemas
	for name, typ := range map[string]reflect.Type{
		"command": reflect.TypeFor[Command](), "status": reflect.TypeFor[Status](), "score": reflect.TypeFor[Score](),
		"feedback": reflect.TypeFor[Feedback](), "request": reflect.TypeFor[Request](), "reply": reflect.TypeFor[Reply](), "verb": reflect.TypeFor[VerbInfo](),
		"telemetry": reflect.TypeFor[Telemetry](), "decisions": reflect.TypeFor[Decisions](), "scored": reflect.TypeFor[Scored](), "decideScore": reflect.TypeFor[DecideScore](), "restScore": reflect.TypeFor[RestScore](),
		"streamHealth": reflect.TypeFor[StreamHealth](),
		"transition":   reflect.TypeFor[Transition](), "stageLatency": reflect.TypeFor[StageLatency](), "cue": reflect.TypeFor[Cue](),
		"actuator": reflect.TypeFor[Actuator](), "actuatorJoint": reflect.TypeFor[ActuatorJoint](), "stop": reflect.TypeFor[Stop](), "stopAnswer": reflect.TypeFor[StopAnswer](), "standingStop": reflect.TypeFor[StandingStop](), "challenge": reflect.TypeFor[Challenge](), "clear": reflect.TypeFor[Clear](),
	} {
		s := schemas[name]
		all, always := keys(t, typ)
		if diff := cmp.Diff(all, slices.Sorted(maps.Keys(s.Properties))); diff != "" {
			t.Errorf("properties of %s (-Go +document):\n%s", name, diff)
		}
		slices.Sort(s.Required)
		if diff := cmp.Diff(always, s.Required); diff != "" {
			t.Errorf("required of %s (-Go +document):\n%s", name, diff)
		}
		for _, f := range fields(typ) {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			p := resolved(schemas, s.Properties[key])
			if want := jsonType(f.Type); p.Type != want {
				t.Errorf("%s.%s has the type %q, must be %q", name, key, p.Type, want)
			}
			if f.Type.Kind() == reflect.Slice && p.Type != "" {
				if p.Items == nil {
					t.Errorf("%s.%s has no items", name, key)
				} else if got, want := resolved(schemas, *p.Items).Type, jsonType(f.Type.Elem()); got != want {
					t.Errorf("%s.%s has items of the type %q, must be %q", name, key, got, want)
				}
			}
		}
	}
	if got := schemas["token"].Pattern; got != token.String() {
		t.Errorf("a token is %s, must be %s", got, token)
	}
	if got := schemas["nonce"].Pattern; got != nonce.String() {
		t.Errorf("a nonce is %s, must be %s", got, nonce)
	}
	if diff := cmp.Diff([]string{string(KindClass), string(KindContinuous), string(KindNone)}, schemas["command"].Properties["kind"].Enum); diff != "" {
		t.Errorf("kinds (-Go +document):\n%s", diff)
	}
	if diff := cmp.Diff([]string{string(Actuate), string(Shadow)}, schemas["command"].Properties["state"].Enum); diff != "" {
		t.Errorf("states of a command (-Go +document):\n%s", diff)
	}
	if diff := cmp.Diff([]string{string(StateWaiting), string(StateDecoding), string(StateEnded)}, schemas["status"].Properties["state"].Enum); diff != "" {
		t.Errorf("states (-Go +document):\n%s", diff)
	}
	for _, name := range []string{"command", "status", "feedback", "request", "reply", "stop", "stopAnswer", "challenge", "telemetry", "cue", "actuator"} {
		if v := schemas[name].Properties["v"].Const; v != Version {
			t.Errorf("%s: v is %v, must be %d", name, v, Version)
		}
	}
}

func resolved(schemas map[string]schemaObject, s schemaObject) schemaObject {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return schemas[name]
	}
	return s
}

// TestAsyncAPIAgreesWithTheParser changes the examples: what the document forbids the parser refuses, and what lies on
// the edge of a range passes both.
func TestAsyncAPIAgreesWithTheParser(t *testing.T) {
	doc, _ := readAsyncAPI(t)
	schemas := doc.Components.Schemas
	parsers := map[string]func([]byte) (any, error){
		"command":    func(b []byte) (any, error) { return ParseCommand(b) },
		"status":     func(b []byte) (any, error) { return ParseStatus(b) },
		"feedback":   func(b []byte) (any, error) { return ParseFeedback(b) },
		"request":    func(b []byte) (any, error) { return ParseRequest(b) },
		"reply":      func(b []byte) (any, error) { return ParseReply(b) },
		"actuator":   func(b []byte) (any, error) { return ParseActuator(b) },
		"cue":        func(b []byte) (any, error) { return ParseCue(b) },
		"telemetry":  func(b []byte) (any, error) { return ParseTelemetry(b) },
		"stopAnswer": func(b []byte) (any, error) { return ParseStopAnswer(b) },
		"challenge":  func(b []byte) (any, error) { return ParseChallenge(b) },
		"clear":      func(b []byte) (any, error) { return ParseClear(b) },
	}
	kinds := map[any]bool{}
	for name, parse := range parsers {
		s := schemas[name]
		examples, rules := doc.Components.Messages[name].Examples, map[string]int{}
		if len(examples) == 0 {
			t.Fatalf("%s has no example", name)
		}
		for _, e := range examples {
			kinds[e.Payload["kind"]] = true
			if name == "command" {
				kinds[e.Payload["state"]] = true
			}
			try := func(key string, value any) (any, error) {
				c := maps.Clone(e.Payload)
				if c[key] = value; value == nil {
					delete(c, key)
				}
				data, err := json.Marshal(c)
				if err != nil {
					t.Fatal(err)
				}
				return parse(data)
			}
			check := func(key string, value any, good bool) {
				t.Helper()
				if _, err := try(key, value); (err == nil) != good {
					t.Errorf("%s %s with %s = %v: the parser says %v, the document allows it: %v", name, e.Name, key, value, err, good)
				}
			}

			v, err := try("later_field", "ignored")
			if err != nil {
				t.Errorf("%s %s: %v", name, e.Name, err)
				continue
			}
			data, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			want, err := json.Marshal(e.Payload)
			if err != nil {
				t.Fatal(err)
			}
			var a, b object
			if err := json.Unmarshal(data, &a); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(want, &b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(b, a); diff != "" {
				t.Errorf("%s %s (-document +Go):\n%s", name, e.Name, diff)
			}

			ranges := func(key string, p schemaObject) {
				if p.Minimum != nil {
					check(key, *p.Minimum, true)
					check(key, *p.Minimum-1, false)
				}
				if p.Maximum != nil {
					check(key, *p.Maximum, true)
					check(key, *p.Maximum+1, false)
				}
				if p.ExclusiveMinimum != nil {
					check(key, *p.ExclusiveMinimum, false)
					check(key, math.Nextafter(*p.ExclusiveMinimum, math.Inf(1)), true)
				}
			}
			for key, p := range s.Properties {
				p = resolved(schemas, p)
				ranges(key, p)
				if p.Pattern != "" {
					check(key, "a.b", false)
				}
				if p.Const != nil {
					check(key, 2, false)
				}
				if p.Enum != nil {
					check(key, "another", false)
				}
			}
			if name == "status" {
				check("nonces", slices.Repeat([]string{"n"}, MaxNonces), true)
				check("nonces", slices.Repeat([]string{"n"}, MaxNonces+1), false)
				check("nonces", []string{strings.Repeat("n", 33)}, false)
				check("nonces", []string{""}, false)
			}
			if name == "command" {
				check("state", nil, false) // nobody said that it may be acted on
				check("scores", []object{{"label": e.Payload["label"], "p": 1}}, true)
				check("scores", []object{{"label": e.Payload["label"], "p": 1.5}}, false)
			}
			for _, rule := range s.AllOf {
				rules[slices.Collect(maps.Keys(rule.If.Properties))[0]]++
				if state := rule.If.Properties["state"].Const; state != nil {
					if state == e.Payload["state"] {
						ranges("valid_for_ms", rule.Then.Properties["valid_for_ms"])
					}
					continue
				}
				if rule.If.Properties["kind"].Const != e.Payload["kind"] {
					continue
				}
				for _, key := range rule.Then.Required {
					check(key, nil, false)
					p := rule.Then.Properties[key]
					if p.MinLength != 1 && p.MinItems != 1 {
						t.Errorf("%s: %s may be empty where kind is %v", name, key, e.Payload["kind"])
					}
					if p.MinLength == 1 {
						check(key, "", false)
					} else {
						check(key, []float64{}, false)
					}
				}
			}
		}
		if name == "command" && (rules["kind"] != 2*len(examples) || rules["state"] != 2*len(examples)) {
			t.Errorf("%v rules for %d examples, want one for class, continuous, actuate and shadow each", rules, len(examples))
		}
	}
	for _, k := range []any{KindClass, KindContinuous, KindNone, Actuate, Shadow} {
		if !kinds[fmt.Sprint(k)] {
			t.Errorf("no example of %s", k)
		}
	}
}

// TestAsyncAPIHeaders: the messages with samples have the headers of the document.
func TestAsyncAPIHeaders(t *testing.T) {
	doc, _ := readAsyncAPI(t)
	b := openBus(t, "")
	msgs := make(chan *nats.Msg, 10)
	for _, s := range []string{RawSubject("s1", "eeg"), SchemaSubject("s1", "eeg")} {
		if _, err := b.nc.ChanSubscribe(s, msgs); err != nil {
			t.Fatal(err)
		}
	}
	w, err := NewRawWriter(b, "s1", "eeg", twoChannels(), Clock{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := w.Write(ramp(twoChannels(), 0, 5)); err != nil {
		t.Fatal(err)
	}
	props := doc.Components.Schemas["rawHeaders"].Properties
	seen := map[string]bool{}
	for len(seen) < 2 { // the repeated schema comes from a goroutine
		m := <-msgs
		seen[m.Subject] = true
		if diff := cmp.Diff(slices.Sorted(maps.Keys(props)), slices.Sorted(maps.Keys(m.Header))); diff != "" {
			t.Errorf("headers on %s (-document +sent):\n%s", m.Subject, diff)
		}
		for key, p := range props {
			if v := m.Header.Get(key); !regexp.MustCompile(p.Pattern).MatchString(v) {
				t.Errorf("header %s on %s is %q, must match %s", key, m.Subject, v, p.Pattern)
			}
		}
	}
}

// wireType is an Arrow type as the documents write it.
func wireType(typ arrow.DataType) string {
	switch typ := typ.(type) {
	case *arrow.ListType:
		return "list<" + wireType(typ.Elem()) + ">"
	case *arrow.StructType:
		var parts []string
		for _, f := range typ.Fields() {
			parts = append(parts, f.Name+": "+wireType(f.Type))
		}
		return "struct<" + strings.Join(parts, ", ") + ">"
	default:
		return typ.Name()
	}
}

// TestDocumentsColumns: what the documents say of the columns of samples is what a sender sends, field by field.
func TestDocumentsColumns(t *testing.T) {
	doc, _ := readAsyncAPI(t)
	protocol, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewRawWriter(openBus(t, ""), "s1", "eeg", twoChannels(), Clock{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	columns := w.schema.Fields()[len(twoChannels().Channels):]
	if len(columns) != 3 {
		t.Fatalf("%d columns behind those of the channels", len(columns))
	}
	for _, c := range columns {
		typ := wireType(c.Type)
		if want := fmt.Sprintf("%s (%s", c.Name, typ); !strings.Contains(doc.Components.Schemas["arrow"].Description, want) {
			t.Errorf("docs/asyncapi.yaml does not say %q of the samples: %s", want, doc.Components.Schemas["arrow"].Description)
		}
		if want := fmt.Sprintf("\n| `%s` | %s |", c.Name, typ); !strings.Contains(string(protocol), want) {
			t.Errorf("docs/protocol.md does not say %q of the samples", want)
		}
	}
}
