package timedomain

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
)

// shape is what a step was started for.
type shape struct {
	names []string // of the channels; nil before Start
	n     int      // samples
	out   int      // numbers per channel
}

// start takes down the input and names the output: every channel's name with every ending.
func (s *shape) start(in features.Format, least int, endings []string) (features.Format, error) {
	*s = shape{}
	if in.Len < least || len(in.Names) == 0 {
		return features.Format{}, fmt.Errorf("gets %v, needs windows of at least %d samples", in, least)
	}
	s.names, s.n, s.out = slices.Clone(in.Names), in.Len, len(endings)
	var out features.Format
	for _, name := range in.Names {
		for _, e := range endings {
			out.Names = append(out.Names, name+"."+e)
		}
	}
	return out, nil
}

func (s *shape) check(dst []float64, x [][]float64) error {
	switch {
	case s.names == nil:
		return errors.New("used before Start")
	case len(x) != len(s.names):
		return fmt.Errorf("window has %d channels, must have %d", len(x), len(s.names))
	case len(dst) != len(s.names)*s.out:
		return fmt.Errorf("output has %d numbers, must have %d", len(dst), len(s.names)*s.out)
	}
	for ch, row := range x {
		if len(row) != s.n {
			return fmt.Errorf("window has %d samples in channel %q, must have %d", len(row), s.names[ch], s.n)
		}
	}
	return nil
}

// usable says what is wrong with channel ch, whose variance is v: a lost electrode, a dead stream or a bad sample must
// not be taken for brain activity.
func (s *shape) usable(ch int, row []float64, v float64) error {
	switch {
	case v == 0:
		return fmt.Errorf("channel %q is flat: its %d samples do not differ from %g; leave the channel out or repair its electrode", s.names[ch], len(row), row[0])
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Errorf("channel %q: variance is %g, must be finite; its samples hold NaN, infinity or values too large to square", s.names[ch], v)
	}
	return nil
}

// centre writes x without its mean to dst and returns the mean. It measures from the first sample: a constant channel
// gives zeros.
func centre(dst, x []float64) (mean float64) {
	pivot, sum := x[0], 0.0
	for _, v := range x {
		sum += v - pivot
	}
	mean = sum / float64(len(x))
	for t, v := range x {
		dst[t] = v - pivot - mean
	}
	return pivot + mean
}
