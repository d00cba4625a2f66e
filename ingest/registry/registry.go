// Package registry maps names in a configuration file to constructors, and decodes parameters strictly: a key that no
// parameter has is an error that names the nearest one that exists.
package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Registry holds the constructors of one kind of thing. It is filled in init functions and only read afterwards.
type Registry[T any] struct {
	kind string // for messages: "processor"
	mu   sync.RWMutex
	make map[string]func() T
}

// New is an empty registry of things called kind in messages.
func New[T any](kind string) *Registry[T] {
	return &Registry[T]{kind: kind, make: map[string]func() T{}}
}

// Register adds a constructor, which returns the thing with its defaults set. It panics on a name that is taken.
func (r *Registry[T]) Register(name string, construct func() T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, dup := r.make[name]; dup {
		panic(fmt.Sprintf("registry: %s %q is registered twice", r.kind, name))
	}
	r.make[name] = construct
}

// Names lists what is registered, sorted.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := make([]string, 0, len(r.make))
	for n := range r.make {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// New makes the thing called name and decodes params, a JSON object, over its defaults. Empty params leave the defaults.
// The error is an *UnknownError where the name or a key does not exist; the caller says where the step stands.
func (r *Registry[T]) New(name string, params []byte) (T, error) {
	r.mu.RLock()
	construct, ok := r.make[name]
	r.mu.RUnlock()
	if !ok {
		var none T
		return none, &UnknownError{What: r.kind, Name: name, Known: r.Names()}
	}
	v := construct()
	if err := Decode(v, params); err != nil {
		var none T
		return none, err
	}
	return v, nil
}

// UnknownError is a name that does not exist.
type UnknownError struct {
	What  string   // "processor", "key"
	Name  string   // what was asked for
	Known []string // what exists
	Exact bool     // another name is no slip of this one, as with numbers: 009 is not meant for 001
}

// Error names the nearest that exists, and all if they are few.
func (e *UnknownError) Error() string {
	msg := fmt.Sprintf("unknown %s %q", e.What, e.Name)
	if near := Nearest(e.Name, e.Known); near != "" && !e.Exact {
		return fmt.Sprintf("%s: did you mean %q? (known: %s)", msg, near, strings.Join(e.Known, ", "))
	}
	if len(e.Known) == 0 {
		return msg + ": there are none"
	}
	if e.Exact {
		return fmt.Sprintf("%s: there are %s", msg, strings.Join(e.Known, ", "))
	}
	return fmt.Sprintf("%s; known: %s", msg, strings.Join(e.Known, ", "))
}

// Decode reads params, a JSON object, over the struct that dst points to. Keys that dst does not have are errors, and so is a
// value other than the default for a key that counts only under a condition (see condition) which does not hold.
func Decode(dst any, params []byte) error {
	if len(bytes.TrimSpace(params)) == 0 {
		return nil
	}
	if err := checkKeys(reflect.TypeOf(dst), params, "key"); err != nil {
		return err
	}
	var defaults map[string]any
	if v := reflect.ValueOf(dst); v.Kind() == reflect.Pointer {
		defaults = conditional(v.Elem())
	}
	dec := json.NewDecoder(bytes.NewReader(params))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		var bad *json.UnmarshalTypeError
		if errors.As(err, &bad) {
			return fmt.Errorf("key %q: is a %s, must be a %s", bad.Field, bad.Value, plain(bad.Type))
		}
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("parameters: more than one JSON value")
	}
	return checkConditions(reflect.ValueOf(dst).Elem(), defaults, params)
}

// checkKeys reports the first key, in order of the alphabet so that the same file gives the same message every time,
// that a struct of type t or a struct inside it, also in a list, does not have. encoding/json would take one in another case for it.
func checkKeys(t reflect.Type, value []byte, what string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Slice {
		var list []json.RawMessage
		if err := json.Unmarshal(value, &list); err != nil {
			return nil //nolint:nilerr // a value of the wrong type: decoding says so
		}
		for _, v := range list {
			if err := checkKeys(t.Elem(), v, what); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(value, &keys); err != nil {
		if what == "key" {
			return fmt.Errorf("parameters must be a mapping of keys to values: %w", err)
		}
		return nil // a value of the wrong type: decoding says so
	}
	fields := fieldsOf(t)
	for _, k := range sortedKeys(keys) {
		f, ok := fields[k]
		if !ok {
			return &UnknownError{What: what, Name: k, Known: Keys(reflect.Zero(t).Interface())}
		}
		if err := checkKeys(f, keys[k], "key of "+k); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf is the type of each field of a struct that has a JSON name.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range Fields(t) {
		fields[keyOf(f)] = f.Type
	}
	return fields
}

// plain is a Go type in the words of somebody who writes YAML.
func plain(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Float64, reflect.Float32:
		return "number"
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint64, reflect.Uint32, reflect.Uint:
		return "whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "list"
	case reflect.Map, reflect.Struct:
		return "mapping"
	default:
		return t.String()
	}
}

// Keys lists the JSON names of the exported fields of the struct that v is or points to, in order of declaration.
// Only fields with a json tag count: a step's parameters have one, its fitted and running state has none.
func Keys(v any) []string {
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var keys []string
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range Fields(t) {
		keys = append(keys, keyOf(f))
	}
	return keys
}

// Fields is the fields of a struct that have a JSON name, in order of declaration, those of embedded structs in their
// place: parameters that several steps share.
func Fields(t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		if k := keyOf(f); k != "" && k != "-" {
			fields = append(fields, f)
		}
	}
	return fields
}

// keyOf is the JSON name of a field.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func sortedKeys(m map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Nearest is the known name that name begins ("low" for "low_hz"), or the one with the smallest edit distance to it, or
// "" where none is near: more than a third of its letters, and at least two, would have to change.
func Nearest(name string, known []string) string {
	best, dist := "", max(2, len(name)/3)+1
	for _, k := range known {
		if len(name) >= 3 && strings.HasPrefix(strings.ToLower(k), strings.ToLower(name)) {
			return k
		}
	}
	for _, k := range known {
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < dist {
			best, dist = k, d
		}
	}
	return best
}

// editDistance is the number of letters to insert, delete, replace or swap with their neighbour (Damerau 1964,
// doi:10.1145/363958.363994). It keeps three rows of its table: a name may be as long as a file.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(y)]
}
