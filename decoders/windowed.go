package decoders

import "github.com/gyrus-bci/gyrus/features"

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
