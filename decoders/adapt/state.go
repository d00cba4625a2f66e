package adapt

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Save is what the head has learned, exact, for a later session or for decoding: a [classes, size, size], b and theta
// [classes, size] (see model), mean and scale [width] of the features where they are settled, and counts: the updates, and
// 1 where the head decides. What waits for feedback is not in it.
func (h *Head) Save() signal.State {
	size := len(h.phi)
	decides := 0.0
	if h.decides {
		decides = 1
	}
	s := signal.State{
		"a":      signal.NewArray(slices.Concat(h.m.a...), h.classes, size, size),
		"b":      signal.NewArray(slices.Concat(h.m.b...), h.classes, size),
		"theta":  signal.NewArray(slices.Concat(h.m.theta...), h.classes, size),
		"counts": signal.NewArray([]float64{float64(h.Updates()), decides}, 2),
	}
	if h.mean != nil {
		s["mean"], s["scale"] = signal.NewArray(slices.Clone(h.mean), h.width), signal.NewArray(slices.Clone(h.scale), h.width)
	}
	return s
}

// Resume is a head that goes on where the one that gave s with Save stopped, to the bit. It has one snapshot, of what it
// begins with; Reset goes back to the running decoder.
func Resume(opt Options, classes, width int, s signal.State) (*Head, error) {
	h, err := New(opt, classes, width)
	if err != nil {
		return nil, err
	}
	if err := h.load(s); err != nil {
		return nil, fmt.Errorf("adapt: %w", err)
	}
	h.snaps = []snapshot{h.snapshot()}
	return h, nil
}

func (h *Head) load(s signal.State) error {
	size := len(h.phi)
	known := 0
	get := func(dst [][]float64, name string, shape ...int) error {
		a, err := s.Get(name, shape...)
		if err != nil {
			return err
		}
		if !finite(a.Data) {
			return fmt.Errorf("array %q has a number that is not finite", name)
		}
		for k, n := 0, len(a.Data)/len(dst); k < len(dst); k++ {
			dst[k] = slices.Clone(a.Data[k*n : (k+1)*n])
		}
		known++
		return nil
	}
	counts, settled := make([][]float64, 1), make([][]float64, 2)
	err := errors.Join(get(h.m.a, "a", h.classes, size, size), get(h.m.b, "b", h.classes, size), get(h.m.theta, "theta", h.classes, size), get(counts, "counts", 2))
	if _, ok := s["mean"]; ok && err == nil {
		err = errors.Join(get(settled[:1], "mean", h.width), get(settled[1:], "scale", h.width))
		h.mean, h.scale = settled[0], settled[1]
	}
	if err != nil {
		return err
	}
	if len(s) != known {
		return fmt.Errorf("there are %d arrays, must be %d", len(s), known)
	}
	n, decides := counts[0][0], counts[0][1]
	if !(n >= 0 && n <= math.MaxInt32) || n != math.Trunc(n) || decides != 0 && decides != 1 {
		return fmt.Errorf("array %q is %v, must be a count of updates and 0 or 1", "counts", counts[0])
	}
	h.learned, h.decides = int(n), decides == 1
	if h.decides && h.state == Shadow {
		h.state = Live
	}
	return nil
}
