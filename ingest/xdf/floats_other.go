//go:build !amd64

package xdf

// haveLanes is a variable so that the tests compile everywhere.
var haveLanes = false

func floatsLanes(_ [][]float64, _ int, _ []byte, _ []int64) { panic("xdf: no lanes") }
