package fif

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// What EEG from the scalp varies by within a second, in µV, with ample room on both sides.
const (
	smallest = 0.1
	largest  = 1000
	pieces   = 5
)

// checkAmplitudes lists EEG whose samples cannot be µV: a wrong calibration or unit in the file. It looks at five seconds
// spread over the recording, and takes the median of the standard deviations of all channels in each.
func (r *reader) checkAmplitudes(rate float64) error {
	var pick []int
	for i, c := range r.chans {
		if c.Kind == signal.EEG && c.Unit == signal.Microvolt {
			pick = append(pick, i)
		}
	}
	if len(pick) == 0 {
		return nil
	}
	second := int64(max(2, min(rate, 4096)))
	slab := make([][]float64, len(pick))
	x := make([][]float64, len(pick))
	var all []float64
	for p := range pieces {
		span := r.spans[p*len(r.spans)/pieces]
		n := min(second, span.Len)
		at := span.Start + (span.Len-n)*int64(p)/(pieces-1)
		for i := range slab {
			if int64(len(slab[i])) < n {
				slab[i] = make([]float64, n)
			}
			x[i] = slab[i][:n]
		}
		if err := r.read(x, pick, at); err != nil {
			return err
		}
		for _, row := range x {
			if d := deviation(row); d > 0 && !math.IsInf(d, 0) { // leaves out NaN and channels that are flat
				all = append(all, d)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	if m := all[len(all)/2]; m < smallest || m > largest {
		r.src.deviate(r.list[0].at, "samples", fmt.Sprintf("EEG in V, which varies by %g to %g µV within a second", smallest, float64(largest)),
			fmt.Sprintf("a median standard deviation of %.3g µV in %d channels: the unit or the calibration in the file is wrong by some factor", m, len(pick)),
			"nothing: the samples are scaled as the file says; thresholds in µV will not fit")
	}
	return nil
}

// deviation is the standard deviation of x.
func deviation(x []float64) float64 {
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	sum := 0.0
	for _, v := range x {
		sum += (v - mean) * (v - mean) / float64(len(x))
	}
	return math.Sqrt(sum)
}
