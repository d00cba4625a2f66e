package connectivity

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("pac", func() features.Step {
		return &PAC{Phase: [2]float64{4, 8}, Amplitude: [2]float64{30, 50}, Bins: 18}
	})
}

// PAC is the coupling of the phase of a slow rhythm to the amplitude of a fast one within each channel: Tort's modulation
// index (Tort et al. 2010, doi:10.1152/jn.00106.2010). With p_j the mean amplitude of the fast rhythm while the phase of
// the slow one is in bin j of N, divided by the sum over the bins,
//
//	MI = 1 + Σ_j p_j·ln p_j / ln N
//
// which is 0 where all are alike and 1 where the fast rhythm lives in one bin. A bin that the phase never visits counts
// as p = 0. The amplitude's band must be wider than twice the phase's upper edge, or the side bands that make the
// coupling are filtered out. The index is small and positive by chance: some periods of the slow rhythm are needed
// for each bin to mean something.
//
// A window [channels, samples] goes in; one number per channel, without unit, comes out.
type PAC struct {
	Phase     [2]float64 `json:"phase_hz" doc:"band of the slow rhythm in Hz, from the first up to, not including, the second edge"`
	Amplitude [2]float64 `json:"amplitude_hz" doc:"band of the fast rhythm in Hz, above the slow one's; at least twice the slow one's upper edge wide"`
	Bins      int        `json:"bins" doc:"bins of phase, at least 2; 18 is usual"`
	Trim      float64    `json:"trim_s" doc:"s left out at either end of the window after filtering, where its two ends touch each other; 0 for none"`

	analytic
	bands       [2][2]int // first and last bin
	slow, fast  [][]complex128
	sums, count []float64
}

// Start checks the parameters. The numbers are called "<channel>.pac".
func (p *PAC) Start(in features.Format) (features.Format, error) {
	if err := p.start("pac", in, p.Trim); err != nil {
		return features.Format{}, err
	}
	fail := func(format string, args ...any) (features.Format, error) {
		return features.Format{}, fmt.Errorf("pac: "+format, args...)
	}
	slow, fast := p.Phase, p.Amplitude
	switch {
	case p.Bins < 2:
		return fail("bins is %d, must be at least 2", p.Bins)
	case !(slow[0] > 0 && slow[0] < slow[1]):
		return fail("phase_hz is %g to %g, must rise and be above 0", slow[0], slow[1])
	case !(slow[1] <= fast[0] && fast[0] < fast[1] && fast[1] <= in.Rate/2):
		return fail("amplitude_hz is %g to %g, must rise and lie between phase_hz's %g and %g (half the sampling rate)", fast[0], fast[1], slow[1], in.Rate/2)
	case fast[1]-fast[0] < 2*slow[1]:
		return fail("amplitude_hz is %g Hz wide, must be at least %g (twice phase_hz's upper edge) to hold the side bands of the coupling", fast[1]-fast[0], 2*slow[1])
	}
	for i, band := range [][2]float64{slow, fast} {
		first, last, err := p.bins(band[0], band[1])
		if err != nil {
			return features.Format{}, fmt.Errorf("pac: %w", err)
		}
		p.bands[i] = [2]int{first, last}
	}
	p.slow, p.fast = make([][]complex128, len(in.Names)), make([][]complex128, len(in.Names))
	var out features.Format
	for ch, name := range in.Names {
		p.slow[ch], p.fast[ch] = make([]complex128, in.Len), make([]complex128, in.Len)
		out.Names = append(out.Names, name+".pac")
	}
	p.sums, p.count = make([]float64, p.Bins), make([]float64, p.Bins)
	p.names = slices.Clone(in.Names)
	return out, nil
}

// Extract fills dst [channels] from x [channels, samples]. Where a channel is flat, has nothing in a band or holds a sample
// that is not finite, the error names it.
func (p *PAC) Extract(dst []float64, x [][]float64) error {
	if p.names == nil {
		return errors.New("pac: used before Start")
	}
	if err := p.load(dst, len(p.names), x); err != nil {
		return err
	}
	p.plan.TransformBand(p.slow, p.x, p.bands[0][0], p.bands[0][1], p.work)
	p.plan.TransformBand(p.fast, p.x, p.bands[1][0], p.bands[1][1], p.work)
	for ch, name := range p.names {
		for i, y := range [][]complex128{p.slow[ch], p.fast[ch]} {
			if p.lost(ch, y) {
				band := [][2]float64{p.Phase, p.Amplitude}[i]
				return fmt.Errorf("pac: channel %q has nothing from %g to %g Hz; take another band or a wider filter before", name, band[0], band[1])
			}
		}
		dst[ch] = p.modulation(p.slow[ch][p.cut:p.n-p.cut], p.fast[ch][p.cut:p.n-p.cut])
	}
	return nil
}

// modulation is the modulation index.
func (p *PAC) modulation(slow, fast []complex128) float64 {
	clear(p.sums)
	clear(p.count)
	for t, v := range slow {
		j := int((math.Atan2(imag(v), real(v)) + math.Pi) / (2 * math.Pi) * float64(p.Bins))
		j = min(j, p.Bins-1) // the phase π itself
		p.sums[j] += math.Hypot(real(fast[t]), imag(fast[t]))
		p.count[j]++
	}
	total := 0.0
	for j, c := range p.count {
		if c > 0 {
			p.sums[j] /= c
		}
		total += p.sums[j]
	}
	mi := 1.0
	for _, s := range p.sums {
		if s > 0 {
			mi += s / total * math.Log(s/total) / math.Log(float64(p.Bins))
		}
	}
	return max(mi, 0) // rounding may leave a hair less
}
