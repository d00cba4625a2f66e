package xdf

import (
	"encoding/binary"
	"math"
)

// floats fills dst[ch][from+t] with the float32 of channel ch of the sample at raw[at[t]:], which is what nearly every amplifier
// sends: several channels at a time, so that the samples are gone through less often.
func floats(dst [][]float64, from int, raw []byte, at []int64) {
	if len(at) == 0 {
		return
	}
	lanes := 0
	if haveLanes {
		lanes = len(at) &^ 7
	}
	ch := 0
	for ; ch+8 <= len(dst); ch += 8 {
		if lanes > 0 {
			floatsLanes(dst[ch:], from, raw[4*ch:], at[:lanes])
		}
		floats4(dst[ch:], from+lanes, raw[4*ch:], at[lanes:])
		floats4(dst[ch+4:], from+lanes, raw[4*ch+16:], at[lanes:])
	}
	for ; ch+4 <= len(dst); ch += 4 {
		floats4(dst[ch:], from, raw[4*ch:], at)
	}
	for ; ch < len(dst); ch++ {
		x := dst[ch][from:][:len(at)]
		for t, k := range at {
			x[t] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[k+int64(4*ch):])))
		}
	}
}

// floats4 is floats for four channels.
func floats4(dst [][]float64, from int, raw []byte, at []int64) {
	n := len(at)
	a, b, c, d := dst[0][from:][:n], dst[1][from:][:n], dst[2][from:][:n], dst[3][from:][:n]
	for t, k := range at {
		v := raw[k:][:16]
		a[t] = float64(math.Float32frombits(binary.LittleEndian.Uint32(v)))
		b[t] = float64(math.Float32frombits(binary.LittleEndian.Uint32(v[4:])))
		c[t] = float64(math.Float32frombits(binary.LittleEndian.Uint32(v[8:])))
		d[t] = float64(math.Float32frombits(binary.LittleEndian.Uint32(v[12:])))
	}
}
