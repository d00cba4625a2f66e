package spectral

import (
	"fmt"
	"math"
	"strconv"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("welch", func() features.Step { return &Welch{Segment: 1, Low: 1, High: 45, Log: true} })
	features.Register("multitaper", func() features.Step { return &Multitaper{Bandwidth: 4, Low: 1, High: 45, Log: true} })
}

// Welch is each channel's power spectral density from Low to High Hz, both included, one number per bin: the average of
// periodograms of half-overlapping segments without their mean, under a periodic Hann window (Welch 1967,
// doi:10.1109/TAU.1967.1161901; scipy.signal.welch with its defaults). Unit: µV²/Hz where the channel is in µV, or its
// natural logarithm.
type Welch struct {
	Segment float64 `json:"segment_s" doc:"length of the segments in s, at most the window; bins are 1/segment_s Hz apart; 0 means the whole window"`
	Low     float64 `json:"low_hz" doc:"lowest frequency in Hz, at least 0"`
	High    float64 `json:"high_hz" doc:"highest frequency in Hz, at most half the sampling rate; 0 means that"`
	Log     bool    `json:"log" doc:"true for the natural logarithm of the density"`

	density
}

// Start checks the parameters. The numbers are called "<channel>.welch_<frequency>Hz".
func (w *Welch) Start(in features.Format) (features.Format, error) {
	return w.start("welch", in, methodWelch, w.Segment, 0, w.Low, w.High, w.Log)
}

// Multitaper is each channel's power spectral density from Low to High Hz, both included, one number per bin, by Thomson's
// method with discrete prolate spheroidal tapers (Thomson 1982, doi:10.1109/PROC.1982.12433): MNE's psd_array_multitaper
// with normalization="full" and its defaults, low_bias=True and adaptive=False. It has less variance than one window
// and less leakage than Welch's method, at a resolution of Bandwidth. Unit: µV²/Hz where the channel is in µV, or its natural
// logarithm.
type Multitaper struct {
	Bandwidth float64 `json:"bandwidth_hz" doc:"width in Hz that a line in the spectrum gets, at least one over the window's length; 0 means eight times that"`
	Low       float64 `json:"low_hz" doc:"lowest frequency in Hz, at least 0"`
	High      float64 `json:"high_hz" doc:"highest frequency in Hz, at most half the sampling rate; 0 means that"`
	Log       bool    `json:"log" doc:"true for the natural logarithm of the density"`

	density
}

// Start checks the parameters. The numbers are called "<channel>.multitaper_<frequency>Hz".
func (m *Multitaper) Start(in features.Format) (features.Format, error) {
	return m.start("multitaper", in, methodMultitaper, 0, m.Bandwidth, m.Low, m.High, m.Log)
}

// density copies a stretch of the spectrum.
type density struct {
	shape      shape
	est        *estimator
	first, end int
	log        bool
}

func (d *density) start(step string, in features.Format, method string, segment, bandwidth, low, high float64, log bool) (features.Format, error) {
	*d = density{shape: shape{step: step}, log: log}
	est, err := newEstimator(in, method, segment, bandwidth)
	if err != nil {
		return features.Format{}, fmt.Errorf("%s: %w", step, err)
	}
	if d.first, d.end, err = est.closedBins(low, high); err != nil {
		return features.Format{}, fmt.Errorf("%s: %w", step, err)
	}
	endings := make([]string, 0, d.end-d.first)
	for k := d.first; k < d.end; k++ {
		endings = append(endings, step+"_"+hz(float64(k)*est.df))
	}
	d.est = est
	return d.shape.start(in, endings), nil
}

// hz is a frequency with up to six digits.
func hz(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) + "Hz" }

// Extract fills dst [channels × bins] from x [channels, samples]. Where a channel is flat or holds a sample that is not
// finite, the error names it.
func (d *density) Extract(dst []float64, x [][]float64) error {
	if err := d.shape.check(dst, x); err != nil {
		return fmt.Errorf("%s: %w", d.shape.step, err)
	}
	for ch, row := range x {
		if err := d.est.spectrum(row, d.shape.names[ch]); err != nil {
			return fmt.Errorf("%s: %w", d.shape.step, err)
		}
		out := dst[ch*d.shape.out:][:d.shape.out]
		copy(out, d.est.psd[d.first:d.end])
		if !d.log {
			continue
		}
		for k, v := range out {
			if v == 0 {
				return fmt.Errorf("%s: channel %q has no power at %s, whose logarithm does not exist; set log to false or low_hz above it",
					d.shape.step, d.shape.names[ch], hz(float64(d.first+k)*d.est.df))
			}
			out[k] = math.Log(v)
		}
	}
	return nil
}
