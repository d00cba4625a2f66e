//go:build !linux

package main

import "time"

var began = time.Now()

// cpuTime is the time of the wall, where the clock of a thread is not to be had.
func cpuTime() time.Duration { return time.Since(began) }

// pin does nothing, where it is not known how.
func pin(bool) {}
