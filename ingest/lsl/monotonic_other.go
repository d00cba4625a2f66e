//go:build !linux

package lsl

// monotonic starts at 0 with the process: the offset between processes is measured like that between machines.
func monotonic() float64 { return 0 }
