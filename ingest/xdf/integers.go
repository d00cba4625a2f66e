package xdf

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// mantissa is how many bits of a whole number float64 has room for.
const mantissa = 53

// roundedChannels is how many channels are named of which values were rounded.
const roundedChannels = 8

// magnitude is the absolute value of v, which of the least integer is no int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// rounds says whether v is no float64.
func rounds(v int64) bool {
	m := magnitude(v)
	return bits.Len64(m)-bits.TrailingZeros64(m) > mantissa
}

// listRounded lists the values of a stream of int64 that its recording has rounded to float64. Nothing but the values says so:
// such a stream is read whole when it is opened.
func (r *reader) listRounded(chans []signal.Channel) error {
	if r.s.info.format.name != "int64" {
		return nil
	}
	type count struct{ n, largest int64 }
	found := make([]count, len(chans))
	err := r.each(func(_ int64, values []byte) {
		for ch := range found {
			v := r.s.info.format.integer(values[8*ch:])
			if !rounds(v) {
				continue
			}
			c := &found[ch]
			if c.n++; magnitude(v) > magnitude(c.largest) {
				c.largest = v
			}
		}
	})
	if err != nil {
		return err
	}
	var names []string
	more := 0
	for ch, c := range found {
		switch {
		case c.n == 0:
		case len(names) == roundedChannels:
			more++
		default:
			names = append(names, fmt.Sprintf("%q: %d of %d samples, the largest %d", chans[ch].Name, c.n, r.s.n, c.largest))
		}
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("%d more channels", more))
	}
	if len(names) > 0 {
		r.s.deviate(r.src, "int64", fmt.Sprintf("a whole number with more than %d significant bits is no float64", mantissa), strings.Join(names, "; "), "the nearest float64")
	}
	return nil
}

// each gives do the number of every sample and its values as they are in the file.
func (r *reader) each(do func(sample int64, values []byte)) error {
	width := int64(len(r.scales) * r.s.info.format.width)
	for k := range r.s.blocks.n {
		b := r.s.blocks.at(k)
		raw, err := r.load(k)
		if err != nil {
			return err
		}
		r.block, r.in, r.off, r.at = k, 0, 0, r.at[:0]
		if err := r.find(raw, b.at-r.bufAt, 0, int(min(int64(b.n), r.s.n-b.first)), width); err != nil {
			return r.src.errorf(b.at+r.off, "samples", "%w", err)
		}
		for i, at := range r.at {
			do(b.first+int64(i), r.buf[at:][:width])
		}
	}
	r.at = r.at[:0]
	return nil
}

// integer is a value of a format of whole numbers.
func (f format) integer(b []byte) int64 {
	switch f.width {
	case 1:
		return int64(int8(b[0]))
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}
