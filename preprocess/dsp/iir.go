package dsp

import (
	"math"
	"math/cmplx"
)

// SettledState is the memory of a cascade that has been fed ones for ever: one pair per section, to be multiplied by
// the level of a channel's first sample, so that filtering begins without the step from 0 to that level. It is
// scipy.signal.sosfilt_zi. A section with a pole at z = 1 has no such state; no design here makes one.
func (s SOS) SettledState() [][2]float64 {
	z := make([][2]float64, len(s))
	level := 1.0
	for i, c := range s {
		out := level * (c.B0 + c.B1 + c.B2) / (1 + c.A1 + c.A2)
		z[i] = [2]float64{out - c.B0*level, c.B2*level - c.A2*out}
		level = out
	}
	return z
}

// PadLen is the number of samples by which FiltFilt extends a signal at each end, as scipy.signal.sosfiltfilt does.
func (s SOS) PadLen() int {
	var b, a int
	for _, c := range s {
		if c.B2 == 0 {
			b++
		}
		if c.A2 == 0 {
			a++
		}
	}
	return 3 * (2*len(s) + 1 - min(a, b))
}

// FiltFilt filters x into dst forward and backward, so that no frequency is delayed and each loses what the cascade
// takes from it twice (in dB). x and dst are [channel][sample], all channels of one length; dst may be x.
//
// The ends are extended by their reflection through the end point and the cascade starts settled there: it is
// scipy.signal.sosfiltfilt with its defaults. A signal of PadLen samples or fewer, which SciPy refuses, is extended by
// all but one of its samples, as MNE does. A channel with a NaN or an infinity comes out as NaN from end to end.
func (s SOS) FiltFilt(dst, x [][]float64) {
	if len(x) == 0 || len(x[0]) == 0 {
		return
	}
	n := len(x[0])
	pad := min(s.PadLen(), n-1)
	settled := s.SettledState()
	z := s.NewState(lanes)
	slab := make([]float64, lanes*(n+2*pad))
	for ch := 0; ch < len(x); ch += lanes {
		group := make([][]float64, min(lanes, len(x)-ch))
		for i := range group {
			group[i] = slab[i*(n+2*pad) : (i+1)*(n+2*pad)]
			reflect(group[i], x[ch+i], pad)
		}
		z := z[:len(group)*len(s)]
		for range 2 { // to the end and back
			for i, y := range group {
				for k, v := range settled {
					z[i*len(s)+k] = [2]float64{v[0] * y[0], v[1] * y[0]}
				}
			}
			s.Filt(group, group, z)
			for _, y := range group {
				reverse(y)
			}
		}
		for i, y := range group {
			copy(dst[ch+i], y[pad:pad+n])
		}
	}
}

// reflect fills dst [pad+n+pad] with x [n] and, at both ends, its reflection through the end point: 2·x[0]−x[pad] …
// 2·x[0]−x[1], x. Where x is shorter than pad+1, zeros lie beyond the reflection ("reflect_limited" of MNE).
func reflect(dst, x []float64, pad int) {
	n := len(x)
	copy(dst[pad:], x)
	first, last := x[0], x[n-1]
	for k := 1; k <= pad; k++ {
		if k >= n {
			dst[pad-k], dst[pad+n-1+k] = 0, 0
			continue
		}
		dst[pad-k] = 2*first - x[k]
		dst[pad+n-1+k] = 2*last - x[n-1-k]
	}
}

func reverse(x []float64) {
	for i, j := 0, len(x)-1; i < j; i, j = i+1, j-1 {
		x[i], x[j] = x[j], x[i]
	}
}

// GroupDelay is by how many seconds the envelope of a wave of hz Hz is late behind the cascade at rate Hz: the
// derivative of the phase. At a frequency that a zero on the unit circle removes it is the limit from both sides.
func (s SOS) GroupDelay(hz, rate float64) float64 {
	var samples float64
	for _, c := range s {
		samples += polyDelay([]float64{c.B0, c.B1, c.B2}, hz, rate) - polyDelay([]float64{1, c.A1, c.A2}, hz, rate)
	}
	return samples / rate
}

// polyDelay is the group delay in samples of Σ b[k]·z⁻ᵏ.
func polyDelay(b []float64, hz, rate float64) float64 {
	for len(b) > 1 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	if linearPhase(b) {
		return float64(len(b)-1) / 2
	}
	var sum, ramp complex128
	for k, v := range b {
		e := cmplx.Rect(v, -2*math.Pi*hz/rate*float64(k))
		sum += e
		ramp += complex(float64(k), 0) * e
	}
	return real(ramp / sum)
}

// linearPhase says whether b is symmetric or antisymmetric: all frequencies are late by half its length.
func linearPhase(b []float64) bool {
	same, opposite := true, true
	for i, j := 0, len(b)-1; i <= j; i, j = i+1, j-1 {
		same = same && b[i] == b[j]
		opposite = opposite && b[i] == -b[j]
	}
	return same || opposite
}

// MeanDelay is the group delay in seconds, averaged over all frequencies with the power that the cascade lets pass as
// the weight: by how much white noise comes late. It is the centre of energy of the impulse response, Σ t·h²/Σ h².
func (s SOS) MeanDelay(rate float64) float64 {
	const longest = 1 << 20 // samples; a pole near the unit circle rings that long
	x := make([]float64, 1024)
	z := s.NewState(1)
	var sum, moment float64
	x[0] = 1
	for from := 0; from < longest; from += len(x) {
		s.Filt([][]float64{x}, [][]float64{x}, z)
		var part float64
		for t, h := range x {
			part += h * h
			moment += float64(from+t) * h * h
		}
		sum += part
		if part*float64(from+len(x)) <= 1e-12*moment || sum == 0 {
			break
		}
		clear(x)
	}
	if sum == 0 {
		return 0
	}
	return moment / sum / rate
}
