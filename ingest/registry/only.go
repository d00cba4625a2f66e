package registry

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// A condition says when a parameter counts. It stands in the tag only of the field, in the keys of the file:
//
//	only:"kernel=rbf"         key kernel has that value, or is a list that holds it
//	only:"penalty!=none"      key penalty has another value
//	only:"order>1"            key order is a number above it
type condition struct {
	key, op, value string
}

// parseCondition reads the tag of a field. It panics on one that is none: that is a mistake in the program.
func parseCondition(tag string) condition {
	for _, op := range []string{"!=", "=", ">"} {
		if key, value, ok := strings.Cut(tag, op); ok && key != "" && value != "" {
			return condition{key, op, value}
		}
	}
	panic(fmt.Sprintf("registry: the tag only:%q is not key=value, key!=value or key>number", tag))
}

// holds says whether the parameter counts, v being the value of c.key.
func (c condition) holds(v reflect.Value) bool {
	switch c.op {
	case ">":
		bound, err := strconv.ParseFloat(c.value, 64)
		number, isNumber := numberOf(v)
		if err != nil || !isNumber {
			panic(fmt.Sprintf("registry: the tag only:\"%s>%s\" does not compare numbers", c.key, c.value))
		}
		return number > bound
	case "!=":
		return fmt.Sprint(v.Interface()) != c.value
	}
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface()) == c.value
	}
	for i := range v.Len() {
		if fmt.Sprint(v.Index(i).Interface()) == c.value {
			return true
		}
	}
	return false
}

// Condition says in words when the parameter of a field counts, such as "kernel: rbf" or "order is above 1"; "" where it always does.
func Condition(f reflect.StructField) string {
	tag := f.Tag.Get("only")
	if tag == "" {
		return ""
	}
	c := parseCondition(tag)
	return c.key + map[string]string{"=": ": ", "!=": " is not ", ">": " is above "}[c.op] + c.value
}

// numberOf is v as a number, if it is one.
func numberOf(v reflect.Value) (float64, bool) {
	switch {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}

// remedy says what would make the parameter count; v is the value of c.key.
func (c condition) remedy(v reflect.Value) string {
	switch {
	case c.op == ">":
		return fmt.Sprintf("set %s above %s", c.key, c.value)
	case c.op == "!=":
		return fmt.Sprintf("set %s to another value", c.key)
	case v.Kind() == reflect.Slice:
		return fmt.Sprintf("add %q to %s", c.value, c.key)
	}
	return fmt.Sprintf("set %s to %s", c.key, c.value)
}

// conditional is the values of the fields of the struct v that have a condition, by key.
func conditional(v reflect.Value) map[string]any {
	var values map[string]any
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range Fields(v.Type()) {
		if f.Tag.Get("only") == "" {
			continue
		}
		if values == nil {
			values = map[string]any{}
		}
		value := v.FieldByIndex(f.Index)
		if value.Kind() == reflect.Slice && !value.IsNil() { // decoding would write into it
			value = reflect.AppendSlice(reflect.MakeSlice(value.Type(), 0, value.Len()), value)
		}
		values[keyOf(f)] = value.Interface()
	}
	return values
}

// checkConditions refuses the first key of params, in the order of the fields, that was given another value than its default
// while the other parameters leave it without effect: whoever wrote it believes that it does something.
func checkConditions(v reflect.Value, defaults map[string]any, params []byte) error {
	if len(defaults) == 0 {
		return nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(params, &given); err != nil {
		return err
	}
	byKey := map[string]reflect.Value{}
	for _, f := range Fields(v.Type()) {
		byKey[keyOf(f)] = v.FieldByIndex(f.Index)
	}
	for _, f := range Fields(v.Type()) {
		key, tag := keyOf(f), f.Tag.Get("only")
		if tag == "" {
			continue
		}
		c := parseCondition(tag)
		other, ok := byKey[c.key]
		if !ok {
			panic(fmt.Sprintf("registry: the tag only:%q names no key", tag))
		}
		counts := c.holds(other)
		if _, ok := given[key]; ok && !counts && !reflect.DeepEqual(byKey[key].Interface(), defaults[key]) {
			return fmt.Errorf("key %q: has no effect where %s is %v; leave it out, or %s", key, c.key, other.Interface(), c.remedy(other))
		}
	}
	return nil
}
