package spectral

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("band_power", func() features.Step {
		return &BandPower{Bands: DefaultBands(), Method: methodWelch, Segment: 1, Log: true}
	})
	features.Register("differential_entropy", func() features.Step {
		return &DifferentialEntropy{Bands: DefaultBands(), Method: methodWelch, Segment: 1}
	})
}

// BandPower is each channel's power in frequency bands: the sum of the spectral density over the band's bins times their
// distance, so that the powers of neighbouring bands add up. Unit: µV² where the channel is in µV. With Relative it is
// divided by the power from the lowest edge of all bands to the highest, and has no unit; with Log it is the natural
// logarithm of either, which is nearer to normal.
//
// For a band from lo to hi Hz, with the one-sided spectral density S of Welch's method (1967, doi:10.1109/TAU.1967.1161901)
// or of tapers (Thomson 1982, doi:10.1109/PROC.1982.12433) and Δf between its bins,
//
//	P = Δf·Σ S(f)   over lo ≤ f < hi
//
// The row has channels × bands numbers.
type BandPower struct {
	Bands     Bands   `json:"bands_hz" doc:"frequency bands in Hz by name, from the first up to, not including, the second edge: {alpha: [8, 13]}"`
	Relative  bool    `json:"relative" doc:"true for shares of the power between the lowest and the highest edge of all bands"`
	Log       bool    `json:"log" doc:"true for the natural logarithm"`
	Method    string  `json:"method" doc:"how the spectrum is estimated: welch or multitaper"`
	Segment   float64 `json:"segment_s" doc:"welch: length of the segments in s, at most the window; 0 means the whole window" only:"method=welch"`
	Bandwidth float64 `json:"bandwidth_hz" doc:"multitaper: width in Hz that a line in the spectrum gets; 0 means eight over the window's length" only:"method=multitaper"`

	powers
}

// Start checks the parameters. The numbers are called "<channel>.<band>_power".
func (b *BandPower) Start(in features.Format) (features.Format, error) {
	return b.start("band_power", in, b.Bands, "power", b.Method, b.Segment, b.Bandwidth)
}

// Extract fills dst [channels × bands] from x [channels, samples]. Where a channel is flat or holds a sample that is not
// finite, the error names it.
func (b *BandPower) Extract(dst []float64, x [][]float64) error {
	if err := b.extract(dst, x); err != nil {
		return err
	}
	for i, v := range dst {
		if b.Relative {
			v /= b.all[i/len(b.first)]
		}
		if b.Log {
			v = math.Log(v)
		}
		dst[i] = v
	}
	return nil
}

// DifferentialEntropy is the entropy of each channel within frequency bands, taken as normal: ½·ln(2πe·P) in nats, where P
// is the power in the band in µV², the variance of the channel behind the band's filter (Duan, Zhu and Lu 2013,
// doi:10.1109/NER.2013.6695876). It is half the logarithm of band power and a constant; data sets of emotion
// recognition come with it.
//
// A window [channels, samples] goes in; channels × bands numbers come out.
type DifferentialEntropy struct {
	Bands     Bands   `json:"bands_hz" doc:"frequency bands in Hz by name, from the first up to, not including, the second edge: {alpha: [8, 13]}"`
	Method    string  `json:"method" doc:"how the spectrum is estimated: welch or multitaper"`
	Segment   float64 `json:"segment_s" doc:"welch: length of the segments in s, at most the window; 0 means the whole window" only:"method=welch"`
	Bandwidth float64 `json:"bandwidth_hz" doc:"multitaper: width in Hz that a line in the spectrum gets; 0 means eight over the window's length" only:"method=multitaper"`

	powers
}

// Start checks the parameters. The numbers are called "<channel>.<band>_de".
func (d *DifferentialEntropy) Start(in features.Format) (features.Format, error) {
	return d.start("differential_entropy", in, d.Bands, "de", d.Method, d.Segment, d.Bandwidth)
}

// Extract fills dst [channels × bands] from x [channels, samples]. Where a channel is flat or holds a sample that is not
// finite, the error names it.
func (d *DifferentialEntropy) Extract(dst []float64, x [][]float64) error {
	if err := d.extract(dst, x); err != nil {
		return err
	}
	for i, v := range dst {
		dst[i] = 0.5 * math.Log(2*math.Pi*math.E*v)
	}
	return nil
}

// powers adds the spectrum up over bands.
type powers struct {
	shape      shape
	est        *estimator
	bands      Bands
	first, end []int     // bins of each band
	all        []float64 // power between the outermost edges, by channel
	from, to   int       // bins of that
}

func (p *powers) start(step string, in features.Format, bands Bands, ending, method string, segment, bandwidth float64) (features.Format, error) {
	*p = powers{shape: shape{step: step}, bands: bands, all: make([]float64, len(in.Names))}
	est, err := newEstimator(in, method, segment, bandwidth)
	if err == nil {
		err = bands.Check(in.Rate)
	}
	if err != nil {
		return features.Format{}, fmt.Errorf("%s: %w", step, err)
	}
	endings := make([]string, len(bands))
	for i, b := range bands {
		first, end, err := est.bins(b.Low, b.High)
		if err != nil {
			return features.Format{}, fmt.Errorf("%s: bands_hz: %s: %w", step, b.Name, err)
		}
		p.first, p.end = append(p.first, first), append(p.end, end)
		if i == 0 {
			p.from, p.to = first, end
		}
		p.from, p.to = min(p.from, first), max(p.to, end)
		endings[i] = b.Name + "_" + ending
	}
	p.est = est
	return p.shape.start(in, endings), nil
}

// extract fills dst with the powers and all with the whole.
func (p *powers) extract(dst []float64, x [][]float64) error {
	if err := p.shape.check(dst, x); err != nil {
		return fmt.Errorf("%s: %w", p.shape.step, err)
	}
	for ch, row := range x {
		if err := p.est.spectrum(row, p.shape.names[ch]); err != nil {
			return fmt.Errorf("%s: %w", p.shape.step, err)
		}
		p.all[ch] = p.est.sum(p.from, p.to) * p.est.df
		for i, first := range p.first {
			v := p.est.sum(first, p.end[i]) * p.est.df
			if !(v > 0) {
				return fmt.Errorf("%s: channel %q has no power in %s (%g to %g Hz), whose logarithm or share does not exist; leave the band or the channel out",
					p.shape.step, p.shape.names[ch], p.bands[i].Name, p.bands[i].Low, p.bands[i].High)
			}
			dst[ch*len(p.first)+i] = v
		}
	}
	return nil
}
