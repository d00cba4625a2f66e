package lsl

import (
	"encoding/binary"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// one hands samples out as they are.
var one = units.Scale{Unit: signal.NoUnit, Mul: 1, Div: 1}

// tile is how many samples decode takes at a time: those of one tile stay in the fastest cache while all channels are read
// from them, and each channel is written whole lines of the cache at a time.
const tile = 32

// decode writes samples into dst[ch][k], scaled. Sample k has its values, little-endian numbers of format f, at b[at[k].at:].
func decode(dst [][]float64, k int, b []byte, at []sample, f Format, scale []units.Scale) {
	for ; len(at) > 0; k += tile {
		var from [tile]int
		n := min(tile, len(at))
		for i, m := range at[:n] {
			from[i] = int(m.at)
		}
		at = at[n:]
		ch := 0
		if f == Float32 {
			for ; ch+4 <= len(dst); ch += 4 {
				decodeFour([4][]float64(dst[ch:ch+4]), k, b[4*ch:], from[:n], scale[ch:ch+4])
			}
		}
		for ; ch < len(dst); ch++ {
			decodeTile(dst[ch][k:k+n], b, from[:n], ch*f.Size(), f, scale[ch])
		}
	}
}

// decodeFour is decode for a few samples of four channels of float32, which most streams are of: it takes half the time of four
// times decodeTile.
func decodeFour(dst [4][]float64, k int, b []byte, from []int, scale []units.Scale) {
	le := binary.LittleEndian
	n := len(from)
	y0, y1, y2, y3 := dst[0][k:k+n], dst[1][k:k+n], dst[2][k:k+n], dst[3][k:k+n]
	g0, g1, g2, g3 := scale[0].Mul, scale[1].Mul, scale[2].Mul, scale[3].Mul
	for i, at := range from {
		v := b[at:]
		v = v[:16]
		y0[i] = g0 * float64(math.Float32frombits(le.Uint32(v)))
		y1[i] = g1 * float64(math.Float32frombits(le.Uint32(v[4:])))
		y2[i] = g2 * float64(math.Float32frombits(le.Uint32(v[8:])))
		y3[i] = g3 * float64(math.Float32frombits(le.Uint32(v[12:])))
	}
	for ch, y := range [4][]float64{y0, y1, y2, y3} {
		divide(y, scale[ch].Div)
	}
}

// decodeTile is decode for a few samples of one channel, whose value is off bytes behind the first one of its sample.
func decodeTile(y []float64, b []byte, from []int, off int, f Format, scale units.Scale) {
	le := binary.LittleEndian
	b = b[off:]
	from = from[:len(y)]
	g := scale.Mul
	switch f {
	case Float32:
		for k := range y {
			y[k] = g * float64(math.Float32frombits(le.Uint32(b[from[k]:])))
		}
	case Float64:
		for k := range y {
			y[k] = g * math.Float64frombits(le.Uint64(b[from[k]:]))
		}
	case Int64:
		for k := range y {
			y[k] = g * float64(int64(le.Uint64(b[from[k]:])))
		}
	case Int32:
		for k := range y {
			y[k] = g * float64(int32(le.Uint32(b[from[k]:])))
		}
	case Int16:
		for k := range y {
			y[k] = g * float64(int16(le.Uint16(b[from[k]:])))
		}
	case Int8:
		for k := range y {
			y[k] = g * float64(int8(b[from[k]]))
		}
	}
	divide(y, scale.Div)
}

func divide(y []float64, d float64) {
	if d == 1 {
		return
	}
	for k := range y {
		y[k] /= d
	}
}
