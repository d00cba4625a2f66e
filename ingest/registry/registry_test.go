package registry

import (
	"errors"
	"strings"
	"testing"
)

type tool struct {
	Freq  float64 `json:"freq_hz"`
	Order int     `json:"order"`
	Inner struct {
		Deep string `json:"deep"`
	} `json:"inner"`
	Parts []struct {
		Size int `json:"size"`
	} `json:"parts"`
	Fitted []float64 `json:"-"`
	State  int
}

func tools() *Registry[*tool] {
	r := New[*tool]("tool")
	r.Register("notch", func() *tool { return &tool{Freq: 50, Order: 2} })
	r.Register("bandpass", func() *tool { return &tool{} })
	return r
}

func TestNew(t *testing.T) {
	r := tools()
	got, err := r.New("notch", []byte(`{"freq_hz": 60}`))
	if err != nil || got.Freq != 60 || got.Order != 2 {
		t.Errorf("got %+v, %v: want the default order under the given frequency", got, err)
	}
	other, err := r.New("notch", nil)
	if err != nil || other.Freq != 50 {
		t.Errorf("got %+v, %v: want the defaults, untouched by the first", other, err)
	}
	if names := r.Names(); len(names) != 2 || names[0] != "bandpass" {
		t.Errorf("names %v", names)
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct{ use, params, want string }{
		"unknown name":      {"notsh", "", `unknown tool "notsh": did you mean "notch"?`},
		"nothing near":      {"xyzzyplugh", "", `unknown tool "xyzzyplugh"; known: bandpass, notch`},
		"unknown key":       {"notch", `{"freq": 60}`, `unknown key "freq": did you mean "freq_hz"? (known: freq_hz, order, inner, parts)`},
		"slip of a key":     {"notch", `{"freq_h": 60}`, `did you mean "freq_hz"?`},
		"case matters":      {"notch", `{"Freq_Hz": 60}`, `did you mean "freq_hz"?`},
		"fitted state":      {"notch", `{"Fitted": [1]}`, `unknown key "Fitted"`},
		"running state":     {"notch", `{"State": 1}`, `unknown key "State"`},
		"unknown inside":    {"notch", `{"inner": {"dep": "x"}}`, `unknown key of inner "dep": did you mean "deep"?`},
		"unknown in a list": {"notch", `{"parts": [{"size": 1}, {"siz": 2}]}`, `unknown key of parts "siz": did you mean "size"?`},
		"case in a list":    {"notch", `{"parts": [{"Size": 1}]}`, `unknown key of parts "Size": did you mean "size"?`},
		"text for a number": {"notch", `{"freq_hz": "50"}`, `key "freq_hz": is a string, must be a number`},
		"not whole":         {"notch", `{"order": 2.5}`, `key "order": is a number 2.5, must be a whole number`},
		"not a mapping":     {"notch", `[1]`, "must be a mapping"},
	} {
		_, err := tools().New(tc.use, []byte(tc.params))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
	var unknown *UnknownError
	if _, err := tools().New("notch", []byte(`{"x": 1}`)); !errors.As(err, &unknown) || unknown.Name != "x" {
		t.Errorf("got %v, want an UnknownError that a caller can read", err)
	}
}

func TestRegisterTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the second registration of a name did not panic")
		}
	}()
	tools().Register("notch", nil)
}

// TestEditDistance holds examples counted by hand.
func TestEditDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"same", "same", 0}, {"µV", "uV", 1}} {
		if got := editDistance(tc.a, tc.b); got != tc.want {
			t.Errorf("%q → %q: %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestShallow(t *testing.T) {
	deep := strings.Repeat("[", 32) + strings.Repeat("]", 32)
	for _, text := range []string{"", "a: {b: [1, {c: 2}]}\n", "a: " + deep + "\nb: " + deep + "\n", strings.Repeat("- x[\n", 100), strings.Repeat("- {a: [b]}\n", 1000), strings.Repeat("]", 100) + deep} {
		if err := Shallow([]byte(text)); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"a:\n " + strings.Repeat("[", 33): "line 2: nested deeper than 32 levels", strings.Repeat("{a: ", 33): "line 1: nested", strings.Repeat("[\n", 33): "line 33: nested",
		`{"a":` + strings.Repeat(`{"a":`, 32): "line 1: nested", "- " + deep + "\n- [" + deep: "line 2: nested",
	} {
		if err := Shallow([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: the error is %v, must say %q", text, err, want)
		}
	}
}
