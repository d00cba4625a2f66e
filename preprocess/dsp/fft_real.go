package dsp

import "fmt"

// RealFFT is the plan of the transform of n real numbers (see FFT). The result is the half of the bins that says
// everything, k = 0 … n/2, in the scale of numpy.fft.rfft; bin k of a signal at rate Hz is at k·rate/n Hz.
//
// An even n is done as a complex transform of half the length: even samples are the real, odd ones the imaginary parts.
type RealFFT struct {
	n    int
	fft  *FFT
	turn []complex128 // turn[k] = −i·exp(−2πi·k/n)/2, k ≤ n/4; nil where n is odd
}

// NewRealFFT plans transforms of n ≥ 1 numbers.
func NewRealFFT(n int) *RealFFT {
	if n < 1 {
		panic(fmt.Sprintf("dsp: transform of %d numbers, must be at least 1", n))
	}
	if n%2 == 1 {
		return &RealFFT{n: n, fft: NewFFT(n)}
	}
	p := &RealFFT{n: n, fft: NewFFT(n / 2), turn: make([]complex128, n/4+1)}
	for k := range p.turn {
		w := root(k, n)
		p.turn[k] = complex(imag(w)/2, -real(w)/2)
	}
	return p
}

// Len is n.
func (p *RealFFT) Len() int { return p.n }

// Bins is n/2+1, the length of a result.
func (p *RealFFT) Bins() int { return p.n/2 + 1 }

// NewWork is the memory that the transforms need.
func (p *RealFFT) NewWork() *FFTWork {
	w := p.fft.NewWork()
	for i := range w.z {
		w.z[i] = make([]complex128, p.Bins())
	}
	w.zero = make([]float64, p.n)
	return w
}

// Transform fills dst [Bins] with the transform of x [n].
func (p *RealFFT) Transform(dst []complex128, x []float64, w *FFTWork) {
	p.check(dst, x, w)
	m := p.fft.n
	z := w.a[:m]
	if p.turn == nil {
		for t, v := range x {
			z[t] = complex(v, 0)
		}
		copy(dst, p.fft.run(z, w))
		return
	}
	for t := range z {
		z[t] = complex(x[2*t], x[2*t+1])
	}
	p.split(dst, p.fft.run(z, w))
}

// Batch fills every dst[i] [Bins] with the transform of x[i] [n]. Where the processor can it takes four at a time.
func (p *RealFFT) Batch(dst [][]complex128, x [][]float64, w *FFTWork) {
	if len(dst) != len(x) {
		panic(fmt.Sprintf("dsp: transforms of %d signals into %d", len(x), len(dst)))
	}
	for i := range x {
		p.check(dst[i], x[i], w)
	}
	if !haveLanes {
		for i := range x {
			p.Transform(dst[i], x[i], w)
		}
		return
	}
	for len(x) >= fftLanes {
		p.lanes([4][]complex128(dst), [4][]float64(x), w)
		dst, x = dst[fftLanes:], x[fftLanes:]
	}
	if len(x) == 0 {
		return
	}
	in, out := [4][]float64{w.zero, w.zero, w.zero, w.zero}, w.z
	copy(in[:], x)
	copy(out[:], dst)
	p.lanes(out, in, w)
}

// split makes the transform of the real numbers out of that of the pairs, z [n/2].
func (p *RealFFT) split(dst, z []complex128) {
	m := len(z)
	dst[0], dst[m] = complex(real(z[0])+imag(z[0]), 0), complex(real(z[0])-imag(z[0]), 0)
	for k := 1; k < len(p.turn); k++ {
		a, b := z[k], z[m-k]
		even := complex(0.5*(real(a)+real(b)), 0.5*(imag(a)-imag(b)))
		odd := cmul(complex(real(a)-real(b), imag(a)+imag(b)), p.turn[k])
		dst[k] = complex(real(even)+real(odd), imag(even)+imag(odd))
		dst[m-k] = complex(real(even)-real(odd), imag(odd)-imag(even))
	}
}

func (p *RealFFT) check(dst []complex128, x []float64, w *FFTWork) {
	if len(dst) != p.Bins() || len(x) != p.n || len(w.a) != p.fft.workLen() || len(w.zero) != p.n {
		panic(fmt.Sprintf("dsp: plan for %d real numbers got %d into %d bins with a work space of %d", p.n, len(x), len(dst), len(w.a)))
	}
}
