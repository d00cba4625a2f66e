package weights

import (
	"fmt"
	"math"
	"slices"
)

// view is a tensor of torch: a window on a storage. Index i, j, … is value offset + i·stride₀ + j·stride₁ + ….
type view struct {
	storage *storage
	offset  int64 // values
	shape   []int
	stride  []int // values
	last    int64 // the largest index in the storage, -1 where there is no value
	bytes   int64 // of all values
}

// lastValue is the largest index in the storage, checked against its end.
func (t *view) lastValue() (int64, error) {
	last := t.offset
	for d, n := range t.shape {
		if n == 0 {
			return -1, nil
		}
		step := int64(t.stride[d])
		if n > 1 && step > (math.MaxInt64-last)/int64(n-1) {
			return 0, fmt.Errorf("shape %v with strides %v is impossible", t.shape, t.stride)
		}
		last += int64(n-1) * step
	}
	if last >= t.storage.values {
		return 0, fmt.Errorf("shape %v with strides %v from value %d on reaches value %d, storage %s has %d", t.shape, t.stride, t.offset, last, t.storage.key, t.storage.values)
	}
	return last, nil
}

// contiguous says whether the values lie in row-major order without holes.
func (t *view) contiguous() bool {
	want := 1
	for d := len(t.shape) - 1; d >= 0; d-- {
		if t.shape[d] != 1 && t.stride[d] != want {
			return false
		}
		want *= t.shape[d]
	}
	return true
}

// tensor reads the values.
func (t *view) tensor() (Tensor, error) {
	out := Tensor{DType: t.storage.dtype, Shape: t.shape, Data: []byte{}}
	if t.last < 0 {
		return out, nil
	}
	if err := t.storage.sound(); err != nil {
		return Tensor{}, err
	}
	width := dtypes[t.storage.dtype].size
	extent := make([]byte, (t.last-t.offset+1)*int64(width))
	if err := readFull(t.storage.data, extent, t.offset*int64(width)); err != nil {
		return Tensor{}, err
	}
	out.Data = extent
	if !t.contiguous() {
		out.Data = t.gather(extent, width)
	}
	if t.storage.big {
		for i := 0; i < len(out.Data); i += width {
			slices.Reverse(out.Data[i : i+width])
		}
	}
	return out, nil
}

// gather copies values into row-major order. extent begins at the view's first value.
func (t *view) gather(extent []byte, width int) []byte {
	out := make([]byte, 0, t.bytes)
	index := make([]int, len(t.shape))
	at := 0
	for {
		out = append(out, extent[at*width:(at+1)*width]...)
		d := len(index) - 1
		for ; d >= 0; d-- {
			index[d]++
			at += t.stride[d]
			if index[d] < t.shape[d] {
				break
			}
			at -= t.stride[d] * t.shape[d]
			index[d] = 0
		}
		if d < 0 {
			return out
		}
	}
}
