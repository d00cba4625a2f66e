//go:build !amd64

package dsp

func sumRowsAVX(_, _, _ []float64, _ int) { panic("dsp: no lanes") }
