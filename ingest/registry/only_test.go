package registry

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

type shared struct {
	Width float64 `json:"width" only:"kind=wide"`
}

type optioned struct {
	Kind  string   `json:"kind"`
	Depth float64  `json:"depth" only:"kind!=flat"`
	Order int      `json:"order"`
	Lag   int      `json:"lag" only:"order>1"`
	Ways  []string `json:"ways"`
	Tries []int    `json:"tries" only:"ways=random"`
	Hold  bool     `json:"hold"`
	Leave float64  `json:"leave" only:"hold=true"`
	shared
}

func optionedOf(params string) error {
	o := &optioned{Kind: "wide", Depth: 1, Order: 1, Lag: 3, Ways: []string{"grid"}, Tries: []int{5, 6}, shared: shared{Width: 2}}
	return Decode(o, []byte(params))
}

// TestWithoutEffect: a value that the other parameters leave without effect is refused, wherever in the mapping it stands; the
// default and a value that counts are not.
func TestWithoutEffect(t *testing.T) {
	for params, want := range map[string]string{
		`{"kind": "flat", "depth": 2}`:               `key "depth": has no effect where kind is flat; leave it out, or set kind to another value`,
		`{"depth": 2, "kind": "flat"}`:               `key "depth": has no effect where kind is flat`,
		`{"lag": 4}`:                                 `key "lag": has no effect where order is 1; leave it out, or set order above 1`,
		`{"lag": 4, "order": 2}`:                     "",
		`{"lag": 3}`:                                 "",
		`{"tries": [5, 7]}`:                          `key "tries": has no effect where ways is [grid]; leave it out, or add "random" to ways`,
		`{"tries": [5, 6]}`:                          "",
		`{"tries": [1], "ways": ["random"]}`:         "",
		`{"tries": [1], "ways": ["grid", "random"]}`: "",
		`{"leave": 1}`:                               `key "leave": has no effect where hold is false; leave it out, or set hold to true`,
		`{"leave": 1, "hold": true}`:                 "",
		`{"kind": "thin", "width": 1}`:               `key "width": has no effect where kind is thin; leave it out, or set kind to wide`,
		`{"kind": "wide", "width": 1}`:               "",
		`{"kind": "thin", "width": 2.0}`:             "",
		`{"kind": "thin", "depth": 9}`:               "",
	} {
		err := optionedOf(params)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", params, err, want)
		}
	}
}

func TestConditionInWords(t *testing.T) {
	want := map[string]string{"depth": "kind is not flat", "lag": "order is above 1", "tries": "ways: random", "leave": "hold: true", "width": "kind: wide"}
	for _, f := range Fields(reflect.TypeFor[optioned]()) {
		if got := Condition(f); got != want[keyOf(f)] {
			t.Errorf("%s: %q, want %q", keyOf(f), got, want[keyOf(f)])
		}
	}
}

// TestConditionMistakes: a tag that is no condition is a mistake in the program, not in a file.
func TestConditionMistakes(t *testing.T) {
	for name, v := range map[string]any{
		"no operator": &struct {
			A int `json:"a" only:"b"`
		}{},
		"no such key": &struct {
			A int `json:"a" only:"b=1"`
		}{},
		"no number": &struct {
			A int    `json:"a" only:"b>1"`
			B string `json:"b"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "registry: the tag") {
					t.Errorf("panic %v, want one that names the tag", r)
				}
			}()
			t.Error(Decode(v, []byte(`{"a": 1}`)))
		})
	}
}
