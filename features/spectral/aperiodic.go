package spectral

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("aperiodic", func() features.Step {
		return &Aperiodic{Low: 1, High: 45, Method: methodWelch, Segment: 1}
	})
}

// Aperiodic is the 1/f part of each channel's spectrum: log₁₀ S(f) = offset − exponent·log₁₀ f, without a knee. Its slope
// follows arousal, age and the balance of excitation and inhibition.
//
// The line is fitted twice, as specparam (FOOOF) does first in its fixed mode (Donoghue et al. 2020,
// doi:10.1038/s41593-020-00744-x): by least squares to all bins from Low to High Hz; then only to those that do not
// stand above that line (residual at most the 0.025th percentile of the residuals, negative ones counted as zero), so
// that rhythms pull it up less. specparam goes on to fit and remove peaks; this does not.
//
// A window [channels, samples] goes in; the numbers of each channel come out, channel by channel.
type Aperiodic struct {
	Low       float64 `json:"low_hz" doc:"lowest frequency in Hz, above 0"`
	High      float64 `json:"high_hz" doc:"highest frequency in Hz, at most half the sampling rate; 0 means that; stay below filters and line noise"`
	Method    string  `json:"method" doc:"how the spectrum is estimated: welch or multitaper"`
	Segment   float64 `json:"segment_s" doc:"welch: length of the segments in s, at most the window; 0 means the whole window" only:"method=welch"`
	Bandwidth float64 `json:"bandwidth_hz" doc:"multitaper: width in Hz that a line in the spectrum gets; 0 means eight over the window's length" only:"method=multitaper"`

	shape              shape
	est                *estimator
	first, end         int
	logF               []float64
	logS, rest, sorted []float64
	use                []bool
}

// Start checks the parameters. The numbers are called "<channel>.exponent" and "<channel>.offset", the latter
// in log₁₀(µV²/Hz) at 1 Hz.
func (a *Aperiodic) Start(in features.Format) (features.Format, error) {
	a.shape = shape{}
	est, err := newEstimator(in, a.Method, a.Segment, a.Bandwidth)
	if err != nil {
		return features.Format{}, fmt.Errorf("aperiodic: %w", err)
	}
	if !(a.Low > 0) {
		return features.Format{}, fmt.Errorf("aperiodic: low_hz is %g, must be above 0, where the logarithm exists", a.Low)
	}
	if a.first, a.end, err = est.closedBins(a.Low, a.High); err != nil {
		return features.Format{}, fmt.Errorf("aperiodic: %w", err)
	}
	n := a.end - a.first
	if n < 8 {
		return features.Format{}, fmt.Errorf("aperiodic: %d bins of the spectrum, %g Hz apart, lie from %g to %g Hz, must be at least 8; take a wider range or longer segments", n, est.df, a.Low, a.High)
	}
	slab := make([]float64, 4*n)
	a.logF, a.logS, a.rest, a.sorted, a.use = slab[:n], slab[n:2*n], slab[2*n:3*n], slab[3*n:], make([]bool, n)
	for k := range a.logF {
		a.logF[k] = math.Log10(float64(a.first+k) * est.df)
	}
	a.est = est
	return a.shape.start(in, []string{"exponent", "offset"}), nil
}

// Extract fills dst [channels × 2] from x [channels, samples]. Where a channel is flat, holds a sample that is not finite
// or has a bin without power, the error names it.
func (a *Aperiodic) Extract(dst []float64, x [][]float64) error {
	if err := a.shape.check(dst, x); err != nil {
		return fmt.Errorf("aperiodic: %w", err)
	}
	for ch, row := range x {
		if err := a.est.spectrum(row, a.shape.names[ch]); err != nil {
			return fmt.Errorf("aperiodic: %w", err)
		}
		for k, v := range a.est.psd[a.first:a.end] {
			if v == 0 {
				return fmt.Errorf("aperiodic: channel %q has no power at %s, whose logarithm does not exist; take another range", a.shape.names[ch], hz(float64(a.first+k)*a.est.df))
			}
			a.logS[k] = math.Log10(v)
		}
		dst[2*ch], dst[2*ch+1] = a.fit()
	}
	return nil
}

// fit is the two-step fit to logS.
func (a *Aperiodic) fit() (exponent, offset float64) {
	for k := range a.use {
		a.use[k] = true
	}
	slope, offset := a.line()
	for k, f := range a.logF {
		a.rest[k] = max(a.logS[k]-(offset+slope*f), 0)
	}
	copy(a.sorted, a.rest)
	slices.Sort(a.sorted)
	const percentile = 0.025
	at := percentile / 100 * float64(len(a.sorted)-1)
	i := int(at)
	limit := a.sorted[i]
	if i+1 < len(a.sorted) {
		limit += (at - float64(i)) * (a.sorted[i+1] - a.sorted[i])
	}
	count := 0
	for k, r := range a.rest {
		a.use[k] = r <= limit
		if a.use[k] {
			count++
		}
	}
	if count >= 2 { // with fewer there is no line: the first one stands
		slope, offset = a.line()
	}
	return -slope, offset
}

// line is the least-squares line through the bins in use.
func (a *Aperiodic) line() (slope, offset float64) {
	var n, mf, ms float64
	for k, use := range a.use {
		if use {
			n++
			mf += a.logF[k]
			ms += a.logS[k]
		}
	}
	mf, ms = mf/n, ms/n
	var ff, fs float64
	for k, use := range a.use {
		if use {
			d := a.logF[k] - mf
			ff += d * d
			fs += d * (a.logS[k] - ms)
		}
	}
	slope = fs / ff
	return slope, ms - slope*mf
}
