package artifact

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// windowStarts is where windows of n samples start that overlap by 66 %, among samples of them: MATLAB's
// round(1:N*(1-overlap):S-N), from 0.
func windowStarts(samples int, n float64) []int {
	var starts []int
	for k := 0; ; k++ {
		at := 1 + float64(k)*(n*(1-windowOverlap))
		if at > float64(samples)-n+1e-9 {
			return starts
		}
		starts = append(starts, int(math.Round(at))-1)
	}
}

// rootMeanSquares of the windows of n samples of x.
func rootMeanSquares(x []float64, starts []int, n int) []float64 {
	out := make([]float64, len(starts))
	for i, s := range starts {
		sum := 0.0
		for _, v := range x[s : s+n] {
			sum += float64(v * v)
		}
		out[i] = math.Sqrt(sum / float64(n))
	}
	return out
}

// cleanSamples keeps the parts of x [channel][sample] that are fit to calibrate on, as clean_windows of clean_rawdata
// does: windows of 1 s in which at most maxBad of the channels have a power further from their clean EEG than low or
// high standard deviations. Every sample of another window is left out.
func cleanSamples(x [][]float64, rate, maxBad, low, high float64) [][]float64 {
	n := int(math.Round(rate))
	starts := windowStarts(len(x[0]), rate)
	if len(starts) < minWindows {
		return x
	}
	z := make([][]float64, len(starts)) // [window][channel]
	for i := range z {
		z[i] = make([]float64, len(x))
	}
	for ch := range x {
		rms := rootMeanSquares(x[ch], starts, n)
		mu, sigma := fitAmplitudes(rms)
		for i, v := range rms {
			if v != mu { // a flat channel is neither too weak nor too strong
				z[i][ch] = (v - mu) / sigma
			}
		}
	}
	bad := int(math.Round(maxBad * float64(len(x))))
	keep := slices.Repeat([]bool{true}, len(x[0]))
	for i, s := range starts {
		slices.Sort(z[i])
		if z[i][max(len(x)-1-bad, 0)] > high || z[i][min(bad, len(x)-1)] < low {
			for t := s; t < s+n; t++ {
				keep[t] = false
			}
		}
	}
	return pickSamples(x, keep)
}

// pickSamples is x without the samples that are not kept.
func pickSamples(x [][]float64, keep []bool) [][]float64 {
	if !slices.Contains(keep, false) {
		return x
	}
	out := make([][]float64, len(x))
	for ch := range x {
		out[ch] = make([]float64, 0, len(x[ch]))
		for t, v := range x[ch] {
			if keep[t] {
				out[ch] = append(out[ch], v)
			}
		}
	}
	return out
}

// gather is the chosen channels of all runs, one behind the other, without the samples where one of them is not finite.
func gather(step string, runs []signal.Chunk, idx []int) ([][]float64, error) {
	total := 0
	for _, r := range runs {
		total += r.Len()
	}
	x := make([][]float64, len(idx))
	keep := slices.Repeat([]bool{true}, total)
	for i, ch := range idx {
		x[i] = make([]float64, 0, total)
		for _, r := range runs {
			x[i] = append(x[i], r.X[ch]...)
		}
		bad := 0
		for t, v := range x[i] {
			if !finite(v) {
				keep[t] = false
				bad++
			}
		}
		if bad == total {
			return nil, fmt.Errorf("%s: channel %s has no finite sample in the training signal: leave it out", step, runs[0].Info.Channels[ch].Name)
		}
	}
	return pickSamples(x, keep), nil
}
