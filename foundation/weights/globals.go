package weights

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// remedy ends the message about anything that is refused.
const remedy = "where you trust the file, load it in Python and write model.state_dict() with torch.save"

// global is one of the names that a pickle may use. It is a word, not a thing that could be called.
type global string

// DType is the name of a type of values in a checkpoint: "float32".
type DType string

// The globals with a meaning of their own.
const (
	orderedDict      global = "collections.OrderedDict"
	rebuildTensor    global = "torch._utils._rebuild_tensor_v2"
	rebuildParameter global = "torch._utils._rebuild_parameter"
	torchSize        global = "torch.Size"
)

// storages gives the type of the values in each class of storages.
var storages = map[global]string{
	"torch.DoubleStorage": "F64", "torch.FloatStorage": "F32", "torch.HalfStorage": "F16", "torch.BFloat16Storage": "BF16",
	"torch.LongStorage": "I64", "torch.IntStorage": "I32", "torch.ShortStorage": "I16", "torch.CharStorage": "I8",
	"torch.ByteStorage": "U8", "torch.BoolStorage": "BOOL",
}

// torchDTypes are the types that may stand in a checkpoint as values.
var torchDTypes = map[global]bool{
	"torch.float64": true, "torch.float32": true, "torch.float16": true, "torch.bfloat16": true, "torch.int64": true,
	"torch.int32": true, "torch.int16": true, "torch.int8": true, "torch.uint8": true, "torch.bool": true,
}

// call runs GLOBAL, STACK_GLOBAL, REDUCE, BUILD and BINPERSID: the opcodes that, in Python, run code.
func (m *machine) call(code byte) error {
	switch code {
	case 'c':
		module, err := m.line()
		if err != nil {
			return err
		}
		name, err := m.line()
		if err != nil {
			return err
		}
		return m.name(module, name)
	case 0x93: // STACK_GLOBAL
		items, err := m.popN(2)
		if err != nil {
			return err
		}
		module, ok := items[0].(string)
		name, ok2 := items[1].(string)
		if !ok || !ok2 {
			return fmt.Errorf("module and name are %s and %s, must be strings", describe(items[0]), describe(items[1]))
		}
		return m.name(module, name)
	case 'R':
		items, err := m.popN(2)
		if err != nil {
			return err
		}
		args, ok := items[1].(tuple)
		if !ok {
			return fmt.Errorf("the arguments are %s, must be a tuple", describe(items[1]))
		}
		v, err := reduce(items[0], args)
		if err != nil {
			return err
		}
		return m.push(v)
	case 'b':
		return m.build()
	default: // BINPERSID
		id, err := m.pop()
		if err != nil {
			return err
		}
		s, err := m.persistent(id)
		if err != nil {
			return err
		}
		return m.push(s)
	}
}

// name pushes a global of the list.
func (m *machine) name(module, name string) error {
	g := global(module + "." + name)
	_, isStorage := storages[g]
	switch {
	case strings.Contains(name, "."):
		// protocol 4 reaches attributes of attributes with it
	case g == orderedDict, g == rebuildTensor, g == rebuildParameter, g == torchSize, isStorage:
		return m.push(g)
	case torchDTypes[g]:
		return m.push(DType(name))
	}
	return fmt.Errorf("%.200q is none of the names that weights need, it is refused and was not run: %s", module+"."+name, remedy)
}

// reduce calls f.
func reduce(f any, args tuple) (any, error) {
	switch f {
	case orderedDict:
		if len(args) != 0 {
			return nil, fmt.Errorf("%s with %d arguments, must have none", orderedDict, len(args))
		}
		return &dict{ordered: true}, nil
	case torchSize:
		if len(args) == 1 {
			if dims, ok := args[0].(tuple); ok {
				_, err := sizes(dims)
				return dims, err
			}
		}
		return nil, fmt.Errorf("%s must have one tuple", torchSize)
	case rebuildParameter:
		if len(args) == 3 {
			if t, ok := args[0].(*view); ok {
				return t, nil // requires_grad and hooks are about training
			}
		}
		return nil, fmt.Errorf("%s must have a tensor, requires_grad and hooks", rebuildParameter)
	case rebuildTensor:
		return newView(args)
	default:
		return nil, fmt.Errorf("calls %s, which nothing here can be: refused", describe(f))
	}
}

// newView checks the arguments of torch._utils._rebuild_tensor_v2: storage, offset, size, stride, requires_grad,
// backward_hooks and, rarely, metadata.
func newView(args tuple) (*view, error) {
	if len(args) != 6 && len(args) != 7 {
		return nil, fmt.Errorf("%s with %d arguments, must have 6 or 7", rebuildTensor, len(args))
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, fmt.Errorf("%s: the storage is %s", rebuildTensor, describe(args[0]))
	}
	offset, ok := args[1].(int64)
	if !ok || offset < 0 || offset > s.values {
		return nil, fmt.Errorf("%s: the offset is %s, must lie in the %d values of storage %s", rebuildTensor, describe(args[1]), s.values, s.key)
	}
	size, err := sizes(args[2])
	if err != nil {
		return nil, fmt.Errorf("%s: size: %w", rebuildTensor, err)
	}
	stride, err := sizes(args[3])
	if err != nil {
		return nil, fmt.Errorf("%s: stride: %w", rebuildTensor, err)
	}
	if len(size) != len(stride) {
		return nil, fmt.Errorf("%s: %d sizes and %d strides, must be as many", rebuildTensor, len(size), len(stride))
	}
	if len(args) == 7 {
		if d, ok := args[6].(*dict); args[6] != nil && (!ok || len(d.keys) > 0) { // conj and neg: values are not as they lie in the file
			return nil, fmt.Errorf("%s: metadata is %s, must be empty: resolve_conj() and resolve_neg() before torch.save", rebuildTensor, describe(args[6]))
		}
	}
	t := &view{storage: s, offset: offset, shape: size, stride: stride}
	if t.bytes, err = byteLen(s.dtype, size); err != nil {
		return nil, fmt.Errorf("%s: %w", rebuildTensor, err)
	}
	if t.last, err = t.lastValue(); err != nil {
		return nil, fmt.Errorf("%s: %w", rebuildTensor, err)
	}
	return t, nil
}

// sizes is a tuple of whole numbers from 0.
func sizes(v any) ([]int, error) {
	const maxDims = 64 // as in torch
	t, ok := v.(tuple)
	if !ok {
		return nil, fmt.Errorf("is %s, must be a tuple", describe(v))
	}
	if len(t) > maxDims {
		return nil, fmt.Errorf("%d dimensions, must be at most %d", len(t), maxDims)
	}
	dims := make([]int, len(t))
	for i, v := range t {
		n, ok := v.(int64)
		if !ok || n < 0 || n > math.MaxInt {
			return nil, fmt.Errorf("number %d is %s, must be a whole number from 0", i, describe(v))
		}
		dims[i] = int(n)
	}
	return dims, nil
}

// build drops the attributes of an OrderedDict, where torch notes versions of modules. In Python, BUILD calls
// __setstate__ of whatever lies there.
func (m *machine) build() error {
	items, err := m.popN(2)
	if err != nil {
		return err
	}
	d, ok := items[0].(*dict)
	if !ok || !d.ordered {
		return fmt.Errorf("sets the state of %s, must be an OrderedDict: refused", describe(items[0]))
	}
	if _, ok := items[1].(*dict); !ok {
		return fmt.Errorf("the state is %s, must be a dictionary", describe(items[1]))
	}
	m.stack = append(m.stack, d)
	return nil
}

// persistent is the storage that an identifier ("storage", class, key, device, number of values) names.
func (m *machine) persistent(id any) (*storage, error) {
	t, ok := id.(tuple)
	if !ok || len(t) != 5 || t[0] != "storage" {
		return nil, fmt.Errorf("the persistent identifier is %s, must be a tuple of \"storage\", class, key, device, number of values", describe(id))
	}
	class, ok1 := t[1].(global)
	dtype, ok2 := storages[class]
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("the class of a storage is %s, must be torch.FloatStorage or the like", describe(t[1]))
	}
	key, ok1 := t[2].(string)
	values, ok2 := t[4].(int64)
	if _, ok := t[3].(string); !ok || !ok1 || !ok2 || values < 0 {
		return nil, errors.New("key, device and number of values of a storage must be two strings and a whole number from 0")
	}
	return m.storage(key, dtype, values)
}
