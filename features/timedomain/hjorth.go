package timedomain

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("hjorth", func() features.Step { return &Hjorth{} })
	features.Register("line_length", func() features.Step { return &LineLength{} })
}

// Hjorth is Hjorth's three descriptors of each channel (1970, doi:10.1016/0013-4694(70)90143-4), with x' the
// differences of neighbouring samples times the sampling rate:
//
//	activity    var(x), in µV² where the channel is in µV
//	mobility    √(var(x')/var(x)), in 1/s: 2π times the frequency of a slow sine
//	complexity  mobility(x')/mobility(x), without unit: 1 for a sine, more for what is broader
//
// Variances divide by the number of values.
//
// A window [channels, samples] goes in; 3 numbers per channel come out.
type Hjorth struct {
	shape shape
	rate  float64
	row   []float64
}

// Start needs windows of at least 4 samples. The numbers are called "<channel>.activity", ".mobility", ".complexity".
func (h *Hjorth) Start(in features.Format) (features.Format, error) {
	h.shape = shape{}
	if !(in.Rate > 0) || math.IsInf(in.Rate, 0) {
		return features.Format{}, fmt.Errorf("hjorth: sampling rate is %g Hz, must be above 0 and finite", in.Rate)
	}
	out, err := h.shape.start(in, 4, []string{"activity", "mobility", "complexity"})
	if err != nil {
		return features.Format{}, fmt.Errorf("hjorth: %w", err)
	}
	h.rate, h.row = in.Rate, make([]float64, in.Len)
	return out, nil
}

// Extract fills dst [channels × 3] from x [channels, samples]. Where a channel is flat, a straight line or holds a sample
// that is not finite, the error names it.
func (h *Hjorth) Extract(dst []float64, x [][]float64) error {
	if err := h.shape.check(dst, x); err != nil {
		return fmt.Errorf("hjorth: %w", err)
	}
	for ch, row := range x {
		v0 := variance(row)
		if err := h.shape.usable(ch, row, v0); err != nil {
			return fmt.Errorf("hjorth: %w", err)
		}
		d := h.row[:len(row)-1]
		for t := range d {
			d[t] = row[t+1] - row[t]
		}
		v1 := variance(d)
		for t := range d[1:] {
			d[t] = d[t+1] - d[t]
		}
		v2 := variance(d[:len(d)-1])
		mobility := math.Sqrt(v1 / v0)
		complexity := math.Sqrt(v2/v1) / mobility
		if !(complexity >= 0) || math.IsInf(complexity, 0) {
			return fmt.Errorf("hjorth: channel %q is a straight line or too small to square: its complexity does not exist; leave the channel out or repair its electrode", h.shape.names[ch])
		}
		dst[3*ch], dst[3*ch+1], dst[3*ch+2] = v0, mobility*h.rate, complexity
	}
	return nil
}

// LineLength is the mean absolute difference of neighbouring samples of each channel, in its unit: Σ|x[t]−x[t−1]|/(n−1). It
// rises with amplitude and frequency, as seizures do (Esteller et al. 2001, doi:10.1109/IEMBS.2001.1020545).
type LineLength struct{ shape shape }

// Start needs windows of at least 2 samples. The numbers are called "<channel>.line_length".
func (l *LineLength) Start(in features.Format) (features.Format, error) {
	out, err := l.shape.start(in, 2, []string{"line_length"})
	if err != nil {
		return features.Format{}, fmt.Errorf("line_length: %w", err)
	}
	return out, nil
}

// Extract fills dst [channels] from x [channels, samples]. Where a channel is flat or holds a sample that is not finite,
// the error names it.
func (l *LineLength) Extract(dst []float64, x [][]float64) error {
	if err := l.shape.check(dst, x); err != nil {
		return fmt.Errorf("line_length: %w", err)
	}
	for ch, row := range x {
		sum, last := 0.0, row[0]
		for _, v := range row[1:] {
			sum += math.Abs(v - last)
			last = v
		}
		if err := l.shape.usable(ch, row, sum); err != nil { // zero and not finite when the variance is
			return fmt.Errorf("line_length: %w", err)
		}
		dst[ch] = sum / float64(len(row)-1)
	}
	return nil
}
