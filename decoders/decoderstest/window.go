package decoderstest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
)

// The windows that decoders of windows are tested on.
const (
	windowChannels = 4
	windowSamples  = 288
	windowRate     = 128 // Hz
	windowRhythm   = 12  // Hz, of the planted effect
)

// withFormat tells a decoder of windows what they are.
func withFormat(t *testing.T, d decoders.Fitter) decoders.Fitter {
	t.Helper()
	w, _ := decoders.AsWindowed(d)
	in := features.Format{Names: []string{"C3", "Cz", "C4", "Pz"}, Len: windowSamples, Rate: windowRate}
	if err := w.SetFormat(in); err != nil {
		t.Fatal(err)
	}
	return d
}

// window is white noise, to which a rhythm of random phase is added in channel k: the effect on its power, in units of
// what the noise has in the same band, is what strength is for rows. For a decoder that does not tell channels apart (blind)
// it is in any channel, and its frequency is that of the class.
func window(rng *rand.Rand, k int, strength float64, blind bool) []float64 {
	x := make([]float64, windowChannels*windowSamples)
	for i := range x {
		x[i] = 10 * rng.NormFloat64()
	}
	phase, freq, ch := 2*math.Pi*rng.Float64(), float64(windowRhythm), k
	if blind {
		freq, ch = []float64{4, 9, 16, 28}[k], rng.IntN(windowChannels)
	}
	for t := range windowSamples {
		x[ch*windowSamples+t] += 4 * strength * math.Sin(2*math.Pi*freq*float64(t)/windowRate+phase)
	}
	return x
}
