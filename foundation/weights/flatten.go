package weights

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
)

// Bounds of what a checkpoint may unfold to. A pickle can name one value in many places, or put it into itself.
const (
	maxDepth  = 64
	maxLeaves = 1 << 20
	maxNames  = 64 << 20 // bytes
	// A tensor can stand under many names, and repeat one value many times.
	maxUnfold      = 16
	maxUnfoldBytes = 64 << 20
)

// flattener names the leaves of a nested value: "state.0.exp_avg".
type flattener struct {
	out           *Reader
	leaves, names int
	bytes, limit  int64
}

// flatten lists the tensors and other values below root, in their order. Keys and indices are joined by dots; a
// checkpoint that is nothing but a tensor gets the name "tensor". Containers without content are not listed.
func flatten(root any, size int64) (*Reader, error) {
	f := &flattener{out: &Reader{Format: TorchZip}, limit: maxUnfold*size + maxUnfoldBytes}
	if err := f.walk("", root, 0); err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	return f.out, nil
}

func (f *flattener) walk(name string, v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%.80q: more than %d containers inside each other, or one that holds itself", name, maxDepth)
	}
	join := func(key string) string {
		if depth == 0 {
			return key
		}
		return name + "." + key
	}
	if f.leaves++; f.leaves > maxLeaves {
		return fmt.Errorf("unfolds to more than %d values", maxLeaves)
	}
	if f.names += len(name); f.names > maxNames {
		return fmt.Errorf("the names of its values take more than %d bytes", maxNames)
	}
	switch v := v.(type) {
	case *dict:
		for _, k := range v.keys {
			key, ok := k.(string)
			if !ok {
				key = strconv.FormatInt(k.(int64), 10) // assign lets nothing else in
			}
			if err := f.walk(join(key), v.values[k], depth+1); err != nil {
				return err
			}
		}
		return nil
	case *list:
		return f.items(join, v.items, depth)
	case tuple:
		return f.items(join, v, depth)
	case *view:
		if depth == 0 {
			name = "tensor"
		}
		return f.tensor(name, v)
	case nil, bool, int64, float64, string, *big.Int, DType:
		f.out.Values = append(f.out.Values, Value{name, v})
		return nil
	default:
		return fmt.Errorf("%.80q: is %s, which is not a value: %s", name, describe(v), remedy)
	}
}

func (f *flattener) items(join func(string) string, items []any, depth int) error {
	for i, v := range items {
		if err := f.walk(join(strconv.Itoa(i)), v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (f *flattener) tensor(name string, t *view) error {
	if t.bytes > f.limit-f.bytes {
		return fmt.Errorf("%.80q: with it the tensors unfold to more than %d bytes, %d times the file: refused", name, f.limit, maxUnfold)
	}
	f.bytes += t.bytes
	if !f.out.add(Entry{Name: name, DType: t.storage.dtype, Shape: t.shape, Bytes: t.bytes}, t.tensor) {
		return fmt.Errorf("%.80q: two tensors have this name, once the keys are joined by dots", name)
	}
	if name == metadataKey {
		return errors.New("a tensor is called " + metadataKey + ", which is reserved in safetensors")
	}
	return nil
}
