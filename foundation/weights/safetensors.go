// Package weights reads and writes files of named arrays in the safetensors layout: eight bytes with the length of a
// JSON header, the header, and the values (https://github.com/huggingface/safetensors, "Format").
package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// maxHeader bounds the header, as the reference implementation does, so that a file of a few bytes cannot ask for
// gigabytes.
const maxHeader = 100 << 20

// metadataKey is the one name in the header that is not a tensor.
const metadataKey = "__metadata__"

// Tensor is one array: little-endian values in row-major order.
type Tensor struct {
	DType string // "F64"
	Shape []int
	Data  []byte
}

// File is the content of one file.
type File struct {
	Metadata map[string]string
	Tensors  map[string]Tensor
}

// size is the number of bytes of one value of each type of the format.
var size = map[string]int{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}

// Float64s makes an F64 tensor.
func Float64s(data []float64, shape ...int) Tensor {
	raw := make([]byte, 8*len(data))
	for i, v := range data {
		binary.LittleEndian.PutUint64(raw[8*i:], math.Float64bits(v))
	}
	return Tensor{DType: "F64", Shape: shape, Data: raw}
}

// Float64s is the values of an F64 tensor.
func (t Tensor) Float64s() ([]float64, error) {
	if t.DType != "F64" {
		return nil, fmt.Errorf("values are %s, must be F64", t.DType)
	}
	x := make([]float64, len(t.Data)/8)
	for i := range x {
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
	}
	return x, nil
}

type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// Marshal lays f out as a file. The same content gives the same bytes: tensors lie in the order of their names.
func Marshal(f File) ([]byte, error) {
	names := make([]string, 0, len(f.Tensors))
	for n := range f.Tensors {
		names = append(names, n)
	}
	slices.Sort(names)
	header := map[string]any{}
	if len(f.Metadata) > 0 {
		header[metadataKey] = f.Metadata
	}
	var at int64
	for _, n := range names {
		t := f.Tensors[n]
		if n == metadataKey {
			return nil, fmt.Errorf("tensor %q: the name is reserved", n)
		}
		if want, err := byteLen(t.DType, t.Shape); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", n, err)
		} else if want != int64(len(t.Data)) {
			return nil, fmt.Errorf("tensor %q: %d bytes of data, shape %v of %s takes %d", n, len(t.Data), t.Shape, t.DType, want)
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{} // a scalar is [], not null
		}
		header[n] = entry{t.DType, shape, []int64{at, at + int64(len(t.Data))}}
		at += int64(len(t.Data))
	}
	head, err := json.Marshal(header) // map keys come out sorted
	if err != nil {
		return nil, err
	}
	head = append(head, bytes.Repeat([]byte(" "), -len(head)&7)...) // values begin at a multiple of 8, for memory maps
	out := make([]byte, 8, 8+len(head)+int(at))
	binary.LittleEndian.PutUint64(out, uint64(len(head)))
	out = append(out, head...)
	for _, n := range names {
		out = append(out, f.Tensors[n].Data...)
	}
	return out, nil
}

// Unmarshal reads a file that is whole in memory. The tensors share data's memory. Every byte behind the header must
// belong to exactly one tensor: a file that is cut, has a tail or overlaps is an error.
func Unmarshal(data []byte) (File, error) {
	head, values, err := Split(data)
	if err != nil {
		return File{}, err
	}
	var raw map[string]json.RawMessage
	if err := strict(head, &raw); err != nil {
		return File{}, fmt.Errorf("byte 8: header: %w", err)
	}
	f := File{Tensors: make(map[string]Tensor, len(raw))}
	var used []span
	for name, msg := range raw {
		if name == metadataKey {
			if err := strict(msg, &f.Metadata); err != nil {
				return File{}, fmt.Errorf("header: %s: %w", metadataKey, err)
			}
			continue
		}
		var e entry
		if err := strict(msg, &e); err != nil {
			return File{}, fmt.Errorf("header: tensor %q: %w", name, err)
		}
		want, err := byteLen(e.DType, e.Shape)
		if err != nil {
			return File{}, fmt.Errorf("header: tensor %q: %w", name, err)
		}
		if len(e.Offsets) != 2 {
			return File{}, fmt.Errorf("header: tensor %q: data_offsets has %d numbers, must have 2", name, len(e.Offsets))
		}
		lo, hi := e.Offsets[0], e.Offsets[1]
		switch {
		case lo < 0 || hi < lo || hi > int64(len(values)):
			return File{}, fmt.Errorf("header: tensor %q: data_offsets [%d, %d] do not lie in the %d bytes of values: the file is cut short or altered", name, lo, hi, len(values))
		case hi-lo != want:
			return File{}, fmt.Errorf("header: tensor %q: data_offsets span %d bytes, shape %v of %s takes %d", name, hi-lo, e.Shape, e.DType, want)
		}
		used = append(used, span{lo, hi, name})
		f.Tensors[name] = Tensor{DType: e.DType, Shape: e.Shape, Data: values[lo:hi:hi]}
	}
	return f, covered(used, int64(len(values)))
}

// Split is the header and the values of a file, checked for length only.
func Split(data []byte) (head, values []byte, err error) {
	if len(data) < 8 {
		return nil, nil, fmt.Errorf("byte 0: header length: the file has %d bytes, must have at least 8", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader || n > uint64(len(data)-8) {
		return nil, nil, fmt.Errorf("byte 0: header length: is %d, at most %d bytes can follow: not a safetensors file, or cut short", n, min(maxHeader, len(data)-8))
	}
	return data[8 : 8+n], data[8+n:], nil
}

type span struct {
	lo, hi int64
	name   string
}

// covered reports overlaps and holes: bytes that no tensor owns could hide anything.
func covered(used []span, total int64) error {
	slices.SortFunc(used, func(a, b span) int {
		if a.lo != b.lo {
			return int(min(max(a.lo-b.lo, -1), 1))
		}
		return int(min(max(a.hi-b.hi, -1), 1)) // an empty tensor comes before the one that begins at the same byte
	})
	var at int64
	for _, s := range used {
		if s.lo != at {
			return fmt.Errorf("header: tensor %q begins at byte %d of the values, must begin at %d: tensors overlap or leave a hole", s.name, s.lo, at)
		}
		at = s.hi
	}
	if at != total {
		return fmt.Errorf("%d bytes follow the last tensor, must be none", total-at)
	}
	return nil
}

// byteLen is the number of bytes that a shape takes.
func byteLen(dtype string, shape []int) (int64, error) {
	width, ok := size[dtype]
	if !ok {
		return 0, fmt.Errorf("unknown dtype %q", dtype)
	}
	n := int64(width)
	for _, d := range shape {
		if d < 0 || (d > 0 && n > math.MaxInt64/int64(d)) {
			return 0, fmt.Errorf("shape %v is impossible", shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// strict decodes one JSON value with no unknown fields, no repeated keys on its top level and nothing behind it but
// spaces. encoding/json lets the last of two equal keys win, so that two readers could see two files.
func strict(data []byte, dst any) error {
	if err := repeated(data); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// repeated reports a key that stands twice in the JSON object data.
func repeated(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("must be a JSON object, begins with %q", strings.TrimSpace(string(data[:min(16, len(data))])))
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("%v where a key must be", t)
		}
		if seen[key] {
			return fmt.Errorf("key %q stands twice", key)
		}
		seen[key] = true
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			return err
		}
	}
	return nil
}
