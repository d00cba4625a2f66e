package lsl

import (
	"encoding/binary"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// one hands samples out as they are.
var one = []units.Scale{{Unit: signal.NoUnit, Mul: 1, Div: 1}}

// decode writes the first samples of values into dst[ch][k], scaled. values holds samples of all channels one behind the
// other, little-endian numbers of format f.
func decode(dst [][]float64, values []byte, f Format, scale []units.Scale) {
	le := binary.LittleEndian
	stride := len(dst) * f.Size()
	for ch, y := range dst {
		g := scale[ch].Mul
		b := values[ch*f.Size():]
		switch f {
		case Float32:
			for k := range y {
				y[k] = g * float64(math.Float32frombits(le.Uint32(b[k*stride:])))
			}
		case Float64:
			for k := range y {
				y[k] = g * math.Float64frombits(le.Uint64(b[k*stride:]))
			}
		case Int64:
			for k := range y {
				y[k] = g * float64(int64(le.Uint64(b[k*stride:])))
			}
		case Int32:
			for k := range y {
				y[k] = g * float64(int32(le.Uint32(b[k*stride:])))
			}
		case Int16:
			for k := range y {
				y[k] = g * float64(int16(le.Uint16(b[k*stride:])))
			}
		case Int8:
			for k := range y {
				y[k] = g * float64(int8(b[k*stride]))
			}
		}
		if d := scale[ch].Div; d != 1 {
			for k := range y {
				y[k] /= d
			}
		}
	}
}
