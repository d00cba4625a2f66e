package onnx

import "math"

// message is the bytes of one message of protocol buffers (https://protobuf.dev/programming-guides/encoding): fields
// one behind the other, each a number, a type and a value.
type message []byte

// The types of fields.
const (
	varintField = 0
	bytesField  = 2
	fixed32     = 5
)

func (m *message) varint(v uint64) {
	for v >= 0x80 {
		*m = append(*m, byte(v)|0x80)
		v >>= 7
	}
	*m = append(*m, byte(v))
}

func (m *message) tag(field, kind int) { m.varint(uint64(field)<<3 | uint64(kind)) }

// int writes an int64 or an enumeration; negative ones take ten bytes.
func (m *message) int(field int, v int64) {
	m.tag(field, varintField)
	m.varint(uint64(v))
}

func (m *message) float(field int, v float32) {
	m.tag(field, fixed32)
	u := math.Float32bits(v)
	*m = append(*m, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
}

func (m *message) bytes(field int, b []byte) {
	m.tag(field, bytesField)
	m.varint(uint64(len(b)))
	*m = append(*m, b...)
}

func (m *message) string(field int, s string) { m.bytes(field, []byte(s)) }
