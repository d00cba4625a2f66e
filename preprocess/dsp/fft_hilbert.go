package dsp

import "fmt"

// AnalyticPlan is the plan of analytic signals of n samples: x + i·H(x) with the Hilbert transform H, whose magnitude
// is the envelope of x and whose angle its phase (Gabor 1946). It is never written to.
//
// The transform is the one over n samples that go round in a circle, as scipy.signal.hilbert's: within about one period
// of the lowest frequency the two ends of the signal touch each other.
type AnalyticPlan struct {
	real *RealFFT
	back *FFT
}

// AnalyticWork is the memory of one transform at a time.
type AnalyticWork struct{ forward, back *FFTWork }

// NewAnalyticPlan plans analytic signals of n ≥ 1 samples.
func NewAnalyticPlan(n int) *AnalyticPlan {
	return &AnalyticPlan{real: NewRealFFT(n), back: NewFFT(n)}
}

// NewWork is the memory that Transform needs.
func (p *AnalyticPlan) NewWork() *AnalyticWork {
	return &AnalyticWork{forward: p.real.NewWork(), back: p.back.NewWork()}
}

// Bins is n/2+1, the number of bins of the spectrum. Bin k is at k·rate/n Hz.
func (p *AnalyticPlan) Bins() int { return p.real.Bins() }

// Transform fills every dst[i] [n] with the analytic signal of x[i] [n].
func (p *AnalyticPlan) Transform(dst [][]complex128, x [][]float64, w *AnalyticWork) {
	p.TransformBand(dst, x, 0, p.real.Bins()-1, w)
}

// TransformBand is Transform with only bins first to last, both included, of the spectrum: the analytic signals of x
// behind an ideal band-pass.
func (p *AnalyticPlan) TransformBand(dst [][]complex128, x [][]float64, first, last int, w *AnalyticWork) {
	n, bins := p.real.n, p.real.Bins()
	if len(dst) != len(x) || first < 0 || last >= bins {
		panic(fmt.Sprintf("dsp: analytic signals of %d signals into %d, bins %d to %d of %d", len(x), len(dst), first, last, bins))
	}
	for len(x) > 0 {
		var halves [fftLanes][]complex128
		m := min(fftLanes, len(x))
		for i := range m {
			if len(dst[i]) != n {
				panic(fmt.Sprintf("dsp: analytic signal of %d samples into %d", n, len(dst[i])))
			}
			halves[i] = dst[i][:bins]
		}
		p.real.Batch(halves[:m], x[:m], w.forward)
		for i := range m {
			clear(dst[i][:first])
			clear(dst[i][last+1:])
			for k := max(first, 1); k <= last && 2*k != n; k++ { // bins 0 and n/2 have no negative twin
				dst[i][k] *= 2
			}
		}
		p.back.InverseBatch(dst[:m], dst[:m], w.back)
		dst, x = dst[m:], x[m:]
	}
}
