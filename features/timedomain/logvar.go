// Package timedomain holds features that are read off the time course of a window.
package timedomain

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
)

func init() {
	features.Register("logvar", func() features.Step { return &LogVar{} })
}

// LogVar is the natural logarithm of each channel's variance over the window, in log(µV²) where the channel is in µV:
// ln(Σ (x − mean)² / n). Behind a band-pass it is the log band power that motor imagery changes; the logarithm makes it
// nearly normal, as LDA wants it (Müller-Gerking, Pfurtscheller and Flyvbjerg 1999, doi:10.1016/S1388-2457(98)00038-8).
//
// A channel that does not change within the window has no logarithm. That is an error, never −Inf and never a floor:
// it means a lost electrode or a dead stream, and a decoder must not take it for brain activity.
type LogVar struct {
	names []string // nil before Start
	n     int
}

// Start needs windows of at least 2 samples. The numbers are called "<channel>.logvar".
func (l *LogVar) Start(in features.Format) (features.Format, error) {
	l.names = nil
	if in.Len < 2 {
		return features.Format{}, fmt.Errorf("logvar: gets %v, needs windows of at least 2 samples", in)
	}
	out := features.Format{Names: make([]string, len(in.Names))}
	for ch, name := range in.Names {
		out.Names[ch] = name + ".logvar"
	}
	l.names, l.n = slices.Clone(in.Names), in.Len
	return out, nil
}

// Extract fills dst [channels] from x [channels, samples]. Where a channel is flat or holds a sample that is not
// finite, the error names it.
func (l *LogVar) Extract(dst []float64, x [][]float64) error {
	switch {
	case l.names == nil:
		return errors.New("logvar: used before Start")
	case len(x) != len(l.names):
		return fmt.Errorf("logvar: window has %d channels, must have %d", len(x), len(l.names))
	case len(dst) != len(l.names):
		return fmt.Errorf("logvar: output has %d numbers, must have %d", len(dst), len(l.names))
	}
	for ch, row := range x {
		if len(row) != l.n {
			return fmt.Errorf("logvar: window has %d samples in channel %q, must have %d", len(row), l.names[ch], l.n)
		}
		v := variance(row)
		switch {
		case v == 0:
			return fmt.Errorf("logvar: channel %q is flat: its %d samples do not differ from %g, and the logarithm of a variance of 0 does not exist; leave the channel out or repair its electrode",
				l.names[ch], l.n, row[0])
		case math.IsNaN(v) || math.IsInf(v, 0):
			return fmt.Errorf("logvar: channel %q: variance is %g, must be finite; its samples hold NaN, infinity or values too large to square", l.names[ch], v)
		}
		dst[ch] = math.Log(v)
	}
	return nil
}

// variance is Σ (x − mean)² / n. It measures from the first sample: a constant channel gives exactly 0, and an offset
// far above the signal costs no digits. Four sums run side by side, so that none waits for the last addition.
func variance(x []float64) float64 {
	n, whole := float64(len(x)), len(x)&^3
	pivot := x[0]
	var a, b, c, d float64
	for t := 0; t < whole; t += 4 {
		v := (*[4]float64)(x[t:])
		a += v[0] - pivot
		b += v[1] - pivot
		c += v[2] - pivot
		d += v[3] - pivot
	}
	for _, v := range x[whole:] {
		a += v - pivot
	}
	mean := ((a + b) + (c + d)) / n
	a, b, c, d = 0, 0, 0, 0
	for t := 0; t < whole; t += 4 {
		v := (*[4]float64)(x[t:])
		a += square(v[0] - pivot - mean)
		b += square(v[1] - pivot - mean)
		c += square(v[2] - pivot - mean)
		d += square(v[3] - pivot - mean)
	}
	for _, v := range x[whole:] {
		a += square(v - pivot - mean)
	}
	return ((a + b) + (c + d)) / n
}

// square is v². The conversion forbids a fused product, which some machines would make of it and others not.
func square(v float64) float64 { return float64(v * v) }
