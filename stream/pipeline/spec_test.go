package pipeline

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	s, err := Parse("my.yaml", []byte(`
preprocess:
  - {use: a, freq_hz: 50}
  - use: b
segment: {use: c, events: {1: left, "T2": right}, tmin_s: -0.5}
features: []
decoder: {use: d, shrinkage: auto, list: [1, 2.5, x], on: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"preprocess":[{"use":"a","freq_hz":50},{"use":"b"}],` +
		`"segment":{"use":"c","events":{"1":"left","T2":"right"},"tmin_s":-0.5},` +
		`"features":[],"decoder":{"use":"d","shrinkage":"auto","list":[1,2.5,"x"],"on":true}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back Spec
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if d := difference(s, &back); d != "" {
		t.Errorf("JSON and back: %s", d)
	}
}

func TestParseRefuses(t *testing.T) {
	const tail = "segment: {use: c}\nfeatures: []\ndecoder: {use: d}\n"
	for name, tc := range map[string]struct{ in, want string }{
		"empty":           {"", "my.yaml: is empty"},
		"a list":          {"- a", "line 1: must be a mapping"},
		"unknown section": {"preproces: []\n" + tail, `line 1: unknown section "preproces": did you mean "preprocess"?`},
		"missing section": {"segment: {use: c}\nfeatures: []\n", "section decoder is missing"},
		"twice":           {tail + "decoder: {use: e}\n", "decoder stands twice"},
		"no use":          {"preprocess: [{freq_hz: 50}]\n" + tail, "line 1: preprocess[0]: use is missing"},
		"use twice":       {"preprocess: [{use: a, use: b}]\n" + tail, "use stands twice"},
		"not a list":      {"preprocess: {use: a}\n" + tail, "preprocess: must be a list"},
		"not a step":      {"preprocess: [a]\n" + tail, "preprocess[0]: must be a step"},
		"key twice":       {"preprocess: [{use: a, x: 1, x: 2}]\n" + tail, `key "x" stands twice`},
		"nested twice":    {"preprocess: [{use: a, x: {y: 1, y: 2}}]\n" + tail, `key "y" stands twice`},
		"not a number":    {"preprocess: [{use: a, x: .nan}]\n" + tail, `line 1: ".nan" is not a value`},
		"two documents":   {tail + "---\n" + tail, "more than one YAML document"},
		"bad YAML":        {"preprocess: [\n", "not a pipeline"},
		"tab":             {"preprocess:\n\t- a", "not a pipeline"},
		"endless alias":   {"preprocess: [{use: a, x: &x [*x]}]\n" + tail, "nested deeper"},
		"aliases multiply": {"preprocess: [{use: a, a: &a [" + strings.Repeat("x, ", 100) + "x], b: &b [" + strings.Repeat("*a, ", 100) + "*a], c: &c [" +
			strings.Repeat("*b, ", 100) + "*b], d: [" + strings.Repeat("*c, ", 100) + "*c]}]\n" + tail, "more than 1 MiB"},
		"a key that's odd": {"preprocess: [{use: a, [1]: 2}]\n" + tail, "a key must be a plain word"},
	} {
		_, err := Parse("my.yaml", []byte(tc.in))
		var bad *SpecError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want a SpecError with %q", name, err, tc.want)
		}
	}
}

func TestGalleryBuilds(t *testing.T) {
	for _, name := range Gallery() {
		spec, err := Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p, err := Build(spec, All)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := Build(p.Spec(), All) // with the defaults written out it is the same pipeline
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(p.Spec().Preprocess, again.Spec().Preprocess, cmp.AllowUnexported(Step{})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if _, err := Load("csp-ldaa"); err == nil || !strings.Contains(err.Error(), `did you mean "csp-lda"?`) {
		t.Errorf("a name with a slip: %v", err)
	}
	if _, err := Load("no/such.yaml"); err == nil || !strings.Contains(err.Error(), "no/such.yaml") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("preprocess: [{use: a, x: &x {y: 1}, z: *x}]\nsegment: {use: c}\nfeatures: []\ndecoder: {use: d}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("f.yaml", data)
		if err != nil {
			return
		}
		if _, err := json.Marshal(s); err != nil {
			t.Fatalf("what was parsed cannot be written as JSON: %v", err)
		}
	})
}
