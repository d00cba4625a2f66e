package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// values of every type, by hand, as float64.
var byHand = []struct {
	dtype string
	data  []byte
	want  []float64
}{
	{"F64", []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, []float64{1.5}},
	{"F32", []byte{0, 0, 0xc0, 0xbf, 0, 0, 0x80, 0x7f}, []float64{-1.5, math.Inf(1)}},
	{"F16", []byte{0, 0x3e, 1, 0, 0, 0xfc, 0xff, 0x7b, 0, 0x80}, []float64{1.5, 0x1p-24, math.Inf(-1), 65504, math.Copysign(0, -1)}},
	{"BF16", []byte{0xc0, 0x3f, 0x80, 0xff}, []float64{1.5, math.Inf(-1)}},
	{"I64", []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []float64{-2}},
	{"I64", []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, []float64{-0x1p63}}, // beyond 2⁵³, and exact
	{"I32", []byte{0, 0, 0, 0x80}, []float64{-0x1p31}},
	{"I16", []byte{0, 0x80, 0xff, 0x7f}, []float64{-32768, 32767}},
	{"I8", []byte{0x80, 0x7f}, []float64{-128, 127}},
	{"U64", []byte{0, 0, 0, 0, 0, 0, 0, 0x80}, []float64{0x1p63}},
	{"U32", []byte{0xff, 0xff, 0xff, 0xff}, []float64{0x1p32 - 1}},
	{"U16", []byte{0xff, 0xff}, []float64{65535}},
	{"U8", []byte{0, 255}, []float64{0, 255}},
	{"BOOL", []byte{0, 1}, []float64{0, 1}},
}

func TestValuesOfEveryType(t *testing.T) {
	seen := map[string]bool{}
	for _, tc := range byHand {
		seen[tc.dtype] = true
		x, err := Tensor{DType: tc.dtype, Shape: []int{len(tc.want)}, Data: tc.data}.Float64s()
		if err != nil || !cmp.Equal(x, tc.want) || math.Signbit(x[len(x)-1]) != math.Signbit(tc.want[len(x)-1]) {
			t.Errorf("%s: got %v, want %v: %v", tc.dtype, x, tc.want, err)
		}
	}
	for d := range dtypes {
		if !seen[d] {
			t.Errorf("%s is not tested", d)
		}
	}
}

// TestNothingIsRounded: what a type does not hold is an error that says which value it is.
func TestNothingIsRounded(t *testing.T) {
	i64 := func(v ...int64) Tensor {
		var raw []byte
		for _, x := range v {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
		}
		return Tensor{DType: "I64", Shape: []int{len(v)}, Data: raw}
	}
	for name, tc := range map[string]struct {
		x              Tensor
		ok64, ok32     bool
		value, value32 string
	}{
		"2⁵³":          {i64(1 << 53), true, true, "", ""},
		"2⁵³+1":        {i64(0, 1<<53+1), false, false, "value 1", "value 1"},
		"-2⁵³-1":       {i64(-1<<53 - 1), false, false, "value 0", "value 0"},
		"2²⁴+1":        {i64(1<<24 + 1), true, false, "", "value 0"},
		"a third":      {Float64s([]float64{1. / 3}, 1), true, false, "", "value 0"},
		"half":         {Float64s([]float64{0.5, math.Inf(1), math.NaN()}, 3), true, true, "", ""},
		"too large":    {Float64s([]float64{1e300}, 1), true, false, "", "take Float64s"},
		"wrong length": {Tensor{"F32", []int{2}, make([]byte, 7)}, false, false, "takes 8", "takes 8"},
		"wrong type":   {Tensor{"F8", nil, nil}, false, false, "unknown dtype", "unknown dtype"},
	} {
		_, err := tc.x.Float64s()
		if (err == nil) != tc.ok64 || err != nil && !strings.Contains(err.Error(), tc.value) {
			t.Errorf("%s as float64: %v", name, err)
		}
		_, err = tc.x.Float32s()
		if (err == nil) != tc.ok32 || err != nil && !strings.Contains(err.Error(), tc.value32) {
			t.Errorf("%s as float32: %v", name, err)
		}
	}
	const nan = 0x7fc12345 // float32 to float32 keeps the bits
	x, err := Float32s([]float32{math.Float32frombits(nan)}, 1).Float32s()
	if err != nil || math.Float32bits(x[0]) != nan {
		t.Errorf("NaN %x came back as %x: %v", nan, math.Float32bits(x[0]), err)
	}
}

// seen notes which bytes of a file are read.
type seen struct {
	io.ReaderAt
	at    []int64
	end   int64
	bytes int64
}

// ReadAt passes on.
func (s *seen) ReadAt(p []byte, off int64) (int, error) {
	s.at = append(s.at, off)
	s.bytes += int64(len(p))
	s.end = max(s.end, off+int64(len(p)))
	return s.ReaderAt.ReadAt(p, off)
}

// TestSafetensorsIsLazy: opening reads the header, a tensor reads its own bytes.
func TestSafetensorsIsLazy(t *testing.T) {
	a, b := Float32s(make([]float32, 1000), 10, 100), Float32s([]float32{1, 2}, 2)
	raw, err := Marshal(File{Tensors: map[string]Tensor{"a": a, "b": b, "c": Float64s([]float64{3})}})
	if err != nil {
		t.Fatal(err)
	}
	head := int64(8 + binary.LittleEndian.Uint64(raw))
	r := &seen{ReaderAt: bytes.NewReader(raw)}
	f, err := Open(r, int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if r.end > head {
		t.Errorf("opening read up to byte %d, the header ends at %d", r.end, head)
	}
	r.at = nil
	got, err := f.Tensor("b")
	if err != nil || !cmp.Equal(got, b) {
		t.Errorf("got %v, want %v: %v", got, b, err)
	}
	if !cmp.Equal(r.at, []int64{head + 4000}) || r.end != head+4008 {
		t.Errorf("read at %v up to %d, want at %d up to %d", r.at, r.end, head+4000, head+4008)
	}
	if _, err := f.Tensor("d"); err == nil || !strings.Contains(err.Error(), `no tensor "d"`) {
		t.Errorf("a tensor that is not there: %v", err)
	}
}

// TestWriteKeepsItsWord: a tensor that is not what was announced is an error, not a file that lies.
func TestWriteKeepsItsWord(t *testing.T) {
	entry := Entry{Name: "a", DType: "F32", Shape: []int{2}, Bytes: 8}
	broken := errors.New("disk")
	for name, tc := range map[string]struct {
		entries []Entry
		get     func(string) (Tensor, error)
		want    string
	}{
		"other shape": {[]Entry{entry}, func(string) (Tensor, error) { return Float32s([]float32{1, 2}, 2, 1), nil }, "was announced"},
		"other bytes": {[]Entry{entry}, func(string) (Tensor, error) { return Tensor{"F32", []int{2}, make([]byte, 4)}, nil }, "was announced"},
		"unreadable":  {[]Entry{entry}, func(string) (Tensor, error) { return Tensor{}, broken }, "disk"},
		"twice":       {[]Entry{entry, entry}, nil, "twice"},
		"reserved":    {[]Entry{{Name: metadataKey, DType: "U8", Shape: []int{0}}}, nil, "reserved"},
		"wrong size":  {[]Entry{{Name: "a", DType: "F32", Shape: []int{2}, Bytes: 4}}, nil, "takes 8"},
	} {
		if err := Write(io.Discard, nil, tc.entries, tc.get); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
}
