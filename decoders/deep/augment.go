package deep

import (
	"maps"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// augment changes the windows of one step, x [n][channels × samples], their targets y [n][classes], and their weights w [n],
// nil for 1 each.
type augment func(rng *rand.Rand, x, y, w []float32, channels, samples int)

// augmentations by the names that a pipeline file uses. Each one leaves part of the windows as they are.
var augmentations = map[string]augment{
	"time_shift":   timeShift,
	"channel_drop": channelDrop,
	"noise":        addNoise,
	"surrogate":    surrogate,
	"mixup":        mixup,
}

// augmentation is the named changes, one behind the other; nil for none.
func augmentation(names []string, channels, samples int) (func(rng *rand.Rand, x, y, w []float32), error) {
	var list []augment
	for _, name := range names {
		a, ok := augmentations[name]
		if !ok {
			return nil, &registry.UnknownError{What: "augmentation", Name: name, Known: slices.Sorted(maps.Keys(augmentations))}
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, nil //nolint:nilnil // no change is the value nil
	}
	return func(rng *rand.Rand, x, y, w []float32) {
		for _, a := range list {
			a(rng, x, y, w, channels, samples)
		}
	}, nil
}

// half calls do for each window of a batch with the probability 0.5.
func half(rng *rand.Rand, x []float32, size int, do func(w []float32)) {
	for lo := 0; lo < len(x); lo += size {
		if rng.Float64() < 0.5 {
			do(x[lo : lo+size])
		}
	}
}

// timeShift moves half of the windows by up to 5 % of their length; what falls out at one end is repeated, mirrored, at
// the other.
func timeShift(rng *rand.Rand, x, _, _ []float32, channels, samples int) {
	far := samples / 20
	if far == 0 {
		return
	}
	row := make([]float32, samples)
	half(rng, x, channels*samples, func(w []float32) {
		by := rng.IntN(2*far+1) - far
		for ch := range channels {
			src := w[ch*samples : (ch+1)*samples]
			copy(row, src)
			for t := range src {
				from := t - by
				if from < 0 {
					from = -from - 1
				}
				if from >= samples {
					from = 2*samples - 1 - from
				}
				src[t] = row[from]
			}
		}
	})
}

// channelDrop sets each channel of half of the windows to zero with the probability 0.1.
func channelDrop(rng *rand.Rand, x, _, _ []float32, channels, samples int) {
	half(rng, x, channels*samples, func(w []float32) {
		for ch := range channels {
			if rng.Float64() < 0.1 {
				clear(w[ch*samples : (ch+1)*samples])
			}
		}
	})
}

// addNoise adds white noise of a tenth of a standard deviation to half of the windows: channels are standardised.
func addNoise(rng *rand.Rand, x, _, _ []float32, channels, samples int) {
	half(rng, x, channels*samples, func(w []float32) {
		for i := range w {
			w[i] += float32(0.1 * rng.NormFloat64())
		}
	})
}

// surrogate turns the phases of the spectrum of half of the windows by random angles of up to a quarter of a turn, the same
// in all channels, so that power and the relations between channels stay (Schwabedal et al. 2018, arXiv:1806.08675).
func surrogate(rng *rand.Rand, x, _, _ []float32, channels, samples int) {
	fft := fourier.NewFFT(samples)
	row, turn := make([]float64, samples), make([]complex128, samples/2+1)
	spec := make([]complex128, samples/2+1)
	half(rng, x, channels*samples, func(w []float32) {
		for k := range turn {
			turn[k] = cmplx.Rect(1, (2*rng.Float64()-1)*math.Pi/2)
		}
		turn[0] = 1
		if samples%2 == 0 {
			turn[samples/2] = 1
		}
		for ch := range channels {
			src := w[ch*samples : (ch+1)*samples]
			for t, v := range src {
				row[t] = float64(v)
			}
			fft.Coefficients(spec, row)
			for k := range spec {
				spec[k] *= turn[k]
			}
			fft.Sequence(row, spec)
			for t := range src {
				src[t] = float32(row[t] / float64(samples))
			}
		}
	})
}

// mixup replaces each window, and its target, by a weighted mean with another one of the step; the weight is drawn from
// Beta(0.2, 0.2) (Zhang et al. 2018, arXiv:1710.09412). Where windows have weights, those of the classes, each of the two
// takes its own along: the loss is what the two targets would have given, each with its weight.
func mixup(rng *rand.Rand, x, y, w []float32, channels, samples int) {
	size := channels * samples
	n := len(x) / size
	classes := len(y) / n
	oldX, oldY := append([]float32(nil), x...), append([]float32(nil), y...)
	oldW := append([]float32(nil), w...)
	for i, j := range rng.Perm(n) {
		a := float32(beta(rng, 0.2))
		for k := range size {
			x[i*size+k] = a*oldX[i*size+k] + (1-a)*oldX[j*size+k]
		}
		own, other := a, 1-a // shares of the targets
		if w != nil {
			w[i] = a*oldW[i] + (1-a)*oldW[j]
			if w[i] == 0 {
				continue // nothing of it counts
			}
			own, other = a*oldW[i]/w[i], (1-a)*oldW[j]/w[i]
		}
		for k := range classes {
			y[i*classes+k] = own*oldY[i*classes+k] + other*oldY[j*classes+k]
		}
	}
}

// beta draws from Beta(a, a), a < 1, by Jöhnk's method (1964, doi:10.1007/BF02613706).
func beta(rng *rand.Rand, a float64) float64 {
	for {
		u, v := math.Pow(rng.Float64(), 1/a), math.Pow(rng.Float64(), 1/a)
		if s := u + v; s > 0 && s <= 1 {
			return u / s
		}
	}
}
