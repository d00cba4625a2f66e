package dsp

import "fmt"

// Section is one second-order section, a transfer function
//
//	H(z) = (B0 + B1·z⁻¹ + B2·z⁻²) / (1 + A1·z⁻¹ + A2·z⁻²)
//
// as one row of SciPy's sos arrays, with a0 = 1 left out.
type Section struct{ B0, B1, B2, A1, A2 float64 }

// stable says whether both poles are inside the unit circle: the stability triangle (Jury 1964).
func (s Section) stable() bool {
	return -1 < s.A2 && s.A2 < 1 && -(1+s.A2) < s.A1 && s.A1 < 1+s.A2
}

// SOS is a cascade of sections; the signal runs through the first one first.
type SOS []Section

// NewState is the memory of the cascade for a number of channels, at rest. Section i of channel ch remembers its two
// values in element ch·len(s)+i.
func (s SOS) NewState(channels int) [][2]float64 { return make([][2]float64, channels*len(s)) }

// These two constants are about speed alone: the arithmetic of a channel is the same whatever they are.
const (
	lanes = 4   // channels filtered side by side: one recursion waits for itself, four keep the processor busy
	block = 512 // samples for which all sections run before the next samples: 4 channels fit the first-level cache
)

// Filt filters x into dst and carries z, which comes from NewState, from call to call.
//
// x and dst are [channel][sample], all channels of one length; dst may be x. It is the transposed direct form II of
// scipy.signal.sosfilt. A channel's output depends on its samples so far and on nothing else, bit for bit: not on the
// lengths of the calls, not on the other channels, not on the processor. A NaN or an infinity stays in its channel,
// and for ever: the recursion never forgets it until z is cleared.
func (s SOS) Filt(dst, x [][]float64, z [][2]float64) {
	s.check(dst, x, z)
	n, ch := len(s), 0
	for ; ch+lanes <= len(x); ch += lanes {
		s.filt4(dst[ch:ch+lanes], x[ch:ch+lanes], z[ch*n:(ch+lanes)*n])
	}
	for ; ch < len(x); ch++ {
		s.filt1(dst[ch], x[ch], z[ch*n:(ch+1)*n])
	}
}

// check panics on shapes that only a bug can produce.
func (s SOS) check(dst, x [][]float64, z [][2]float64) {
	if len(dst) != len(x) || len(z) != len(x)*len(s) {
		panic(fmt.Sprintf("dsp: %d sections over %d channels into %d with %d states, must be %d", len(s), len(x), len(dst), len(z), len(x)*len(s)))
	}
	for ch := range x {
		if len(x[ch]) != len(x[0]) || len(dst[ch]) != len(x[0]) {
			panic(fmt.Sprintf("dsp: channel %d has %d samples in and %d out, channel 0 has %d", ch, len(x[ch]), len(dst[ch]), len(x[0])))
		}
	}
}

// filt1 is the definition: every sample runs through the whole cascade.
//
// The conversions float64(…) around the products look idle. They forbid the compiler to fuse them with the sum that
// follows (Go specification, "Floating-point operators"), which it does on some processors and may do in one of the
// loops here and not in another.
func (s SOS) filt1(dst, x []float64, z [][2]float64) {
	z = z[:len(s)]
	for t, v := range x {
		for i := range s {
			c, m := &s[i], &z[i]
			y := float64(c.B0*v) + m[0]
			m[0] = (float64(c.B1*v) + m[1]) - float64(c.A1*y)
			m[1] = float64(c.B2*v) - float64(c.A2*y)
			v = y
		}
		dst[t] = v
	}
}

// filt4 is filt1 over four channels, section by section. x, dst are [4][t]; z is [4·len(s)].
func (s SOS) filt4(dst, x [][]float64, z [][2]float64) {
	n, done := len(s), 0
	if haveLanes {
		done = s.filtLanes(dst, x, z)
	}
	for from := done; from < len(x[0]); from += block {
		to := min(from+block, len(x[0]))
		y0, y1, y2, y3 := dst[0][from:to], dst[1][from:to], dst[2][from:to], dst[3][from:to]
		copy(y0, x[0][from:to])
		copy(y1, x[1][from:to])
		copy(y2, x[2][from:to])
		copy(y3, x[3][from:to])
		for i := range s {
			if s[i].B0 == 1 && s[i].B2 == 1 {
				s[i].unit4(y0, y1, y2, y3, &z[i], &z[n+i], &z[2*n+i], &z[3*n+i])
			} else {
				s[i].run4(y0, y1, y2, y3, &z[i], &z[n+i], &z[2*n+i], &z[3*n+i])
			}
		}
	}
}

// run4 filters four channels in place.
func (s *Section) run4(x0, x1, x2, x3 []float64, p, q, r, o *[2]float64) {
	b0, b1, b2, a1, a2 := s.B0, s.B1, s.B2, s.A1, s.A2
	p0, p1, q0, q1, r0, r1, o0, o1 := p[0], p[1], q[0], q[1], r[0], r[1], o[0], o[1]
	x1, x2, x3 = x1[:len(x0)], x2[:len(x0)], x3[:len(x0)]
	for t, v := range x0 {
		y := float64(b0*v) + p0
		x0[t] = y
		p0 = (float64(b1*v) + p1) - float64(a1*y)
		p1 = float64(b2*v) - float64(a2*y)

		v = x1[t]
		y = float64(b0*v) + q0
		x1[t] = y
		q0 = (float64(b1*v) + q1) - float64(a1*y)
		q1 = float64(b2*v) - float64(a2*y)

		v = x2[t]
		y = float64(b0*v) + r0
		x2[t] = y
		r0 = (float64(b1*v) + r1) - float64(a1*y)
		r1 = float64(b2*v) - float64(a2*y)

		v = x3[t]
		y = float64(b0*v) + o0
		x3[t] = y
		o0 = (float64(b1*v) + o1) - float64(a1*y)
		o1 = float64(b2*v) - float64(a2*y)
	}
	*p, *q, *r, *o = [2]float64{p0, p1}, [2]float64{q0, q1}, [2]float64{r0, r1}, [2]float64{o0, o1}
}

// unit4 is run4 for B0 = B2 = 1, which all sections but the first of a design have whose zeros lie on the unit circle.
// A product with 1 is exact, so leaving it out changes no bit.
func (s *Section) unit4(x0, x1, x2, x3 []float64, p, q, r, o *[2]float64) {
	b1, a1, a2 := s.B1, s.A1, s.A2
	p0, p1, q0, q1, r0, r1, o0, o1 := p[0], p[1], q[0], q[1], r[0], r[1], o[0], o[1]
	x1, x2, x3 = x1[:len(x0)], x2[:len(x0)], x3[:len(x0)]
	for t, v := range x0 {
		y := v + p0
		x0[t] = y
		p0 = (float64(b1*v) + p1) - float64(a1*y)
		p1 = v - float64(a2*y)

		v = x1[t]
		y = v + q0
		x1[t] = y
		q0 = (float64(b1*v) + q1) - float64(a1*y)
		q1 = v - float64(a2*y)

		v = x2[t]
		y = v + r0
		x2[t] = y
		r0 = (float64(b1*v) + r1) - float64(a1*y)
		r1 = v - float64(a2*y)

		v = x3[t]
		y = v + o0
		x3[t] = y
		o0 = (float64(b1*v) + o1) - float64(a1*y)
		o1 = v - float64(a2*y)
	}
	*p, *q, *r, *o = [2]float64{p0, p1}, [2]float64{q0, q1}, [2]float64{r0, r1}, [2]float64{o0, o1}
}
