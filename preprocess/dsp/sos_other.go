//go:build !amd64

package dsp

func (s SOS) filtLanes(_, _ [][]float64, _ [][2]float64) int { panic("dsp: no lanes") }
