package artifact

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// How fitAmplitudes searches: the defaults of clean_rawdata.
const (
	lowQuantile   = 0.022 // the interval that is fitted, as quantiles of the clean distribution
	highQuantile  = 0.6
	quantileStep  = 0.01 // steps of the search
	cleanFraction = 0.25 // at least so many of the windows are clean
	dropFraction  = 0.1  // at most so many are weaker than any clean one
)

// shape is a generalised Gaussian, exp(−|z|^beta), with what the search needs of it.
type shape struct {
	beta   float64
	lo, hi float64 // where its quantiles lie
	scale  float64 // makes its integral 1
}

// shapes are the candidates: beta 1.7 to 3.5.
var shapes = func() []shape {
	out := make([]shape, 13)
	for i := range out {
		b := 1.7 + 0.15*float64(i)
		z := func(q float64) float64 {
			sign := math.Copysign(1, q-0.5)
			return sign * math.Pow(mathext.GammaIncRegInv(1/b, sign*(2*q-1)), 1/b)
		}
		out[i] = shape{beta: b, lo: z(lowQuantile), hi: z(highQuantile), scale: b / (2 * math.Gamma(1/b))}
	}
	return out
}()

// fitAmplitudes is the mean and the standard deviation of clean EEG among amplitudes that are clean for a quarter at
// least, otherwise too large, and too small for a tenth at most: the truncated generalised Gaussian whose histogram
// comes closest, by Kullback-Leibler divergence, to that of an interval of the sorted amplitudes (fit_eeg_distribution
// of clean_rawdata; Mullen et al. 2015, doi:10.1109/TBME.2015.2481482). There must be at least 20. Amplitudes that are
// all the same have a standard deviation of 0.
func fitAmplitudes(amplitudes []float64) (mu, sigma float64) {
	x := slices.Sorted(slices.Values(amplitudes))
	n := float64(len(x))
	if x[0] == x[len(x)-1] {
		return x[0], 0
	}
	var starts []int
	for i := 0; float64(i)*quantileStep <= dropFraction+1e-9; i++ {
		starts = append(starts, int(math.Round(n*(lowQuantile+quantileStep*float64(i)))))
	}
	widest := float64(highQuantile) - lowQuantile
	best := math.Inf(1)
	var alpha float64
	var found shape
	hist, logs, p, logp := []float64{}, []float64{}, []float64{}, []float64{}
	for i := 0; widest-quantileStep*float64(i) >= cleanFraction*widest-1e-9; i++ {
		m := int(math.Round(n * (widest - quantileStep*float64(i))))
		bins := int(math.Round(3 * math.Log2(1+float64(m)/2)))
		if m < 2 || bins < 1 {
			break
		}
		hist, logs = slices.Grow(hist[:0], bins)[:bins], logs[:0]
		var kept []int
		for _, s := range starts {
			part := x[s : s+m]
			width := part[m-1] - part[0]
			if !(width > 0) {
				continue // the same value over and over is no distribution
			}
			clear(hist)
			for _, v := range part {
				hist[min(int((v-part[0])*(float64(bins)/width)), bins-1)]++
			}
			for _, h := range hist {
				logs = append(logs, math.Log(h+0.01))
			}
			kept = append(kept, s)
		}
		for _, g := range shapes {
			p, logp = g.density(p[:0], bins), logp[:0]
			for _, q := range p {
				logp = append(logp, math.Log(q))
			}
			for k, s := range kept {
				kl := math.Log(float64(m))
				for j, q := range p {
					kl += float64(q * (logp[j] - logs[k*bins+j]))
				}
				if kl < best {
					best, found = kl, g
					alpha = (x[s+m-1] - x[s]) / (g.hi - g.lo)
					mu = x[s] - float64(g.lo*alpha)
				}
			}
		}
	}
	if math.IsInf(best, 1) { // no interval has a width: more than half of the amplitudes are the same
		return x[len(x)/2], 0
	}
	return mu, math.Sqrt(alpha * alpha * math.Gamma(3/found.beta) / math.Gamma(1/found.beta))
}

// density appends g at the centres of bins between its quantiles, with a sum of 1.
func (g shape) density(dst []float64, bins int) []float64 {
	sum := 0.0
	for j := range bins {
		z := g.lo + (float64(j)+0.5)/float64(bins)*(g.hi-g.lo)
		dst = append(dst, math.Exp(-math.Pow(math.Abs(z), g.beta))*g.scale)
		sum += dst[j]
	}
	for j := range dst {
		dst[j] /= sum
	}
	return dst
}
