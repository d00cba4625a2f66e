package segment

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The ways to take the trend out of a window.
const (
	detrendNone     = "none"
	detrendConstant = "constant"
	detrendLinear   = "linear"
)

// checkDetrend reports a way that does not exist; "" is none.
func checkDetrend(step, how string) error {
	switch how {
	case "", detrendNone, detrendConstant, detrendLinear:
		return nil
	}
	return fmt.Errorf("%s: detrend: %w", step, &registry.UnknownError{
		What: "trend", Name: how, Known: []string{detrendNone, detrendConstant, detrendLinear},
	})
}

// voltages says which channels have a level that means nothing: all but triggers and what is not a voltage. Like MNE,
// the others are left as they are.
func voltages(in *signal.Info) []bool {
	v := make([]bool, len(in.Channels))
	for ch, c := range in.Channels {
		v[ch] = c.Kind != signal.Trigger && c.Kind != signal.Misc
	}
	return v
}

// scratch is memory for windows that differ from the stream, used again for those of the next chunk.
type scratch struct {
	slab []float64
	used int
}

func (s *scratch) reset() { s.used = 0 }

// own gives w, which is lent from the history, samples of its own. Where the memory is too short, windows that have
// already been lent keep the old one.
func (s *scratch) own(w *signal.Window) {
	need := len(w.X) * w.Len()
	if len(s.slab)-s.used < need {
		s.slab, s.used = make([]float64, max(2*len(s.slab), need)), 0
	}
	for ch, x := range w.X {
		y := s.slab[s.used : s.used+len(x) : s.used+len(x)]
		copy(y, x)
		w.X[ch], s.used = y, s.used+len(x)
	}
}

// detrend takes the mean of x from it, or the straight line that fits it best. The sums run from the first sample to the
// last and depend on nothing else.
func detrend(x []float64, how string) {
	if how != detrendConstant && how != detrendLinear {
		return
	}
	// Measured from the first sample: an offset of a million times the signal costs no digits.
	pivot, n := x[0], float64(len(x))
	middle := (n - 1) / 2
	var sum, cross float64
	for t, v := range x {
		sum += v - pivot
		cross += float64((float64(t) - middle) * (v - pivot))
	}
	mean, slope := sum/n, 0.0
	if how == detrendLinear && len(x) > 1 {
		slope = cross / (n * (n*n - 1) / 12) // Σ (t − middle)²
	}
	for t, v := range x {
		x[t] = (v - pivot) - (mean + float64(slope*(float64(t)-middle)))
	}
}

// shift adds d to every sample.
func shift(x []float64, d float64) {
	for t := range x {
		x[t] += d
	}
}

// mean of x, measured from its first sample.
func mean(x []float64) float64 {
	pivot, sum := x[0], 0.0
	for _, v := range x {
		sum += v - pivot
	}
	return pivot + sum/float64(len(x))
}
