package dsp

import (
	"fmt"
	"math"
	"math/cmplx"
)

// Morlet is the complex wavelet exp(−t²/2σ²)·(exp(2πi·f·t) − exp(−2(π·f·σ)²)) with σ = cycles/(2πf), sampled at rate Hz
// from −5σ to 5σ around t = 0: an odd number of samples, with mean zero. Its real part has unit energy, as in MNE and
// Tallon-Baudry et al. 1997 (doi:10.1523/JNEUROSCI.17-02-00722.1997). freq is in Hz.
func Morlet(freq, cycles, rate float64) []complex128 {
	if !(freq > 0 && cycles > 0 && rate > 0) {
		panic(fmt.Sprintf("dsp: Morlet wavelet of %g Hz with %g cycles at %g Hz", freq, cycles, rate))
	}
	sigma := cycles / (2 * math.Pi * freq)
	half := int(math.Ceil(5*sigma/(1/rate))) - 1 // the last sample before 5σ, rounded as numpy.arange does
	half = max(half, 0)
	w := make([]complex128, 2*half+1)
	turns := math.Pi * freq * sigma
	offset := complex(math.Exp(-2*turns*turns), 0)
	energy := 0.0
	for i := range w {
		t := float64(i-half) / rate
		w[i] = (cmplx.Exp(complex(0, 2*math.Pi*freq*t)) - offset) * complex(math.Exp(-t*t/(2*sigma*sigma)), 0)
		energy += real(w[i])*real(w[i]) + imag(w[i])*imag(w[i])
	}
	scale := complex(1/math.Sqrt(energy/2), 0)
	for i := range w {
		w[i] *= scale
	}
	return w
}

// MorletPlan convolves signals of one length with Morlet wavelets of several frequencies. It is never written to.
type MorletPlan struct {
	n        int
	forward  *RealFFT
	back     *FFT
	wavelets [][]complex128 // transforms, over the padded length
	half     []int          // samples from the start of a wavelet to its middle
}

// MorletWork is the memory of one signal at a time.
type MorletWork struct {
	forward, back *FFTWork
	padded        []float64
	bins          []complex128
	out, result   [][]complex128 // [wavelet][padded length]; [wavelet][n], parts of out
}

// NewMorletPlan plans wavelets of freqs Hz with cycles[i] cycles each for signals of n ≥ 1 samples at rate Hz. Cycles of
// length 1 are for all frequencies.
func NewMorletPlan(n int, rate float64, freqs, cycles []float64) *MorletPlan {
	if n < 1 || len(freqs) == 0 || len(cycles) != 1 && len(cycles) != len(freqs) {
		panic(fmt.Sprintf("dsp: Morlet wavelets of %d frequencies with %d numbers of cycles on %d samples", len(freqs), len(cycles), n))
	}
	p := &MorletPlan{n: n}
	longest := 0
	for i, f := range freqs {
		w := Morlet(f, cycles[i%len(cycles)], rate)
		p.wavelets, p.half = append(p.wavelets, w), append(p.half, len(w)/2)
		longest = max(longest, len(w))
	}
	size := smoothAtLeast(n + longest - 1)
	p.forward, p.back = NewRealFFT(size), NewFFT(size)
	work := p.back.NewWork()
	for i, w := range p.wavelets {
		padded := make([]complex128, size)
		copy(padded, w)
		p.back.Forward(padded, padded, work)
		p.wavelets[i] = padded
	}
	return p
}

// NewWork is the memory that Transform needs.
func (p *MorletPlan) NewWork() *MorletWork {
	size := p.forward.n
	w := &MorletWork{
		forward: p.forward.NewWork(), back: p.back.NewWork(),
		padded: make([]float64, size), bins: make([]complex128, p.forward.Bins()),
	}
	for i := range p.wavelets {
		out := make([]complex128, size)
		w.out, w.result = append(w.out, out), append(w.result, out[p.half[i]:][:p.n])
	}
	return w
}

// Transform returns x [n], which counts as zero outside, convolved with each wavelet: [wavelet][n], in step with x, valid
// until the next call with w. Squared magnitudes are MNE's tfr_array_morlet power.
func (p *MorletPlan) Transform(x []float64, w *MorletWork) [][]complex128 {
	if len(x) != p.n {
		panic(fmt.Sprintf("dsp: %d samples for wavelets planned for %d", len(x), p.n))
	}
	size := p.forward.n
	copy(w.padded, x)
	p.forward.Transform(w.bins, w.padded, w.forward)
	for i, out := range w.out {
		wavelet := p.wavelets[i]
		out[0] = w.bins[0] * wavelet[0]
		for k := 1; k < len(w.bins); k++ {
			out[size-k] = cmplx.Conj(w.bins[k]) * wavelet[size-k]
			out[k] = w.bins[k] * wavelet[k]
		}
	}
	p.back.InverseBatch(w.out, w.out, w.back)
	return w.result
}
