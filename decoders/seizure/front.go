package seizure

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/gyrus-bci/gyrus/features"
)

// frontKind says what a network reads.
type frontKind int

const (
	samplesIn frontKind = iota // [channels, samples]
	powersIn                   // [channels·bands], over the window
	secondsIn                  // [seconds, channels·bands]
)

// band is from Low up to, not including, High Hz.
type band struct{ low, high float64 }

// bands are the five of a signal that was filtered from 0.5 to 40 Hz.
var bands = []band{{1, 4}, {4, 8}, {8, 13}, {13, 30}, {30, 40}}

// dftBits is how many bits behind the point the windowed samples and their spectrum keep.
const dftBits = 3

// front makes the network's input of a window: samples, or the logarithm of the energy in bands of Hann-windowed stretches
// of one second without a gap or overlap, of which the last ends with the window. The energy of a band is Σ|X_k|² over its
// bins, X the transform of the windowed stretch less its mean, in units of (lsb/8)², plus one: what the converter cannot
// see. For powersIn the energies of all stretches are added first. Then each number loses its mean over the training
// windows and is divided by its standard deviation.
type front struct {
	kind     frontKind
	channels int
	samples  int
	lsb      float64 // µV

	stretch, count int   // samples of a stretch, stretches of a window
	first, end     []int // bins of each band
	hann, cos, sin []int16
	waves          [][2][]int16 // cos and sin at each bin from the first on, sample by sample: quicker than steps through one cycle

	fft  *fourier.FFT
	row  []float64
	spec []complex128
	sums []float64 // of the bands

	fixed []int32  // integer scratch: a stretch
	acc   []uint64 // energies
}

// newFront checks the format of the windows.
func newFront(kind frontKind, in features.Format, lsb float64) (*front, error) {
	if !(lsb > 0) || math.IsInf(lsb, 0) {
		return nil, fmt.Errorf("lsb_uv is %g, must be above 0 and finite", lsb)
	}
	f := &front{kind: kind, channels: len(in.Names), samples: in.Len, lsb: lsb}
	f.stretch = int(math.Round(in.Rate))
	if kind == samplesIn {
		return f, nil
	}
	n := f.stretch
	const most = 1024
	switch {
	case !(in.Rate >= 2*bands[len(bands)-1].high) || n > most:
		return nil, fmt.Errorf("the rate is %g Hz, must be %g to %d Hz for band powers up to %g Hz: resample", in.Rate, 2*bands[len(bands)-1].high, most, bands[len(bands)-1].high)
	case in.Len < n:
		return nil, fmt.Errorf("the windows have %d samples, must have at least the %d of one second", in.Len, n)
	}
	f.count = in.Len / n
	widest := 0
	for _, b := range bands {
		// The bins are those of the true frequencies k·rate/n.
		first, end := int(math.Ceil(b.low*float64(n)/in.Rate)), int(math.Ceil(b.high*float64(n)/in.Rate))
		f.first, f.end = append(f.first, first), append(f.end, end)
		widest = max(widest, end-first)
	}
	if kind == powersIn && widest*f.count > 128 || widest > 128 {
		return nil, fmt.Errorf("the windows have %d s, must have at most %d: the energy of a band would overflow 64 bits", f.count, 128/widest)
	}
	for t := range n {
		hann := 0.5 - 0.5*math.Cos(2*math.Pi*float64(t)/float64(n))
		s, c := math.Sincos(2 * math.Pi * float64(t) / float64(n))
		f.hann, f.cos, f.sin = append(f.hann, q15(hann)), append(f.cos, q15(c)), append(f.sin, q15(s))
	}
	for k := f.first[0]; k < f.end[len(bands)-1]; k++ {
		var wave [2][]int16
		for t := range n {
			wave[0], wave[1] = append(wave[0], f.cos[k*t%n]), append(wave[1], f.sin[k*t%n])
		}
		f.waves = append(f.waves, wave)
	}
	f.fft, f.row, f.spec = fourier.NewFFT(n), make([]float64, n), make([]complex128, n/2+1)
	f.fixed = make([]int32, n)
	f.sums, f.acc = make([]float64, f.features()), make([]uint64, f.features())
	return f, nil
}

func q15(v float64) int16 {
	return int16(min(max(roundAway(v*(1<<15)), -math.MaxInt16), math.MaxInt16))
}

// features is how many numbers have a mean of their own: channels or bands of channels.
func (f *front) features() int {
	if f.kind == samplesIn {
		return f.channels
	}
	return f.channels * len(bands)
}

// size is how many numbers the network reads.
func (f *front) size() int {
	switch f.kind {
	case samplesIn:
		return f.channels * f.samples
	case powersIn:
		return f.features()
	default:
		return f.count * f.features()
	}
}

// feature is which mean belongs to number i of the input.
func (f *front) feature(i int) int {
	if f.kind == samplesIn {
		return i / f.samples
	}
	return i % f.features()
}

// unit is what one unit of an integer feature is in those of the float one.
func (f *front) unit() float64 {
	if f.kind == samplesIn {
		return f.lsb
	}
	return 1.0 / (1 << logBits)
}

// float fills dst with the numbers before standardisation, from a window x [channels·samples] in µV.
func (f *front) float(dst, x []float64) {
	if f.kind == samplesIn {
		copy(dst, x)
		return
	}
	width := f.features()
	clear(f.sums)
	for s := range f.count {
		if f.kind == secondsIn {
			clear(f.sums)
		}
		for ch := range f.channels {
			at := ch*f.samples + f.samples - (f.count-s)*f.stretch
			f.energies(f.sums[ch*len(bands):], x[at:at+f.stretch])
		}
		if f.kind == secondsIn {
			logs(dst[s*width:(s+1)*width], f.sums)
		}
	}
	if f.kind == powersIn {
		logs(dst, f.sums)
	}
}

// energies adds those of one stretch.
func (f *front) energies(sums, x []float64) {
	mean := 0.0
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	scale := (1 << dftBits) / f.lsb
	for t, v := range x {
		f.row[t] = (v - mean) * scale * float64(f.hann[t]) / (1 << 15)
	}
	f.fft.Coefficients(f.spec, f.row)
	for b := range bands {
		for _, v := range f.spec[f.first[b]:f.end[b]] {
			sums[b] += real(v)*real(v) + imag(v)*imag(v)
		}
	}
}

func logs(dst, sums []float64) {
	for i, v := range sums {
		dst[i] = math.Log2(v + 1)
	}
}

// convert makes samples of 16 bits of a window, as a converter does: the nearest number of lsb, at most ±32767.
func (f *front) convert(dst []int16, x []float64) {
	for i, v := range x {
		dst[i] = int16(min(max(roundAway(v/f.lsb), -math.MaxInt16), math.MaxInt16))
	}
}

// integer fills dst as float does, in integers: x in lsb, logarithms in 2^−logBits.
func (f *front) integer(dst []int32, x []int16) {
	if f.kind == samplesIn {
		for i, v := range x {
			dst[i] = int32(v)
		}
		return
	}
	width := f.features()
	clear(f.acc)
	for s := range f.count {
		if f.kind == secondsIn {
			clear(f.acc)
		}
		for ch := range f.channels {
			at := ch*f.samples + f.samples - (f.count-s)*f.stretch
			f.integerEnergies(f.acc[ch*len(bands):], x[at:at+f.stretch])
		}
		if f.kind == secondsIn {
			integerLogs(dst[s*width:(s+1)*width], f.acc)
		}
	}
	if f.kind == powersIn {
		integerLogs(dst, f.acc)
	}
}

// integerEnergies adds those of one stretch. No sum overflows: the windowed samples are below 2^18,
// and as half of the window is taken away their transform is below 2^27 for the longest stretch, 1024; newFront bounds how
// many squares of that, at most 2^55 for both parts, are added.
func (f *front) integerEnergies(acc []uint64, x []int16) {
	n := len(x)
	sum := int64(0)
	for _, v := range x {
		sum += int64(v)
	}
	mean := roundDiv(sum<<dftBits, int64(n)) // what it is off by leaks into the first bin
	for t, v := range x {
		d := min(max(int64(v)<<dftBits-mean, -math.MaxInt16<<dftBits), math.MaxInt16<<dftBits)
		f.fixed[t] = int32(roundShift(d*int64(f.hann[t]), 15))
	}
	for b := range bands {
		for k := f.first[b]; k < f.end[b]; k++ {
			var re, im int64
			cos := f.waves[k-f.first[0]][0][:n]
			sin := f.waves[k-f.first[0]][1][:n]
			for t, v := range f.fixed[:n] {
				re += int64(v) * int64(cos[t])
				im += int64(v) * int64(sin[t])
			}
			re, im = roundShift(re, 15), roundShift(im, 15)
			acc[b] += uint64(re*re) + uint64(im*im)
		}
	}
}

// roundDiv is v/n rounded half away from zero, n above 0.
func roundDiv(v, n int64) int64 {
	if v < 0 {
		return -((2*-v + n) / (2 * n))
	}
	return (2*v + n) / (2 * n)
}

func integerLogs(dst []int32, acc []uint64) {
	for i, v := range acc {
		dst[i] = log2(v + 1)
	}
}

// standard is the mean and the standard deviation of each feature.
type standard struct{ mean, sd []float64 }

// learn fits them to windows, and returns what the front end makes of those.
func (f *front) learn(x [][]float64, names []string) (standard, [][]float64, error) {
	n := f.features()
	s := standard{make([]float64, n), make([]float64, n)}
	made := make([][]float64, len(x))
	for i, row := range x {
		made[i] = row // samples are what they are
		if f.kind != samplesIn {
			made[i] = make([]float64, f.size())
			f.float(made[i], row)
		}
		for j, v := range made[i] {
			s.mean[f.feature(j)] += v
		}
	}
	each := float64(len(x)) * float64(f.size()/n)
	for k := range s.mean {
		s.mean[k] /= each
	}
	for _, row := range made {
		for j, v := range row {
			d := v - s.mean[f.feature(j)]
			s.sd[f.feature(j)] += d * d
		}
	}
	for k := range s.sd {
		s.sd[k] = math.Sqrt(s.sd[k] / each)
		name := names[k*f.channels/n]
		switch {
		case math.IsNaN(s.sd[k]) || math.IsInf(s.sd[k], 0):
			return s, nil, fmt.Errorf("the values of channel %s are too large to square in a float64; scale them down", name)
		case s.sd[k] < 1e-9*math.Abs(s.mean[k]) || s.sd[k] == 0:
			return s, nil, fmt.Errorf("channel %s does not change over the training windows; leave it out (use: pick)", name)
		case f.kind == samplesIn && s.sd[k] < f.lsb:
			return s, nil, fmt.Errorf("channel %s has a standard deviation of %.3g, less than lsb_uv (%g): set lsb_uv to the step of the converter, in the unit of the windows", name, s.sd[k], f.lsb)
		}
	}
	return s, made, nil
}

// check reports what State cannot have given.
func (s standard) check() error {
	for k, v := range s.sd {
		if !(v > 0) || math.IsInf(v, 0) || math.IsNaN(s.mean[k]) || math.IsInf(s.mean[k], 0) {
			return fmt.Errorf("feature %d has the mean %g and the standard deviation %g, must be finite and above 0", k, s.mean[k], v)
		}
	}
	return nil
}

var errNotWhole = errors.New("is made for windows that are no whole number of seconds: C takes samples second by second; set the length of the windows to whole seconds")

// clone is f with scratch of its own.
func (f *front) clone() *front {
	c := *f
	if f.kind != samplesIn {
		c.fft, c.row, c.spec = fourier.NewFFT(f.stretch), make([]float64, f.stretch), make([]complex128, f.stretch/2+1)
		c.fixed, c.sums, c.acc = make([]int32, f.stretch), make([]float64, len(f.sums)), make([]uint64, len(f.acc))
	}
	return &c
}
