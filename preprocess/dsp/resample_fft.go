package dsp

import (
	"fmt"
	"math"
	"math/cmplx"
)

// FFTResample changes the sampling rate of finished signals by cutting or extending their spectrum: exact for what is
// periodic, and so for a padded signal but for its ends. It is made for one length of signal and one goroutine.
type FFTResample struct {
	n, out       int     // samples in and out
	before       int     // samples of padding before the signal
	cut          int     // samples of output that the padding before becomes
	ring         bool    // joins the ends instead of padding them
	turn         float64 // angle of bin 1 by which the output is early
	in, back     *FFT
	inWork, work *FFTWork
	x, spectrum  []complex128
	y            []complex128
	ext          []float64
}

// NewFFTResample prepares to change signals of n ≥ 1 samples by the factor up/down, up to MaxRatio each and without a
// common divisor. Output k lies (offset + k·down)/up samples behind the first that goes in, 0 ≤ offset; all that lie
// before the end come out.
//
// The ends are joined to a ring by min(n/4, 2000) samples or some more, in which the reflection of one end fades into
// that of the other. They are as many as make the ring a whole number of outputs: none is off its place.
func NewFFTResample(n, up, down, offset int) (*FFTResample, error) {
	if n < 1 || min(up, down) < 1 || max(up, down) > MaxRatio || offset < 0 {
		return nil, fmt.Errorf("%d samples by %d/%d from %d on, must be at least one, by whole numbers from 1 to %d, and none below 0", n, up, down, offset, MaxRatio)
	}
	f := &FFTResample{n: n, out: max((n*up-offset+down-1)/down, 0)}
	all := smoothAtLeast((n + min(n/4, 2000) + down - 1) / down)
	f.turn = 2 * math.Pi * float64(offset) / float64(up) / float64(all*down)
	f.ring = true
	f.plan(all*down, all*up)
	return f, nil
}

// NewFFTResampleMNE prepares to change signals of n ≥ 1 samples from rate to to Hz as mne.filter.resample(x, to, rate,
// npad="auto") does, which mne.io.Raw.resample uses: the ends are extended to a power of 2, by at least min(n/8, 100)
// samples on each side, and round(n·to/rate) samples come out, at least one.
//
// The power of 2 becomes no whole number of samples in general and is rounded. So MNE's output lies up to half a sample
// off its place, and drifts by up to one more from end to end: prefer NewFFTResample.
func NewFFTResampleMNE(n int, rate, to float64) (*FFTResample, error) {
	ratio := to / rate
	if n < 1 || !(rate > 0) || !(to > 0) || math.IsInf(ratio, 0) || !(float64(n)*ratio < 1<<40) {
		return nil, fmt.Errorf("%d samples from %g to %g Hz, must be at least one and rates above 0", n, rate, to)
	}
	long := 1
	for least := n + 2*min(n/8, 100); long < least; {
		long *= 2
	}
	f := &FFTResample{n: n, out: max(int(math.RoundToEven(ratio*float64(n))), 1), before: (long - n) / 2}
	f.cut = int(math.RoundToEven(ratio * float64(f.before)))
	f.plan(long, max(int(math.RoundToEven(ratio*float64(long))), 1))
	return f, nil
}

// plan makes the transforms of the padded signals.
func (f *FFTResample) plan(long, newLong int) {
	f.in, f.back = NewFFT(long), NewFFT(newLong)
	f.inWork, f.work = f.in.NewWork(), f.back.NewWork()
	f.x, f.spectrum, f.y = make([]complex128, long), make([]complex128, newLong), make([]complex128, newLong)
	if !f.ring {
		f.ext = make([]float64, f.n+2*(long-f.n-f.before)) // as many behind as before, or one more
	}
}

// join fills f.x with x and a way back from its last to its first sample.
func (f *FFTResample) join(x []float64) {
	for t, v := range x {
		f.x[t] = complex(v, 0)
	}
	gap := f.x[f.n:]
	for i := range gap {
		behind := 2*x[f.n-1] - x[max(f.n-2-i, 0)]
		before := 2*x[0] - x[min(len(gap)-i, f.n-1)]
		w := 0.5 + 0.5*math.Cos(math.Pi*(float64(i)+0.5)/float64(len(gap)))
		f.x[f.n+i] = complex(w*behind+(1-w)*before, 0)
	}
}

// Len is the number of samples that come out.
func (f *FFTResample) Len() int { return f.out }

// Resample fills dst [Len] with x [n] at the new rate. A signal with a NaN or an infinity comes out as NaN from end to
// end, because every output is made of every input.
func (f *FFTResample) Resample(dst, x []float64) {
	if len(x) != f.n || len(dst) != f.out {
		panic(fmt.Sprintf("dsp: %d samples into %d, must be %d into %d", len(x), len(dst), f.n, f.out))
	}
	for _, v := range x {
		if v-v != 0 {
			for t := range dst {
				dst[t] = math.NaN()
			}
			return
		}
	}
	long, newLong := f.in.Len(), f.back.Len()
	if f.ring {
		f.join(x)
	} else {
		pad := (len(f.ext) - f.n) / 2
		reflect(f.ext, x, pad)
		for t, v := range f.ext[pad-f.before:][:long] {
			f.x[t] = complex(v, 0)
		}
	}
	f.in.Forward(f.x, f.x, f.inWork)
	scale := float64(newLong) / float64(long)
	shorter := min(long, newLong)
	clear(f.spectrum)
	f.spectrum[0] = complex(real(f.x[0])*scale, 0)
	for k := 1; 2*k <= shorter; k++ {
		v, gain := f.x[k], scale
		if f.turn != 0 {
			v *= cmplx.Rect(1, f.turn*float64(k))
		}
		if 2*k == shorter { // the bin at half the lower rate stands for both signs of its frequency in one of the signals
			if newLong < long {
				f.spectrum[k] = complex(2*real(v)*gain, 0)
				continue
			}
			if newLong > long {
				gain /= 2
			}
		}
		v = complex(real(v)*gain, imag(v)*gain)
		f.spectrum[k], f.spectrum[newLong-k] = v, complex(real(v), -imag(v))
		if 2*k == newLong {
			f.spectrum[k] = complex(real(v), 0)
		}
	}
	f.back.Inverse(f.y, f.spectrum, f.work)
	for t := range dst {
		dst[t] = real(f.y[f.cut+t])
	}
}
