// Package connectivity holds features of how channels go together within a frequency band, pair by pair, and of how the
// amplitude of a fast rhythm follows the phase of a slow one.
//
// All work on the analytic signal of the band over the window: the window without its mean is cut to the band by an ideal
// filter (its Fourier transform is zero outside), and the Hilbert transform adds the imaginary part. A window of T s and a
// band of B Hz hold about 2·T·B independent numbers: with few of them all measures are large by chance, and comparable
// only among windows of one length and bands of one width. Averages run over time within the window.
package connectivity

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/spectral"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// analytic makes analytic signals of all channels of a window.
type analytic struct {
	step  string
	names []string // of the channels; nil before Start
	n     int      // samples
	cut   int      // samples left out at either end
	df    float64  // Hz between bins
	plan  *dsp.AnalyticPlan
	work  *dsp.AnalyticWork
	x     [][]float64
	scale []float64 // root mean square of each channel
}

// start checks what all steps share.
func (a *analytic) start(step string, in features.Format, trim float64) error {
	*a = analytic{step: step}
	switch {
	case in.Len < 4 || len(in.Names) == 0:
		return fmt.Errorf("%s: gets %v, needs windows of at least 4 samples", step, in)
	case !(in.Rate > 0) || math.IsInf(in.Rate, 0):
		return fmt.Errorf("%s: sampling rate is %g Hz, must be above 0 and finite", step, in.Rate)
	case !(trim >= 0 && 2*trim*in.Rate <= float64(in.Len-4)):
		return fmt.Errorf("%s: trim_s is %g, must be at least 0 and leave 4 of the window's %d samples: at most %g", step, trim, in.Len, max(0, float64(in.Len-4)/2/in.Rate))
	}
	a.n, a.cut, a.df = in.Len, int(math.Round(trim*in.Rate)), in.Rate/float64(in.Len)
	a.plan = dsp.NewAnalyticPlan(in.Len)
	a.work = a.plan.NewWork()
	a.x, a.scale = make([][]float64, len(in.Names)), make([]float64, len(in.Names))
	for ch := range a.x {
		a.x[ch] = make([]float64, in.Len)
	}
	return nil
}

// bins are those of the band from low up to, not including, high Hz.
func (a *analytic) bins(low, high float64) (first, last int, err error) {
	at := func(hz float64) int { return min(int(math.Ceil(hz/a.df-1e-9)), a.plan.Bins()) } // an edge on a bin is that bin
	first, last = at(low), at(high)-1
	if last-first < 1 { // one bin alone is a sine: its phase tells nothing
		return 0, 0, fmt.Errorf("the spectrum of the window has a bin every %g Hz; %g up to %g Hz must hold at least 2; take a wider band or longer windows", a.df, low, high)
	}
	return first, last, nil
}

// load checks the window and takes the mean out of it.
func (a *analytic) load(dst []float64, numbers int, x [][]float64) error {
	switch {
	case a.names == nil:
		return fmt.Errorf("%s: used before Start", a.step)
	case len(x) != len(a.names):
		return fmt.Errorf("%s: window has %d channels, must have %d", a.step, len(x), len(a.names))
	case len(dst) != numbers:
		return fmt.Errorf("%s: output has %d numbers, must have %d", a.step, len(dst), numbers)
	}
	for ch, row := range x {
		if len(row) != a.n {
			return fmt.Errorf("%s: window has %d samples in channel %q, must have %d", a.step, len(row), a.names[ch], a.n)
		}
		pivot, sum, power := row[0], 0.0, 0.0 // measured from the first sample, a flat channel gives zeros
		for _, v := range row {
			sum += v - pivot
		}
		mean := sum / float64(len(row))
		for t, v := range row {
			d := v - pivot - mean
			a.x[ch][t] = d
			power += d * d
		}
		a.scale[ch] = math.Sqrt(power / float64(len(row)))
		switch {
		case power == 0:
			return fmt.Errorf("%s: channel %q is flat: its %d samples do not differ from %g; leave the channel out or repair its electrode", a.step, a.names[ch], a.n, row[0])
		case math.IsNaN(power) || math.IsInf(power, 0):
			return fmt.Errorf("%s: channel %q: variance is not finite; its samples hold NaN, infinity or values too large to square", a.step, a.names[ch])
		}
	}
	return nil
}

// lost says whether y, the band of channel ch, is no more than what rounding leaves of the rest of its spectrum.
func (a *analytic) lost(ch int, y []complex128) bool {
	power := 0.0
	for _, v := range y {
		power += real(v)*real(v) + imag(v)*imag(v)
	}
	return !(math.Sqrt(power/float64(len(y))) > 1e-13*a.scale[ch])
}

// pairs takes one number from every pair of channels in every band.
type pairs struct {
	analytic
	measure func(a, b []complex128) float64
	unit    bool // the measure wants phases only: numbers of magnitude 1
	bands   spectral.Bands
	band    [][2]int // first and last bin
	y       [][]complex128
}

func (p *pairs) start(step string, in features.Format, bands spectral.Bands, trim float64, unit bool, measure func(a, b []complex128) float64) (features.Format, error) {
	*p = pairs{unit: unit, measure: measure, bands: bands}
	if err := p.analytic.start(step, in, trim); err != nil {
		return features.Format{}, err
	}
	if len(in.Names) < 2 {
		return features.Format{}, fmt.Errorf("%s: gets 1 channel, needs at least 2: it is about pairs; use more channels", step)
	}
	if err := bands.Check(in.Rate); err != nil {
		return features.Format{}, fmt.Errorf("%s: %w", step, err)
	}
	var out features.Format
	for _, b := range bands {
		first, last, err := p.bins(b.Low, b.High)
		if err != nil {
			return features.Format{}, fmt.Errorf("%s: bands_hz: %s: %w", step, b.Name, err)
		}
		p.band = append(p.band, [2]int{first, last})
		for i, x := range in.Names {
			for _, y := range in.Names[i+1:] {
				out.Names = append(out.Names, fmt.Sprintf("%s(%s,%s).%s", step, x, y, b.Name))
			}
		}
	}
	p.y = make([][]complex128, len(in.Names))
	for ch := range p.y {
		p.y[ch] = make([]complex128, in.Len)
	}
	p.names = slices.Clone(in.Names)
	return out, nil
}

// Extract fills dst [bands × pairs] from x [channels, samples]; pairs are (1,2), (1,3), … (2,3), …. Where a channel is flat,
// has nothing in a band or holds a sample that is not finite, the error names it.
func (p *pairs) Extract(dst []float64, x [][]float64) error {
	chs := len(p.names)
	if p.names == nil {
		return errors.New("connectivity: used before Start")
	}
	if err := p.load(dst, len(p.bands)*chs*(chs-1)/2, x); err != nil {
		return err
	}
	at := 0
	for i, band := range p.band {
		p.plan.TransformBand(p.y, p.x, band[0], band[1], p.work)
		for ch, y := range p.y {
			if p.lost(ch, y) {
				return fmt.Errorf("%s: channel %q has nothing in %s (%g to %g Hz); leave the band out or use a wider filter before", p.step, p.names[ch], p.bands[i].Name, p.bands[i].Low, p.bands[i].High)
			}
			if p.unit {
				toPhase(y)
			}
		}
		for c, y := range p.y {
			for _, z := range p.y[c+1:] {
				dst[at] = p.measure(y[p.cut:p.n-p.cut], z[p.cut:p.n-p.cut])
				at++
			}
		}
	}
	return nil
}

// toPhase divides every number by its magnitude; zero stays.
func toPhase(y []complex128) {
	for t, v := range y {
		if m := math.Hypot(real(v), imag(v)); m > 0 {
			y[t] = complex(real(v)/m, imag(v)/m)
		}
	}
}
