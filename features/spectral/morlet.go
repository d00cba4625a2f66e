package spectral

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	features.Register("morlet", func() features.Step {
		return &Morlet{Freqs: []float64{6, 8, 10, 12, 16, 20, 25, 30}, Cycles: 5, Log: true}
	})
}

// Morlet is the mean power over the window of each channel convolved with complex Morlet wavelets (Tallon-Baudry et al.
// 1997, doi:10.1523/JNEUROSCI.17-02-00722.1997): the average over time of MNE's tfr_array_morlet(…, zero_mean=True,
// output="power"). Wavelets have a unit-energy real part, so the unit is the channel's squared, times samples. With
// Log it is the natural logarithm.
//
// The channel loses its mean first and counts as zero outside the window; within 5·Cycles/(2πf) s of either end power
// is therefore too low, equally in all windows.
type Morlet struct {
	Freqs  []float64 `json:"freqs_hz" doc:"frequencies in Hz, above 0 and below half the sampling rate, each once"`
	Cycles float64   `json:"cycles" doc:"cycles in a wavelet, above 0: more resolve frequencies better and times worse; its standard deviation is cycles/(2πf) s and its width in frequency f/cycles"`
	Log    bool      `json:"log" doc:"true for the natural logarithm"`

	shape shape
	plan  *dsp.MorletPlan
	work  *dsp.MorletWork
	row   []float64
}

// Start checks the parameters. The numbers are called "<channel>.morlet_<frequency>Hz".
func (m *Morlet) Start(in features.Format) (features.Format, error) {
	m.shape = shape{}
	fail := func(format string, args ...any) (features.Format, error) {
		return features.Format{}, fmt.Errorf("morlet: "+format, args...)
	}
	switch {
	case in.Len < 2 || len(in.Names) == 0:
		return fail("gets %v, needs windows of at least 2 samples", in)
	case !(in.Rate > 0) || math.IsInf(in.Rate, 0):
		return fail("sampling rate is %g Hz, must be above 0 and finite", in.Rate)
	case !(m.Cycles > 0) || math.IsInf(m.Cycles, 0):
		return fail("cycles is %g, must be above 0", m.Cycles)
	case len(m.Freqs) == 0:
		return features.Format{}, errors.New("morlet: freqs_hz is empty, must have at least one frequency")
	}
	length := float64(in.Len) / in.Rate
	endings, seen := make([]string, len(m.Freqs)), map[string]bool{}
	for i, f := range m.Freqs {
		if !(f > 0 && f < in.Rate/2) {
			return fail("freqs_hz has %g, must be above 0 and below %g (half the sampling rate)", f, in.Rate/2)
		}
		if need := 4 * m.Cycles / (2 * math.Pi * f); need > length {
			return fail("the wavelet of %g Hz with %g cycles needs windows of %.3g s (four standard deviations), these have %.3g s; take fewer cycles, higher frequencies or longer windows", f, m.Cycles, need, length)
		}
		endings[i] = "morlet_" + hz(f)
		if seen[endings[i]] {
			return fail("freqs_hz has %g Hz twice", f)
		}
		seen[endings[i]] = true
	}
	m.plan = dsp.NewMorletPlan(in.Len, in.Rate, m.Freqs, []float64{m.Cycles})
	m.work, m.row = m.plan.NewWork(), make([]float64, in.Len)
	return m.shape.start(in, endings), nil
}

// Extract fills dst [channels × frequencies] from x [channels, samples]. Where a channel is flat or holds a sample that is
// not finite, the error names it.
func (m *Morlet) Extract(dst []float64, x [][]float64) error {
	if err := m.shape.check(dst, x); err != nil {
		return fmt.Errorf("morlet: %w", err)
	}
	for ch, row := range x {
		mean := 0.0
		for _, v := range row {
			mean += v - row[0] // a flat channel gives zeros, not rounding errors
		}
		mean = row[0] + mean/float64(len(row))
		for t, v := range row {
			m.row[t] = v - mean
		}
		for i, y := range m.plan.Transform(m.row, m.work) {
			power := 0.0
			for _, v := range y {
				power += real(v)*real(v) + imag(v)*imag(v)
			}
			power /= float64(len(y))
			switch {
			case math.IsNaN(power) || math.IsInf(power, 0):
				return fmt.Errorf("morlet: channel %q: power is not finite; its samples hold NaN, infinity or values too large to square", m.shape.names[ch])
			case power == 0:
				return fmt.Errorf("morlet: channel %q is flat: its %d samples do not differ from %g, and there is no power; leave the channel out or repair its electrode", m.shape.names[ch], len(row), row[0])
			case m.Log:
				power = math.Log(power)
			}
			dst[ch*len(m.Freqs)+i] = power
		}
	}
	return nil
}
