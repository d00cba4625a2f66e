package lsl

import (
	"fmt"
	"slices"
)

// Format is the type of a stream's values.
type Format uint8

// The formats, with liblsl's numbers.
const (
	Float32 Format = 1 + iota
	Float64
	String
	Int32
	Int16
	Int8
	Int64
)

// formats are the names on the wire and the bytes of one value.
var formats = [...]struct {
	name string
	size int
}{
	Float32: {"float32", 4}, Float64: {"double64", 8}, String: {"string", 0}, Int32: {"int32", 4},
	Int16: {"int16", 2}, Int8: {"int8", 1}, Int64: {"int64", 8},
}

// String is the name on the wire: "float32", "double64".
func (f Format) String() string {
	if !f.valid() {
		return fmt.Sprintf("format %d", uint8(f))
	}
	return formats[f].name
}

// Size is the bytes of one value, 0 for String, whose values differ.
func (f Format) Size() int { return formats[f].size }

func (f Format) valid() bool { return f >= Float32 && f <= Int64 }

// ParseFormat is the format called name.
func ParseFormat(name string) (Format, error) {
	for f := Float32; f <= Int64; f++ {
		if formats[f].name == name {
			return f, nil
		}
	}
	var known []string
	for f := Float32; f <= Int64; f++ {
		known = append(known, formats[f].name)
	}
	slices.Sort(known)
	return 0, fmt.Errorf("%q is no format, must be one of %v", name, known)
}

// Number is what the values of a stream can be, other than text.
type Number interface {
	float32 | float64 | int8 | int16 | int32 | int64
}

// Value is what the values of a stream can be.
type Value interface{ Number | string }

// formatOf is the format whose values are of type T.
func formatOf[T Value]() Format {
	var v T
	switch any(v).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case string:
		return String
	case int32:
		return Int32
	case int16:
		return Int16
	case int8:
		return Int8
	default:
		return Int64
	}
}
