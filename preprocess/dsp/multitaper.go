package dsp

import (
	"fmt"
	"math"
)

// DPSS returns the first k discrete prolate spheroidal sequences of n samples with the time-halfbandwidth product nw,
// and how much of each one's energy lies within ±nw/n cycles per sample (Slepian 1978,
// doi:10.1002/j.1538-7305.1978.tb02104.x).
//
// Sequences have unit energy; symmetric ones have a positive mean, antisymmetric ones begin with a positive lobe. They
// are eigenvectors of a tridiagonal matrix that commutes with the defining one (Percival and Walden 1993, section 8.3).
// With periodic they are computed for n+1 samples and lose the last, as windows for spectra do and as MNE's are.
// Requires 0 < nw < n/2 and 1 ≤ k ≤ n.
func DPSS(n int, nw float64, k int, periodic bool) (tapers [][]float64, ratios []float64) {
	if !(nw > 0 && nw < float64(n)/2) || k < 1 || k > n {
		panic(fmt.Sprintf("dsp: %d tapers of %d samples with a time-halfbandwidth product of %g", k, n, nw))
	}
	m := n
	if periodic {
		m++
	}
	w := nw / float64(m)
	diag, off := make([]float64, m), make([]float64, m)
	for t := range m {
		c := float64(m-1-2*t) / 2
		diag[t] = c * c * math.Cos(2*math.Pi*w)
		off[t] = float64(t) * float64(m-t) / 2 // off[t] couples t−1 and t
	}
	fft := NewRealFFT(2 * m) // twice the length: the correlation must not wrap around
	work, bins, padded := fft.NewWork(), make([]complex128, fft.Bins()), make([]float64, 2*m)
	for i := range k {
		v := tridiagonalVector(diag, off, tridiagonalValue(diag, off, i))
		fixTaperSign(v, i)
		clear(padded)
		copy(padded, v)
		fft.Transform(bins, padded, work)
		ratios = append(ratios, bandShare(bins, w, m))
		tapers = append(tapers, v[:n])
	}
	return tapers, ratios
}

// bandShare is Σ_s r[s]·sin(2πws)/(πs) over all lags s, where r is the autocorrelation of the taper with the spectrum
// bins over 2m samples: the taper's energy within ±w.
func bandShare(bins []complex128, w float64, m int) float64 {
	power := make([]complex128, 2*m)
	for k := range power {
		v := bins[min(k, 2*m-k)]
		power[k] = complex(real(v)*real(v)+imag(v)*imag(v), 0)
	}
	fft := NewFFT(2 * m)
	fft.Inverse(power, power, fft.NewWork())
	sum := real(power[0]) * 2 * w
	for s := 1; s < m; s++ {
		sum += 2 * real(power[s]) * math.Sin(2*math.Pi*w*float64(s)) / (math.Pi * float64(s))
	}
	return sum
}

func fixTaperSign(v []float64, order int) {
	decides := 0.0
	if order%2 == 0 {
		for _, x := range v {
			decides += x
		}
	} else {
		limit := max(1e-7, 1/float64(len(v)))
		for _, x := range v {
			if x*x > limit {
				decides = x
				break
			}
		}
	}
	if decides < 0 {
		for t := range v {
			v[t] = -v[t]
		}
	}
}

// tridiagonalValue is the i-th largest eigenvalue, by bisection with Sturm's count of the eigenvalues above a number
// (Golub and Van Loan 2013, section 8.4.1).
func tridiagonalValue(diag, off []float64, i int) float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for t := range diag { // Gershgorin
		r := off[t]
		if t+1 < len(off) {
			r += off[t+1]
		}
		lo, hi = min(lo, diag[t]-r), max(hi, diag[t]+r)
	}
	tiny := 0x1p-52 * max(math.Abs(lo), math.Abs(hi), 1)
	above := func(x float64) int {
		count, d := 0, 1.0
		for t := range diag {
			d = diag[t] - x - off[t]*off[t]/d
			if math.Abs(d) < tiny*0x1p-20 {
				d = -tiny * 0x1p-20
			}
			if d > 0 {
				count++
			}
		}
		return count
	}
	for hi-lo > tiny {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if above(mid) > i {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + (hi-lo)/2
}

// tridiagonalVector is the eigenvector of an eigenvalue that stands alone, with unit norm, by inverse iteration: Gauss
// elimination with row exchange on the shifted matrix, three times.
func tridiagonalVector(diag, off []float64, value float64) []float64 {
	n := len(diag)
	v := make([]float64, n)
	for t := range v { // no symmetry, so that it is orthogonal to no eigenvector
		v[t] = 1 + float64(t%7)/7 + float64(t)/float64(n)
	}
	normalize(v)
	if n == 1 {
		return v
	}
	scale := 0.0
	for t := range diag {
		scale = max(scale, math.Abs(diag[t]), off[t])
	}
	// u0 is the diagonal of the upper factor, u1 and u2 the bands beside it.
	u0, u1, u2, factor := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	swapped := make([]bool, n)
	u0[0], u1[0] = diag[0]-value, off[1]
	for t := 1; t < n; t++ {
		a, b, c := off[t], diag[t]-value, 0.0 // the row to eliminate
		if t+1 < n {
			c = off[t+1]
		}
		if math.Abs(a) > math.Abs(u0[t-1]) {
			swapped[t] = true
			factor[t] = u0[t-1] / a
			p1, p2 := u1[t-1], u2[t-1]
			u0[t-1], u1[t-1], u2[t-1] = a, b, c
			u0[t], u1[t] = p1-factor[t]*b, p2-factor[t]*c
			continue
		}
		if u0[t-1] == 0 {
			u0[t-1] = 0x1p-52 * scale
		}
		factor[t] = a / u0[t-1]
		u0[t], u1[t] = b-factor[t]*u1[t-1], c
	}
	if math.Abs(u0[n-1]) < 0x1p-52*scale { // the shift is an eigenvalue: the last pivot is zero but for rounding
		u0[n-1] = 0x1p-52 * scale
	}
	for range 3 {
		for t := 1; t < n; t++ {
			if swapped[t] {
				v[t-1], v[t] = v[t], v[t-1]
			}
			v[t] -= factor[t] * v[t-1]
		}
		for t := n - 1; t >= 0; t-- {
			if t+1 < n {
				v[t] -= u1[t] * v[t+1]
			}
			if t+2 < n {
				v[t] -= u2[t] * v[t+2]
			}
			v[t] /= u0[t]
		}
		normalize(v)
	}
	return v
}

func normalize(v []float64) {
	big := 0.0 // against overflow of the squares
	for _, x := range v {
		big = max(big, math.Abs(x))
	}
	for t := range v {
		v[t] /= big
	}
	scale := 1 / math.Sqrt(sumOfSquares(v))
	for t := range v {
		v[t] *= scale
	}
}

// MultitaperPlan estimates power spectral densities of signals of one length with DPSS tapers (Thomson 1982,
// doi:10.1109/PROC.1982.12433). It is never written to.
type MultitaperPlan struct {
	rate   float64
	tapers [][]float64
	weight []float64 // of each taper's periodogram, summing up to 1/rate
	fft    *RealFFT
}

// MultitaperWork is the memory of one estimate at a time.
type MultitaperWork struct {
	fft  *FFTWork
	x    [][]float64
	bins [][]complex128
}

// NewMultitaperPlan plans estimates for n samples at rate Hz with the time-halfbandwidth product nw (a spectral line
// gets 2·nw·rate/n Hz wide; MNE's default is 4). Tapers are those of ⌊2nw⌋ that have more than 0.9 of their energy within
// the band, at least one (low bias, as in MNE), weighted by that share. Requires 0.5 ≤ nw < n/2.
func NewMultitaperPlan(n int, rate, nw float64) *MultitaperPlan {
	if !(nw >= 0.5) || !(rate > 0) {
		panic(fmt.Sprintf("dsp: multitaper with a time-halfbandwidth product of %g at %g Hz", nw, rate))
	}
	tapers, ratios := DPSS(n, nw, min(int(2*nw), n), true)
	keep, sum := 0, 0.0
	for keep < len(ratios) && ratios[keep] > 0.9 {
		keep++
	}
	keep = max(keep, 1)
	for _, r := range ratios[:keep] {
		sum += r
	}
	p := &MultitaperPlan{rate: rate, tapers: tapers[:keep], fft: NewRealFFT(n)}
	for _, r := range ratios[:keep] {
		p.weight = append(p.weight, r/(sum*rate))
	}
	return p
}

// Bins is n/2+1, the length of a result.
func (p *MultitaperPlan) Bins() int { return p.fft.Bins() }

// Tapers is the number of tapers.
func (p *MultitaperPlan) Tapers() int { return len(p.tapers) }

// Freq is the frequency of bin k in Hz.
func (p *MultitaperPlan) Freq(k int) float64 { return float64(k) * p.rate / float64(p.fft.n) }

// NewWork is the memory that PSD and Spectra need.
func (p *MultitaperPlan) NewWork() *MultitaperWork {
	w := &MultitaperWork{fft: p.fft.NewWork()}
	for range p.tapers {
		w.x, w.bins = append(w.x, make([]float64, p.fft.n)), append(w.bins, make([]complex128, p.Bins()))
	}
	return w
}

// PSD fills dst [Bins] with the one-sided power spectral density of x [n], whose mean is taken out, in x's unit squared
// per Hz: MNE's psd_array_multitaper with normalization="full".
func (p *MultitaperPlan) PSD(dst, x []float64, w *MultitaperWork) {
	if len(dst) != p.Bins() {
		panic(fmt.Sprintf("dsp: multitaper spectrum of %d bins into %d", p.Bins(), len(dst)))
	}
	p.Spectra(w.bins, x, w)
	clear(dst)
	for i, bins := range w.bins {
		for k, v := range bins {
			dst[k] += p.weight[i] * (real(v)*real(v) + imag(v)*imag(v))
		}
	}
	doubleInner(dst, p.fft.n)
}

// Spectra fills dst [Tapers][Bins] with the transform of x [n] without its mean, times each taper: what cross spectra
// are made of. Weight says how to average over tapers.
func (p *MultitaperPlan) Spectra(dst [][]complex128, x []float64, w *MultitaperWork) {
	if len(x) != p.fft.n || len(dst) != len(p.tapers) {
		panic(fmt.Sprintf("dsp: multitaper spectra of %d samples with %d tapers, planned for %d with %d", len(x), len(dst), p.fft.n, len(p.tapers)))
	}
	mean := meanOf(x)
	for i, taper := range p.tapers {
		y := w.x[i][:len(x)]
		for t, v := range x {
			y[t] = (v - mean) * taper[t]
		}
	}
	p.fft.Batch(dst, w.x, w.fft)
}

// Weight is the weight of taper i's periodogram in a density per Hz, two-sided.
func (p *MultitaperPlan) Weight(i int) float64 { return p.weight[i] }
