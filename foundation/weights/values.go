package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// Tensor is one array: little-endian values in row-major order.
type Tensor struct {
	DType string // "F64"
	Shape []int
	Data  []byte
}

// dtype is a type of values: the bytes of one, and one as a float64, exact where that holds it.
type dtype struct {
	size   int
	decode func(b []byte) (v float64, exact bool)
}

var dtypes = map[string]dtype{
	"F64": {8, func(b []byte) (float64, bool) {
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), true
	}},
	"F32": {4, func(b []byte) (float64, bool) {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), true
	}},
	"F16": {2, func(b []byte) (float64, bool) { return half(binary.LittleEndian.Uint16(b)), true }},
	"BF16": {2, func(b []byte) (float64, bool) { // the upper half of a float32
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)), true
	}},
	"I64": {8, func(b []byte) (float64, bool) {
		v := int64(binary.LittleEndian.Uint64(b))
		abs := uint64(v)
		if v < 0 {
			abs = -abs
		}
		return float64(v), fits(abs)
	}},
	"I32": {4, func(b []byte) (float64, bool) { return float64(int32(binary.LittleEndian.Uint32(b))), true }},
	"I16": {2, func(b []byte) (float64, bool) { return float64(int16(binary.LittleEndian.Uint16(b))), true }},
	"I8":  {1, func(b []byte) (float64, bool) { return float64(int8(b[0])), true }},
	"U64": {8, func(b []byte) (float64, bool) {
		v := binary.LittleEndian.Uint64(b)
		return float64(v), fits(v)
	}},
	"U32": {4, func(b []byte) (float64, bool) { return float64(binary.LittleEndian.Uint32(b)), true }},
	"U16": {2, func(b []byte) (float64, bool) { return float64(binary.LittleEndian.Uint16(b)), true }},
	"U8":  {1, func(b []byte) (float64, bool) { return float64(b[0]), true }},
	"BOOL": {1, func(b []byte) (float64, bool) {
		if b[0] == 0 {
			return 0, true
		}
		return 1, true
	}},
}

// fits says whether float64, with its 53 digits, holds n.
func fits(n uint64) bool { return n == 0 || bits.Len64(n)-bits.TrailingZeros64(n) <= 53 }

// half is the value of a float16 (IEEE 754-2008 binary16): 1 bit sign, 5 bits exponent, 10 bits fraction.
func half(u uint16) float64 {
	exp, frac := int(u>>10)&31, float64(u&1023)
	var v float64
	switch exp {
	case 0: // subnormal
		v = math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		v = math.Inf(1)
	default:
		v = math.Ldexp(1024+frac, exp-25)
	}
	if u>>15 == 1 {
		return -v
	}
	return v
}

// Float64s makes an F64 tensor.
func Float64s(data []float64, shape ...int) Tensor {
	raw := make([]byte, 8*len(data))
	for i, v := range data {
		binary.LittleEndian.PutUint64(raw[8*i:], math.Float64bits(v))
	}
	return Tensor{DType: "F64", Shape: shape, Data: raw}
}

// Float32s makes an F32 tensor.
func Float32s(data []float32, shape ...int) Tensor {
	raw := make([]byte, 4*len(data))
	for i, v := range data {
		binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
	}
	return Tensor{DType: "F32", Shape: shape, Data: raw}
}

// Float64s is the values of a tensor of any type. An integer beyond 2⁵³ that float64 does not hold is an error: nothing
// is rounded. BOOL is 0 or 1.
func (t Tensor) Float64s() ([]float64, error) {
	d, n, err := t.check()
	if err != nil {
		return nil, err
	}
	x := make([]float64, n)
	for i := range x {
		v, exact := d.decode(t.Data[i*d.size:])
		if !exact {
			return nil, fmt.Errorf("value %d of %s is beyond 2⁵³ and not exact as float64 (%.0f)", i, t.DType, v)
		}
		x[i] = v
	}
	return x, nil
}

// Float32s is the values of a tensor of any type. A value that float32 does not hold exactly is an error: who wants an
// F64 tensor rounded takes Float64s and rounds.
func (t Tensor) Float32s() ([]float32, error) {
	d, n, err := t.check()
	if err != nil {
		return nil, err
	}
	x := make([]float32, n)
	for i := range x {
		if t.DType == "F32" { // also keeps the bits of NaN
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
			continue
		}
		v, exact := d.decode(t.Data[i*d.size:])
		x[i] = float32(v)
		if !exact || float64(x[i]) != v && !math.IsNaN(v) {
			return nil, fmt.Errorf("value %d of %s is %v and not exact as float32: take Float64s and round", i, t.DType, v)
		}
	}
	return x, nil
}

// check is the type of a tensor and the number of its values.
func (t Tensor) check() (dtype, int, error) {
	want, err := byteLen(t.DType, t.Shape)
	if err != nil {
		return dtype{}, 0, err
	}
	if want != int64(len(t.Data)) {
		return dtype{}, 0, fmt.Errorf("%d bytes of data, shape %v of %s takes %d", len(t.Data), t.Shape, t.DType, want)
	}
	d := dtypes[t.DType]
	return d, len(t.Data) / d.size, nil
}

// byteLen is the number of bytes that a shape takes.
func byteLen(name string, shape []int) (int64, error) {
	d, ok := dtypes[name]
	if !ok {
		return 0, fmt.Errorf("unknown dtype %q, must be F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8 or BOOL", name)
	}
	n := int64(d.size)
	for _, d := range shape {
		if d < 0 || (d > 0 && n > math.MaxInt64/int64(d)) {
			return 0, fmt.Errorf("shape %v is impossible", shape)
		}
		n *= int64(d)
	}
	return n, nil
}
