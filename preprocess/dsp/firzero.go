package dsp

import (
	"fmt"
	"math"
)

// ZeroPhaseFIR filters finished signals with linear-phase taps and takes their delay back, so that nothing comes late.
// It is made for one length of signal at a time and one goroutine.
//
// The convolution runs as overlap-save by FFT (Stockham 1966): eight blocks of a signal at once, as the real and
// imaginary parts of four transforms side by side.
type ZeroPhaseFIR struct {
	half   int // samples before and behind that one sample of the output depends on
	step   int // samples of the output that one block gives
	plan   *FFT
	kernel []complex128 // transform of the taps, over the length of the plan
	work   *FFTWork
	ext    []float64 // what one round reads of the signal with its ends extended
	rest   []float64 // what a round gives, where the signal ends in it
	tail   []float64 // the last half+1 samples of the signal, which its reflection is made of
	bad    [][2]int  // from where to where the output is NaN
}

// blocks is the number of blocks that go through the transforms together.
const blocks = 2 * fftLanes

// NewZeroPhaseFIR prepares to filter signals of about n samples with the taps h, an odd number of them, symmetric.
func NewZeroPhaseFIR(h []float64, n int) (*ZeroPhaseFIR, error) {
	if len(h)%2 == 0 || !linearPhase(h) {
		return nil, fmt.Errorf("%d taps, must be an odd number and symmetric", len(h))
	}
	size := blockSize(len(h), n)
	f := &ZeroPhaseFIR{half: len(h) / 2, step: size - len(h) + 1, plan: NewFFT(size)}
	f.work = f.plan.NewWork()
	f.kernel = make([]complex128, size)
	for k, v := range h {
		f.kernel[k] = complex(v/float64(size), 0)
	}
	f.plan.Forward(f.kernel, f.kernel, f.work)
	return f, nil
}

// blockSize is the length of the transforms that take least time for n samples.
func blockSize(taps, n int) int {
	best, least := 0, math.Inf(1)
	for size := 32; size <= 1<<24; size *= 2 {
		step := size - taps + 1
		if step < 1 {
			continue
		}
		rounds := (n + blocks*step - 1) / (blocks * step)
		cost := float64(max(rounds, 1)) * float64(size) * (math.Log2(float64(size)) + 4)
		if size > 4096 { // both buffers no longer fit the second-level cache
			cost *= 1.5
		}
		if cost < least {
			best, least = size, cost
		}
	}
	return best
}

// Filt fills dst with x filtered; both have one length of at least 1, and dst may be x.
//
// The ends are extended by their reflection through the end point, with zeros beyond it ("reflect_limited"): with the
// taps of FIR it is mne.filter.filter_data with its defaults. Where a NaN or an infinity is within half the length of the
// taps the output is NaN, and nowhere else.
func (f *ZeroPhaseFIR) Filt(dst, x []float64) {
	n := len(x)
	if n == 0 {
		return
	}
	past, all := 2*f.half, blocks*f.step // ext begins with the samples that the round before has seen too
	if f.ext == nil {
		f.ext = make([]float64, all+f.plan.Len())
	}
	f.bad = f.bad[:0]
	f.tail = append(f.tail[:0], x[max(n-1-f.half, 0):]...) // dst may be x
	f.fill(f.ext[:past], x, -f.half)
	for from := 0; from < n; from += all {
		count := min(all, n-from)
		f.fill(f.ext[past:past+count], x, from+f.half)
		clear(f.ext[past+count:])
		f.round(dst[from:from+count], f.ext)
		copy(f.ext, f.ext[count:count+past])
	}
	for _, r := range f.bad {
		for t := max(r[0], 0); t < min(r[1], n); t++ {
			dst[t] = math.NaN()
		}
	}
}

// fill fills dst with samples from on of x with its ends extended, 0 in place of what is no number.
func (f *ZeroPhaseFIR) fill(dst, x []float64, from int) {
	n := len(x)
	at := 0
	for ; at < len(dst) && from+at < 0; at++ {
		if k := -from - at; k < n {
			dst[at] = 2*x[0] - x[k]
		} else {
			dst[at] = 0
		}
	}
	if at < len(dst) && from+at < n {
		at += copy(dst[at:], x[from+at:])
	}
	for ; at < len(dst); at++ {
		if k := from + at - (n - 1); k < len(f.tail) {
			last := len(f.tail) - 1
			dst[at] = 2*f.tail[last] - f.tail[last-k]
		} else {
			dst[at] = 0
		}
	}
	if allFinite(dst) {
		return
	}
	for i, v := range dst {
		if v-v == 0 {
			continue
		}
		dst[i] = 0
		lo, hi := from+i-f.half, from+i+f.half+1
		if last := len(f.bad) - 1; last >= 0 && lo <= f.bad[last][1] {
			f.bad[last][1] = hi
		} else {
			f.bad = append(f.bad, [2]int{lo, hi})
		}
	}
}

// allFinite says whether x has neither a NaN nor an infinity: either times 0 is NaN, and so is what is added to it.
func allFinite(x []float64) bool {
	var a, b, c, d float64
	for ; len(x) >= 4; x = x[4:] {
		a += x[0] * 0
		b += x[1] * 0
		c += x[2] * 0
		d += x[3] * 0
	}
	for _, v := range x {
		a += v * 0
	}
	return a+b+c+d == 0
}

// round fills dst with up to blocks·step samples of the convolution of x with the taps, of which the first
// len(taps)−1 are left out.
func (f *ZeroPhaseFIR) round(dst, x []float64) {
	if !haveLanes {
		for i := range fftLanes { // the same pairs as side by side
			f.pair(dst, x, i*f.step, (i+fftLanes)*f.step)
		}
		return
	}
	if len(dst) == blocks*f.step {
		f.lanes(dst, x)
		return
	}
	if f.rest == nil {
		f.rest = make([]float64, blocks*f.step)
	}
	f.lanes(f.rest, x)
	copy(dst, f.rest)
}

// pair is round for the blocks of output that begin at p and q.
func (f *ZeroPhaseFIR) pair(dst, x []float64, p, q int) {
	size, step := f.plan.Len(), f.step
	if p >= len(dst) {
		return
	}
	a := f.work.a[:size]
	for t := range a {
		a[t] = complex(x[p+t], x[q+t])
	}
	y := f.plan.run(a, f.work)
	for k, c := range f.kernel {
		a[k] = cmul(y[k], c)
	}
	y = f.plan.run(a, f.work)
	for t := range step {
		at := (step - t) % size
		if p+t < len(dst) {
			dst[p+t] = real(y[at])
		}
		if q+t < len(dst) {
			dst[q+t] = imag(y[at])
		}
	}
}
