package spectral

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("spectral_entropy", func() features.Step {
		return &Entropy{Low: 1, High: 45, Normalise: true, Method: methodWelch, Segment: 1}
	})
}

// Entropy is the Shannon entropy of each channel's spectrum taken as a distribution over its bins:
// H = −Σ_k p_k·log₂ p_k with p_k = S_k / Σ S, in bits (Inouye et al. 1991, doi:10.1016/0013-4694(91)90138-T). A pure
// tone has little, white noise has log₂ of the number of bins. With Normalise it is divided by that: 0 to 1.
//
// A window [channels, samples] goes in; one number per channel comes out.
type Entropy struct {
	Low       float64 `json:"low_hz" doc:"lowest frequency in Hz, at least 0"`
	High      float64 `json:"high_hz" doc:"highest frequency in Hz, at most half the sampling rate; 0 means that"`
	Normalise bool    `json:"normalise" doc:"true for entropy over its largest possible value, 0 to 1; false for bits"`
	Method    string  `json:"method" doc:"how the spectrum is estimated: welch or multitaper"`
	Segment   float64 `json:"segment_s" doc:"welch: length of the segments in s, at most the window; 0 means the whole window" only:"method=welch"`
	Bandwidth float64 `json:"bandwidth_hz" doc:"multitaper: width in Hz that a line in the spectrum gets; 0 means eight over the window's length" only:"method=multitaper"`

	shape      shape
	est        *estimator
	first, end int
}

// Start checks the parameters. The numbers are called "<channel>.spectral_entropy".
func (e *Entropy) Start(in features.Format) (features.Format, error) {
	e.shape = shape{}
	est, err := newEstimator(in, e.Method, e.Segment, e.Bandwidth)
	if err != nil {
		return features.Format{}, fmt.Errorf("spectral_entropy: %w", err)
	}
	if e.first, e.end, err = est.closedBins(e.Low, e.High); err != nil {
		return features.Format{}, fmt.Errorf("spectral_entropy: %w", err)
	}
	if e.end-e.first < 2 {
		return features.Format{}, fmt.Errorf("spectral_entropy: only one bin of the spectrum lies from %g to %g Hz, must be at least 2; take a wider range or longer segments", e.Low, e.High)
	}
	e.est = est
	return e.shape.start(in, []string{"spectral_entropy"}), nil
}

// Extract fills dst [channels] from x [channels, samples]. Where a channel is flat or holds a sample that is not finite,
// the error names it.
func (e *Entropy) Extract(dst []float64, x [][]float64) error {
	if err := e.shape.check(dst, x); err != nil {
		return fmt.Errorf("spectral_entropy: %w", err)
	}
	for ch, row := range x {
		if err := e.est.spectrum(row, e.shape.names[ch]); err != nil {
			return fmt.Errorf("spectral_entropy: %w", err)
		}
		sum := e.est.sum(e.first, e.end)
		if !(sum > 0) {
			return fmt.Errorf("spectral_entropy: channel %q has no power from low_hz to high_hz; take a wider range", e.shape.names[ch])
		}
		bits := 0.0
		for _, v := range e.est.psd[e.first:e.end] {
			if p := v / sum; p > 0 {
				bits -= p * math.Log2(p)
			}
		}
		if e.Normalise {
			bits /= math.Log2(float64(e.end - e.first))
		}
		dst[ch] = bits
	}
	return nil
}
