package decoders

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Windowed is a Fitter that reads whole windows, as networks do. Its rows are the channels of a window one behind the
// other, in µV, or whatever the steps before make of them. In a pipeline no step needs to turn windows into rows before
// it.
type Windowed interface {
	Fitter
	// SetFormat describes the windows, before Fit and SetState. What was learned about others is forgotten. It is an error
	// where the decoder cannot work on such windows: then it says which it can.
	SetFormat(in features.Format) error
}

// AsWindowed is d as a decoder of windows, if it is one. A decoder with another one inside (calibrated) reads windows
// where that one does, and says so with ReadsWindows.
func AsWindowed(d Fitter) (Windowed, bool) {
	w, ok := d.(Windowed)
	if c, asks := d.(interface{ ReadsWindows() bool }); ok && asks && !c.ReadsWindows() {
		return nil, false
	}
	return w, ok
}

// CheckWindows reports what no decoder of windows can learn from: windows x [windows][channels·samples] of another format
// than in or with values that are not finite, labels that do not belong to them, and a class without windows.
func CheckWindows(x [][]float64, y signal.Labels, in features.Format) error {
	size := len(in.Names) * in.Len
	switch {
	case in.Len == 0:
		return errors.New("does not know the format of the windows: SetFormat comes before Fit")
	case len(y.Classes) < 2:
		return fmt.Errorf("needs at least 2 classes to tell apart, got %d %q", len(y.Classes), y.Classes)
	case len(x) != len(y.Y):
		return fmt.Errorf("got %d training windows and %d labels, must be as many", len(x), len(y.Y))
	case len(x) == 0:
		return errors.New("got no training windows")
	}
	seen := make([]int, len(y.Classes))
	for i, row := range x {
		if k := y.Y[i]; k < 0 || k >= len(seen) {
			return fmt.Errorf("the label of training window %d is %d, must be from 0 to %d", i, k, len(seen)-1)
		}
		if len(row) != size {
			return fmt.Errorf("training window %d has %d values, must have %d (%v)", i, len(row), size, in)
		}
		for j, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("training window %d: sample %d of channel %s is %g, must be finite; leave the window out or repair the data", i, j%in.Len, in.Names[j/in.Len], v)
			}
		}
		seen[y.Y[i]]++
	}
	for k, n := range seen {
		if n == 0 {
			return fmt.Errorf("class %q has no training window; record some, or leave the class out", y.Classes[k])
		}
	}
	return nil
}

// HoldBack cuts the positions of training windows into those that are learned from and those that choose when to stop: the
// given part of each class, the last of it, because neighbours in time are alike. A class with fewer than 4 windows gives
// none. Where fewer than least would be held back in all, none are: so few choose by chance.
func HoldBack(y signal.Labels, part float64, least int) (learn, judge []int) {
	left := y.Counts() // as many as may still be learned from
	held := 0
	for k, n := range left {
		if n >= 4 {
			left[k] = n - int(part*float64(n))
			held += n - left[k]
		}
	}
	if held < least {
		left = y.Counts()
	}
	for i, k := range y.Y {
		if left[k] > 0 {
			learn = append(learn, i)
			left[k]--
		} else {
			judge = append(judge, i)
		}
	}
	return learn, judge
}

// SoftmaxLogits turns the logits of a network into probabilities that add up to 1 in float64.
func SoftmaxLogits(dst []float64, logits []float32) error {
	top, sum := float64(slices.Max(logits)), 0.0
	for k, v := range logits {
		dst[k] = math.Exp(float64(v) - top)
		sum += dst[k]
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return errors.New("the output of the network is not finite: the window is far from what it was trained on")
	}
	for k := range dst {
		dst[k] /= sum
	}
	return nil
}
