package connectivity

import (
	"math"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/spectral"
)

func init() {
	features.Register("plv", func() features.Step { return &PLV{Bands: defaultBands()} })
	features.Register("pli", func() features.Step { return &PLI{Bands: defaultBands()} })
	features.Register("wpli", func() features.Step { return &WPLI{Bands: defaultBands()} })
	features.Register("band_coherence", func() features.Step { return &Coherence{Bands: defaultBands()} })
}

func defaultBands() spectral.Bands {
	return spectral.Bands{{Name: "alpha", Low: 8, High: 13}, {Name: "beta", Low: 13, High: 30}}
}

// PLV is the phase-locking value of every pair of channels, |mean exp(i(φ₁−φ₂))| (Lachaux et al. 1999,
// doi:10.1002/(SICI)1097-0193(1999)8:4<194::AID-HBM4>3.0.CO;2-C): 0 where the difference of phases takes all values
// alike, 1 where it stays. What one source leaks into both channels counts fully.
type PLV struct {
	Bands spectral.Bands `json:"bands_hz" doc:"frequency bands in Hz by name, from the first up to, not including, the second edge: {alpha: [8, 13]}"`
	Trim  float64        `json:"trim_s" doc:"s left out at either end of the window after filtering, where its two ends touch each other; 0 for none"`

	pairs
}

// Start checks the parameters. The numbers are called "plv(C3,C4).alpha".
func (p *PLV) Start(in features.Format) (features.Format, error) {
	return p.start("plv", in, p.Bands, p.Trim, true, meanProduct)
}

// PLI is the phase-lag index of every pair of channels, |mean sign Im(z₁·z̄₂)| (Stam, Nolte and Daffertshofer 2007,
// doi:10.1002/hbm.20346): 1 where one channel always leads, 0 where each does half of the time. What one source leaks
// into both has no lag and does not count.
type PLI struct {
	Bands spectral.Bands `json:"bands_hz" doc:"frequency bands in Hz by name, from the first up to, not including, the second edge: {alpha: [8, 13]}"`
	Trim  float64        `json:"trim_s" doc:"s left out at either end of the window after filtering, where its two ends touch each other; 0 for none"`

	pairs
}

// Start checks the parameters. The numbers are called "pli(C3,C4).alpha".
func (p *PLI) Start(in features.Format) (features.Format, error) {
	return p.start("pli", in, p.Bands, p.Trim, false, lagIndex)
}

// WPLI is the weighted phase-lag index of every pair of channels, |Σ Im(z₁·z̄₂)| / Σ|Im(z₁·z̄₂)| (Vinck et al. 2011,
// doi:10.1016/j.neuroimage.2011.01.055): the phase-lag index in which moments with a small lag count little. It is 0
// where there is no lag at any time.
type WPLI struct {
	Bands spectral.Bands `json:"bands_hz" doc:"frequency bands in Hz by name, from the first up to, not including, the second edge: {alpha: [8, 13]}"`
	Trim  float64        `json:"trim_s" doc:"s left out at either end of the window after filtering, where its two ends touch each other; 0 for none"`

	pairs
}

// Start checks the parameters. The numbers are called "wpli(C3,C4).alpha".
func (p *WPLI) Start(in features.Format) (features.Format, error) {
	return p.start("wpli", in, p.Bands, p.Trim, false, weightedLagIndex)
}

// Coherence is the magnitude of the coherency of every pair of channels over the band, |Σ z₁·z̄₂| / √(Σ|z₁|²·Σ|z₂|²): their
// correlation with any common shift of phase, 0 to 1, not squared. (The step "coherence" has a matrix of averages over
// segments, frequency by frequency; this one is over time, one number per band.)
//
// Here z is the analytic signal of a channel in the band. The row has one number, without unit, for every pair of channels
// and band (coherency: Nolte et al. 2004, doi:10.1016/j.clinph.2004.04.029).
type Coherence struct {
	Bands spectral.Bands `json:"bands_hz" doc:"frequency bands in Hz by name, from the first up to, not including, the second edge: {alpha: [8, 13]}"`
	Trim  float64        `json:"trim_s" doc:"s left out at either end of the window after filtering, where its two ends touch each other; 0 for none"`

	pairs
}

// Start checks the parameters. The numbers are called "band_coherence(C3,C4).alpha".
func (c *Coherence) Start(in features.Format) (features.Format, error) {
	return c.start("band_coherence", in, c.Bands, c.Trim, false, coherence)
}

// cross is a·b̄. The conversions forbid fused products: of a number with itself the imaginary part must be zero.
func cross(a, b complex128) (re, im float64) {
	return float64(real(a)*real(b)) + float64(imag(a)*imag(b)), float64(imag(a)*real(b)) - float64(real(a)*imag(b))
}

// meanProduct is |mean a·b̄|, at most 1 for numbers of magnitude 1.
func meanProduct(a, b []complex128) float64 {
	var re, im float64
	for t, v := range a {
		x, y := cross(v, b[t])
		re += x
		im += y
	}
	return min(math.Hypot(re, im)/float64(len(a)), 1) // rounding may leave a hair more
}

func lagIndex(a, b []complex128) float64 {
	leads := 0
	for t, v := range a {
		switch _, y := cross(v, b[t]); {
		case y > 0:
			leads++
		case y < 0:
			leads--
		}
	}
	return math.Abs(float64(leads)) / float64(len(a))
}

func weightedLagIndex(a, b []complex128) float64 {
	var sum, size float64
	for t, v := range a {
		_, y := cross(v, b[t])
		sum += y
		size += math.Abs(y)
	}
	if size == 0 {
		return 0
	}
	return math.Abs(sum) / size
}

func coherence(a, b []complex128) float64 {
	var re, im, aa, bb float64
	for t, v := range a {
		w := b[t]
		x, y := cross(v, w)
		re += x
		im += y
		aa += real(v)*real(v) + imag(v)*imag(v)
		bb += real(w)*real(w) + imag(w)*imag(w)
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return min(math.Hypot(re, im)/(math.Sqrt(aa)*math.Sqrt(bb)), 1)
}
