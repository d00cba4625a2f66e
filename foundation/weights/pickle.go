package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"unicode/utf8"
)

// Bounds of what a pickle may ask for. The largest published checkpoints stay below a tenth of each.
const (
	maxPickle = 64 << 20 // bytes
	maxStack  = 1 << 20  // values on the stack
	maxMarks  = 1 << 10  // open containers
	maxMemo   = 1 << 22  // remembered values
	maxPushes = 1 << 22  // values made in all
	maxDigits = 255      // bytes of an integer
)

// PickleError is an opcode of a pickle that is refused, or makes no sense.
type PickleError struct {
	Offset int64  // of the opcode, from the start of data.pkl
	Op     string // "GLOBAL"
	Err    error
}

// Error is one line: `data.pkl: byte 2: GLOBAL: os.system …`.
func (e *PickleError) Error() string {
	return fmt.Sprintf("data.pkl: byte %d: %s: %v", e.Offset, e.Op, e.Err)
}

// Unwrap is the cause.
func (e *PickleError) Unwrap() error { return e.Err }

// The values of a pickle beside nil, bool, int64, *big.Int, float64 and string.
type (
	tuple []any
	list  struct{ items []any }
	dict  struct {
		keys    []any // string or int64, in the order of the first assignment
		values  map[any]any
		ordered bool // collections.OrderedDict, which may have attributes
	}
)

func (d *dict) set(k, v any) {
	if d.values == nil { // most cost of a dictionary is its map, and a pickle makes an empty one with one byte
		d.values = map[any]any{}
	}
	if _, there := d.values[k]; !there {
		d.keys = append(d.keys, k)
	}
	d.values[k] = v
}

// machine runs the opcodes of a pickle (protocol 2 to 5, Lib/pickletools.py of CPython) that state dictionaries are
// made of. It is a machine without a way out: a global is one of a fixed list of words, and calling one makes a value
// of this package.
type machine struct {
	data   []byte
	at     int // of the next byte
	op     int // of the opcode that is being run
	stack  []any
	marks  []int // heights of the stack
	memo   map[uint32]any
	pushes int
	// storage looks up persistent identifiers.
	storage func(key string, dtype string, values int64) (*storage, error)
}

// unpickle is the value of a pickle.
func unpickle(data []byte, find func(key string, dtype string, values int64) (*storage, error)) (any, error) {
	if len(data) > maxPickle {
		return nil, fmt.Errorf("data.pkl: has %d bytes, must have at most %d", len(data), maxPickle)
	}
	m := &machine{data: data, memo: map[uint32]any{}, storage: find}
	for {
		m.op = m.at
		code, err := m.take(1)
		if err != nil {
			return nil, m.wrap(0, err)
		}
		if code[0] == '.' {
			break
		}
		if err := m.step(code[0]); err != nil {
			return nil, m.wrap(code[0], err)
		}
	}
	if len(m.stack) != 1 || len(m.marks) != 0 {
		return nil, m.wrap('.', fmt.Errorf("%d values and %d open containers are left, must be one value", len(m.stack), len(m.marks)))
	}
	if m.at != len(data) {
		return nil, m.wrap('.', fmt.Errorf("%d bytes follow, must be none", len(data)-m.at))
	}
	return m.stack[0], nil
}

func (m *machine) wrap(code byte, err error) error {
	return &PickleError{Offset: int64(m.op), Op: opName(code), Err: err}
}

// step runs one opcode. Its letters are those of pickletools.
func (m *machine) step(code byte) error {
	switch code {
	case 0x80: // PROTO
		b, err := m.take(1)
		if err == nil && (b[0] < 2 || b[0] > 5) {
			err = fmt.Errorf("protocol %d, must be 2 to 5", b[0])
		}
		return err
	case 0x95: // FRAME: a hint about buffering
		_, err := m.take(8)
		return err
	case '(':
		if len(m.marks) == maxMarks {
			return fmt.Errorf("more than %d containers are open", maxMarks)
		}
		m.marks = append(m.marks, len(m.stack))
		return nil
	case 'N':
		return m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return m.push(code == 0x88)
	case 'J', 'K', 'M', 0x8a, 0x8b:
		return m.integer(code)
	case 'G':
		b, err := m.take(8)
		if err != nil {
			return err
		}
		return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 0x8c, 'X', 0x8d:
		return m.text(code)
	case 'q', 'r', 0x94, 'h', 'j':
		return m.remember(code)
	case 'c', 0x93, 'R', 'b', 'Q':
		return m.call(code)
	default:
		return m.container(code)
	}
}

// integer reads BININT, BININT1, BININT2, LONG1 and LONG4.
func (m *machine) integer(code byte) error {
	width := map[byte]int{'J': 4, 'K': 1, 'M': 2, 0x8a: 1, 0x8b: 4}[code]
	b, err := m.take(width)
	if err != nil {
		return err
	}
	var n uint32
	for i, v := range b {
		n |= uint32(v) << (8 * i)
	}
	switch code {
	case 'J':
		return m.push(int64(int32(n)))
	case 'K', 'M':
		return m.push(int64(n))
	}
	if n > maxDigits {
		return fmt.Errorf("an integer of %d bytes, must have at most %d", n, maxDigits)
	}
	b, err = m.take(int(n))
	if err != nil {
		return err
	}
	return m.push(long(b))
}

// long is a little-endian two's complement integer: an int64 where that holds it.
func long(b []byte) any {
	be := make([]byte, len(b))
	for i, v := range b {
		be[len(b)-1-i] = v
	}
	v := new(big.Int).SetBytes(be)
	if len(be) > 0 && be[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(be))))
	}
	if v.IsInt64() {
		return v.Int64()
	}
	return v
}

// text reads SHORT_BINUNICODE, BINUNICODE and BINUNICODE8.
func (m *machine) text(code byte) error {
	b, err := m.take(map[byte]int{0x8c: 1, 'X': 4, 0x8d: 8}[code])
	if err != nil {
		return err
	}
	var n uint64
	for i, v := range b {
		n |= uint64(v) << (8 * i)
	}
	if n > uint64(len(m.data)-m.at) {
		return fmt.Errorf("a string of %d bytes, %d follow", n, len(m.data)-m.at)
	}
	b, err = m.take(int(n))
	if err != nil {
		return err
	}
	if !utf8.Valid(b) {
		return fmt.Errorf("the string %.40q is not UTF-8", b)
	}
	return m.push(string(b))
}

// remember runs BINPUT, LONG_BINPUT, MEMOIZE, BINGET and LONG_BINGET.
func (m *machine) remember(code byte) error {
	n := uint32(len(m.memo)) // of MEMOIZE
	if code != 0x94 {
		b, err := m.take(map[byte]int{'q': 1, 'h': 1, 'r': 4, 'j': 4}[code])
		if err != nil {
			return err
		}
		n = 0
		for i, v := range b {
			n |= uint32(v) << (8 * i)
		}
	}
	if code == 'h' || code == 'j' {
		v, ok := m.memo[n]
		if !ok {
			return fmt.Errorf("nothing is remembered as %d", n)
		}
		return m.push(v)
	}
	if n >= maxMemo {
		return fmt.Errorf("remembers as %d, must be below %d", n, maxMemo)
	}
	v, err := m.pop()
	if err != nil {
		return err
	}
	m.memo[n] = v
	m.stack = append(m.stack, v)
	return nil
}

// container runs what makes and fills tuples, lists and dictionaries.
func (m *machine) container(code byte) error {
	switch code {
	case ')':
		return m.push(tuple{})
	case ']':
		return m.push(&list{})
	case '}':
		return m.push(&dict{})
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		n := int(code - 0x84)
		if len(m.stack)-n < m.floor() {
			return errors.New("takes more values than there are")
		}
		t := append(tuple{}, m.stack[len(m.stack)-n:]...)
		m.stack = m.stack[:len(m.stack)-n]
		return m.push(t)
	case 't':
		items, err := m.popMark()
		if err != nil {
			return err
		}
		return m.push(append(tuple{}, items...))
	case 'a', 'e':
		return m.extend(code)
	case 's', 'u':
		return m.assign(code)
	default:
		return errors.New("is not needed for weights and refused: " + remedy)
	}
}

// extend runs APPEND and APPENDS.
func (m *machine) extend(code byte) error {
	var items []any
	var err error
	if code == 'e' {
		items, err = m.popMark()
	} else {
		items, err = m.popN(1)
	}
	if err != nil {
		return err
	}
	top, err := m.peek()
	if err != nil {
		return err
	}
	l, ok := top.(*list)
	if !ok {
		return fmt.Errorf("appends to %s, must be a list", describe(top))
	}
	l.items = append(l.items, items...)
	return nil
}

// assign runs SETITEM and SETITEMS.
func (m *machine) assign(code byte) error {
	var items []any
	var err error
	if code == 'u' {
		items, err = m.popMark()
	} else {
		items, err = m.popN(2)
	}
	if err != nil {
		return err
	}
	top, err := m.peek()
	if err != nil {
		return err
	}
	d, ok := top.(*dict)
	if !ok {
		return fmt.Errorf("sets an item of %s, must be a dictionary", describe(top))
	}
	if len(items)%2 != 0 {
		return fmt.Errorf("%d keys and values, must be pairs", len(items))
	}
	for i := 0; i < len(items); i += 2 {
		switch k := items[i].(type) {
		case string, int64:
			d.set(k, items[i+1])
		default:
			return fmt.Errorf("a key is %s, must be a string or a whole number", describe(k))
		}
	}
	return nil
}
