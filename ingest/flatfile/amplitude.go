package flatfile

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

// CheckAmplitudes lists EEG whose samples cannot be µV: a wrong scale or unit in the file. It looks at up to five seconds that
// are spread over the recording, and takes the median of the standard deviations of all channels in each.
func (s *Source) CheckAmplitudes(rec *signal.Recording) error {
	eeg := func(c signal.Channel) bool { return c.Kind == signal.EEG && c.Unit == signal.Microvolt }
	chs := rec.Info.Channels
	runs := rec.Runs()
	if !slices.ContainsFunc(chs, eeg) || len(runs) == 0 {
		return nil
	}
	second := int64(max(2, min(rec.Info.Rate, 4096, float64((1<<20)/len(chs)))))
	slab := make([][]float64, len(chs))
	x := make([][]float64, len(chs))
	var all []float64
	for p := range pieces {
		span := runs[p*len(runs)/pieces]
		n := min(second, span.Len)
		for ch := range slab {
			if int64(len(slab[ch])) < n {
				slab[ch] = make([]float64, n)
			}
			x[ch] = slab[ch][:n]
		}
		if err := rec.Data.ReadSamples(x, span.Start+(span.Len-n)*int64(p)/(pieces-1)); err != nil {
			return err
		}
		for ch, c := range chs {
			if !eeg(c) {
				continue
			}
			if d := spread(x[ch]); d > 0 && !math.IsInf(d, 0) { // leaves out NaN and channels that are flat
				all = append(all, d)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	if m := all[len(all)/2]; m < smallest || m > largest {
		s.Deviate(0, "samples", fmt.Sprintf("EEG varies by %g to %g µV within a second", smallest, float64(largest)),
			fmt.Sprintf("a median standard deviation of %.3g µV: the unit or the scale in the file is wrong by some factor", m),
			"nothing: the samples are scaled as the file says; thresholds in µV will not fit")
	}
	return nil
}

// spread is the standard deviation of x.
func spread(x []float64) float64 {
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean) / float64(len(x))
	}
	return math.Sqrt(sum)
}
