package timedomain

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("statistics", func() features.Step { return &Statistics{Numbers: slices.Clone(statistics)} })
}

// statistics are the names of what Statistics can compute.
var statistics = []string{"mean", "sd", "skewness", "kurtosis", "peak_to_peak", "rms", "zero_crossings"}

// Statistics describes the distribution of each channel's samples over the window:
//
//	mean            Σx/n
//	sd              √m₂, with the central moments m_k = Σ(x − mean)^k / n
//	skewness        m₃ / m₂^1.5
//	kurtosis        m₄ / m₂² − 3: that of a normal variable is 0
//	peak_to_peak    largest minus smallest
//	rms             √(Σx²/n)
//	zero_crossings  how often x − mean changes its sign, zero counting as positive
//
// They are those of numpy and scipy.stats with their defaults. Mean, sd, peak_to_peak and rms are in the unit of the
// channel.
//
// The row has the numbers asked for of each channel of a window [channels, samples]. Skewness and kurtosis are the moment
// estimates g₁ and g₂ of Joanes and Gill 1998 (doi:10.1111/1467-9884.00122).
type Statistics struct {
	Numbers []string `json:"numbers" doc:"which numbers, in this order: mean, sd, skewness, kurtosis, peak_to_peak, rms, zero_crossings"`

	shape shape
	which []int // positions in statistics
	row   []float64
}

// Start checks the parameters. The numbers are called "<channel>.mean", "<channel>.sd", ….
func (s *Statistics) Start(in features.Format) (features.Format, error) {
	s.shape, s.which = shape{}, nil
	for i, name := range s.Numbers {
		at := slices.Index(statistics, name)
		if at < 0 {
			return features.Format{}, fmt.Errorf("statistics: numbers has %q, must be of %q", name, statistics)
		}
		if slices.Contains(s.Numbers[:i], name) {
			return features.Format{}, fmt.Errorf("statistics: numbers has %q twice", name)
		}
		s.which = append(s.which, at)
	}
	if len(s.which) == 0 {
		return features.Format{}, fmt.Errorf("statistics: numbers is empty, must have at least one of %q", statistics)
	}
	out, err := s.shape.start(in, 2, s.Numbers)
	if err != nil {
		return features.Format{}, fmt.Errorf("statistics: %w", err)
	}
	s.row = make([]float64, in.Len)
	return out, nil
}

// Extract fills dst [channels × numbers] from x [channels, samples]. Where a channel is flat or holds a sample that is not
// finite, the error names it.
func (s *Statistics) Extract(dst []float64, x [][]float64) error {
	if err := s.shape.check(dst, x); err != nil {
		return fmt.Errorf("statistics: %w", err)
	}
	for ch, row := range x {
		all, m2 := s.describe(row)
		if err := s.shape.usable(ch, row, m2); err != nil {
			return fmt.Errorf("statistics: %w", err)
		}
		for i, at := range s.which {
			v := all[at]
			if math.IsNaN(v) || math.IsInf(v, 0) { // the fourth power of 1e80 is too large, that of 1e-90 is zero
				return fmt.Errorf("statistics: channel %q: %s is %g, must be finite; its samples are too large or too small for their powers", s.shape.names[ch], statistics[at], v)
			}
			dst[ch*s.shape.out+i] = v
		}
	}
	return nil
}

// describe is all statistics of one channel, in their order, and its variance.
func (s *Statistics) describe(x []float64) (all [7]float64, m2 float64) {
	mean := centre(s.row, x)
	var m3, m4, squares float64
	lo, hi, crossings := x[0], x[0], 0
	for t, d := range s.row {
		d2 := d * d
		m2 += d2
		m3 += d2 * d
		m4 += d2 * d2
		squares += x[t] * x[t]
		lo, hi = min(lo, x[t]), max(hi, x[t])
		if t > 0 && (d < 0) != (s.row[t-1] < 0) {
			crossings++
		}
	}
	n := float64(len(x))
	m2, m3, m4 = m2/n, m3/n, m4/n
	return [7]float64{mean, math.Sqrt(m2), m3 / (m2 * math.Sqrt(m2)), m4/(m2*m2) - 3, hi - lo, math.Sqrt(squares / n), float64(crossings)}, m2
}
