package dsp

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go run -C asm . -out ../fft_lanes_amd64.s -stubs ../fft_lanes_amd64.go -pkg dsp

// haveLanes says whether the vector kernels can run. It changes the time a batch takes and not one bit of the result.
var haveLanes = cpu.X86.HasAVX

// blockLanes is the length up to which four transforms run pass by pass: the two buffers then stay in the first-level
// cache, at 64 bytes an element. It is about speed alone.
const blockLanes = 128

// runLanes is run on four transforms side by side, a and b being [n][8]: four real and four imaginary parts. A long one
// is not done pass by pass but depth first: behind a pass of radix r there are r transforms of an r-th of the length
// that have nothing to do with each other, the k-th for every r-th number of the result from k on.
func (c *fftCore) runLanes(a, b []complex128) (result, other []complex128) {
	if c.n > blockLanes {
		p := &c.passes[0]
		deep := b[fftLanes*c.n : cap(b)] // see NewWork
		p.lanes(b, a, 1, 1)
		size := c.n / p.radix
		for k := range p.radix {
			c.deeper(a[fftLanes*k:], b[fftLanes*k*size:], deep, 1, p.radix)
		}
		return a, b
	}
	for i := range c.passes {
		c.passes[i].lanes(b, a, c.passes[i].l1, 1)
		a, b = b, a
	}
	return a, b
}

// deepLen is the length of the memory for going deep: a level takes at most half of the one above, the last one two
// buffers.
func deepLen(n int) int {
	if n <= blockLanes {
		return 0
	}
	return fftLanes * (n + 2*blockLanes)
}

// deeper does passes i to last on the transform at the start of src. Its results go to every step-th element of dst.
func (c *fftCore) deeper(dst, src, deep []complex128, i, step int) {
	p := &c.passes[i]
	size := p.radix * p.ido
	if size > blockLanes {
		p.lanes(deep, src, 1, 1)
		for k := range p.radix {
			c.deeper(dst[fftLanes*k*step:], deep[fftLanes*k*p.ido:], deep[fftLanes*size:], i+1, step*p.radix)
		}
		return
	}
	next, other, l1 := deep, deep[fftLanes*size:], 1
	for ; p.ido > 1; p = &c.passes[i] {
		p.lanes(next, src, l1, 1)
		l1 *= p.radix
		src, next, other = next, other, next
		i++
	}
	p.lanes(dst, src, l1, step)
}

// lanes is one pass over l1 stretches; the last one writes to every step-th element.
func (p *fftPass) lanes(dst, src []complex128, l1, step int) {
	var tw *complex128
	if p.tw != nil {
		tw = &p.tw[0]
	}
	switch p.radix {
	case 2:
		pass2Lanes(&dst[0], &src[0], tw, l1, p.ido, step)
	case 3:
		pass3Lanes(&dst[0], &src[0], tw, l1, p.ido, step)
	case 4:
		pass4Lanes(&dst[0], &src[0], tw, l1, p.ido, step)
	case 5:
		pass5Lanes(&dst[0], &src[0], tw, l1, p.ido, step)
	default:
		pass7Lanes(&dst[0], &src[0], tw, l1, p.ido, step)
	}
}

// runLanes is run on four transforms side by side.
func (b *bluestein) runLanes(w *FFTWork) (result, other []complex128) {
	size := b.fft.n
	x, y := w.a, w.b
	mulLanes(&x[0], &x[0], &b.chirp[0], b.n, 1)
	clear(x[fftLanes*b.n:])
	x, y = b.fft.runLanes(x, y)
	mulLanes(&x[0], &x[0], &b.kernel[0], size, 1)
	x, y = b.fft.runLanes(x, y)
	mulLanes(&y[0], &x[0], &b.chirp[0], 1, 1)
	if b.n > 1 {
		mulLanes(&y[fftLanes], &x[fftLanes*(size-1)], &b.chirp[1], b.n-1, -1)
	}
	return y, x
}

// lanes transforms four signals side by side.
func (p *RealFFT) lanes(dst [fftLanes][]complex128, x [fftLanes][]float64, w *FFTWork) {
	m := p.fft.n
	in, out := [fftLanes]*float64{&x[0][0], &x[1][0], &x[2][0], &x[3][0]}, [fftLanes]*complex128{&dst[0][0], &dst[1][0], &dst[2][0], &dst[3][0]}
	if p.turn == nil {
		packRealLanes(&w.a[0], in, m)
		z, _ := p.fft.runLanes(w)
		unpackLanes(out, &z[0], p.Bins())
		return
	}
	packLanes(&w.a[0], in, m)
	z, _ := p.fft.runLanes(w)
	for i := range fftLanes {
		lo, hi := edges(z, i)
		dst[i][0], dst[i][m] = complex(lo, 0), complex(hi, 0)
	}
	if m > 1 {
		splitLanes(out, &z[0], &p.turn[0], m)
	}
}

// inverseLanes is Inverse of two to four numbers' worth; the last one fills the lanes that are left.
func (p *FFT) inverseLanes(dst, x [][]complex128, w *FFTWork) {
	var in [fftLanes]*float64
	for i := range in {
		in[i] = (*float64)(unsafe.Pointer(&x[min(i, len(x)-1)][0])) // a complex number is two real ones
	}
	packLanes(&w.a[0], in, p.n)
	z, _ := p.runLanes(w)
	var out [fftLanes]*complex128
	for i := range out {
		out[i] = &dst[min(i, len(dst)-1)][0]
	}
	unpackLanes(out, &z[0], p.n)
	scale := 1 / float64(p.n)
	for _, y := range dst { // the inverse is the forward transform read backwards
		y[0] = complex(real(y[0])*scale, imag(y[0])*scale)
		for i, j := 1, p.n-1; i <= j; i, j = i+1, j-1 {
			a, b := y[i], y[j]
			y[i], y[j] = complex(real(b)*scale, imag(b)*scale), complex(real(a)*scale, imag(a)*scale)
		}
	}
}

// edges is bins 0 and m of lane i, which are real.
func edges(z []complex128, i int) (lo, hi float64) {
	re, im := z[i/2], z[2+i/2] // element 0 is four real parts, then four imaginary ones
	if i%2 == 0 {
		return real(re) + real(im), real(re) - real(im)
	}
	return imag(re) + imag(im), imag(re) - imag(im)
}

// addLanes adds the power of the first n ≤ 4 segments of x to sum. The arithmetic is that of PSD.
func (p *WelchPlan) addLanes(sum, x []float64, n int, w *WelchWork) {
	var in [fftLanes]*float64
	var mean [fftLanes]float64
	for i := range fftLanes {
		in[i] = &w.fft.zero[0]
		if i < n {
			seg := x[i*p.step:][:p.seg]
			in[i], mean[i] = &seg[0], meanOf(seg)
		}
	}
	m := p.fft.fft.n
	packWindowLanes(&w.fft.a[0], in, m, &mean, &p.window[0])
	z, _ := p.fft.fft.runLanes(w.fft)
	for i := range n {
		lo, hi := edges(z, i)
		sum[0] += float64(lo * lo)
		sum[m] += float64(hi * hi)
	}
	if m > 1 {
		powerLanes(&sum[0], &z[0], &p.fft.turn[0], m)
	}
}
