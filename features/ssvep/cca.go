// Package ssvep holds detectors of steady-state visual evoked potentials: which of several flickers is looked at.
package ssvep

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/csp/bank"
)

func init() {
	features.Register("cca", func() features.Step { return &CCA{Harmonics: 2} })
	features.Register("fbcca", func() features.Step {
		return &FBCCA{Harmonics: 5, Power: 1.25, Offset: 0.25}
	})
}

// CCA turns a window [channels, samples] into one number per flicker: the first canonical correlation, 0 to 1, between
// the channels and the sines and cosines of the flicker's frequency and its harmonics (Lin, Zhang, Wu and Gao 2006,
// doi:10.1109/TBME.2006.886577):
//
//	ρ_k = max over a, b of corr(aᵀX, bᵀY_k),   Y_k = [sin 2πft, cos 2πft, sin 4πft, …]
//
// It needs no training. The numbers stand in the order of the classes that have a frequency, then come frequencies that
// belong to no class, by name; so the decoder "argmax" can read them.
//
// A channel that is flat, or a combination of others (as after an average reference), adds nothing and does no harm. Where
// no channel changes at all, and where a sample is not finite, the window is refused.
type CCA struct {
	Freqs     map[string]float64 `json:"freqs_hz" doc:"flicker frequency of each class in Hz, above 0; 0 for a class without one, such as rest"`
	Harmonics int                `json:"harmonics" doc:"multiples of the frequency that are looked for, the frequency itself included; at least 1, the highest below half the sampling rate"`

	core
}

// FBCCA is CCA in several frequency bands, which makes use of harmonics that are weak but narrow (Chen, Wang, Gao, Jung and
// Gao 2015, doi:10.1088/1741-2560/12/4/046008):
//
//	ρ̃_k = Σ_n w_n ρ_{k,n}²,   w_n = n^−a + b
//
// with the canonical correlation ρ_{k,n} of class k in band n = 1, 2, …. The bands come from the preprocess step
// filterbank, whose channels are called "Oz@8-88"; the paper's begin at multiples of the lowest frequency and all end
// behind the highest harmonic. They count in the order in which the filter bank makes them.
type FBCCA struct {
	Freqs     map[string]float64 `json:"freqs_hz" doc:"flicker frequency of each class in Hz, above 0; 0 for a class without one, such as rest"`
	Harmonics int                `json:"harmonics" doc:"multiples of the frequency that are looked for, the frequency itself included; at least 1, the highest below half the sampling rate"`
	Power     float64            `json:"weight_a" doc:"band n counts n^-a + b: a, a number of at least 0"`
	Offset    float64            `json:"weight_b" doc:"band n counts n^-a + b: b, a number of at least 0"`
	Bands     int                `json:"bands" doc:"number of bands the filterbank step makes; 0: as many as there are, at least 2; 1: no filterbank step"`

	core
}

// core is what both have in common.
type core struct {
	classes []string
	in      features.Format // Len is 0 before Start
	freqs   int
	bands   []bank.Band
	weights []float64
	corr    *correlator
	rows    [][]float64 // of one band
	rho     []float64
}

// flicker is the parameters that say what to look for.
type flicker struct {
	freqs     map[string]float64
	harmonics int
}

// SetClasses tells the classes, whose order the numbers will have.
func (c *core) SetClasses(classes []string) { c.classes = slices.Clone(classes) }

// Start prepares the references. The numbers are called "<class>.cca".
func (c *CCA) Start(in features.Format) (features.Format, error) {
	c.in = features.Format{}
	if i := slices.IndexFunc(in.Names, func(s string) bool { return strings.Contains(s, "@") }); i >= 0 {
		return features.Format{}, fmt.Errorf("cca: channel %q is one band of a filter bank; use fbcca, which keeps the bands apart", in.Names[i])
	}
	bands, err := bank.Group(in.Names, 1)
	if err != nil {
		return features.Format{}, fmt.Errorf("cca: %w", err)
	}
	out, err := c.start(in, bands, []float64{1}, flicker{c.Freqs, c.Harmonics}, ".cca")
	if err != nil {
		return features.Format{}, fmt.Errorf("cca: %w", err)
	}
	return out, nil
}

// Start prepares the references. The numbers are called "<class>.fbcca".
func (c *FBCCA) Start(in features.Format) (features.Format, error) {
	c.in = features.Format{}
	if !(c.Power >= 0 && c.Offset >= 0) || math.IsInf(c.Power, 0) || math.IsInf(c.Offset, 0) { // also catches NaN
		return features.Format{}, fmt.Errorf("fbcca: weight_a is %g, weight_b is %g, must be numbers of at least 0", c.Power, c.Offset)
	}
	bands, err := bank.Group(in.Names, c.Bands)
	if err != nil {
		return features.Format{}, fmt.Errorf("fbcca: %w", err)
	}
	out, err := c.start(in, bands, bandWeights(len(bands), c.Power, c.Offset), flicker{c.Freqs, c.Harmonics}, ".fbcca")
	if err != nil {
		return features.Format{}, fmt.Errorf("fbcca: %w", err)
	}
	return out, nil
}

// bandWeights is n^−a + b for the bands n = 1, 2, ….
func bandWeights(bands int, a, b float64) []float64 {
	w := make([]float64, bands)
	for i := range w {
		w[i] = math.Pow(float64(i+1), -a) + b
	}
	return w
}

func (c *core) start(in features.Format, bands []bank.Band, weights []float64, f flicker, suffix string) (features.Format, error) {
	names, freqs, err := f.order(c.classes)
	if err != nil {
		return features.Format{}, err
	}
	chs := len(bands[0].At)
	switch {
	case in.Len < 2:
		return features.Format{}, fmt.Errorf("gets %v, needs windows of at least 2 samples", in)
	case f.harmonics < 1:
		return features.Format{}, fmt.Errorf("harmonics is %d, must be at least 1", f.harmonics)
	case in.Len <= chs+2*f.harmonics:
		return features.Format{}, fmt.Errorf("windows have %d samples, but %d channels and %d harmonics fit any %d exactly; use longer windows, fewer channels or fewer harmonics",
			in.Len, chs, f.harmonics, chs+2*f.harmonics+1)
	}
	corr, err := newCorrelator(freqs, f.harmonics, chs, in.Len, in.Rate)
	if err != nil {
		return features.Format{}, err
	}
	for i := range names {
		names[i] += suffix
	}
	c.in, c.freqs, c.bands, c.weights, c.corr = in, len(freqs), bands, weights, corr
	c.rows, c.rho = make([][]float64, chs), make([]float64, len(freqs))
	return features.Format{Names: names}, nil
}

// order sorts the frequencies by the classes; those of no class come last, by name.
func (f flicker) order(classes []string) (names []string, freqs []float64, err error) {
	if len(f.freqs) == 0 {
		return nil, nil, errors.New(`freqs_hz is empty; give every class its flicker frequency, such as {"left": 13, "right": 17}`)
	}
	known := slices.Sorted(maps.Keys(f.freqs))
	for _, class := range classes {
		hz, ok := f.freqs[class]
		if !ok {
			return nil, nil, fmt.Errorf("freqs_hz has no frequency for the class %q (it has %q); use 0 for a class without a flicker", class, known)
		}
		if hz != 0 {
			names, freqs = append(names, class), append(freqs, hz)
		}
	}
	for _, name := range known {
		if hz := f.freqs[name]; hz != 0 && !slices.Contains(classes, name) {
			names, freqs = append(names, name), append(freqs, hz)
		}
	}
	if len(freqs) == 0 {
		return nil, nil, errors.New("freqs_hz is 0 for every class; at least one must flicker")
	}
	return names, freqs, nil
}

// Extract fills dst with the canonical correlations of x [channels, samples], one per frequency.
func (c *CCA) Extract(dst []float64, x [][]float64) error {
	if err := c.check(dst, x); err != nil {
		return fmt.Errorf("cca: %w", err)
	}
	if err := c.correlate(dst, x, 0); err != nil {
		return fmt.Errorf("cca: %w", err)
	}
	return nil
}

// Extract fills dst with the weighted sums of squared canonical correlations, one per frequency.
func (c *FBCCA) Extract(dst []float64, x [][]float64) error {
	if err := c.check(dst, x); err != nil {
		return fmt.Errorf("fbcca: %w", err)
	}
	clear(dst)
	for i, w := range c.weights {
		if err := c.correlate(c.rho, x, i); err != nil {
			return fmt.Errorf("fbcca: %w", err)
		}
		for k, r := range c.rho {
			dst[k] += w * r * r
		}
	}
	return nil
}

// correlate fills dst with the canonical correlations in one band.
func (c *core) correlate(dst []float64, x [][]float64, band int) error {
	b := c.bands[band]
	b.Pick(c.rows, x)
	rank, bad := c.corr.correlate(dst, c.rows)
	switch {
	case bad >= 0:
		return fmt.Errorf("channel %q holds samples that are not finite, or too large to square", c.in.Names[b.At[bad]])
	case rank == 0:
		return fmt.Errorf("no channel of band %q changes within the window: a lost electrode or a dead stream; leave the window out, or check the electrodes", b.Name)
	}
	return nil
}

func (c *core) check(dst []float64, x [][]float64) error {
	switch {
	case c.in.Len == 0:
		return errors.New("used before Start")
	case len(dst) != c.freqs:
		return fmt.Errorf("output has %d numbers, must have %d", len(dst), c.freqs)
	}
	return checkWindow(c.in, x)
}

// checkWindow reports where x has another shape than in says.
func checkWindow(in features.Format, x [][]float64) error {
	if len(x) != len(in.Names) {
		return fmt.Errorf("window has %d channels, must have %d", len(x), len(in.Names))
	}
	for ch, row := range x {
		if len(row) != in.Len {
			return fmt.Errorf("window has %d samples in channel %q, must have %d", len(row), in.Names[ch], in.Len)
		}
	}
	return nil
}
