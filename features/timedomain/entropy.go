package timedomain

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("sample_entropy", func() features.Step { return &SampleEntropy{Order: 2, Tolerance: 0.2} })
	features.Register("permutation_entropy", func() features.Step { return &PermutationEntropy{Order: 3, Delay: 1, Normalise: true} })
}

// SampleEntropy is how little of each channel repeats itself: −ln(A/B), where B counts the pairs of stretches of Order
// samples that differ by less than Tolerance·sd everywhere, and A those that do so one sample longer (Richman and Moorman
// 2000, doi:10.1152/ajpheart.2000.278.6.H2039); sd divides by the number of samples. In nats. The time grows with the
// square of the window: 250 samples take some 0.1 ms a channel, 2500 a hundred times that.
//
// Where no stretch repeats itself the logarithm does not exist; the number is then the largest that windows of this length
// can have, ln(n−m) + ln(n−m−1) − ln 2 with m = Order, which is Richman and Moorman's upper bound.
type SampleEntropy struct {
	Order     int     `json:"order" doc:"length of the stretches compared, in samples, at least 1; 2 is usual"`
	Tolerance float64 `json:"tolerance" doc:"difference below which samples are alike, over the channel's standard deviation, above 0; 0.2 is usual"`

	shape shape
}

// Start needs windows of at least Order+2 samples. The numbers are called "<channel>.sample_entropy".
func (s *SampleEntropy) Start(in features.Format) (features.Format, error) {
	s.shape = shape{}
	if s.Order < 1 {
		return features.Format{}, fmt.Errorf("sample_entropy: order is %d, must be at least 1", s.Order)
	}
	if !(s.Tolerance > 0) || math.IsInf(s.Tolerance, 0) {
		return features.Format{}, fmt.Errorf("sample_entropy: tolerance is %g, must be above 0", s.Tolerance)
	}
	out, err := s.shape.start(in, s.Order+2, []string{"sample_entropy"})
	if err != nil {
		return features.Format{}, fmt.Errorf("sample_entropy: %w", err)
	}
	return out, nil
}

// Extract fills dst [channels] from x [channels, samples]. Where a channel is flat or holds a sample that is not finite,
// the error names it.
func (s *SampleEntropy) Extract(dst []float64, x [][]float64) error {
	if err := s.shape.check(dst, x); err != nil {
		return fmt.Errorf("sample_entropy: %w", err)
	}
	for ch, row := range x {
		v := variance(row)
		if err := s.shape.usable(ch, row, v); err != nil {
			return fmt.Errorf("sample_entropy: %w", err)
		}
		a, b := matches(row, s.Order, s.Tolerance*math.Sqrt(v))
		if a == 0 { // b may be zero as well
			n := float64(len(row) - s.Order)
			dst[ch] = math.Log(n) + math.Log(n-1) - math.Ln2
			continue
		}
		dst[ch] = -math.Log(float64(a) / float64(b))
	}
	return nil
}

// matches counts the pairs of stretches of m+1 and of m samples that are alike. Stretches of m samples without a sample
// behind them do not count. For each distance of two stretches the samples are alike or not; a stretch of m alike ends
// wherever m in a row are.
func matches(x []float64, m int, tolerance float64) (longer, alike int) {
	for offset := 1; offset < len(x)-m; offset++ {
		a, b := x[:len(x)-offset], x[offset:]
		run, last := 0, 0
		for t, v := range a {
			// The sign bit of |difference| − tolerance is 1 where they are alike: no branch, which no processor could
			// foretell.
			near := int(math.Float64bits(math.Abs(v-b[t])-tolerance) >> 63)
			run = (run + 1) & -near
			longer += int(uint(m-run) >> 63) // run > m
			last = int(uint(m-1-run) >> 63)  // run ≥ m
			alike += last
		}
		alike -= last // no sample is left behind the last one
	}
	return longer, alike
}

// PermutationEntropy is the Shannon entropy of the order patterns of each channel, −Σ p·log₂ p, in bits: of the Order! ways
// in which Order samples, Delay apart, can stand in order of size, p is the share of each (Bandt and Pompe 2002,
// doi:10.1103/PhysRevLett.88.174102). Of equal samples the earlier one counts as smaller. With Normalise it is divided by
// log₂(Order!): 0 to 1.
//
// A window [channels, samples] goes in; one number per channel comes out.
type PermutationEntropy struct {
	Order     int  `json:"order" doc:"samples in a pattern, 2 to 7; the window should have many times order! samples"`
	Delay     int  `json:"delay_samples" doc:"samples from one member of a pattern to the next, at least 1"`
	Normalise bool `json:"normalise" doc:"true for entropy over its largest possible value, 0 to 1; false for bits"`

	shape  shape
	counts []int
}

// Start needs windows that hold at least two patterns. The numbers are called "<channel>.permutation_entropy".
func (p *PermutationEntropy) Start(in features.Format) (features.Format, error) {
	p.shape = shape{}
	if p.Order < 2 || p.Order > 7 {
		return features.Format{}, fmt.Errorf("permutation_entropy: order is %d, must be 2 to 7", p.Order)
	}
	if p.Delay < 1 {
		return features.Format{}, fmt.Errorf("permutation_entropy: delay_samples is %d, must be at least 1", p.Delay)
	}
	out, err := p.shape.start(in, (p.Order-1)*p.Delay+2, []string{"permutation_entropy"})
	if err != nil {
		return features.Format{}, fmt.Errorf("permutation_entropy: %w", err)
	}
	patterns := 1
	for k := 2; k <= p.Order; k++ {
		patterns *= k
	}
	p.counts = make([]int, patterns)
	return out, nil
}

// Extract fills dst [channels] from x [channels, samples]. Where a channel is flat or holds a sample that is not finite,
// the error names it.
func (p *PermutationEntropy) Extract(dst []float64, x [][]float64) error {
	if err := p.shape.check(dst, x); err != nil {
		return fmt.Errorf("permutation_entropy: %w", err)
	}
	for ch, row := range x {
		if err := p.shape.usable(ch, row, variance(row)); err != nil {
			return fmt.Errorf("permutation_entropy: %w", err)
		}
		clear(p.counts)
		total := len(row) - (p.Order-1)*p.Delay
		for t := range total {
			p.counts[p.pattern(row[t:])]++
		}
		bits := 0.0
		for _, c := range p.counts {
			if c > 0 {
				share := float64(c) / float64(total)
				bits -= share * math.Log2(share)
			}
		}
		if p.Normalise {
			bits /= math.Log2(float64(len(p.counts)))
		}
		dst[ch] = max(bits, 0) // of one pattern alone, minus zero otherwise
	}
	return nil
}

// pattern is the number of the order pattern at the start of x: how many of the later members are smaller than each, as
// digits of the factorial number system (Lehmer's code).
func (p *PermutationEntropy) pattern(x []float64) int {
	key := 0
	for i := range p.Order - 1 {
		smaller := 0
		for j := i + 1; j < p.Order; j++ {
			if x[j*p.Delay] < x[i*p.Delay] {
				smaller++
			}
		}
		key = key*(p.Order-i) + smaller
	}
	return key
}
