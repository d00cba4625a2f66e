//go:build !amd64

package csp

// haveLanes is a variable so that the tests compile everywhere.
var haveLanes = false

func projectLanes(_, _, _ [][]float64, _, _ int) { panic("csp: no lanes") }
