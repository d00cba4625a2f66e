//go:build !amd64

package edf

// haveLanes is a variable so that the tests compile everywhere.
var haveLanes = false

func integers16AVX(_ *float64, _ *byte, _ int, _, _ float64) { panic("edf: no lanes") }

func integers16Past(_ *float64, _ *byte, _ int, _, _ float64, _, _ int) { panic("edf: no lanes") }
