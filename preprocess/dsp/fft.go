package dsp

import "fmt"

// FFT is the plan of a discrete Fourier transform of one length, of complex numbers:
//
//	X[k] = Σ_t x[t] · exp(−2πi·k·t/n),   k, t = 0 … n−1
//
// A plan is never written to: any number of goroutines may use it, each with a work space of its own (NewWork). Every
// length is possible. Products of 2, 3, 5 and 7 run through the Stockham form of Cooley and Tukey's algorithm
// (doi:10.1090/S0025-5718-1965-0178586-1), which needs no reordering; all others through Bluestein's chirp
// (doi:10.1109/TAU.1970.1162132), three to six times as long.
//
// A transform's numbers depend on its input alone, bit for bit: not on the other transforms of a batch, not on the
// processor. So no product is fused with a sum (see SOS.Filt).
type FFT struct {
	n    int
	core *fftCore   // nil where n has a prime factor above 7
	conv *bluestein // nil where it has none
}

// fftLanes is how many transforms the vector kernels do side by side.
const fftLanes = 4

// FFTWork is the memory of one transform at a time, made by a plan's NewWork and good for that plan only.
type FFTWork struct {
	a, b []complex128 // one after the other they hold what a pass reads and writes
	z    [4][]complex128
	zero []float64
}

// NewFFT plans transforms of n ≥ 1 numbers.
func NewFFT(n int) *FFT {
	if n < 1 {
		panic(fmt.Sprintf("dsp: transform of %d numbers, must be at least 1", n))
	}
	p := &FFT{n: n}
	if factors, smooth := factorize(n); smooth {
		p.core = newCore(n, factors)
	} else {
		p.conv = newBluestein(n)
	}
	return p
}

// Len is n.
func (p *FFT) Len() int { return p.n }

// NewWork is the memory that Forward and Inverse need.
func (p *FFT) NewWork() *FFTWork {
	n := p.workLen()
	const apart = 36 // whatever is no power of two: the two must not fall on the same lines of the cache
	deep := 0
	if haveLanes {
		deep = deepLen(n / fftLanes) // lies behind b
	}
	slab := make([]complex128, 2*n+apart+deep)
	return &FFTWork{a: slab[:n:n], b: slab[n+apart:][:n]}
}

// workLen is the length of either buffer of a work space: four transforms side by side, or one.
func (p *FFT) workLen() int {
	n := p.n
	if p.conv != nil {
		n = p.conv.fft.n
	}
	if haveLanes {
		n *= fftLanes
	}
	return n
}

// Forward fills dst [n] with the transform of x [n]. dst may be x.
func (p *FFT) Forward(dst, x []complex128, w *FFTWork) {
	p.check(len(dst), len(x), w)
	copy(w.a[:p.n], x)
	copy(dst, p.run(w.a[:p.n], w))
}

// Inverse fills dst [n] with what x [n] is the transform of: Σ_k x[k]·exp(2πi·k·t/n) / n. dst may be x.
func (p *FFT) Inverse(dst, x []complex128, w *FFTWork) {
	p.check(len(dst), len(x), w)
	copy(w.a[:p.n], x)
	y := p.run(w.a[:p.n], w)
	scale := 1 / float64(p.n)
	dst[0] = complex(real(y[0])*scale, imag(y[0])*scale)
	for t := 1; t < p.n; t++ { // the inverse is the forward transform read backwards
		v := y[p.n-t]
		dst[t] = complex(real(v)*scale, imag(v)*scale)
	}
}

// InverseBatch is Inverse of every x[i] [n] into dst[i] [n], four at a time where the processor can. dst[i] may be x[i].
func (p *FFT) InverseBatch(dst, x [][]complex128, w *FFTWork) {
	if len(dst) != len(x) {
		panic(fmt.Sprintf("dsp: transforms of %d signals into %d", len(x), len(dst)))
	}
	for haveLanes && len(x) >= 2 { // one alone is as fast without lanes
		n := min(fftLanes, len(x))
		for i := range n {
			p.check(len(dst[i]), len(x[i]), w)
		}
		p.inverseLanes(dst[:n], x[:n], w)
		dst, x = dst[n:], x[n:]
	}
	for i := range x {
		p.Inverse(dst[i], x[i], w)
	}
}

// run transforms x, which is the start of w.a, and returns the part of w that has the result.
func (p *FFT) run(x []complex128, w *FFTWork) []complex128 {
	if p.conv != nil {
		return p.conv.run(x, w)
	}
	return p.core.run(x, w.b[:p.n])
}

// runLanes is run on four transforms side by side.
func (p *FFT) runLanes(w *FFTWork) (result, other []complex128) {
	if p.conv != nil {
		return p.conv.runLanes(w)
	}
	return p.core.runLanes(w.a, w.b)
}

func (p *FFT) check(dst, x int, w *FFTWork) {
	if dst != p.n || x != p.n || len(w.a) != p.workLen() {
		panic(fmt.Sprintf("dsp: plan for %d numbers got %d into %d with a work space of %d", p.n, x, dst, len(w.a)))
	}
}
