// Package spectral holds features of the power spectrum of a window, channel by channel.
//
// Spectra are one-sided densities in µV²/Hz where channels are in µV, by Welch's method or with multiple tapers. The mean
// is taken out first. A channel that does not change within the window, or holds a sample that is not finite, is an error
// that names it: it means a lost electrode or a dead stream, never brain activity.
package spectral

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// The names of the two ways to estimate a spectrum.
const (
	methodWelch      = "welch"
	methodMultitaper = "multitaper"
)

// shape is what a step was started for.
type shape struct {
	step  string
	names []string // of the channels; nil before Start
	n     int      // samples
	out   int      // numbers per channel
}

// start takes down the input and names the output: every channel's name with every ending.
func (s *shape) start(in features.Format, endings []string) features.Format {
	s.names, s.n, s.out = slices.Clone(in.Names), in.Len, len(endings)
	var out features.Format
	for _, name := range in.Names {
		for _, e := range endings {
			out.Names = append(out.Names, name+"."+e)
		}
	}
	return out
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

// estimator makes spectra of windows of one length.
type estimator struct {
	psd   []float64 // of the channel at hand, all bins
	total float64   // its sum

	df    float64 // Hz between bins
	welch *dsp.WelchPlan
	taper *dsp.MultitaperPlan
	ww    *dsp.WelchWork
	tw    *dsp.MultitaperWork
}

// newEstimator checks the parameters that steps share: method; segment_s (Welch, 0 means the whole window);
// bandwidth_hz (multitaper, 0 means a time-halfbandwidth product of 4).
func newEstimator(in features.Format, method string, segment, bandwidth float64) (*estimator, error) {
	if in.Len < 2 || len(in.Names) == 0 {
		return nil, fmt.Errorf("gets %v, needs windows of at least 2 samples", in)
	}
	if !(in.Rate > 0) || math.IsInf(in.Rate, 0) {
		return nil, fmt.Errorf("sampling rate is %g Hz, must be above 0 and finite", in.Rate)
	}
	length := float64(in.Len) / in.Rate
	e := &estimator{}
	switch method {
	case methodWelch:
		n := in.Len
		if segment != 0 {
			n = int(math.Round(segment * in.Rate))
			if !(segment > 0) || n < 2 || n > in.Len {
				return nil, fmt.Errorf("segment_s is %g, must be at least %g (2 samples) and at most %g (the window); 0 means the whole window", segment, 2/in.Rate, length)
			}
		}
		e.welch = dsp.NewWelchPlan(in.Rate, dsp.WelchOptions{SegLen: n})
		e.ww, e.psd, e.df = e.welch.NewWork(), make([]float64, e.welch.Bins()), e.welch.Freq(1)
	case methodMultitaper:
		nw := 4.0
		if bandwidth != 0 {
			nw = bandwidth * length / 2
		}
		if !(nw >= 0.5 && nw < float64(in.Len)/2) {
			return nil, fmt.Errorf("bandwidth_hz is %g, must be at least %g (one over the window's %g s) and below %g (the sampling rate); 0 means %g",
				bandwidth, 1/length, length, in.Rate, 8/length)
		}
		e.taper = dsp.NewMultitaperPlan(in.Len, in.Rate, nw)
		e.tw, e.psd, e.df = e.taper.NewWork(), make([]float64, e.taper.Bins()), e.taper.Freq(1)
	default:
		return nil, fmt.Errorf("method is %q, must be %q or %q", method, methodWelch, methodMultitaper)
	}
	return e, nil
}

// spectrum fills psd and total from one channel.
func (e *estimator) spectrum(x []float64, name string) error {
	if e.welch != nil {
		e.welch.PSD(e.psd, x, e.ww)
	} else {
		e.taper.PSD(e.psd, x, e.tw)
	}
	e.total = 0
	for _, v := range e.psd {
		e.total += v
	}
	switch {
	case math.IsNaN(e.total) || math.IsInf(e.total, 0):
		return fmt.Errorf("channel %q: its spectrum is not finite; its samples hold NaN, infinity or values too large to square", name)
	case e.total == 0:
		return fmt.Errorf("channel %q is flat: its %d samples do not differ from %g, and there is no spectrum; leave the channel out or repair its electrode", name, len(x), x[0])
	}
	return nil
}

// bins are those of the band from low up to, not including, high Hz. It is an error where there is none.
func (e *estimator) bins(low, high float64) (first, end int, err error) {
	at := func(hz float64) int { return min(int(math.Ceil(hz/e.df-1e-9)), len(e.psd)) } // an edge on a bin is that bin
	first, end = at(low), at(high)
	if first >= end {
		return 0, 0, fmt.Errorf("no bin of the spectrum, which has one every %g Hz, lies from %g up to %g Hz; take a wider band, or longer windows or segments", e.df, low, high)
	}
	return first, end, nil
}

// closedBins are those from low to high Hz, both edges included; high 0 means half the sampling rate.
func (e *estimator) closedBins(low, high float64) (first, end int, err error) {
	nyquist := e.df * float64(len(e.psd)-1)
	if high == 0 {
		high = nyquist
	}
	if !(low >= 0 && low < high && high <= nyquist+e.df) {
		return 0, 0, fmt.Errorf("low_hz is %g and high_hz %g, must rise and lie between 0 and %g Hz (half the sampling rate)", low, high, nyquist)
	}
	return e.bins(low, high+2e-9*e.df)
}

func (e *estimator) sum(first, end int) float64 {
	sum := 0.0
	for _, v := range e.psd[first:end] {
		sum += v
	}
	return sum
}
