package lsl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// The tags of a sample.
const (
	tagDeduced = 1 // no stamp: that of the sample before plus 1/rate
	tagStamped = 2 // a float64 follows
)

// stampLen is a stamp with its tag.
const stampLen = 9

// maxText is the longest string of a sample that is accepted, in bytes.
const maxText = 16 << 20

// order is the byte order of a connection, as the headers name it.
type order int

const (
	littleEndian order = 1234
	bigEndian    order = 4321
)

func (o order) bytes() binary.ByteOrder {
	if o == bigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// appendValue appends one value in little-endian order.
func appendValue[T Value](b []byte, v T) []byte {
	le := binary.LittleEndian
	switch v := any(v).(type) {
	case float32:
		return le.AppendUint32(b, math.Float32bits(v))
	case float64:
		return le.AppendUint64(b, math.Float64bits(v))
	case int32:
		return le.AppendUint32(b, uint32(v))
	case int16:
		return le.AppendUint16(b, uint16(v))
	case int8:
		return append(b, byte(v))
	case int64:
		return le.AppendUint64(b, uint64(v))
	case string:
		return appendText(b, v)
	}
	return b
}

// appendText writes the length in as few bytes as liblsl does: 1, 4 or 8.
func appendText(b []byte, s string) []byte {
	switch n := len(s); {
	case n <= math.MaxUint8:
		b = append(b, 1, byte(n))
	case n <= math.MaxUint32:
		b = binary.LittleEndian.AppendUint32(append(b, 4), uint32(n))
	default:
		b = binary.LittleEndian.AppendUint64(append(b, 8), uint64(n))
	}
	return append(b, s...)
}

// appendStamp writes a tag with a stamp.
func appendStamp(b []byte, stamp float64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, tagStamped), math.Float64bits(stamp))
}

// patternStamp is the stamp of both test patterns.
const patternStamp = 123456.789

// patterns are the two samples that come first on every connection, in little-endian order.
func patterns(f Format, channels int) []byte {
	var b []byte
	for _, offset := range [...]int{4, 2} {
		b = appendStamp(b, patternStamp)
		for k := range channels {
			b = appendPattern(b, f, offset, k)
		}
	}
	return b
}

// appendPattern writes value k of a test pattern: a base and the offset and k, above 0 for even k and below for odd. Those
// of types up to 32 bits are taken modulo the type's greatest value first.
func appendPattern(b []byte, f Format, offset, k int) []byte {
	sign := int64(1)
	if k%2 == 1 {
		sign = -1
	}
	n := int64(offset + k)
	switch f {
	case Float32:
		return appendValue(b, float32(sign*n))
	case Float64:
		return appendValue(b, float64(sign*(16777217+n)))
	case String:
		return appendText(b, strconv.FormatInt(sign*int64(k+10), 10))
	case Int32:
		return appendValue(b, int32(sign*((65537+n)%math.MaxInt32)))
	case Int16:
		return appendValue(b, int16(sign*((257+n)%math.MaxInt16)))
	case Int8:
		return appendValue(b, int8(sign*((1+n)%math.MaxInt8)))
	default:
		return appendValue(b, sign*(2147483649+n))
	}
}

// shape is what has to be known to find the ends of samples.
type shape struct {
	format   Format
	channels int
	order    order // of what comes
}

// errShort says that the bytes end within a sample.
var errShort = errors.New("the sample is not whole")

// sampleLen is the length of the sample at the start of b, with its tag. It returns errShort where b ends before; need is
// then how many bytes are needed at least.
func (s shape) sampleLen(b []byte) (n, need int, err error) {
	if len(b) == 0 {
		return 0, 1, errShort
	}
	switch b[0] {
	case tagDeduced:
		n = 1
	case tagStamped:
		n = stampLen
	default:
		return 0, 0, fmt.Errorf("a sample begins with byte %#02x, must be 01 or 02", b[0])
	}
	if s.format != String {
		n += s.channels * s.format.Size()
		if n > len(b) {
			return 0, n, errShort
		}
		return n, n, nil
	}
	for range s.channels {
		_, end, err := s.text(b, n)
		if err != nil {
			return 0, end, err
		}
		n = end
	}
	return n, n, nil
}

// text finds the string at b[at:]: its bytes are b[from:end]. Where b is too short for it, it returns errShort, and end is
// how long b must be at least.
func (s shape) text(b []byte, at int) (from, end int, err error) {
	if at >= len(b) {
		return 0, at + 1, errShort
	}
	width := int(b[at])
	from = at + 1 + width
	switch width {
	case 1, 2, 4, 8:
	default:
		return 0, 0, fmt.Errorf("the length of a string has %d bytes, must have 1, 2, 4 or 8", width)
	}
	if from > len(b) {
		return 0, from, errShort
	}
	var n uint64
	bo := s.order.bytes()
	switch l := b[at+1 : from]; width {
	case 1:
		n = uint64(l[0])
	case 2:
		n = uint64(bo.Uint16(l))
	case 4:
		n = uint64(bo.Uint32(l))
	default:
		n = bo.Uint64(l)
	}
	if n > maxText {
		return 0, 0, fmt.Errorf("a string is %d bytes long, at most %d are read", n, maxText)
	}
	if end = from + int(n); end > len(b) {
		return 0, end, errShort
	}
	return from, end, nil
}

// swap appends the whole samples in b to dst with the bytes of all their numbers in the other order. s.order is that of b.
func (s shape) swap(dst, b []byte) ([]byte, error) {
	size := s.format.Size()
	for len(b) > 0 {
		n, _, err := s.sampleLen(b)
		if err != nil {
			return dst, err
		}
		dst = append(dst, b[0])
		at := 1
		if b[0] == tagStamped {
			dst = appendReversed(dst, b[1:stampLen])
			at = stampLen
		}
		for at < n {
			if size > 0 {
				dst = appendReversed(dst, b[at:at+size])
				at += size
				continue
			}
			from, end, err := s.text(b, at)
			if err != nil {
				return dst, err
			}
			dst = append(appendReversed(append(dst, b[at]), b[at+1:from]), b[from:end]...)
			at = end
		}
		b = b[n:]
	}
	return dst, nil
}

func appendReversed(dst, b []byte) []byte {
	for i := len(b) - 1; i >= 0; i-- {
		dst = append(dst, b[i])
	}
	return dst
}
