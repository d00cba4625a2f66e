package lsl

import "time"

// LSL's clock is any monotonic clock, in seconds. Processes of one machine that use the same one need no correction; on
// Linux all use CLOCK_MONOTONIC. clockBase is where it stood at clockAt.
var (
	clockAt   = time.Now()
	clockBase = monotonic()
)

// LocalClock is the time on this machine's LSL clock, in seconds.
func LocalClock() float64 { return clockOf(time.Now()) }

// clockOf is t, which must come from time.Now in this process, on the LSL clock.
func clockOf(t time.Time) float64 { return clockBase + t.Sub(clockAt).Seconds() }

// Wall is a time on this machine's LSL clock in nanoseconds since 1970. It is the wall clock at the start of the process
// plus monotonic time, so that it never jumps.
func Wall(local float64) int64 {
	return clockAt.UnixNano() + int64((local-clockBase)*1e9)
}

// Stamp is the inverse of Wall.
func Stamp(wall int64) float64 {
	return clockBase + float64(wall-clockAt.UnixNano())/1e9
}
