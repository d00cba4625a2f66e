package units

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
	slabMax  = 1 << 18 // numbers read at once
)

const amplitudeWhere = "samples: amplitude"

// Implausible says where the EEG of rec cannot be µV: a wrong calibration or unit in the source. It looks at five seconds
// spread over the recording, and takes the median of the standard deviations of all EEG channels in each; channels that
// are flat are left out. nil says that nothing was found, also where there is no EEG.
func Implausible(rec *signal.Recording) (*signal.Deviation, error) {
	m, channels, err := deviation(rec, signal.EEG)
	if err != nil || channels == 0 || m >= smallest && m <= largest {
		return nil, err
	}
	return &signal.Deviation{
		Where: amplitudeWhere, Rule: fmt.Sprintf("EEG varies by %g to %g µV within a second", smallest, float64(largest)),
		Found:   fmt.Sprintf("a median standard deviation of %.3g µV in %d channels: the unit or the calibration in the file is wrong by some factor", m, channels),
		Assumed: "nothing: the samples are scaled as the file says; thresholds in µV will not fit",
	}, nil
}

// deviation is the median standard deviation of the channels of some kinds, and how many there are.
func deviation(rec *signal.Recording, kinds ...signal.Kind) (median float64, channels int, err error) {
	var pick []int
	for ch, c := range rec.Info.Channels {
		if slices.Contains(kinds, c.Kind) && c.Unit == signal.Microvolt {
			pick = append(pick, ch)
		}
	}
	runs := slices.DeleteFunc(slices.Clone(rec.Runs()), func(s signal.Span) bool { return s.Len == 0 })
	if len(pick) == 0 || len(runs) == 0 {
		return 0, 0, nil
	}
	second := max(2, min(int64(rec.Info.Rate), int64(slabMax/len(rec.Info.Channels))))
	var all []float64
	var buf signal.Buffer
	for p := range int64(pieces) {
		run := runs[int(p)*len(runs)/pieces]
		n := min(second, run.Len)
		at := run.Start + (run.Len-n)*p/(pieces-1)
		c := buf.Chunk(rec.Info, at, int(n))
		if err := rec.Data.ReadSamples(c.X, at); err != nil {
			return 0, 0, err
		}
		for _, ch := range pick {
			if d := standard(c.X[ch]); d > 0 && !math.IsInf(d, 0) { // leaves out NaN and channels that are flat
				all = append(all, d)
			}
		}
	}
	if len(all) == 0 {
		return 0, 0, nil
	}
	slices.Sort(all)
	return all[len(all)/2], len(pick), nil
}

// standard is the standard deviation of x.
func standard(x []float64) float64 {
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
