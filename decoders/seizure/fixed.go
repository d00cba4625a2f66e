package seizure

import (
	"fmt"
	"math"
	"math/bits"
)

// factor is a positive real number as an integer of 31 bits and a shift: mult·2^−shift. Multiplying by it needs no
// floating point (Jacob et al. 2018, doi:10.1109/CVPR.2018.00286).
type factor struct {
	mult  int32 // 0 to 2^31 − 1; at least 2^30 unless the shift is the largest
	shift int   // 1 to 62
}

// newFactor is the factor nearest to f. Below 2^−32 it loses digits, since the product with an int32 is below 1 there;
// above 2^29 there is none.
func newFactor(f float64) (factor, error) {
	if !(f > 0) || f >= 1<<29 {
		return factor{}, fmt.Errorf("a scale of %g cannot be made of 31 bits and a shift, must be above 0 and below 2^29: the weights or activations of two layers are too far apart", f)
	}
	frac, exp := math.Frexp(f) // f = frac·2^exp, frac in [1/2, 1)
	shift := 31 - exp
	if shift > 62 {
		return factor{int32(math.Round(math.Ldexp(f, 62))), 62}, nil
	}
	mult := math.Round(frac * (1 << 31))
	if mult == 1<<31 { // rounded up to the next power of two
		mult, shift = 1<<30, shift-1
	}
	return factor{int32(mult), shift}, nil
}

// times is v·f, rounded half away from zero, cut to int32.
func (f factor) times(v int32) int32 {
	p := roundShift(int64(v)*int64(f.mult), f.shift)
	return int32(min(max(p, math.MinInt32), math.MaxInt32))
}

// roundShift is v·2^−shift rounded half away from zero, for |v| < 2^62.
func roundShift(v int64, shift int) int64 {
	half := int64(1) << (shift - 1)
	if v < 0 {
		return -((half - v) >> shift)
	}
	return (v + half) >> shift
}

// clamp8 cuts v to ±127, so that the negative of every weight exists.
func clamp8(v int32) int8 { return int8(min(max(v, -127), 127)) }

// fineBits is by how much finer what passes between layers is than the step that would be best for 8 bits; it reaches twice
// as far. So it has 13 bits in an int16, and more than 4,000 products of it with weights fit into a sum of 32.
const (
	fineBits = 4
	widest   = 1<<12 - 1
)

// clampFine cuts v to ±widest.
func clampFine(v int32) int16 { return int16(min(max(v, -widest), widest)) }

// clamp16 cuts v to the range of int16.
func clamp16(v int32) int32 { return min(max(v, math.MinInt16), math.MaxInt16) }

// roundAway rounds half away from zero, as all of this package does.
func roundAway(v float64) float64 { return math.Round(v) }

// The scales of numbers with a fixed point.
const (
	gateBits  = 12 // before the bends of a gate: ±8
	curveBits = 15 // what sigmoid and tanh give
	cellBits  = 11 // the LSTM's cell: ±16
	stateBits = 12 // the LSTM's output: the scale is 1/4096
	logBits   = 8  // logarithms to base 2
)

// curve is a function on [−8, 8) as 256 values of 16 bits.
type curve [256]int16

func newCurve(f func(float64) float64) *curve {
	c := &curve{}
	for i := range c {
		c[i] = int16(min(roundAway(f(float64(i-128)/16)*(1<<curveBits)), math.MaxInt16))
	}
	return c
}

var (
	sigmoidCurve = newCurve(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
	tanhCurve    = newCurve(math.Tanh)
)

// at is the function at v·2^−gateBits, between two values along a straight line; v is within int16.
func (c *curve) at(v int32) int32 {
	u := v + 1<<15
	i, part := u>>8, u&255
	a := int32(c[i])
	if i == 255 {
		return a
	}
	return a + int32(roundShift(int64((int32(c[i+1])-a)*part), 8))
}

// logTable is the fractional part of log2 for the eight bits behind the first one, in units of 2^−logBits, at the
// middle of each.
var logTable = func() (t [256]uint8) {
	for i := range t {
		t[i] = uint8(min(roundAway(math.Log2(1+(float64(i)+0.5)/256)*(1<<logBits)), 255))
	}
	return t
}()

// log2 is the logarithm of v, which is at least 1, in units of 2^−logBits, to within 1.25 of them.
func log2(v uint64) int32 {
	e := bits.Len64(v) - 1
	var m uint64
	if e >= 8 {
		m = v >> (e - 8) & 255
	} else {
		m = v << (8 - e) & 255
	}
	return int32(e)<<logBits + int32(logTable[m])
}
