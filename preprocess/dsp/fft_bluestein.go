package dsp

// bluestein is the transform of any length as a convolution with a chirp: with c[t] = exp(−πi·t²/n),
//
//	X[k] = c[k] · Σ_t (x[t]·c[t]) · conj(c[k−t]),
//
// because −2kt = (k−t)² − k² − t². The convolution is done by transforms of a length above 2n−2 that has small factors.
type bluestein struct {
	n      int
	fft    *fftCore
	chirp  []complex128 // c[t], t < n
	kernel []complex128 // the transform of conj(c), over the length of fft, divided by that length
}

func newBluestein(n int) *bluestein {
	size := smoothAtLeast(2*n - 1)
	radices, _ := factorize(size)
	b := &bluestein{n: n, fft: newCore(size, radices), chirp: make([]complex128, n)}
	for t := range n {
		b.chirp[t] = root(t*t%(2*n), 2*n)
	}
	kernel, other := make([]complex128, size), make([]complex128, size)
	for t, c := range b.chirp {
		kernel[t] = complex(real(c), -imag(c))
		kernel[(size-t)%size] = kernel[t]
	}
	b.kernel = b.fft.run(kernel, other)
	for k, v := range b.kernel {
		b.kernel[k] = complex(real(v)/float64(size), imag(v)/float64(size))
	}
	return b
}

// smoothAtLeast is the smallest product of 2, 3 and 5, with a factor 4, that is at least n.
func smoothAtLeast(n int) int {
	for n = (n + 3) / 4 * 4; ; n += 4 {
		m := n
		for _, p := range []int{2, 3, 5} {
			for m%p == 0 {
				m /= p
			}
		}
		if m == 1 {
			return n
		}
	}
}

// run is FFT.run: x is the start of w.a.
func (b *bluestein) run(x []complex128, w *FFTWork) []complex128 {
	size := b.fft.n
	a, other := w.a[:size], w.b[:size]
	for t, c := range b.chirp {
		a[t] = cmul(x[t], c)
	}
	clear(a[b.n:])
	y := b.fft.run(a, other)
	if &y[0] == &other[0] {
		a, other = other, a
	}
	for k, c := range b.kernel {
		a[k] = cmul(a[k], c)
	}
	y = b.fft.run(a, other)
	if &y[0] == &other[0] {
		a, other = other, a
	}
	for k, c := range b.chirp { // the inverse is the forward transform read backwards
		other[k] = cmul(a[(size-k)%size], c)
	}
	return other[:b.n]
}
