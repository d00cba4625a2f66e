package artifact

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/mat"
)

// yuleOrder is the order of the filter that artifact subspace reconstruction shapes spectra with.
const yuleOrder = 8

// shapingFilter designs that filter for a sampling rate: three times as sensitive below 2 Hz (eyes, drifts) and from
// 80 Hz on (muscles) as at 16 to 40 Hz, and a third as sensitive from 3 to 13 Hz, where the brain is strong. b and a
// have 9 values each, a[0] = 1.
func shapingFilter(rate float64) (b, a []float64, err error) {
	freqs := []float64{0, 2, 3, 13, 16, 40, min(80, rate/2-1), rate / 2}
	gains := []float64{3, 0.75, 0.33, 0.33, 1, 1, 3, 3}
	if rate/2-1 <= 40 { // no room for the plateau up to 40 Hz
		freqs, gains = append(freqs[:5], rate/2-1, rate/2), gains[:7]
	}
	if rate/2-1 <= 16 {
		return nil, nil, fmt.Errorf("asr: the sampling rate is %g Hz, must be above 34 Hz to tell muscles from the brain", rate)
	}
	for i := range freqs {
		freqs[i] *= 2 / rate
	}
	return yulewalk(freqs, gains)
}

// yulewalk designs a recursive filter of order 8 whose gain goes through the points (freqs, gains), straight between
// them, by the modified Yule-Walker equations (Friedlander and Porat 1984, doi:10.1109/TAES.1984.310437). freqs ascend
// from 0 to 1, the Nyquist frequency.
func yulewalk(freqs, gains []float64) (b, a []float64, err error) {
	const (
		half = 512
		n    = 2 * half // of the transforms
		lags = 4 * yuleOrder
	)
	// The gain on a grid of 513 frequencies, then its mirror image.
	grid := make([]float64, half+1)
	grid[0] = gains[0]
	from := 0
	for i := range len(freqs) - 1 {
		to := int(freqs[i+1]*(half+1)) - 1
		for j := from; j <= to; j++ {
			r := 0.0
			if to > from {
				r = float64(j-from) / float64(to-from)
			}
			grid[j] = r*gains[i+1] + (1-r)*gains[i]
		}
		from = to + 1
	}
	power := make([]complex128, n)
	for k := range power {
		g := grid[min(k, n-k)]
		power[k] = complex(g*g, 0)
	}
	twiddle := make([]complex128, n)
	for k := range twiddle {
		twiddle[k] = cmplx.Rect(1, 2*math.Pi*float64(k)/n)
	}
	// The correlation that belongs to it, its first lags under a Hamming window.
	corr := dft(power, twiddle, 1)
	r := make([]float64, lags)
	for k := range r {
		r[k] = real(corr[k]) / n * (0.54 + 0.46*math.Cos(math.Pi*float64(k)/(lags-1)))
	}
	if a, err = denominator(r); err != nil {
		return nil, nil, err
	}
	// An additive decomposition of the power: its numerator, and the power that follows on all frequencies.
	r[0] /= 2
	q, err := numerator(r, a)
	if err != nil {
		return nil, nil, err
	}
	cepstrum := make([]complex128, n)
	for k := range cepstrum {
		cepstrum[k] = cmplx.Log(complex(2*real(at(q, twiddle, k)/at(a, twiddle, k)), 0))
	}
	// Its minimum-phase factor by the wing of the cepstrum, whose impulse response the numerator has to give.
	cepstrum = dft(cepstrum, twiddle, 1)
	for k := range cepstrum {
		switch {
		case k == 0:
			cepstrum[k] /= 2 * n
		case k < half:
			cepstrum[k] /= n
		default:
			cepstrum[k] = 0
		}
	}
	factor := dft(cepstrum, twiddle, -1)
	for k := range factor {
		factor[k] = cmplx.Exp(factor[k])
	}
	impulse := dft(factor, twiddle, 1)
	for k := range r {
		r[k] = real(impulse[k]) / n
	}
	b, err = numerator(r, a)
	return b, a, err
}

// dft is Σ x[t]·exp(±2πi·k·t/n) over n points, a power of two, by splitting it in even and odd samples (Cooley and
// Tukey 1965, doi:10.1090/S0025-5718-1965-0178586-1). twiddle holds exp(2πi·k/N) for an N that n divides.
func dft(x, twiddle []complex128, sign int) []complex128 {
	n := len(x)
	if n == 1 {
		return []complex128{x[0]}
	}
	half := make([]complex128, n)
	even, odd := half[:n/2], half[n/2:]
	for t := range even {
		even[t], odd[t] = x[2*t], x[2*t+1]
	}
	even, odd = dft(even, twiddle, sign), dft(odd, twiddle, sign)
	y := half
	for k := range even {
		w := twiddle[k*(len(twiddle)/n)]
		if sign < 0 {
			w = cmplx.Conj(w)
		}
		y[k], y[k+n/2] = even[k]+w*odd[k], even[k]-w*odd[k]
	}
	return y
}

// at is the polynomial c[0] + c[1]·z⁻¹ + … at point k of the unit circle.
func at(c []float64, twiddle []complex128, k int) complex128 {
	z := complex128(0)
	for i, v := range c {
		z += complex(v, 0) * cmplx.Conj(twiddle[i*k%len(twiddle)])
	}
	return z
}

// denominator solves the modified Yule-Walker equations of the correlations r, and takes its roots into the unit
// circle.
func denominator(r []float64) ([]float64, error) {
	rows := len(r) - 1 - yuleOrder
	m, rhs := mat.NewDense(rows, yuleOrder, nil), mat.NewVecDense(rows, nil)
	for i := range rows {
		for j := range yuleOrder {
			m.Set(i, j, r[yuleOrder+i-j])
		}
		rhs.SetVec(i, -r[yuleOrder+1+i])
	}
	var x mat.VecDense
	if err := x.SolveVec(m, rhs); err != nil {
		return nil, fmt.Errorf("asr: designing the spectral filter: %w", err)
	}
	// The roots are the eigenvalues of the companion matrix.
	companion := mat.NewDense(yuleOrder, yuleOrder, nil)
	for j := range yuleOrder {
		companion.Set(0, j, -x.AtVec(j))
		if j > 0 {
			companion.Set(j, j-1, 1)
		}
	}
	var eig mat.Eigen
	if !eig.Factorize(companion, mat.EigenNone) {
		return nil, errors.New("asr: designing the spectral filter: its roots did not converge")
	}
	poly := make([]complex128, 1, yuleOrder+1)
	poly[0] = 1
	for _, root := range eig.Values(nil) {
		if cmplx.Abs(root) > 1 {
			root = 1 / cmplx.Conj(root)
		}
		poly = append(poly, 0)
		for i := len(poly) - 1; i > 0; i-- {
			poly[i] -= root * poly[i-1]
		}
	}
	a := make([]float64, len(poly))
	for i, c := range poly {
		a[i] = real(c)
	}
	return a, nil
}

// numerator is the b for which the impulse response of b/a comes closest to h.
func numerator(h, a []float64) ([]float64, error) {
	one := make([]float64, len(h)) // impulse response of 1/a
	for t := range one {
		if t == 0 {
			one[t] = 1
		}
		for i := 1; i < len(a) && i <= t; i++ {
			one[t] -= a[i] * one[t-i]
		}
	}
	m := mat.NewDense(len(h), yuleOrder+1, nil)
	for t := range h {
		for j := 0; j <= min(t, yuleOrder); j++ {
			m.Set(t, j, one[t-j])
		}
	}
	var b mat.VecDense
	if err := b.SolveVec(m, mat.NewVecDense(len(h), h)); err != nil {
		return nil, fmt.Errorf("asr: designing the spectral filter: %w", err)
	}
	return b.RawVector().Data, nil
}

// shaper filters channels with b/a and remembers.
type shaper struct {
	b, a [yuleOrder + 1]float64
	z    [][yuleOrder]float64
}

// filt is y = b/a·x for one channel, in transposed direct form II. What is not finite counts as 0: the recursion would
// never forget it.
func (s *shaper) filt(ch int, y, x []float64) {
	z := s.z[ch]
	b, a := &s.b, &s.a
	for t, v := range x {
		if !finite(v) {
			v = 0
		}
		out := float64(b[0]*v) + z[0]
		for i := range yuleOrder - 1 {
			z[i] = float64(b[i+1]*v) + z[i+1] - float64(a[i+1]*out)
		}
		z[yuleOrder-1] = float64(b[yuleOrder]*v) - float64(a[yuleOrder]*out)
		y[t] = out
	}
	s.z[ch] = z
}
