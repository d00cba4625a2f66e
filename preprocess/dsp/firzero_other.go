//go:build !amd64

package dsp

func (f *ZeroPhaseFIR) lanes(_, _ []float64) { panic("dsp: no lanes") }
