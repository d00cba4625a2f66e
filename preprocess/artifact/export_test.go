package artifact

import (
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// What tests compare with other programs, part by part.
var (
	ShapingFilter   = shapingFilter
	FitAmplitudes   = fitAmplitudes
	CleanSamples    = cleanSamples
	GeometricMedian = geometricMedian
)

// MedianTol is where the step ends the search for the geometric median.
const MedianTol = medianTol

// FilterAsLeft gives the shaping filter the memory that it has at the end of the training signal x: asr_calibrate hands
// it on to asr_process.
func (s *ASR) FilterAsLeft(runs []signal.Chunk) error {
	x, err := gather("asr", runs, s.idx)
	if err != nil {
		return err
	}
	for ch := range x {
		s.run.filter.filt(ch, make([]float64, len(x[ch])), x[ch])
	}
	return nil
}

// Losses is the loss of every threshold that AutoReject tries on the channels of group.
func Losses(ws []signal.Window, group []int, folds int, strict bool) (candidates, losses []float64) {
	var x [][][]float64
	for _, w := range ws {
		x = append(x, w.X)
	}
	heights := make([]float64, len(x))
	for i := range x {
		for _, k := range group {
			heights[i] = max(heights[i], peakToPeak(x[i][k]))
		}
	}
	candidates = slices.Compact(slices.Sorted(slices.Values(heights)))
	return candidates, thresholdLosses(x, group, folds, strict, heights, candidates)
}

// RansacCorrelations, LowPass50, Smooth, DeviationScores, NoiseScores and Closest are the parts of BadChannels.
var (
	RansacCorrelations = ransacCorrelations
	LowPass50          = lowPass50
	Smooth             = smooth
	DeviationScores    = deviationScores
	NoiseScores        = noiseScores
	Closest            = closest
)
