package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The types of Thrift's compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
const (
	thriftStop   = 0
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// thriftDepth is how deep what is skipped may be nested.
const thriftDepth = 16

var errDeep = fmt.Errorf("nested more than %d levels deep", thriftDepth)

// thrift reads structs of the compact protocol out of b. The first failure stays in err and makes all that follows empty.
// It copies nothing. Where b ends too early, err is io.ErrUnexpectedEOF.
type thrift struct {
	b   []byte
	at  int
	err error
}

func (t *thrift) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

func (t *thrift) byte() byte {
	if t.err != nil || t.at >= len(t.b) {
		t.fail(io.ErrUnexpectedEOF)
		return 0
	}
	t.at++
	return t.b[t.at-1]
}

func (t *thrift) uvarint() uint64 {
	if t.err != nil {
		return 0
	}
	v, n := binary.Uvarint(t.b[t.at:])
	switch {
	case n == 0:
		t.fail(io.ErrUnexpectedEOF)
		return 0
	case n < 0:
		t.fail(errors.New("a number of more than 64 bits"))
		return 0
	}
	t.at += n
	return v
}

// zigzag undoes the coding that gives small numbers of either sign few bytes.
func zigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// fields calls each for the fields of a struct. What each does not read of a field, it must skip.
func (t *thrift) fields(each func(id int16, kind byte)) {
	id := int16(0)
	for t.err == nil {
		head := t.byte()
		kind := head & 15
		if kind == thriftStop {
			return
		}
		if delta := int16(head >> 4); delta != 0 {
			id += delta
		} else {
			id = int16(zigzag(t.uvarint()))
		}
		if t.err == nil {
			each(id, kind)
		}
	}
}

// integer is a field of any of the kinds of whole numbers.
func (t *thrift) integer(kind byte) int64 {
	switch kind {
	case thriftByte:
		return int64(int8(t.byte()))
	case thriftI16, thriftI32, thriftI64:
		return zigzag(t.uvarint())
	}
	t.fail(fmt.Errorf("a field of kind %d, must be a whole number", kind))
	return 0
}

// bool is a field of that kind, which has no byte of its own.
func (t *thrift) bool(kind byte) bool {
	if kind != thriftTrue && kind != thriftFalse {
		t.fail(fmt.Errorf("a field of kind %d, must be true or false", kind))
	}
	return kind == thriftTrue
}

// binary is a text or bytes, in the memory of t.
func (t *thrift) binary(kind byte) []byte {
	if kind != thriftBinary {
		t.fail(fmt.Errorf("a field of kind %d, must be a text", kind))
	}
	n := t.uvarint()
	if t.err == nil && n > uint64(len(t.b)-t.at) {
		t.fail(io.ErrUnexpectedEOF)
	}
	if t.err != nil {
		return nil
	}
	t.at += int(n)
	return t.b[t.at-int(n) : t.at]
}

// list calls each for the elements of a list, all of one kind.
func (t *thrift) list(kind byte, each func(kind byte)) (n int) {
	if kind != thriftList && kind != thriftSet {
		t.fail(fmt.Errorf("a field of kind %d, must be a list", kind))
	}
	head := t.byte()
	size := uint64(head >> 4)
	if size == 15 {
		size = t.uvarint()
	}
	if t.err == nil && size > uint64(len(t.b)-t.at) { // each has at least a byte
		t.fail(io.ErrUnexpectedEOF)
	}
	for ; n < int(size) && t.err == nil; n++ {
		each(head & 15)
	}
	return n
}

// structure calls each for the fields of a field that is a struct.
func (t *thrift) structure(kind byte, each func(id int16, kind byte)) {
	if kind != thriftStruct {
		t.fail(fmt.Errorf("a field of kind %d, must be a struct", kind))
		return
	}
	t.fields(each)
}

// skip passes over a field.
func (t *thrift) skip(kind byte) { t.skipIn(kind, thriftDepth, false) }

func (t *thrift) skipIn(kind byte, depth int, element bool) {
	if depth == 0 {
		t.fail(errDeep)
		return
	}
	switch kind {
	case thriftTrue, thriftFalse:
		if element { // where it has a byte
			t.byte()
		}
	case thriftByte:
		t.byte()
	case thriftI16, thriftI32, thriftI64:
		t.uvarint()
	case thriftDouble:
		for range 8 {
			t.byte()
		}
	case thriftBinary:
		t.binary(kind)
	case thriftList, thriftSet:
		t.list(kind, func(kind byte) { t.skipIn(kind, depth-1, true) })
	case thriftMap:
		n := t.uvarint()
		if n == 0 {
			return
		}
		kinds := t.byte()
		if t.err == nil && n > uint64(len(t.b)-t.at) {
			t.fail(io.ErrUnexpectedEOF)
		}
		for ; n > 0 && t.err == nil; n-- {
			t.skipIn(kinds>>4, depth-1, true)
			t.skipIn(kinds&15, depth-1, true)
		}
	case thriftStruct:
		t.fields(func(_ int16, kind byte) { t.skipIn(kind, depth-1, false) })
	default:
		t.fail(fmt.Errorf("a field of kind %d, which there is not", kind))
	}
}

// out writes structs of the compact protocol.
type out struct {
	b    []byte
	last []int16 // field numbers of the structs that are open
}

func (o *out) open() { o.last = append(o.last, 0) }

func (o *out) close() {
	o.b = append(o.b, thriftStop)
	o.last = o.last[:len(o.last)-1]
}

func (o *out) field(id int16, kind byte) {
	last := &o.last[len(o.last)-1]
	if d := id - *last; 0 < d && d < 16 {
		o.b = append(o.b, byte(d)<<4|kind)
	} else {
		o.b = binary.AppendUvarint(append(o.b, kind), zagzig(int64(id)))
	}
	*last = id
}

// zagzig is the inverse of zigzag.
func zagzig(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func (o *out) i32(id int16, v int32) {
	o.field(id, thriftI32)
	o.b = binary.AppendUvarint(o.b, zagzig(int64(v)))
}

func (o *out) i64(id int16, v int64) {
	o.field(id, thriftI64)
	o.b = binary.AppendUvarint(o.b, zagzig(v))
}

func (o *out) text(id int16, v string) {
	o.field(id, thriftBinary)
	o.element(v)
}

// element is a text in a list.
func (o *out) element(v string) {
	o.b = append(binary.AppendUvarint(o.b, uint64(len(v))), v...)
}

// list begins a list of n elements, which follow.
func (o *out) list(id int16, kind byte, n int) {
	o.field(id, thriftList)
	if n < 15 {
		o.b = append(o.b, byte(n)<<4|kind)
	} else {
		o.b = binary.AppendUvarint(append(o.b, 0xF0|kind), uint64(n))
	}
}

// structure begins a field that is a struct, which close ends.
func (o *out) structure(id int16) {
	o.field(id, thriftStruct)
	o.open()
}
