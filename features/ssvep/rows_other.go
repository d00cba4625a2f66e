//go:build !amd64

package ssvep

var haveLanes = false

func sumRowsAVX(_, _, _ []float64, _ int) { panic("not on this processor") }
