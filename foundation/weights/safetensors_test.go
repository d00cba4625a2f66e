package weights

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// file lays a header and values out by hand, from the format's description.
func file(header string, values ...byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), values...)
}

func TestUnmarshalByHand(t *testing.T) {
	f, err := Unmarshal(file(`{"__metadata__":{"a":"b"},"w":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]}}   `,
		0, 0, 0, 0, 0, 0, 0xf0, 0x3f, // 1 in IEEE 754
		0, 0, 0, 0, 0, 0, 0, 0xc0)) // -2
	if err != nil {
		t.Fatal(err)
	}
	x, err := f.Tensors["w"].Float64s()
	if err != nil || !cmp.Equal(x, []float64{1, -2}) || f.Metadata["a"] != "b" || !cmp.Equal(f.Tensors["w"].Shape, []int{2, 1}) {
		t.Errorf("got %v %v %v", x, f, err)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"empty":          {nil, "at least 8"},
		"short header":   {file(`{}`)[:9], "header length"},
		"huge header":    {binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "header length"},
		"not JSON":       {file(`hello`), "must be a JSON object"},
		"twice":          {file(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`), "stands twice"},
		"unknown field":  {file(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}`), "unknown field"},
		"dtype":          {file(`{"w":{"dtype":"F7","shape":[0],"data_offsets":[0,0]}}`), "unknown dtype"},
		"beyond the end": {file(`{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 1), "cut short"},
		"wrong span":     {file(`{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}`, 1), "takes 2"},
		"one offset":     {file(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[0]}}`), "must have 2"},
		"tail":           {file(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, 2), "1 bytes follow"},
		"hole":           {file(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 1, 2), "overlap or leave a hole"},
		"overlap":        {file(`{"v":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 1, 2), "overlap"},
		"negative shape": {file(`{"w":{"dtype":"U8","shape":[-1,-1],"data_offsets":[0,1]}}`, 1), "impossible"},
		"overflow":       {file(`{"w":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`), "impossible"},
		"behind":         {file(`{} {}`), "follows"},
		"other case":     {file(`{"w":{"DTYPE":"U8","shape":[0],"data_offsets":[0,0]}}`), "unknown field"},
		"null shape":     {file(`{"w":{"dtype":"U8","shape":null,"data_offsets":[0,0]}}`), "shape is missing"},
		"null in shape":  {file(`{"w":{"dtype":"U8","shape":[null],"data_offsets":[0,0]}}`), "impossible"},
		"null offset":    {file(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[null,0]}}`), "impossible"},
		"fraction":       {file(`{"w":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}`, 1), "impossible"},
		"null metadata":  {file(`{"__metadata__":{"a":null}}`), "must be a string"},
		"number as text": {file(`{"__metadata__":{"a":1}}`), "cannot unmarshal number"},
		"not UTF-8":      {file("{\"\xff\":{}}"), "UTF-8"},
	} {
		_, whole := Unmarshal(tc.data)
		_, lazy := openSafetensors(bytes.NewReader(tc.data), int64(len(tc.data)))
		for _, err := range []error{whole, lazy} {
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	f := File{
		Metadata: map[string]string{"k": "µ \" v"},
		Tensors: map[string]Tensor{
			"b": Float64s([]float64{math.Pi, math.Inf(-1), 5e-324}, 3), "a": Float64s([]float64{1}), "z": Float64s(nil, 0, 4),
			"i": {DType: "I16", Shape: []int{2}, Data: []byte{1, 2, 3, 4}},
		},
	}
	raw, err := Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Marshal(f)
	if err != nil || !cmp.Equal(raw, again) {
		t.Error("the same content gave other bytes")
	}
	got, err := Unmarshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	f.Tensors["a"] = Tensor{DType: "F64", Shape: []int{}, Data: f.Tensors["a"].Data} // a scalar's shape comes back as []
	f.Tensors["z"] = Tensor{DType: "F64", Shape: []int{0, 4}, Data: []byte{}}
	if d := cmp.Diff(f, got); d != "" {
		t.Error(d)
	}
	if n := binary.LittleEndian.Uint64(raw); n%8 != 0 {
		t.Errorf("values begin at byte %d, must be a multiple of 8", 8+n)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(file(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1))
	f.Add(file(`{"__metadata__":{"a":"b"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Unmarshal(data)
		if err != nil {
			return
		}
		raw, err := Marshal(got) // what can be read can be written, and says the same
		if err != nil {
			t.Fatal(err)
		}
		lazy, err := openBytes(raw)
		if err != nil || len(lazy.Entries) != len(got.Tensors) || !cmp.Equal(lazy.Metadata, got.Metadata) {
			t.Fatalf("read back: %v", err)
		}
		for name, want := range got.Tensors {
			if x, err := lazy.Tensor(name); err != nil || !cmp.Equal(x, want) {
				t.Fatalf("%q: read back %v, want %v: %v", name, x, want, err)
			}
		}
	})
}
