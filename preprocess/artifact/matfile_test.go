package artifact_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
)

// matField reads one field, a real matrix, of the struct that is the first variable of a MATLAB 5 file (MAT-File Format,
// MathWorks, chapter 1): row by row as MATLAB stores it, which is column after column.
func matField(t *testing.T, path, field string) (data []float64, rows, cols int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data, rows, cols, err = parseMAT(raw, field)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return data, rows, cols
}

// The types and classes of the format that are needed.
const (
	miInt8       = 1
	miSingle     = 7
	miDouble     = 9
	miMatrix     = 14
	miCompressed = 15
	mxStruct     = 2
	mxDouble     = 6
	mxSingle     = 7
)

// element takes the first element off b: a tag of two words, or one where the data fit into four bytes.
func element(b []byte) (kind uint32, data, rest []byte, err error) {
	if len(b) < 8 {
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	kind, size := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if kind>>16 != 0 {
		return kind & 0xffff, b[4 : 4+kind>>16], b[8:], nil
	}
	if uint64(len(b)-8) < uint64(size) {
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	end := 8 + int(size)
	if kind != miCompressed {
		end = min((end+7)&^7, len(b))
	}
	return kind, b[8 : 8+size], b[end:], nil
}

func parseMAT(raw []byte, field string) (data []float64, rows, cols int, err error) {
	if len(raw) < 128 || string(raw[126:128]) != "IM" {
		return nil, 0, 0, errors.New("not a little-endian MATLAB 5 file")
	}
	kind, body, _, err := element(raw[128:])
	if err != nil {
		return nil, 0, 0, err
	}
	if kind == miCompressed {
		z, err := zlib.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, 0, 0, err
		}
		if body, err = io.ReadAll(z); err != nil {
			return nil, 0, 0, err
		}
		if kind, body, _, err = element(body); err != nil {
			return nil, 0, 0, err
		}
	}
	if kind != miMatrix {
		return nil, 0, 0, fmt.Errorf("the first variable is of type %d", kind)
	}
	class, _, rest, err := matrix(body)
	if err != nil || class != mxStruct {
		return nil, 0, 0, fmt.Errorf("the first variable is of class %d, must be a struct: %w", class, err)
	}
	_, width, rest, err := element(rest)
	if err != nil || len(width) != 4 {
		return nil, 0, 0, fmt.Errorf("length of field names: %w", err)
	}
	_, names, rest, err := element(rest)
	if err != nil {
		return nil, 0, 0, err
	}
	n := int(binary.LittleEndian.Uint32(width))
	for at := 0; at+n <= len(names); at += n {
		_, value, next, err := element(rest)
		if err != nil {
			return nil, 0, 0, err
		}
		if strings.TrimRight(string(names[at:at+n]), "\x00") == field {
			return realMatrix(value)
		}
		rest = next
	}
	return nil, 0, 0, fmt.Errorf("no field %q among %q", field, names)
}

// matrix reads the head of a matrix: its class, its size, and what follows the name.
func matrix(b []byte) (class byte, dims []int, rest []byte, err error) {
	_, flags, rest, err := element(b)
	if err != nil || len(flags) < 1 {
		return 0, nil, nil, fmt.Errorf("flags: %w", err)
	}
	_, size, rest, err := element(rest)
	if err != nil {
		return 0, nil, nil, err
	}
	for ; len(size) >= 4; size = size[4:] {
		dims = append(dims, int(binary.LittleEndian.Uint32(size)))
	}
	kind, _, rest, err := element(rest)
	if err == nil && kind != miInt8 {
		err = fmt.Errorf("a name of type %d", kind)
	}
	return flags[0], dims, rest, err
}

func realMatrix(b []byte) ([]float64, int, int, error) {
	class, dims, rest, err := matrix(b)
	if err != nil || len(dims) != 2 || class != mxDouble && class != mxSingle {
		return nil, 0, 0, fmt.Errorf("a matrix of class %d and size %v: %w", class, dims, err)
	}
	kind, values, _, err := element(rest)
	if err != nil {
		return nil, 0, 0, err
	}
	var data []float64
	switch kind {
	case miSingle:
		for ; len(values) >= 4; values = values[4:] {
			data = append(data, float64(math.Float32frombits(binary.LittleEndian.Uint32(values))))
		}
	case miDouble:
		for ; len(values) >= 8; values = values[8:] {
			data = append(data, math.Float64frombits(binary.LittleEndian.Uint64(values)))
		}
	default:
		return nil, 0, 0, fmt.Errorf("values of type %d", kind)
	}
	if len(data) != dims[0]*dims[1] {
		return nil, 0, 0, fmt.Errorf("%d values for %v", len(data), dims)
	}
	return data, dims[0], dims[1], nil
}

// float32s reads channels × samples, the channels of one sample side by side: an EEGLAB .fdt file.
func float32s(t *testing.T, path string, channels int) [][]float64 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	x := make([][]float64, channels)
	for i := 0; i+4 <= len(raw); i += 4 {
		ch := i / 4 % channels
		x[ch] = append(x[ch], float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[i:]))))
	}
	return x
}
