package synth

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// stream is a source of random numbers of its own for one part of the simulation. The hash keeps the streams of
// neighbouring seeds apart, which seeding a generator with 1, 2, 3 would not.
func stream(part string, numbers ...uint64) *rand.Rand {
	h := fnv.New128a()
	h.Write([]byte(part))
	for _, n := range numbers {
		h.Write(binary.LittleEndian.AppendUint64(nil, n))
	}
	sum := h.Sum(nil)
	return rand.New(rand.NewPCG(scramble(binary.LittleEndian.Uint64(sum)), scramble(binary.LittleEndian.Uint64(sum[8:]))))
}

// scramble spreads every bit of x over all of them: FNV leaves the last byte it read in few (the finaliser of
// SplitMix64, Steele et al. 2014, doi:10.1145/2660193.2660195).
func scramble(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// slowest is the corner of the slowest section, in Hz: below it the background spectrum is flat.
const slowest = 0.125

// runIn is how long a filter takes to forget how it began, in seconds: nine time constants of the slowest section.
const runIn = 12

// fractional filters x in place so that the power response falls like 1/f^exponent: a chain of first-order sections with
// poles an octave apart, each followed by the zero that ends its slope of 1/f² where the mean slope is the one asked
// for (Oustaloup et al. 2000, doi:10.1109/81.817385). From 0.5 Hz to a quarter of the rate it keeps within 1 dB of the
// law for exponents from 0.25 to 1.75; above that it is flatter.
func fractional(x []float64, rate, exponent float64) {
	for corner := slowest; corner <= rate/2; corner *= 2 {
		pole := math.Exp(-2 * math.Pi * corner / rate)
		zero := math.Exp(-2 * math.Pi * corner * math.Pow(2, exponent/2) / rate)
		in, out := 0.0, 0.0
		for t, v := range x {
			out = v - zero*in + pole*out
			in, x[t] = v, out
		}
	}
}

// background is noise of variance 1 with a 1/f^exponent power spectrum, settled from the first sample on. It is the part
// of buf behind the first settle samples, which are the run-in.
func background(buf []float64, settle int, rate, exponent float64, r *rand.Rand) []float64 {
	impulse := buf[:settle]
	clear(impulse)
	impulse[0] = 1
	fractional(impulse, rate, exponent)
	// The energy of the response to an impulse is the variance that white noise of variance 1 gets.
	sd := 1 / (rms(impulse) * math.Sqrt(float64(settle)))
	for t := range buf {
		buf[t] = sd * r.NormFloat64()
	}
	fractional(buf, rate, exponent)
	return buf[settle:]
}

// carrier is a narrow-band random oscillation in quadrature: re, im have variance 1/2 each, and the line is as wide as
// bandwidth at half its height. The magnitude waxes and wanes like a Rayleigh variable, as that of a rhythm does.
func carrier(re, im []float64, rate, bandwidth float64, r *rand.Rand) {
	keep := math.Exp(-math.Pi * bandwidth / rate)
	push := math.Sqrt((1 - keep*keep) / 2)
	a, b := r.NormFloat64()*math.Sqrt(0.5), r.NormFloat64()*math.Sqrt(0.5)
	for t := range re {
		re[t], im[t] = a, b
		a = keep*a + push*r.NormFloat64()
		b = keep*b + push*r.NormFloat64()
	}
}
